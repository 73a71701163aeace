//! What the link to a Redis promises, on servers that are frozen, killed, emptied and replaced.

mod link;
mod realm;
mod refusal;
mod script;
mod waiter;

use std::time::Duration;

use entourage_engine::redis::{Answer, Fault, Link, RedisOptions, Result, Script};
use entourage_testkit::{Redis, Requirement};

/// Long enough for a busy machine; nothing waits so long unless it fails.
const DEADLINE: Duration = Duration::from_secs(20);

static KEEP: Script =
    Script::writing("keep", "local version = mint() redis.call('SET', key(ARGV[1]), ARGV[2]) return version");
static READ: Script = Script::reading("read", "return redis.call('GET', key(ARGV[1]))");

/// Whether there is a Redis on this machine; a test without one returns.
fn is_here() -> bool {
    Requirement::from(Redis::available()).is_met("redis")
}

fn options(redis: &Redis) -> RedisOptions {
    at(&redis.endpoint())
}

fn at(endpoint: &str) -> RedisOptions {
    RedisOptions::from_url(&format!("redis://{endpoint}/test")).unwrap()
}

async fn link(redis: &Redis) -> Link {
    Link::connect(options(redis)).await.unwrap()
}

/// A link whose calls are given up after half a second.
async fn brief(redis: &Redis) -> Link {
    let half = Duration::from_millis(500);
    Link::connect(options(redis).with_timeout(half).with_connect_timeout(half)).await.unwrap()
}

/// Keeps a value, and returns its version.
async fn keep(link: &Link, name: &str, value: &str) -> Result<u64> {
    link.call(KEEP.call().arg(name).arg(value)).await?.number()
}

async fn read(link: &Link, name: &str) -> Result<Option<String>> {
    link.call(READ.call().arg(name)).await?.some().map(Answer::text).transpose()
}

/// What a call ends with once it is answered at all.
async fn settled<T>(what: &str, mut call: impl AsyncFnMut() -> Result<T>) -> T {
    entourage_testkit::eventually_async(DEADLINE, what, async || match call().await {
        Ok(answer) => Some(answer),
        Err(Fault::Unavailable(_) | Fault::Unknown(_) | Fault::Refused { .. }) => None,
        Err(fault) => panic!("{what}: {fault:?}"),
    })
    .await
}

/// The clients that the server has, of this process and not of the test's own tools.
fn clients(redis: &Redis) -> Vec<String> {
    let ours = format!("name=entourage/{} ", std::process::id());
    let listed = redis.cli(["CLIENT", "LIST"]).stdout;
    listed.lines().filter(|line| line.contains(&ours)).map(str::to_owned).collect()
}
