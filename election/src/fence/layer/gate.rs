//! The server's side: what is stale does not reach the service.

use std::{
    fmt,
    future::{self, Future},
    mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use entourage_blueprint::{Blueprint, Counters, Describe, Node, Sink};
use entourage_core::{Scope, planted};
use http::{HeaderMap, Request, Response, request::Parts};
use tower_layer::Layer;
use tower_service::Service;

use super::{
    claim::Claim,
    respond::{Rejection, Respond, Text},
    tally::Tally,
};
use crate::fence::{
    check::{FenceCheck, Refused},
    header::{Malformed, SEAL, Stamp, one},
};

/// Lets requests through whose stamp a [`FenceCheck`] lets in, and answers the others itself.
///
/// Owner and version are both verified as far as the checker can: see [the module](crate::fence).
/// A request without a stamp is answered by 428 unless the layer is
/// [optional](FenceLayer::optional); the other answers are those of [`Rejection`]. The service
/// finds the verified [`Stamp`] in the request's extensions, to take the fence along into its
/// writes: the check is not one with the effect, and a request that was let in is not called
/// back when a successor's is.
///
/// A request with the header [`SEAL`] closes the resource to former owners and is answered with
/// 204 by the layer; the service does not see it.
///
/// # Examples
/// ```
/// use entourage_core::{Realm, Scope};
/// use entourage_election::fence::{FenceLayer, HighestSeen};
///
/// let one_printer = FenceLayer::new(HighestSeen::new(Realm::new(7)), Scope::new("printer"));
/// let a_scope_for_each_path = FenceLayer::by_request(HighestSeen::new(Realm::new(7)), |request| {
///     Scope::new(request.uri.path())
/// });
/// # let _ = (one_printer, a_scope_for_each_path);
/// ```
pub struct FenceLayer<R = Text> {
    rules: Rules<R>,
}

struct Rules<R> {
    check: Arc<dyn FenceCheck>,
    resource: Resource,
    is_optional: bool,
    respond: Arc<R>,
    tally: Arc<Tally>,
}

/// What is guarded, and so of which scope a fence has to be.
#[derive(Clone)]
enum Resource {
    One(Scope),
    OfRequest(Arc<dyn Fn(&Parts) -> Scope + Send + Sync>),
}

impl FenceLayer {
    /// Guards the one resource that holders of the lock `scope` write.
    pub fn new(check: impl FenceCheck, scope: Scope) -> Self {
        Self::guarding(Arc::new(check), Resource::One(scope))
    }

    /// Guards many resources: `scope` says which lock one has to hold for a request.
    pub fn by_request(
        check: impl FenceCheck,
        scope: impl Fn(&Parts) -> Scope + Send + Sync + 'static,
    ) -> Self {
        Self::guarding(Arc::new(check), Resource::OfRequest(Arc::new(scope)))
    }

    fn guarding(check: Arc<dyn FenceCheck>, resource: Resource) -> Self {
        let tally = Arc::new(Tally::new());
        Self { rules: Rules { check, resource, is_optional: false, respond: Arc::new(Text), tally } }
    }
}

impl<R> FenceLayer<R> {
    /// Lets requests without any stamp through; one that has a stamp is verified all the same.
    ///
    /// For a resource that also has callers who need no lock: whoever leaves the stamp out is
    /// not fenced.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.rules.is_optional = true;
        self
    }

    /// Answers by `respond`, for bodies that cannot be made of a `String`, or in a form of your own.
    #[must_use]
    pub fn with_responder<Q>(self, respond: Q) -> FenceLayer<Q> {
        let Rules { check, resource, is_optional, tally, .. } = self.rules;
        FenceLayer { rules: Rules { check, resource, is_optional, respond: Arc::new(respond), tally } }
    }

    /// What was let in, and what was refused and why, over all services of this layer.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.rules.tally.all.clone()
    }
}

impl<R> Describe for FenceLayer<R> {
    fn describe(&self, blueprint: &mut Blueprint) {
        let name = match &self.rules.resource {
            Resource::One(scope) => format!("fence of {}", scope.as_str()),
            Resource::OfRequest(_) => "fence".to_owned(),
        };
        let node = Node::new("fence", name).with_counters(self.counters());
        blueprint.add_node(node.source().sink(Sink::default()));
    }
}

impl<R> Clone for FenceLayer<R> {
    fn clone(&self) -> Self {
        Self { rules: self.rules.clone() }
    }
}

impl<R> fmt::Debug for FenceLayer<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FenceLayer").field("rules", &self.rules).finish()
    }
}

