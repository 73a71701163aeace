//! Steps, whole or not at all, and once.

use super::{Subject, TOPIC, accept, item, seconds};
use crate::{Ask, Error, ItemId, Publication, Published, Step, TopicOptions};

#[test]
fn a_step_happens_whole_or_not_at_all() {
    let mut queue = Subject::new();
    let consumer = queue.join();
    queue.put(item("1"));
    queue.put(item("2"));
    let mut held = queue.lease(consumer, Ask::up_to(2));
    let stale = held.pop().unwrap();
    queue.state.give_back(consumer, &[stale.receipt()], queue.now);
    let step = Step::new()
        .accept(held.pop().unwrap())
        .accept(stale)
        .publish(Publication::new(TOPIC, item("3")))
        .write("s", 0, "x");
    assert!(matches!(queue.apply(consumer, &step), Err(Error::Stale { ids }) if ids == ["2".into()]));
    assert_eq!(queue.counts(), (1, 0, 1, 0));
    assert_eq!(queue.state.record(consumer, "s").unwrap(), None);
    let step = step.without(&[ItemId::from("2")]);
    let applied = queue.apply(consumer, &step).unwrap();
    assert_eq!(
        (applied.published.as_slice(), applied.state.as_slice()),
        (&[Published::Accepted][..], &[1][..])
    );
    assert_eq!(queue.counts(), (2, 0, 0, 0));
    queue.pass(seconds(60));
    let again = queue.apply(consumer, &step).unwrap();
    assert!(again.repeated && again.published == applied.published && again.state == applied.state);
}

#[test]
fn a_full_step_takes_back_the_ids_it_took() {
    let mut queue = Subject::with(TopicOptions::new().with_capacity(2));
    let consumer = queue.join();
    let batch = ["1", "2", "3"].map(|id| Publication::new(TOPIC, item(id))).to_vec();
    assert!(queue.publish(batch.clone()).is_err_and(|error| error.is_full()));
    assert_eq!(queue.publish(batch[..2].to_vec()).unwrap(), [Published::Accepted; 2]);
    assert_eq!(
        queue.publish(batch[..2].to_vec()).unwrap(),
        [Published::Duplicate; 2],
        "adds nothing, so it fits"
    );
    let held = queue.lease(consumer, Ask::up_to(2));
    let step = batch.into_iter().skip(2).fold(accept(held), Step::publish);
    queue.apply(consumer, &step).unwrap();
    assert_eq!(queue.counts(), (1, 0, 0, 0));
}

#[test]
fn a_consumer_that_has_left_repeats_its_steps_until_it_is_forgotten() {
    let mut queue = Subject::new();
    let consumer = queue.join();
    queue.put(item("1"));
    let step = accept(queue.lease(consumer, Ask::up_to(1)));
    queue.apply(consumer, &step).unwrap();
    queue.state.forget_member(consumer);
    assert!(queue.state.members.contains_key(&consumer), "it has not left yet");
    queue.state.leave(consumer, queue.now);
    assert!(queue.apply(consumer, &step).unwrap().repeated);
    assert!(matches!(queue.state.lease(consumer, Ask::up_to(1), queue.now), Err(Error::Closed)));
    assert!(matches!(queue.apply(consumer, &Step::new().named("other")), Err(Error::Closed)));
    queue.state.forget_member(consumer);
    assert!(queue.state.members.is_empty() && queue.state.deadlines.is_empty());
}
