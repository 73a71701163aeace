//! What the counts promise.

use std::time::Duration;

use super::subject::Subject;
use crate::{Item, Publication, Redrive};

const SECOND: Duration = Duration::from_secs(1);
const LEASE: Duration = Duration::from_secs(30);

pub(super) async fn the_counts_are_exact_in_every_state(subject: Subject) {
    let mut member = subject.member("jobs").await;
    assert_eq!(subject.four("jobs").await, (0, 0, 0, 0));
    subject.put("jobs", &["a", "b", "c"]).await;
    assert_eq!(subject.four("jobs").await, (3, 0, 0, 0));
    subject.put_keyed("jobs", "k", &["k1", "k2"]).await;
    assert_eq!(subject.four("jobs").await, (4, 1, 0, 0));
    subject.fresh([Publication::new("jobs", Item::new("late", "")).delayed(SECOND)]).await;
    assert_eq!(subject.four("jobs").await, (4, 2, 0, 0));
    let mut held = member.take_many(4).await.into_iter();
    let mut next = || held.next().expect("four were received");
    assert_eq!(subject.four("jobs").await, (0, 2, 4, 0));
    member.accept(next()).await;
    assert_eq!(subject.four("jobs").await, (0, 2, 3, 0));
    member.retry(next(), 5 * SECOND).await;
    assert_eq!(subject.four("jobs").await, (0, 3, 2, 0));
    member.reject(next(), "no use").await;
    assert_eq!(subject.four("jobs").await, (0, 3, 1, 1));
    member.release(next()).await;
    assert_eq!(subject.four("jobs").await, (1, 3, 0, 1));
    subject.advance(SECOND).await;
    assert_eq!(subject.four("jobs").await, (2, 2, 0, 1));
    subject.advance(4 * SECOND).await;
    assert_eq!(subject.four("jobs").await, (3, 1, 0, 1));
    let lapsing = member.take_many(3).await;
    assert_eq!(subject.four("jobs").await, (0, 1, 3, 1));
    subject.advance(LEASE).await;
    drop(lapsing);
    assert_eq!(subject.four("jobs").await, (3, 1, 0, 1));
    subject.revive("jobs", Redrive::All).await;
    assert_eq!(subject.four("jobs").await, (4, 1, 0, 0));
    assert_eq!(member.drain().await.len(), 5);
    assert_eq!(subject.four("jobs").await, (0, 0, 0, 0));
}

pub(super) async fn the_oldest_age_is_of_the_oldest_unsettled_item(subject: Subject) {
    let mut member = subject.member("jobs").await;
    let oldest = async || subject.counts("jobs").await.oldest;
    assert_eq!(oldest().await, None);
    subject.put("jobs", &["a"]).await;
    assert_eq!(oldest().await, Some(Duration::ZERO));
    subject.advance(3 * SECOND).await;
    subject.fresh([Publication::new("jobs", Item::new("b", "")).delayed(SECOND)]).await;
    subject.advance(2 * SECOND).await;
    subject.put("jobs", &["c"]).await;
    assert_eq!(oldest().await, Some(5 * SECOND));
    let held = member.take_many(3).await;
    subject.advance(SECOND).await;
    assert_eq!(oldest().await, Some(6 * SECOND), "leased items age too");
    let mut held = held.into_iter();
    let mut next = || held.next().expect("three were received");
    member.retry(next(), 7 * SECOND).await;
    assert_eq!(oldest().await, Some(6 * SECOND), "waiting items age too");
    subject.advance(7 * SECOND).await;
    let again = member.take().await;
    member.reject(again, "no use").await;
    assert_eq!(oldest().await, Some(10 * SECOND), "the dead do not age");
    member.accept(next()).await;
    assert_eq!(oldest().await, Some(8 * SECOND));
    member.accept(next()).await;
    assert_eq!(oldest().await, None);
}

pub(super) async fn a_topic_nobody_used_counts_nothing(subject: Subject) {
    let stats = subject.counts("never").await;
    assert_eq!((stats.ready, stats.waiting, stats.in_flight, stats.dead, stats.oldest), (0, 0, 0, 0, None));
    assert_eq!(subject.letters("never").await, []);
    assert_eq!(subject.revive("never", Redrive::All).await, 0);
    assert_eq!(subject.listed("").await, []);
    subject.roomy("never", 1).await;
}
