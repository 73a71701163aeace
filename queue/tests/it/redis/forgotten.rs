//! What somebody has taken away, or a failover has lost, that a handle still counts on.

use std::{
    io::{Read, Write, copy},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
};

use entourage_core::{SystemClock, timeout};
use entourage_queue::{
    Ask, Error, Item, Publication, Published, Queue, RedisQueue, RedisQueueOptions, Redrive, Rejection, Step,
    SubscribeOptions,
};
use entourage_testkit::Redis;

use super::{DEADLINE, at, batch, drained, four, ids, is_here, is_put_off, member, opened, ready};

/// More than one call may touch.
const LETTERS: u64 = 150;

/// Stands before a server and takes keys away there, before each piece of what it carries.
struct Thief {
    address: SocketAddr,
    /// While it is locked nothing is taken, and once it is false nothing more is.
    is_at_work: Arc<Mutex<bool>>,
    taking: Option<JoinHandle<()>>,
}

impl Thief {
    /// Takes away the keys of this pattern.
    fn of(redis: &Redis, pattern: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let (address, server) = (listener.local_addr().expect("it is bound"), redis.endpoint());
        let is_at_work = Arc::new(Mutex::new(true));
        let goes_on = Arc::clone(&is_at_work);
        let taking = thread::spawn(move || {
            while let Ok((client, _)) = listener.accept() {
                if !*goes_on.lock().expect("who takes does not panic") {
                    return;
                }
                let (server, goes_on) = (server.clone(), Arc::clone(&goes_on));
                thread::spawn(move || carry(client, &server, pattern, &goes_on));
            }
        });
        Self { address, is_at_work, taking: Some(taking) }
    }
}

impl Drop for Thief {
    fn drop(&mut self) {
        if let Ok(mut is_at_work) = self.is_at_work.lock() {
            *is_at_work = false;
        }
        let woken = TcpStream::connect(self.address);
        if let (Ok(_), Some(taking)) = (woken, self.taking.take()) {
            let _ = taking.join();
        }
    }
}

/// Carries one connection until either side ends it.
fn carry(mut client: TcpStream, server: &str, pattern: &str, is_at_work: &Mutex<bool>) {
    let mut there = TcpStream::connect(server).expect("the server listens");
    let mut aside = TcpStream::connect(server).expect("the server listens");
    let (mut answers, mut asker) = (
        there.try_clone().expect("a socket has two ends"),
        client.try_clone().expect("a socket has two ends"),
    );
    let answering = thread::spawn(move || {
        let _ = copy(&mut answers, &mut asker);
        let _ = asker.shutdown(Shutdown::Both);
    });
    let theft = format!(
        "EVAL \"for _, k in ipairs(redis.call('KEYS', '{pattern}')) do redis.call('DEL', k) end\" 0\r\n"
    );
    let mut piece = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = client.read(&mut piece) {
        let is_at_work = is_at_work.lock().expect("who takes does not panic");
        if *is_at_work {
            aside.write_all(theft.as_bytes()).expect("the server listens");
            let mut done = [0; 5];
            aside.read_exact(&mut done).expect("the server answers");
            assert_eq!(&done, b"$-1\r\n", "it is done before what comes");
        }
        drop(is_at_work);
        if there.write_all(&piece[..read]).is_err() {
            break;
        }
    }
    let _ = there.shutdown(Shutdown::Both);
    let _ = answering.join();
}

/// A queue with more dead letters than one call may touch.
async fn with_letters(redis: &Redis) -> RedisQueue {
    let queue = opened(redis).await;
    let (mut receiver, settler) = member(&queue).await;
    for from in [0, 75] {
        queue.publish(batch(from, 75)).await.expect("a server that is ready answers");
        let held = ready(&mut *receiver).await;
        let reject = held.into_iter().map(|delivery| Rejection { delivery, reason: "no".to_owned() });
        settler
            .step(Step { reject: reject.collect(), ..Step::new() })
            .await
            .expect("a server that is ready answers");
    }
    assert_eq!(four(&queue).await, (0, 0, 0, LETTERS));
    queue
}

/// What a redrive of all says when these keys are taken away on its way.
async fn redriven_without(redis: &Redis, pattern: &'static str) -> Error {
    let thief = Thief::of(redis, pattern);
    let options = RedisQueueOptions::new(at(&thief.address.to_string()));
    let robbed = RedisQueue::open_with(options).await.expect("a server that is ready answers");
    let (topic, group) = ("jobs".into(), "workers".into());
    let redriving = robbed.redrive(&topic, &group, Redrive::All);
    let redriven =
        timeout(&SystemClock::new(), DEADLINE, redriving).await.expect("it does not last for ever");
    redriven.expect_err("nobody knows what became of it")
}

