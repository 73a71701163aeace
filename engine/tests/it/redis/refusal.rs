//! What a server refuses for now is told apart, and has not happened.

use entourage_core::{Retryable, Verdict};
use entourage_engine::redis::{Command, Fault, Link, Refusal, Script};
use entourage_testkit::{Redis, eventually_async};

use super::{DEADLINE, at, is_here, keep, link, read, settled};

static DROP: Script = Script::freeing("drop", "mint() return redis.call('DEL', key(ARGV[1]))");

/// Waits until a write is refused for this reason.
async fn refused(link: &Link, expected: Refusal) {
    eventually_async(DEADLINE, &format!("a write is refused because redis {expected}"), async || match keep(
        link, "k", "refused",
    )
    .await
    {
        Err(fault @ Fault::Refused { .. }) => {
            assert_eq!(fault.verdict(), Verdict::Transient);
            let Fault::Refused { why, .. } = fault else { unreachable!() };
            (why == expected).then_some(())
        }
        _ => None,
    })
    .await;
}

#[tokio::test]
async fn a_server_without_memory_takes_what_frees_some_and_refuses_the_rest_whole() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    let link = link(&redis).await;
    let before = keep(&link, "k", "v").await.unwrap();
    redis.out_of_memory();
    refused(&link, Refusal::OutOfMemory).await;
    assert_eq!(read(&link, "k").await.unwrap().as_deref(), Some("v"), "it is read, and was not written");
    assert_eq!(link.call(DROP.call().arg("k")).await.unwrap().number().unwrap(), 1);
    redis.enough_memory();
    assert!(keep(&link, "k", "w").await.unwrap() > before);
}

#[tokio::test]
async fn a_replica_refuses_writes_and_reads_and_is_not_opened() {
    if !is_here() {
        return;
    }
    let redis = Redis::with_replica(&[]);
    let refused = Link::connect(at(&redis.replica_endpoint())).await;
    assert!(matches!(refused, Err(Fault::Refused { why: Refusal::ReadOnly, .. })), "{refused:?}");
}

#[tokio::test]
async fn a_server_that_becomes_a_replica_is_used_again_when_it_is_none() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    let link = link(&redis).await;
    keep(&link, "k", "v").await.unwrap();
    redis.cli(["REPLICAOF", "127.0.0.1", "1"]);
    refused(&link, Refusal::ReadOnly).await;
    let stale = read(&link, "k").await;
    assert!(matches!(stale, Err(Fault::Refused { why: Refusal::ReadOnly, .. })), "{stale:?}");
    redis.cli(["CONFIG", "SET", "replica-serve-stale-data", "no"]);
    let lost = link.command(Command::reading("GET").arg("k")).await;
    assert!(matches!(lost, Err(Fault::Refused { why: Refusal::MasterDown, .. })), "{lost:?}");
    redis.cli(["REPLICAOF", "NO", "ONE"]);
    assert_eq!(settled("it is read", async || read(&link, "k").await).await.as_deref(), Some("v"));
}

#[tokio::test]
async fn a_server_with_too_few_replicas_is_refused_as_such() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    let link = link(&redis).await;
    redis.cli(["CONFIG", "SET", "min-replicas-to-write", "1"]);
    refused(&link, Refusal::NoReplicas).await;
}

#[tokio::test]
async fn a_server_that_is_busy_with_a_script_is_waited_for() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    let link = link(&redis).await;
    redis.cli(["CONFIG", "SET", "busy-reply-threshold", "1"]);
    let endless = redis.begin(["EVAL", "while true do end", "0"]);
    refused(&link, Refusal::Busy).await;
    redis.cli(["SCRIPT", "KILL"]);
    settled("it goes on", async || keep(&link, "k", "v").await).await;
    drop(endless);
}

#[tokio::test]
async fn a_server_that_loads_its_data_is_waited_for() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    let link = link(&redis).await;
    redis.cli(["DEBUG", "POPULATE", "2000", "filler", "2000"]);
    for (name, value) in [("key-load-delay", "1000"), ("loading-process-events-interval-bytes", "1024")] {
        redis.cli(["CONFIG", "SET", name, value]);
    }
    let loading = redis.begin(["DEBUG", "RELOAD"]);
    refused(&link, Refusal::Loading).await;
    settled("it goes on", async || keep(&link, "k", "v").await).await;
    drop(loading);
}
