//! Sessions: how long they live, what ends with them, who holds them.

use std::time::Duration;

use entourage_core::{Fence, Realm};

use super::subject::Subject;
use crate::{Change, Error, Session, SessionId, Standing, Test, Txn};

const TTL: Duration = Duration::from_secs(10);
const NANO: Duration = Duration::from_nanos(1);

async fn put_with(store: &Subject, key: &str, session: &Session) {
    store.commit(Txn::new().put_with(key, "v", session.id())).await;
}

/// Whether the store itself still honours this incarnation.
async fn holds(store: &Subject, session: &Session) -> bool {
    let answer = store.transact(Txn::new().when_held(session.fence().clone())).await;
    answer.expect("a fence of this store can be tested").applied().is_some()
}

pub(super) async fn keys_end_together_with_their_session(store: Subject) {
    let (session, other) = (store.open(TTL).await, store.open(TTL).await);
    for key in ["a", "b", "c"] {
        put_with(&store, key, &session).await;
    }
    put_with(&store, "other", &other).await;
    let start = store.write("plain", "v").await;
    let mut watch = store.observe("", Some(start)).await;
    session.end().await.expect("a live session ends");
    assert_eq!(store.keys(crate::What::prefix("")).await, ["other", "plain"]);
    let changes = watch.take(3).await;
    let keys: Vec<_> = changes.iter().filter_map(Change::key).collect();
    assert_eq!(keys, ["a", "b", "c"]);
    assert!(changes.iter().all(|change| matches!(change, Change::Delete { .. })), "{changes:?}");
    let version = changes[0].version();
    assert!(version > start && changes.iter().all(|change| change.version() == version), "{changes:?}");
    assert!(store.write("next", "v").await > version);
}

pub(super) async fn keys_expire_together_with_their_session(store: Subject) {
    let (session, longer) = (store.open(TTL).await, store.open(TTL * 3).await);
    for key in ["a", "b", "c"] {
        put_with(&store, key, &session).await;
    }
    put_with(&store, "longer", &longer).await;
    let start = store.write("plain", "v").await;
    let mut watch = store.observe("", Some(start)).await;
    store.advance(session.granted_ttl() + NANO).await;
    assert_eq!(store.keys(crate::What::prefix("")).await, ["longer", "plain"]);
    let changes = watch.take(3).await;
    let mut keys: Vec<_> = changes.iter().filter_map(Change::key).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["a", "b", "c"]);
    let version = changes[0].version();
    assert!(version > start && changes.iter().all(|change| change.version() == version), "{changes:?}");
}

pub(super) async fn a_session_lives_until_its_deadline(store: Subject) {
    let session = store.open(TTL).await;
    put_with(&store, "k", &session).await;
    store.advance(session.granted_ttl() - NANO).await;
    assert!(store.has("k").await, "a key ended before its session's deadline");
    assert!(holds(&store, &session).await, "a fence ended before its session's deadline");
    put_with(&store, "late", &session).await;
    assert!(matches!(session.standing(), Standing::Live { .. }));
}

pub(super) async fn a_session_is_dead_at_its_deadline(store: Subject) {
    let session = store.open(TTL).await;
    put_with(&store, "k", &session).await;
    put_with(&store, "l", &session).await;
    store.advance(session.granted_ttl()).await;
    // Each first look after the deadline must see it: by a transaction, a read, a listing.
    assert!(!holds(&store, &session).await, "a fence outlived its session's deadline");
    assert!(!store.has("k").await, "a key outlived its session's deadline");
    assert_eq!(session.standing(), Standing::Lost);
    let second = store.open(TTL).await;
    put_with(&store, "k", &second).await;
    store.advance(second.granted_ttl()).await;
    assert!(!store.has("k").await, "a read shows a key after its session's deadline");
    let third = store.open(TTL).await;
    put_with(&store, "k", &third).await;
    store.advance(third.granted_ttl()).await;
    assert_eq!(store.keys(crate::What::prefix("")).await, Vec::<String>::new());
}

pub(super) async fn a_renewal_runs_from_when_it_was_sent(store: Subject) {
    let session = store.open(TTL).await;
    put_with(&store, "k", &session).await;
    store.advance(session.granted_ttl() / 2).await;
    let before = store.clock().now();
    let sent = session.renew().await.expect("a live session is renewed");
    assert!(sent >= before && sent <= store.clock().now());
    assert_eq!(session.standing(), Standing::Live { until: sent + session.granted_ttl() });
    let left = (sent + session.granted_ttl()).since(store.clock().now());
    store.advance(left - NANO).await;
    assert!(store.has("k").await, "the renewal did not last for the full time to live");
    store.advance(NANO).await;
    assert!(!store.has("k").await, "the renewal lasted for longer than the time to live");
}

