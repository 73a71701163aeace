//! Waiting, heartbeats and giving back, over a broker that a test holds in its hand.

mod slow;

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use entourage_core::PausedClock;
use tokio::sync::Semaphore;

use self::slow::Slow;
use super::subscribe;
use crate::{
    Ask, Bundle, Delivery, Error, Item, MemoryOptions, MemoryQueue, Publication, Queue, Receiver, Settler,
    SettlerExt, Stats, Step, SubscribeOptions,
};

struct Subject {
    queue: MemoryQueue,
    broker: Slow,
    receiver: Box<dyn Receiver>,
    settler: Arc<dyn Settler>,
}

const ONCE: Duration = Duration::ZERO;

impl Subject {
    async fn new() -> Self {
        let queue = MemoryQueue::with_options(Arc::new(PausedClock::new()), MemoryOptions::new());
        let broker = Slow::over(&queue);
        let options = SubscribeOptions::new().with_lease(Duration::from_secs(30));
        let topics = ["t".into()];
        let (receiver, settler) =
            subscribe(Arc::new(broker.clone()), &topics, &"g".into(), options).await.unwrap();
        Self { queue, broker, receiver, settler }
    }

    fn answer(&self) {
        self.broker.answers.add_permits(Semaphore::MAX_PERMITS / 2);
    }

    async fn publish(&self, ids: &[&str]) {
        let batch = ids.iter().map(|id| {
            let (id, bundle) = id.split_once('/').unwrap_or((id, ""));
            let item = Item::new(id, "");
            Publication::new(
                "t",
                if bundle.is_empty() { item } else { item.with_bundle(Bundle::from(bundle)) },
            )
        });
        self.queue.publish(batch.collect()).await.unwrap();
    }

    /// Asks, and drops the question before its answer comes.
    async fn abandon(&mut self, ask: Ask) {
        tokio::select! {
            biased;
            _ = self.receiver.receive(ask) => panic!("no answer has come yet"),
            () = tokio::task::yield_now() => {}
        }
    }

    async fn receive(&mut self, ask: Ask) -> Vec<String> {
        ids(&self.receiver.receive(ask).await.unwrap())
    }

    async fn stats(&self) -> Stats {
        self.queue.stats(&"t".into(), &"g".into()).await.unwrap()
    }
}

fn ids(deliveries: &[Delivery]) -> Vec<String> {
    deliveries.iter().map(|delivery| delivery.id().to_string()).collect()
}

