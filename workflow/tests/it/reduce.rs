//! W7: reduce is a fold over the *set* of contributions.

use std::sync::Arc;

use entourage_core::{Fence, Realm, Scope, Sum};
use entourage_queue::{Delivery, Item, Publication, Receipt, Returns, Step, Topic};
use entourage_workflow::{Channel, Combinator, Contribution, IdSet, Payload, Reduce};

#[derive(Debug)]
struct Nowhere;

impl Returns for Nowhere {
    fn give_back(&self, _: Receipt) {}
}

pub(crate) fn delivery(item: Item, epoch: u64) -> Delivery {
    let fence = Fence::new(Realm::new(1), Scope::new(item.id().to_shared()), epoch);
    let receipt = Receipt { sequence: epoch, epoch };
    Delivery::leased(Topic::from("parts"), item, fence, receipt, (0, 0), Arc::new(Nowhere))
}

fn reduce() -> Reduce<Sum> {
    let parts = Channel::new("parts", 100);
    let whole = Channel::<u64>::new("whole", 1);
    Reduce::new("sum", &parts, move |bundle, all: Contribution<Sum>| {
        let id = format!("{bundle}/{}", all.last.unwrap_or(0));
        vec![whole.publication(0, id, &all.value.unwrap_or_default().0)]
    })
}

fn combined(parts: Vec<Contribution<Sum>>) -> Step {
    let item = |(number, part): (usize, Contribution<Sum>)| {
        delivery(Item::new(format!("part-{number}"), part.encode()).with_bundle("b"), number as u64 + 1)
    };
    reduce().combine(parts.into_iter().enumerate().map(item).collect())
}

fn only(step: &Step) -> &Publication {
    assert_eq!(step.publish.len(), 1, "{step:?}");
    &step.publish[0]
}

#[test]
fn w7_any_order_and_any_tree_releases_the_same_item() {
    let parts = || {
        vec![
            Contribution::of(1, Sum(1)),
            Contribution::of(2, Sum(20)),
            Contribution::tombstone(3, "bad"),
            Contribution::manifest(3),
        ]
    };
    let mut released = Vec::new();
    for turn in 0..4 {
        let mut turned = parts();
        turned.rotate_left(turn);
        released.push(only(&combined(turned.clone())).clone());
        let (left, right) = turned.split_at(2);
        let halves = [left, right]
            .map(|half| Contribution::decode(only(&combined(half.to_vec())).item.payload()).unwrap());
        released.push(only(&combined(halves.to_vec())).clone());
    }
    assert!(released.iter().all(|item| *item == released[0]), "{released:?}");
    assert_eq!(u64::decode(released[0].item.payload()), Ok(21));
    assert_eq!(released[0].item.id().as_str(), "b/3");
}

#[test]
fn w7_a_repeated_contribution_adds_nothing() {
    let part = Contribution::of_all([1, 2].into_iter().collect(), Sum(7));
    let step = combined(vec![part.clone(), part.clone(), part]);
    assert_eq!(step.accept.len(), 3);
    let left = Contribution::<Sum>::decode(only(&step).item.payload()).unwrap();
    assert_eq!((left.ids, left.value), (IdSet::up_to(2), Some(Sum(7))));
}

#[test]
fn w7_an_overlap_is_rejected_by_name_and_the_rest_goes_on() {
    let step = combined(vec![
        Contribution::of_all([1, 2].into_iter().collect(), Sum(3)),
        Contribution::of_all([2, 3].into_iter().collect(), Sum(5)),
        Contribution::of(4, Sum(4)),
    ]);
    assert_eq!((step.accept.len(), step.reject.len()), (2, 1));
    assert!(step.reject[0].reason.contains("ids 2 "), "{}", step.reject[0].reason);
    let left = Contribution::<Sum>::decode(only(&step).item.payload()).unwrap();
    assert_eq!((left.ids.to_string(), left.value), ("1-2,4".into(), Some(Sum(7))));
}

#[test]
fn a_payload_of_somebody_else_is_a_dead_letter_that_says_so() {
    let foreign = delivery(Item::new("x", "not ours").with_bundle("b"), 1);
    let ours = delivery(Item::new("y", Contribution::of(1, Sum(1)).encode()).with_bundle("b"), 2);
    let step = reduce().combine(vec![foreign, ours]);
    assert_eq!((step.accept.len(), step.reject.len()), (1, 1));
    assert!(step.reject[0].reason.starts_with("malformed payload"), "{}", step.reject[0].reason);
}

#[test]
fn an_empty_manifest_releases_the_empty_result_itself() {
    let published = reduce().admit(&"b".into(), "manifest".into(), Contribution::manifest(0));
    assert_eq!(published.len(), 1);
    assert_eq!((published[0].topic.as_str(), published[0].item.id().as_str()), ("whole", "b/0"));
}
