//! What settling promises.

use std::time::Duration;

use super::{
    member::{ids, twin},
    subject::Subject,
};
use crate::{Error, Item, Publication, StateWrite, Step};

const LEASE: Duration = Duration::from_secs(30);

pub(super) async fn an_accepted_item_is_done(subject: Subject) {
    let (mut member, mut peer) = (subject.member("jobs").await, subject.member("jobs").await);
    subject.put("jobs", &["a"]).await;
    let delivery = member.take().await;
    member.accept(delivery).await;
    subject.advance(2 * LEASE).await;
    member.close().await;
    peer.finds_nothing().await;
    assert_eq!(subject.four("jobs").await, (0, 0, 0, 0));
}

pub(super) async fn a_released_item_burns_no_attempt(subject: Subject) {
    let mut member = subject.member("jobs").await;
    subject.put("jobs", &["a"]).await;
    for _ in 0..10 {
        let delivery = member.take().await;
        assert_eq!((delivery.attempt(), delivery.retries(), delivery.lapses()), (1, 0, 0));
        member.release(delivery).await;
    }
    assert_eq!(subject.four("jobs").await, (1, 0, 0, 0));
}

pub(super) async fn a_retried_item_counts_its_retries(subject: Subject) {
    let mut member = subject.member("jobs").await;
    subject.put("jobs", &["a"]).await;
    for retries in 0..10 {
        let delivery = member.take().await;
        assert_eq!((delivery.attempt(), delivery.retries(), delivery.lapses()), (retries + 1, retries, 0));
        member.retry(delivery, Duration::ZERO).await;
    }
    assert_eq!(subject.four("jobs").await, (1, 0, 0, 0));
}

pub(super) async fn a_retried_item_waits_for_its_time(subject: Subject) {
    let mut member = subject.member("jobs").await;
    let second = Duration::from_secs(1);
    subject.put("jobs", &["a"]).await;
    let delivery = member.take().await;
    member.retry(delivery, second).await;
    assert_eq!(subject.four("jobs").await, (0, 1, 0, 0));
    subject.advance(second - Duration::from_nanos(1)).await;
    member.finds_nothing().await;
    subject.advance(Duration::from_nanos(1)).await;
    assert_eq!(ids(&member.ready(1).await), ["a"]);
}

pub(super) async fn a_zombies_step_changes_nothing(subject: Subject) {
    let (mut zombie, mut heir) = (subject.member("jobs").await, subject.member("jobs").await);
    let mut out = subject.member("out").await;
    subject.put("jobs", &["a"]).await;
    let old = zombie.take().await;
    subject.advance(LEASE).await;
    let new = heir.take().await;
    assert!(new.fence().supersedes(old.fence()).expect("the same item"));
    let step = Step::new()
        .accept(old)
        .publish(Publication::new("out", Item::new("result", "of the zombie")))
        .write("total", 0, "1");
    let (stale, step) = zombie.stale(step).await;
    assert_eq!(stale, ["a"]);
    // Dropping what it thought it held takes nothing from the heir.
    drop(step);
    subject.settle().await;
    zombie.finds_nothing().await;
    out.finds_nothing().await;
    assert_eq!(zombie.state("total").await, None);
    assert_eq!(subject.four("jobs").await, (0, 0, 1, 0));
    heir.accept(new).await;
    assert_eq!(subject.four("jobs").await, (0, 0, 0, 0));
}

pub(super) async fn every_way_to_settle_is_stale_for_a_zombie(subject: Subject) {
    let (mut zombie, mut heir) = (subject.member("jobs").await, subject.member("jobs").await);
    subject.put("jobs", &["accept", "release", "retry", "reject"]).await;
    let old = zombie.take_many(4).await;
    subject.advance(LEASE).await;
    let new = heir.take_many(4).await;
    let second = Duration::from_secs(1);
    for (way, delivery) in old.into_iter().enumerate() {
        let id = delivery.id().as_str().to_owned();
        let step = match way {
            0 => Step::new().accept(delivery),
            1 => Step::new().release(delivery),
            2 => Step::new().retry(delivery, second),
            _ => Step::new().reject(delivery, "no use"),
        };
        let (stale, _) = zombie.stale(step).await;
        assert_eq!(stale, [id]);
    }
    subject.settle().await;
    assert_eq!(subject.four("jobs").await, (0, 0, 4, 0));
    heir.step(Step { accept: new, ..Step::new() }).await;
}

