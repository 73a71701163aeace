//! What the queue on a Redis promises when its server is killed, frozen, full or forgetful.

mod edges;
mod forgotten;
mod letters;
mod loss;
mod model;
mod numbers;
mod order;
mod refused;
mod server;

use std::{error::Error as _, sync::Arc, time::Duration};

use entourage_core::{Retryable, Verdict};
use entourage_queue::{
    Applied, Ask, Delivery, Error, Item, Publication, Queue, Receiver, RedisOptions, RedisQueue,
    RedisQueueOptions, Result, Settler, Step, SubscribeOptions,
};
use entourage_testkit::{Redis, Requirement, eventually_async};

/// Long enough for a busy machine; nothing waits so long unless it fails.
const DEADLINE: Duration = Duration::from_secs(20);

/// Whether there is a Redis on this machine; a test without one returns.
fn is_here() -> bool {
    Requirement::from(Redis::available()).is_met("redis")
}

fn at(endpoint: &str) -> RedisOptions {
    RedisOptions::from_url(&format!("redis://{endpoint}/test")).expect("an endpoint is a host and a port")
}

async fn opened(redis: &Redis) -> RedisQueue {
    let options = RedisQueueOptions::new(at(&redis.endpoint()));
    RedisQueue::open_with(options).await.expect("a server that is ready answers")
}

/// A queue whose calls are given up after two seconds.
async fn brief(redis: &Redis) -> RedisQueue {
    let two = Duration::from_secs(2);
    let options = at(&redis.endpoint()).with_timeout(two).with_connect_timeout(two);
    RedisQueue::open_with(RedisQueueOptions::new(options)).await.expect("a server that is ready answers")
}

async fn member(queue: &RedisQueue) -> (Box<dyn Receiver>, Arc<dyn Settler>) {
    let joined = queue.subscribe(&["jobs".into()], &"workers".into(), SubscribeOptions::new()).await;
    joined.expect("a server that is ready answers")
}

fn batch(from: usize, items: usize) -> Vec<Publication> {
    (from..from + items).map(|nth| Publication::new("jobs", Item::new(format!("{nth:04}"), "x"))).collect()
}

fn ids(deliveries: &[Delivery]) -> Vec<String> {
    deliveries.iter().map(|delivery| delivery.id().as_str().to_owned()).collect()
}

/// What is ready, as it is received at once.
async fn ready(receiver: &mut dyn Receiver) -> Vec<Delivery> {
    receiver.receive(Ask::up_to(100).wait(Duration::ZERO)).await.expect("the server answers")
}

/// What a call ends with once it is answered at all.
async fn settled<T>(what: &str, mut call: impl AsyncFnMut() -> Result<T>) -> T {
    eventually_async(DEADLINE, what, async || match call().await {
        Ok(answer) => Some(answer),
        Err(Error::Unavailable(_) | Error::Unknown(_)) => None,
        Err(error) => panic!("{what}: {error:?}"),
    })
    .await
}

/// A step that is applied once it is answered at all.
async fn applied(settler: &dyn Settler, mut step: Box<Step>) -> Applied {
    loop {
        match settler.step(*step).await {
            Ok(applied) => return applied,
            Err(unapplied) if matches!(unapplied.error, Error::Unknown(_) | Error::Unavailable(_)) => {
                step = unapplied.step;
            }
            Err(unapplied) => panic!("{:?}", unapplied.error),
        }
    }
}

/// Whether nothing happened for this reason, and the same call is right later.
#[track_caller]
fn is_put_off(error: &Error, why: &str) {
    assert!(matches!(error, Error::Unavailable(_)), "{error:?}");
    assert_eq!(error.verdict(), Verdict::Transient);
    let said = error.source().expect("it has a cause").to_string();
    assert!(said.contains(why), "{said}");
}

/// Receives and accepts what there is until nothing is left; the ids in their order.
async fn drained(queue: &RedisQueue, receiver: &mut dyn Receiver, settler: &dyn Settler) -> Vec<String> {
    let mut done = Vec::new();
    while four(queue).await != (0, 0, 0, 0) {
        let held = receiver.receive(Ask::up_to(100).wait(DEADLINE)).await.expect("the server answers");
        assert!(!held.is_empty(), "something is left that nobody gets: {:?}", four(queue).await);
        done.extend(ids(&held));
        settler.step(Step { accept: held, ..Step::new() }).await.expect("the server answers");
    }
    done
}

/// Waits until a receiver has found nothing and is told of whatever comes.
async fn somebody_waits(redis: &Redis) {
    eventually_async(DEADLINE, "somebody waits", async || {
        let lines = redis.cli(["KEYS", "{test}:queue:l*"]).stdout;
        let is_hungry = |line: &str| redis.cli(["HGET", line.trim(), "hungry"]).stdout.trim() == "1";
        lines.lines().any(is_hungry).then_some(())
    })
    .await;
}

/// Ready, waiting, leased and dead.
async fn four(queue: &RedisQueue) -> (u64, u64, u64, u64) {
    let stats = settled("counting", async || queue.stats(&"jobs".into(), &"workers".into()).await).await;
    (stats.ready, stats.waiting, stats.in_flight, stats.dead)
}
