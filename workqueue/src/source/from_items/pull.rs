//! One item at a time from an iterator or a stream.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_core::Stream;

/// Why nothing was pulled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pulled {
    /// There is nothing now, or no room.
    Later,
    /// There is nothing more.
    Ended,
    /// There is nothing more, because it panicked.
    Panicked,
}

trait Items: Send {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<(String, Bytes)>>;
}

struct OfIterator<I>(I);

impl<N: AsRef<str>, D: Into<Bytes>, I: Iterator<Item = (N, D)> + Send> Items for OfIterator<I> {
    fn poll(&mut self, _: &mut Context<'_>) -> Poll<Option<(String, Bytes)>> {
        Poll::Ready(self.0.next().map(owned))
    }
}

struct OfStream<S>(Pin<Box<S>>);

impl<N: AsRef<str>, D: Into<Bytes>, S: Stream<Item = (N, D)> + Send> Items for OfStream<S> {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<(String, Bytes)>> {
        self.0.as_mut().poll_next(context).map(|next| next.map(owned))
    }
}

fn owned<N: AsRef<str>, D: Into<Bytes>>((name, data): (N, D)) -> (String, Bytes) {
    (name.as_ref().to_owned(), data.into())
}

/// What items are pulled from, until its end; it is asked nothing after that.
pub(super) struct Pull {
    items: Option<Box<dyn Items>>,
    end: Pulled,
}

impl Pull {
    pub(super) fn iter<N, D, I>(items: I) -> Self
    where
        N: AsRef<str>,
        D: Into<Bytes>,
        I: Iterator<Item = (N, D)> + Send + 'static,
    {
        Self { items: Some(Box::new(OfIterator(items))), end: Pulled::Ended }
    }

    pub(super) fn stream<N, D, S>(items: S) -> Self
    where
        N: AsRef<str>,
        D: Into<Bytes>,
        S: Stream<Item = (N, D)> + Send + 'static,
    {
        Self { items: Some(Box::new(OfStream(Box::pin(items)))), end: Pulled::Ended }
    }

    /// The next item, or why there is none.
    pub(super) fn next(&mut self, context: &mut Context<'_>) -> Result<(String, Bytes), Pulled> {
        let Some(items) = &mut self.items else { return Err(self.end) };
        // What panicked is dropped here and never looked at again.
        match catch_unwind(AssertUnwindSafe(|| items.poll(context))) {
            Ok(Poll::Ready(Some(item))) => return Ok(item),
            Ok(Poll::Pending) => return Err(Pulled::Later),
            Ok(Poll::Ready(None)) => {}
            Err(_) => {
                tracing::error!("what items are pulled from panicked; it is asked for no more");
                self.end = Pulled::Panicked;
            }
        }
        self.items = None;
        Err(self.end)
    }
}
