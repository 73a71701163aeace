//! What a group's state records promise.

use super::subject::Subject;
use crate::{Error, Group, Item, Publication, StateWrite, Step, Unapplied};

fn blind(key: &str, value: Option<&'static str>) -> StateWrite {
    StateWrite { key: key.into(), expected: None, value: value.map(Into::into) }
}

fn conflict(unapplied: Unapplied) -> (String, u64, u64) {
    match unapplied.error {
        Error::StateConflict { key, expected, found } => (key, expected, found),
        other => panic!("the step should conflict, but: {other:?}"),
    }
}

pub(super) async fn state_and_settle_are_one(subject: Subject) {
    let mut member = subject.member("jobs").await;
    let mut out = subject.member("out").await;
    subject.put("jobs", &["a"]).await;
    let held = member.take().await;
    let publication = Publication::new("out", Item::new("x", "x"));
    let step = Step::new().accept(held).publish(publication).write("good", 0, "1").write("total", 3, "1");
    let unapplied = member.unapplied(step).await;
    let step = *unapplied.step;
    assert_eq!((member.state("good").await, member.state("total").await), (None, None));
    assert_eq!(subject.four("jobs").await, (0, 0, 1, 0));
    out.finds_nothing().await;
    let mut mended = step;
    mended.state[1].expected = Some(0);
    let applied = member.step(mended).await;
    assert_eq!(applied.state, [1, 1]);
    assert_eq!(subject.four("jobs").await, (0, 0, 0, 0));
    assert_eq!(out.drain().await, ["x"]);
}

pub(super) async fn a_write_at_another_version_conflicts(subject: Subject) {
    let member = subject.member("jobs").await;
    let refused = member.unapplied(Step::new().named("early").write("k", 1, "v")).await;
    assert_eq!(conflict(refused), ("k".to_owned(), 1, 0));
    member.step(Step::new().named("one").write("k", 0, "first")).await;
    let refused = member.unapplied(Step::new().named("again").write("k", 0, "v")).await;
    assert_eq!(conflict(refused), ("k".to_owned(), 0, 1));
    member.step(Step::new().named("two").write("k", 1, "second")).await;
    let refused = member.unapplied(Step::new().named("late").write("k", 1, "v")).await;
    assert_eq!(conflict(refused), ("k".to_owned(), 1, 2));
    assert_eq!(member.value("k").await, Some(("second".into(), 2)));
}

pub(super) async fn a_version_counts_the_writes_of_its_record(subject: Subject) {
    let member = subject.member("jobs").await;
    for nth in 1..=5_u64 {
        let write = match nth {
            3 => blind("k", Some("blind")),
            _ => StateWrite { key: "k".into(), expected: Some(nth - 1), value: Some("v".into()) },
        };
        let step =
            Step::new().named(format!("write {nth}")).state(write).state(blind(&format!("{nth}"), Some("")));
        assert_eq!(member.step(step).await.state, [nth, 1]);
        assert_eq!(member.state("k").await.map(|record| record.version), Some(nth));
    }
}

pub(super) async fn a_deleted_record_begins_again(subject: Subject) {
    let member = subject.member("jobs").await;
    member.step(Step::new().named("one").write("k", 0, "first")).await;
    member.step(Step::new().named("two").write("k", 1, "second")).await;
    let delete = |expected| StateWrite { key: "k".into(), expected, value: None };
    let refused = member.unapplied(Step::new().named("stale").state(delete(Some(1)))).await;
    assert_eq!(conflict(refused), ("k".to_owned(), 1, 2));
    assert_eq!(member.step(Step::new().named("delete").state(delete(Some(2)))).await.state, [0]);
    assert_eq!(member.state("k").await, None);
    assert_eq!(subject.listed("").await, []);
    assert_eq!(member.step(Step::new().named("nothing").state(delete(None))).await.state, [0]);
    assert_eq!(member.step(Step::new().named("anew").write("k", 0, "third")).await.state, [1]);
    assert_eq!(member.value("k").await, Some(("third".into(), 1)));
}

pub(super) async fn an_empty_value_is_a_record(subject: Subject) {
    let member = subject.member("jobs").await;
    member.step(Step::new().named("empty").write("k", 0, "")).await;
    assert_eq!(member.value("k").await, Some(("".into(), 1)));
}

pub(super) async fn records_are_listed_by_prefix_and_key(subject: Subject) {
    let member = subject.member("jobs").await;
    let keys = ["b/2", "a", "b/10", "b", "b%", "b0", "c", "B/1", "b/ä"];
    let step = keys.iter().fold(Step::new().named("all"), |step, key| step.write(*key, 0, *key));
    member.step(step).await;
    let under = |prefix: &'static str| {
        let mut keys: Vec<_> = keys.into_iter().filter(|key| key.starts_with(prefix)).collect();
        keys.sort_unstable();
        keys.into_iter().map(|key| (key.to_owned(), key.to_owned(), 1)).collect::<Vec<_>>()
    };
    for prefix in ["", "b/", "b", "b%", "b/1", "B", "z"] {
        assert_eq!(subject.listed(prefix).await, under(prefix), "under {prefix:?}");
    }
}

pub(super) async fn state_belongs_to_its_group(subject: Subject) {
    let (here, there) = (subject.member_of("jobs", "here").await, subject.member_of("other", "there").await);
    let colleague = subject.member_of("other", "here").await;
    here.step(Step::new().named("one").write("k", 0, "here")).await;
    assert_eq!(there.state("k").await, None);
    there.step(Step::new().named("one").write("k", 0, "there")).await;
    assert_eq!(here.value("k").await, Some(("here".into(), 1)));
    assert_eq!(colleague.value("k").await, Some(("here".into(), 1)));
    let records = subject.soon("listing", subject.records(&Group::from("there"), "")).await;
    let records = records.expect("records can be listed");
    assert_eq!(records.iter().map(|record| &record.value[..]).collect::<Vec<_>>(), [b"there"]);
}

pub(super) async fn a_record_is_written_once_in_a_step(subject: Subject) {
    let member = subject.member("jobs").await;
    let step = Step::new().named("twice").write("k", 0, "1").write("k", 1, "2");
    let unapplied = member.unapplied(step).await;
    assert!(matches!(unapplied.error, Error::Invalid(_)), "{:?}", unapplied.error);
    assert_eq!(member.state("k").await, None);
}
