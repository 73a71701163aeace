//! One request and its answer, whatever the handler does.

use std::{convert::Infallible, future::poll_fn, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use entourage_core::{BoxError, planted, timeout};
use http::{HeaderValue, Method, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use tower_service::Service;

use super::line::Line;
use crate::{
    guard::{Panicked, guarded},
    problem::Problem,
    service::{BoxFuture, Request, Response},
};

/// Fields that belong to the connection and its framing, which no handler decides.
const HOP_BY_HOP: [header::HeaderName; 6] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::TRAILER,
    header::HeaderName::from_static("keep-alive"),
];

/// A service as the HTTP library calls it: bounded, and whole whatever happens.
#[derive(Debug)]
pub(super) struct Answering<S> {
    // Boxed, so that the connection can be polled without being pinned.
    pub(super) service: Box<S>,
    pub(super) line: Arc<Line>,
}

impl<S> hyper::service::Service<http::Request<Incoming>> for Answering<S>
where
    S: Service<Request, Response = Response> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
{
    type Response = http::Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = BoxFuture<Result<Self::Response, Infallible>>;

    fn call(&self, request: http::Request<Incoming>) -> Self::Future {
        let line = Arc::clone(&self.line);
        let number = line.request_is_served(!request.body().is_end_stream());
        let service = (*self.service).clone();
        Box::pin(async move {
            let response = answer(service, &line, request).await;
            let is_last = number >= line.house.limits.requests;
            let closes = is_last || line.has_unread_body() || line.house.is_draining();
            Ok(framed(response, closes).map(Full::new))
        })
    }
}

async fn answer<S>(mut service: S, line: &Line, request: http::Request<Incoming>) -> Response
where
    S: Service<Request, Response = Response> + Send,
    S::Future: Send,
    S::Error: Into<BoxError>,
{
    let house = &line.house;
    let (mut parts, body) = request.into_parts();
    if parts.method == Method::CONNECT {
        return Problem::new(StatusCode::NOT_IMPLEMENTED, "this server is no proxy").into_response();
    }
    let body = match whole(line, body).await {
        Ok(body) => body,
        Err(problem) => return problem.into_response(),
    };
    parts.extensions.insert(line.peer);
    let request = Request::from_parts(parts, body);
    let handler_time = house.limits.handler_time;
    let handler_time = if planted("http-handler-has-no-time") { Duration::MAX } else { handler_time };
    let handled = guarded(async move {
        poll_fn(|cx| service.poll_ready(cx)).await?;
        service.call(request).await
    });
    match timeout(&*house.clock, handler_time, handled).await {
        Ok(Ok(Ok(response))) => response,
        Ok(Ok(Err(error))) => {
            tracing::error!(error = &*error.into(), "a handler failed");
            internal_error()
        }
        Ok(Err(Panicked(message))) => {
            house.counts.panics.increment();
            tracing::error!(message, "a handler panicked");
            internal_error()
        }
        Err(_) => {
            house.counts.timeouts.increment();
            Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                format!("no answer was found within {handler_time:?}; it may or may not be carried out"),
            )
            .into_response()
        }
    }
}

/// The body, once all of it is there.
async fn whole(line: &Line, body: Incoming) -> Result<Bytes, Problem> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let house = &line.house;
    let body_time = house.limits.body_time;
    let body_time = if planted("http-body-has-no-time") { Duration::MAX } else { body_time };
    match timeout(&*house.clock, body_time, collect(body)).await {
        Ok(Ok(bytes)) => {
            line.body_is_read();
            Ok(bytes)
        }
        Ok(Err(_)) => Err(line
            .take_refusal()
            .unwrap_or_else(|| Problem::new(StatusCode::BAD_REQUEST, "the body ended before its end"))),
        Err(_) => {
            house.counts.timeouts.increment();
            Err(Problem::new(
                StatusCode::REQUEST_TIMEOUT,
                format!("the body did not end within {body_time:?}; send it at once"),
            ))
        }
    }
}

/// Joins the pieces of a body; the framing has bounded their sum. A single piece is not copied.
async fn collect(mut body: Incoming) -> hyper::Result<Bytes> {
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        if first.is_empty() && rest.is_empty() {
            first = data;
        } else {
            if rest.is_empty() {
                rest.extend_from_slice(&first);
            }
            rest.extend_from_slice(&data);
        }
    }
    Ok(if rest.is_empty() { first } else { rest.freeze() })
}

fn internal_error() -> Response {
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the handler failed; its log says why").into_response()
}

/// The answer with framing that is true: lengths are counted, not believed.
fn framed(response: Response, closes: bool) -> Response {
    let mut response = if response.status().is_informational() { internal_error() } else { response };
    for name in &HOP_BY_HOP {
        response.headers_mut().remove(name);
    }
    if matches!(response.status(), StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
        *response.body_mut() = Bytes::new();
    } else {
        // Said here, because the HTTP library leaves a length of zero out of the answer to a `HEAD`.
        let length = HeaderValue::from(response.body().len());
        response.headers_mut().insert(header::CONTENT_LENGTH, length);
    }
    if closes {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
