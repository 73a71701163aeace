//! A request's line and its header fields.

use entourage_core::planted;
use http::StatusCode;

use super::{Bounds, bad, head_too_large, is_token, is_value, too_many_fields};
use crate::problem::Problem;

/// Longer methods exist nowhere.
const METHOD_BYTES: usize = 32;
/// The longest name that the framing looks at is `transfer-encoding`.
const NAME_BYTES: usize = 17;
/// The longest value it looks at: a length of 20 digits.
const VALUE_BYTES: usize = 20;

/// A head, read byte by byte.
#[derive(Debug)]
pub(super) struct Head {
    state: State,
    bytes: usize,
    part: usize,
    fields: usize,
    version: Text<8>,
    is_http2: bool,
    name: Text<NAME_BYTES>,
    value: Text<VALUE_BYTES>,
    hosts: usize,
    length: Option<u64>,
    is_chunked: bool,
}

/// How long the body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    None,
    Sized(u64),
    Chunked,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Empty lines before a request are forgiven (RFC 9112, 2.2).
    Start,
    StartEnd,
    Method,
    Target,
    Version,
    VersionEnd,
    FieldStart,
    Name,
    Value,
    ValueEnd,
    HeadEnd,
}

impl Head {
    pub(super) const fn new() -> Self {
        Self {
            state: State::Start,
            bytes: 0,
            part: 0,
            fields: 0,
            version: Text::new(),
            is_http2: true,
            name: Text::new(),
            value: Text::new(),
            hosts: 0,
            length: None,
            is_chunked: false,
        }
    }

    pub(super) const fn is_untouched(&self) -> bool {
        self.bytes == 0
    }

    /// Takes one byte; says how long the body is when it was the head's last.
    pub(super) fn take(&mut self, byte: u8, bounds: &Bounds) -> Result<Option<Length>, Problem> {
        self.bytes += 1;
        if self.bytes > bounds.header_bytes {
            return Err(head_too_large(bounds.header_bytes));
        }
        self.state = match (self.state, byte) {
            (State::Start, b'\r') => State::StartEnd,
            (State::StartEnd, b'\n') => State::Start,
            (State::Start | State::Method, _) if is_token(byte) => self.method(byte)?,
            (State::Method, b' ') => {
                self.is_http2 &= self.part == 3;
                self.part = 0;
                State::Target
            }
            (State::Start | State::StartEnd | State::Method, _) => {
                return Err(bad("this is no HTTP request; the server speaks HTTP/1.1"));
            }
            (State::Target, b' ') if self.part > 0 => State::Version,
            (State::Target, b'!'..=b'~') => {
                self.part += 1;
                if self.part > bounds.target_bytes {
                    return Err(Problem::new(
                        StatusCode::URI_TOO_LONG,
                        format!("the target has more than {} bytes; ask for less", bounds.target_bytes),
                    ));
                }
                State::Target
            }
            (State::Target, _) => return Err(bad("the request's target has a byte that no target has")),
            (State::Version, b'\r') => State::VersionEnd,
            (State::Version, b'!'..=b'~') => {
                self.version.push(byte);
                State::Version
            }
            (State::VersionEnd, b'\n') => self.version_end()?,
            (State::Version | State::VersionEnd, _) => {
                return Err(bad("the request's line does not end with its version and CR LF"));
            }
            (State::FieldStart, b'\r') => State::HeadEnd,
            (State::FieldStart, b' ' | b'\t') => return Err(bad("a header field is folded over lines")),
            (State::FieldStart, _) if is_token(byte) => {
                self.fields += 1;
                if self.fields > bounds.headers && !planted("http-fields-uncounted") {
                    return Err(too_many_fields(bounds.headers));
                }
                self.name.clear();
                self.value.clear();
                self.name.push(byte.to_ascii_lowercase());
                State::Name
            }
            (State::Name, b':') => State::Value,
            (State::Name, _) if is_token(byte) => {
                self.name.push(byte.to_ascii_lowercase());
                State::Name
            }
            (State::FieldStart | State::Name, _) => {
                return Err(bad("a header field has no valid name before its colon"));
            }
            (State::Value, b'\r') => State::ValueEnd,
            (State::Value, _) if is_value(byte) => {
                // Leading blanks are not of the value; trailing ones are cut at its end.
                if !(self.value.is_empty() && matches!(byte, b' ' | b'\t')) {
                    self.value.push(byte);
                }
                State::Value
            }
            (State::ValueEnd, b'\n') => {
                self.field()?;
                State::FieldStart
            }
            (State::Value | State::ValueEnd, _) => {
                return Err(bad("a header field has a control byte, or a line end that is not CR LF"));
            }
            (State::HeadEnd, b'\n') => return self.end().map(Some),
            (State::HeadEnd, _) => return Err(bad("the head does not end with CR LF")),
        };
        Ok(None)
    }

