//! Keys move to their new servers while they are read and written.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::Duration,
};

use entourage_ambassador::{Error, Options, ShardProxy};
use entourage_testkit::{Redis, Rng, eventually};

use super::{Client, PATIENCE, Reply, config, is_installed, request};

const KEYS: usize = 1_000;

/// Increments and reads that a client has on their way.
const PIPELINE: usize = 20;

/// A pool of these servers, by their numbers.
fn text(servers: &[Redis], part: &[usize]) -> String {
    let listed: String = part
        .iter()
        .map(|&number| format!("   - {}:1 server{number}\n", servers[number].endpoint()))
        .collect();
    format!("pool:\n  listen: 127.0.0.1:1\n  redis: true\n  timeout: 20000\n  servers:\n{listed}")
}

/// What is known of one counter: increments that were sent, and those that were acknowledged.
#[derive(Default)]
struct Counter {
    sent: AtomicU64,
    acknowledged: AtomicU64,
}

fn name(key: usize) -> String {
    format!("counter:{key}")
}

/// What the replies came to, all clients together.
#[derive(Debug, Default)]
struct Tally {
    replies: AtomicU64,
    /// Of keys that were said not to be there.
    missed: AtomicU64,
    /// Values behind what was acknowledged before, or ahead of what was ever sent.
    wrong: AtomicU64,
}

impl Tally {
    /// Counts one value, which has to be within these bounds.
    fn count(&self, value: Option<u64>, acknowledged: u64, sent: u64) {
        let is_wrong = value.is_some_and(|value| !(acknowledged..=sent).contains(&value));
        self.replies.fetch_add(1, Ordering::SeqCst);
        self.missed.fetch_add(u64::from(value.is_none()), Ordering::SeqCst);
        self.wrong.fetch_add(u64::from(is_wrong), Ordering::SeqCst);
    }

    /// Prints what there was, and takes it only if nothing was missed or wrong.
    fn expect_all_right(self, moved: u64) {
        let Self { replies, missed, wrong } = self;
        let (replies, missed, wrong) = (replies.into_inner(), missed.into_inner(), wrong.into_inner());
        let hits = 100.0 * (replies - missed) as f64 / replies as f64;
        println!("{replies} replies while {moved} keys moved: hit rate {hits} %, {wrong} wrong");
        assert_eq!((missed, wrong), (0, 0), "of {replies} replies, missed and wrong");
    }
}

/// Increments and reads counters at random; a value never falls behind what was acknowledged before.
fn converse(client: &mut Client, rng: &mut Rng, counters: &[Counter], tally: &Tally) {
    let mut asked = Vec::new();
    for _ in 0..PIPELINE {
        let key = rng.between(0..KEYS as u64) as usize;
        let known = counters[key].acknowledged.load(Ordering::SeqCst);
        let increments = rng.between(0..2) == 0;
        if increments {
            counters[key].sent.fetch_add(1, Ordering::SeqCst);
        }
        client.send(&request(&[if increments { "INCR" } else { "GET" }, &name(key)]));
        asked.push((key, increments, known));
    }
    for (key, increments, known) in asked {
        let value = match client.reply() {
            Reply::Line(line) if increments => Some(line.trim_start_matches(':').to_owned()),
            Reply::Bulk(value) => value.map(|value| String::from_utf8_lossy(&value).into_owned()),
            other => panic!("{} was answered {other:?}", name(key)),
        };
        let value = value.map(|value| value.parse().expect("counters are numbers"));
        tally.count(value, known, counters[key].sent.load(Ordering::SeqCst));
        if increments {
            counters[key].acknowledged.fetch_add(1, Ordering::SeqCst);
        }
    }
}

