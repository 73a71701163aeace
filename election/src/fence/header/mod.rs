//! How a fence and its owner travel in an HTTP request.

mod percent;

use std::{fmt::Write, sync::Arc};

use entourage_core::{Fence, Realm, Scope};
use http::{HeaderMap, HeaderName, HeaderValue};

pub(super) use self::percent::encode;
use self::percent::{TOO_LONG, decode, decode_within, is_plain};

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

/// The longest part, decoded.
const MAX_BYTES: usize = 256;

/// A fence with the identity of its owner, as both travel with a request.
///
/// Made once per acquisition: a clone shares the encoded headers.
#[derive(Clone, Debug)]
pub struct Stamp {
    fence: Fence,
    owner: Arc<str>,
    /// Both as they are written. One that was read is seldom written again, and encoded then.
    encoded: Option<Arc<Encoded>>,
}

/// The values of the two headers.
#[derive(Debug)]
struct Encoded {
    fence: HeaderValue,
    owner: HeaderValue,
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
        let encoded = Some(Arc::new(Encoded::of(&fence, &owner)));
        Ok(Self { fence, owner, encoded })
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
        let mut room = [0; MAX_BYTES];
        let owner = decode_within(text(&OWNER, owner_value)?, &mut room)
            .map_err(|reason| Malformed::new(&OWNER, reason))?;
        fits(&OWNER, owner)?;
        Ok(Some(Self { fence, owner: owner.into(), encoded: None }))
    }

    /// Puts the stamp on a request, in place of any that is there.
    pub fn write(&self, headers: &mut HeaderMap) {
        let Encoded { fence, owner } = match &self.encoded {
            Some(encoded) => Encoded { fence: encoded.fence.clone(), owner: encoded.owner.clone() },
            None => Encoded::of(&self.fence, &self.owner),
        };
        headers.insert(FENCE, fence);
        headers.insert(OWNER, owner);
    }
}

/// The headers follow from the fence and the owner.
impl PartialEq for Stamp {
    fn eq(&self, other: &Self) -> bool {
        self.fence == other.fence && self.owner == other.owner
    }
}

impl Eq for Stamp {}

impl Encoded {
    fn of(fence: &Fence, owner: &str) -> Self {
        let mut encoded = String::new();
        encode(owner, &mut encoded);
        let value = |text| HeaderValue::try_from(text).expect("what is encoded is printable ASCII");
        Self { fence: value(encode_fence(fence)), owner: value(encoded) }
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
        _ => Err(Malformed::new(header, TOO_LONG)),
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
    let parts = text.split_once(';').and_then(|(realm, rest)| Some((realm, rest.split_once(';')?)));
    let (realm, (scope, epoch)) = parts.ok_or("is not of the form realm;scope;epoch")?;
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
    let digits: &[u8; 32] = text.as_bytes().try_into().ok()?;
    // By halves: arithmetic in 128 bits takes several times as long.
    let half = |digits: &[u8]| {
        digits.iter().try_fold(0_u64, |number, digit| {
            let digit = match digit {
                b'0'..=b'9' => digit - b'0',
                b'a'..=b'f' => digit - b'a' + 10,
                _ => return None,
            };
            Some(number << 4 | u64::from(digit))
        })
    };
    let (high, low) = digits.split_at(16);
    Some(Realm::new(u128::from(half(high)?) << 64 | u128::from(half(low)?)))
}

pub(super) fn parse_epoch(text: &str) -> Option<u64> {
    let is_canonical =
        text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| is_canonical)
}

#[cfg(test)]
mod tests;