    fn method(&mut self, byte: u8) -> Result<State, Problem> {
        self.is_http2 &= b"PRI".get(self.part) == Some(&byte);
        self.part += 1;
        if self.part > METHOD_BYTES {
            return Err(Problem::new(StatusCode::NOT_IMPLEMENTED, "no method has a name as long as this"));
        }
        Ok(State::Method)
    }

    fn version_end(&self) -> Result<State, Problem> {
        match self.version.whole() {
            Some(b"HTTP/1.1" | b"HTTP/1.0") => Ok(State::FieldStart),
            Some(b"HTTP/2.0") if self.is_http2 => Err(Problem::new(
                StatusCode::HTTP_VERSION_NOT_SUPPORTED,
                "this is HTTP/2; the server speaks HTTP/1.1",
            )),
            Some([b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9']) => Err(Problem::new(
                StatusCode::HTTP_VERSION_NOT_SUPPORTED,
                "this version is not spoken here; the server speaks HTTP/1.1",
            )),
            _ => Err(bad("the request's line names no version; the server speaks HTTP/1.1")),
        }
    }

    /// A field is complete: looks at those that decide where the body ends.
    fn field(&mut self) -> Result<(), Problem> {
        self.value.trim_end();
        match self.name.whole() {
            Some(b"host") => self.hosts += 1,
            Some(b"content-length") => {
                let length = self.value.whole().and_then(decimal);
                let length = length.ok_or_else(|| bad("the content length is not a number"))?;
                // Even two equal ones: somebody in between may have read only one.
                if self.length.replace(length).is_some() {
                    return Err(bad("the request has two content lengths"));
                }
            }
            Some(b"transfer-encoding") => {
                if !self.value.is("chunked") {
                    return Err(Problem::new(
                        StatusCode::NOT_IMPLEMENTED,
                        "the only transfer coding spoken here is chunked",
                    ));
                }
                if self.is_chunked {
                    return Err(bad("the request is chunked twice"));
                }
                self.is_chunked = true;
            }
            Some(b"expect") if !self.value.is("100-continue") => {
                return Err(Problem::new(
                    StatusCode::EXPECTATION_FAILED,
                    "the only expectation met here is 100-continue",
                ));
            }
            _ => {}
        }
        Ok(())
    }

    fn end(&self) -> Result<Length, Problem> {
        let is_http10 = self.version.whole() == Some(b"HTTP/1.0");
        if self.hosts > 1 || (self.hosts == 0 && !is_http10) {
            return Err(bad("a request has exactly one host field"));
        }
        match (self.is_chunked, self.length) {
            (true, Some(_)) if !planted("http-two-lengths-pass") => {
                Err(bad("the request has a content length and a transfer coding"))
            }
            (true, None) if is_http10 => Err(bad("HTTP/1.0 has no transfer codings")),
            (true, _) => Ok(Length::Chunked),
            (false, None | Some(0)) => Ok(Length::None),
            (false, Some(length)) => Ok(Length::Sized(length)),
        }
    }
}

fn decimal(digits: &[u8]) -> Option<u64> {
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// The first bytes of something, and whether that was all.
#[derive(Debug)]
struct Text<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> Text<N> {
    const fn new() -> Self {
        Self { bytes: [0; N], len: 0 }
    }

    const fn clear(&mut self) {
        self.len = 0;
    }

    const fn is_empty(&self) -> bool {
        self.len == 0
    }

    fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.len) {
            *place = byte;
        }
        // Beyond the room only the count goes on, so that a longer text equals no known one.
        self.len = self.len.saturating_add(1);
    }

    fn trim_end(&mut self) {
        while self.whole().is_some_and(|text| text.ends_with(b" ") || text.ends_with(b"\t")) {
            self.len -= 1;
        }
    }

    fn whole(&self) -> Option<&[u8]> {
        self.bytes.get(..self.len)
    }

    fn is(&self, text: &str) -> bool {
        self.whole().is_some_and(|whole| whole.eq_ignore_ascii_case(text.as_bytes()))
    }
}
