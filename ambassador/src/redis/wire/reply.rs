//! Where a server's reply ends.

use super::line::{self, Number, number};
use crate::protocol::Lie;

/// The longest status or error, as a line without an end is not waited for.
const LONGEST_LINE: usize = 64 * 1024;

/// How far the reply at the front of what a server sent is measured.
///
/// An array's elements are counted and not nested, so that no depth of arrays costs more than its
/// bytes. It goes on where it was when there is more.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Measure {
    /// Where the next element begins, or goes on.
    at: usize,
    /// Elements that are still to come, in whichever array.
    left: u64,
    /// Bytes of an element that are still to come, its end not included.
    bulk: Option<usize>,
    /// So many bytes behind the first of a status or an error have no end of it.
    line: usize,
    begun: bool,
}

impl Measure {
    /// Where the reply at the front of `input` ends; `None` if it goes on behind it.
    ///
    /// # Errors
    /// It is no reply.
    #[inline]
    pub(crate) fn reply(&mut self, input: &[u8]) -> Result<Option<usize>, Lie> {
        if !self.begun {
            (self.begun, self.left) = (true, 1);
        }
        while self.left > 0 {
            let whole = match self.bulk {
                Some(_) => self.rest_of_bulk(input)?,
                None => self.element(input)?,
            };
            if !whole {
                return Ok(None);
            }
        }
        Ok(Some(self.at))
    }

    /// Whether nothing of the reply was measured yet.
    pub(crate) const fn is_new(&self) -> bool {
        !self.begun
    }

    /// Forgets what is measured; how many bytes that are.
    pub(crate) fn forget(&mut self) -> usize {
        std::mem::take(&mut self.at)
    }

    /// Passes over the line at `at`, which begins an element or is one; says whether it is whole.
    #[inline]
    fn element(&mut self, input: &[u8]) -> Result<bool, Lie> {
        let Some((kind, rest)) = input.get(self.at..).and_then(<[u8]>::split_first) else { return Ok(false) };
        if matches!(kind, b'+' | b'-') {
            let Some(len) = line::end(rest, self.line, LONGEST_LINE)? else {
                self.line = rest.len();
                return Ok(false);
            };
            if len < 2 || rest.get(len - 2) != Some(&b'\r') {
                return Err(Lie("a line that does not end as lines do"));
            }
            (self.at, self.left, self.line) = (self.at + 1 + len, self.left - 1, 0);
            return Ok(true);
        }
        let (value, len) = match number(rest) {
            Number::Is(value, len) => (value, 1 + len),
            Number::Unfinished if matches!(kind, b':' | b'$' | b'*') => return Ok(false),
            _ => return Err(Lie("what is no reply")),
        };
        match (kind, value) {
            (b':', _) | (b'$' | b'*', -1) => self.left -= 1,
            (b'$', 0..) => self.bulk = Some(usize::try_from(value).map_err(|_| Lie("an endless bulk"))?),
            (b'*', 0..) => {
                let more = self.left.checked_add(value.unsigned_abs()).ok_or(Lie("an endless array"))?;
                self.left = more - 1;
            }
            (b'$' | b'*', _) => return Err(Lie("a length below nothing")),
            _ => return Err(Lie("what is no reply")),
        }
        self.at += len;
        match self.bulk {
            Some(_) => self.rest_of_bulk(input),
            None => Ok(true),
        }
    }

    /// Passes over what is there of a bulk; says whether it is whole.
    #[inline]
    fn rest_of_bulk(&mut self, input: &[u8]) -> Result<bool, Lie> {
        let Some(bulk) = self.bulk else { return Ok(true) };
        let step = bulk.min(input.len() - self.at);
        self.at += step;
        self.bulk = Some(bulk - step);
        match input.get(self.at..self.at + 2) {
            _ if step < bulk => Ok(false),
            None => Ok(false),
            Some(b"\r\n") => {
                (self.at, self.left, self.bulk) = (self.at + 2, self.left - 1, None);
                Ok(true)
            }
            Some(_) => Err(Lie("a bulk that is longer than it says")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPLIES: [&[u8]; 14] = [
        b"+OK\r\n",
        b"-ERR no\r\n",
        b":-12\r\n",
        b"$-1\r\n",
        b"*-1\r\n",
        b"$0\r\n\r\n",
        b"$4\r\n\r\n\r\n\r\n",
        b"*0\r\n",
        b"*2\r\n$1\r\na\r\n:1\r\n",
        b"*2\r\n*2\r\n+a\r\n*0\r\n$-1\r\n",
        b"*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n",
        b"*3\r\n$2\r\nab\r\n*-1\r\n-ERR in it\r\n",
        b"*2\r\n$1\r\n0\r\n*1\r\n$1\r\nk\r\n",
        b":9223372036854775807\r\n",
    ];

    #[test]
    fn a_reply_ends_where_its_last_element_does() {
        for reply in REPLIES {
            let input = [reply, b"+NEXT\r\n"].concat();
            assert_eq!(Measure::default().reply(&input), Ok(Some(reply.len())), "{}", reply.escape_ascii());
        }
    }

    #[test]
    fn wherever_the_bytes_are_cut_the_reply_is_the_same() {
        for reply in REPLIES {
            for step in 1..reply.len() {
                let mut measure = Measure::default();
                for end in (0..reply.len()).step_by(step) {
                    assert_eq!(measure.reply(&reply[..end]), Ok(None), "{} to {end}", reply.escape_ascii());
                }
                assert_eq!(measure.reply(reply), Ok(Some(reply.len())), "{} by {step}", reply.escape_ascii());
            }
        }
    }

    #[test]
    fn what_is_measured_may_be_forgotten_at_any_time() {
        for reply in REPLIES {
            let (mut measure, mut kept, mut total) = (Measure::default(), Vec::new(), 0);
            for byte in reply {
                kept.push(*byte);
                match measure.reply(&kept).unwrap() {
                    Some(len) => total += len,
                    None => {
                        let forgotten = measure.forget();
                        kept.drain(..forgotten);
                        total += forgotten;
                    }
                }
            }
            assert_eq!(total, reply.len(), "{}", reply.escape_ascii());
        }
    }

    #[test]
    fn what_is_scanned_of_a_status_is_not_looked_at_again_before_all_of_it_is_there() {
        let whole = [b"*2\r\n+OK\r\n-".as_slice(), &[b'x'; 500], b"\r\n"].concat();
        let (mut measure, mut kept) = (Measure::default(), Vec::new());
        for byte in &whole[..whole.len() - 1] {
            kept.push(*byte);
            assert_eq!(measure.reply(&kept), Ok(None));
            // It would be the end of the line.
            kept.iter_mut().skip(10).for_each(|byte| *byte = b'\n');
        }
        assert_eq!(measure.reply(&whole), Ok(Some(whole.len())));
    }

    #[test]
    fn what_is_no_reply_is_recognised() {
        for input in [
            &b"OK\r\n"[..],
            b"$-2\r\n",
            b"*-2\r\n",
            b"$1\r\nab\r\n",
            b"%1\r\n",
            b">1\r\n",
            b"_\r\n",
            b"HTTP/1.1",
            b"+a\n",
            b":1 \r\n",
        ] {
            assert!(Measure::default().reply(input).is_err(), "{}", input.escape_ascii());
        }
        assert!(Measure::default().reply(&[b'+'; LONGEST_LINE + 1]).is_err());
        let arrays = b"*9223372036854775807\r\n*9223372036854775807\r\n*9223372036854775807\r\n";
        assert!(Measure::default().reply(arrays).is_err());
    }
}
