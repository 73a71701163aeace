//! What answers requests: Tower's service over whole, small bodies.

use std::{
    convert::Infallible,
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use tower_service::Service;

/// A request whose body has been read, within the server's limits.
pub type Request = http::Request<Bytes>;

/// An answer whose body is small enough to be held.
pub type Response = http::Response<Bytes>;

pub(crate) type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A plain async function as a service.
///
/// ```
/// use entourage_http::{Request, service_fn, text};
/// use http::StatusCode;
///
/// let echo = service_fn(|request: Request| async move {
///     text(StatusCode::OK, request.into_body())
/// });
/// # let _ = echo;
/// ```
pub const fn service_fn<F, Fut>(function: F) -> ServiceFn<F>
where
    F: FnMut(Request) -> Fut,
    Fut: Future<Output = Response>,
{
    ServiceFn { function }
}

/// See [`service_fn`].
#[derive(Clone, Copy)]
pub struct ServiceFn<F> {
    function: F,
}

impl<F> fmt::Debug for ServiceFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceFn").finish_non_exhaustive()
    }
}

impl<F, Fut> Service<Request> for ServiceFn<F>
where
    F: FnMut(Request) -> Fut,
    Fut: Future<Output = Response> + Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let answer = (self.function)(request);
        Box::pin(async move { Ok(answer.await) })
    }
}
