//! Where a client's request ends, and where its arguments are.

use super::{
    inline,
    line::{Number, number},
};
use crate::{protocol::Parting, redis::args::Span};

/// The longest request on one line, as in Redis.
const LONGEST_LINE: usize = 64 * 1024;

/// What a request may be, of a client that may say more or less.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) arguments: u32,
    /// Bytes of one argument, and of the whole request.
    pub(crate) bytes: usize,
}

/// How far the request at the front of what a client sent is scanned.
///
/// It goes on where it was when there is more, so that a client that sends byte by byte costs no more
/// than one that sends all at once.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Scan {
    /// Arguments that are still to come; all of those before are whole.
    left: u32,
    /// Where the next of them begins; 0 before the first line is read.
    at: usize,
    /// So many bytes of a request on one line have no end of it.
    line: u32,
}

/// What is at the front of what a client sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scanned {
    /// The beginning of a request.
    Unfinished,
    /// A whole request of so many bytes; its arguments are where the spans say.
    Frame(usize),
    /// A whole request on one line of so many bytes; its arguments are in the frame that was made of it.
    Inline(usize),
}

impl Scan {
    /// Looks for the end of the request at the front of `input`; `spans` gets its arguments.
    ///
    /// What is written on one line is written as a frame into `made`.
    ///
    /// # Errors
    /// Redis' own words for what is no request, or larger than allowed.
    pub(crate) fn request(
        &mut self,
        input: &[u8],
        bounds: Bounds,
        spans: &mut Vec<Span>,
        made: &mut Vec<u8>,
    ) -> Result<Scanned, Parting> {
        spans.clear();
        let is_fresh = self.at == 0;
        if is_fresh {
            match input.first() {
                None => return Ok(Scanned::Unfinished),
                Some(b'*') => {}
                Some(_) => return self.on_one_line(input, bounds, spans, made),
            }
            match number(&input[1..]) {
                Number::Unfinished => return Ok(Scanned::Unfinished),
                Number::Is(count, len) if count <= i64::from(bounds.arguments) => {
                    // Redis passes over a request without arguments, or with fewer than none.
                    self.left = u32::try_from(count).unwrap_or(0);
                    self.at = 1 + len;
                }
                _ => return Err(protocol_error("invalid multibulk length")),
            }
        }
        while self.left > 0 {
            let Some((span, next)) = argument(input, self.at, bounds)? else {
                return Ok(Scanned::Unfinished);
            };
            if is_fresh {
                spans.push(span);
            }
            self.left -= 1;
            self.at = next;
        }
        let len = std::mem::take(self).at;
        if !is_fresh {
            // The whole of it is here, so that it is scanned in one go.
            return Self::default().request(input, bounds, spans, made);
        }
        Ok(Scanned::Frame(len))
    }

    /// A request as a person types it: words on one line.
    fn on_one_line(
        &mut self,
        input: &[u8],
        bounds: Bounds,
        spans: &mut Vec<Span>,
        made: &mut Vec<u8>,
    ) -> Result<Scanned, Parting> {
        let reach = input.len().min(LONGEST_LINE).min(bounds.bytes);
        let scanned = std::mem::take(&mut self.line) as usize;
        let rest = input.get(scanned..reach).unwrap_or_default();
        let Some(at) = rest.iter().position(|byte| *byte == b'\n').map(|at| scanned + at) else {
            if input.len() >= reach.max(1) && reach == LONGEST_LINE.min(bounds.bytes) {
                return Err(protocol_error("too big inline request"));
            }
            self.line = u32::try_from(reach).unwrap_or(0);
            return Ok(Scanned::Unfinished);
        };
        let line = input[..at].strip_suffix(b"\r").unwrap_or(&input[..at]);
        // Redis never sees the end of such a line.
        if line.contains(&0) {
            return Err(protocol_error("a zero byte in an inline request"));
        }
        made.clear();
        inline::frame(line, made, spans).ok_or_else(|| protocol_error("unbalanced quotes in request"))?;
        if spans.len() > bounds.arguments as usize {
            return Err(protocol_error("too big inline request"));
        }
        Ok(Scanned::Inline(at + 1))
    }
}

/// The argument at `at`, and where the next one begins; `None` if it is not whole.
#[inline]
fn argument(input: &[u8], at: usize, bounds: Bounds) -> Result<Option<(Span, usize)>, Parting> {
    match input.get(at) {
        None => return Ok(None),
        Some(b'$') => {}
        Some(other) => {
            return Err(protocol_error(&format!(
                "expected '$', got '{}'",
                char::from(*other).escape_default()
            )));
        }
    }
    let (len, line) = match number(input.get(at + 1..).unwrap_or_default()) {
        Number::Unfinished => return Ok(None),
        Number::Is(len, line) => (usize::try_from(len).ok(), line),
        Number::Wrong => (None, 0),
    };
    let start = at + 1 + line;
    let Some(len) = len.filter(|len| start.saturating_add(*len) <= bounds.bytes) else {
        return Err(protocol_error("invalid bulk length"));
    };
    let end = start + len;
    match input.get(end..end + 2) {
        None => Ok(None),
        Some(b"\r\n") => {
            let span = Span::new(start..end).ok_or_else(|| protocol_error("invalid bulk length"))?;
            Ok(Some((span, end + 2)))
        }
        Some(_) => Err(protocol_error("expected '\\r\\n' after a bulk")),
    }
}

