//! The pure state, call by call, with no clock and no runtime.

use std::sync::Arc;

use entourage_core::{Fence, Realm, Scope};

use super::*;
use crate::{
    Ask, Bundle, Delivery, Item, ItemId, Key, Publication, Published, Receipt, Redrive, Returns, Step,
    broker::LeasedItem,
};
use std::time::Duration;

/// A queue with one topic and one group, driven by hand.
struct Subject {
    state: State,
    now: Moment,
}

#[derive(Debug)]
struct Nowhere;

impl Returns for Nowhere {
    fn give_back(&self, _: Receipt) {}
}

const TOPIC: &str = "t";
const GROUP: &str = "g";

impl Subject {
    fn new() -> Self {
        Self::with(TopicOptions::new())
    }

    fn with(options: TopicOptions) -> Self {
        Self { state: State::new(options, Counts::new()), now: Moment::ZERO }
    }

    fn join(&mut self) -> ConsumerId {
        let options = SubscribeOptions::new().with_lease(seconds(10)).with_delivery_limit(2);
        self.state.join(&[TOPIC.into()], &GROUP.into(), options, self.now)
    }

    fn publish(&mut self, batch: Vec<Publication>) -> Result<Vec<Published>> {
        self.state.publish(batch, self.now)
    }

    fn put(&mut self, item: Item) {
        self.publish(vec![Publication::new(TOPIC, item)]).unwrap();
    }

    fn lease(&mut self, consumer: ConsumerId, ask: Ask) -> Vec<Delivery> {
        let leased = self.state.lease(consumer, ask, self.now).unwrap();
        leased.items.into_iter().map(delivery).collect()
    }

    fn lease_ids(&mut self, consumer: ConsumerId, most: usize) -> Vec<String> {
        ids(&self.lease(consumer, Ask::up_to(most)))
    }

    fn apply(&mut self, consumer: ConsumerId, step: &Step) -> Result<crate::Applied> {
        self.state.apply(consumer, step, self.now)
    }

    fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
    }

    fn stats(&mut self) -> Stats {
        self.state.stats(&TOPIC.into(), &GROUP.into(), self.now)
    }

    fn counts(&mut self) -> (u64, u64, u64, u64) {
        let stats = self.stats();
        (stats.ready, stats.waiting, stats.in_flight, stats.dead)
    }
}

fn delivery(leased: LeasedItem) -> Delivery {
    let LeasedItem { topic, item, receipt, retries, lapses } = leased;
    let fence = Fence::new(Realm::new(1), Scope::new(item.id().to_shared()), receipt.epoch);
    Delivery::leased(topic, item, fence, receipt, (retries, lapses), Arc::new(Nowhere))
}

