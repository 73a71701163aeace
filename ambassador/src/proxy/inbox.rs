//! What was read from a socket and not used yet.

use std::{
    io,
    pin::pin,
    task::{Context, Poll, ready},
};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};

use super::socket::Socket;
use crate::mux::Input;

/// How much is read at a time.
pub(super) const CHUNK: usize = 64 * 1024;

/// A buffer for what was read and not used, which a quiet connection does without.
///
/// Whole requests and replies are used where they were read, in a buffer that all connections share.
/// Only what is cut off in the middle is kept here.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    held: BytesMut,
}

/// What a read came to.
#[derive(Debug)]
pub(super) enum Read {
    /// The other side sends no more.
    End,
    /// There is more than there was.
    Some,
}

impl Inbox {
    /// Reads once, and has `then` use what there is; what it leaves is kept.
    ///
    /// `shared` is the buffer that all connections are read into.
    pub(super) fn poll_read<R>(
        &mut self,
        socket: &mut Socket,
        shared: &mut [u8],
        cx: &mut Context<'_>,
        then: impl FnOnce(&mut Input<'_>) -> R,
    ) -> Poll<io::Result<(Read, Option<R>)>> {
        if self.held.is_empty() {
            let mut buffer = ReadBuf::new(shared);
            ready!(pin!(socket).poll_read(cx, &mut buffer))?;
            let mut input = Input::Lent(buffer.filled());
            if input.rest().is_empty() {
                return Poll::Ready(Ok((Read::End, None)));
            }
            let done = then(&mut input);
            self.held.extend_from_slice(input.rest());
            return Poll::Ready(Ok((Read::Some, Some(done))));
        }
        self.held.reserve(CHUNK);
        match ready!(pin!(socket.read_buf(&mut self.held)).poll(cx))? {
            0 => Poll::Ready(Ok((Read::End, None))),
            _ => Poll::Ready(Ok((Read::Some, Some(self.again(then))))),
        }
    }

    /// How many bytes are kept.
    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    /// Has `then` use what is kept.
    pub(super) fn again<R>(&mut self, then: impl FnOnce(&mut Input<'_>) -> R) -> R {
        let done = then(&mut Input::Held(&mut self.held));
        if self.held.is_empty() {
            self.held = BytesMut::new();
        }
        done
    }
}
