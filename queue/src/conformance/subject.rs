//! What a case is given: a fresh queue, its time, and the steps that cases share.

use std::{fmt, future::Future, ops::Deref, pin::Pin, sync::Arc, thread, time::Duration};

use entourage_engine::conformance::{
    ManualClock,
    patience::{Patience, turns},
};
use tokio::{runtime, sync::oneshot};

use super::member::Member;
use crate::{
    Dead, Error, Group, Item, Publication, Published, Queue, Redrive, Stats, SubscribeOptions, Topic,
    TopicOptions,
};

/// Opens the same queue once more, as another process would.
pub type Reopen = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Arc<dyn Queue>> + Send>> + Send + Sync>;

/// The group of the members that no other is asked for.
const GROUP: &str = "workers";

/// A fresh, empty queue that nobody else uses, with what the cases need beside it.
///
/// It dereferences to the queue. Its own methods are steps whose failure fails the case.
#[derive(Clone)]
pub struct Subject {
    queue: Arc<dyn Queue>,
    clock: Arc<ManualClock>,
    patience: Patience,
    reopen: Option<Reopen>,
}

impl Subject {
    /// A queue that lives by `clock`, on the case's own runtime.
    pub fn new(queue: Arc<dyn Queue>, clock: Arc<ManualClock>) -> Self {
        Self { queue, clock, patience: Patience::TURNS, reopen: None }
    }

    /// With threads or sockets: what is expected may take a while of real time.
    #[must_use]
    pub const fn with_threads(mut self) -> Self {
        self.patience = Patience::WALL;
        self
    }

    /// With a way to open the same queue once more. Without it, the cases named in
    /// [`NEED_REOPEN`](super::NEED_REOPEN) cannot be run: exempt them.
    #[must_use]
    pub fn with_reopen(mut self, reopen: Reopen) -> Self {
        self.reopen = Some(reopen);
        self
    }

    /// The same subject around its queue, such as a decorator or a wrong queue.
    #[must_use]
    pub fn map(mut self, wrap: impl Fn(Arc<dyn Queue>) -> Arc<dyn Queue> + Send + Sync + 'static) -> Self {
        self.queue = wrap(self.queue);
        if let Some(reopen) = self.reopen.take() {
            let wrap = Arc::new(wrap);
            self.reopen = Some(Arc::new(move || {
                let (opening, wrap) = (reopen(), Arc::clone(&wrap));
                Box::pin(async move { wrap(opening.await) })
            }));
        }
        self
    }

    /// Whether threads or sockets take part, so that what is awaited is not done in turns.
    #[must_use]
    pub const fn has_threads(&self) -> bool {
        matches!(self.patience, Patience::Wall(_))
    }

    /// The queue itself, to be handed to a task.
    #[must_use]
    pub fn queue(&self) -> Arc<dyn Queue> {
        Arc::clone(&self.queue)
    }

    /// The same queue, opened once more.
    pub async fn reopen(&self) -> Self {
        let reopen = self.reopen.as_ref().expect("the fixture reopens, or exempts the cases that need it");
        Self { queue: self.soon("opening the queue once more", reopen()).await, ..self.clone() }
    }

    /// Jumps on in time, as a pause of the whole machine does, and lets happen what is due.
    pub async fn advance(&self, by: Duration) {
        self.jump(by);
        self.settle().await;
    }