fn ids(deliveries: &[Delivery]) -> Vec<String> {
    deliveries.iter().map(|delivery| delivery.id().to_string()).collect()
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn item(id: &str) -> Item {
    Item::new(id, "")
}

fn keyed(id: &str) -> Item {
    item(id).with_key(Key::from("k"))
}

fn accept(deliveries: Vec<Delivery>) -> Step {
    Step { accept: deliveries, ..Step::new() }
}

#[test]
fn a_later_group_sees_only_what_follows_and_an_item_lives_until_both_have_settled_it() {
    let mut queue = Subject::new();
    queue.put(item("1"));
    let first = queue.join();
    let other = queue.state.join(&[TOPIC.into()], &"other".into(), SubscribeOptions::new(), queue.now);
    queue.put(item("2"));
    let deliveries = queue.lease(first, Ask::up_to(9));
    assert_eq!(ids(&deliveries), ["1", "2"]);
    queue.apply(first, &accept(deliveries)).unwrap();
    assert_eq!(queue.state.items.len(), 1);
    let deliveries = queue.lease(other, Ask::up_to(9));
    assert_eq!(ids(&deliveries), ["2"]);
    queue.apply(other, &accept(deliveries)).unwrap();
    assert_eq!((queue.state.items.len(), queue.state.topics[0].live), (0, 0));
}

#[test]
fn a_key_is_in_order_with_one_in_flight_over_retry_delay_and_lapse() {
    let mut queue = Subject::new();
    let consumer = queue.join();
    for id in ["1", "2"] {
        queue.put(keyed(id));
    }
    let urgent = Publication::new(TOPIC, keyed("3")).priority(9);
    queue.publish(vec![urgent]).unwrap();
    let mut deliveries = queue.lease(consumer, Ask::up_to(9));
    assert_eq!(ids(&deliveries), ["1"]);
    assert_eq!(queue.counts(), (0, 2, 1, 0));
    let retry = Step::new().retry(deliveries.remove(0), seconds(5));
    queue.apply(consumer, &retry).unwrap();
    assert!(queue.lease_ids(consumer, 9).is_empty(), "a delayed retry holds its key");
    queue.pass(seconds(5));
    assert_eq!(queue.lease_ids(consumer, 9), ["1"]);
    queue.pass(seconds(10));
    let mut deliveries = queue.lease(consumer, Ask::up_to(9));
    assert_eq!((deliveries[0].id().as_str(), deliveries[0].retries(), deliveries[0].lapses()), ("1", 1, 1));
    queue.apply(consumer, &accept(vec![deliveries.remove(0)])).unwrap();
    assert_eq!(queue.lease_ids(consumer, 9), ["2"]);
}

#[test]
fn a_lease_ends_at_its_deadline_and_stands_until_then() {
    let mut queue = Subject::new();
    let consumer = queue.join();
    queue.put(item("1"));
    let held = queue.lease(consumer, Ask::up_to(1));
    queue.pass(seconds(10) - Duration::from_nanos(1));
    assert_eq!(queue.counts(), (0, 0, 1, 0));
    queue.pass(Duration::from_nanos(1));
    assert!(matches!(queue.apply(consumer, &accept(held)), Err(Error::Stale { ids }) if ids == ["1".into()]));
    assert_eq!(queue.counts(), (1, 0, 0, 0));
}

#[test]
fn an_item_that_nobody_answers_for_is_given_up_with_the_count() {
    let mut queue = Subject::new();
    let consumer = queue.join();
    queue.put(item("1"));
    for _ in 0..2 {
        assert_eq!(queue.lease_ids(consumer, 1), ["1"]);
        queue.pass(seconds(10));
    }
    assert_eq!(queue.counts(), (0, 0, 0, 1));
    let dead = queue.state.dead(&TOPIC.into(), &GROUP.into(), 9, queue.now);
    assert_eq!((dead[0].reason.as_str(), dead[0].attempts), ("2 deliveries ended without an answer", 2));
    assert_eq!(queue.stats().oldest, None);
}

#[test]
fn giving_back_and_leaving_burn_no_attempt() {
    let mut queue = Subject::new();
    let consumer = queue.join();
    queue.put(item("1"));
    for _ in 0..5 {
        let held = queue.lease(consumer, Ask::up_to(1));
        queue.state.give_back(consumer, &[held[0].receipt()], queue.now);
    }
    let held = queue.lease(consumer, Ask::up_to(1));
    queue.state.leave(consumer, queue.now);
    assert!(queue.apply(consumer, &accept(held)).is_err_and(|error| error.is_stale()));
    let next = queue.join();
    assert_eq!(queue.lease(next, Ask::up_to(1))[0].attempt(), 1);
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

#[test]
fn epochs_rise_with_every_lease() {
    let mut queue = Subject::new();
    let consumer = queue.join();
    queue.put(item("1"));
    let mut last = 0;
    for _ in 0..3 {
        let held = queue.lease(consumer, Ask::up_to(1));
        assert!(held[0].receipt().epoch > last);
        last = held[0].receipt().epoch;
        queue.state.give_back(consumer, &[held[0].receipt()], queue.now);
    }
}

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
fn the_fewest_are_of_one_bundle_and_nothing_is_leased_below() {
    let mut queue = Subject::new();
    let consumer = queue.join();
    for (id, bundle) in [("1", "a"), ("2", "b"), ("3", "b")] {
        queue.put(item(id).with_bundle(Bundle::from(bundle)));
    }
    let ask = Ask::up_to(9).same_bundle().at_least(2);
    let held = queue.lease(consumer, ask);
    assert_eq!(ids(&held), ["2", "3"]);
    assert!(queue.lease(consumer, ask).is_empty());
    assert_eq!(queue.counts(), (1, 0, 2, 0));
}

#[test]
fn bytes_end_a_batch_but_not_below_the_fewest() {
    let mut queue = Subject::new();
    let consumer = queue.join();
    for id in ["1", "2", "3", "4"] {
        queue.put(Item::new(id, "12345678"));
    }
    assert_eq!(ids(&queue.lease(consumer, Ask::up_to(9).at_least(3).max_bytes(1))), ["1", "2", "3"]);
    assert_eq!(ids(&queue.lease(consumer, Ask::up_to(9).max_bytes(1))), ["4"]);
}

#[test]
fn topics_take_turns() {
    let mut queue = Subject::new();
    let topics = ["a".into(), "b".into()];
    let consumer = queue.state.join(&topics, &GROUP.into(), SubscribeOptions::new(), queue.now);
    for n in 0..4 {
        for topic in ["a", "b"] {
            queue.publish(vec![Publication::new(topic, item(&format!("{topic}{n}")))]).unwrap();
        }
    }
    let order: Vec<String> = (0..4).flat_map(|_| queue.lease_ids(consumer, 1)).collect();
    assert_eq!(order, ["a0", "b0", "a1", "b1"]);
}

#[test]
fn a_redriven_item_comes_before_the_later_ones_of_its_key() {
    let mut queue = Subject::new();
    let consumer = queue.join();
    for id in ["1", "2", "3"] {
        queue.put(keyed(id));
    }
    let held = queue.lease(consumer, Ask::up_to(1)).remove(0);
    queue.apply(consumer, &Step::new().reject(held, "no")).unwrap();
    assert_eq!(queue.counts(), (1, 1, 0, 1));
    let redriven =
        queue.state.redrive(&TOPIC.into(), &GROUP.into(), &Redrive::Only(vec!["1".into()]), queue.now);
    assert_eq!(redriven.unwrap(), 1);
    assert_eq!(queue.counts(), (1, 2, 0, 0));
    for id in ["1", "2", "3"] {
        let held = queue.lease(consumer, Ask::up_to(9));
        assert_eq!((ids(&held), held[0].attempt()), (vec![id.to_owned()], 1));
        queue.apply(consumer, &accept(held)).unwrap();
    }
}

#[test]
fn the_oldest_is_the_oldest_unsettled_whatever_came_and_went() {
    let mut queue = Subject::new();
    let consumer = queue.join();
    queue.publish(vec![Publication::new(TOPIC, item("old")).delayed(seconds(1000))]).unwrap();
    queue.pass(seconds(1));
    for n in 0..3000 {
        queue.put(item(&n.to_string()));
        let held = queue.lease(consumer, Ask::up_to(1));
        queue.apply(consumer, &accept(held)).unwrap();
    }
    assert_eq!(queue.stats().oldest, Some(seconds(1)));
    queue.pass(seconds(999));
    let held = queue.lease(consumer, Ask::up_to(1));
    assert_eq!(ids(&held), ["old"]);
    queue.apply(consumer, &accept(held)).unwrap();
    assert_eq!(queue.stats(), Stats::default());
}

#[test]
fn an_expired_consumer_beats_itself_alive_without_what_it_held() {
    let mut queue = Subject::new();
    let consumer = queue.join();
    queue.put(item("1"));
    let held = queue.lease(consumer, Ask::up_to(1)).remove(0);
    queue.pass(seconds(10));
    queue.state.beat(consumer, queue.now).unwrap();
    let renewed = queue.state.renew(consumer, held.receipt(), seconds(9), queue.now);
    assert!(renewed.is_err_and(|error| error.is_stale()));
    assert_eq!(queue.lease(consumer, Ask::up_to(1))[0].lapses(), 1);
}

#[test]
fn an_empty_answer_says_when_to_ask_again() {
    let mut queue = Subject::new();
    let (one, other) = (queue.join(), queue.join());
    queue.publish(vec![Publication::new(TOPIC, item("1")).delayed(seconds(30))]).unwrap();
    queue.put(item("2"));
    assert_eq!(queue.lease_ids(one, 1), ["2"]);
    let leased = queue.state.lease(other, Ask::up_to(1), queue.now).unwrap();
    assert_eq!(leased.next_due, Some(Moment::ZERO + seconds(10)));
    queue.pass(seconds(10));
    assert_eq!(queue.lease_ids(other, 1), ["2"]);
}

#[test]
fn nothing_is_left_behind_by_what_came_and_went() {
    let mut queue = Subject::new();
    let consumer = queue.join();
    for n in 0..100 {
        queue.put(keyed(&n.to_string()).with_bundle(Bundle::from("b")));
    }
    for _ in 0..100 {
        let held = queue.lease(consumer, Ask::up_to(9).same_bundle());
        queue.apply(consumer, &accept(held)).unwrap();
    }
    assert_eq!(queue.state.items.len() + queue.state.deadlines.len(), 0);
    assert_eq!((queue.state.topics[0].live, queue.counts()), (0, (0, 0, 0, 0)));
    assert_eq!(queue.state.next_deadline(), None);
    assert!(queue.state.lines[0].lanes.is_empty());
}
