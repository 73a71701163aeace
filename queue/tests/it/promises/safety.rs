//! Q1 and Q2: nothing is lost, and nothing is settled by an attempt that has ended.

use std::{collections::BTreeSet, mem, time::Duration};

use entourage_queue::{Error, Item, Publication, Step};

use super::{LEASE, SECOND, id, on_each};

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
                key: "count".into(),
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
