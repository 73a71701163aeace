//! What several handles of one queue promise.

use std::{mem, time::Duration};

use super::{member::twin, subject::Subject};
use crate::{Item, Publication, Published, Step, Topic, TopicOptions};

const LEASE: Duration = Duration::from_secs(30);

pub(super) async fn handles_see_each_other(subject: Subject) {
    let other = subject.reopen().await;
    let (mut here, mut there) = (subject.member("jobs").await, other.member("jobs").await);
    subject.put("jobs", &["a", "b"]).await;
    let held = there.take().await;
    assert_eq!(held.id().as_str(), "a");
    let rest = here.take().await;
    assert_eq!(rest.id().as_str(), "b");
    assert_eq!(subject.four("jobs").await, (0, 0, 2, 0));
    assert_eq!(other.four("jobs").await, (0, 0, 2, 0));
    there.step(Step::new().accept(held).write("k", 0, "v")).await;
    assert_eq!(here.value("k").await, Some(("v".into(), 1)));
    assert_eq!(other.send([Publication::new("jobs", Item::new("a", ""))]).await, [Published::Duplicate]);
}

pub(super) async fn a_receive_wakes_for_what_another_handle_publishes(subject: Subject) {
    let other = subject.reopen().await;
    let mut there = other.member("jobs").await;
    let waiting = tokio::spawn(async move { (there.take().await, there) });
    subject.settle().await;
    subject.put("jobs", &["a"]).await;
    let (held, there) = subject.soon("the other handle's item", waiting).await.expect("no panic");
    // And the other way round, for what is given back.
    let mut here = subject.member("jobs").await;
    let waiting = tokio::spawn(async move { here.take().await });
    subject.settle().await;
    there.release(held).await;
    let held = subject.soon("what the other handle gives back", waiting).await.expect("no panic");
    assert_eq!((held.id().as_str(), held.attempt()), ("a", 1));
}

pub(super) async fn room_wakes_for_what_another_handle_settles(subject: Subject) {
    let other = subject.reopen().await;
    let mut there = other.member("jobs").await;
    subject.configure_topic("jobs", TopicOptions::new().with_capacity(1)).await;
    subject.put("jobs", &["a"]).await;
    let held = there.take().await;
    let queue = subject.queue();
    let waiting = tokio::spawn(async move { queue.room(&Topic::from("jobs"), 1).await });
    subject.settle().await;
    assert!(!waiting.is_finished(), "there is no room");
    there.accept(held).await;
    subject.soon("room", waiting).await.expect("no panic").expect("the queue answers");
}

pub(super) async fn the_realm_is_the_same_in_every_handle(subject: Subject) {
    let other = subject.reopen().await;
    assert_eq!(other.realm(), subject.realm());
    let mut there = other.member("jobs").await;
    subject.put("jobs", &["a"]).await;
    let first = there.take().await;
    let fence = first.fence().clone();
    there.release(first).await;
    let mut here = subject.member("jobs").await;
    let second = here.take().await;
    assert_eq!(second.fence().supersedes(&fence), Ok(true));
    here.release(second).await;
    let again = subject.reopen().await;
    let mut there = again.member("jobs").await;
    let third = there.take().await;
    assert_eq!(third.fence().supersedes(&fence), Ok(true));
}

pub(super) async fn items_and_state_outlive_their_handle(subject: Subject) {
    let other = subject.reopen().await;
    let mut there = other.member("jobs").await;
    other.put("jobs", &["a", "b", "c"]).await;
    let held = there.take_many(2).await;
    let mut held = held.into_iter();
    there.step(Step::new().accept(held.next().expect("a")).write("k", 0, "v")).await;
    there.reject(held.next().expect("b"), "no use").await;
    drop((there, other));
    let again = subject.reopen().await;
    let mut member = again.member("jobs").await;
    assert_eq!(again.four("jobs").await, (1, 0, 0, 1));
    assert_eq!(member.value("k").await, Some(("v".into(), 1)));
    assert_eq!(again.letters("jobs").await.len(), 1);
    assert_eq!(member.drain().await, ["c"]);
    assert_eq!(again.send([Publication::new("jobs", Item::new("a", ""))]).await, [Published::Duplicate]);
}

pub(super) async fn what_a_crashed_handle_held_comes_back(subject: Subject) {
    let mut member = subject.member("jobs").await;
    subject.put("jobs", &["a", "b"]).await;
    subject
        .elsewhere(|subject| async move {
            let other = subject.reopen().await;
            let mut there = other.member("jobs").await;
            let held = there.take_many(2).await;
            // A killed process tells nobody.
            mem::forget((other, there, held));
        })
        .await;
    subject.pass(LEASE - Duration::from_secs(2)).await;
    assert_eq!(subject.four("jobs").await, (0, 0, 2, 0));
    subject.pass(Duration::from_secs(2 + 10)).await;
    let again = member.take_many(2).await;
    assert!(again.iter().all(|delivery| delivery.lapses() == 1), "{again:?}");
}

pub(super) async fn a_step_is_known_to_every_handle(subject: Subject) {
    let other = subject.reopen().await;
    let (mut here, there) = (subject.member("jobs").await, other.member("jobs").await);
    subject.put("jobs", &["a"]).await;
    let held = here.take().await;
    let again = twin(&held);
    let step = |delivery| {
        let publication = Publication::new("out", Item::new("x", ""));
        Step::new().named("one").accept(delivery).publish(publication).write("k", 0, "v")
    };
    let first = here.step(step(held)).await;
    let second = there.step(step(again)).await;
    assert!(second.repeated);
    assert_eq!((first.published, first.state), (second.published, second.state));
    assert_eq!(subject.listed("").await, [("k".to_owned(), "v".to_owned(), 1)]);
}
