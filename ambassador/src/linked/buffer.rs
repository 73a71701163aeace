//! The bytes of a command while it grows.

use std::ops::Range;

use bytes::Bytes;

use super::spans::Spans;
use crate::redis::{
    args::Span,
    wire::{Number, number},
};

/// The first line of a frame, `*4294967295\r\n`, is not longer.
pub(super) const ROOM: usize = 13;

/// What most commands fit into.
pub(super) const CAPACITY: usize = 96;

/// Where a command's frame is.
#[derive(Clone)]
pub(super) enum Buffer {
    /// The frame begins at `start`, so that there is room before it for a larger number.
    Written {
        bytes: Vec<u8>,
        start: usize,
    },
    Shared(Bytes),
}

impl Buffer {
    /// Nothing yet, with room for a frame of so many bytes.
    #[inline]
    pub(super) fn with_room(bytes: usize) -> Self {
        let mut buffer = Vec::with_capacity(bytes + ROOM);
        buffer.extend_from_slice(&[0; ROOM]);
        Self::Written { bytes: buffer, start: ROOM }
    }

    /// The bytes, to be written to; copies them where they are shared.
    #[inline]
    pub(super) fn written(&mut self, spans: &mut Spans) -> &mut Vec<u8> {
        if let Self::Shared(frame) = self {
            *self = Self::copied(frame, spans);
        }
        match self {
            Self::Written { bytes, .. } => bytes,
            Self::Shared(_) => unreachable!("it was copied above"),
        }
    }

    #[cold]
    fn copied(frame: &[u8], spans: &mut Spans) -> Self {
        let line = match number(frame.get(1..).unwrap_or_default()) {
            Number::Is(_, line) => 1 + line,
            Number::Unfinished | Number::Wrong => unreachable!("a frame begins with a number"),
        };
        let mut bytes = Vec::with_capacity(CAPACITY.max(frame.len() + ROOM));
        bytes.extend_from_slice(&[0; ROOM]);
        bytes.extend_from_slice(frame.get(line..).unwrap_or_default());
        let moved = |span: &Span| {
            let Range { start, end } = span.range();
            Span::new(start + ROOM - line..end + ROOM - line).unwrap_or(Span::NOWHERE)
        };
        *spans = spans.as_slice().iter().map(moved).collect::<Vec<_>>().into();
        Self::Written { bytes, start: ROOM }
    }

    /// Writes how many arguments there are, the name included.
    #[inline]
    pub(super) fn count(&mut self, mut number: usize) {
        let Self::Written { bytes, start } = self else { return };
        let mut at = ROOM;
        let mut put = |byte: u8| {
            at -= 1;
            bytes[at] = byte;
        };
        put(b'\n');
        put(b'\r');
        loop {
            put(b'0' + (number % 10) as u8);
            number /= 10;
            if number == 0 {
                break;
            }
        }
        put(b'*');
        *start = at;
    }
}
