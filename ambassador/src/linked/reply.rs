//! One answer.

use std::fmt;

use bytes::Bytes;

use super::InvalidFrame;
use crate::redis::{
    header,
    wire::{Measure, Number, number},
};

/// One reply of Redis: a frame of RESP2.
///
/// An inner service makes it of what it has: [a frame](Self::from_frame) that a server sent, or
/// the values that a client's library has made of one.
///
/// ```
/// use entourage_ambassador::linked::{Reply, Value};
///
/// let reply = Reply::array([Reply::bulk("a"), Reply::null(), Reply::integer(7)]);
/// assert_eq!(reply.frame(), b"*3\r\n$1\r\na\r\n$-1\r\n:7\r\n");
/// let elements: Vec<_> = reply.elements().collect();
/// assert_eq!(elements[0].value(), Value::Bulk(b"a"));
/// assert_eq!((elements[1].is_null(), elements[2].value()), (true, Value::Integer(7)));
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Reply {
    frame: Bytes,
}

/// What a reply says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Value<'a> {
    /// `+OK`
    Status(&'a [u8]),
    /// `-ERR …`, its code first: a refusal, of a server or of the router.
    Error(&'a [u8]),
    /// `:1`
    Integer(i64),
    /// `$5`
    Bulk(&'a [u8]),
    /// `$-1` and `*-1`: what was asked for is not there.
    Null,
    /// `*2`: so many [elements](Reply::elements).
    Array(usize),
}

impl Reply {
    /// The reply that this frame is; no byte is copied.
    ///
    /// # Errors
    /// [`InvalidFrame`] where it is not exactly one reply of RESP2.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use entourage_ambassador::linked::{InvalidFrame, Reply, Value};
    ///
    /// let reply = Reply::from_frame(Bytes::from_static(b"+OK\r\n"))?;
    /// assert_eq!(reply.value(), Value::Status(b"OK"));
    /// let two = Reply::from_frame(Bytes::from_static(b"+OK\r\n+OK\r\n"));
    /// assert_eq!(two.unwrap_err(), InvalidFrame::More);
    /// # Ok::<_, InvalidFrame>(())
    /// ```
    pub fn from_frame(frame: Bytes) -> Result<Self, InvalidFrame> {
        match Measure::default().reply(&frame) {
            Err(_) => Err(InvalidFrame::Malformed),
            Ok(None) => Err(InvalidFrame::Unfinished),
            Ok(Some(len)) if len < frame.len() => Err(InvalidFrame::More),
            Ok(Some(_)) => Ok(Self { frame }),
        }
    }

    /// A status as `OK`; the end of a line within becomes a space.
    #[must_use]
    pub fn status(text: &str) -> Self {
        Self::line(b'+', text)
    }

    /// An error, its code first, as `ERR no such key`; the end of a line within becomes a space.
    #[must_use]
    pub fn error(text: &str) -> Self {
        Self::line(b'-', text)
    }

    /// An integer.
    #[must_use]
    pub fn integer(value: i64) -> Self {
        Self::written(format!(":{value}\r\n").into_bytes())
    }

    /// Any bytes.
    #[must_use]
    pub fn bulk(bytes: impl AsRef<[u8]>) -> Self {
        let bytes = bytes.as_ref();
        let mut frame = Vec::with_capacity(bytes.len() + 16);
        header(&mut frame, b'$', bytes.len());
        frame.extend_from_slice(bytes);
        frame.extend_from_slice(b"\r\n");
        Self::written(frame)
    }

    /// What was asked for is not there.
    #[must_use]
    pub const fn null() -> Self {
        Self { frame: Bytes::from_static(b"$-1\r\n") }
    }

    /// Several replies that are one.
    #[must_use]
    pub fn array(elements: impl IntoIterator<Item = Self>) -> Self {
        let (mut body, mut count) = (Vec::new(), 0);
        for element in elements {
            body.extend_from_slice(&element.frame);
            count += 1;
        }
        let mut frame = Vec::with_capacity(body.len() + 16);
        header(&mut frame, b'*', count);
        frame.extend_from_slice(&body);
        Self::written(frame)
    }

    /// What it says.
    #[must_use]
    pub fn value(&self) -> Value<'_> {
        let Some((kind, rest)) = self.frame.split_first() else { return Value::Null };
        if matches!(kind, b'+' | b'-') {
            let line = rest.get(..rest.len().saturating_sub(2)).unwrap_or_default();
            return if *kind == b'+' { Value::Status(line) } else { Value::Error(line) };
        }
        let Number::Is(value, len) = number(rest) else { return Value::Null };
        match (kind, usize::try_from(value)) {
            (b':', _) => Value::Integer(value),
            (_, Err(_)) => Value::Null,
            (b'*', Ok(count)) => Value::Array(count),
            (_, Ok(bytes)) => Value::Bulk(rest.get(len..len + bytes).unwrap_or_default()),
        }
    }

    /// Whether it is an error, of a server or of the router.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.frame.first() == Some(&b'-')
    }

    /// Whether what was asked for is not there.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self.value(), Value::Null)
    }

    /// The bytes of a bulk string, without a copy; `None` where it is none.
    #[must_use]
    pub fn into_bulk(self) -> Option<Bytes> {
        let Value::Bulk(bulk) = self.value() else { return None };
        Some(self.frame.slice_ref(bulk))
    }

    /// The elements of an array, without a copy; of any other reply none.
    pub fn elements(&self) -> impl Iterator<Item = Self> + use<> {
        let (mut left, mut rest) = (0, self.frame.clone());
        if let (Value::Array(count), Number::Is(_, line)) =
            (self.value(), number(self.frame.get(1..).unwrap_or_default()))
        {
            (left, rest) = (count, self.frame.slice(1 + line..));
        }
        std::iter::from_fn(move || {
            left = usize::checked_sub(left, 1)?;
            // A reply is whole, and so are its elements.
            let len = Measure::default().reply(&rest).ok()??;
            Some(Self { frame: rest.split_to(len) })
        })
    }

    /// The reply as it is sent.
    #[must_use]
    pub fn frame(&self) -> &[u8] {
        &self.frame
    }

    /// The same, to be kept or sent without a copy.
    #[must_use]
    pub fn into_frame(self) -> Bytes {
        self.frame
    }

    /// A reply that was written here, and so is one.
    pub(super) fn written(frame: Vec<u8>) -> Self {
        Self { frame: frame.into() }
    }

    fn line(kind: u8, text: &str) -> Self {
        let is_end = |byte: u8| matches!(byte, b'\r' | b'\n');
        let text = text.bytes().map(|byte| if is_end(byte) { b' ' } else { byte });
        Self::written([kind].into_iter().chain(text).chain(*b"\r\n").collect())
    }
}