#[test]
fn no_acknowledged_write_is_lost_while_keys_move_under_writes() {
    if !is_installed() {
        return;
    }
    let servers = Redis::shards::<4>();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("it can be made");
    let mut options = Options::default();
    options.warm_up = Some(Duration::from_secs(600));
    let before = config(&text(&servers, &[0, 1, 2]));
    let proxy = runtime.block_on(ShardProxy::start(before, options)).expect("it can listen");
    let address = proxy.addresses()[0].expect("it listens at a port");
    let counters: Vec<_> = (0..KEYS).map(|_| Counter::default()).collect();
    let (done, rounds, tally) = (AtomicBool::new(false), AtomicU64::new(0), Tally::default());

    let mut other = Client::new(address);
    for key in 0..KEYS {
        other.send(&request(&["SET", &name(key), "0"]));
        assert_eq!(other.reply(), Reply::Line("+OK".into()));
    }
    for number in 0..100 {
        other.send(&request(&["RPUSH", &format!("list:{number}"), "a", "b"]));
        other.send(&request(&["SET", &format!("mortal:{number}"), "x", "EX", "3600"]));
        assert_eq!((other.reply(), other.reply()), (Reply::Line(":2".into()), Reply::Line("+OK".into())));
    }
    thread::scope(|scope| {
        for _ in 0..3 {
            let (done, rounds, counters, tally) = (&done, &rounds, &counters, &tally);
            scope.spawn(move || {
                let (mut client, mut rng) = (Client::new(address), Rng::from_env());
                while !done.load(Ordering::Relaxed) {
                    converse(&mut client, &mut rng, counters, tally);
                    rounds.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let gone_on = |by| {
            let after = rounds.load(Ordering::Relaxed) + by;
            eventually(PATIENCE, "clients go on", || (rounds.load(Ordering::Relaxed) >= after).then_some(()));
        };
        gone_on(200);
        // The first server goes, and another comes.
        runtime.block_on(proxy.reload(config(&text(&servers, &[1, 2, 3])))).expect("it is a configuration");
        // Read again as it is, as for certificates, the file ends nothing.
        runtime.block_on(proxy.reload(config(&text(&servers, &[1, 2, 3])))).expect("it is a configuration");
        gone_on(400);
        done.store(true, Ordering::Relaxed);
    });

    // Every counter is what was acknowledged, also those that were not touched since.
    for (key, counter) in counters.iter().enumerate() {
        other.send(&request(&["INCRBY", &name(key), "0"]));
        let acknowledged = counter.acknowledged.load(Ordering::SeqCst);
        assert_eq!(other.reply(), Reply::Line(format!(":{acknowledged}")), "{}", name(key));
    }
    for number in 0..100 {
        other.send(&request(&["RPUSH", &format!("list:{number}"), "c"]));
        assert_eq!(other.reply(), Reply::Line(":3".into()), "a list moves as a list");
        other.send(&request(&["TTL", &format!("mortal:{number}")]));
        let Reply::Line(left) = other.reply() else { panic!("TTL is a number") };
        assert!(
            (1..=3_600).contains(&left[1..].parse::<i64>().expect("a number")),
            "{left} seconds are left"
        );
    }
    // What has moved is nowhere twice.
    assert_eq!(servers[0].cli(["DBSIZE"]).stdout.trim(), "0", "the server that goes has no key left");
    let kept: usize = servers
        .iter()
        .map(|server| server.cli(["DBSIZE"]).stdout.trim().parse::<usize>().expect("a number"))
        .sum();
    assert_eq!(kept, KEYS + 200);
    let stats = runtime.block_on(proxy.stats());
    let counts = stats[0].counts;
    tally.expect_all_right(counts.keys_moved);
    assert_eq!(counts.keys_missing, 0, "each is found where it was: {stats:?}");
    assert!(counts.keys_moved >= 3 * (KEYS as u64 + 200) / 10, "three of ten keys moved: {stats:?}");

    // The next reload ends it, and the old server is left alone.
    let next = text(&servers, &[1, 2, 3]).replace("20000", "20001");
    runtime.block_on(proxy.reload(config(&next))).expect("it is a configuration");
    eventually(PATIENCE, "the old server is left alone", || {
        let clients = servers[0].cli(["CLIENT", "LIST"]).stdout;
        (clients.lines().count() == 1).then_some(())
    });
}

#[test]
fn a6_what_a_server_comes_back_with_yields_to_what_was_written_meanwhile() {
    if !is_installed() {
        return;
    }
    let servers = Redis::shards::<2>();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("it can be made");
    let mut options = Options::default();
    options.warm_up = Some(Duration::from_secs(600));
    let alone = config(&text(&servers, &[0]));
    let proxy = runtime.block_on(ShardProxy::start(alone, options)).expect("it can listen");
    let mut client = Client::new(proxy.addresses()[0].expect("it listens at a port"));
    let mut back = Client::new(servers[1].endpoint().parse().expect("it is an address"));
    let ok = Reply::Line("+OK".into());
    for key in 0..100 {
        client.send(&request(&["SET", &name(key), "1"]));
        assert_eq!(client.reply(), ok);
        match key % 4 {
            0 => back.send(&request(&["SET", &name(key), "100"])),
            1 => back.send(&request(&["SET", &name(key), "100", "EX", "3600"])),
            2 => back.send(&request(&["RPUSH", &name(key), "100"])),
            // Another proxy has stored it, and gone no further.
            _ => back.send(&request(&["SET", &name(key), "1"])),
        }
        assert!(matches!(back.reply(), Reply::Line(_)));
    }
    runtime.block_on(proxy.reload(config(&text(&servers, &[0, 1])))).expect("it is a configuration");

    for key in 0..100 {
        client.send(&request(&["INCR", &name(key)]));
        assert_eq!(client.reply(), Reply::Line(":2".into()), "{}", name(key));
        client.send(&request(&["TTL", &name(key)]));
        assert_eq!(client.reply(), Reply::Line(":-1".into()), "{}", name(key));
    }
    let counts = runtime.block_on(proxy.stats())[0].counts;
    assert!(counts.keys_moved > 20, "about half of them moved: {counts:?}");
    for key in 0..100 {
        client.send(&request(&["GET", &name(key)]));
        assert_eq!(client.reply(), Reply::Bulk(Some(b"2".to_vec())), "{}", name(key));
    }
}

#[test]
fn a6_keys_do_not_move_over_several_connections_to_a_server() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("it can be made");
    let pool = |connections, distribution| {
        config(&format!(
            "several:\n  listen: 127.0.0.1:1\n  redis: true\n  distribution: {distribution}\n  \
             server_connections: {connections}\n  servers:\n   - 127.0.0.1:1:1\n"
        ))
    };
    let mut options = Options::default();
    options.warm_up = Some(Duration::from_secs(600));
    let is_refused = |result| {
        let error = match result {
            Err(error @ Error::WarmUpConnections { connections: 2, .. }) => error.to_string(),
            other => panic!("{other:?}"),
        };
        assert!(error.contains(r#"pool "several" has 2; configure `server_connections: 1`"#), "{error}");
    };
    is_refused(ShardProxy::check(&pool(2, "ketama"), &options));
    is_refused(runtime.block_on(ShardProxy::start(pool(2, "modula"), options.clone())).map(drop));
    let proxy = runtime.block_on(ShardProxy::start(pool(1, "ketama"), options)).expect("it can listen");
    is_refused(runtime.block_on(proxy.reload(pool(2, "ketama"))));
    // What is placed by chance does not move, and without a warm-up nothing does.
    runtime.block_on(proxy.reload(pool(2, "random"))).expect("it is served");
    ShardProxy::check(&pool(2, "ketama"), &Options::default()).expect("it can be served");
}
