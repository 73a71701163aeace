//! What blocks, and leaves nothing behind.

use std::time::Duration;

use entourage_core::{Clock, SystemClock, timeout};
use entourage_engine::redis::{Command, Fault};
use entourage_testkit::{Redis, eventually, eventually_async};

use super::{DEADLINE, brief, clients, is_here, keep, link};

/// Longer than the client's own time-outs, which are of a second and less.
const LONG: Duration = Duration::from_millis(1_500);

/// Waits until so many clients block.
fn blocked(redis: &Redis, count: usize) {
    eventually(DEADLINE, "the server knows who blocks", || {
        let blocks = |client: &&String| client.contains("cmd=blpop");
        (clients(redis).iter().filter(blocks).count() == count).then_some(())
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiter_outlives_the_time_outs_of_the_client_and_hears_the_bell() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    let link = brief(&redis).await;
    let bell = link.key("bell");
    let mut waiter = link.waiter();
    assert!(!waiter.pop(&bell, LONG).await.unwrap(), "nothing came, and that is no fault");
    let waits = tokio::spawn({
        let bell = bell.clone();
        async move { waiter.pop(&bell, DEADLINE).await }
    });
    blocked(&redis, 1);
    // Calls do not queue behind who waits.
    keep(&link, "k", "v").await.unwrap();
    link.command(Command::writing("RPUSH").arg(&bell).arg("1")).await.unwrap();
    assert!(waits.await.unwrap().unwrap());
}

#[tokio::test]
async fn a_waiter_that_is_dropped_in_the_middle_leaves_no_connection() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    let link = link(&redis).await;
    let bell = link.key("bell");
    let mut waiter = link.waiter();
    for _ in 0..3 {
        let early =
            timeout(&SystemClock::new(), Duration::from_millis(50), waiter.pop(&bell, DEADLINE)).await;
        assert!(early.is_err(), "it waits");
    }
    eventually(DEADLINE, "the link's connection is the only one", || {
        (clients(&redis).len() == 1).then_some(())
    });
    blocked(&redis, 0);
    // The token is for who waits now.
    link.command(Command::writing("RPUSH").arg(&bell).arg("1")).await.unwrap();
    assert!(waiter.pop(&bell, DEADLINE).await.unwrap());
    drop(waiter);
    eventually(DEADLINE, "a waiter that is dropped leaves nothing", || {
        (clients(&redis).len() == 1).then_some(())
    });
}

#[tokio::test]
async fn a_waiter_is_freed_from_a_frozen_server_and_goes_on_with_it() {
    if !is_here() {
        return;
    }
    let mut redis = Redis::start();
    let link = brief(&redis).await;
    let bell = link.key("bell");
    let mut waiter = link.waiter();
    assert!(!waiter.pop(&bell, Duration::from_millis(1)).await.unwrap());
    redis.pause();
    let freed = timeout(&SystemClock::new(), DEADLINE, waiter.pop(&bell, LONG)).await.expect("it is freed");
    assert!(matches!(freed, Err(Fault::Unavailable(_))), "{freed:?}");
    redis.resume();
    let hears = async || {
        // The server hands the first one to the waiter that gave up, if it has not noticed yet.
        link.command(Command::writing("RPUSH").arg(&bell).arg("1")).await.ok()?;
        waiter.pop(&bell, LONG).await.ok().filter(|came| *came)
    };
    eventually_async(DEADLINE, "it hears the bell", hears).await;
}

#[tokio::test]
async fn a_waiter_goes_on_with_a_server_that_was_killed_and_started_again() {
    if !is_here() {
        return;
    }
    let mut redis = Redis::start_with(&["--appendonly", "yes"]);
    let link = link(&redis).await;
    let bell = link.key("bell");
    let mut waiter = link.waiter();
    assert!(!waiter.pop(&bell, Duration::from_millis(1)).await.unwrap());
    redis.kill9();
    let dead = waiter.pop(&bell, DEADLINE).await;
    assert!(matches!(dead, Err(Fault::Unavailable(_))), "{dead:?}");
    redis.restart();
    redis.cli(["RPUSH", &bell, "1"]);
    let hears = async || waiter.pop(&bell, LONG).await.ok().filter(|came| *came);
    eventually_async(DEADLINE, "it hears the bell", hears).await;
}

#[tokio::test]
async fn a_waiter_whose_connection_ended_while_nobody_waited_begins_again() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    let link = link(&redis).await;
    let mut waiter = link.waiter();
    assert!(!waiter.pop(&link.key("bell"), Duration::from_millis(1)).await.unwrap());
    redis.cli(["CLIENT", "KILL", "TYPE", "normal"]);
    assert!(!waiter.pop(&link.key("bell"), Duration::from_millis(1)).await.unwrap());
}

#[tokio::test]
async fn a_waiter_that_is_refused_is_paced() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    let link = link(&redis).await;
    redis.cli(["SET", &link.key("bell"), "no list"]);
    let mut waiter = link.waiter();
    let clock = SystemClock::new();
    let before = clock.now();
    for _ in 0..10 {
        let refused = waiter.pop(&link.key("bell"), DEADLINE).await;
        assert!(matches!(refused, Err(Fault::NotOurs { .. })), "{refused:?}");
    }
    // Drawn evenly from delays that double up to a second, and far from none.
    assert!(clock.now().since(before) > Duration::from_millis(100));
    assert_eq!(clients(&redis).len(), 2, "a connection that answers is kept");
}