/// What kind of reply it is, and of an error its code: what it says may be secret.
impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reply(")?;
        match self.value() {
            Value::Status(_) => f.write_str("status")?,
            Value::Error(text) => {
                let code = text.split(|byte| *byte == b' ').next().unwrap_or_default();
                write!(f, "error {}", code.get(..16).unwrap_or(code).escape_ascii())?;
            }
            Value::Integer(_) => f.write_str("integer")?,
            Value::Bulk(bytes) => write!(f, "{} bytes", bytes.len())?,
            Value::Null => f.write_str("null")?,
            Value::Array(count) => write!(f, "{count} elements")?,
        }
        f.write_str(")")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for (reply, value) in [
            (Reply::status("OK"), Value::Status(b"OK")),
            (Reply::error("ERR two\r\nlines"), Value::Error(b"ERR two  lines")),
            (Reply::integer(i64::MIN), Value::Integer(i64::MIN)),
            (Reply::integer(-1), Value::Integer(-1)),
            (Reply::bulk(""), Value::Bulk(b"")),
            (Reply::bulk("\r\n"), Value::Bulk(b"\r\n")),
            (Reply::null(), Value::Null),
            (Reply::array([]), Value::Array(0)),
            (Reply::array([Reply::array([Reply::null()])]), Value::Array(1)),
        ] {
            assert_eq!(Reply::from_frame(reply.clone().into_frame()).unwrap().value(), value);
            assert_eq!(reply.is_error(), matches!(value, Value::Error(_)));
        }
        assert_eq!(Reply::bulk("abc").into_bulk().unwrap(), "abc");
        assert_eq!(Reply::null().into_bulk(), None);
        assert!(Reply::from_frame(Bytes::from_static(b"*-1\r\n")).unwrap().is_null());
    }

    #[test]
    fn elements_of_elements_are_replies_and_of_what_is_no_array_there_are_none() {
        let inner = [Reply::integer(1), Reply::bulk("$1\r\n")];
        let outer = Reply::array([Reply::array(inner.clone()), Reply::null(), Reply::array([])]);
        let elements: Vec<_> = outer.elements().collect();
        assert!(elements == [Reply::array(inner.clone()), Reply::null(), Reply::array([])]);
        assert!(elements[0].elements().eq(inner));
        assert_eq!(elements[1].elements().count() + elements[2].elements().count(), 0);
    }

    #[test]
    fn what_is_not_exactly_one_reply_is_refused() {
        let read = |frame: &'static [u8]| Reply::from_frame(Bytes::from_static(frame)).map(|_| ());
        assert_eq!(read(b""), Err(InvalidFrame::Unfinished));
        assert_eq!(read(b"*2\r\n:1\r\n"), Err(InvalidFrame::Unfinished));
        assert_eq!(read(b":1\r\n:1\r\n"), Err(InvalidFrame::More));
        assert_eq!(read(b"%1\r\n"), Err(InvalidFrame::Malformed));
    }

    #[test]
    fn what_is_printed_of_a_reply_is_not_what_it_says() {
        let replies = [Reply::bulk("secret"), Reply::status("secret"), Reply::error("WRONGTYPE secret")];
        assert_eq!(format!("{replies:?}"), "[Reply(6 bytes), Reply(status), Reply(error WRONGTYPE)]");
    }
}
