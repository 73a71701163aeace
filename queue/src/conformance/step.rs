//! What a step promises as a whole.

use std::{pin::pin, time::Duration};

use super::{
    member::{ids, twin},
    patience::within_turns,
    subject::Subject,
};
use crate::{Error, Item, Publication, Published, StateWrite, Step, TopicOptions, Unapplied};

const LEASE: Duration = Duration::from_secs(30);

fn to_out(id: &str) -> Publication {
    Publication::new("out", Item::new(id, id.to_owned()))
}

pub(super) async fn a_step_settles_publishes_and_writes_as_one(subject: Subject) {
    let mut member = subject.member("jobs").await;
    let mut out = subject.member("out").await;
    subject.put("jobs", &["a", "b", "c", "d"]).await;
    let mut held = member.take_many(4).await.into_iter();
    let mut next = || held.next().expect("four were received");
    let step = Step::new()
        .accept(next())
        .release(next())
        .retry(next(), Duration::from_secs(5))
        .reject(next(), "no use")
        .publish(to_out("x"))
        .publish(to_out("y"))
        .publish(to_out("x"))
        .write("first", 0, "1")
        .write("second", 0, "2");
    let applied = member.step(step).await;
    use Published::{Accepted, Duplicate};
    assert_eq!(applied.published, [Accepted, Accepted, Duplicate]);
    assert_eq!(applied.state, [1, 1]);
    assert!(!applied.repeated);
    assert_eq!(subject.four("jobs").await, (1, 1, 0, 1));
    assert_eq!(out.drain().await, ["x", "y"]);
    assert_eq!(member.value("first").await, Some(("1".into(), 1)));
    assert_eq!(member.value("second").await, Some(("2".into(), 1)));
}

pub(super) async fn a_step_whose_answer_was_lost_applies_once(subject: Subject) {
    let mut member = subject.member("jobs").await;
    let mut out = subject.member("out").await;
    subject.put("jobs", &["a"]).await;
    let held = member.take().await;
    let again = twin(&held);
    let count = StateWrite { key: "count".into(), expected: None, value: Some("one more".into()) };
    let step = |delivery| Step::new().accept(delivery).publish(to_out("x")).state(count.clone());
    let first = member.step(step(held)).await;
    assert!(!first.repeated);
    // The answer was lost, so the caller tries again.
    let second = member.step(step(again)).await;
    assert!(second.repeated);
    assert_eq!(out.drain().await, ["x"]);
    assert_eq!(member.value("count").await, Some(("one more".into(), 1)));
    assert_eq!(subject.four("jobs").await, (0, 0, 0, 0));
}

pub(super) async fn a_repeated_step_reports_what_the_first_did(subject: Subject) {
    let mut member = subject.member("jobs").await;
    subject.send([to_out("known")]).await;
    member.step(Step::new().named("zero").write("a", 0, "0").write("gone", 0, "0")).await;
    subject.put("jobs", &["a"]).await;
    let held = member.take().await;
    let again = twin(&held);
    let delete = StateWrite { key: "gone".into(), expected: Some(1), value: None };
    let step = |delivery| {
        let step = Step::new().named("one").accept(delivery).publish(to_out("new")).publish(to_out("known"));
        step.write("a", 1, "1").write("b", 0, "1").state(delete.clone())
    };
    let first = member.step(step(held)).await;
    assert_eq!(first.published, [Published::Accepted, Published::Duplicate]);
    assert_eq!(first.state, [2, 1, 0]);
    let second = member.step(step(again)).await;
    assert_eq!((&second.published, &second.state), (&first.published, &first.state));
    assert!(second.repeated && !first.repeated);
}

pub(super) async fn a_step_repeats_after_its_leases_are_gone(subject: Subject) {
    let (mut member, mut peer) = (subject.member("jobs").await, subject.member("jobs").await);
    subject.put("jobs", &["a"]).await;
    let held = member.take().await;
    let again = twin(&held);
    // The step gives its item back, so that another holds it when the step is repeated.
    let step = |delivery| Step::new().named("back").release(delivery).publish(to_out("x"));
    let first = member.step(step(held)).await;
    subject.advance(2 * LEASE).await;
    let elsewhere = peer.take().await;
    let second = member.step(step(again)).await;
    assert!(second.repeated);
    assert_eq!(second.published, first.published);
    subject.settle().await;
    assert_eq!(subject.four("jobs").await, (0, 0, 1, 0));
    peer.accept(elsewhere).await;
}