#[tokio::test(start_paused = true)]
async fn what_a_dropped_receive_leased_is_handed_out_next() {
    let mut subject = Subject::new().await;
    subject.publish(&["1", "2", "3"]).await;
    subject.abandon(Ask::up_to(3)).await;
    assert_eq!(subject.stats().await.in_flight, 3);
    subject.abandon(Ask::up_to(3)).await;
    subject.answer();
    let two = subject.receiver.receive(Ask::up_to(2)).await.unwrap();
    assert_eq!(ids(&two), ["1", "2"]);
    let one = subject.receiver.receive(Ask::up_to(2)).await.unwrap();
    assert_eq!((ids(&one), one[0].attempt()), (vec!["3".to_owned()], 1));
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_and_does_not_suit_is_given_back_unburnt() {
    let mut subject = Subject::new().await;
    subject.publish(&["1/a", "2/b"]).await;
    subject.abandon(Ask::up_to(1)).await;
    subject.answer();
    subject.publish(&["3/b"]).await;
    let ask = Ask::up_to(9).at_least(2).same_bundle().wait(ONCE);
    let pair = subject.receiver.receive(ask).await.unwrap();
    assert_eq!(ids(&pair), ["2", "3"]);
    assert_eq!(subject.receive(ask).await, [""; 0], "one of a bundle is below the fewest");
    let last = subject.receiver.receive(Ask::up_to(9)).await.unwrap();
    assert_eq!((ids(&last), last[0].attempt()), (vec!["1".to_owned()], 1));
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_is_handed_out_by_bundle() {
    let mut subject = Subject::new().await;
    subject.publish(&["1/a", "2/b", "3/b", "4"]).await;
    subject.abandon(Ask::up_to(9)).await;
    subject.answer();
    let ask = Ask::up_to(9).same_bundle().wait(ONCE);
    assert_eq!(subject.receive(ask.at_least(2)).await, ["2", "3"]);
    let one = subject.receiver.receive(ask).await.unwrap();
    let four = subject.receiver.receive(ask.max_bytes(1)).await.unwrap();
    assert_eq!((ids(&one), ids(&four)), (vec!["1".to_owned()], vec!["4".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn a_step_that_is_dropped_after_it_was_submitted_releases_nothing() {
    let mut subject = Subject::new().await;
    subject.publish(&["1"]).await;
    subject.answer();
    let held = subject.receiver.receive(Ask::up_to(1)).await.unwrap();
    subject.broker.answers.forget_permits(usize::MAX);
    tokio::select! {
        biased;
        _ = subject.settler.accept(held) => panic!("no answer has come yet"),
        () = tokio::task::yield_now() => {}
    }
    assert_eq!(subject.stats().await, Stats::default());
}

#[tokio::test(start_paused = true)]
async fn a_failed_step_gives_its_deliveries_back_and_they_still_settle() {
    let mut subject = Subject::new().await;
    subject.publish(&["1"]).await;
    subject.answer();
    let held = subject.receiver.receive(Ask::up_to(1)).await.unwrap().remove(0);
    let refused = subject.settler.step(Step::new().accept(held).write("s", 7, "x")).await.unwrap_err();
    assert!(matches!(refused.error, Error::StateConflict { expected: 7, found: 0, .. }));
    let mut step = *refused.step;
    step.state.clear();
    subject.settler.step(step).await.unwrap();
    assert_eq!(subject.stats().await, Stats::default());
}

#[tokio::test(start_paused = true)]
async fn a_repeated_step_does_not_hold_what_the_first_one_did_not_settle() {
    let mut subject = Subject::new().await;
    subject.publish(&["1", "2"]).await;
    subject.answer();
    for repeated in [false, true] {
        let held = subject.receiver.receive(Ask::up_to(1)).await.unwrap().remove(0);
        let applied = subject.settler.step(Step::new().named("same").accept(held)).await.unwrap();
        assert_eq!(applied.repeated, repeated);
    }
    assert_eq!(subject.stats().await.ready, 1);
}

#[tokio::test(start_paused = true)]
async fn a_delivery_of_another_realm_is_refused_with_both_names() {
    let mut subject = Subject::new().await;
    let other = Subject::new().await;
    subject.publish(&["1"]).await;
    subject.answer();
    let held = subject.receiver.receive(Ask::up_to(1)).await.unwrap().remove(0);
    let renewed = other.settler.renew(&held, Duration::from_secs(1)).await;
    assert!(matches!(renewed, Err(Error::ForeignRealm { .. })));
    let refused = other.settler.step(Step::new().accept(held)).await.unwrap_err();
    assert!(matches!(refused.error, Error::ForeignRealm { .. }));
    assert_eq!(refused.step.accept.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_step_that_could_not_be_recognised_again_is_refused() {
    let subject = Subject::new().await;
    subject.answer();
    let step = Step::new().publish(Publication::new("t", Item::new("1", "")));
    let refused = subject.settler.step(step).await.unwrap_err();
    assert!(matches!(&refused.error, Error::Invalid(why) if why.contains("Step::named")));
    subject.settler.step(Step { id: Some(crate::StepId::new("one")), ..*refused.step }).await.unwrap();
    assert_eq!(subject.stats().await.ready, 1);
}

#[tokio::test(start_paused = true)]
async fn heartbeats_hold_a_lease_for_as_long_as_the_receiver_lives() {
    let mut subject = Subject::new().await;
    subject.publish(&["1"]).await;
    subject.answer();
    let held = subject.receiver.receive(Ask::up_to(1)).await.unwrap();
    let clock = Queue::clock(&subject.queue);
    entourage_core::sleep(&*clock, Duration::from_secs(305)).await;
    assert_eq!(subject.broker.beats.load(Ordering::Relaxed), 30);
    assert_eq!(subject.stats().await.in_flight, 1);
    drop(subject.receiver);
    assert_eq!(subject.queue.stats(&"t".into(), &"g".into()).await.unwrap().ready, 1);
    let refused = subject.settler.accept(held).await;
    assert!(refused.is_err_and(|error| error.is_stale()));
    entourage_core::sleep(&*clock, Duration::from_secs(300)).await;
    assert_eq!(subject.broker.beats.load(Ordering::Relaxed), 30, "a heart stops with its receiver");
}

#[tokio::test(start_paused = true)]
async fn a_heart_that_the_runtime_runs_late_beats_on_time() {
    let subject = Subject::new().await;
    // The task has not been run yet when the clock jumps to just its first beat, and no
    // timer moves the clock on.
    tokio::time::advance(Duration::from_secs(10)).await;
    for _ in 0..5 {
        tokio::task::yield_now().await;
    }
    assert_eq!(subject.broker.beats.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn a_failed_beat_is_tried_again_in_time() {
    let mut subject = Subject::new().await;
    subject.publish(&["1"]).await;
    subject.answer();
    let held = subject.receiver.receive(Ask::up_to(1)).await.unwrap();
    // Beats at 10, 13, 16, 19, 22, 25 and 28 s; the last one comes before the lease ends.
    *subject.broker.failures.lock().unwrap() = 6;
    entourage_core::sleep(&*Queue::clock(&subject.queue), Duration::from_secs(60)).await;
    subject.settler.accept(held).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_receiver_outlives_its_backends_failures() {
    let mut subject = Subject::new().await;
    subject.publish(&["1"]).await;
    subject.answer();
    *subject.broker.failures.lock().unwrap() = 2;
    for _ in 0..2 {
        assert!(matches!(subject.receiver.receive(Ask::up_to(1)).await, Err(Error::Unavailable(_))));
    }
    assert_eq!(subject.receive(Ask::up_to(1)).await, ["1"]);
}

#[tokio::test(start_paused = true)]
async fn a_waiting_receive_wakes_for_news_for_time_and_for_the_end_of_its_wait() {
    let mut subject = Subject::new().await;
    subject.answer();
    let clock = Queue::clock(&subject.queue);
    let start = clock.now();
    assert_eq!(subject.receive(Ask::up_to(1).wait(Duration::from_secs(7))).await, [""; 0]);
    assert_eq!(clock.now().since(start).as_secs(), 7);
    let delayed = Publication::new("t", Item::new("1", "")).delayed(Duration::from_secs(5));
    let queue = subject.queue.clone();
    let publisher = tokio::spawn(async move {
        entourage_core::sleep(&*Queue::clock(&queue), Duration::from_secs(3)).await;
        queue.publish(vec![delayed]).await.unwrap();
    });
    assert_eq!(subject.receive(Ask::up_to(1)).await, ["1"]);
    assert_eq!(clock.now().since(start).as_secs(), 15);
    publisher.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn closing_gives_back_also_what_nobody_has_seen() {
    let mut subject = Subject::new().await;
    subject.publish(&["1", "2"]).await;
    subject.abandon(Ask::up_to(1)).await;
    subject.answer();
    subject.receiver.close().await.unwrap();
    subject.receiver.close().await.unwrap();
    assert_eq!(subject.stats().await.ready, 2);
    assert!(matches!(subject.receiver.receive(Ask::up_to(1)).await, Err(Error::Closed)));
}

#[test]
fn a_delivery_that_outlives_its_runtime_is_given_back() {
    let queue = MemoryQueue::new();
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let receive = |receiver: &mut Box<dyn Receiver>| {
        runtime().block_on(receiver.receive(Ask::up_to(1).wait(ONCE))).unwrap()
    };
    let (topics, group) = (["t".into()], "g".into());
    let subscribing = queue.subscribe(&topics, &group, SubscribeOptions::new());
    let (mut receiver, _settler) = runtime().block_on(subscribing).unwrap();
    runtime().block_on(queue.publish(vec![Publication::new("t", Item::new("1", ""))])).unwrap();
    let held = receive(&mut receiver);
    assert!(receive(&mut receiver).is_empty());
    drop(held);
    assert_eq!(receive(&mut receiver)[0].attempt(), 1);
}
