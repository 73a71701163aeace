//! A topic that is late, refuses, or whose answers are lost, and callers that go away meanwhile.

use std::{pin::pin, sync::Arc};

use entourage_blueprint::{Blueprint, Describe};
use entourage_core::{Clock, Realm};
use entourage_queue::{
    Applied, Capabilities, Dead, Delivery, Error, Group, MemoryQueue, Publication, Published, Queue, Receipt,
    Receiver, Record, Redrive, Result, Returns, Settler, Stats, Step, SubscribeOptions, Topic, TopicOptions,
    Unapplied,
};
use entourage_testkit::eventually_async;
use entourage_workqueue::{Finish, ItemName, TopicSource, WorkSource};
use tokio::sync::watch;

use crate::{
    serving::{PATIENCE, name, patiently, texts},
    topics::{publish, stats},
};

#[tokio::test]
async fn what_is_finished_is_settled_once_though_who_told_it_goes_away() {
    let theirs = Faulty::new();
    publish(&theirs.inner, ["a"]).await;
    let (source, peer) = (theirs.source(), theirs.source());
    assert_eq!(texts(&source.items().await.unwrap()), ["a"]);
    let names = [name("a")];
    theirs.answers(Answer::Late);
    {
        let mut telling = pin!(source.finished(&names, Finish::Done));
        tokio::select! {
            biased;
            told = &mut telling => panic!("the topic has not answered: {told:?}"),
            () = patiently(theirs.begun(1)) => {}
        }
    }
    let seen = stats(&theirs.inner).await;
    assert_eq!((seen.in_flight, seen.ready), (1, 0), "it was given back, though it is worked off");
    assert_eq!(source.finished(&names, Finish::Done).await.unwrap(), names, "it is not settled yet");
    assert!(!source.items().await.unwrap().is_complete(), "it is still there");
    theirs.answers(Answer::Applied);
    let is_settled = async || (stats(&theirs.inner).await.unsettled() == 0).then_some(());
    eventually_async(PATIENCE, "it is settled", is_settled).await;
    let is_known = async || source.finished(&names, Finish::Done).await.unwrap().is_empty().then_some(());
    eventually_async(PATIENCE, "the source knows that it is", is_known).await;
    assert_eq!(theirs.steps(), 1, "it was settled again");
    assert!(peer.items().await.unwrap().names().is_empty());
}

#[tokio::test]
async fn what_a_topic_refuses_to_settle_is_held_until_it_does() {
    let theirs = Faulty::new();
    publish(&theirs.inner, ["a", "b"]).await;
    let (source, peer) = (theirs.source(), theirs.source());
    assert_eq!(texts(&source.items().await.unwrap()), ["a", "b"]);
    theirs.answers(Answer::Refused);
    for (text, finish) in [("a", Finish::Done), ("b", Finish::Dead)] {
        let refused = source.finished(&[name(text)], finish).await;
        assert!(refused.is_err(), "{refused:?}");
    }
    assert_eq!(stats(&theirs.inner).await.in_flight, 2, "something was given back");
    assert!(peer.items().await.unwrap().names().is_empty());
    assert_eq!(texts(&source.items().await.unwrap()), ["a", "b"]);
    theirs.answers(Answer::Applied);
    for (text, finish) in [("a", Finish::Done), ("b", Finish::Dead)] {
        assert_eq!(source.finished(&[name(text)], finish).await.unwrap(), []);
    }
    let seen = stats(&theirs.inner).await;
    assert_eq!((seen.unsettled(), seen.dead), (0, 1));
}

/// Told again, the step has the name of the first, or another one.
#[tokio::test]
async fn an_answer_that_was_lost_loses_no_item_and_brings_none_back() {
    for (again, kept) in [(["a", "b"], &["a", "b"][..]), (["b", "a"], &["a"])] {
        let theirs = Faulty::new();
        publish(&theirs.inner, ["a", "b"]).await;
        let source = theirs.source();
        assert_eq!(texts(&source.items().await.unwrap()), ["a", "b"]);
        theirs.answers(Answer::Lost);
        let lost = source.finished(&[name("a")], Finish::Done).await;
        assert!(lost.is_err(), "{lost:?}");
        theirs.answers(Answer::Applied);
        let told = source.finished(&again.map(name), Finish::Done).await.unwrap();
        let told: Vec<_> = told.iter().map(ItemName::as_str).collect();
        assert_eq!(told, kept, "of what is not known to be settled");
        let is_settled = async || {
            // What the repeated step did not settle has come back, and is told once more.
            let listing = source.items().await.unwrap();
            assert!(!texts(&listing).contains(&"a"), "it came back");
            source.finished(listing.names(), Finish::Done).await.unwrap();
            (stats(&theirs.inner).await.unsettled() == 0).then_some(())
        };
        eventually_async(PATIENCE, "both are settled", is_settled).await;
        assert_eq!(stats(&theirs.inner).await.dead, 0);
    }
}

