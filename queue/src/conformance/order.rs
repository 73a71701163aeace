//! What keys promise.

use std::{collections::BTreeMap, time::Duration};

use super::{member::ids, subject::Subject};
use crate::{Ask, Item, Publication, Step};

const LEASE: Duration = Duration::from_secs(30);

pub(super) async fn items_of_a_key_come_in_order(subject: Subject) {
    let mut member = subject.member("jobs").await;
    subject.put_keyed("jobs", "k", &["c", "a"]).await;
    subject.put_keyed("jobs", "k", &["b"]).await;
    for id in ["c", "a", "b"] {
        let delivery = member.take().await;
        assert_eq!(delivery.id().as_str(), id);
        member.accept(delivery).await;
    }
}

pub(super) async fn one_item_of_a_key_is_in_flight(subject: Subject) {
    let (mut member, mut peer) = (subject.member("jobs").await, subject.member("jobs").await);
    subject.put_keyed("jobs", "k", &["a", "b", "c"]).await;
    let held = member.ready(10).await;
    assert_eq!(ids(&held), ["a"]);
    peer.finds_nothing().await;
    assert_eq!(subject.four("jobs").await, (0, 2, 1, 0));
    member.step(Step { accept: held, ..Step::new() }).await;
    assert_eq!(subject.four("jobs").await, (1, 1, 0, 0));
    assert_eq!(ids(&peer.ready(10).await), ["b"]);
}

pub(super) async fn keys_are_independent(subject: Subject) {
    let (mut member, mut peer) = (subject.member("jobs").await, subject.member("jobs").await);
    subject.put_keyed("jobs", "k", &["k1", "k2"]).await;
    subject.put_keyed("jobs", "l", &["l1", "l2"]).await;
    subject.put("jobs", &["free-1", "free-2"]).await;
    let k = member.take().await;
    assert_eq!(k.id().as_str(), "k1");
    let rest = peer.ready(10).await;
    assert_eq!(ids(&rest), ["l1", "free-1", "free-2"]);
    let mut rest = rest.into_iter();
    peer.accept(rest.next().expect("l1")).await;
    assert_eq!(ids(&peer.ready(10).await), ["l2"], "its key goes on while another is held");
}

pub(super) async fn a_key_orders_one_topic(subject: Subject) {
    let mut here = subject.member("here").await;
    let mut there = subject.member("there").await;
    subject.put_keyed("here", "k", &["a"]).await;
    subject.put_keyed("there", "k", &["b"]).await;
    let held = here.take().await;
    let other = there.ready(1).await;
    assert_eq!(ids(&other), ["b"]);
    drop(held);
}

pub(super) async fn a_released_item_comes_before_the_rest_of_its_key(subject: Subject) {
    let (mut member, mut peer) = (subject.member("jobs").await, subject.member("jobs").await);
    subject.put_keyed("jobs", "k", &["a", "b"]).await;
    let held = member.take().await;
    member.release(held).await;
    let held = peer.take().await;
    assert_eq!(held.id().as_str(), "a");
    peer.retry(held, Duration::ZERO).await;
    let held = member.take().await;
    assert_eq!(held.id().as_str(), "a");
    drop(held);
    let held = peer.take().await;
    assert_eq!(held.id().as_str(), "a");
    peer.accept(held).await;
    assert_eq!(member.take().await.id().as_str(), "b");
}

pub(super) async fn a_delayed_retry_holds_its_key(subject: Subject) {
    let (mut member, mut peer) = (subject.member("jobs").await, subject.member("jobs").await);
    let second = Duration::from_secs(1);
    subject.put_keyed("jobs", "k", &["a", "b"]).await;
    subject.put_keyed("jobs", "l", &["other"]).await;
    let held = member.take().await;
    member.retry(held, second).await;
    let other = peer.ready(10).await;
    assert_eq!(ids(&other), ["other"], "only the key of the retry is held");
    subject.advance(second - Duration::from_nanos(1)).await;
    peer.finds_nothing().await;
    assert_eq!(subject.counts("jobs").await.waiting, 2);
    subject.advance(Duration::from_nanos(1)).await;
    let held = peer.ready(10).await;
    assert!(ids(&held).contains(&"a".to_owned()) && !ids(&held).contains(&"b".to_owned()), "{held:?}");
}

