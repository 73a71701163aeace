//! The layers of a service and of its clients.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use ::http::{Request, Response, StatusCode};
use entourage_blueprint::Blueprint;
use entourage_core::{BoxError, Fence, Realm, Retryable, Scope};
use entourage_election::fence::{
    FENCE, FenceCheck, FenceLayer, HighestSeen, NotHeld, OWNER, Refused, Rejection, SEAL, Stamp, StampLayer,
};
use tower_layer::Layer;
use tower_service::Service;

use super::{
    LOCK, REALM,
    printer::{Printer, page, send, status},
    stamp,
};

#[tokio::test]
async fn a_seal_over_http_closes_the_resource_and_has_no_effect() {
    let printer = Printer::default();
    let mut server = FenceLayer::new(HighestSeen::new(REALM), Scope::new(LOCK)).layer(printer.clone());
    let seal = |epoch| {
        let mut request = page(&stamp(epoch, "r"), "a seal is no write");
        request.headers_mut().insert(SEAL, "1".parse().unwrap());
        request
    };
    assert_eq!(status(&mut server, page(&stamp(1, "r1"), "first")).await, StatusCode::OK);
    assert_eq!(status(&mut server, page(&stamp(1, "r1"), "late, and let in")).await, StatusCode::OK);
    let sealed = send(&mut server, seal(2)).await.unwrap();
    assert_eq!((sealed.status(), sealed.body().as_str()), (StatusCode::NO_CONTENT, ""));
    assert_eq!(status(&mut server, page(&stamp(1, "r1"), "too late")).await, StatusCode::PRECONDITION_FAILED);
    assert_eq!(status(&mut server, seal(1)).await, StatusCode::PRECONDITION_FAILED);
    let mut odd = seal(2);
    odd.headers_mut().insert(SEAL, "yes".parse().unwrap());
    assert_eq!(status(&mut server, odd).await, StatusCode::BAD_REQUEST);
    assert_eq!(printer.printed(), ["first", "late, and let in"]);
}

#[tokio::test]
async fn what_was_let_in_and_what_was_refused_is_counted_by_its_reason() {
    let layer = FenceLayer::new(HighestSeen::new(REALM), Scope::new(LOCK));
    let mut server = layer.layer(Printer::default());
    let foreign = Stamp::new(Fence::new(Realm::new(99), Scope::new(LOCK), 9), "r9").unwrap();
    let mut unstamped = page(&foreign, "unstamped");
    unstamped.headers_mut().clear();
    let mut seal = page(&stamp(4, "r4"), "a seal");
    seal.headers_mut().insert(SEAL, "1".parse().unwrap());
    let requests = [page(&stamp(2, "r2"), "2"), page(&stamp(1, "r1"), "1"), page(&stamp(3, "r3"), "3")];
    for request in requests.into_iter().chain([page(&foreign, "9"), unstamped, seal]) {
        status(&mut server, request).await;
    }
    let optional = layer.clone().optional();
    let mut anonymous = page(&stamp(1, "r1"), "anonymous");
    anonymous.headers_mut().clear();
    status(&mut optional.layer(Printer::default()), anonymous).await;
    let seen: Vec<_> = layer.counters().snapshot().into_iter().filter(|(_, value)| *value > 0).collect();
    assert_eq!(
        seen,
        [
            ("requests_passed_total", 2),
            ("requests_unstamped_total", 1),
            ("requests_sealed_total", 1),
            ("requests_missing_total", 1),
            ("requests_stale_total", 1),
            ("requests_foreign_realm_total", 1),
        ]
    );
    let blueprint = Blueprint::of(&layer);
    assert_eq!(blueprint.check(), []);
    assert_eq!(blueprint.nodes()[0].name(), format!("fence of {LOCK}"));
}

#[tokio::test]
async fn a_fence_of_another_resource_opens_nothing() {
    let printer = Printer::default();
    let other = Stamp::new(Fence::new(REALM, Scope::new("scanner"), 9), "r1").unwrap();
    let mut server = FenceLayer::new(HighestSeen::new(REALM), Scope::new(LOCK)).layer(printer.clone());
    assert_eq!(status(&mut server, page(&other, "scan")).await, StatusCode::CONFLICT);

    let layer = FenceLayer::by_request(HighestSeen::new(REALM), |parts| Scope::new(&parts.uri.path()[1..]));
    let mut server = layer.layer(printer.clone());
    let at = |path: &str, stamp| {
        let mut request = page(stamp, path);
        *request.uri_mut() = path.parse().unwrap();
        request
    };
    assert_eq!(status(&mut server, at("/scanner", &other)).await, StatusCode::OK);
    assert_eq!(status(&mut server, at("/printer", &other)).await, StatusCode::CONFLICT);
    assert_eq!(printer.printed(), ["/scanner"]);
}

