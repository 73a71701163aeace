//! A request's body that is sent piece by piece.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use entourage_core::BoxError;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::mpsc;

/// A request's body that is sent piece by piece, of a length that is known before.
///
/// A body whose pieces end before its length ends its connection: no server takes it for whole.
#[derive(Debug)]
pub struct Upload {
    left: u64,
    pieces: Option<mpsc::Receiver<Bytes>>,
}

/// Where the pieces of an [`Upload`] are put; dropped, there are no more.
#[derive(Debug)]
pub struct UploadPieces(mpsc::Sender<Bytes>);

impl Upload {
    /// Pieces that wait to be sent.
    const WAITING: usize = 2;

    /// No body at all.
    #[must_use]
    pub fn empty() -> Self {
        Self { left: 0, pieces: None }
    }

    /// A body of `length` bytes, and where its pieces are put while it is sent.
    #[must_use]
    pub fn of(length: u64) -> (Self, UploadPieces) {
        let (sender, pieces) = mpsc::channel(Self::WAITING);
        (Self { left: length, pieces: Some(pieces) }, UploadPieces(sender))
    }
}

impl UploadPieces {
    /// Puts the next piece, and waits while those before it are not sent; says whether it is wanted
    /// at all, as it is not once the exchange has ended.
    ///
    /// # Cancel safety
    /// A piece is put or not; who drops the future cannot tell, and drops the upload as well.
    pub async fn put(&self, piece: Bytes) -> bool {
        piece.is_empty() || self.0.send(piece).await.is_ok()
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Self { left, pieces } = &mut *self;
        let Some(pieces) = pieces.as_mut().filter(|_| *left > 0) else { return Poll::Ready(None) };
        let why = match ready!(pieces.poll_recv(cx)) {
            Some(piece) if piece.len() as u64 <= *left => {
                *left -= piece.len() as u64;
                return Poll::Ready(Some(Ok(Frame::data(piece))));
            }
            Some(_) => "the body to be sent is longer than was said",
            None => "the body to be sent ended before its length",
        };
        Poll::Ready(Some(Err(why.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
