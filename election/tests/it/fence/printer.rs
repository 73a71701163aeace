//! A service with an effect, and requests that may arrive late.

use std::{
    convert::Infallible,
    future::{self, Ready},
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use ::http::{Request, Response, StatusCode};
use entourage_election::fence::Stamp;
use tower_service::Service;

/// A page's text, and the epoch of its stamp.
pub(super) type Page = (String, Option<u64>);

/// A service that writes down which request had an effect, and by which fence.
#[derive(Clone, Debug, Default)]
pub(super) struct Printer {
    pub(super) printed: Arc<Mutex<Vec<Page>>>,
}

impl Printer {
    pub(super) fn printed(&self) -> Vec<String> {
        self.printed.lock().unwrap().iter().map(|(page, _)| page.clone()).collect()
    }
}

impl Service<Request<String>> for Printer {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = Ready<Result<Response<String>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<String>) -> Self::Future {
        let epoch = request.extensions().get::<Stamp>().map(|stamp| stamp.fence().epoch());
        self.printed.lock().unwrap().push((request.into_body(), epoch));
        future::ready(Ok(Response::new("printed".to_owned())))
    }
}

/// A request that left its sender with this stamp, whenever it arrives.
pub(super) fn page(stamp: &Stamp, text: &str) -> Request<String> {
    let mut request = Request::new(text.to_owned());
    stamp.write(request.headers_mut());
    request
}

pub(super) async fn send<S>(service: &mut S, request: Request<String>) -> Result<S::Response, S::Error>
where
    S: Service<Request<String>>,
{
    future::poll_fn(|cx| service.poll_ready(cx)).await?;
    service.call(request).await
}

pub(super) async fn status<S>(service: &mut S, request: Request<String>) -> StatusCode
where
    S: Service<Request<String>, Response = Response<String>, Error = Infallible>,
{
    send(service, request).await.unwrap().status()
}
