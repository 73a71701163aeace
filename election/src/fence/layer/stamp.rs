//! The client's side: requests leave with the proof of ownership, or not at all.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use entourage_core::BoxError;
use http::Request;
use tower_layer::Layer;
use tower_service::Service;

use crate::fence::header::Stamp;

/// Stamps each request with the fence and owner that its source says are held now.
///
/// The source is asked at every request, and should look at the clock: what it answers when the
/// ownership has ended is `None`, and then nothing is sent. Headers of another stamp, from a
/// request that is passed on, are replaced.
///
/// # Examples
/// ```
/// use entourage_core::{Fence, Realm, Scope};
/// use entourage_election::fence::{Stamp, StampLayer};
///
/// let stamp = Stamp::new(Fence::new(Realm::new(7), Scope::new("printer"), 3), "host-1")?;
/// let is_held = || true; // Of the ownership.
/// let layer = StampLayer::new(move || is_held().then(|| stamp.clone()));
/// # let _ = layer;
/// # Ok::<(), entourage_election::fence::Malformed>(())
/// ```
pub struct StampLayer<F> {
    source: Arc<F>,
}

impl<F: Fn() -> Option<Stamp>> StampLayer<F> {
    /// A layer that asks `source` at every request.
    pub fn new(source: F) -> Self {
        Self { source: Arc::new(source) }
    }
}

impl<F> Clone for StampLayer<F> {
    fn clone(&self) -> Self {
        Self { source: Arc::clone(&self.source) }
    }
}

impl<F> fmt::Debug for StampLayer<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StampLayer").finish_non_exhaustive()
    }
}

impl<S, F> Layer<S> for StampLayer<F> {
    type Service = Stamped<S, F>;

    fn layer(&self, inner: S) -> Stamped<S, F> {
        Stamped { inner, source: Arc::clone(&self.source) }
    }
}

/// The service of [`StampLayer`].
pub struct Stamped<S, F> {
    inner: S,
    source: Arc<F>,
}

impl<S: Clone, F> Clone for Stamped<S, F> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), source: Arc::clone(&self.source) }
    }
}

impl<S: fmt::Debug, F> fmt::Debug for Stamped<S, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stamped").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl<S, F, B> Service<Request<B>> for Stamped<S, F>
where
    S: Service<Request<B>>,
    S::Error: Into<BoxError>,
    S::Future: Send + 'static,
    F: Fn() -> Option<Stamp>,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    /// # Errors
    /// [`NotHeld`] when the source has no stamp: the request was not sent.
    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let Some(stamp) = (self.source)() else { return Box::pin(async { Err(NotHeld.into()) }) };
        stamp.write(request.headers_mut());
        let call = self.inner.call(request);
        Box::pin(async move { call.await.map_err(Into::into) })
    }
}

/// The ownership that would have stamped the request has ended; nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the ownership has ended, so the request was not sent; acquire again")]
pub struct NotHeld;
