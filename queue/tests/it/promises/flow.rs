//! Q6 to Q8: order, going on, and counts.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    time::Duration,
};

use entourage_engine::conformance::Fixture;
use entourage_queue::{
    Ask, Error, Item, Publication, Redrive, Step, SubscribeOptions,
    conformance::{Member, Subject},
};

use super::{LEASE, SECOND, id, on, on_each};
use crate::fixtures::{Memory, Sqlite};

#[test]
fn q6_of_a_key_one_item_is_in_flight_in_order() {
    on_each(async |subject| {
        let keys = ["k", "l", "m"];
        for nth in 0..8 {
            for key in keys {
                let item = Item::new(format!("{key}-{nth}"), "").with_key(key);
                subject.fresh([Publication::new("jobs", item)]).await;
            }
        }
        let mut members: [Member; 2] = [subject.member("jobs").await, subject.member("jobs").await];
        let mut done: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for turn in 0..600_usize {
            let (here, there) = members.split_at_mut(1);
            let mut both = here[0].ready(2).await;
            both.extend(there[0].ready(2).await);
            let names: BTreeSet<_> = both.iter().map(|delivery| delivery.item().key().cloned()).collect();
            assert_eq!(names.len(), both.len(), "two of one key: {both:?}");
            for (nth, delivery) in both.into_iter().enumerate() {
                let key = delivery.item().key().expect("each has one").as_str().to_owned();
                let ours = Step::new().named(format!("{turn}-{nth}"));
                let by = [&here[0], &there[0]];
                let step = match (turn + nth) % 5 {
                    0 => ours.retry(delivery, 3 * SECOND),
                    1 => ours.release(delivery),
                    2 => {
                        drop(delivery);
                        continue;
                    }
                    _ => {
                        done.entry(key).or_default().push(id(&delivery));
                        ours.accept(delivery)
                    }
                };
                // Whoever received it settles it.
                if let Err(unapplied) = by[0].try_step(step).await {
                    by[1].step(*unapplied.step).await;
                }
            }
            subject.advance(SECOND).await;
        }
        for key in keys {
            let expected: Vec<_> = (0..8).map(|nth| format!("{key}-{nth}")).collect();
            assert_eq!(done.get(key), Some(&expected));
        }
    });
}

#[test]
fn q6_a_delayed_retry_holds_its_key() {
    on_each(async |subject| {
        let mut member = subject.member("jobs").await;
        subject.put_keyed("jobs", "k", &["a", "b"]).await;
        let held = member.take().await;
        member.retry(held, SECOND).await;
        member.finds_nothing().await;
        subject.advance(SECOND).await;
        assert_eq!(member.drain().await, ["a", "b"]);
    });
}

#[test]
fn q7_a_receiver_that_met_an_error_goes_on() {
    on(&Memory, &async |subject: Subject| {
        let mut member = subject.member("jobs").await;
        subject.put("jobs", &["a"]).await;
        assert!(member.answer(Ask::up_to(0)).await.is_err());
        assert_eq!(member.drain().await, ["a"]);
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime can be built").block_on(async {
        let (scratch, subject) = Sqlite.open().await;
        let mut member = subject.member("jobs").await;
        subject.put("jobs", &["a"]).await;
        // While its file is away, the queue cannot answer.
        let (here, away) = (scratch.join("queue"), scratch.join("away"));
        fs::rename(&here, &away).expect("the file can be moved");
        for _ in 0..3 {
            let answer = member.answer(Ask::up_to(1)).await;
            assert!(answer.as_ref().is_err_and(|error| !matches!(error, Error::Closed)), "{answer:?}");
        }
        fs::rename(&away, &here).expect("the file can be moved back");
        assert_eq!(member.drain().await, ["a"]);
    });
}

#[test]
fn q7_a_stage_is_not_refused_for_what_it_takes_out_itself() {
    on_each(async |subject| {
        let options = entourage_queue::TopicOptions::new().with_capacity(2);
        subject.configure_topic("loop", options).await;
        let mut member = subject.member("loop").await;
        subject.put("loop", &["a", "b"]).await;
        let held = member.take_many(2).await;
        let next = ["c", "d"].map(|id| Publication::new("loop", Item::new(id, "")));
        member.step(Step { accept: held, publish: next.to_vec(), ..Step::new() }).await;
        assert_eq!(member.drain().await, ["c", "d"]);
    });
}

#[test]
fn q7_workers_with_one_partial_each_do_not_wait_for_ever() {
    on_each(async |subject| {
        let (mut one, mut other) = (subject.member("partials").await, subject.member("partials").await);
        let two = Ask::up_to(64).at_least(2).same_bundle();
        let now = two.wait(Duration::ZERO);
        subject.put_bundled("partials", "total", &["a"]).await;
        assert!(one.receive(now).await.is_empty());
        let waiting = tokio::spawn(async move { other.receive(two).await.len() });
        subject.settle().await;
        subject.put_bundled("partials", "total", &["b"]).await;
        let here = one.receive(now).await.len();
        if here == 0 {
            assert_eq!(subject.soon("both partials", waiting).await.expect("no panic"), 2);
        } else {
            assert_eq!(here, 2, "one partial each would block both");
        }
    });
}

#[test]
fn q8_the_counts_and_the_oldest_age_are_exact() {
    on_each(async |subject| {
        let options = SubscribeOptions::new().with_delivery_limit(1);
        let mut member = subject.member_with("jobs", options).await;
        let mut age = Duration::ZERO;
        subject.put("jobs", &["a"]).await;
        subject.put_keyed("jobs", "k", &["b", "c"]).await;
        subject.fresh([Publication::new("jobs", Item::new("d", "")).delayed(5 * SECOND)]).await;
        let expect = async |four: (u64, u64, u64, u64), oldest: Option<Duration>| {
            assert_eq!(subject.four("jobs").await, four);
            assert_eq!(subject.counts("jobs").await.oldest, oldest);
        };
        expect((2, 2, 0, 0), Some(age)).await;
        subject.advance(5 * SECOND).await;
        age += 5 * SECOND;
        expect((3, 1, 0, 0), Some(age)).await;
        let held = member.take_many(3).await;
        expect((0, 1, 3, 0), Some(age)).await;
        let mut held = held.into_iter();
        let mut next = || held.next().expect("three were received");
        member.accept(next()).await;
        expect((0, 1, 2, 0), Some(age)).await;
        member.retry(next(), SECOND).await;
        expect((0, 2, 1, 0), Some(age)).await;
        let lapsing = next();
        subject.advance(LEASE).await;
        age += LEASE;
        expect((1, 1, 0, 1), Some(age)).await;
        drop(lapsing);
        assert_eq!(member.drain().await, ["b", "c"]);
        expect((0, 0, 0, 1), None).await;
        subject.revive("jobs", Redrive::All).await;
        expect((1, 0, 0, 0), Some(age)).await;
    });
}
