//! Fences are checked where the effect happens.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{
    convert::Infallible,
    future::{self, Future, Ready},
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use entourage_core::{BoxError, Clock, Fence, PausedClock, Realm, Retryable, Scope};
use entourage_election::fence::{
    AgainstStore, FENCE, FenceCheck, FenceLayer, Guarded, HighestSeen, NotHeld, OWNER, OwnedTxn, Refused,
    Rejection, SEAL, Stamp, StampLayer, StoredFences,
};
use entourage_election::{Identity, LeaseLock, Ownership};
use entourage_store::{MemoryOptions, MemoryStore, Outcome, SqliteStore, Store, StoreExt, Txn};
use entourage_testkit::Scratch;
use http::{Request, Response, StatusCode};
use tower_layer::Layer;
use tower_service::Service;

const REALM: Realm = Realm::new(0x7ea1);
const LOCK: &str = "printer";

fn fence(epoch: u64) -> Fence {
    Fence::new(REALM, Scope::new(LOCK), epoch)
}

fn stamp(epoch: u64, owner: &str) -> Stamp {
    Stamp::new(fence(epoch), owner).unwrap()
}

fn store() -> MemoryStore {
    MemoryStore::with_options(MemoryOptions::new().with_realm(REALM))
}

/// What a claim of the lock does in its store.
async fn claim(store: &MemoryStore, owner: &str) -> Fence {
    let value = format!("{owner} {LOCK}/5a3");
    let version = store.put(&format!("fence/{LOCK}"), value.into()).await.unwrap();
    Fence::new(store.realm(), Scope::new(LOCK), version.number())
}

/// A page's text, and the epoch of its stamp.
type Page = (String, Option<u64>);

/// A service that writes down which request had an effect, and by which fence.
#[derive(Clone, Debug, Default)]
struct Printer {
    printed: Arc<Mutex<Vec<Page>>>,
}

