//! A server that takes nothing for now, as a replica or while it loads: it says so, and goes on.

use std::{fmt::Debug, sync::Arc, time::Duration};

use entourage_core::{SystemClock, timeout};
use entourage_queue::{
    Ask, Delivery, Group, Item, Publication, Published, Queue, Receiver, RedisQueue, RedisQueueOptions,
    Redrive, Result, Settler, Step, SubscribeOptions, Topic, TopicOptions, conformance::ManualClock,
};
use entourage_testkit::{Redis, eventually, eventually_async};

use super::{
    DEADLINE, applied, at, batch, drained, four, is_here, is_put_off, member, opened, settled, somebody_waits,
};

const LEASE: Duration = Duration::from_secs(30);

/// What is in work when the server stops taking anything: twenty items, of which eleven are leased.
struct Work {
    queue: RedisQueue,
    receiver: Box<dyn Receiver>,
    settler: Arc<dyn Settler>,
    clock: Arc<ManualClock>,
    held: Vec<Delivery>,
}

impl Work {
    /// On a clock that the test moves: no lease ends because the machine is busy.
    async fn begun(redis: &Redis) -> Self {
        let clock = ManualClock::new();
        let options = RedisQueueOptions::new(at(&redis.endpoint())).with_judge(clock.clone());
        let queue = RedisQueue::open_with(options).await.expect("a server that is ready answers");
        let options = SubscribeOptions::new().with_lease(LEASE);
        let joined = queue.subscribe(&["jobs".into()], &"workers".into(), options).await;
        let (mut receiver, settler) = joined.expect("a server that is ready answers");
        queue.publish(batch(0, 20)).await.expect("a server that is ready answers");
        let held = receiver
            .receive(Ask::up_to(11).wait(Duration::ZERO))
            .await
            .expect("a server that is ready answers");
        assert_eq!(held.len(), 11);
        Self { queue, receiver, settler, clock, held }
    }

    /// Each call that there is says why, and that it may be tried again; so does each step, which
    /// is given back.
    async fn is_put_off(&mut self, redis: &Redis, why: &str) -> [Box<Step>; 2] {
        fn put_off<T: Debug>(answer: Result<T>, why: &str) {
            is_put_off(&answer.expect_err("a server that takes nothing does nothing"), why);
        }
        let (topic, group) = (Topic::from("jobs"), Group::from("workers"));
        let queue = &self.queue;
        put_off(queue.publish(batch(20, 10)).await, why);
        put_off(queue.publish(vec![Publication::new("unheard-of", Item::new("a", "x"))]).await, why);
        put_off(queue.configure(&topic, TopicOptions::new()).await, why);
        put_off(self.receiver.receive(Ask::up_to(100).wait(DEADLINE)).await, why);
        put_off(self.settler.renew(&self.held[0], LEASE).await, why);
        put_off(self.settler.state("served").await, why);
        put_off(queue.stats(&topic, &group).await, why);
        put_off(queue.dead(&topic, &group, 10).await, why);
        put_off(queue.redrive(&topic, &group, Redrive::All).await, why);
        put_off(queue.records(&group, "").await, why);
        put_off(queue.room(&topic, 1).await, why);
        put_off(queue.subscribe(&[topic], &group, SubscribeOptions::new()).await, why);
        put_off(RedisQueue::open_with(RedisQueueOptions::new(at(&redis.endpoint()))).await, why);
        let half = self.held.split_off(6);
        let writes = Step { accept: half, publish: batch(30, 1), ..Step::new() }.write("served", 0, "5");
        let settles = Step { accept: self.held.split_off(1), ..Step::new() };
        let mut given_back = Vec::new();
        for step in [writes, settles] {
            let unapplied = self.settler.step(step).await.expect_err("nor a step");
            is_put_off(&unapplied.error, why);
            assert_eq!(unapplied.step.accept.len(), 5, "it is given back whole");
            given_back.push(unapplied.step);
        }
        given_back.try_into().expect("there are two")
    }

    /// The same handle goes on, what was leased is settled by who had it, and all ends once.
    async fn goes_on(mut self, [writes, settles]: [Box<Step>; 2]) {
        let (queue, settler) = (&self.queue, &*self.settler);
        let served = settled("reading", async || settler.state("served").await).await;
        assert_eq!(served, None, "nothing was written");
        assert_eq!(four(queue).await, (9, 0, 11, 0), "and nothing is lost or taken");
        let written = applied(settler, writes).await;
        assert_eq!((written.state, written.repeated), (vec![1], false));
        assert_eq!(written.published, [Published::Accepted]);
        assert!(!applied(settler, settles).await.repeated);
        // Not even the ids were taken.
        let taken = queue.publish(batch(20, 10)).await.expect("a server that is ready answers");
        assert!(taken.iter().all(|one| *one == Published::Accepted), "{taken:?}");
        assert_eq!(four(queue).await, (20, 0, 1, 0));
        let last = self.held.pop().expect("one is held yet");
        settler.renew(&last, LEASE).await.expect("a server that is ready answers");
        assert_eq!((last.attempt(), last.lapses()), (1, 0));
        settler.step(Step::new().accept(last)).await.expect("a server that is ready answers");
        let mut done = drained(queue, &mut *self.receiver, settler).await;
        done.sort_unstable();
        assert_eq!(done, (11..31).map(|nth| format!("{nth:04}")).collect::<Vec<_>>());
    }
}