pub(super) async fn a_time_to_live_is_rounded_up_to_what_the_store_grants(store: Subject) {
    let limits = store.capabilities();
    let asked = [Duration::ZERO, NANO, limits.min_ttl, limits.min_ttl + NANO, TTL, TTL + NANO];
    for ttl in asked {
        let granted = store.open(ttl).await.granted_ttl();
        assert_eq!(granted, limits.granted_ttl(ttl), "for {ttl:?}");
        assert!(granted >= ttl && granted >= limits.min_ttl, "{granted:?} for {ttl:?}");
    }
    let session = store.open(TTL + NANO).await;
    put_with(&store, "k", &session).await;
    store.advance(session.granted_ttl() - NANO).await;
    assert!(store.has("k").await, "what was granted is less than what was said");
}

pub(super) async fn a_resumed_session_has_a_new_fence(store: Subject) {
    let session = store.open_long().await;
    let mut fence = session.fence().clone();
    for _ in 0..3 {
        let resumed = store.take_over(session.id()).await;
        assert_eq!(resumed.id(), session.id());
        assert_eq!(resumed.fence().supersedes(&fence), Ok(true), "{:?} after {fence:?}", resumed.fence());
        assert!(holds(&store, &resumed).await);
        fence = resumed.fence().clone();
    }
}

pub(super) async fn a_resumed_session_keeps_its_keys_for_a_full_time_to_live(store: Subject) {
    let session = store.open(TTL).await;
    put_with(&store, "k", &session).await;
    store.advance(session.granted_ttl() / 2).await;
    let resumed = store.take_over(session.id()).await;
    assert_eq!(resumed.granted_ttl(), session.granted_ttl());
    store.advance(resumed.granted_ttl() - NANO).await;
    assert!(store.has("k").await, "the resumed session ended with its earlier incarnation");
    store.advance(NANO).await;
    assert!(!store.has("k").await);
}

pub(super) async fn an_earlier_incarnation_cannot_renew(store: Subject) {
    let session = store.open(TTL).await;
    put_with(&store, "k", &session).await;
    let resumed = store.take_over(session.id()).await;
    store.advance(TTL / 2).await;
    let answer = session.renew().await;
    assert!(matches!(answer, Err(Error::SessionLost { id }) if id == session.id()), "{answer:?}");
    assert_eq!(session.standing(), Standing::Lost);
    store.advance(resumed.granted_ttl() - TTL / 2).await;
    assert!(!store.has("k").await, "a refused renewal extended the session");
}

pub(super) async fn an_earlier_incarnation_holds_nothing(store: Subject) {
    let session = store.open_long().await;
    let resumed = store.take_over(session.id()).await;
    let write = |held: &Session| Txn::new().when_held(held.fence().clone()).put("k", "v");
    assert_eq!(store.refusal(write(&session)).await, (0, None));
    assert!(!store.has("k").await);
    store.commit(write(&resumed)).await;
}

pub(super) async fn an_earlier_incarnation_ends_nothing(store: Subject) {
    let session = store.open_long().await;
    put_with(&store, "k", &session).await;
    let resumed = store.take_over(session.id()).await;
    session.end().await.expect("ending a lost session is no error");
    assert!(store.has("k").await, "an earlier incarnation ended the session of a later one");
    assert!(holds(&store, &resumed).await);
    resumed.renew().await.expect("the later incarnation lives");
}

pub(super) async fn an_expired_session_cannot_be_resumed(store: Subject) {
    let session = store.open(TTL).await;
    store.advance(session.granted_ttl()).await;
    let answer = store.resume(session.id()).await;
    assert!(matches!(answer, Err(Error::SessionLost { id }) if id == session.id()), "{answer:?}");
    let later = store.open(TTL).await;
    assert_ne!(later.id(), session.id(), "the id of a lost session names another one");
}

pub(super) async fn an_ended_session_is_lost_for_good(store: Subject) {
    let session = store.open_long().await;
    session.end().await.expect("a live session ends");
    assert_eq!(session.standing(), Standing::Lost);
    let answer = session.renew().await;
    assert!(matches!(answer, Err(Error::SessionLost { .. })), "{answer:?}");
    let answer = store.resume(session.id()).await;
    assert!(matches!(answer, Err(Error::SessionLost { id }) if id == session.id()), "{answer:?}");
    assert!(!holds(&store, &session).await);
    session.end().await.expect("ending a lost session is no error");
}

pub(super) async fn a_foreign_realm_is_refused(store: Subject) {
    let session = store.open_long().await;
    let realm = Realm::new(!store.realm().id());
    let foreign = |error: &Error| matches!(error, Error::ForeignRealm { expected, found } if *expected == store.realm() && *found == realm);
    let id = SessionId { realm, ..session.id() };
    let answer = store.resume(id).await;
    assert!(matches!(&answer, Err(error) if foreign(error)), "{answer:?}");
    let error = store.error(Txn::new().put_with("k", "v", id)).await;
    assert!(foreign(&error), "{error:?}");
    let fence = Fence::new(realm, session.fence().scope().clone(), session.fence().epoch());
    let error = store.error(Txn::new().when_held(fence).put("k", "v")).await;
    assert!(foreign(&error), "{error:?}");
    assert!(!store.has("k").await);
    assert!(holds(&store, &session).await, "a foreign id resumed a session of this store");
}

