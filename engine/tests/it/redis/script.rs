//! What the prelude gives to every script.

use std::{sync::Arc, time::Duration};

use entourage_engine::{
    conformance::ManualClock,
    redis::{Answer, Command, Fault, Link, MOST_ITEMS, Script},
};
use entourage_testkit::Redis;

use super::{is_here, keep, link, options, read, settled};

static MINT: Script = Script::writing("mint", "return mint(tonumber(ARGV[1]))");
static NOW: Script = Script::reading("now", "return now");

async fn mint(link: &Link, count: u64) -> u64 {
    link.call(MINT.call().number(count)).await.unwrap().number().unwrap()
}

#[tokio::test]
async fn a_script_that_the_server_has_forgotten_is_sent_again() {
    if !is_here() {
        return;
    }
    let mut redis = Redis::start_with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let link = link(&redis).await;
    keep(&link, "k", "v").await.unwrap();
    redis.cli(["SCRIPT", "FLUSH"]);
    keep(&link, "k", "w").await.unwrap();
    redis.kill9();
    redis.restart();
    assert_eq!(settled("it is read", async || read(&link, "k").await).await.as_deref(), Some("w"));
}

#[tokio::test]
async fn versions_are_above_the_counter_and_the_time_and_kept_as_whole_numbers() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    let (one, other) = (link(&redis).await, link(&redis).await);
    let time = async || {
        let [seconds, micros] = one.command(Command::reading("TIME")).await.unwrap().tuple().unwrap();
        seconds.number().unwrap() * 1_000_000 + micros.number().unwrap()
    };
    let before = time().await;
    let first = mint(&one, 1).await;
    assert!((before..=time().await).contains(&first), "the server's time in microseconds");
    let hundred = mint(&other, 100).await;
    let next = mint(&one, 1).await;
    assert!(first < hundred && hundred + 100 <= next, "{first} {hundred} {next}");
    let counter = one.command(Command::reading("HGET").arg("{test}").arg("counter")).await.unwrap();
    assert_eq!(counter.text().unwrap(), next.to_string());
}

#[tokio::test]
async fn time_is_the_judges_where_there_is_one() {
    if !is_here() {
        return;
    }
    static PAST: Script = Script::reading("past", "return is_past(ARGV[1]) and 1 or 0");
    let redis = Redis::start();
    let clock = ManualClock::new();
    let link = Link::connect(options(&redis).with_judge(Arc::<ManualClock>::clone(&clock))).await.unwrap();
    let now = async || link.call(NOW.call()).await.unwrap().number().unwrap();
    let deadline = now().await + 1_000_000;
    let is_past = async || link.call(PAST.call().number(deadline)).await.unwrap() == Answer::Int(1);
    clock.advance(Duration::from_micros(999_999));
    assert!(!is_past().await);
    // Time stands still, and versions do not.
    let [first, second] = [mint(&link, 1).await, mint(&link, 1).await];
    assert_eq!((first, second), (deadline - 1, deadline));
    clock.advance(Duration::from_micros(1));
    assert!(is_past().await, "a deadline has passed when it is reached");
    assert_eq!(now().await, deadline);
    assert_eq!(mint(&link, 1).await, deadline + 1, "the counter is ahead of the time");
}

#[tokio::test]
async fn what_a_script_refuses_and_what_it_answers_reaches_its_caller() {
    if !is_here() {
        return;
    }
    static REFUSE: Script = Script::reading("refuse", "return refuse('TAKEN', 'by ' .. ARGV[1])");
    static NOTHING: Script = Script::reading("nothing", "local unused = #ARGV");
    static NONE: Script = Script::reading("none", "return {}");
    static COUNT: Script = Script::reading("count", "return #ARGV");
    static BROKEN: Script = Script::reading("broken", "return nil + 1");
    let redis = Redis::start();
    let link = link(&redis).await;
    let refused = link.call(REFUSE.call().arg("ann")).await;
    let Err(Fault::Said { word, rest }) = refused else { panic!("{refused:?}") };
    assert_eq!((word.as_str(), rest.as_str()), ("TAKEN", "by ann"));
    assert_eq!(link.call(NOTHING.call()).await.unwrap(), Answer::Nil);
    assert_eq!(link.call(NONE.call()).await.unwrap(), Answer::Items(vec![]));
    assert_eq!(link.call(COUNT.call().arg("a").arg("")).await.unwrap(), Answer::Int(2));
    let broken = link.call(BROKEN.call()).await;
    assert!(matches!(broken, Err(Fault::Failed(_))), "{broken:?}");
}

#[tokio::test]
async fn a_batch_of_payloads_comes_back_byte_for_byte() {
    if !is_here() {
        return;
    }
    static ECHO: Script = Script::reading("echo", "return ARGV");
    let redis = Redis::start();
    let link = link(&redis).await;
    let payloads: Vec<Vec<u8>> =
        (0..MOST_ITEMS).map(|item| (0..20_000).map(|at| (at * 7 + item) as u8).collect()).collect();
    let call = payloads.iter().fold(ECHO.call(), |call, payload| call.arg(payload));
    let echoed = link.call(call).await.unwrap().items().unwrap();
    let echoed: Vec<_> = echoed.into_iter().map(|item| item.bytes().unwrap()).collect();
    assert!(echoed == payloads);
}