/// What comes of a step.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Answer {
    Applied,
    /// Nothing, until another answer is set.
    Late,
    Refused,
    /// It is applied, and nobody hears of it.
    Lost,
}

/// A queue of which a test says how it answers steps, and which counts them.
#[derive(Clone, Debug)]
struct Faulty {
    inner: MemoryQueue,
    answer: Arc<watch::Sender<Answer>>,
    steps: Arc<watch::Sender<u32>>,
}

impl Faulty {
    fn new() -> Self {
        let (answer, steps) = (watch::Sender::new(Answer::Applied), watch::Sender::new(0));
        Self { inner: MemoryQueue::new(), answer: Arc::new(answer), steps: Arc::new(steps) }
    }

    /// Another member of one group.
    fn source(&self) -> TopicSource {
        TopicSource::new(self.clone(), "orders", "kitchen")
    }

    fn answers(&self, answer: Answer) {
        self.answer.send_replace(answer);
    }

    fn steps(&self) -> u32 {
        *self.steps.borrow()
    }

    /// Waits until so many steps have begun.
    async fn begun(&self, steps: u32) {
        let _ = self.steps.subscribe().wait_for(|begun| *begun >= steps).await;
    }
}

impl Describe for Faulty {
    fn describe(&self, blueprint: &mut Blueprint) {
        self.inner.describe(blueprint);
    }
}

#[async_trait::async_trait]
impl Queue for Faulty {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn realm(&self) -> Realm {
        self.inner.realm()
    }

    fn clock(&self) -> Arc<dyn Clock> {
        self.inner.clock()
    }

    async fn configure(&self, topic: &Topic, options: TopicOptions) -> Result<()> {
        self.inner.configure(topic, options).await
    }

    async fn publish(&self, batch: Vec<Publication>) -> Result<Vec<Published>> {
        self.inner.publish(batch).await
    }

    async fn subscribe(
        &self,
        topics: &[Topic],
        group: &Group,
        options: SubscribeOptions,
    ) -> Result<(Box<dyn Receiver>, Arc<dyn Settler>)> {
        let (receiver, settler) = self.inner.subscribe(topics, group, options).await?;
        Ok((receiver, Arc::new(FaultySettler { inner: settler, queue: self.clone() })))
    }

    async fn stats(&self, topic: &Topic, group: &Group) -> Result<Stats> {
        self.inner.stats(topic, group).await
    }

    async fn dead(&self, topic: &Topic, group: &Group, limit: usize) -> Result<Vec<Dead>> {
        self.inner.dead(topic, group, limit).await
    }

    async fn redrive(&self, topic: &Topic, group: &Group, which: Redrive) -> Result<u64> {
        self.inner.redrive(topic, group, which).await
    }

    async fn records(&self, group: &Group, prefix: &str) -> Result<Vec<Record>> {
        self.inner.records(group, prefix).await
    }

    async fn room(&self, topic: &Topic, items: u64) -> Result<()> {
        self.inner.room(topic, items).await
    }
}

#[derive(Debug)]
struct FaultySettler {
    inner: Arc<dyn Settler>,
    queue: Faulty,
}

#[async_trait::async_trait]
impl Settler for FaultySettler {
    async fn step(&self, step: Step) -> Result<Applied, Unapplied> {
        self.queue.steps.send_modify(|steps| *steps += 1);
        let mut answers = self.queue.answer.subscribe();
        let answer = *answers.wait_for(|answer| *answer != Answer::Late).await.expect("its sender is here");
        match answer {
            Answer::Applied | Answer::Late => self.inner.step(step).await,
            Answer::Refused => {
                Err(Unapplied { step: Box::new(step), error: Error::Unavailable("it is away".into()) })
            }
            Answer::Lost => {
                let step_again = Box::new(again(&step));
                self.inner.step(step).await?;
                Err(Unapplied { step: step_again, error: Error::Unknown("the answer was lost".into()) })
            }
        }
    }

    async fn renew(&self, delivery: &Delivery, time: std::time::Duration) -> Result<()> {
        self.inner.renew(delivery, time).await
    }

    async fn state(&self, key: &str) -> Result<Option<Record>> {
        self.inner.state(key).await
    }
}

/// The same acceptances, as one has them in hand who heard no answer.
fn again(step: &Step) -> Step {
    let again = |delivery: &Delivery| {
        let (topic, item, fence) =
            (delivery.topic().clone(), delivery.item().clone(), delivery.fence().clone());
        let counts = (delivery.retries(), delivery.lapses());
        Delivery::leased(topic, item, fence, delivery.receipt(), counts, Arc::new(Nobody))
    };
    Step { accept: step.accept.iter().map(again).collect(), ..Step::new() }
}

#[derive(Debug)]
struct Nobody;

impl Returns for Nobody {
    fn give_back(&self, _: Receipt) {}
}
