//! A server of Redis: ready when it is handed out, faulty when asked, gone when dropped.

use std::net::TcpStream;

use entourage_testkit::{Redis, Requirement, SharedRedis, mimic::Trial};

use crate::message;

pub(crate) fn trials() -> Vec<Trial> {
    let trial = |name: &str, body: fn()| Requirement::from(Redis::available()).trial("redis", name, body);
    vec![
        trial("what_a_redis_wrote_to_its_file_is_there_when_it_was_killed_and_started_again", killed),
        trial("a_redis_without_a_file_has_forgotten_all_when_it_was_killed", forgot),
        trial("a_frozen_redis_answers_when_it_goes_on", frozen),
        trial(
            "a_failover_of_redis_loses_what_the_replica_has_not_heard_of_and_keeps_the_address",
            failed_over,
        ),
        trial("a_redis_without_memory_takes_no_write_until_it_has_some", full),
        trial("an_error_of_redis_fails_the_test_that_did_not_ask_for_it", refused),
        trial("shards_know_nothing_of_each_other", apart),
        trial("a_redis_that_is_dropped_leaves_no_server", dropped),
        trial("a_shared_redis_is_one_server_with_a_prefix_for_each_test", shared),
    ]
}

fn says(redis: &Redis, args: &[&str]) -> String {
    redis.cli(args).stdout.trim_end().to_owned()
}

fn killed() {
    let mut redis = Redis::start_with(&["--appendonly", "yes", "--appendfsync", "always"]);
    redis.cli(["SET", "k", "v"]);
    redis.kill9();
    redis.restart();
    assert_eq!(says(&redis, &["GET", "k"]), "v");
}

fn forgot() {
    let mut redis = Redis::start();
    redis.cli(["SET", "k", "v"]);
    redis.kill9();
    redis.restart();
    assert_eq!(says(&redis, &["GET", "k"]), "");
}

fn apart() {
    let [one, two, three] = Redis::shards_with(&["--databases", "1"]);
    one.cli(["SET", "k", "one"]);
    two.cli(["SET", "k", "two"]);
    let kept = [&one, &two, &three].map(|shard| says(shard, &["GET", "k"]));
    assert_eq!(kept, ["one", "two", ""]);
    assert_eq!(says(&three, &["CONFIG", "GET", "databases"]), "databases\n1", "each has the flags");
}

fn frozen() {
    let mut redis = Redis::start();
    redis.pause();
    redis.resume();
    assert_eq!(says(&redis, &["SET", "k", "v"]), "OK");
}

fn failed_over() {
    let mut redis = Redis::with_replica(&[]);
    let address = redis.endpoint();
    redis.cli(["SET", "k", "first"]);
    redis.wait_replicated();
    redis.stall_link();
    redis.cli(["SET", "k", "second"]);
    redis.resume_link();
    redis.wait_replicated();
    redis.stall_link();
    assert_eq!(says(&redis, &["SET", "k", "third"]), "OK");
    redis.failover();
    assert_eq!(says(&redis, &["GET", "k"]), "second");
    assert_eq!(redis.endpoint(), address);
    assert!(TcpStream::connect(address).is_ok());
    assert_eq!(says(&redis, &["SET", "k", "fourth"]), "OK");
}

fn full() {
    let redis = Redis::start();
    redis.out_of_memory();
    assert!(message(|| drop(redis.cli(["SET", "k", "v"]))).contains("OOM"));
    redis.enough_memory();
    assert_eq!(says(&redis, &["SET", "k", "v"]), "OK");
}

fn refused() {
    let redis = Redis::start();
    assert!(message(|| drop(redis.cli(["NONSENSE"]))).contains("unknown command"));
}

fn dropped() {
    let mut redis = Redis::with_replica(&[]);
    let addresses = [redis.endpoint(), redis.replica_endpoint()];
    assert!(addresses.iter().all(|address| TcpStream::connect(address).is_ok()));
    redis.pause();
    drop(redis);
    assert!(addresses.iter().all(|address| TcpStream::connect(address).is_err()));
}

fn shared() {
    let redis = SharedRedis::default();
    let clone = redis.clone();
    assert_eq!(redis.endpoint(), clone.endpoint());
    assert_ne!(redis.prefix(), clone.prefix());
    let address = redis.endpoint();
    redis.stop();
    assert!(TcpStream::connect(address).is_err());
}