pub(super) async fn a_step_takes_its_id_from_its_first_attempt(subject: Subject) {
    let mut member = subject.member("jobs").await;
    subject.put("jobs", &["a"]).await;
    let held = member.take().await;
    let again = twin(&held);
    assert!(!member.step(Step::new().release(held)).await.repeated);
    assert!(member.step(Step::new().release(again)).await.repeated);
    // The next attempt at the same item is another step.
    let held = member.take().await;
    assert!(!member.step(Step::new().accept(held)).await.repeated);
    assert_eq!(subject.four("jobs").await, (0, 0, 0, 0));
}

pub(super) async fn a_step_repeats_after_its_receiver_is_gone(subject: Subject) {
    for closes in [true, false] {
        let mut member = subject.member("jobs").await;
        let settler = member.settler();
        let name = format!("closes: {closes}");
        subject.put("jobs", &[name.as_str()]).await;
        let held = member.take().await;
        let (again, never) = (twin(&held), twin(&held));
        let step = |delivery| Step::new().accept(delivery).write(name.as_str(), 0, "v");
        let first = member.step(step(held)).await;
        if closes {
            member.close().await;
        }
        drop(member);
        let second = subject.soon("the repeated step", settler.step(step(again))).await;
        let second = second.unwrap_or_else(|unapplied| panic!("{name}: {unapplied:?}"));
        assert!(second.repeated, "{name}");
        assert_eq!(second.state, first.state);
        // A step that was never applied is still stale.
        let other = subject.soon("another step", settler.step(step(never).named("other"))).await;
        let refused = other.expect_err("its attempt has ended");
        assert!(refused.error.is_stale(), "{name}: {:?}", refused.error);
    }
}

pub(super) async fn a_step_repeats_whatever_would_refuse_it_now(subject: Subject) {
    subject.configure_topic("out", TopicOptions::new().with_capacity(1)).await;
    let mut member = subject.member("jobs").await;
    subject.put("jobs", &["a"]).await;
    let held = member.take().await;
    let again = twin(&held);
    let step = |delivery| Step::new().accept(delivery).publish(to_out("x")).write("k", 0, "v");
    let first = member.step(step(held)).await;
    // Its attempt has ended, its record has moved on, and the topic is full.
    let second = member.step(step(again)).await;
    assert!(second.repeated);
    assert_eq!((second.published, second.state), (first.published, first.state));
    assert_eq!(member.value("k").await, Some(("v".into(), 1)));
}

pub(super) async fn a_stale_step_that_also_conflicts_is_stale(subject: Subject) {
    let (mut zombie, mut heir) = (subject.member("jobs").await, subject.member("jobs").await);
    let mut out = subject.member("out").await;
    subject.configure_topic("out", TopicOptions::new().with_capacity(1)).await;
    subject.put("jobs", &["a", "b"]).await;
    zombie.step(Step::new().named("before").write("total", 0, "1")).await;
    let old = zombie.take_many(2).await;
    let first = twin(&old[0]);
    subject.advance(LEASE).await;
    let new = heir.take_many(2).await;
    // Nothing of what it found still stands: neither its attempts, nor the record, nor the room.
    let step = Step { accept: old, ..Step::new() }.publish(to_out("x")).publish(to_out("y"));
    let step = step.write("fresh", 0, "1").write("total", 0, "2");
    let (stale, step) = zombie.stale(step).await;
    assert_eq!(stale, ["a", "b"]);
    drop(step);
    let (stale, _) = zombie.stale(Step::new().named("early").accept(first).write("total", 7, "2")).await;
    assert_eq!(stale, ["a"]);
    subject.settle().await;
    out.finds_nothing().await;
    assert_eq!(heir.value("total").await, Some(("1".into(), 1)));
    assert_eq!(heir.state("fresh").await, None);
    assert_eq!(subject.four("jobs").await, (0, 0, 2, 0));
    heir.step(Step { accept: new, ..Step::new() }).await;
}

