//! Percent-encoding of one path segment (RFC 3986).

use std::fmt::Write;

/// `text` as one segment of a path: only unreserved characters and `%XX`, never a dot segment.
pub(super) fn encode(text: &str) -> String {
    let is_dots = matches!(text, "." | "..");
    let mut segment = String::with_capacity(text.len());
    for byte in text.bytes() {
        let is_unreserved = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
        if is_unreserved && !is_dots {
            segment.push(char::from(byte));
        } else {
            write!(segment, "%{byte:02X}").expect("a string takes all that is written");
        }
    }
    segment
}

/// What was encoded, or none where an escape is broken or the bytes are no UTF-8.
pub(super) fn decode(segment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let [first, after @ ..] = rest {
        if *first == b'%' {
            let [high, low, after @ ..] = after else { return None };
            let digit = |digit: u8| char::from(digit).to_digit(16);
            bytes.push(u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()?);
            rest = after;
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::any, prop_assert, prop_assert_eq, proptest};

    use super::*;

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(text in any::<String>()) {
            let segment = encode(&text);
            prop_assert_eq!(decode(&segment), Some(text));
            prop_assert!(segment.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~%".contains(&b)));
        }

        #[test]
        fn whatever_comes_is_decoded_or_refused(segment in any::<String>()) {
            let _ = decode(&segment);
        }
    }

    #[test]
    fn broken_escapes_are_refused() {
        for broken in ["%", "%4", "%zz", "a%2", "%+1", "%C0%A0", "%FF"] {
            assert_eq!(decode(broken), None, "{broken}");
        }
        assert_eq!(decode("a%2fb%2Fc"), Some("a/b/c".to_owned()));
    }

    #[test]
    fn no_segment_climbs() {
        assert_eq!(
            (encode("."), encode(".."), encode("../x")),
            ("%2E".into(), "%2E%2E".into(), "..%2Fx".into())
        );
    }
}
