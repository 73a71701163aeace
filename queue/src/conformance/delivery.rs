//! What receiving promises.

use std::{collections::BTreeSet, time::Duration};

use super::{member::ids, subject::Subject};
use crate::{Ask, Error, Item, Publication, Step, SubscribeOptions};

pub(super) async fn every_item_is_delivered_until_it_is_done(subject: Subject) {
    let names: Vec<_> = (0..30).map(|nth| format!("job-{nth:02}")).collect();
    subject.put("jobs", &names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let mut members = Vec::new();
    for _ in 0..3 {
        members.push(subject.member("jobs").await);
    }
    let mut done = BTreeSet::new();
    for turn in 0.. {
        assert!(turn < 300, "not done after {turn} turns: {done:?}");
        let member = &mut members[turn % 3];
        for (nth, delivery) in member.ready(4).await.into_iter().enumerate() {
            match (turn + nth) % 5 {
                0 => drop(delivery),
                1 => member.release(delivery).await,
                2 => member.retry(delivery, Duration::from_secs(1)).await,
                _ => {
                    let id = delivery.id().as_str().to_owned();
                    member.accept(delivery).await;
                    assert!(done.insert(id.clone()), "{id} came again after it was done");
                }
            }
        }
        subject.advance(Duration::from_secs(1)).await;
        if done.len() == names.len() {
            break;
        }
    }
    assert_eq!(done.into_iter().collect::<Vec<_>>(), names);
    assert_eq!(subject.four("jobs").await, (0, 0, 0, 0));
}

pub(super) async fn an_item_is_with_one_member_at_a_time(subject: Subject) {
    let (mut one, mut other) = (subject.member("jobs").await, subject.member("jobs").await);
    subject.put("jobs", &["a", "b"]).await;
    let first = one.take().await;
    let second = other.take().await;
    assert_ne!(first.id(), second.id());
    one.finds_nothing().await;
    other.finds_nothing().await;
    drop((first, second));
}

pub(super) async fn items_come_in_the_order_of_publishing(subject: Subject) {
    let mut member = subject.member("jobs").await;
    subject.put("jobs", &["c", "a"]).await;
    subject.put("jobs", &["b", "d"]).await;
    assert_eq!(ids(&member.take_many(4).await), ["c", "a", "b", "d"]);
}

pub(super) async fn no_more_come_than_were_asked_for(subject: Subject) {
    let mut member = subject.member("jobs").await;
    subject.put("jobs", &["a", "b", "c"]).await;
    let two = member.ready(2).await;
    assert_eq!(ids(&two), ["a", "b"]);
    assert_eq!(subject.four("jobs").await, (1, 0, 2, 0));
    assert_eq!(ids(&member.ready(10).await), ["c"]);
}

pub(super) async fn an_ask_for_fewer_at_most_than_at_least_is_invalid(subject: Subject) {
    let mut member = subject.member("jobs").await;
    subject.put("jobs", &["a"]).await;
    for ask in [Ask::up_to(1).at_least(2), Ask::up_to(0)] {
        let answer = member.answer(ask).await;
        assert!(matches!(answer, Err(Error::Invalid(_))), "{ask:?}: {answer:?}");
    }
    assert_eq!(subject.four("jobs").await, (1, 0, 0, 0));
}

pub(super) async fn a_receive_that_waits_ends_empty(subject: Subject) {
    let mut member = subject.member("jobs").await;
    let waiting = tokio::spawn(async move {
        let found = member.receive(Ask::up_to(1).wait(Duration::from_secs(20))).await;
        (member, found)
    });
    subject.settle().await;
    subject.pass(Duration::from_secs(19)).await;
    assert!(!waiting.is_finished(), "the wait is not over");
    subject.pass(Duration::from_secs(1)).await;
    let (mut member, found) = subject.soon("the wait's end", waiting).await.expect("no panic");
    assert!(found.is_empty(), "nothing was there, but: {found:?}");
    subject.put("jobs", &["a"]).await;
    assert_eq!(member.take().await.attempt(), 1);
}

pub(super) async fn a_receive_without_patience_answers_at_once(subject: Subject) {
    let mut member = subject.member("jobs").await;
    member.finds_nothing().await;
    subject.put("jobs", &["a"]).await;
    assert_eq!(ids(&member.ready(1).await), ["a"]);
}

pub(super) async fn a_waiting_receive_wakes_for_a_new_item(subject: Subject) {
    let mut member = subject.member("jobs").await;
    let waiting = tokio::spawn(async move { member.take().await });
    subject.settle().await;
    subject.put("jobs", &["a"]).await;
    let delivery = subject.soon("the new item", waiting).await.expect("no panic");
    assert_eq!(delivery.id().as_str(), "a");
}

pub(super) async fn a_waiting_receive_wakes_for_what_a_step_publishes(subject: Subject) {
    let (stage, mut next) = (subject.member("in").await, subject.member("out").await);
    let waiting = tokio::spawn(async move { next.take().await });
    subject.settle().await;
    let publication = Publication::new("out", Item::new("a", "a"));
    stage.step(Step::new().named("emit").publish(publication)).await;
    let delivery = subject.soon("the new item", waiting).await.expect("no panic");
    assert_eq!(delivery.id().as_str(), "a");
}

pub(super) async fn a_waiting_receive_wakes_for_what_is_given_back(subject: Subject) {
    let (mut holder, mut waiter) = (subject.member("jobs").await, subject.member("jobs").await);
    subject.put("jobs", &["a"]).await;
    let mut held = holder.take().await;
    for way in 0..4 {
        let waiting = tokio::spawn(async move { (waiter.take().await, waiter) });
        subject.settle().await;
        match way {
            0 => holder.release(held).await,
            1 => holder.retry(held, Duration::ZERO).await,
            2 => drop(held),
            _ => {
                holder.close().await;
                drop(held);
            }
        }
        let (delivery, back) = subject.soon("what was given back", waiting).await.expect("no panic");
        waiter = back;
        waiter.release(delivery).await;
        if way == 3 {
            break;
        }
        held = holder.take().await;
    }
}

pub(super) async fn a_waiting_receive_wakes_when_a_delay_is_over(subject: Subject) {
    let mut member = subject.member("jobs").await;
    let second = Duration::from_secs(1);
    subject.fresh([Publication::new("jobs", Item::new("a", "a")).delayed(second)]).await;
    let waiting = tokio::spawn(async move { member.take().await });
    subject.settle().await;
    assert!(!waiting.is_finished(), "the item is not due");
    subject.advance(second).await;
    let delivery = subject.soon("the due item", waiting).await.expect("no panic");
    assert_eq!(delivery.attempt(), 1);
}

pub(super) async fn a_waiting_receive_wakes_when_a_lease_lapses(subject: Subject) {
    let options = SubscribeOptions::new().with_time_limit(Duration::from_secs(5));
    let (mut holder, mut waiter) = (subject.member_with("jobs", options).await, subject.member("jobs").await);
    subject.put("jobs", &["a"]).await;
    let held = holder.take().await;
    let waiting = tokio::spawn(async move { waiter.take().await });
    // One lease and one sweep after the time limit, at the latest.
    subject.pass(Duration::from_secs(5 + 30 + 10)).await;
    let delivery = subject.soon("the lapsed item", waiting).await.expect("no panic");
    assert_eq!(delivery.lapses(), 1);
    drop(held);
}

pub(super) async fn a_dropped_delivery_goes_back_unburnt(subject: Subject) {
    let (mut one, mut other) = (subject.member("jobs").await, subject.member("jobs").await);
    subject.put("jobs", &["a"]).await;
    drop(one.take().await);
    let again = other.take().await;
    assert_eq!((again.attempt(), again.retries(), again.lapses()), (1, 0, 0));
}

pub(super) async fn a_dropped_receiver_gives_everything_back(subject: Subject) {
    let (mut one, mut other) = (subject.member("jobs").await, subject.member("jobs").await);
    subject.put("jobs", &["a", "b", "c"]).await;
    let held = one.take_many(3).await;
    drop(one);
    let again = other.take_many(3).await;
    assert!(again.iter().all(|delivery| delivery.attempt() == 1), "nothing was burnt: {again:?}");
    // What is left of the former holder's deliveries disturbs nobody.
    drop(held);
    subject.settle().await;
    assert_eq!(subject.four("jobs").await, (0, 0, 3, 0));
}

pub(super) async fn a_closed_receiver_gives_everything_back(subject: Subject) {
    let (mut one, mut other) = (subject.member("jobs").await, subject.member("jobs").await);
    subject.put("jobs", &["a", "b", "c"]).await;
    let held = one.take_many(3).await;
    one.close().await;
    let again = other.take_many(3).await;
    assert!(again.iter().all(|delivery| delivery.attempt() == 1), "nothing was burnt: {again:?}");
    drop(held);
    subject.settle().await;
    assert_eq!(subject.four("jobs").await, (0, 0, 3, 0));
    one.close().await;
}

pub(super) async fn a_closed_receiver_receives_no_more(subject: Subject) {
    let mut member = subject.member("jobs").await;
    member.close().await;
    subject.put("jobs", &["a"]).await;
    let answer = member.answer(Ask::up_to(1)).await;
    assert!(matches!(answer, Err(Error::Closed)), "{answer:?}");
    assert_eq!(subject.four("jobs").await, (1, 0, 0, 0));
}

pub(super) async fn settling_after_close_is_stale(subject: Subject) {
    let mut member = subject.member("jobs").await;
    subject.put("jobs", &["a"]).await;
    let held = member.take().await;
    member.close().await;
    let (stale, _) = member.stale(Step::new().accept(held)).await;
    assert_eq!(stale, ["a"]);
    assert_eq!(subject.four("jobs").await, (1, 0, 0, 0));
}

pub(super) async fn a_dropped_receive_loses_and_burns_nothing(subject: Subject) {
    let (mut member, mut peer) = (subject.member("jobs").await, subject.member("jobs").await);
    for polls in 0..8 {
        let name = format!("job-{polls}");
        subject.put("jobs", &[name.as_str()]).await;
        let received = member.receive_and_drop(Ask::up_to(1), polls).await;
        drop(received);
        subject.settle().await;
        // What the dropped call had leased by then is handed out next, or is still there.
        let delivery = member.take().await;
        assert_eq!(delivery.id().as_str(), name, "after {polls} polls");
        assert_eq!(delivery.attempt(), 1, "after {polls} polls");
        member.accept(delivery).await;
        // And what it had leased when its receiver closes goes to others.
        let name = format!("next-{polls}");
        subject.put("jobs", &[name.as_str()]).await;
        drop(member.receive_and_drop(Ask::up_to(1), polls).await);
        member.close().await;
        let delivery = peer.take().await;
        assert_eq!((delivery.id().as_str(), delivery.attempt()), (name.as_str(), 1));
        peer.accept(delivery).await;
        member = subject.member("jobs").await;
    }
}

pub(super) async fn no_topic_of_a_subscription_starves(subject: Subject) {
    let mut member = subject.join(&["busy", "quiet", "other"], "workers", SubscribeOptions::new()).await;
    let busy = |nth: usize| Publication::new("busy", Item::new(format!("busy-{nth}"), "")).priority(9);
    subject.fresh((0..20).map(busy)).await;
    subject.put("other", &["other"]).await;
    subject.put("quiet", &["quiet"]).await;
    let mut left = BTreeSet::from(["quiet".to_owned(), "other".to_owned()]);
    for nth in 20..60 {
        let delivery = member.take().await;
        left.remove(delivery.topic().as_str());
        member.accept(delivery).await;
        subject.fresh([busy(nth)]).await;
    }
    assert!(left.is_empty(), "40 items came, and none of {left:?}");
}

pub(super) async fn a_subscription_receives_from_all_its_topics(subject: Subject) {
    let mut member = subject.join(&["a", "b"], "workers", SubscribeOptions::new()).await;
    subject.put("a", &["one"]).await;
    subject.put("b", &["two"]).await;
    subject.put("c", &["three"]).await;
    let deliveries = member.take_many(2).await;
    let topics: BTreeSet<_> = deliveries.iter().map(|delivery| delivery.topic().as_str()).collect();
    assert_eq!(topics, BTreeSet::from(["a", "b"]));
    member.finds_nothing().await;
}
