//! The admin page: `/livez`, `/readyz`, `/metrics`, `/blueprint`.

use std::{
    convert::Infallible,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use entourage_blueprint::{Blueprint, Describe, Format};
use entourage_core::{Phase, Shutdown};
use http::{HeaderValue, Method, StatusCode, header};
use tower_service::Service;

use super::{accept::quality, exposition::Exposition};
use crate::{
    guard::guarded_call,
    problem::Problem,
    response::{json, text, with_type},
    router::Router,
    service::{BoxFuture, Request, Response},
};

type Check = dyn Fn() -> Result<(), String> + Send + Sync;
type Collect = dyn Fn(&mut Exposition) + Send + Sync;
type Described = dyn Describe + Send + Sync;

/// The pages that an operator and a scheduler ask for, as a service.
///
/// | path | answers |
/// | --- | --- |
/// | `/livez` | 200, until [`Liveness::ends`] was called: then 503 |
/// | `/readyz` | 200 when every check passes and nothing drains, else 503; JSON with the checks' names |
/// | `/metrics` | the counters of the blueprint and of the collectors, as Prometheus text |
/// | `/blueprint` | JSON; Mermaid with `Accept: text/plain` or `?as=mermaid`; DOT with `?as=dot` |
///
/// Checks and collectors are plain functions that read what the program knows already: they run
/// at every call, and must not wait. One that panics has failed, and the others are still shown.
///
/// # Examples
/// ```
/// use entourage_http::Admin;
///
/// let admin = Admin::new()
///     .with_check("store", || Ok(()))
///     .with_metrics(|page| page.gauge("queue_items", "Waiting.", &[("topic", "orders")], 7_u64));
/// # let _ = admin;
/// ```
#[derive(Clone)]
pub struct Admin {
    router: Router,
    state: Arc<State>,
}

#[derive(Clone, Default)]
struct State {
    checks: Vec<(String, Arc<Check>)>,
    collectors: Vec<Arc<Collect>>,
    described: Option<Arc<Described>>,
    shutdown: Option<Shutdown>,
    liveness: Liveness,
}

/// Says whether the process can go on; a clone speaks for the same process.
#[derive(Clone, Debug, Default)]
pub struct Liveness {
    ended: Arc<Mutex<Option<String>>>,
}

impl Liveness {
    /// Makes `/livez` fail from now on, so that the process is started anew; the first reason stays.
    pub fn ends(&self, why: impl Into<String>) {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| why.into());
    }

    fn reason(&self) -> Option<String> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Admin {
    /// A page of a process that is alive, ready, and has nothing to show.
    #[must_use]
    pub fn new() -> Self {
        Self::of(State::default())
    }

    /// The same page with one more check of readiness; `name` is shown, and why it failed.
    #[must_use]
    pub fn with_check(
        self,
        name: impl Into<String>,
        check: impl Fn() -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        self.with(|state| state.checks.push((name.into(), Arc::new(check))))
    }

    /// The same page with the numbers that `collect` adds at every call.
    #[must_use]
    pub fn with_metrics(self, collect: impl Fn(&mut Exposition) + Send + Sync + 'static) -> Self {
        self.with(|state| state.collectors.push(Arc::new(collect)))
    }

    /// The same page with what the program is composed of; its nodes' counters are metrics too.
    #[must_use]
    pub fn with_blueprint(self, described: impl Describe + Send + Sync + 'static) -> Self {
        self.with(|state| state.described = Some(Arc::new(described)))
    }

    /// The same page, which is not ready once `shutdown` drains.
    #[must_use]
    pub fn with_shutdown(self, shutdown: Shutdown) -> Self {
        self.with(|state| state.shutdown = Some(shutdown))
    }

    /// The handle that can end the process' life on `/livez`.
    #[must_use]
    pub fn liveness(&self) -> Liveness {
        self.state.liveness.clone()
    }

    /// The pages as routes, for a server that has others beside them.
    #[must_use]
    pub fn into_router(self) -> Router {
        self.router
    }

    fn with(self, change: impl FnOnce(&mut State)) -> Self {
        let mut state = (*self.state).clone();
        change(&mut state);
        Self::of(state)
    }

    fn of(state: State) -> Self {
        let state = Arc::new(state);
        let page = |answer: fn(&State, &Request) -> Response| {
            let state = Arc::clone(&state);
            move |request: Request| {
                let response = answer(&state, &request);
                async move { response }
            }
        };
        let router = Router::new()
            .route(Method::GET, "/livez", page(State::livez))
            .route(Method::GET, "/readyz", page(State::readyz))
            .route(Method::GET, "/metrics", page(State::metrics))
            .route(Method::GET, "/blueprint", page(State::blueprint));
        Self { router, state }
    }
}

impl State {
    fn livez(&self, _: &Request) -> Response {
        match self.liveness.reason() {
            None => text(StatusCode::OK, "ok\n"),
            Some(why) => text(StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
        }
    }

    fn readyz(&self, _: &Request) -> Response {
        let is_draining = self.shutdown.as_ref().is_some_and(|shutdown| shutdown.phase() >= Phase::Draining);
        let mut is_ready = !is_draining;
        let mut checks = serde_json::Map::new();
        for (name, check) in &self.checks {
            let outcome = guarded_call(|| check())
                .unwrap_or_else(|panicked| Err(format!("the check panicked: {}", panicked.0)));
            is_ready &= outcome.is_ok();
            let shown = match outcome {
                Ok(()) => serde_json::json!({ "ready": true }),
                Err(why) => serde_json::json!({ "ready": false, "why": why }),
            };
            checks.insert(name.clone(), shown);
        }
        let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        let body = serde_json::json!({ "ready": is_ready, "draining": is_draining, "checks": checks });
        no_store(json(status, body.to_string()))
    }

    fn metrics(&self, _: &Request) -> Response {
        let mut page = Exposition::new();
        let collected = guarded_call(|| {
            if let Some(described) = &self.described {
                page.blueprint(&Blueprint::of(&**described));
            }
        });
        let mut panics = u64::from(collected.is_err());
        for collect in &self.collectors {
            panics += u64::from(guarded_call(|| collect(&mut page)).is_err());
        }
        if panics > 0 {
            let help = "Collectors that panicked while this page was made.";
            page.gauge("entourage_exposition_panics", help, &[], panics);
        }
        no_store(with_type(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", page.into_text()))
    }

    fn blueprint(&self, request: &Request) -> Response {
        let format = match asked_form(request) {
            Ok(format) => format,
            Err(problem) => return problem.into_response(),
        };
        let blueprint = match &self.described {
            Some(described) => Blueprint::of(&**described),
            None => Blueprint::new(),
        };
        let body = blueprint.render(format);
        let mut response = match format {
            Format::Json => json(StatusCode::OK, body),
            _ => text(StatusCode::OK, body),
        };
        response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept"));
        no_store(response)
    }
}

/// The form that the query names, else the one that `Accept` would rather have, else JSON.
fn asked_form(request: &Request) -> Result<Format, Problem> {
    let query = request.uri().query().unwrap_or_default();
    match query.split('&').find_map(|pair| pair.strip_prefix("as=")) {
        Some("json") => return Ok(Format::Json),
        Some("mermaid") => return Ok(Format::Mermaid),
        Some("dot") => return Ok(Format::Dot),
        Some(_) => {
            let detail = "the forms of a blueprint are json, mermaid and dot";
            return Err(Problem::new(StatusCode::BAD_REQUEST, detail));
        }
        None => {}
    }
    let accept: Vec<&str> =
        request.headers().get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    let accept = (!accept.is_empty()).then(|| accept.join(","));
    let wants = |media_type| quality(accept.as_deref(), media_type);
    Ok(if wants("text/plain") > wants("application/json") { Format::Mermaid } else { Format::Json })
}

fn no_store(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

impl Service<Request> for Admin {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<Result<Response, Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.router.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        self.router.call(request)
    }
}

impl Default for Admin {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.state.checks.iter().map(|(name, _)| name).collect();
        f.debug_struct("Admin").field("checks", &names).finish_non_exhaustive()
    }
}
