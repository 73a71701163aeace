//! A server that was emptied, replaced or went back is not taken for what was opened.

use entourage_engine::redis::{Fault, Link};
use entourage_testkit::Redis;

use super::{is_here, keep, link, options, read, settled};

#[tokio::test]
async fn an_emptied_server_is_refused_until_it_is_opened_anew() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    let before = link(&redis).await;
    keep(&before, "k", "v").await.unwrap();
    redis.cli(["FLUSHALL"]);
    for answer in [keep(&before, "k", "v").await.map(drop), read(&before, "k").await.map(drop)] {
        let Err(Fault::Foreign { known, found: None, .. }) = answer else { panic!("{answer:?}") };
        assert_eq!(known, before.realm());
    }
    let after = link(&redis).await;
    assert_ne!(after.realm(), before.realm());
    keep(&after, "k", "w").await.unwrap();
    let answer = keep(&before, "k", "v").await;
    let Err(Fault::Foreign { found, .. }) = answer else { panic!("{answer:?}") };
    assert_eq!(found, Some(after.realm()));
    assert_eq!(read(&after, "k").await.unwrap().as_deref(), Some("w"), "nothing of the former was written");
}

#[tokio::test]
async fn a_server_without_a_file_is_another_realm_when_it_was_started_again() {
    if !is_here() {
        return;
    }
    let mut redis = Redis::start();
    let link = link(&redis).await;
    redis.kill9();
    redis.restart();
    settled("it is refused", async || match keep(&link, "k", "v").await {
        Err(Fault::Foreign { .. }) => Ok(()),
        other => other.map(|version| panic!("version {version} was given")),
    })
    .await;
}

#[tokio::test]
async fn a_counter_that_went_back_is_refused_for_good() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    let link = link(&redis).await;
    let seen = keep(&link, "k", "v").await.unwrap();
    let counter = |to: u64| drop(redis.cli(["HSET", "{test}", "counter", &to.to_string()]));
    counter(seen - 1);
    let answer = keep(&link, "k", "w").await;
    let Err(Fault::WentBack { seen: told, found, .. }) = answer else { panic!("{answer:?}") };
    assert_eq!((told, found), (seen, seen - 1));
    // Others have written since: what was lost stays lost.
    counter(seen + 1_000);
    assert!(matches!(read(&link, "k").await, Err(Fault::WentBack { .. })));
    let anew = super::link(&redis).await;
    assert_eq!(read(&anew, "k").await.unwrap().as_deref(), Some("v"));
    assert!(keep(&anew, "k", "x").await.unwrap() > seen);
}

#[tokio::test]
async fn a_failover_that_lost_what_was_acknowledged_is_noticed() {
    if !is_here() {
        return;
    }
    let mut redis = Redis::with_replica(&[]);
    let link = link(&redis).await;
    keep(&link, "k", "kept").await.unwrap();
    redis.wait_replicated();
    redis.stall_link();
    let lost = keep(&link, "k", "lost").await.unwrap();
    redis.failover();
    settled("it is noticed", async || match read(&link, "k").await {
        Err(Fault::WentBack { seen, .. }) => {
            assert_eq!(seen, lost);
            Ok(())
        }
        other => other.map(|value| panic!("{value:?} was read")),
    })
    .await;
    let anew = super::link(&redis).await;
    assert_eq!(anew.realm(), link.realm(), "the same data, but for what was lost");
    assert_eq!(read(&anew, "k").await.unwrap().as_deref(), Some("kept"));
    assert!(keep(&anew, "k", "v").await.unwrap() > lost, "the time has gone on");
}

#[tokio::test]
async fn a_failover_that_lost_nothing_goes_on() {
    if !is_here() {
        return;
    }
    let mut redis = Redis::with_replica(&[]);
    let link = link(&redis).await;
    let before = keep(&link, "k", "v").await.unwrap();
    redis.wait_replicated();
    redis.failover();
    assert_eq!(settled("it is read", async || read(&link, "k").await).await.as_deref(), Some("v"));
    assert!(keep(&link, "k", "w").await.unwrap() > before);
}

#[tokio::test]
async fn handles_that_open_a_new_prefix_at_once_agree_and_another_prefix_is_another_realm() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    let opening: Vec<_> = (0..10).map(|_| tokio::spawn(Link::connect(options(&redis)))).collect();
    let mut realms = Vec::new();
    for link in opening {
        realms.push(link.await.unwrap().unwrap().realm());
    }
    realms.dedup();
    assert_eq!(realms.len(), 1);
    let other = Link::connect(options(&redis).with_prefix("other")).await.unwrap();
    assert_ne!(other.realm(), realms[0]);
    keep(&other, "k", "v").await.unwrap();
    assert_eq!(read(&link(&redis).await, "k").await.unwrap(), None);
}

#[tokio::test]
async fn a_prefix_that_holds_something_else_is_left_as_it_is() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    let held: [&[&str]; 3] = [
        &["SET", "{test}", "v"],
        &["HSET", "{test}", "a", "b"],
        &["HSET", "{test}", "realm", "0a", "format", "2"],
    ];
    for command in held {
        redis.cli(["FLUSHALL"]);
        redis.cli(command);
        let dumped = redis.cli(["DUMP", "{test}"]).stdout;
        let refused = Link::connect(options(&redis)).await;
        assert!(matches!(refused, Err(Fault::NotOurs { .. })), "{refused:?}");
        assert_eq!(redis.cli(["DUMP", "{test}"]).stdout, dumped);
    }
}

#[tokio::test]
async fn parts_of_one_prefix_share_nothing() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    let [one, other] =
        [options(&redis).with_part("one"), options(&redis).with_part("other")].map(Link::connect);
    let (one, other) = (one.await.unwrap(), other.await.unwrap());
    assert_ne!(one.realm(), other.realm());
    keep(&one, "k", "v").await.unwrap();
    assert_eq!(read(&other, "k").await.unwrap(), None);
    assert_eq!(redis.cli(["GET", "{test}:one:k"]).stdout.trim(), "v");
}
