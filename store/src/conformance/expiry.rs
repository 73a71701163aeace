//! How long a session lives, and what ends at its deadline.
//!
//! By a clock that the case moves, to the nanosecond. In real time a case looks at three
//! quarters of the way to a deadline, where the session must stand, and from the deadline on,
//! where it must soon not; each waits for two times to live at most, while others run.

use std::time::Duration;

use super::subject::Subject;
use crate::{Change, Error, Outcome, Session, Standing, Txn, What};

/// The shortest time there is.
const NANO: Duration = Duration::from_nanos(1);

pub(super) async fn keys_expire_together_with_their_session(store: Subject) {
    let mut watch = store.observe("", None).await;
    let longer = store.open_long().await;
    store.commit(Txn::new().put_with("longer", "v", longer.id())).await;
    let plain = store.write("plain", "v").await;
    let (_session, deadline) = store.open_with(store.short_ttl(), &["a", "b", "c"]).await;
    let is_over = async || store.keys(What::prefix("")).await == ["longer", "plain"];
    store.advance_to_end(deadline, "a key", is_over).await;
    let mut changes = Vec::new();
    while changes.len() < 3 {
        changes.extend(Some(watch.next().await).filter(|change| matches!(change, Change::Delete { .. })));
    }
    let mut keys: Vec<_> = changes.iter().filter_map(Change::key).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["a", "b", "c"]);
    let version = changes[0].version();
    assert!(version > plain && changes.iter().all(|change| change.version() == version), "{changes:?}");
}

pub(super) async fn a_session_lives_until_its_deadline(store: Subject) {
    let look = async |ttl| {
        let (session, deadline) = store.open_with(ttl, &["k"]).await;
        store.advance_to_before(deadline).await;
        let (found, held) = (store.has("k").await, store.honours(&session).await);
        let late = store.transact(Txn::new().put_with("late", "v", session.id())).await;
        // What was asked after the deadline may find nothing.
        let Standing::Live { .. } = session.standing() else { return None };
        assert!(found, "a key ended before its session's deadline");
        assert!(held, "a fence ended before its session's deadline");
        assert!(matches!(late, Ok(Outcome::Applied { .. })), "a write under a live session: {late:?}");
        Some(())
    };
    store.in_time(look).await;
}

/// Three sessions, because each kind of look must see it by itself, if it is the first one
/// after a deadline: a transaction, a read and a listing.
pub(super) async fn a_session_is_dead_at_its_deadline(store: Subject) {
    let (ttl, gap) = (store.short_ttl(), store.ttl_gap());
    let (first, at_first) = store.open_with(ttl, &["a"]).await;
    let (second, at_second) = store.open_with(ttl + gap, &["b"]).await;
    let (third, at_third) = store.open_with(ttl + gap * 2, &["c"]).await;
    store.advance_to_end(at_first, "a fence", async || !store.honours(&first).await).await;
    assert!(!store.has("a").await, "a key outlives its session");
    assert_eq!(first.standing(), Standing::Lost);
    store.advance_to_end(at_second, "a key that is read", async || !store.has("b").await).await;
    assert!(!store.honours(&second).await, "a fence outlives its session's keys");
    let is_over = async || store.keys(What::prefix("")).await.is_empty();
    store.advance_to_end(at_third, "a key that is listed", is_over).await;
    assert!(!store.honours(&third).await, "a fence outlives its session's keys");
}

/// Whether `extend`, late in a session's life, gives it a full time to live from then on.
async fn lasts(store: &Subject, extend: impl AsyncFn(Session) -> Option<Session>) {
    let look = async |ttl| {
        // One that nothing is done for tells when the first time to live is over.
        let (_, first_end) = store.open_with(ttl, &["idle"]).await;
        let (session, deadline) = store.open_with(ttl, &["k"]).await;
        match store.has_manual_time() {
            true => store.advance(ttl / 2).await,
            false => store.advance_to_before(deadline).await,
        }
        let session = extend(session).await?;
        let deadline = store.clock().now() + session.granted_ttl();
        store.advance_to_end(first_end, "a session", async || !store.has("idle").await).await;
        if store.has_manual_time() {
            store.advance_to_before(deadline).await;
        }
        let found = store.has("k").await;
        let Standing::Live { .. } = session.standing() else { return None };
        assert!(found, "a session was not extended for the full time to live");
        store.advance_to_end(deadline, "an extended session", async || !store.has("k").await).await;
        Some(())
    };
    store.in_time(look).await;
}

pub(super) async fn a_renewal_runs_from_when_it_was_sent(store: Subject) {
    let renew = async |session: Session| {
        let Standing::Live { until } = session.standing() else { return None };
        let before = store.clock().now();
        let answer = session.renew().await;
        if store.clock().now() >= until {
            return None;
        }
        let sent = answer.expect("a live session is renewed");
        assert!(sent >= before && sent <= store.clock().now());
        assert_eq!(session.standing(), Standing::Live { until: sent + session.granted_ttl() });
        Some(session)
    };
    lasts(&store, renew).await;
}

pub(super) async fn a_resumed_session_keeps_its_keys_for_a_full_time_to_live(store: Subject) {
    let resume = async |session: Session| {
        let resumed = store.take_over_in_time(&session).await?;
        assert_eq!(resumed.granted_ttl(), session.granted_ttl());
        Some(resumed)
    };
    lasts(&store, resume).await;
}

