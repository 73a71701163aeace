//! How a fence and its owner travel in an HTTP request.

use std::{fmt::Write, sync::Arc};

use entourage_core::{Fence, Realm, Scope};
use http::{HeaderMap, HeaderName, HeaderValue};

/// The fence: `<realm>;<scope>;<epoch>`.
///
/// The realm is 32 lower-case hexadecimal digits; the scope is of 1 to 256 bytes of UTF-8, of
/// which all but letters, digits and `-._~` are percent-encoded with upper-case digits; the
/// epoch is decimal without leading zeros.
pub const FENCE: HeaderName = HeaderName::from_static("entourage-fence");

/// The owner's identity: 1 to 256 bytes of UTF-8, percent-encoded like the scope of [`FENCE`].
pub const OWNER: HeaderName = HeaderName::from_static("entourage-owner");

/// With the value `1` beside a fence: close the resource to former owners, and do nothing else.
pub const SEAL: HeaderName = HeaderName::from_static("entourage-seal");

const MAX_BYTES: usize = 256;

/// A fence with the identity of its owner, as both travel with a request.
///
/// Made once per acquisition: a clone shares the encoded headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    fence: Fence,
    owner: Arc<str>,
    fence_value: HeaderValue,
    owner_value: HeaderValue,
}

impl Stamp {
    /// A stamp of this owner's.
    ///
    /// # Errors
    /// [`Malformed`] for a scope or owner that is empty or of more than 256 bytes.
    pub fn new(fence: Fence, owner: impl Into<Arc<str>>) -> Result<Self, Malformed> {
        let owner = owner.into();
        fits(&FENCE, fence.scope().as_str())?;
        fits(&OWNER, &owner)?;
        let mut encoded = String::new();
        encode(&owner, &mut encoded);
        let value = |text| HeaderValue::try_from(text).expect("what is encoded is printable ASCII");
        Ok(Self { fence_value: value(encode_fence(&fence)), owner_value: value(encoded), fence, owner })
    }

    /// The fence.
    #[must_use]
    pub const fn fence(&self) -> &Fence {
        &self.fence
    }

    /// The owner's identity.
    #[must_use]
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// Reads the stamp of a request; `None` if it has no header of one.
    ///
    /// # Errors
    /// [`Malformed`] for anything but exactly one header of each kind in exactly the form that
    /// [`Stamp::write`] gives it.
    pub fn read(headers: &HeaderMap) -> Result<Option<Self>, Malformed> {
        Self::read_like(headers, None)
    }

    /// As [`Stamp::read`], sparing a copy of the scope if it is `expected`.
    pub(super) fn read_like(
        headers: &HeaderMap,
        expected: Option<&Scope>,
    ) -> Result<Option<Self>, Malformed> {
        let (fence_value, owner_value) = match (one(headers, &FENCE)?, one(headers, &OWNER)?) {
            (Some(fence), Some(owner)) => (fence, owner),
            (None, None) => return Ok(None),
            (Some(_), None) => return Err(Malformed::new(&OWNER, "is missing beside the fence")),
            (None, Some(_)) => return Err(Malformed::new(&FENCE, "is missing beside the owner")),
        };
        let fence = decode_fence_like(text(&FENCE, fence_value)?, expected)
            .map_err(|reason| Malformed::new(&FENCE, reason))?;
        fits(&FENCE, fence.scope().as_str())?;
        let owner = decode(text(&OWNER, owner_value)?).map_err(|reason| Malformed::new(&OWNER, reason))?;
        fits(&OWNER, &owner)?;
        let (fence_value, owner_value) = (fence_value.clone(), owner_value.clone());
        Ok(Some(Self { fence, owner: owner.into(), fence_value, owner_value }))
    }

    /// Puts the stamp on a request, in place of any that is there.
    pub fn write(&self, headers: &mut HeaderMap) {
        headers.insert(FENCE, self.fence_value.clone());
        headers.insert(OWNER, self.owner_value.clone());
    }
}

/// A header of a stamp that is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("header {header} {reason}")]
pub struct Malformed {
    header: HeaderName,
    reason: &'static str,
}

impl Malformed {
    pub(super) fn new(header: &HeaderName, reason: &'static str) -> Self {
        Self { header: header.clone(), reason }
    }

    /// The header.
    #[must_use]
    pub const fn header(&self) -> &HeaderName {
        &self.header
    }
}

