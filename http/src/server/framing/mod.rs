//! Where one request ends and the next begins, read strictly and once (RFC 9112).
//!
//! The bytes pass through here before the HTTP library sees them. What two programs could read
//! differently (two lengths, a length beside a transfer coding, folded lines, bare line ends)
//! is refused: that is what request smuggling lives on. No IO, no clock, constant memory.

mod chunked;
mod head;

use http::StatusCode;

use self::{
    chunked::Chunked,
    head::{Head, Length},
};
use crate::{problem::Problem, server::limits::Limits};

/// Reads the bytes of one connection, request after request.
#[derive(Debug)]
pub(super) struct Framing {
    bounds: Bounds,
    part: Part,
}

/// The sizes that framing judges.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    target_bytes: usize,
    header_bytes: usize,
    headers: usize,
    body_bytes: u64,
}

impl From<&Limits> for Bounds {
    fn from(limits: &Limits) -> Self {
        Self {
            target_bytes: limits.target_bytes,
            header_bytes: limits.header_bytes,
            headers: limits.headers,
            body_bytes: limits.body_bytes as u64,
        }
    }
}

/// What is being read.
#[derive(Debug)]
enum Part {
    Head(Head),
    Sized(u64),
    Chunked(Chunked),
}

/// How far the framing has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Between two requests.
    Between,
    /// Within a request's head.
    Head,
    /// Within a request's body.
    Body,
}

impl Framing {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self { bounds, part: Part::Head(Head::new()) }
    }

    pub(super) const fn place(&self) -> Place {
        match &self.part {
            Part::Head(head) if head.is_untouched() => Place::Between,
            Part::Head(_) => Place::Head,
            Part::Sized(_) | Part::Chunked(_) => Place::Body,
        }
    }

    /// Takes bytes up to the end of the present request at most; says how many.
    ///
    /// Takes at least one byte of a slice that is not empty. After a refusal nothing that follows
    /// has a meaning any more.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<usize, Problem> {
        let mut taken = 0;
        while taken < bytes.len() {
            let rest = &bytes[taken..];
            let done = match &mut self.part {
                Part::Head(head) => {
                    let length = head.take(rest[0], &self.bounds)?;
                    taken += 1;
                    match length {
                        None => false,
                        Some(Length::None) => true,
                        Some(Length::Sized(length)) => {
                            if length > self.bounds.body_bytes {
                                return Err(body_too_large(self.bounds.body_bytes));
                            }
                            self.part = Part::Sized(length);
                            // The head stays a piece of its own, so that its deadline ends with it.
                            return Ok(taken);
                        }
                        Some(Length::Chunked) => {
                            self.part = Part::Chunked(Chunked::new());
                            return Ok(taken);
                        }
                    }
                }
                Part::Sized(left) => {
                    let piece = rest.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                    *left -= piece as u64;
                    taken += piece;
                    *left == 0
                }
                Part::Chunked(chunked) => {
                    let (piece, done) = chunked.take(rest, &self.bounds)?;
                    taken += piece;
                    done
                }
            };
            if done {
                self.part = Part::Head(Head::new());
                return Ok(taken);
            }
        }
        Ok(taken)
    }
}

fn bad(detail: &'static str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, detail)
}

pub(super) fn body_too_large(limit: u64) -> Problem {
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        format!("the body has more than {limit} bytes; send less at a time"),
    )
}

fn head_too_large(limit: usize) -> Problem {
    Problem::new(
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        format!("the head has more than {limit} bytes; send fewer or shorter fields"),
    )
}

fn too_many_fields(limit: usize) -> Problem {
    Problem::new(
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        format!("the head has more than {limit} fields; send fewer"),
    )
}

/// Whether `byte` may stand in a method or a field's name (RFC 9110, 5.6.2).
const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

/// Whether `byte` may stand in a field's value (RFC 9110, 5.5).
const fn is_value(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

#[cfg(test)]
mod tests;
