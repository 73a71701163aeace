//! Calls and their deadlines.

use std::{error::Error, time::Duration};

use entourage_core::{Retryable, SystemClock, Verdict, timeout};
use entourage_engine::redis::{Command, Fault, Link};
use entourage_testkit::{Redis, eventually, eventually_async};

use super::{DEADLINE, at, brief, clients, is_here, keep, link, options, read, settled};

#[tokio::test]
async fn a_frozen_server_frees_every_call_by_its_deadline() {
    if !is_here() {
        return;
    }
    let mut redis = Redis::start();
    let link = brief(&redis).await;
    redis.pause();
    let calls: Vec<_> = (0..20)
        .map(|number| {
            let link = link.clone();
            tokio::spawn(async move {
                let name = number.to_string();
                if number % 2 == 0 {
                    keep(&link, &name, "v").await.err()
                } else {
                    read(&link, &name).await.err()
                }
            })
        })
        .collect();
    let clock = SystemClock::new();
    for (number, call) in calls.into_iter().enumerate() {
        let answered = timeout(&clock, DEADLINE, call).await.expect("the call is freed");
        match answered.unwrap().expect("a frozen server answers nothing") {
            Fault::Unknown(_) => assert_eq!(number % 2, 0, "a read changes nothing"),
            Fault::Unavailable(_) => {}
            fault => panic!("{fault:?}"),
        }
    }
    redis.resume();
    settled("it goes on with a server that does", async || keep(&link, "k", "v").await).await;
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_is_unknown_and_may_have_happened() {
    if !is_here() {
        return;
    }
    let mut redis = Redis::start();
    let link = brief(&redis).await;
    // A server that does not know the script would do nothing.
    keep(&link, "k", "before").await.unwrap();
    redis.pause();
    let fault = keep(&link, "k", "written").await.unwrap_err();
    assert_eq!(fault.verdict(), Verdict::Unknown, "{fault:?}");
    redis.resume();
    eventually_async(DEADLINE, "the write that was sent happens", async || {
        read(&link, "k").await.ok().flatten().filter(|value| value == "written")
    })
    .await;
}

#[tokio::test]
async fn what_was_never_sent_has_not_happened() {
    if !is_here() {
        return;
    }
    let mut redis = Redis::start();
    let link = brief(&redis).await;
    redis.kill9();
    eventually_async(DEADLINE, "the connection has ended", async || {
        let fault = keep(&link, "k", "v").await.unwrap_err();
        (fault.verdict() == Verdict::Transient).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_server_that_is_killed_and_started_again_serves_the_next_calls() {
    if !is_here() {
        return;
    }
    let mut redis = Redis::start_with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let link = link(&redis).await;
    let before = keep(&link, "k", "v").await.unwrap();
    for _ in 0..3 {
        redis.kill9();
        redis.restart();
        let read = settled("a read goes on", async || read(&link, "k").await).await;
        assert_eq!(read.as_deref(), Some("v"));
    }
    let after = settled("a write goes on", async || keep(&link, "k", "w").await).await;
    assert!(after > before);
    assert_eq!(clients(&redis).len(), 1, "no connection is left over");
}

#[tokio::test]
async fn what_follows_a_silent_call_does_not_wait_behind_it() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    let link = link(&redis).await;
    let blocked = Command::writing("BLPOP").arg("nothing").arg("0");
    let silent = link.with_timeout(Duration::from_millis(200)).command(blocked).await;
    assert!(matches!(silent, Err(Fault::Unknown(_))), "{silent:?}");
    // In time, though the one before blocks for ever.
    keep(&link, "k", "v").await.unwrap();
    eventually(DEADLINE, "the silent connection is closed", || (clients(&redis).len() == 1).then_some(()));
}

#[tokio::test]
async fn callers_that_give_up_early_leave_a_silent_connection_too() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    let link = brief(&redis).await;
    let clock = SystemClock::new();
    let blocked = Command::writing("BLPOP").arg("nothing").arg("0");
    let early = Duration::from_millis(100);
    assert!(timeout(&clock, early, link.command(blocked)).await.is_err(), "it blocks");
    eventually_async(DEADLINE, "a caller with little patience is answered", async || {
        timeout(&clock, early, read(&link, "k")).await.ok()?.ok()
    })
    .await;
}

#[tokio::test]
async fn many_callers_share_one_connection() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    let link = link(&redis).await;
    let calls: Vec<_> = (0..200)
        .map(|number| {
            let link = link.clone();
            tokio::spawn(async move { keep(&link, &number.to_string(), "v").await })
        })
        .collect();
    let mut versions = Vec::new();
    for call in calls {
        versions.push(call.await.unwrap().unwrap());
    }
    versions.sort_unstable();
    versions.dedup();
    assert_eq!(versions.len(), 200, "each version is given once");
    assert_eq!(clients(&redis).len(), 1);
}

#[tokio::test]
async fn a_link_that_is_dropped_leaves_no_connection() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    let link = link(&redis).await;
    let clone = link.clone();
    drop(link);
    keep(&clone, "k", "v").await.unwrap();
    drop(clone);
    eventually_async(DEADLINE, "its connection is closed", async || {
        tokio::task::yield_now().await;
        clients(&redis).is_empty().then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_password_is_in_no_error_and_in_no_print() {
    if !is_here() {
        return;
    }
    let redis = Redis::start_with(&["--requirepass", "hush-hush"]);
    let wrong = Link::connect(options(&redis).with_password("hush-wrong")).await.unwrap_err();
    let none = Link::connect(options(&redis)).await.unwrap_err();
    let right = Link::connect(options(&redis).with_password("hush-hush")).await.unwrap();
    let nowhere = at("127.0.0.1:1").with_password("hush-hush");
    let unreachable = Link::connect(nowhere.clone()).await.unwrap_err();
    assert!(matches!((&wrong, &none), (Fault::Denied { .. }, Fault::Denied { .. })), "{wrong:?} {none:?}");
    assert!(matches!(unreachable, Fault::Unavailable(_)), "{unreachable:?}");
    let mut said = format!("{nowhere:?} {right:?} {:?}", right.waiter());
    for fault in [wrong, none, unreachable] {
        said += &format!("{fault:?}");
        let mut error: Option<&dyn Error> = Some(&fault);
        while let Some(one) = error {
            said += &one.to_string();
            error = one.source();
        }
    }
    assert!(!said.contains("hush"), "{said}");
    assert!(said.contains("127.0.0.1:1"), "it says whom it cannot reach: {said}");
}

#[tokio::test]
async fn a_server_that_asks_for_it_is_told_which_library_calls() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    let _link = link(&redis).await;
    // From Redis 7.2 on, and on Valkey; one that does not know the command is none the worse for it.
    let asks = redis.cli(["CLIENT", "INFO"]).stdout.contains("lib-name=");
    let told = format!("lib-name=entourage lib-ver={}", env!("CARGO_PKG_VERSION"));
    assert_eq!(clients(&redis).iter().filter(|client| client.contains(&told)).count(), usize::from(asks));
}
