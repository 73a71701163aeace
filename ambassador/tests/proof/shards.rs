//! Three real servers that are killed, stand still and come back under load.

use std::{cell::Cell, rc::Rc, time::Duration};

use entourage_ambassador::Options;
use entourage_core::{Clock, SystemClock};
use entourage_testkit::{Redis, Requirement, Rng, eventually_async, mimic::Trial};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    DEADLINE,
    asker::{ask, shown},
    is_long,
    proxy::{self, connect},
    resp::{bulk, frame, is_failure, key, reply_len, value},
};

const KEYS: u64 = 600;
const TIMEOUT: Duration = Duration::from_millis(400);

pub(crate) fn trials() -> Vec<Trial> {
    let need = Requirement::from(Redis::available());
    vec![need.trial("redis", "a3_only_the_keys_of_a_failed_shard_suffer", || {
        proxy::run(a3_only_the_keys_of_a_failed_shard_suffer());
    })]
}

/// What was seen of each server's keys since it was looked at last.
#[derive(Debug, Default)]
struct Seen {
    right: [Cell<u64>; 3],
    missing: [Cell<u64>; 3],
    failed: [Cell<u64>; 3],
    stop: Cell<bool>,
}

impl Seen {
    fn clear(&self) {
        [&self.right, &self.missing, &self.failed].into_iter().flatten().for_each(|count| count.set(0));
    }

    /// Waits until each of these has so many more.
    async fn wait(&self, what: &str, counts: &[(&Cell<u64>, u64)]) {
        eventually_async(DEADLINE, what, async || {
            counts.iter().all(|(count, most)| count.get() >= *most).then_some(())
        })
        .await;
    }
}

fn add(count: &Cell<u64>) {
    count.set(count.get() + 1);
}

async fn a3_only_the_keys_of_a_failed_shard_suffer() {
    let mut shards = Redis::shards::<3>();
    let servers: Vec<_> = shards.iter().map(Redis::endpoint).collect();
    let (_proxy, address) = proxy::start(&servers, &["timeout: 400"], Options::default()).await;
    let mut client = connect(address).await;
    for id in 0..KEYS {
        let key = key(id, 0);
        assert_eq!(ask(&mut client, &frame(&[b"SET", &key, &value(&key)])).await, b"+OK\r\n");
    }
    let seen = Rc::new(Seen::default());
    let mut clients = tokio::task::JoinSet::new();
    for seed in 0..8 {
        clients.spawn_local(load(address, Rc::clone(&seen), Rng::new(seed)));
    }
    for round in 0..if is_long() { 20 } else { 2 } {
        let victim = round % 3;
        let others = [(victim + 1) % 3, (victim + 2) % 3];
        let lives = |count: u64| others.map(|other| (&seen.right[other], count));
        seen.clear();
        seen.wait(
            "all are served",
            &[0, 1, 2].map(|all| (&seen.right[all], if round == 0 { 50 } else { 0 })),
        )
        .await;

        shards[victim].kill9();
        seen.wait("its keys fail", &[(&seen.failed[victim], 20)]).await;
        seen.clear();
        seen.wait("the others' do not", &lives(100)).await;
        assert_eq!(seen.failed[others[0]].get() + seen.failed[others[1]].get(), 0, "{seen:?}");
        shards[victim].restart();
        seen.wait("it is back, and empty", &[(&seen.missing[victim], 20)]).await;

        let still = others[0];
        let rest = [victim, others[1]];
        shards[still].pause();
        let clock = SystemClock::new();
        let key = (0..).map(|id| key(id, 0)).find(|key| proxy::homes(3)(key) == still).expect("it has keys");
        for _ in 0..2 {
            let began = clock.now();
            let reply = ask(&mut client, &frame(&[b"GET", &key])).await;
            let took = clock.now().since(began);
            assert!(is_failure(&reply), "{}", shown(&reply));
            // One more time-out for a machine that is busy.
            assert!(took < 3 * TIMEOUT, "an error took {took:?}");
        }
        seen.clear();
        let lives =
            rest.map(
                |other| if other == victim { (&seen.missing[other], 100) } else { (&seen.right[other], 100) },
            );
        seen.wait("the others' keys are served", &lives).await;
        assert_eq!(seen.failed[rest[0]].get() + seen.failed[rest[1]].get(), 0, "{seen:?}");
        shards[still].resume();
        seen.wait("it goes on where it was", &[(&seen.right[still], 20)]).await;

        // As it was, for the next.
        for id in 0..KEYS {
            let key = crate::resp::key(id, 0);
            if proxy::homes(3)(&key) == victim {
                eventually_async(DEADLINE, "it is written", async || {
                    (ask(&mut client, &frame(&[b"SET", &key, &value(&key)])).await == b"+OK\r\n")
                        .then_some(())
                })
                .await;
            }
        }
    }
    seen.stop.set(true);
    while let Some(client) = clients.join_next().await {
        client.expect("no client has seen what is wrong");
    }
}

/// Asks, some at a time, each key by itself; judges and counts.
async fn load(address: std::net::SocketAddr, seen: Rc<Seen>, mut rng: Rng) {
    let (mut stream, homes) = (connect(address).await, proxy::homes(3));
    let mut held = Vec::new();
    while !seen.stop.get() {
        // A client waits for the slowest of what it asks together: who asks one server waits for that.
        let home = rng.between(0..3) as usize;
        let keys: Vec<_> =
            (0..40).map(|_| key(rng.between(0..KEYS), 0)).filter(|key| homes(key) == home).collect();
        let batch: Vec<_> = keys.iter().flat_map(|key| frame(&[b"GET", key])).collect();
        stream.write_all(&batch).await.expect("the proxy reads");
        for key in keys {
            let len = loop {
                if let Some(len) = reply_len(&held) {
                    break len;
                }
                let count = stream.read_buf(&mut held).await.expect("the proxy keeps the connection");
                assert!(count > 0, "the proxy ended the connection");
            };
            match &held[..len] {
                reply if reply == bulk(&value(&key)) => add(&seen.right[home]),
                b"$-1\r\n" => add(&seen.missing[home]),
                reply if is_failure(reply) => add(&seen.failed[home]),
                reply => panic!("{} is answered with {}", shown(&key), shown(reply)),
            }
            held.drain(..len);
        }
        assert!(held.is_empty(), "there is more than was asked for: {}", shown(&held));
    }
}
