//! Exact paths to handlers.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    fmt,
    future::Future,
    sync::Arc,
    task::{Context, Poll},
};

use http::{HeaderValue, Method, StatusCode, header};
use tower_service::Service;

use crate::{
    problem::Problem,
    service::{BoxFuture, Request, Response},
};

type Handler = Arc<dyn Fn(Request) -> BoxFuture<Response> + Send + Sync>;

/// Chooses a handler by path and method, both exactly.
///
/// A path that is not there is a 404; a method that is not, a 405 with `Allow`. `HEAD` is answered
/// by the handler of `GET`, without the body. A clone costs one reference count.
///
/// ```
/// use entourage_http::{Request, Router, text};
/// use http::{Method, StatusCode};
///
/// let router = Router::new()
///     .route(Method::GET, "/hello", |_: Request| async { text(StatusCode::OK, "hello\n") })
///     .route(Method::PUT, "/hello", |_: Request| async { text(StatusCode::ACCEPTED, "") });
/// # let _ = router;
/// ```
#[derive(Clone, Default)]
pub struct Router {
    paths: Arc<BTreeMap<String, Vec<(Method, Handler)>>>,
}

impl Router {
    /// A router that answers 404 to everything.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same router with one more handler; a later one takes the place of an earlier.
    ///
    /// # Panics
    /// If `path` does not begin with a slash: no request would ever have it.
    #[must_use]
    pub fn route<F, Fut>(mut self, method: Method, path: &str, handler: F) -> Self
    where
        F: Fn(Request) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Response> + Send + 'static,
    {
        assert!(path.starts_with('/'), "path {path:?} does not begin with a slash");
        let handler: Handler = Arc::new(move |request| Box::pin(handler(request)));
        let handlers = Arc::make_mut(&mut self.paths).entry(path.to_owned()).or_default();
        handlers.retain(|(known, _)| *known != method);
        handlers.push((method, handler));
        self
    }

    fn find(&self, request: &Request) -> Result<Handler, Box<Response>> {
        let path = request.uri().path();
        let Some(handlers) = self.paths.get(path) else {
            // What was asked is not repeated: answers end in logs and on pages.
            let problem = Problem::new(StatusCode::NOT_FOUND, "nothing is at this path");
            return Err(Box::new(problem.into_response()));
        };
        let of = |wanted: &Method| handlers.iter().find(|(method, _)| method == wanted);
        let found = of(request.method())
            .or_else(|| (request.method() == Method::HEAD).then(|| of(&Method::GET)).flatten());
        found.map(|(_, handler)| Arc::clone(handler)).ok_or_else(|| Box::new(not_allowed(handlers)))
    }
}

fn not_allowed(handlers: &[(Method, Handler)]) -> Response {
    let mut allowed: Vec<&str> = handlers.iter().map(|(method, _)| method.as_str()).collect();
    if allowed.contains(&"GET") && !allowed.contains(&"HEAD") {
        allowed.push("HEAD");
    }
    allowed.sort_unstable();
    let allowed = allowed.join(", ");
    let mut response =
        Problem::new(StatusCode::METHOD_NOT_ALLOWED, format!("this path takes {allowed} alone"))
            .into_response();
    if let Ok(value) = HeaderValue::from_str(&allowed) {
        response.headers_mut().insert(header::ALLOW, value);
    }
    response
}

impl Service<Request> for Router {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        match self.find(&request) {
            Ok(handler) => {
                let answer = handler(request);
                Box::pin(async move { Ok(answer.await) })
            }
            Err(response) => Box::pin(async move { Ok(*response) }),
        }
    }
}

impl fmt::Debug for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.paths.keys()).finish()
    }
}
