//! The percent-encoding of a header's parts, of which each text has exactly one.

use super::MAX_BYTES;

pub(super) const TOO_LONG: &str = "has a part of more than 256 bytes";
const NO_TEXT: &str = "is not UTF-8 once it is decoded";

/// Whether a byte stands for itself: RFC 3986 calls it unreserved.
pub(super) const fn is_plain(byte: u8) -> bool {
    const PLAIN: [bool; 256] = {
        let mut plain = [false; 256];
        let mut byte = 0;
        while byte < 256 {
            let letter = byte as u8;
            plain[byte] = letter.is_ascii_alphanumeric() || matches!(letter, b'-' | b'.' | b'_' | b'~');
            byte += 1;
        }
        plain
    };
    PLAIN[byte as usize]
}

/// Percent-encodes all but the unreserved characters of RFC 3986.
pub(in crate::fence) fn encode(text: &str, into: &mut String) {
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
pub(super) fn decode(encoded: &str) -> Result<String, &'static str> {
    let mut decoded = Vec::with_capacity(encoded.len());
    pieces(encoded, |piece| {
        decoded.extend_from_slice(piece);
        Ok(())
    })?;
    String::from_utf8(decoded).map_err(|_| NO_TEXT)
}

/// The same for what fits into `room`, and without an allocation.
pub(super) fn decode_within<'a>(
    encoded: &str,
    room: &'a mut [u8; MAX_BYTES],
) -> Result<&'a str, &'static str> {
    let mut length = 0;
    pieces(encoded, |piece| {
        let end = length + piece.len();
        room.get_mut(length..end).ok_or(TOO_LONG)?.copy_from_slice(piece);
        length = end;
        Ok(())
    })?;
    std::str::from_utf8(&room[..length]).map_err(|_| NO_TEXT)
}

/// Hands out what is encoded: runs of bytes that stand for themselves, and single others.
fn pieces(
    encoded: &str,
    mut take: impl FnMut(&[u8]) -> Result<(), &'static str>,
) -> Result<(), &'static str> {
    const BROKEN: &str = "has a character that is not percent-encoded as it should be";
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Ok(byte - b'0'),
        b'A'..=b'F' => Ok(byte - b'A' + 10),
        _ => Err(BROKEN),
    };
    let mut rest = encoded.as_bytes();
    loop {
        let plain = rest.iter().position(|byte| !is_plain(*byte)).unwrap_or(rest.len());
        let (piece, behind) = rest.split_at(plain);
        take(piece)?;
        rest = match behind {
            [] => return Ok(()),
            [b'%', high, low, behind @ ..] => {
                let byte = digit(*high)? << 4 | digit(*low)?;
                if is_plain(byte) {
                    return Err(BROKEN);
                }
                take(&[byte])?;
                behind
            }
            _ => return Err(BROKEN),
        };
    }
}