pub(super) async fn a_lapsed_item_comes_before_the_rest_of_its_key(subject: Subject) {
    let (mut member, mut peer) = (subject.member("jobs").await, subject.member("jobs").await);
    subject.put_keyed("jobs", "k", &["a", "b"]).await;
    let held = member.take().await;
    subject.advance(LEASE).await;
    let again = peer.take().await;
    assert_eq!((again.id().as_str(), again.lapses()), ("a", 1));
    peer.finds_nothing().await;
    drop(held);
    subject.settle().await;
    peer.finds_nothing().await;
    peer.accept(again).await;
    assert_eq!(peer.take().await.id().as_str(), "b");
}

pub(super) async fn a_dead_letter_frees_its_key(subject: Subject) {
    let mut member = subject.member("jobs").await;
    subject.put_keyed("jobs", "k", &["a", "b"]).await;
    let held = member.take().await;
    member.reject(held, "no use").await;
    assert_eq!(ids(&member.ready(10).await), ["b"]);
}

pub(super) async fn a_key_is_in_order_with_several_members(subject: Subject) {
    let keys = ["k", "l", "m"];
    let item = |nth: usize, key: &str| Item::new(format!("{key}-{nth:02}"), "").with_key(key);
    let each = (0..12).flat_map(|nth| keys.map(|key| Publication::new("jobs", item(nth, key))));
    subject.fresh(each).await;
    let mut members = Vec::new();
    for _ in 0..4 {
        members.push(subject.member("jobs").await);
    }
    let mut done: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut held: Vec<(usize, crate::Delivery)> = Vec::new();
    for turn in 0..1000_usize {
        let at = turn % members.len();
        for delivery in members[at].ready(2).await {
            let key = delivery.item().key().cloned();
            assert!(held.iter().all(|(_, other)| other.item().key() != key.as_ref()), "two of {key:?}");
            held.push((at, delivery));
        }
        if held.is_empty() {
            subject.advance(Duration::from_secs(1)).await;
            continue;
        }
        let (by, delivery) = held.remove(turn % held.len());
        match turn % 7 {
            0 | 3 => members[by].release(delivery).await,
            1 => members[by].retry(delivery, Duration::from_secs(1)).await,
            2 => drop(delivery),
            4 if turn % 28 == 4 => {
                subject.advance(LEASE).await;
                let (stale, _) = members[by].stale(Step::new().accept(delivery)).await;
                assert_eq!(stale.len(), 1);
                held.clear();
            }
            _ => {
                let key = delivery.item().key().expect("each has a key").as_str().to_owned();
                done.entry(key).or_default().push(delivery.id().as_str().to_owned());
                members[by].accept(delivery).await;
            }
        }
        subject.settle().await;
        if done.values().map(Vec::len).sum::<usize>() == 36 {
            break;
        }
    }
    for key in keys {
        let expected: Vec<_> = (0..12).map(|nth| format!("{key}-{nth:02}")).collect();
        assert_eq!(done.get(key), Some(&expected));
    }
}

pub(super) async fn a_bundle_orders_and_excludes_nothing(subject: Subject) {
    let (mut member, mut peer) = (subject.member("jobs").await, subject.member("jobs").await);
    subject.put_bundled("jobs", "b", &["one", "two", "three"]).await;
    let two = member.ready(2).await;
    assert_eq!(ids(&two), ["one", "two"]);
    let three = peer.receive(Ask::up_to(10).same_bundle().wait(Duration::ZERO)).await;
    assert_eq!(ids(&three), ["three"], "the bundle is not held");
}