#[tokio::test]
async fn a_long_redrive_whose_outcome_is_forgotten_is_unknown() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    let queue = with_letters(&redis).await;
    let error = redriven_without(&redis, "*:outcome*").await;
    assert!(error.is_unknown(), "{error:?}");
    // It was done, and whoever asks again finds nothing to do.
    assert_eq!(four(&queue).await, (LETTERS, 0, 0, 0));
    assert_eq!(queue.redrive(&"jobs".into(), &"workers".into(), Redrive::All).await.unwrap(), 0);
    let (mut receiver, settler) = member(&queue).await;
    let done = drained(&queue, &mut *receiver, &*settler).await;
    assert_eq!(done.len() as u64, LETTERS);
}

#[tokio::test]
async fn a_long_redrive_whose_pieces_are_lost_has_not_happened_and_is_done_by_the_next_call() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    let queue = with_letters(&redis).await;
    let error = redriven_without(&redis, "*:stage*").await;
    is_put_off(&error, "the server has lost what was put down for it");
    assert_eq!(four(&queue).await, (0, 0, 0, LETTERS));
    assert_eq!(queue.redrive(&"jobs".into(), &"workers".into(), Redrive::All).await.unwrap(), LETTERS);
    assert_eq!(four(&queue).await, (LETTERS, 0, 0, 0));
}

/// Takes a topic away: itself, and its name if that is meant to go too.
fn lose(redis: &Redis, topic: &str, with_name: bool) {
    let number = redis.cli(["HGET", "{test}:queue:topics", topic]).stdout;
    redis.cli(["DEL", &format!("{{test}}:queue:t{}", number.trim())]);
    if with_name {
        redis.cli(["HDEL", "{test}:queue:topics", topic]);
    }
}

#[tokio::test]
async fn a_publish_to_a_topic_that_was_lost_is_put_off_once() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    let queue = opened(&redis).await;
    for with_name in [true, false] {
        queue.publish(batch(0, 10)).await.unwrap();
        lose(&redis, "jobs", with_name);
        let lost = queue.publish(batch(0, 10)).await.expect_err("its number is of nothing");
        is_put_off(&lost, "a failover has lost a topic");
        let published = queue.publish(batch(0, 10)).await.unwrap();
        assert!(published.iter().all(|one| *one == Published::Accepted), "{published:?}");
        assert_eq!(four(&queue).await, (10, 0, 0, 0));
        // It is a topic like others: its group gets what is in it.
        let (mut receiver, settler) = member(&queue).await;
        assert_eq!(drained(&queue, &mut *receiver, &*settler).await.len(), 10);
    }
}

#[tokio::test]
async fn a_step_that_publishes_to_a_topic_that_was_lost_is_put_off_once_and_applied_once() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    let queue = opened(&redis).await;
    let (mut receiver, settler) = member(&queue).await;
    queue.publish(vec![Publication::new("out", Item::new("before", "x"))]).await.unwrap();
    for (nth, with_name) in [true, false].into_iter().enumerate() {
        queue.publish(batch(nth, 1)).await.unwrap();
        let held = ready(&mut *receiver).await;
        lose(&redis, "out", with_name);
        let step = Step { accept: held, ..Step::new() }.write("served", nth as u64, "1");
        let step = step.publish(Publication::new("out", Item::new("made", "x")));
        let unapplied = settler.step(step).await.expect_err("its number is of nothing");
        is_put_off(&unapplied.error, "a failover has lost a topic");
        assert_eq!(four(&queue).await, (0, 0, 1, 0), "nothing of it was done");
        let applied = settler.step(*unapplied.step).await.unwrap();
        assert_eq!((applied.published.as_slice(), applied.repeated), (&[Published::Accepted][..], false));
        assert_eq!(applied.state, [nth as u64 + 1]);
        assert_eq!(four(&queue).await, (0, 0, 0, 0));
        assert_eq!(queue.stats(&"out".into(), &"workers".into()).await.unwrap().ready, 1);
    }
}

#[tokio::test]
async fn who_waits_for_a_topic_that_was_lost_is_told_to_subscribe_again() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    let (queue, publisher) = (opened(&redis).await, opened(&redis).await);
    let topics = ["others".into(), "jobs".into()];
    let joined = queue.subscribe(&topics, &"workers".into(), SubscribeOptions::new()).await;
    let (mut receiver, _settler) = joined.unwrap();
    lose(&redis, "jobs", true);
    publisher.publish(batch(0, 1)).await.unwrap();
    let told =
        timeout(&SystemClock::new(), DEADLINE, receiver.receive(Ask::up_to(1).wait(DEADLINE * 3))).await;
    let error = told.expect("it does not wait").expect_err("what comes would never come to it");
    assert!(matches!(&error, Error::Failed(why) if why.to_string().contains("\"jobs\"")), "{error:?}");
    let (mut anew, _settler) = member(&queue).await;
    assert_eq!(ids(&ready(&mut *anew).await), ["0000"]);
}
