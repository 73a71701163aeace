//! Lines with a number on them: what every frame begins with.

use crate::protocol::Lie;

/// A line with a number: `:1000\r\n`, without its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Number {
    /// The number, and how many bytes the line has, its end included.
    Is(i64, usize),
    /// The line goes on behind the input.
    Unfinished,
    /// It is none: nothing but digits and one minus, no zeros in front, `\r\n` behind.
    Wrong,
}

/// Reads the number at the front of `input`.
///
/// As strict as the strictest server: what others might read in another way is none.
#[inline]
pub(crate) fn number(input: &[u8]) -> Number {
    let (negative, digits) = match input.split_first() {
        Some((b'-', digits)) => (true, digits),
        _ => (false, input),
    };
    // Below nothing there is one number more than above it.
    let mut value = 0_i64;
    for (at, &byte) in digits.iter().enumerate() {
        match byte {
            b'0'..=b'9' if !(at == 1 && digits.first() == Some(&b'0')) => {
                let digit = i64::from(byte - b'0');
                let Some(more) = value.checked_mul(10).and_then(|value| value.checked_sub(digit)) else {
                    return Number::Wrong;
                };
                value = more;
            }
            b'\r' if at > 0 => {
                return match digits.get(at + 1) {
                    Some(b'\n') if negative && value == 0 => Number::Wrong,
                    Some(b'\n') => match if negative { Some(value) } else { value.checked_neg() } {
                        Some(value) => Number::Is(value, usize::from(negative) + at + 2),
                        None => Number::Wrong,
                    },
                    Some(_) => Number::Wrong,
                    None => Number::Unfinished,
                };
            }
            _ => return Number::Wrong,
        }
    }
    Number::Unfinished
}

/// Where the line at the front of `input` ends, its end included; not within the first `scanned` bytes.
///
/// # Errors
/// It is longer than `longest`.
pub(super) fn end(input: &[u8], scanned: usize, longest: usize) -> Result<Option<usize>, Lie> {
    let reach = input.len().min(longest);
    let found = input.get(scanned..reach).unwrap_or_default().iter().position(|byte| *byte == b'\n');
    match found {
        Some(at) => Ok(Some(scanned + at + 1)),
        None if reach == longest => Err(Lie("a line without an end")),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_to_the_end_of_its_line() {
        for (text, value) in [
            ("0", 0),
            ("7", 7),
            ("-1", -1),
            ("1048576", 1_048_576),
            ("9223372036854775807", i64::MAX),
            ("-9223372036854775808", i64::MIN),
        ] {
            let line = format!("{text}\r\nmore");
            assert_eq!(number(line.as_bytes()), Number::Is(value, text.len() + 2), "{text}");
            for cut in 0..text.len() + 2 {
                assert_eq!(number(&line.as_bytes()[..cut]), Number::Unfinished, "{text} cut at {cut}");
            }
        }
    }

    #[test]
    fn what_servers_might_read_in_two_ways_is_no_number() {
        for text in [
            "\r\n",
            "-\r\n",
            "+1\r\n",
            "01\r\n",
            "-0\r\n",
            " 1\r\n",
            "1 \r\n",
            "1\n",
            "1\r1",
            "0x1\r\n",
            "1.0\r\n",
            "9223372036854775808\r\n",
            "-9223372036854775809\r\n",
            "99999999999999999999999",
        ] {
            assert_eq!(number(text.as_bytes()), Number::Wrong, "{text:?}");
        }
    }
}
