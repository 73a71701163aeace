//! What leases, heartbeats and fences promise.

use std::{mem, sync::Arc, time::Duration};

use entourage_core::{Fence, Realm, Scope};

use super::{
    member::{Member, ids, twin},
    subject::Subject,
};
use crate::{Delivery, Error, Receipt, Returns, Step, SubscribeOptions};

const LEASE: Duration = Duration::from_secs(30);
const SWEEP: Duration = Duration::from_secs(10);
const NANOSECOND: Duration = Duration::from_nanos(1);

pub(super) async fn a_lease_holds_until_its_deadline(subject: Subject) {
    let mut member = subject.member("jobs").await;
    subject.put("jobs", &["a", "b"]).await;
    let delivery = member.take().await;
    subject.jump(LEASE - NANOSECOND);
    member.accept(delivery).await;
    assert_eq!(member.drain().await, ["b"]);
}

pub(super) async fn a_lease_has_ended_at_its_deadline(subject: Subject) {
    let mut member = subject.member("jobs").await;
    subject.put("jobs", &["a"]).await;
    let delivery = member.take().await;
    subject.jump(LEASE);
    let (stale, _) = member.stale(Step::new().accept(delivery)).await;
    assert_eq!(stale, ["a"]);
    let again = member.take().await;
    assert_eq!((again.attempt(), again.lapses()), (2, 1));
}

pub(super) async fn heartbeats_keep_a_long_job(subject: Subject) {
    let (mut member, mut peer) = (subject.member("jobs").await, subject.member("jobs").await);
    subject.put("jobs", &["a"]).await;
    let delivery = member.take().await;
    for _ in 0..10 {
        subject.pass(LEASE).await;
        peer.finds_nothing().await;
    }
    assert_eq!(subject.four("jobs").await, (0, 0, 1, 0));
    member.accept(delivery).await;
    assert_eq!(subject.four("jobs").await, (0, 0, 0, 0));
}

pub(super) async fn heartbeats_stop_at_the_time_limit(subject: Subject) {
    let limit = Duration::from_secs(60);
    let options = SubscribeOptions::new().with_time_limit(limit);
    let (mut member, mut peer) =
        (subject.member_with("jobs", options).await, subject.member_with("jobs", options).await);
    subject.put("jobs", &["a"]).await;
    let held = member.take().await;
    subject.pass(limit - NANOSECOND).await;
    peer.finds_nothing().await;
    subject.pass(LEASE + SWEEP).await;
    let again = peer.take().await;
    assert_eq!((again.attempt(), again.lapses()), (2, 1));
    let (stale, _) = member.stale(Step::new().accept(held)).await;
    assert_eq!(stale, ["a"]);
    peer.accept(again).await;
}

pub(super) async fn renewing_extends_the_time_limit(subject: Subject) {
    let minute = Duration::from_secs(60);
    let options = SubscribeOptions::new().with_time_limit(minute);
    let (mut member, mut peer) = (subject.member_with("jobs", options).await, subject.member("jobs").await);
    subject.put("jobs", &["a"]).await;
    let held = member.take().await;
    subject.pass(minute - Duration::from_secs(10)).await;
    member.renew(&held, minute).await.expect("the attempt holds the item");
    subject.pass(minute - NANOSECOND).await;
    peer.finds_nothing().await;
    assert_eq!(subject.four("jobs").await, (0, 0, 1, 0));
    subject.pass(LEASE + SWEEP).await;
    assert_eq!(ids(&peer.ready(1).await), ["a"], "the second minute is over too");
    drop(held);
}