pub(super) async fn holding_a_session_is_a_condition(store: Subject) {
    let session = store.open(TTL).await;
    let write = |value: &'static str| {
        let txn = Txn::new().when("guard", Test::Absent).when_held(session.fence().clone());
        txn.put("k", value)
    };
    store.commit(write("1")).await;
    store.write("guard", "").await;
    assert_eq!(store.refusal(write("2")).await.0, 0, "a fence passes for the other conditions");
    store.remove("guard").await;
    store.advance(session.granted_ttl()).await;
    assert_eq!(store.refusal(write("3")).await, (1, None));
    assert_eq!(store.value("k").await, "1");
}

pub(super) async fn a_fence_of_no_session_holds_nothing(store: Subject) {
    let session = store.open_long().await;
    let fence = session.fence();
    let newer = Fence::new(fence.realm(), fence.scope().clone(), fence.epoch() + 1);
    let scope = entourage_core::Scope::new(format!("{}/of-another-kind", fence.scope()));
    let other = Fence::new(fence.realm(), scope, fence.epoch());
    for fence in [newer, other] {
        assert_eq!(store.refusal(Txn::new().when_held(fence).put("k", "v")).await, (0, None));
    }
    assert!(!store.has("k").await);
}

pub(super) async fn a_lost_session_takes_no_keys(store: Subject) {
    let (ended, expired) = (store.open_long().await, store.open(TTL).await);
    ended.end().await.expect("a live session ends");
    store.advance(expired.granted_ttl()).await;
    for session in [ended, expired] {
        let error = store.error(Txn::new().put("plain", "v").put_with("k", "v", session.id())).await;
        assert!(matches!(error, Error::SessionLost { id } if id == session.id()), "{error:?}");
    }
    assert!(!store.has("k").await && !store.has("plain").await);
}

pub(super) async fn a_refusal_comes_before_a_lost_session(store: Subject) {
    let session = store.open_long().await;
    session.end().await.expect("a live session ends");
    store.write("guard", "").await;
    let txn = Txn::new().when("guard", Test::Absent).put_with("k", "v", session.id());
    assert_eq!(store.refusal(txn).await, (0, store.read("guard").await));
}

pub(super) async fn a_plain_write_detaches_a_key(store: Subject) {
    let session = store.open_long().await;
    put_with(&store, "kept", &session).await;
    put_with(&store, "gone", &session).await;
    store.write("kept", "v").await;
    session.end().await.expect("a live session ends");
    assert!(store.has("kept").await && !store.has("gone").await);
}

pub(super) async fn a_write_may_attach_a_key_to_another_session(store: Subject) {
    let (first, second) = (store.open_long().await, store.open_long().await);
    store.write("k", "plain").await;
    put_with(&store, "k", &first).await;
    put_with(&store, "k", &second).await;
    first.end().await.expect("a live session ends");
    assert!(store.has("k").await, "a key ended with a session that it had left");
    second.end().await.expect("a live session ends");
    assert!(!store.has("k").await, "a key outlived its session");
}

pub(super) async fn a_recreated_key_forgets_its_session(store: Subject) {
    let session = store.open_long().await;
    put_with(&store, "k", &session).await;
    store.remove("k").await;
    store.write("k", "v").await;
    session.end().await.expect("a live session ends");
    assert!(store.has("k").await);
}

pub(super) async fn sessions_are_told_apart(store: Subject) {
    let mut ids = Vec::new();
    for _ in 0..4 {
        let session = store.open_long().await;
        assert_eq!(session.id().realm, store.realm());
        assert_eq!(session.fence().realm(), store.realm());
        assert!(!ids.contains(&session.id()), "{} names two sessions", session.id());
        ids.push(session.id());
        session.end().await.expect("a live session ends");
    }
    let (left, right) = (store.open_long().await, store.open_long().await);
    assert_ne!(left.fence().scope(), right.fence().scope(), "two holders exclude each other");
    store.take_over(left.id()).await;
    assert!(holds(&store, &right).await, "another session was resumed with it");
}

pub(super) async fn a_dropped_handle_leaves_its_session_alive(store: Subject) {
    let session = store.open_long().await;
    put_with(&store, "k", &session).await;
    let id = session.id();
    drop(session);
    assert!(store.has("k").await);
    store.take_over(id.to_string().parse().expect("an id reads back what it prints")).await;
}

pub(super) async fn sessions_expire_in_the_order_of_their_deadlines(store: Subject) {
    let (second, first) = (store.open(TTL * 2).await, store.open(TTL).await);
    put_with(&store, "second", &second).await;
    put_with(&store, "first", &first).await;
    let start = store.write("plain", "v").await;
    let mut watch = store.observe("", Some(start)).await;
    store.advance(second.granted_ttl()).await;
    let ((one, earlier), (two, later)) = (watch.delete().await, watch.delete().await);
    assert!(earlier <= later);
    if earlier < later {
        assert_eq!((one.as_str(), two.as_str()), ("first", "second"));
    }
    assert!(!store.has("first").await && !store.has("second").await);
}
