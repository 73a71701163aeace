//! Answers with the right content type.

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};

use crate::service::Response;

/// An answer of JSON text; its length is the server's to say.
///
/// ```
/// use entourage_http::json;
/// use http::StatusCode;
///
/// let response = json(StatusCode::OK, r#"{"items":[]}"#);
/// assert_eq!(response.headers()["content-type"], "application/json");
/// ```
#[must_use]
pub fn json(status: StatusCode, body: impl Into<Bytes>) -> Response {
    with_type(status, "application/json", body)
}

/// An answer of plain text in UTF-8.
///
/// ```
/// let response = entourage_http::text(http::StatusCode::OK, "ok\n");
/// assert_eq!(response.headers()["content-type"], "text/plain; charset=utf-8");
/// ```
#[must_use]
pub fn text(status: StatusCode, body: impl Into<Bytes>) -> Response {
    with_type(status, "text/plain; charset=utf-8", body)
}

pub(crate) fn with_type(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