    /// Jumps on in time, and lets nothing happen yet.
    pub fn jump(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// Lets `by` go by in small steps, in which heartbeats come as they should.
    pub async fn pass(&self, by: Duration) {
        let step = Duration::from_secs(2);
        let mut left = by;
        while !left.is_zero() {
            self.advance(left.min(step)).await;
            left = left.saturating_sub(step);
        }
    }

    /// Lets happen what is due: heartbeats, and what was dropped on its way back.
    pub async fn settle(&self) {
        turns(16).await;
        if self.has_threads() {
            // What another thread was told before it has done by the time it answers this,
            // which changes nothing and so wakes nobody.
            self.revive("barrier", Redrive::All).await;
            turns(16).await;
        }
    }

    /// What `future` gives; fails if that takes too long.
    pub async fn soon<F: Future>(&self, what: &str, future: F) -> F::Output {
        self.patience.wait(what, future).await
    }

    /// What `future` gives, or nothing if that takes too long.
    pub async fn attempt<F: Future>(&self, future: F) -> Option<F::Output> {
        self.patience.attempt(future).await
    }

    /// What `future` gives as things stand; nothing if it waits for something to happen.
    pub async fn glance<F: Future>(&self, future: Pin<&mut F>) -> Option<F::Output> {
        tokio::select! {
            biased;
            output = future => Some(output),
            () = self.settle() => None,
        }
    }

    /// Runs `life` on a thread and a runtime of its own, as a process is: when it has
    /// answered, the tasks that it left behind are killed, its heartbeats among them.
    pub async fn elsewhere<T, F>(&self, life: impl FnOnce(Self) -> F + Send + 'static) -> T
    where
        T: Send + 'static,
        F: Future<Output = T>,
    {
        let (sender, receiver) = oneshot::channel();
        let subject = self.clone();
        // Named after the case, as its other thread is.
        let name = thread::current().name().unwrap_or("elsewhere").to_owned();
        let started = thread::Builder::new().name(name).spawn(move || {
            let runtime = runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.expect("a runtime can be built");
            let answer = runtime.block_on(life(subject));
            drop(runtime);
            // Nobody listens any more if the case has failed meanwhile.
            let _ = sender.send(answer);
        });
        drop(started.expect("a thread can be started"));
        Patience::WALL.wait("the other process", receiver).await.expect("the other process ends well")
    }

    /// Sets how a topic is kept.
    pub async fn configure_topic(&self, topic: &str, options: TopicOptions) {
        let configured = self.soon("configuring", self.queue.configure(&Topic::from(topic), options)).await;
        configured.unwrap_or_else(|error| panic!("{topic} cannot be configured: {error:?}"));
    }

    /// Publishes, and tells what became of each.
    pub async fn send(&self, batch: impl IntoIterator<Item = Publication>) -> Vec<Published> {
        let batch: Vec<_> = batch.into_iter().collect();
        let published = self.soon("publishing", self.queue.publish(batch.clone())).await;
        published.unwrap_or_else(|error| panic!("{batch:?} cannot be published: {error:?}"))
    }

    /// Publishes plain items of these ids, each for the first time.
    pub async fn put(&self, topic: &str, ids: &[&str]) {
        self.fresh(ids.iter().map(|id| Publication::new(topic, Item::new(*id, (*id).to_owned())))).await;
    }

    /// Publishes items of `key`, each for the first time.
    pub async fn put_keyed(&self, topic: &str, key: &str, ids: &[&str]) {
        self.fresh(
            ids.iter().map(|id| Publication::new(topic, Item::new(*id, (*id).to_owned()).with_key(key))),
        )
        .await;
    }

    /// Publishes items of `bundle`, each for the first time.
    pub async fn put_bundled(&self, topic: &str, bundle: &str, ids: &[&str]) {
        let item = |id: &&str| Item::new(*id, (*id).to_owned()).with_bundle(bundle);
        self.fresh(ids.iter().map(|id| Publication::new(topic, item(id)))).await;
    }

    /// Publishes, each for the first time.
    pub async fn fresh(&self, batch: impl IntoIterator<Item = Publication>) {
        let published = self.send(batch).await;
        assert!(published.iter().all(|one| *one == Published::Accepted), "published before: {published:?}");
    }

    /// The error in which publishing ends.
    pub async fn refused(&self, batch: impl IntoIterator<Item = Publication>) -> Error {
        let batch = batch.into_iter().collect();
        match self.soon("publishing", self.queue.publish(batch)).await {
            Err(error) => error,
            Ok(published) => panic!("the batch should be refused, but: {published:?}"),
        }
    }

    /// A member of the usual group.
    pub async fn member(&self, topic: &str) -> Member {
        self.member_of(topic, GROUP).await
    }

    /// A member of `group`.
    pub async fn member_of(&self, topic: &str, group: &str) -> Member {
        self.join(&[topic], group, SubscribeOptions::new()).await
    }

    /// A member of the usual group with these options.
    pub async fn member_with(&self, topic: &str, options: SubscribeOptions) -> Member {
        self.join(&[topic], GROUP, options).await
    }

    /// A member of `group` on several topics.
    pub async fn join(&self, topics: &[&str], group: &str, options: SubscribeOptions) -> Member {
        let topics: Vec<_> = topics.iter().map(|topic| Topic::from(*topic)).collect();
        let group = Group::from(group);
        let joined = self.soon("joining", self.queue.subscribe(&topics, &group, options)).await;
        let (receiver, settler) =
            joined.unwrap_or_else(|error| panic!("{topics:?} cannot be subscribed: {error:?}"));
        Member::new(receiver, settler, self.patience)
    }

    /// What the usual group has before it.
    pub async fn counts(&self, topic: &str) -> Stats {
        self.counts_of(topic, GROUP).await
    }

    /// What `group` has before it.
    pub async fn counts_of(&self, topic: &str, group: &str) -> Stats {
        let (topic, group) = (Topic::from(topic), Group::from(group));
        let stats = self.soon("counting", self.queue.stats(&topic, &group)).await;
        stats.unwrap_or_else(|error| panic!("{topic} cannot be counted: {error:?}"))
    }

    /// The usual group's ready, waiting, leased and dead items.
    pub async fn four(&self, topic: &str) -> (u64, u64, u64, u64) {
        let stats = self.counts(topic).await;
        (stats.ready, stats.waiting, stats.in_flight, stats.dead)
    }

    /// The usual group's dead letters.
    pub async fn letters(&self, topic: &str) -> Vec<Dead> {
        let (topic, group) = (Topic::from(topic), Group::from(GROUP));
        let dead = self.soon("reading the dead", self.queue.dead(&topic, &group, 100)).await;
        dead.unwrap_or_else(|error| panic!("{topic} has unreadable letters: {error:?}"))
    }

    /// Redrives dead letters of the usual group.
    pub async fn revive(&self, topic: &str, which: Redrive) -> u64 {
        let (topic, group) = (Topic::from(topic), Group::from(GROUP));
        let redriven = self.soon("redriving", self.queue.redrive(&topic, &group, which)).await;
        redriven.unwrap_or_else(|error| panic!("{topic} cannot be redriven: {error:?}"))
    }

    /// The usual group's records of these keys' beginning, as key, value and version.
    pub async fn listed(&self, prefix: &str) -> Vec<(String, String, u64)> {
        let records = self.soon("listing", self.queue.records(&Group::from(GROUP), prefix)).await;
        let records = records.unwrap_or_else(|error| panic!("{prefix:?} cannot be listed: {error:?}"));
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        records.iter().map(|record| (record.key.to_string(), text(&record.value), record.version)).collect()
    }

    /// Waits until `topic` has room for `items`.
    pub async fn roomy(&self, topic: &str, items: u64) {
        let room = self.soon("waiting for room", self.queue.room(&Topic::from(topic), items)).await;
        room.unwrap_or_else(|error| panic!("{topic} does not tell its room: {error:?}"));
    }
}

impl Deref for Subject {
    type Target = dyn Queue;

    fn deref(&self) -> &Self::Target {
        &*self.queue
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject").field("queue", &self.queue).finish_non_exhaustive()
    }
}