impl<S, R> Layer<S> for FenceLayer<R> {
    type Service = FenceGate<S, R>;

    fn layer(&self, inner: S) -> FenceGate<S, R> {
        FenceGate { inner, rules: self.rules.clone() }
    }
}

impl<R> Rules<R> {
    /// The stamp of a request with these headers, for the resource that it is about.
    fn read(&self, headers: &HeaderMap, resource: &Scope) -> Result<Option<Claim>, Rejection> {
        let stamp = Stamp::read_like(headers, Some(resource)).map_err(Rejection::Malformed)?;
        let is_seal = match one(headers, &SEAL).map_err(Rejection::Malformed)? {
            Some(value) if value == "1" => true,
            Some(_) => return Err(Rejection::Malformed(Malformed::new(&SEAL, "is not 1"))),
            None => false,
        };
        let Some(stamp) = stamp else {
            return if self.is_optional && !is_seal { Ok(None) } else { Err(Rejection::Missing) };
        };
        if stamp.fence().scope() != resource && !planted("fence-ignores-scope") {
            let (fence, expected) = (stamp.fence().clone(), resource.clone());
            return Err(Rejection::Refused(Refused::OtherScope { fence, expected }));
        }
        Ok(Some(Claim { stamp, is_seal }))
    }
}

impl<R> Clone for Rules<R> {
    fn clone(&self) -> Self {
        Self {
            check: Arc::clone(&self.check),
            resource: self.resource.clone(),
            is_optional: self.is_optional,
            respond: Arc::clone(&self.respond),
            tally: Arc::clone(&self.tally),
        }
    }
}

impl<R> fmt::Debug for Rules<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let resource: &dyn fmt::Debug = match &self.resource {
            Resource::One(scope) => scope,
            Resource::OfRequest(_) => &"of the request",
        };
        f.debug_struct("Rules")
            .field("check", &self.check)
            .field("resource", resource)
            .field("is_optional", &self.is_optional)
            .finish_non_exhaustive()
    }
}

/// The service of [`FenceLayer`].
#[derive(Debug)]
pub struct FenceGate<S, R = Text> {
    inner: S,
    rules: Rules<R>,
}

impl<S: Clone, R> Clone for FenceGate<S, R> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), rules: self.rules.clone() }
    }
}

impl<S, R, A, B> Service<Request<A>> for FenceGate<S, R>
where
    S: Service<Request<A>, Response = Response<B>> + Clone + Send + 'static,
    S::Error: Send + 'static,
    S::Future: Send + 'static,
    R: Respond<B> + Send + Sync + 'static,
    A: Send + 'static,
    B: Send + 'static,
{
    type Response = Response<B>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<B>, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<A>) -> Self::Future {
        let read = match &self.rules.resource {
            Resource::One(scope) => self.rules.read(request.headers(), scope),
            Resource::OfRequest(scope) => {
                let (parts, body) = request.into_parts();
                let read = self.rules.read(&parts.headers, &scope(&parts));
                request = Request::from_parts(parts, body);
                read
            }
        };
        let claim = match read {
            Ok(Some(claim)) => claim,
            Ok(None) => {
                self.rules.tally.unstamped.increment();
                return Box::pin(self.inner.call(request));
            }
            Err(rejection) => return self.reject(&rejection),
        };
        match claim.known(&*self.rules.check) {
            Some(Ok(())) => {
                self.rules.tally.passed.increment();
                request.extensions_mut().insert(claim.stamp);
                Box::pin(self.inner.call(request))
            }
            Some(Err(rejection)) => self.reject(&rejection),
            None => {
                // The service that was polled ready is the one to call.
                let next = self.inner.clone();
                let mut inner = mem::replace(&mut self.inner, next);
                let rules = self.rules.clone();
                Box::pin(async move {
                    if let Err(rejection) = claim.judge(&*rules.check).await {
                        rules.tally.answered(&rejection);
                        return Ok(rules.respond.respond(&rejection));
                    }
                    rules.tally.passed.increment();
                    request.extensions_mut().insert(claim.stamp);
                    inner.call(request).await
                })
            }
        }
    }
}

impl<S, R> FenceGate<S, R> {
    fn reject<B, E>(
        &self,
        rejection: &Rejection,
    ) -> Pin<Box<dyn Future<Output = Result<Response<B>, E>> + Send>>
    where
        R: Respond<B>,
        B: Send + 'static,
        E: Send + 'static,
    {
        self.rules.tally.answered(rejection);
        Box::pin(future::ready(Ok(self.rules.respond.respond(rejection))))
    }
}
