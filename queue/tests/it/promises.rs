//! The promises Q1 to Q8 by their numbers, each on every backend, in one process.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, mem,
    time::Duration,
};

use entourage_engine::conformance::Fixture;
use entourage_queue::{
    Ask, Delivery, Error, Item, Publication, Redrive, Step, SubscribeOptions,
    conformance::{Member, Subject},
};

use crate::fixtures::{Memory, Sqlite};

const LEASE: Duration = Duration::from_secs(30);
const SWEEP: Duration = Duration::from_secs(10);
const SECOND: Duration = Duration::from_secs(1);

/// Runs a promise's test on every backend.
fn on_each(test: impl AsyncFn(Subject)) {
    on(&Memory, &test);
    on(&Sqlite, &test);
}

fn on<F: Fixture<Subject = Subject>>(fixture: &F, test: &impl AsyncFn(Subject)) {
    println!("on {}", F::NAME);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime can be built").block_on(async {
        let (_guard, subject) = fixture.open().await;
        test(subject).await;
    });
}

fn id(delivery: &Delivery) -> String {
    delivery.id().as_str().to_owned()
}

#[test]
fn q1_an_accepted_item_is_done_or_dead_and_never_lost() {
    on_each(async |subject| {
        let all: BTreeSet<_> = (0..40).map(|nth| format!("item-{nth:02}")).collect();
        for (nth, name) in all.iter().enumerate() {
            let key = format!("key-{}", nth % 7);
            let item = Item::new(name.as_str(), "");
            let item = if nth % 2 == 0 { item.with_key(key) } else { item };
            subject.fresh([Publication::new("jobs", item)]).await;
        }
        let (mut done, mut member) = (BTreeSet::new(), subject.member("jobs").await);
        for turn in 0.. {
            assert!(turn < 2000, "items are lost: {:?}", all.difference(&done).collect::<Vec<_>>());
            let found = member.ready(3).await;
            if found.is_empty() && subject.counts("jobs").await.unsettled() == 0 {
                break;
            }
            for (nth, delivery) in found.into_iter().enumerate() {
                match (turn * 3 + nth) % 11 {
                    0 => member.retry(delivery, SECOND).await,
                    1 => member.release(delivery).await,
                    2 => drop(delivery),
                    3 => member.reject(delivery, "no use").await,
                    // A worker that dies without a word.
                    4 => mem::forget(delivery),
                    _ => {
                        let name = id(&delivery);
                        member.accept(delivery).await;
                        assert!(done.insert(name.clone()), "{name} was done twice");
                    }
                }
            }
            match turn % 9 {
                0 => subject.advance(LEASE).await,
                4 => {
                    drop(member);
                    member = subject.member("jobs").await;
                }
                _ => subject.advance(SECOND).await,
            }
        }
        let dead: BTreeSet<_> =
            subject.letters("jobs").await.iter().map(|letter| letter.item.id().as_str().to_owned()).collect();
        assert!(!dead.is_empty() && dead.is_disjoint(&done));
        assert_eq!(dead.union(&done).cloned().collect::<BTreeSet<_>>(), all);
    });
}

#[test]
fn q1_publishing_again_after_a_lost_answer_adds_nothing() {
    on_each(async |subject| {
        let mut member = subject.member("jobs").await;
        let batch = || ["a", "b"].map(|id| Publication::new("jobs", Item::new(id, "")));
        subject.send(batch()).await;
        subject.send(batch()).await;
        assert_eq!(member.drain().await, ["a", "b"]);
        subject.send(batch()).await;
        member.finds_nothing().await;
    });
}

#[test]
fn q2_a_former_attempt_settles_renews_and_publishes_nothing() {
    on_each(async |subject| {
        let (mut zombie, mut heir) = (subject.member("jobs").await, subject.member("jobs").await);
        let mut out = subject.member("out").await;
        subject.put("jobs", &["a"]).await;
        let old = zombie.take().await;
        subject.advance(LEASE).await;
        let new = heir.take().await;
        assert_eq!(new.fence().supersedes(old.fence()), Ok(true));
        assert!(matches!(zombie.renew(&old, LEASE).await, Err(Error::Stale { .. })));
        let result = Publication::new("out", Item::new("result", ""));
        let (stale, step) = zombie.stale(Step::new().accept(old).publish(result).write("k", 0, "v")).await;
        assert_eq!(stale, ["a"]);
        drop(step);
        subject.settle().await;
        out.finds_nothing().await;
        assert_eq!(heir.state("k").await, None);
        assert_eq!(subject.four("jobs").await, (0, 0, 1, 0));
        heir.accept(new).await;
    });
}

#[test]
fn q2_a_lease_has_ended_at_its_deadline_and_not_before() {
    on_each(async |subject| {
        let mut member = subject.member("jobs").await;
        subject.put("jobs", &["a", "b"]).await;
        let first = member.take().await;
        subject.jump(LEASE - Duration::from_nanos(1));
        member.accept(first).await;
        let second = member.take().await;
        subject.jump(LEASE);
        let (stale, _) = member.stale(Step::new().accept(second)).await;
        assert_eq!(stale, ["b"]);
    });
}