pub(super) async fn a_conflicting_step_that_has_no_room_either_conflicts(subject: Subject) {
    let mut member = subject.member("jobs").await;
    subject.configure_topic("out", TopicOptions::new().with_capacity(1)).await;
    subject.put("jobs", &["a"]).await;
    let held = member.take().await;
    let step = Step::new().accept(held).publish(to_out("x")).publish(to_out("y")).write("k", 7, "v");
    let Unapplied { mut step, error } = member.unapplied(step).await;
    assert!(matches!(error, Error::StateConflict { expected: 7, found: 0, .. }), "{error:?}");
    step.state[0].expected = Some(0);
    let Unapplied { mut step, error } = member.unapplied(*step).await;
    assert!(error.is_full(), "{error:?}");
    step.publish.pop();
    assert!(!member.step(*step).await.repeated);
    assert_eq!(member.value("k").await, Some(("v".into(), 1)));
    assert_eq!(subject.four("jobs").await, (0, 0, 0, 0));
}

pub(super) async fn steps_of_one_name_in_two_groups_are_two(subject: Subject) {
    let (here, there) = (subject.member_of("jobs", "here").await, subject.member_of("jobs", "there").await);
    let step = || Step::new().named("start").write("total", 0, "0");
    assert!(!here.step(step()).await.repeated);
    assert!(!there.step(step()).await.repeated);
    assert!(here.step(step()).await.repeated);
}

pub(super) async fn a_step_may_settle_nothing(subject: Subject) {
    let member = subject.member("jobs").await;
    let mut out = subject.member("out").await;
    let step = || Step::new().named("seed").publish(to_out("x")).write("seeded", 0, "yes");
    let first = member.step(step()).await;
    assert_eq!((first.published, first.state), (vec![Published::Accepted], vec![1]));
    assert!(member.step(step()).await.repeated);
    assert_eq!(out.drain().await, ["x"]);
}

pub(super) async fn a_step_that_could_not_be_recognised_is_invalid(subject: Subject) {
    let member = subject.member("jobs").await;
    let mut out = subject.member("out").await;
    let unapplied = member.unapplied(Step::new().publish(to_out("x")).write("k", 0, "v")).await;
    assert!(matches!(unapplied.error, Error::Invalid(_)), "{:?}", unapplied.error);
    out.finds_nothing().await;
    assert_eq!(member.state("k").await, None);
}

pub(super) async fn a_dropped_step_is_whole_or_nothing(subject: Subject) {
    let mut member = subject.member("jobs").await;
    let mut out = subject.member("out").await;
    for polls in 0..6 {
        let name = format!("job-{polls}");
        subject.put("jobs", &[name.as_str()]).await;
        let held = member.take().await;
        let again = twin(&held);
        let step = |delivery| {
            Step::new().accept(delivery).publish(to_out(&format!("out-{polls}"))).write(name.as_str(), 0, "1")
        };
        let settler = member.settler();
        drop(within_turns(polls, pin!(settler.step(step(held)))).await);
        subject.settle().await;
        let whole = member.state(&name).await.is_some();
        let published = subject.counts("out").await.ready;
        let left = subject.counts("jobs").await;
        assert_eq!((published == 1, left.unsettled() == 0), (whole, whole), "after {polls} polls");
        if whole {
            assert!(member.step(step(again)).await.repeated, "after {polls} polls");
        } else {
            // The delivery was given back, no attempt burnt.
            let held = member.take().await;
            assert_eq!(held.attempt(), 1, "after {polls} polls");
            member.step(step(held)).await;
        }
        assert_eq!(out.drain().await, [format!("out-{polls}")]);
        assert_eq!(subject.four("jobs").await, (0, 0, 0, 0));
    }
}

pub(super) async fn what_a_step_publishes_obeys_delay_and_priority(subject: Subject) {
    let member = subject.member("jobs").await;
    let mut out = subject.member("out").await;
    let second = Duration::from_secs(1);
    let step = Step::new()
        .named("emit")
        .publish(to_out("low"))
        .publish(to_out("late").delayed(second))
        .publish(to_out("high").priority(9));
    member.step(step).await;
    assert_eq!(ids(&out.ready(10).await), ["high", "low"]);
    subject.advance(second).await;
    let found = out.ready(10).await;
    assert!(ids(&found).contains(&"late".to_owned()), "{found:?}");
}
