//! A body in chunks, and its trailers (RFC 9112, 7.1).

use entourage_core::planted;

use super::{Bounds, bad, body_too_large, head_too_large, is_token, is_value, too_many_fields};
use crate::problem::Problem;

/// Nobody uses chunk extensions; what they may take of one request.
const EXTENSION_BYTES: usize = 1024;
/// Digits of a chunk's size, zeros in front included.
const DIGITS: usize = 16;

/// A chunked body, read piece by piece.
#[derive(Debug)]
pub(super) struct Chunked {
    state: State,
    size: u64,
    digits: usize,
    total: u64,
    extension: usize,
    trailer_bytes: usize,
    trailers: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    SizeStart,
    Size,
    Extension,
    SizeEnd,
    Data,
    DataReturn,
    DataEnd,
    TrailerStart,
    TrailerName,
    TrailerValue,
    TrailerValueEnd,
    End,
}

impl Chunked {
    pub(super) const fn new() -> Self {
        Self {
            state: State::SizeStart,
            size: 0,
            digits: 0,
            total: 0,
            extension: 0,
            trailer_bytes: 0,
            trailers: 0,
        }
    }

    /// Takes some bytes; says how many, and whether the body ended with them.
    pub(super) fn take(&mut self, bytes: &[u8], bounds: &Bounds) -> Result<(usize, bool), Problem> {
        if self.state == State::Data {
            let piece = bytes.len().min(usize::try_from(self.size).unwrap_or(usize::MAX));
            self.size -= piece as u64;
            if self.size == 0 {
                self.state = State::DataReturn;
            }
            return Ok((piece, false));
        }
        let Some(&byte) = bytes.first() else { return Ok((0, false)) };
        let done = self.state == State::End && byte == b'\n';
        if !done {
            self.state = self.next(byte, bounds)?;
        }
        Ok((1, done))
    }

    fn next(&mut self, byte: u8, bounds: &Bounds) -> Result<State, Problem> {
        if matches!(
            self.state,
            State::TrailerStart | State::TrailerName | State::TrailerValue | State::TrailerValueEnd
        ) {
            self.trailer_bytes += 1;
            if self.trailer_bytes > bounds.header_bytes {
                return Err(head_too_large(bounds.header_bytes));
            }
        }
        Ok(match (self.state, byte) {
            (State::SizeStart | State::Size, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                let digit = u64::from(char::from(byte).to_digit(16).unwrap_or(0));
                self.size = self.size.saturating_mul(16).saturating_add(digit);
                let total = if planted("http-chunks-unsummed") { 0 } else { self.total };
                if total.saturating_add(self.size) > bounds.body_bytes {
                    return Err(body_too_large(bounds.body_bytes));
                }
                self.digits += 1;
                if self.digits > DIGITS {
                    return Err(bad("a chunk's size has too many digits"));
                }
                State::Size
            }
            (State::Size, b'\r') => State::SizeEnd,
            (State::Size, b';') => State::Extension,
            (State::Extension, b'\r') => State::SizeEnd,
            (State::Extension, _) if is_value(byte) => {
                self.extension += 1;
                if self.extension > EXTENSION_BYTES {
                    return Err(bad("the chunks have too long extensions"));
                }
                State::Extension
            }
            (State::SizeEnd, b'\n') if self.size == 0 => State::TrailerStart,
            (State::SizeEnd, b'\n') => {
                self.total += self.size;
                State::Data
            }
            (State::DataReturn, b'\r') => State::DataEnd,
            (State::DataEnd, b'\n') => {
                self.digits = 0;
                State::SizeStart
            }
            (State::TrailerStart, b'\r') => State::End,
            (State::TrailerStart, _) if is_token(byte) => {
                self.trailers += 1;
                if self.trailers > bounds.headers {
                    return Err(too_many_fields(bounds.headers));
                }
                State::TrailerName
            }
            (State::TrailerName, b':') => State::TrailerValue,
            (State::TrailerName, _) if is_token(byte) => State::TrailerName,
            (State::TrailerValue, b'\r') => State::TrailerValueEnd,
            (State::TrailerValue, _) if is_value(byte) => State::TrailerValue,
            (State::TrailerValueEnd, b'\n') => State::TrailerStart,
            _ => return Err(bad("the body is not in chunks as its head says")),
        })
    }
}
