//! Clients that pipeline and vanish, over servers that die: each answer is checked.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
};

use entourage_testkit::{Memcached, Rng, eventually};

use super::{Client, MD5, PATIENCE, is_installed, proxy};

const KEYS: u64 = 200;
const CLIENTS: u64 = 8;
const ROUNDS: usize = 120;
const DEPTH: usize = 16;

/// What a key has if it has anything: every answer tells whose it is.
fn value(key: &str) -> String {
    format!("of {key} {}", key.repeat(key.len() % 5))
}

fn key(rng: &mut Rng) -> String {
    format!("key{}", rng.between(0..KEYS))
}

/// One request, and what may be answered to it.
enum Asked {
    Values(Vec<String>),
    Meta { opaque: u64, key: String },
    Quiet,
    Stored,
    Barrier,
}

fn request(rng: &mut Rng, number: u64) -> (String, Asked) {
    let one = key(rng);
    match rng.between(0..8) {
        0 | 1 => (format!("get {one}\r\n"), Asked::Values(vec![one])),
        2 | 3 => {
            let keys: Vec<_> = (0..rng.between(2..12)).map(|_| key(rng)).collect();
            (format!("get {}\r\n", keys.join(" ")), Asked::Values(keys))
        }
        4 => (format!("mg {one} v k O{number}\r\n"), Asked::Meta { opaque: number, key: one }),
        5 => {
            let value = value(&one);
            (format!("set {one} 0 0 {} noreply\r\n{value}\r\n", value.len()), Asked::Quiet)
        }
        6 => {
            let value = value(&one);
            (format!("set {one} 0 0 {}\r\n{value}\r\n", value.len()), Asked::Stored)
        }
        _ => ("mn\r\n".to_owned(), Asked::Barrier),
    }
}

/// Reads the answer to one request; whether it is an error.
fn check(client: &mut Client, asked: &Asked) -> bool {
    let told = |line: &str| line.starts_with("SERVER_ERROR ");
    match asked {
        Asked::Quiet => false,
        Asked::Barrier => {
            assert_eq!(client.line(), "MN\r\n");
            false
        }
        Asked::Stored => {
            let line = client.line();
            assert!(line == "STORED\r\n" || told(&line), "{line:?} to a set");
            told(&line)
        }
        Asked::Values(keys) => match client.values() {
            Err(_) => true,
            Ok(values) => {
                let mut rest = keys.iter();
                for (key, found) in values {
                    assert!(
                        rest.any(|asked| *asked == key),
                        "{key} was not asked for, or not there: {keys:?}"
                    );
                    assert_eq!(found, value(&key));
                }
                false
            }
        },
        Asked::Meta { opaque, key } => {
            let line = client.line();
            if told(&line) {
                return true;
            }
            assert!(line.ends_with(&format!(" k{key} O{opaque}\r\n")), "{line:?} to {key} {opaque}");
            if let Some(rest) = line.strip_prefix("VA ") {
                let bytes = rest.split(' ').next().and_then(|bytes| bytes.parse().ok()).expect("a length");
                assert_eq!(client.value(bytes), value(key));
            }
            false
        }
    }
}

/// A client that pipelines, checks every answer, and now and then goes away in the middle.
fn storm(address: SocketAddr, seed: u64, answered: &AtomicUsize, failed: &AtomicUsize) {
    let mut rng = Rng::new(seed);
    let mut client = Client::new(address);
    for round in 0..ROUNDS {
        let requests: Vec<_> = (0..DEPTH).map(|at| request(&mut rng, (round * DEPTH + at) as u64)).collect();
        client.send(requests.iter().map(|(request, _)| request.as_str()).collect::<String>());
        if rng.between(0..12) == 0 {
            // Whatever is on its way is on its way to nobody.
            client = Client::new(address);
            continue;
        }
        for (_, asked) in &requests {
            let is_error = check(&mut client, asked);
            answered.fetch_add(1, Ordering::Relaxed);
            failed.fetch_add(usize::from(is_error), Ordering::Relaxed);
        }
    }
}

#[test]
fn a1_no_answer_is_that_to_another_request_while_servers_die_and_clients_vanish() {
    if !is_installed() {
        return;
    }
    let mut servers = [Memcached::start(), Memcached::start(), Memcached::start()];
    let (_proxy, address) = proxy(&servers, MD5);
    let mut seeds = Rng::from_env();
    let (answered, failed, is_over) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                let seed = seeds.next_u64();
                scope.spawn({
                    let (answered, failed) = (&answered, &failed);
                    move || storm(address, seed, answered, failed)
                })
            })
            .collect();
        scope.spawn({
            let (servers, answered, is_over) = (&mut servers, &answered, &is_over);
            move || {
                for turn in 0.. {
                    let before = answered.load(Ordering::Relaxed);
                    eventually(PATIENCE, "the storm goes on", || {
                        let is_on = answered.load(Ordering::Relaxed) > before + 1_500;
                        (is_on || is_over.load(Ordering::Relaxed)).then_some(())
                    });
                    if is_over.load(Ordering::Relaxed) {
                        return;
                    }
                    servers[turn % 3].kill9();
                    servers[turn % 3].restart();
                }
            }
        });
        let ends: Vec<_> = clients.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        is_over.store(true, Ordering::Relaxed);
        ends.into_iter().for_each(|end| end.expect("every answer is right"));
    });
    let (answered, failed) = (answered.into_inner(), failed.into_inner());
    eprintln!("{answered} answers, {failed} of them errors");
    assert!(answered > 10_000 && failed > 0 && answered - failed > 2_000, "{failed} errors of {answered}");
    let mut client = Client::new(address);
    eventually(PATIENCE, "all servers are asked again", || client.get("key1 key2 key3 key4 key5 key6").ok());
}