/// A server with a minimum of its own may grant more than its capabilities say, so only a
/// store whose clock the case moves, which is none, is held to what they say exactly.
pub(super) async fn a_time_to_live_is_rounded_up_to_what_the_store_grants(store: Subject) {
    let (limits, ttl) = (store.capabilities(), store.short_ttl());
    let asked = [Duration::ZERO, NANO, limits.min_ttl, limits.min_ttl + NANO, ttl, ttl + NANO];
    for ttl in asked {
        let granted = store.open(ttl).await.granted_ttl();
        let said = limits.granted_ttl(ttl);
        let right = if store.has_manual_time() { granted == said } else { granted >= said };
        assert!(right, "{granted:?} for {ttl:?}, of which {said:?} is said");
        assert!(granted >= ttl && granted >= limits.min_ttl, "{granted:?} for {ttl:?}");
    }
    if store.has_manual_time() {
        let (_session, deadline) = store.open_with(ttl + NANO, &["k"]).await;
        store.advance_to_before(deadline).await;
        assert!(store.has("k").await, "what was granted is less than what was said");
    }
}

pub(super) async fn an_earlier_incarnation_cannot_renew(store: Subject) {
    let look = async |ttl| {
        let (session, _) = store.open_with(ttl, &["k"]).await;
        let resumed = store.take_over_in_time(&session).await?;
        let deadline = store.clock().now() + resumed.granted_ttl();
        store.advance(ttl / 2).await;
        if session.standing() == Standing::Lost {
            return None;
        }
        let answer = session.renew().await;
        assert!(matches!(answer, Err(Error::SessionLost { id }) if id == session.id()), "{answer:?}");
        assert_eq!(session.standing(), Standing::Lost);
        let what = "a session whose earlier incarnation was refused a renewal";
        store.advance_to_end(deadline, what, async || !store.has("k").await).await;
        Some(())
    };
    store.in_time(look).await;
}

pub(super) async fn an_expired_session_cannot_be_resumed(store: Subject) {
    let (session, deadline) = store.open_with(store.short_ttl(), &[]).await;
    let is_lost = async || match store.resume(session.id()).await {
        Err(Error::SessionLost { id }) => id == session.id(),
        // A look that resumes it would keep it alive.
        answer => panic!("a session that is over was resumed: {answer:?}"),
    };
    if store.capabilities().expiry_lag.is_zero() {
        store.advance_to_end(deadline, "a session", is_lost).await;
    } else {
        store.advance_to_end(deadline, "a fence", async || !store.honours(&session).await).await;
        assert!(is_lost().await);
    }
    let later = store.open_long().await;
    assert_ne!(later.id(), session.id(), "the id of a lost session names another one");
}

pub(super) async fn a_lost_session_takes_no_keys(store: Subject) {
    let (ended, (expired, deadline)) =
        (store.open_long().await, store.open_with(store.short_ttl(), &[]).await);
    ended.end().await.expect("a live session ends");
    let write = |session: &Session| Txn::new().put("plain", "v").put_with("k", "v", session.id());
    if store.capabilities().expiry_lag.is_zero() {
        store.advance_to(deadline).await;
    } else {
        store.advance_to_end(deadline, "a fence", async || !store.honours(&expired).await).await;
    }
    for session in [expired, ended] {
        let error = store.error(write(&session)).await;
        assert!(matches!(error, Error::SessionLost { id } if id == session.id()), "{error:?}");
    }
    assert!(!store.has("k").await && !store.has("plain").await);
}

/// By more than the lag: a store that looks from time to time ends in any order what it finds
/// over at one look.
pub(super) async fn sessions_expire_in_the_order_of_their_deadlines(store: Subject) {
    let mut watch = store.observe("", None).await;
    let apart = store.capabilities().expiry_lag + store.ttl_gap();
    let (_later, at_later) = store.open_with(store.short_ttl() + apart, &["later"]).await;
    let (_sooner, at_sooner) = store.open_with(store.short_ttl(), &["sooner"]).await;
    store.advance_to(at_later.max(at_sooner)).await;
    let mut ends = Vec::new();
    while ends.len() < 2 {
        if let Change::Delete { key, version } = watch.next().await {
            ends.push((key, version));
        }
    }
    let [(one, earlier), (two, later)] = &ends[..] else { panic!("two keys ended: {ends:?}") };
    assert!(earlier <= later);
    // Not so if the machine was too slow to write one of the keys at first.
    if earlier < later && at_sooner < at_later {
        assert_eq!((one.as_str(), two.as_str()), ("sooner", "later"));
    }
    assert!(!store.has("sooner").await && !store.has("later").await);
}

/// Nothing is called but the watch, which waits before and while the deadlines pass.
pub(super) async fn an_expiry_is_seen_without_traffic(store: Subject) {
    let look = async |ttl| {
        let (_idle, at_idle) = store.open_with(ttl, &[]).await;
        let (session, deadline) = store.open_with(ttl + store.ttl_gap(), &["p/k"]).await;
        let mut watch = store.observe("p/", None).await;
        if let Some(early) = watch.ask_once().await {
            assert_eq!(session.standing(), Standing::Lost, "{early:?}");
            return None;
        }
        let left = deadline.since(store.clock().now()) + store.capabilities().expiry_lag;
        let waiting = async {
            tokio::join!(biased; watch.watch().next(), async {
                tokio::task::yield_now().await;
                store.advance_to(at_idle).await;
                tokio::task::yield_now().await;
                store.advance_to(deadline).await;
            })
        };
        let (change, ()) = store.soon_after(left, "the end of the session", waiting).await;
        let change = change.expect("the watch answers");
        assert!(matches!(&change, Change::Delete { key, .. } if key == "p/k"), "{change:?}");
        Some(())
    };
    store.in_time(look).await;
}
