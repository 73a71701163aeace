//! What is sent: a path of the one authority, with fields that are the client's own.

use bytes::Bytes;
use http::{HeaderValue, Method, Uri, header, uri::PathAndQuery};

use super::ask::Shared;
use crate::{
    error::{Error, Result},
    service::Request,
};

impl Shared {
    /// A request of the caller's as it is sent.
    pub(super) fn prepared<B>(
        &self,
        mut request: http::Request<B>,
        is_empty: bool,
    ) -> Result<http::Request<B>> {
        if request.method() == Method::CONNECT {
            return Err(Error::Invalid("this client opens no tunnels".to_owned()));
        }
        if request.uri().authority().is_some_and(|authority| *authority != self.authority) {
            let detail = format!("the request is for another authority than {}", self.authority);
            return Err(Error::Invalid(detail));
        }
        let path = request.uri().path_and_query().cloned();
        *request.uri_mut() = Uri::from(path.unwrap_or_else(|| PathAndQuery::from_static("/")));
        let is_put = matches!(*request.method(), Method::PUT | Method::POST);
        let headers = request.headers_mut();
        for name in [header::CONNECTION, header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::UPGRADE] {
            headers.remove(name);
        }
        headers.insert(header::HOST, self.host.clone());
        if is_put && is_empty {
            // Else nothing would say that there is nothing (RFC 9110, 8.6).
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        Ok(request)
    }
}

/// A request of ours, of JSON if there is a body.
pub(super) fn request(method: Method, path: &str, json: Option<Bytes>) -> Result<Request> {
    let mut builder = http::Request::builder().method(method).uri(path);
    if json.is_some() {
        builder = builder.header(header::CONTENT_TYPE, "application/json");
    }
    let request = builder.header(header::ACCEPT, "application/json").body(json.unwrap_or_default());
    request.map_err(|error| Error::Invalid(format!("{path:?} is no request's path: {error}")))
}