/// The words with which Redis ends a connection that it does not understand.
fn protocol_error(what: &str) -> Parting {
    Parting(format!("-ERR Protocol error: {what}\r\n").into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redis::args::Args;

    const BOUNDS: Bounds = Bounds { arguments: 8, bytes: 1_000 };

    /// Its arguments, and its length.
    type Request = (Vec<Vec<u8>>, usize);

    /// The request at the front; what Redis would say against it.
    fn scan(input: &[u8]) -> Result<Option<Request>, String> {
        let (mut spans, mut made) = (Vec::new(), Vec::new());
        let scanned = Scan::default().request(input, BOUNDS, &mut spans, &mut made);
        let arguments = |frame: &[u8]| Args::new(frame, &spans).iter().map(<[u8]>::to_vec).collect();
        match scanned.map_err(|Parting(words)| String::from_utf8(words).unwrap())? {
            Scanned::Unfinished => Ok(None),
            Scanned::Frame(len) => Ok(Some((arguments(input), len))),
            Scanned::Inline(len) => Ok(Some((arguments(&made), len))),
        }
    }

    fn words<const N: usize>(words: [&str; N], len: usize) -> Option<Request> {
        Some((words.iter().map(|word| word.as_bytes().to_vec()).collect(), len))
    }

    #[test]
    fn a_request_ends_where_its_last_argument_does() {
        assert_eq!(scan(b"*2\r\n$3\r\nGET\r\n$2\r\na\n\r\nrest"), Ok(words(["GET", "a\n"], 21)));
        assert_eq!(scan(b"*1\r\n$0\r\n\r\n"), Ok(words([""], 10)));
        assert_eq!(scan(b"*0\r\n*1"), Ok(words([], 4)));
        assert_eq!(scan(b"*-1\r\n"), Ok(words([], 5)));
    }

    #[test]
    fn a_line_is_a_request_too() {
        assert_eq!(scan(b"PING\r\nPING\r\n"), Ok(words(["PING"], 6)));
        assert_eq!(
            scan(b"  set k \"a b\\x41\\n\" 'it\\'s'\n"),
            Ok(words(["set", "k", "a bA\n", "it's"], 28))
        );
        assert_eq!(scan(b"\r\n"), Ok(words([], 2)));
        // As a server of 7.0 has it: a form feed or vertical tab is a space between words alone.
        assert_eq!(
            scan(b"\x0bget\x0c a\x0bb\x0c\tc\x0c\n"),
            Ok(words(["get\x0c", "a\x0bb\x0c", "c\x0c"], 14))
        );
        assert_eq!(scan(b"get \"a\"\x0b'b'\x0c\n"), Ok(words(["get", "a", "b"], 13)));
    }

    #[test]
    fn what_is_no_request_is_refused_in_the_words_of_redis() {
        for (input, words) in [
            (&b"*9\r\n"[..], "invalid multibulk length"),
            (b"*x\r\n", "invalid multibulk length"),
            (b"*1\r\n:1\r\n", "expected '$', got ':'"),
            (b"*1\r\n$-1\r\n", "invalid bulk length"),
            (b"*1\r\n$1001\r\n", "invalid bulk length"),
            (b"*1\r\n$2147483648\r\n", "invalid bulk length"),
            (b"*1\r\n$1\r\nabc", "expected '\\r\\n' after a bulk"),
            (b"get \"a\r\n", "unbalanced quotes in request"),
            (b"get a\0b c\r\n", "a zero byte in an inline request"),
            (&[b'x'; 1_000], "too big inline request"),
            (b"mget 2 3 4 5 6 7 8 9\n", "too big inline request"),
        ] {
            assert_eq!(
                scan(input),
                Err(format!("-ERR Protocol error: {words}\r\n")),
                "{}",
                input.escape_ascii()
            );
        }
    }

    #[test]
    fn wherever_the_bytes_are_cut_the_request_is_the_same() {
        let whole = b"*3\r\n$3\r\nSET\r\n$3\r\nk\r\n\r\n$10\r\n0123456789\r\n";
        let (mut spans, mut made) = (Vec::new(), Vec::new());
        for step in 1..whole.len() {
            let mut scan = Scan::default();
            for end in (0..whole.len()).step_by(step) {
                let scanned = scan.request(&whole[..end], BOUNDS, &mut spans, &mut made);
                assert_eq!(scanned, Ok(Scanned::Unfinished), "{end} by {step}");
            }
            assert_eq!(scan.request(whole, BOUNDS, &mut spans, &mut made), Ok(Scanned::Frame(whole.len())));
            assert_eq!(
                Args::new(whole, &spans).iter().collect::<Vec<_>>(),
                [&b"SET"[..], b"k\r\n", b"0123456789"]
            );
        }
    }
}