#[tokio::test]
async fn what_is_no_stamp_is_answered_by_the_layer() {
    let printer = Printer::default();
    let layer = FenceLayer::new(HighestSeen::new(REALM), Scope::new(LOCK));
    let mut server = layer.clone().layer(printer.clone());
    let bare = || Request::new("bare".to_owned());
    assert_eq!(status(&mut server, bare()).await, StatusCode::PRECONDITION_REQUIRED);
    let good = || page(&stamp(1, "r1"), "good");
    for header in [FENCE, OWNER] {
        let mut garbage = good();
        garbage.headers_mut().insert(&header, "a b".parse().unwrap());
        let mut twice = good();
        let value = twice.headers()[&header].clone();
        twice.headers_mut().append(&header, value);
        let mut missing = good();
        missing.headers_mut().remove(&header);
        for request in [garbage, twice, missing] {
            let answer = send(&mut server, request).await.unwrap();
            assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
            assert!(answer.body().contains(header.as_str()), "{answer:?}");
        }
    }
    let foreign = Stamp::new(Fence::new(Realm::new(2), Scope::new(LOCK), 1), "r1").unwrap();
    assert_eq!(status(&mut server, page(&foreign, "foreign")).await, StatusCode::CONFLICT);
    assert_eq!(printer.printed(), Vec::<String>::new());

    let mut optional = layer.optional().layer(printer.clone());
    assert_eq!(status(&mut optional, bare()).await, StatusCode::OK);
    assert_eq!(status(&mut optional, page(&stamp(2, "r2"), "second")).await, StatusCode::OK);
    assert_eq!(status(&mut optional, good()).await, StatusCode::PRECONDITION_FAILED);
    assert_eq!(*printer.printed.lock().unwrap(), [("bare".to_owned(), None), ("second".to_owned(), Some(2))]);
}

/// A checker of a user's own, which waits, and cannot always tell.
#[derive(Debug)]
struct Remote {
    is_up: AtomicBool,
}

#[async_trait::async_trait]
impl FenceCheck for Remote {
    async fn check(&self, _: &Fence, _: Option<&str>) -> Result<(), Refused> {
        tokio::task::yield_now().await;
        match self.is_up.load(Ordering::SeqCst) {
            true => Ok(()),
            false => Err(Refused::Unavailable("secret of the house".into())),
        }
    }
}

#[tokio::test]
async fn a_check_that_cannot_be_made_lets_nothing_in() {
    let (remote, printer) = (Arc::new(Remote { is_up: AtomicBool::new(false) }), Printer::default());
    let layer = FenceLayer::new(Arc::clone(&remote), Scope::new(LOCK));
    let mut server = layer.clone().layer(printer.clone());
    let answer = send(&mut server, page(&stamp(1, "r1"), "down")).await.unwrap();
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.headers()["retry-after"], "1");
    assert!(!answer.body().contains("secret"), "{answer:?}");
    assert!(Refused::Unavailable("".into()).is_retryable());

    let mut own = layer
        .with_responder(|rejection: &Rejection| Response::new(format!("own {}", rejection.code())))
        .layer(printer.clone());
    assert_eq!(send(&mut own, page(&stamp(1, "r1"), "down")).await.unwrap().body(), "own unavailable");
    remote.is_up.store(true, Ordering::SeqCst);
    assert_eq!(status(&mut server, page(&stamp(1, "r1"), "up")).await, StatusCode::OK);
    assert_eq!(*printer.printed.lock().unwrap(), [("up".to_owned(), Some(1))]);
}

/// The server behind a client's layer.
#[derive(Clone)]
struct Wire<S>(S);

impl<S> Service<Request<String>> for Wire<S>
where
    S: Service<Request<String>, Response = Response<String>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<String>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<String>, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<String>) -> Self::Future {
        let answer = self.0.call(request);
        Box::pin(async move { Ok(answer.await?) })
    }
}

#[tokio::test]
async fn a_client_sends_its_stamp_while_it_owns_and_nothing_after() {
    let printer = Printer::default();
    let server = FenceLayer::new(HighestSeen::new(REALM), Scope::new(LOCK)).layer(printer.clone());
    let held = Arc::new(Mutex::new(Some(stamp(3, "r1"))));
    let source = Arc::clone(&held);
    let layer = StampLayer::new(move || source.lock().unwrap().clone());
    let mut client = layer.layer(Wire(server));

    // A request that came in with another's stamp leaves with ours.
    let passed_on = page(&stamp(2, "somebody"), "passed on");
    assert_eq!(send(&mut client, passed_on).await.unwrap().status(), StatusCode::OK);
    *held.lock().unwrap() = None;
    let error = send(&mut client, Request::new("after".to_owned())).await.unwrap_err();
    assert!(error.is::<NotHeld>(), "{error}");
    *held.lock().unwrap() = Some(stamp(4, "r1"));
    assert_eq!(send(&mut client, Request::new("again".to_owned())).await.unwrap().status(), StatusCode::OK);
    let expected = [("passed on".to_owned(), Some(3)), ("again".to_owned(), Some(4))];
    assert_eq!(*printer.printed.lock().unwrap(), expected);
}
