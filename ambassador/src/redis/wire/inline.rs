//! Requests that are words on a line, as a person types them.

use crate::redis::args::Span;

/// Writes the words of a line as a frame, and where they are in it; `None` if a quote does not end.
///
/// Quotes are those of Redis: in `"…"` there is `\n`, `\r`, `\t`, `\b`, `\a`, `\xHH` and `\` before
/// anything else, in `'…'` only `\'`.
pub(super) fn frame(line: &[u8], out: &mut Vec<u8>, spans: &mut Vec<Span>) -> Option<()> {
    let mut words = Vec::new();
    let mut rest = line;
    loop {
        rest = rest.trim_ascii_start();
        let Some((word, after)) = word(rest)? else { break };
        words.push(word);
        rest = after;
    }
    out.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
    for word in &words {
        out.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        let start = out.len();
        out.extend_from_slice(word);
        spans.push(Span::new(start..out.len())?);
        out.extend_from_slice(b"\r\n");
    }
    Some(())
}

/// The first word, and what is behind it.
#[expect(clippy::option_option, reason = "no word is not a word that is wrong")]
fn word(line: &[u8]) -> Option<Option<(Vec<u8>, &[u8])>> {
    if line.is_empty() {
        return Some(None);
    }
    let (mut word, mut rest) = (Vec::new(), line);
    while let Some((&byte, after)) = rest.split_first() {
        rest = match byte {
            b'"' => ends_a_word(quoted(after, &mut word)?)?,
            b'\'' => ends_a_word(apostrophed(after, &mut word)?)?,
            byte if byte.is_ascii_whitespace() => break,
            byte => {
                word.push(byte);
                after
            }
        };
        if matches!(byte, b'"' | b'\'') {
            break;
        }
    }
    Some(Some((word, rest)))
}

/// A quote ends its word: what follows is a space, or nothing.
fn ends_a_word(rest: &[u8]) -> Option<&[u8]> {
    rest.first().is_none_or(u8::is_ascii_whitespace).then_some(rest)
}

/// What stands between `"` and `"`, and what is behind.
fn quoted<'a>(mut rest: &'a [u8], word: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        rest = match rest {
            [b'"', after @ ..] => return Some(after),
            [b'\\', b'x', high, low, after @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                let digits = str::from_utf8(&rest[2..4]).ok()?;
                word.push(u8::from_str_radix(digits, 16).ok()?);
                after
            }
            [b'\\', escaped, after @ ..] => {
                word.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 8,
                    b'a' => 7,
                    other => *other,
                });
                after
            }
            [byte, after @ ..] => {
                word.push(*byte);
                after
            }
            [] => return None,
        };
    }
}

/// What stands between `'` and `'`, and what is behind.
fn apostrophed<'a>(mut rest: &'a [u8], word: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        rest = match rest {
            [b'\'', after @ ..] => return Some(after),
            [b'\\', b'\'', after @ ..] => {
                word.push(b'\'');
                after
            }
            [byte, after @ ..] => {
                word.push(*byte);
                after
            }
            [] => return None,
        };
    }
}
