//! Any source, served over HTTP as the book has it.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use entourage_blueprint::{Blueprint, Describe, Node, Sink};
use entourage_core::{Retryable, Verdict};
use entourage_http::{Problem, Request, Response, json};
use http::{HeaderValue, Method, StatusCode, header};
use tower_service::Service;

use super::{shape::Shape, write};
use crate::source::{WorkSource, describe_behind, error::SourceError, name::ItemName};

/// Serves any source as the book has it: a Tower service for [`entourage_http::Server`].
///
/// `GET /api/v1/items` and `GET /api/v1/items/NAME` are answered byte for byte as the book writes
/// them. What else is asked gets a problem in JSON (RFC 9457): 404 for other paths and items that
/// are not there, 405 for other methods, 400 for what is no name, 503 while the source cannot be
/// asked, and 500 for data that is no JSON, which the book's form cannot hold.
///
/// # Examples
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use entourage_core::Shutdown;
/// use entourage_http::Server;
/// use entourage_workqueue::{FromNames, HttpSource, SourceServer, WorkSource};
/// use tokio::net::TcpListener;
///
/// let listener = TcpListener::bind("127.0.0.1:0").await?;
/// let url = format!("http://{}", listener.local_addr()?);
/// let server = Server::new(SourceServer::new(FromNames::from_iter(["item-1", "item 2"])));
/// tokio::spawn(server.run(listener, Shutdown::new()));
///
/// let source = HttpSource::new(&url)?;
/// let names = source.items().await?.into_names();
/// assert_eq!(source.item(&names[1]).await?.unwrap().bytes(), r#"{"name":"item 2"}"#);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct SourceServer {
    source: Arc<dyn WorkSource>,
    shape: Shape,
}

impl SourceServer {
    /// The server of `source`, in the form of the book's text.
    #[must_use]
    pub fn new(source: impl WorkSource) -> Self {
        Self { source: Arc::new(source), shape: Shape::Api }
    }

    /// The same server in one of the book's two forms.
    ///
    /// [`Shape::Sample`] answers any path with the list; bind it to [`Shape::SAMPLE_PORT`].
    #[must_use]
    pub const fn with_shape(mut self, shape: Shape) -> Self {
        self.shape = shape;
        self
    }

    async fn answer(self, request: Request) -> Response {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return not_allowed();
        }
        if self.shape == Shape::Sample {
            return self.list().await;
        }
        match request.uri().path().strip_prefix("/api/v1/items") {
            Some("" | "/") => self.list().await,
            Some(rest) => match rest.strip_prefix('/') {
                Some(segment) if !segment.contains('/') => self.item(segment).await,
                _ => nowhere(),
            },
            None => nowhere(),
        }
    }

    async fn list(&self) -> Response {
        match self.source.items().await {
            Ok(listing) => json(StatusCode::OK, write::list(&listing)),
            Err(error) => failed(&error),
        }
    }

    async fn item(&self, segment: &str) -> Response {
        let name = match ItemName::from_segment(segment) {
            Ok(name) => name,
            Err(why) => return Problem::new(StatusCode::BAD_REQUEST, why.to_string()).into_response(),
        };
        match self.source.item(&name).await {
            Ok(Some(data)) => match write::item(&data) {
                Some(text) => json(StatusCode::OK, text),
                None => {
                    let why = "the data of this item is no JSON, which an Item has to hold";
                    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, why).into_response()
                }
            },
            Ok(None) => Problem::new(StatusCode::NOT_FOUND, "no item has this name").into_response(),
            Err(error) => failed(&error),
        }
    }
}

fn nowhere() -> Response {
    let why =
        "nothing is at this path; ask for /api/v1/items or /api/v1/items/NAME, with the name percent-encoded";
    Problem::new(StatusCode::NOT_FOUND, why).into_response()
}

fn not_allowed() -> Response {
    let why = "a source takes GET, HEAD alone";
    let mut response = Problem::new(StatusCode::METHOD_NOT_ALLOWED, why).into_response();
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    response
}

fn failed(error: &SourceError) -> Response {
    let status = match error.verdict() {
        Verdict::Transient => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    Problem::new(status, error.to_string()).into_response()
}

impl Service<Request> for SourceServer {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let server = self.clone();
        Box::pin(async move { Ok(server.answer(request).await) })
    }
}

impl Describe for SourceServer {
    fn describe(&self, blueprint: &mut Blueprint) {
        let name = format!("{}, served", self.source.name());
        blueprint.add_node(Node::new("source-server", &name).sink(Sink::default()));
        describe_behind(blueprint, &self.source, &name);
    }
}