pub(super) async fn a_stale_attempt_cannot_be_renewed(subject: Subject) {
    let mut member = subject.member("jobs").await;
    subject.put("jobs", &["lapsed", "settled"]).await;
    let lapsed = member.take().await;
    subject.jump(LEASE);
    let minute = Duration::from_secs(60);
    let refused = |answer: crate::Result<()>, id: &str| match answer {
        Err(Error::Stale { ids }) => assert_eq!(ids, [id.into()]),
        other => panic!("{id} should be stale, but: {other:?}"),
    };
    refused(member.renew(&lapsed, minute).await, "lapsed");
    drop(lapsed);
    subject.settle().await;
    let deliveries = member.take_many(2).await;
    let again = deliveries.iter().map(twin).collect();
    member.step(Step { accept: deliveries, ..Step::new() }).await;
    let twins: Vec<Delivery> = again;
    refused(member.renew(&twins[0], minute).await, "lapsed");
    refused(member.renew(&twins[1], minute).await, "settled");
    assert_eq!(subject.four("jobs").await, (0, 0, 0, 0));
}

pub(super) async fn a_silent_members_items_come_back_to_any_peer(subject: Subject) {
    let mut peer = subject.member("jobs").await;
    subject.put("jobs", &["a", "b"]).await;
    let (zombie, held) = silent(&subject, 2).await;
    let waiting = tokio::spawn(async move { (peer.take_many(2).await, peer) });
    subject.pass(LEASE - Duration::from_secs(2)).await;
    assert!(!waiting.is_finished(), "the leases still stand");
    subject.pass(Duration::from_secs(2) + SWEEP).await;
    let (again, peer) = subject.soon("the silent member's items", waiting).await.expect("no panic");
    assert_eq!(ids(&again), ["a", "b"]);
    assert!(again.iter().all(|delivery| delivery.lapses() == 1), "each lapsed once: {again:?}");
    let (stale, step) = zombie.stale(Step { accept: held, ..Step::new() }).await;
    assert_eq!(stale, ["a", "b"]);
    drop(step);
    peer.step(Step { accept: again, ..Step::new() }).await;
    assert_eq!(subject.four("jobs").await, (0, 0, 0, 0));
}

/// A member whose heartbeats have stopped, and what it holds: a process that hangs.
pub(super) async fn silent(subject: &Subject, items: usize) -> (Member, Vec<Delivery>) {
    subject
        .elsewhere(move |subject| async move {
            let mut member = subject.member("jobs").await;
            let held = member.take_many(items).await;
            (member, held)
        })
        .await
}

pub(super) async fn a_dead_members_items_come_back_to_any_peer(subject: Subject) {
    let mut peer = subject.member("jobs").await;
    subject.put("jobs", &["a", "b"]).await;
    // A killed process tells nobody: neither its receiver nor its deliveries are dropped.
    mem::forget(silent(&subject, 2).await);
    subject.pass(LEASE - Duration::from_secs(2)).await;
    peer.finds_nothing().await;
    subject.pass(Duration::from_secs(2) + SWEEP).await;
    assert_eq!(subject.four("jobs").await, (2, 0, 0, 0));
    assert_eq!(ids(&peer.ready(10).await), ["a", "b"]);
}

pub(super) async fn a_lapse_counts_apart_from_retries(subject: Subject) {
    let mut member = subject.member("jobs").await;
    subject.put("jobs", &["a"]).await;
    let first = member.take().await;
    assert_eq!((first.attempt(), first.retries(), first.lapses()), (1, 0, 0));
    member.retry(first, Duration::ZERO).await;
    let second = member.take().await;
    assert_eq!((second.attempt(), second.retries(), second.lapses()), (2, 1, 0));
    subject.advance(LEASE).await;
    drop(second);
    let third = member.take().await;
    assert_eq!((third.attempt(), third.retries(), third.lapses()), (3, 1, 1));
    member.release(third).await;
    let fourth = member.take().await;
    assert_eq!((fourth.attempt(), fourth.retries(), fourth.lapses()), (3, 1, 1));
}

fn supersedes(later: &Fence, earlier: &Fence) -> bool {
    later.supersedes(earlier).expect("both fences are of one realm and scope")
}

