//! Sessions: what ends with them, who holds them. How long they live is in `expiry`.

use entourage_core::{Fence, Realm};

use super::subject::Subject;
use crate::{Change, Error, Session, SessionId, Standing, Test, Txn};

async fn put_with(store: &Subject, key: &str, session: &Session) {
    store.commit(Txn::new().put_with(key, "v", session.id())).await;
}

pub(super) async fn keys_end_together_with_their_session(store: Subject) {
    let (session, other) = (store.open_long().await, store.open_long().await);
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

pub(super) async fn a_resumed_session_has_a_new_fence(store: Subject) {
    let session = store.open_long().await;
    let mut fence = session.fence().clone();
    for _ in 0..3 {
        let resumed = store.take_over(session.id()).await;
        assert_eq!(resumed.id(), session.id());
        assert_eq!(resumed.fence().supersedes(&fence), Ok(true), "{:?} after {fence:?}", resumed.fence());
        assert!(store.honours(&resumed).await);
        fence = resumed.fence().clone();
    }
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
    assert!(store.honours(&resumed).await);
    resumed.renew().await.expect("the later incarnation lives");
}

pub(super) async fn an_ended_session_is_lost_for_good(store: Subject) {
    let session = store.open_long().await;
    session.end().await.expect("a live session ends");
    assert_eq!(session.standing(), Standing::Lost);
    let answer = session.renew().await;
    assert!(matches!(answer, Err(Error::SessionLost { .. })), "{answer:?}");
    let answer = store.resume(session.id()).await;
    assert!(matches!(answer, Err(Error::SessionLost { id }) if id == session.id()), "{answer:?}");
    assert!(!store.honours(&session).await);
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
    assert!(store.honours(&session).await, "a foreign id resumed a session of this store");
}

pub(super) async fn holding_a_session_is_a_condition(store: Subject) {
    let (session, (short, deadline)) =
        (store.open_long().await, store.open_with(store.short_ttl(), &[]).await);
    let write = |value: &'static str, held: &Session| {
        Txn::new().when("guard", Test::Absent).when_held(held.fence().clone()).put("k", value)
    };
    store.commit(write("1", &session)).await;
    store.write("guard", "").await;
    assert_eq!(store.refusal(write("2", &session)).await.0, 0, "a fence passes for the other conditions");
    store.remove("guard").await;
    store.advance_to_end(deadline, "a fence", async || !store.honours(&short).await).await;
    assert_eq!(store.refusal(write("3", &short)).await, (1, None));
    assert_eq!(store.value("k").await, "1");
    session.end().await.expect("a live session ends");
    assert_eq!(store.refusal(write("4", &session)).await, (1, None));
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
    assert!(store.honours(&right).await, "another session was resumed with it");
}

pub(super) async fn a_dropped_handle_leaves_its_session_alive(store: Subject) {
    let session = store.open_long().await;
    put_with(&store, "k", &session).await;
    let id = session.id();
    drop(session);
    assert!(store.has("k").await);
    store.take_over(id.to_string().parse().expect("an id reads back what it prints")).await;
}