pub(super) async fn an_attempt_is_settled_once(subject: Subject) {
    let mut member = subject.member("jobs").await;
    subject.put("jobs", &["a", "b", "c"]).await;
    let held = member.take_many(3).await;
    let twins: Vec<_> = held.iter().map(twin).collect();
    // Nor twice by one step, in which neither comes first.
    let twice = Step::new().accept(twin(&held[0])).release(twin(&held[1])).reject(twin(&held[0]), "no use");
    let refused = member.unapplied(twice.named("twice")).await;
    assert!(matches!(refused.error, Error::Invalid(_)), "{:?}", refused.error);
    assert_eq!(subject.four("jobs").await, (0, 0, 3, 0));
    let mut held = held.into_iter();
    member.accept(held.next().expect("a")).await;
    member.retry(held.next().expect("b"), Duration::ZERO).await;
    member.reject(held.next().expect("c"), "no use").await;
    for twin in twins {
        let id = twin.id().as_str().to_owned();
        let (stale, _) = member.stale(Step::new().named(format!("again {id}")).accept(twin)).await;
        assert_eq!(stale, [id]);
    }
    assert_eq!(subject.four("jobs").await, (1, 0, 0, 1));
}

pub(super) async fn a_partly_stale_step_names_exactly_the_stale(subject: Subject) {
    let mut member = subject.member("jobs").await;
    let mut out = subject.member("out").await;
    subject.put("jobs", &["a", "b", "c", "d"]).await;
    let held = member.take_many(4).await;
    for nth in [1, 3] {
        member.step(Step::new().named(format!("early {nth}")).accept(twin(&held[nth]))).await;
    }
    let mut held = held.into_iter();
    let mut next = || held.next().expect("four were received");
    let step = Step::new()
        .named("all")
        .accept(next())
        .release(next())
        .retry(next(), Duration::ZERO)
        .reject(next(), "no use")
        .publish(Publication::new("out", Item::new("result", "")));
    let (mut stale, step) = member.stale(step).await;
    stale.sort();
    assert_eq!(stale, ["b", "d"]);
    out.finds_nothing().await;
    assert_eq!(subject.four("jobs").await, (0, 0, 2, 0));
    // What is left of the step is applied under its name, as for the first time.
    let applied = member.step(step.without(&["b".into(), "d".into()])).await;
    assert!(!applied.repeated);
    assert_eq!(out.drain().await, ["result"]);
    assert_eq!(member.drain().await, ["c"]);
}

pub(super) async fn a_failed_step_is_given_back_whole(subject: Subject) {
    let mut member = subject.member("jobs").await;
    let mut out = subject.member("out").await;
    subject.put("jobs", &["a", "b", "c"]).await;
    let held = member.take_many(3).await;
    let receipts: Vec<_> = held.iter().map(|delivery| delivery.receipt()).collect();
    let mut held = held.into_iter();
    let mut next = || held.next().expect("three were received");
    let second = Duration::from_secs(1);
    let publication = Publication::new("out", Item::new("result", "x").with_key("k")).delayed(second);
    let step = Step::new()
        .named("try")
        .accept(next())
        .retry(next(), second)
        .reject(next(), "no use")
        .publish(publication.clone())
        .write("total", 7, "1");
    let unapplied = member.unapplied(step).await;
    let step = *unapplied.step;
    assert_eq!(step.id.as_ref().map(|id| id.as_str()), Some("try"));
    let given: Vec<_> = step.deliveries().map(|delivery| delivery.receipt()).collect();
    assert_eq!(given, receipts);
    assert_eq!((step.release[0].after, step.release[0].retry), (second, true));
    assert_eq!(step.reject[0].reason, "no use");
    assert_eq!(step.publish, [publication]);
    let write = StateWrite { key: "total".into(), expected: Some(7), value: Some("1".into()) };
    assert_eq!(step.state, std::slice::from_ref(&write));
    // Its deliveries are still held, and the step can be mended.
    assert_eq!(subject.four("jobs").await, (0, 0, 3, 0));
    let mended = Step { state: vec![StateWrite { expected: Some(0), ..write }], ..step };
    member.step(mended).await;
    assert_eq!(subject.four("jobs").await, (0, 1, 0, 1));
    subject.advance(second).await;
    assert_eq!(out.drain().await, ["result"]);
}