pub(super) async fn each_attempt_has_a_higher_epoch(subject: Subject) {
    let (mut member, mut peer) = (subject.member("jobs").await, subject.member("jobs").await);
    subject.put("jobs", &["a"]).await;
    let mut held = member.take().await;
    for way in 0..4 {
        let (fence, receipt) = (held.fence().clone(), held.receipt());
        match way {
            0 => member.release(held).await,
            1 => member.retry(held, Duration::ZERO).await,
            2 => drop(held),
            _ => {
                subject.advance(LEASE).await;
                drop(held);
            }
        }
        held = if way % 2 == 0 { peer.take().await } else { member.take().await };
        if way % 2 == 0 {
            assert!(supersedes(held.fence(), &fence), "way {way}");
            let fence = held.fence().clone();
            drop(held);
            held = member.take().await;
            assert!(supersedes(held.fence(), &fence), "way {way}");
        }
        assert!(supersedes(held.fence(), &fence), "way {way}");
        assert_eq!(held.receipt().sequence, receipt.sequence);
        assert!(held.receipt().epoch > receipt.epoch, "way {way}");
    }
}

pub(super) async fn epochs_grow_along_a_key(subject: Subject) {
    let (mut member, mut peer) = (subject.member("jobs").await, subject.member("jobs").await);
    subject.put_keyed("jobs", "k", &["a", "b", "c"]).await;
    let mut last: Option<Fence> = None;
    for id in ["a", "b", "c"] {
        let first = peer.take().await;
        let fence = first.fence().clone();
        assert!(last.as_ref().is_none_or(|last| supersedes(&fence, last)), "{id}");
        peer.release(first).await;
        let second = member.take().await;
        assert_eq!(second.id().as_str(), id);
        assert!(supersedes(second.fence(), &fence), "{id}");
        last = Some(second.fence().clone());
        member.accept(second).await;
    }
}

pub(super) async fn a_fence_tells_its_realm_and_scope(subject: Subject) {
    let mut member = subject.member("jobs").await;
    subject.put_keyed("jobs", "k", &["a"]).await;
    subject.put("jobs", &["b"]).await;
    let deliveries = member.take_many(2).await;
    for delivery in &deliveries {
        assert_eq!(delivery.fence().realm(), subject.realm());
        assert_eq!(delivery.fence().epoch(), delivery.receipt().epoch);
    }
    let scopes: Vec<_> = deliveries.iter().map(|delivery| delivery.fence().scope().as_str()).collect();
    assert_eq!(scopes, ["k", "b"], "the key, or else the id");
}

#[derive(Debug)]
struct Elsewhere;

impl Returns for Elsewhere {
    fn give_back(&self, _: Receipt) {}
}

pub(super) async fn a_foreign_realm_is_refused(subject: Subject) {
    let mut member = subject.member("jobs").await;
    subject.put("jobs", &["a"]).await;
    let held = member.take().await;
    let foreign = || {
        let realm = Realm::new(!subject.realm().id());
        let fence = Fence::new(realm, Scope::new("a"), held.fence().epoch());
        let (topic, item) = (held.topic().clone(), held.item().clone());
        Delivery::leased(topic, item, fence, held.receipt(), (0, 0), Arc::new(Elsewhere))
    };
    let unapplied = member.unapplied(Step::new().accept(foreign()).write("k", 0, "v")).await;
    let refusal = |error: &Error| match error {
        Error::ForeignRealm { expected, found } => *expected == subject.realm() && found != expected,
        _ => false,
    };
    assert!(refusal(&unapplied.error), "{:?}", unapplied.error);
    assert_eq!(unapplied.step.accept.len(), 1);
    let renewal = member.renew(&foreign(), LEASE).await;
    assert!(renewal.as_ref().is_err_and(refusal), "{renewal:?}");
    assert_eq!(member.state("k").await, None);
    assert_eq!(subject.four("jobs").await, (0, 0, 1, 0));
    member.accept(held).await;
}