/// How often the server has answered with this error.
fn refusals(redis: &Redis, word: &str) -> u64 {
    let said = redis.cli(["INFO", "errorstats"]).stdout;
    let count = |line: &str| line.trim().strip_prefix(&format!("errorstat_{word}:count="))?.parse().ok();
    said.lines().find_map(count).unwrap_or(0)
}

/// How long the silence of the consumer is borne, as the server has it.
fn borne(redis: &Redis) -> String {
    let ends = redis.cli(["ZRANGE", "{test}:queue:ends", "0", "-1", "WITHSCORES"]).stdout;
    let mut lines = ends.lines().skip_while(|line| !line.starts_with('c'));
    lines.nth(1).expect("one consumer holds something").to_owned()
}

#[tokio::test]
async fn a_server_that_becomes_a_replica_puts_off_every_call_and_goes_on_when_it_is_none() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    let mut work = Work::begun(&redis).await;
    redis.cli(["REPLICAOF", "127.0.0.1", "1"]);
    let steps = work.is_put_off(&redis, "redis is a replica, nothing happened").await;
    // A beat fails too, and is sent again before the lease is over.
    let (before, alive) = (refusals(&redis, "READONLY"), borne(&redis));
    work.clock.advance(LEASE / 3 + Duration::from_secs(1));
    eventually_async(DEADLINE, "a beat is refused", async || {
        (refusals(&redis, "READONLY") > before).then_some(())
    })
    .await;
    assert_eq!(borne(&redis), alive);
    redis.cli(["REPLICAOF", "NO", "ONE"]);
    for _ in 0..3 {
        // Enough for the next beat, wherever the last one stands, and too little for a lease to end.
        let (alive, mut steps) = (borne(&redis), 0..40);
        eventually_async(DEADLINE, "a beat is heard", async || {
            steps.by_ref().take(1).for_each(|_| work.clock.advance(LEASE / 100));
            (borne(&redis) != alive).then_some(())
        })
        .await;
        work.clock.advance(LEASE / 3);
    }
    work.goes_on(steps).await;
}

#[tokio::test]
async fn who_waits_is_told_that_the_server_became_a_replica_and_is_woken_when_it_is_none() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    let (queue, publisher) = (opened(&redis).await, opened(&redis).await);
    let (mut receiver, _settler) = member(&queue).await;
    let patient = Ask::up_to(1).wait(DEADLINE * 3);
    let waiting = tokio::spawn(async move { (receiver.receive(patient).await, receiver) });
    somebody_waits(&redis).await;
    redis.cli(["REPLICAOF", "127.0.0.1", "1"]);
    let clock = SystemClock::new();
    let told = timeout(&clock, DEADLINE, waiting).await.expect("it is told");
    let (told, mut receiver) = told.unwrap();
    is_put_off(&told.expect_err("it does not wait at a replica"), "redis is a replica, nothing happened");
    redis.cli(["REPLICAOF", "NO", "ONE"]);
    // Whoever had waited before is still noted; the note goes with the first look.
    let line = redis.cli(["KEYS", "{test}:queue:l*"]).stdout;
    redis.cli(["HDEL", line.trim(), "hungry"]);
    let waiting = tokio::spawn(async move { receiver.receive(patient).await.map(|got| got.len()) });
    somebody_waits(&redis).await;
    settled("publishing", async || publisher.publish(batch(0, 1)).await).await;
    let received = timeout(&clock, DEADLINE, waiting).await.expect("it is woken").unwrap();
    assert_eq!(received.unwrap(), 1);
}

#[tokio::test]
async fn a_server_that_loads_its_data_puts_off_every_call_and_goes_on_when_it_has() {
    if !is_here() {
        return;
    }
    let redis = Redis::start_with(&["--rdbcompression", "no"]);
    let mut work = Work::begun(&redis).await;
    // It would load for half a minute, and answers after each key; the test ends it.
    redis.cli(["DEBUG", "POPULATE", "6000", "filler", "2000"]);
    for (name, value) in [("key-load-delay", "5000"), ("loading-process-events-interval-bytes", "1024")] {
        redis.cli(["CONFIG", "SET", name, value]);
    }
    let loading = redis.begin(["DEBUG", "RELOAD"]);
    eventually(DEADLINE, "it loads", || {
        redis.cli(["INFO", "persistence"]).stdout.contains("loading:1").then_some(())
    });
    let steps = work.is_put_off(&redis, "redis loads its data, nothing happened").await;
    redis.cli(["CONFIG", "SET", "key-load-delay", "0"]);
    work.goes_on(steps).await;
    drop(loading);
}
