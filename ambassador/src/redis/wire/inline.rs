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
        let spaces = rest.iter().take_while(|byte| is_space(byte)).count();
        let Some((word, after)) = word(&rest[spaces..])? else { break };
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
            b' ' | b'\t' | b'\r' | b'\n' => break,
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
    rest.first().is_none_or(is_space).then_some(rest)
}

/// What C calls a space. Within a word Redis takes form feed and vertical tab for letters all the same.
const fn is_space(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
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

#[cfg(test)]
mod tests {
    use std::{
        io::{BufReader, Write},
        net::TcpStream,
        time::Duration,
    };

    use entourage_testkit::Rng;

    use super::frame;
    use crate::redis::{
        args::Args,
        command::tests::{Value, redis},
    };

    /// What lines are made of here.
    const PIECES: [&[u8]; 16] = [
        b"a", b"x", b"\xff", b"\"", b"\"", b"'", b"'", b"\\", b"\\x4", b"\\x41", b"n", b" ", b"\t", b"\x0b",
        b"\x0c", b"\r",
    ];

    /// The words of a line; `None` if they are none.
    fn words(line: &[u8]) -> Option<Vec<Vec<u8>>> {
        let (mut made, mut spans) = (Vec::new(), Vec::new());
        frame(line, &mut made, &mut spans)?;
        Some(Args::new(&made, &spans).iter().map(<[u8]>::to_vec).collect())
    }

    #[test]
    fn a_line_has_the_words_that_a_real_server_finds() {
        let Some(server) = redis(&[]) else { return };
        let connect = || {
            let stream = TcpStream::connect(server.endpoint()).expect("the server is ready");
            stream.set_read_timeout(Some(Duration::from_secs(30))).expect("it is a socket");
            stream.set_nodelay(true).expect("it is a socket");
            BufReader::new(stream)
        };
        let (mut peer, mut rng, mut same) = (connect(), Rng::from_env(), 0);
        for _ in 0..4_000 {
            let mut line = b"eval 'return ARGV' 0 ".to_vec();
            for _ in 0..rng.between(0..12) {
                line.extend_from_slice(PIECES[rng.between(0..PIECES.len() as u64) as usize]);
            }
            peer.get_mut().write_all(&[&line[..], b"\r\n"].concat()).expect("the server takes it");
            let theirs = match Value::read(&mut peer) {
                Value::Array(Some(words)) => Some(words.into_iter().map(|word| match word {
                    Value::Bulk(Some(word)) => word,
                    other => panic!("{other:?} is no word"),
                })),
                // It closes the connection.
                error => {
                    assert!(
                        error.text().contains("unbalanced quotes"),
                        "{error:?} to {}",
                        line.escape_ascii()
                    );
                    peer = connect();
                    None
                }
            };
            let theirs: Option<Vec<_>> = theirs.map(Iterator::collect);
            same += usize::from(theirs.is_some());
            assert_eq!(words(&line).map(|words| words[3..].to_vec()), theirs, "{}", line.escape_ascii());
        }
        assert!(same > 400, "only {same} lines had words");
    }
}
