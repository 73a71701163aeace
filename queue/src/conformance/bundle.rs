//! What asks for several items promise.

use std::time::Duration;

use super::{member::ids, subject::Subject};
use crate::{Ask, Item, Publication, Step};

pub(super) async fn a_bundle_ask_gets_one_bundle(subject: Subject) {
    let mut member = subject.member("jobs").await;
    subject.put_bundled("jobs", "x", &["x1"]).await;
    subject.put_bundled("jobs", "y", &["y1", "y2"]).await;
    subject.put_bundled("jobs", "x", &["x2"]).await;
    subject.put("jobs", &["loose"]).await;
    let ask = Ask::up_to(10).same_bundle().wait(Duration::ZERO);
    let mut found = Vec::new();
    for _ in 0..3 {
        let deliveries = member.receive(ask).await;
        found.push(ids(&deliveries).join(" "));
        member.step(Step { accept: deliveries, ..Step::new() }).await;
    }
    found.sort();
    assert_eq!(found, ["loose", "x1 x2", "y1 y2"]);
    member.finds_nothing().await;
}

pub(super) async fn fewer_than_at_least_are_never_leased(subject: Subject) {
    let (mut member, mut peer) = (subject.member("jobs").await, subject.member("jobs").await);
    subject.put("jobs", &["a", "b"]).await;
    let three = Ask::up_to(10).at_least(3);
    assert!(member.receive(three.wait(Duration::ZERO)).await.is_empty());
    assert_eq!(subject.four("jobs").await, (2, 0, 0, 0));
    let waiting = tokio::spawn(async move { member.receive(three).await });
    subject.settle().await;
    // What waits for a third does not keep two from those who take them.
    let two = peer.ready(10).await;
    assert_eq!(ids(&two), ["a", "b"]);
    subject.put("jobs", &["c"]).await;
    subject.settle().await;
    assert!(!waiting.is_finished(), "one is not three");
    peer.step(two.into_iter().fold(Step::new(), Step::release)).await;
    let all = subject.soon("three items", waiting).await.expect("no panic");
    assert_eq!(ids(&all), ["a", "b", "c"]);
}

pub(super) async fn at_least_counts_one_bundle(subject: Subject) {
    let mut member = subject.member("jobs").await;
    subject.put_bundled("jobs", "x", &["x1"]).await;
    subject.put_bundled("jobs", "y", &["y1"]).await;
    subject.put("jobs", &["loose"]).await;
    let ask = Ask::up_to(10).at_least(2).same_bundle().wait(Duration::ZERO);
    assert!(member.receive(ask).await.is_empty());
    assert_eq!(subject.four("jobs").await, (3, 0, 0, 0));
    subject.put_bundled("jobs", "y", &["y2"]).await;
    let two = member.receive(ask).await;
    assert_eq!(ids(&two), ["y1", "y2"]);
    assert!(member.receive(ask).await.is_empty());
}

pub(super) async fn two_workers_with_one_partial_each_do_not_wait_for_ever(subject: Subject) {
    let partial = |nth: usize| Item::new(format!("partial-{nth}"), "").with_bundle("total");
    let reduce = |mut member: super::Member, who: usize| async move {
        let mut merged = 0;
        loop {
            // Two workers that each leased one of the last two would both wait for ever.
            let ask = Ask::up_to(64).at_least(2).same_bundle().wait(Duration::from_secs(10));
            let deliveries = member.answer(ask).await.expect("the queue answers");
            if deliveries.is_empty() {
                return merged;
            }
            assert!(deliveries.len() >= 2, "nothing below the fewest: {deliveries:?}");
            merged += deliveries.len() - 1;
            let result = Item::new(format!("{who}-{merged}"), "").with_bundle("total");
            let step = Step { accept: deliveries, ..Step::new() };
            member.step(step.publish(Publication::new("partials", result))).await;
        }
    };
    let (one, other) = (subject.member("partials").await, subject.member("partials").await);
    let workers = [tokio::spawn(reduce(one, 1)), tokio::spawn(reduce(other, 2))];
    for nth in 0..7 {
        subject.settle().await;
        subject.fresh([Publication::new("partials", partial(nth))]).await;
    }
    let mut left = subject.four("partials").await;
    for _ in 0..100 {
        if left == (1, 0, 0, 0) {
            break;
        }
        subject.settle().await;
        left = subject.four("partials").await;
    }
    assert_eq!(left, (1, 0, 0, 0), "one partial is left, and nobody holds it");
    let mut merged = 0;
    for worker in workers {
        for _ in 0..100 {
            if worker.is_finished() {
                break;
            }
            subject.advance(Duration::from_secs(10)).await;
        }
        merged += subject.soon("the workers' end", worker).await.expect("no panic");
    }
    assert_eq!(merged, 6);
}

pub(super) async fn bytes_end_a_receive_beyond_the_fewest(subject: Subject) {
    let mut member = subject.member("jobs").await;
    let item = |nth: usize| Publication::new("jobs", Item::new(format!("{nth}"), vec![0; 100]));
    subject.fresh((0..10).map(item)).await;
    let ask = Ask::up_to(10).wait(Duration::ZERO);
    let cut = member.receive(ask.max_bytes(300)).await;
    assert_eq!(ids(&cut), ["0", "1", "2"]);
    let fewest = member.receive(ask.max_bytes(100).at_least(3)).await;
    assert_eq!(ids(&fewest), ["3", "4", "5"]);
    let rest = member.receive(ask.max_bytes(400)).await;
    assert_eq!(ids(&rest), ["6", "7", "8", "9"]);
}

pub(super) async fn one_large_item_is_received_all_the_same(subject: Subject) {
    let mut member = subject.member("jobs").await;
    subject.fresh([Publication::new("jobs", Item::new("large", vec![0; 1000]))]).await;
    let ask = Ask::up_to(10).max_bytes(10).wait(Duration::ZERO);
    assert_eq!(ids(&member.receive(ask).await), ["large"]);
}

pub(super) async fn items_without_a_bundle_make_up_one(subject: Subject) {
    let mut member = subject.member("jobs").await;
    subject.put_bundled("jobs", "x", &["x1"]).await;
    subject.put("jobs", &["loose-1", "loose-2"]).await;
    let ask = Ask::up_to(10).at_least(2).same_bundle().wait(Duration::ZERO);
    assert_eq!(ids(&member.receive(ask).await), ["loose-1", "loose-2"]);
}
