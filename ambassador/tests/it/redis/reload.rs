//! Another configuration, while clients are served.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
};

use entourage_testkit::{Redis, Rng, eventually};

use super::{Client, PATIENCE, Reply, config, is_installed, proxy, request};

/// How often the configuration changes.
const RELOADS: u64 = 1_000;

/// Requests that a client has on their way.
const PIPELINE: usize = 40;

/// The `round`-th configuration: other servers, weights, a hash tag, a number of connections.
fn text(servers: &[Redis], round: u64) -> String {
    let left_out = (round % 5) as usize;
    let listed: String = (0..)
        .zip(servers)
        .filter(|(number, _)| *number != left_out)
        .map(|(number, server)| {
            let weight = 1 + (round / 5 + number as u64) % 3;
            format!("   - {}:{weight} server{number}\n", server.endpoint())
        })
        .collect();
    let tag = if (round / 2).is_multiple_of(2) { "  hash_tag: \"{}\"\n" } else { "" };
    let distribution = ["ketama", "modula"][(round / 3 % 2) as usize];
    let connections = 1 + round % 2;
    let keepalive = (round / 7).is_multiple_of(2);
    format!(
        "pool:\n  listen: 127.0.0.1:1\n  redis: true\n  timeout: 20000\n  distribution: {distribution}\n  \
         tcpkeepalive: {keepalive}\n  server_connections: {connections}\n{tag}  servers:\n{listed}"
    )
}

/// A key's value is its name, so that a reply tells of which request it is.
fn converse(client: &mut Client, rng: &mut Rng) {
    let key = |rng: &mut Rng| format!("{{{}}}:{}", rng.between(0..50), rng.between(0..20));
    let (mut sent, mut asked) = (Vec::new(), Vec::new());
    for _ in 0..PIPELINE {
        let keys: Vec<_> = (0..4).map(|_| key(rng)).collect();
        match rng.between(0..4) {
            0 => sent.extend(request(&["SET", &keys[0], &keys[0]])),
            1 => sent.extend(request(&["ECHO", &keys[0]])),
            2 => sent.extend(request(&["MGET", &keys[0], &keys[1], &keys[2], &keys[3]])),
            _ => sent.extend(request(&["GET", &keys[0]])),
        }
        asked.push((sent[8..12].to_vec(), keys));
        client.send(&std::mem::take(&mut sent));
    }
    let is_of = |reply: &Reply, key: &str| match reply {
        Reply::Bulk(value) => value.as_deref().is_none_or(|value| value == key.as_bytes()),
        _ => false,
    };
    for (command, keys) in asked {
        let reply = client.reply();
        let is_right = match &command[..] {
            b"SET\r" => reply == Reply::Line("+OK".to_owned()),
            b"ECHO" => reply == Reply::Bulk(Some(keys[0].clone().into_bytes())),
            b"MGET" => matches!(&reply, Reply::Array(values)
                if values.len() == 4 && values.iter().zip(&keys).all(|(value, key)| is_of(value, key))),
            _ => is_of(&reply, &keys[0]),
        };
        assert!(is_right, "{} {keys:?} was answered {reply:?}", command.escape_ascii());
    }
}

#[test]
fn a_thousand_reloads_under_pipelined_load_drop_and_mix_up_no_reply() {
    if !is_installed() {
        return;
    }
    let servers = Redis::shards::<4>();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("it can be made");
    let (proxy, address) = runtime.block_on(proxy(&text(&servers, 0)));
    let (done, rounds) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        for _ in 0..4 {
            let (done, rounds) = (&done, &rounds);
            scope.spawn(move || {
                let (mut client, mut rng) = (Client::new(address), Rng::from_env());
                while !done.load(Ordering::Relaxed) {
                    converse(&mut client, &mut rng);
                    rounds.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        runtime.block_on(async {
            for round in 1..=RELOADS {
                proxy.reload(config(&text(&servers, round))).await.expect("it is a configuration");
            }
        });
        // Each client has had its replies between the reloads, and goes on after the last.
        let after = rounds.load(Ordering::Relaxed) + 40;
        eventually(PATIENCE, "clients go on", || (rounds.load(Ordering::Relaxed) >= after).then_some(()));
        done.store(true, Ordering::Relaxed);
    });
    let stats = runtime.block_on(proxy.stats());
    assert_eq!((stats[0].counts.forward_error, stats[0].counts.client_err), (0, 0), "{stats:?}");
    let connections: u64 = stats[0].servers.iter().map(|server| server.counts.server_connections).sum();
    assert!(connections <= 2 * 4, "connections of servers that are gone are closed: {stats:?}");
}