#[test]
fn q2_a_step_whose_answer_was_lost_applies_once() {
    on_each(async |subject| {
        let member = subject.member("jobs").await;
        let mut out = subject.member("out").await;
        let count = || {
            Step::new().named("one").state(entourage_queue::StateWrite {
                key: "count".to_owned(),
                expected: None,
                value: Some("+1".into()),
            })
        };
        let step = || count().publish(Publication::new("out", Item::new("result", "")));
        let first = member.step(step()).await;
        let second = member.step(step()).await;
        assert!(second.repeated && first.published == second.published && first.state == second.state);
        assert_eq!(out.drain().await, ["result"]);
        assert_eq!(member.state("count").await.map(|record| record.version), Some(1));
    });
}

#[test]
fn q2_a_step_that_is_refused_leaves_nothing_behind() {
    on_each(async |subject| {
        let mut member = subject.member("jobs").await;
        let mut out = subject.member("out").await;
        subject.put("jobs", &["a"]).await;
        let held = member.take().await;
        member.step(Step::new().named("first").write("k", 0, "v")).await;
        let result = Publication::new("out", Item::new("result", ""));
        let refused =
            member.unapplied(Step::new().accept(held).publish(result.clone()).write("k", 0, "w")).await;
        assert!(matches!(refused.error, Error::StateConflict { found: 1, .. }), "{:?}", refused.error);
        assert_eq!(subject.four("jobs").await, (0, 0, 1, 0));
        subject.jump(LEASE);
        let mut step = *refused.step;
        step.state.clear();
        let (stale, _) = member.stale(step).await;
        assert_eq!(stale, ["a"]);
        out.finds_nothing().await;
    });
}

#[test]
fn q3_a_job_may_take_longer_than_its_lease() {
    on_each(async |subject| {
        let (mut member, mut peer) = (subject.member("jobs").await, subject.member("jobs").await);
        subject.put("jobs", &["a"]).await;
        let held = member.take().await;
        for _ in 0..5 {
            subject.pass(LEASE).await;
            peer.finds_nothing().await;
        }
        member.accept(held).await;
        assert_eq!(subject.four("jobs").await, (0, 0, 0, 0));
    });
}

#[test]
fn q4_an_interruption_burns_no_attempt() {
    on_each(async |subject| {
        let (mut member, mut peer) = (subject.member("jobs").await, subject.member("jobs").await);
        subject.put("jobs", &["a"]).await;
        for way in 0..12 {
            let held = member.take().await;
            assert_eq!((held.attempt(), held.retries(), held.lapses()), (1, 0, 0), "after {way} ways");
            match way % 4 {
                0 => member.release(held).await,
                1 => drop(held),
                2 => {
                    member.close().await;
                    member = subject.member("jobs").await;
                }
                _ => {
                    drop(member);
                    member = subject.member("jobs").await;
                }
            }
            subject.settle().await;
        }
        assert_eq!(peer.take().await.attempt(), 1);
    });
}

#[test]
fn q4_poison_is_bounded_apart_from_retries() {
    on_each(async |subject| {
        let mut member = subject.member("jobs").await;
        subject.put("jobs", &["poison"]).await;
        for _ in 0..20 {
            let held = member.take().await;
            member.retry(held, Duration::ZERO).await;
        }
        let mut deaths = 0;
        while let [_held] = &member.ready(1).await[..] {
            deaths += 1;
            assert!(deaths <= 5, "five workers are enough");
            subject.advance(LEASE).await;
        }
        assert_eq!(deaths, 5);
        let letters = subject.letters("jobs").await;
        assert_eq!(letters.iter().map(|letter| letter.attempts).collect::<Vec<_>>(), [25]);
        assert_eq!(subject.revive("jobs", Redrive::All).await, 1);
        assert_eq!(member.take().await.attempt(), 1);
    });
}

#[test]
fn q5_a_dead_workers_items_come_back_within_a_lease_and_a_sweep() {
    on_each(async |subject| {
        let mut peer = subject.member("jobs").await;
        subject.put("jobs", &["a", "b"]).await;
        let dead = subject.elsewhere(|subject| async move {
            let other = subject.reopen().await;
            let mut member = other.member("jobs").await;
            let held = member.take_many(2).await;
            (other, member, held)
        });
        mem::forget(dead.await);
        peer.finds_nothing().await;
        let waiting = tokio::spawn(async move { peer.take_many(2).await });
        subject.pass(LEASE + SWEEP).await;
        let back = subject.soon("the dead worker's items", waiting).await.expect("no panic");
        assert!(back.iter().all(|delivery| delivery.lapses() == 1), "{back:?}");
    });
}

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
        let (folder, subject) = Sqlite.open().await;
        let mut member = subject.member("jobs").await;
        subject.put("jobs", &["a"]).await;
        // While its file is away, the queue cannot answer.
        let (here, away) = (folder.0.join("queue"), folder.0.join("away"));
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
