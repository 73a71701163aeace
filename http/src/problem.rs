//! A refusal that its reader understands.

use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};

use crate::service::Response;

/// Why a request was refused, as `application/problem+json` (RFC 9457).
///
/// ```
/// use entourage_http::Problem;
/// use http::StatusCode;
///
/// let response = Problem::new(StatusCode::NOT_FOUND, "no item \"a\"").into_response();
/// assert_eq!(response.headers()["content-type"], "application/problem+json");
/// assert_eq!(
///     response.body(),
///     r#"{"title":"Not Found","status":404,"detail":"no item \"a\""}"#
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    detail: Cow<'static, str>,
}

impl Problem {
    /// A refusal with this status, because of `detail`: what was wrong, and what to do.
    pub fn new(status: StatusCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { status, detail: detail.into() }
    }

    /// The status.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// What was wrong.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The answer that says so.
    #[must_use]
    pub fn into_response(self) -> Response {
        let mut response = Response::new(Bytes::from(self.body()));
        *response.status_mut() = self.status;
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        response
    }

    /// The answer as it goes over the wire where no HTTP library can send it any more.
    pub(crate) fn into_last_words(self) -> Vec<u8> {
        let body = self.body();
        format!(
            "HTTP/1.1 {} {}\r\ncontent-type: application/problem+json\r\ncontent-length: {}\r\n\
             connection: close\r\n\r\n{body}",
            self.status.as_str(),
            self.status.canonical_reason().unwrap_or("Refused"),
            body.len(),
        )
        .into_bytes()
    }

    fn body(&self) -> String {
        // `Value`'s own text escapes; its map would sort the members, so they are put in order here.
        let text = |text: &str| serde_json::Value::from(text).to_string();
        format!(
            r#"{{"title":{},"status":{},"detail":{}}}"#,
            text(self.status.canonical_reason().unwrap_or("Refused")),
            self.status.as_u16(),
            text(&self.detail),
        )
    }
}

impl From<Problem> for Response {
    fn from(problem: Problem) -> Self {
        problem.into_response()
    }
}