/// The only value of `header`, if there is one.
pub(super) fn one<'a>(
    headers: &'a HeaderMap,
    header: &HeaderName,
) -> Result<Option<&'a HeaderValue>, Malformed> {
    let mut values = headers.get_all(header).iter();
    let first = values.next();
    match values.next() {
        None => Ok(first),
        Some(_) => Err(Malformed::new(header, "is there more than once")),
    }
}

/// The value as text, bounded before anything is made of it.
fn text<'a>(header: &HeaderName, value: &'a HeaderValue) -> Result<&'a str, Malformed> {
    // Each byte takes three at most; realm, epoch and semicolons take 54.
    if value.len() > 3 * MAX_BYTES + 54 {
        return Err(Malformed::new(header, "is too long"));
    }
    value.to_str().map_err(|_| Malformed::new(header, "holds other than printable ASCII"))
}

fn fits(header: &HeaderName, text: &str) -> Result<(), Malformed> {
    match text.len() {
        1..=MAX_BYTES => Ok(()),
        0 => Err(Malformed::new(header, "has an empty part")),
        _ => Err(Malformed::new(header, "has a part of more than 256 bytes")),
    }
}

/// The text form of a fence, of a scope of any length.
pub(super) fn encode_fence(fence: &Fence) -> String {
    let mut text = String::with_capacity(64 + fence.scope().as_str().len());
    let written = write!(text, "{};", fence.realm());
    encode(fence.scope().as_str(), &mut text);
    written.and_then(|()| write!(text, ";{}", fence.epoch())).expect("a string takes what is written");
    text
}

/// Reads what [`encode_fence`] gives, and nothing else.
pub(super) fn decode_fence(text: &str) -> Result<Fence, &'static str> {
    decode_fence_like(text, None)
}

fn decode_fence_like(text: &str, expected: Option<&Scope>) -> Result<Fence, &'static str> {
    let mut parts = text.split(';');
    let (Some(realm), Some(scope), Some(epoch), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err("is not of the form realm;scope;epoch");
    };
    let realm = parse_realm(realm).ok_or("has a realm that is not 32 lower-case hexadecimal digits")?;
    let epoch = parse_epoch(epoch).ok_or("has an epoch that is not a plain decimal number of 64 bits")?;
    let scope = match expected {
        // Only a scope that needs no encoding is compared in its encoded form.
        Some(expected) if expected.as_str() == scope && scope.bytes().all(is_plain) => expected.clone(),
        _ => Scope::new(decode(scope)?),
    };
    Ok(Fence::new(realm, scope, epoch))
}

pub(super) fn parse_realm(text: &str) -> Option<Realm> {
    let is_canonical = text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let id = u128::from_str_radix(text, 16).ok()?;
    is_canonical.then_some(Realm::new(id))
}

pub(super) fn parse_epoch(text: &str) -> Option<u64> {
    let is_canonical =
        text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| is_canonical)
}

const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// Percent-encodes all but the unreserved characters of RFC 3986.
pub(super) fn encode(text: &str, into: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if is_plain(byte) {
            into.push(char::from(byte));
        } else {
            into.push('%');
            into.push(char::from(DIGITS[usize::from(byte >> 4)]));
            into.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
}

/// Reads what [`encode`] gives, and nothing else: one text has one encoding.
fn decode(encoded: &str) -> Result<String, &'static str> {
    const BROKEN: &str = "has a character that is not percent-encoded as it should be";
    let digit = |byte: Option<u8>| match byte {
        Some(byte @ b'0'..=b'9') => Ok(byte - b'0'),
        Some(byte @ b'A'..=b'F') => Ok(byte - b'A' + 10),
        _ => Err(BROKEN),
    };
    let mut bytes = encoded.bytes();
    let mut decoded = Vec::with_capacity(encoded.len());
    while let Some(byte) = bytes.next() {
        let byte = match byte {
            b'%' => {
                let byte = digit(bytes.next())? << 4 | digit(bytes.next())?;
                if is_plain(byte) {
                    return Err(BROKEN);
                }
                byte
            }
            byte if is_plain(byte) => byte,
            _ => return Err(BROKEN),
        };
        decoded.push(byte);
    }
    String::from_utf8(decoded).map_err(|_| "is not UTF-8 once it is decoded")
}

#[cfg(test)]
mod tests;
