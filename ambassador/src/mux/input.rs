use bytes::{Buf, BytesMut};

use crate::frame::{Frame, SHARED};

/// What was read from one socket and is not used yet.
#[derive(Debug)]
pub(crate) enum Input<'a> {
    /// In the buffer that every socket is read into.
    Lent(&'a [u8]),
    /// In a buffer of its own, since it began in an earlier read.
    Held(&'a mut BytesMut),
}

impl Input<'_> {
    pub(crate) fn rest(&self) -> &[u8] {
        match self {
            Self::Lent(bytes) => bytes,
            Self::Held(bytes) => bytes,
        }
    }

    /// Uses the first `len` bytes, which are a frame.
    pub(crate) fn frame<R>(&mut self, len: usize, then: impl FnOnce(Frame<'_>) -> R) -> R {
        match self {
            Self::Lent(bytes) => {
                let (frame, rest) = bytes.split_at(len);
                *bytes = rest;
                then(Frame::Lent(frame))
            }
            // A frame that is shared keeps the whole buffer: no small part of a large one is.
            Self::Held(bytes) if len >= SHARED && len >= bytes.capacity() / 4 => {
                then(Frame::Owned(&bytes.split_to(len).freeze()))
            }
            Self::Held(bytes) => {
                let done = then(Frame::Lent(&bytes[..len]));
                bytes.advance(len);
                done
            }
        }
    }
}