impl Printer {
    fn printed(&self) -> Vec<String> {
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
fn page(stamp: &Stamp, text: &str) -> Request<String> {
    let mut request = Request::new(text.to_owned());
    stamp.write(request.headers_mut());
    request
}

async fn send<S>(service: &mut S, request: Request<String>) -> Result<S::Response, S::Error>
where
    S: Service<Request<String>>,
{
    future::poll_fn(|cx| service.poll_ready(cx)).await?;
    service.call(request).await
}

async fn status<S>(service: &mut S, request: Request<String>) -> StatusCode
where
    S: Service<Request<String>, Response = Response<String>, Error = Infallible>,
{
    send(service, request).await.unwrap().status()
}

// The book's sequence, in eight steps: 1 R1 obtains the lock, 2 R1 sends a request, 3 the network
// delays it, 4 R1 loses the lock, 5 R2 obtains it, 6 R2's request arrives and has its effect, 7 R2
// fails and R1 obtains the lock again, 8 R1's first request arrives.

#[test]
fn the_books_eight_steps_are_refused_by_the_highest_seen() {
    let sink = HighestSeen::new(REALM);
    let delayed = fence(1);
    sink.check(&fence(2)).unwrap();
    let _r1_again = fence(3); // Which has not written yet.
    assert!(matches!(sink.check(&delayed), Err(Refused::Stale { current: 2, .. })));
    sink.check(&fence(3)).unwrap();
}

#[tokio::test]
async fn the_books_eight_steps_are_refused_over_http() {
    let printer = Printer::default();
    let mut server = FenceLayer::new(HighestSeen::new(REALM), Scope::new(LOCK)).layer(printer.clone());
    let delayed = page(&stamp(1, "r1"), "late");
    assert_eq!(status(&mut server, page(&stamp(2, "r2"), "second")).await, StatusCode::OK);
    let late = send(&mut server, delayed).await.unwrap();
    assert_eq!(late.status(), StatusCode::PRECONDITION_FAILED);
    assert!(
        late.body().starts_with(r#"{"error":"stale","detail":"epoch 1 of \"printer\" is stale"#),
        "{late:?}"
    );
    assert!(late.body().ends_with(r#","current":2}"#), "{late:?}");
    assert_eq!(status(&mut server, page(&stamp(3, "r1"), "third")).await, StatusCode::OK);
    assert_eq!(printer.printed(), ["second", "third"]);
}

#[tokio::test]
async fn the_books_eight_steps_are_refused_though_the_owner_is_right() {
    let (store, printer) = (store(), Printer::default());
    let mut server =
        FenceLayer::new(AgainstStore::new(store.clone()), Scope::new(LOCK)).layer(printer.clone());
    let first = Stamp::new(claim(&store, "r1").await, "r1").unwrap();
    let second = Stamp::new(claim(&store, "r2").await, "r2").unwrap();
    assert_eq!(status(&mut server, page(&second, "second")).await, StatusCode::OK);
    let third = Stamp::new(claim(&store, "r1").await, "r1").unwrap();
    assert_eq!(first.owner(), third.owner());
    assert_eq!(status(&mut server, page(&first, "late")).await, StatusCode::PRECONDITION_FAILED);
    assert_eq!(status(&mut server, page(&third, "third")).await, StatusCode::OK);
    assert_eq!(printer.printed(), ["second", "third"]);
}

#[tokio::test]
async fn the_books_eight_steps_are_refused_with_the_lock_itself() {
    let (store, printer) = (store(), Printer::default());
    let layer = FenceLayer::new(AgainstStore::new(store.clone()), Scope::new(LOCK));
    let mut server = layer.layer(printer.clone());
    let lock = |owner| {
        let owner = Identity::new(owner);
        LeaseLock::builder(store.clone(), LOCK).identity(owner).build().unwrap()
    };
    let (r1, r2) = (lock("r1"), lock("r2"));
    let stamp = |ownership: &Ownership, owner| Stamp::new(ownership.fence().clone(), owner).unwrap();

    let first = r1.acquire().await.unwrap();
    let delayed = page(&stamp(&first, "r1"), "late");
    first.release().await.unwrap();
    let second = r2.acquire().await.unwrap();
    let pretended = page(&stamp(&second, "r1"), "pretended");
    assert_eq!(status(&mut server, pretended).await, StatusCode::PRECONDITION_FAILED);
    assert_eq!(status(&mut server, page(&stamp(&second, "r2"), "second")).await, StatusCode::OK);
    second.release().await.unwrap();
    let third = r1.acquire().await.unwrap();
    assert_eq!(status(&mut server, delayed).await, StatusCode::PRECONDITION_FAILED);
    assert_eq!(status(&mut server, page(&stamp(&third, "r1"), "third")).await, StatusCode::OK);
    assert_eq!(printer.printed(), ["second", "third"]);
    third.release().await.unwrap();
}

#[test]
fn only_a_seal_keeps_a_late_request_from_being_first() {
    // Not promised: the successor has claimed, and the resource cannot know.
    let open = HighestSeen::new(REALM);
    open.check(&fence(1)).unwrap();
    open.check(&fence(1)).unwrap();
    // Promised.
    let sealed = HighestSeen::new(REALM);
    sealed.check(&fence(1)).unwrap();
    sealed.seal(&fence(2)).unwrap();
    assert!(sealed.check(&fence(1)).is_err());
    assert!(sealed.seal(&fence(1)).is_err(), "a former owner seals nothing");
    sealed.check(&fence(2)).unwrap();
}

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

#[test]
fn a_fence_that_is_lower_by_one_is_refused() {
    let sink = HighestSeen::new(REALM);
    for epoch in [1, 2, 1 << 40, u64::MAX] {
        sink.check(&fence(epoch)).unwrap();
        sink.check(&fence(epoch)).unwrap();
        assert!(sink.check(&fence(epoch - 1)).is_err(), "{epoch}");
    }
}

#[test]
fn scopes_have_epochs_of_their_own_and_are_bounded() {
    let sink = HighestSeen::new(REALM).with_scopes(3);
    let of = |scope: &str, epoch| Fence::new(REALM, Scope::new(scope), epoch);
    for (scope, epoch) in [("a", 9), ("b", 5), ("c", 1)] {
        sink.check(&of(scope, epoch)).unwrap();
    }
    assert!(matches!(sink.check(&of("d", 1)), Err(Refused::Full { what: "scope", limit: 3 })));
    sink.check(&of("b", 6)).unwrap();
    assert!(sink.check(&of("b", 5)).is_err());
    assert!(sink.check(&of("a", 8)).is_err());

    let roomier = sink.with_scopes(4);
    roomier.check(&of("d", 1)).unwrap();
    assert!(roomier.check(&of("a", 8)).is_err(), "a change of limits forgets nothing");
}

#[test]
fn a_foreign_realm_is_refused_until_it_is_adopted_and_nothing_is_forgotten() {
    let sink = HighestSeen::new(REALM);
    let restored = |epoch| Fence::new(Realm::new(2), Scope::new(LOCK), epoch);
    sink.check(&fence(7)).unwrap();
    assert!(matches!(sink.check(&restored(9)), Err(Refused::ForeignRealm { expected: REALM, .. })));
    sink.adopt(REALM).unwrap();
    assert!(sink.check(&fence(6)).is_err(), "to adopt what is taken forgets nothing");

    sink.adopt(Realm::new(2)).unwrap();
    sink.check(&restored(3)).unwrap();
    assert!(sink.check(&restored(2)).is_err());
    assert!(matches!(sink.check(&fence(8)), Err(Refused::ForeignRealm { .. })));

    sink.adopt(REALM).unwrap();
    assert!(sink.check(&fence(6)).is_err(), "to come back forgets nothing");
    sink.check(&fence(7)).unwrap();
}

#[test]
fn realms_are_bounded_and_the_first_may_be_trusted() {
    let sink = HighestSeen::trusting_first();
    assert_eq!(sink.realm(), None);
    sink.check(&fence(4)).unwrap();
    assert_eq!(sink.realm(), Some(REALM));
    let most = u128::try_from(HighestSeen::MAX_REALMS).unwrap();
    for realm in 1..most {
        sink.adopt(Realm::new(realm)).unwrap();
    }
    assert!(matches!(sink.adopt(Realm::new(most)), Err(Refused::Full { what: "realm", .. })));
    assert_eq!(sink.realm(), Some(Realm::new(most - 1)), "a refused adoption changes nothing");
    sink.adopt(REALM).unwrap();
    assert!(sink.check(&fence(3)).is_err());
}

#[test]
fn a_sink_that_forgets_lets_stale_writes_in_and_one_that_recalls_does_not() {
    let before = HighestSeen::new(REALM);
    before.check(&fence(2)).unwrap();
    let saved = before.save();

    let forgetful = HighestSeen::new(REALM);
    forgetful.check(&fence(1)).unwrap();
    let sealed = HighestSeen::new(REALM);
    sealed.seal(&fence(2)).unwrap();
    assert!(sealed.check(&fence(1)).is_err());

    let recalled = HighestSeen::trusting_first();
    recalled.recall(&saved).unwrap();
    assert_eq!(recalled.realm(), Some(REALM));
    assert!(recalled.check(&fence(1)).is_err());
    recalled.check(&fence(3)).unwrap();
    recalled.recall(&saved).unwrap();
    assert!(recalled.check(&fence(2)).is_err(), "an old copy lowers nothing");
}

/// Many callers with epochs of all kinds; whoever is let in has to be no lower than what was
/// let in before he asked.
#[test]
fn epochs_that_many_threads_are_let_in_with_never_decrease() {
    const SCOPES: usize = 4;
    let sink = HighestSeen::new(REALM);
    let floors: [AtomicU64; SCOPES] = Default::default();
    let (admitted, refused) = (AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|threads| {
        for thread in 0..8_u64 {
            let (sink, floors, admitted, refused) = (&sink, &floors, &admitted, &refused);
            threads.spawn(move || {
                for step in 0..20_000_u64 {
                    let place = usize::try_from((step * 7 + thread) % SCOPES as u64).unwrap();
                    let floor = floors[place].load(Ordering::SeqCst);
                    // Around the floor: some behind it, some the same, some a step ahead.
                    let epoch = (floor + (step ^ thread) % 4).saturating_sub(2);
                    let fence = Fence::new(REALM, Scope::new(place.to_string()), epoch);
                    if sink.check(&fence).is_ok() {
                        assert!(epoch >= floor, "{epoch} was let in after {floor}");
                        floors[place].fetch_max(epoch, Ordering::SeqCst);
                        admitted.fetch_add(1, Ordering::Relaxed);
                    } else {
                        refused.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert!(admitted.into_inner() > 10_000);
    assert!(refused.into_inner() > 10_000);
}

#[tokio::test]
async fn a_restarted_sink_refuses_what_it_refused_before() {
    let store = store();
    let sink = || StoredFences::new(store.clone(), "sink/", REALM);
    let before = sink();
    before.check(&fence(1), None).await.unwrap();
    before.check(&fence(2), None).await.unwrap();
    assert!(matches!(before.check(&fence(1), None).await, Err(Refused::Stale { current: 2, .. })));

    let after = sink();
    assert!(matches!(after.check(&fence(1), None).await, Err(Refused::Stale { current: 2, .. })));
    after.seal(&fence(3), None).await.unwrap();
    assert!(before.check(&fence(2), None).await.is_err(), "both are one resource");
    let other = StoredFences::new(store.clone(), "other/", REALM);
    other.check(&fence(1), None).await.unwrap();

    let odd = Fence::new(REALM, Scope::new("a/b c"), 5);
    after.check(&odd, None).await.unwrap();
    assert!(sink().check(&Fence::new(REALM, Scope::new("a/b c"), 4), None).await.is_err());
    store.put(&format!("sink/seen/{REALM}/{LOCK}"), "seven".into()).await.unwrap();
    let unreadable = after.check(&fence(9), None).await;
    assert!(matches!(unreadable, Err(Refused::Unavailable(_))), "what cannot be read lets nothing in");
}

#[tokio::test]
async fn a_stored_sink_keeps_its_realm_and_forgets_none() {
    let store = store();
    let restored = |epoch| Fence::new(Realm::new(2), Scope::new(LOCK), epoch);
    let first = StoredFences::trusting_first(store.clone(), "sink/");
    first.check(&fence(7), None).await.unwrap();
    let second = StoredFences::new(store.clone(), "sink/", Realm::new(2));
    assert!(matches!(
        second.check(&restored(1), None).await,
        Err(Refused::ForeignRealm { expected: REALM, .. })
    ));
    second.adopt(Realm::new(2)).await.unwrap();
    first.check(&restored(1), None).await.unwrap();
    assert!(matches!(first.check(&fence(8), None).await, Err(Refused::ForeignRealm { .. })));
    first.adopt(REALM).await.unwrap();
    assert!(matches!(second.check(&fence(6), None).await, Err(Refused::Stale { current: 7, .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn epochs_that_many_handles_let_in_never_decrease() {
    let (store, floor) = (store(), Arc::new(AtomicU64::new(0)));
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..8_u64 {
        let sink = StoredFences::new(store.clone(), "sink/", REALM);
        let floor = Arc::clone(&floor);
        tasks.spawn(async move {
            for step in 0..300 {
                let before = floor.load(Ordering::SeqCst);
                let epoch = (before + (step ^ task) % 4).saturating_sub(2);
                if sink.check(&fence(epoch), None).await.is_ok() {
                    assert!(epoch >= before, "{epoch} was let in after {before}");
                    floor.fetch_max(epoch, Ordering::SeqCst);
                }
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    assert!(floor.load(Ordering::SeqCst) > 100);
}

#[tokio::test]
async fn the_store_knows_the_owner_and_the_version() {
    let store = store();
    let check = AgainstStore::new(store.clone());
    assert!(matches!(check.check(&fence(1), None).await, Err(Refused::NotGranted { .. })));
    let first = claim(&store, "r1").await;
    check.check(&first, Some("r1")).await.unwrap();
    check.check(&first, None).await.unwrap();
    let not_owner = check.check(&first, Some("r2")).await.unwrap_err();
    assert!(matches!(&not_owner, Refused::NotOwner { owner, .. } if owner == "r1"), "{not_owner}");
    let ahead = Fence::new(REALM, Scope::new(LOCK), first.epoch() + 1);
    assert!(matches!(check.check(&ahead, None).await, Err(Refused::NotGranted { .. })));
    let foreign = Fence::new(Realm::new(2), Scope::new(LOCK), first.epoch());
    assert!(matches!(check.check(&foreign, None).await, Err(Refused::ForeignRealm { .. })));

    let second = claim(&store, "r2").await;
    assert!(check.check(&first, Some("r1")).await.unwrap_err().is_stale(), "with no need to seal");
    check.seal(&second, Some("r2")).await.unwrap();
}

#[tokio::test]
async fn a_store_that_fails_lets_nothing_in_that_is_not_cached() {
    let scratch = Scratch::new();
    let path = scratch.join("locks");
    let store = SqliteStore::open(&path).unwrap();
    let version = store.put(&format!("fence/{LOCK}"), "r1 printer/1".into()).await.unwrap();
    let first = Fence::new(store.realm(), Scope::new(LOCK), version.number());
    let asks = AgainstStore::new(store.clone());
    let remembers = AgainstStore::new(store.clone()).with_cache(Duration::from_secs(3600), 16);
    let keeps = StoredFences::new(store.clone(), "sink/", store.realm());
    for check in [&asks as &dyn FenceCheck, &remembers, &keeps] {
        check.check(&first, Some("r1")).await.unwrap();
    }
    std::fs::remove_file(&path).unwrap();
    remembers.check(&first, Some("r1")).await.unwrap();
    assert!(matches!(remembers.seal(&first, Some("r1")).await, Err(Refused::Unavailable(_))));
    for check in [&asks as &dyn FenceCheck, &keeps] {
        let refused = check.check(&first, Some("r1")).await;
        assert!(matches!(refused, Err(Refused::Unavailable(_))), "{refused:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cached_answer_is_used_for_its_age_and_not_longer() {
    let clock: Arc<dyn Clock> = Arc::new(PausedClock::new());
    let options = MemoryOptions::new().with_realm(REALM).with_clock(Arc::clone(&clock));
    let store = MemoryStore::with_options(options);
    let age = Duration::from_millis(500);
    let check = AgainstStore::new(store.clone()).with_cache(age, 16);
    let first = claim(&store, "r1").await;
    assert!(check.known(&first, Some("r1")).is_none());
    check.check(&first, Some("r1")).await.unwrap();
    assert!(matches!(check.known(&first, Some("r1")), Some(Ok(()))));
    assert!(matches!(check.known(&first, Some("r2")), Some(Err(Refused::NotOwner { .. }))));

    let second = claim(&store, "r2").await;
    entourage_core::sleep(&*clock, age - Duration::from_millis(1)).await;
    check.check(&first, Some("r1")).await.expect("within its age a former owner is still let in");
    entourage_core::sleep(&*clock, Duration::from_millis(1)).await;
    assert!(check.known(&first, Some("r1")).is_none());
    assert!(check.check(&first, Some("r1")).await.unwrap_err().is_stale());
    assert!(check.known(&first, None).unwrap().unwrap_err().is_stale(), "stale stays stale, and is known");

    let third = claim(&store, "r3").await;
    check.check(&second, Some("r2")).await.unwrap();
    check.check(&third, Some("r3")).await.expect("a later grant is asked for whatever the age");
    assert!(check.check(&second, Some("r2")).await.unwrap_err().is_stale(), "once the successor was let in");
    let fourth = claim(&store, "r4").await;
    check.seal(&fourth, Some("r4")).await.unwrap();
    assert!(check.check(&third, Some("r3")).await.unwrap_err().is_stale(), "or has sealed");
}

#[tokio::test]
async fn a_write_of_the_owner_is_one_transaction_with_its_check() {
    let store = store();
    let first = claim(&store, "r1").await;
    let write = |fence: &Fence| Txn::new().when_owned(fence, store.realm()).unwrap().put("page", "1");
    let (by_first, realm) = (write(&first), store.realm());
    assert!(store.transact(by_first.clone()).await.unwrap().applied().is_some());
    let second = claim(&store, "r2").await;
    assert!(matches!(store.transact(by_first).await.unwrap(), Outcome::Refused { condition: 0, .. }));
    assert!(store.transact(write(&second)).await.unwrap().applied().is_some());
    let foreign = Fence::new(Realm::new(2), Scope::new(LOCK), second.epoch());
    assert!(matches!(Txn::new().when_owned(&foreign, realm), Err(Refused::ForeignRealm { .. })));
}

#[tokio::test]
async fn a_guarded_value_has_no_gap_between_check_and_effect() {
    let total = Arc::new(Guarded::new(HighestSeen::new(REALM), Vec::new()));
    let mut first = total.write(&fence(1)).await.unwrap();
    let waiting = {
        let total = Arc::clone(&total);
        tokio::spawn(async move { total.write(&fence(2)).await.unwrap().push(2) })
    };
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished(), "no successor is let in while the former owner writes");
    first.push(1);
    drop(first);
    waiting.await.unwrap();
    assert!(total.write(&fence(1)).await.is_err());
    total.seal(&fence(3)).await.unwrap();
    assert!(total.write(&fence(2)).await.is_err());
    assert_eq!(*total.write(&fence(3)).await.unwrap(), [1, 2]);
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
