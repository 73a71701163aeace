//! One lie at a time, each at a moment when it could do harm.

use std::{net::SocketAddr, rc::Rc, time::Duration};

use entourage_ambassador::Options;
use entourage_core::{Clock, SystemClock};
use entourage_testkit::{Redis, Requirement, Rng, eventually_async, mimic::Trial};
use tokio::net::TcpStream;

use crate::{
    DEADLINE,
    asker::{Tally, ask, keep_asking, shown},
    proxy::{self, connect},
    resp::{bulk, frame, is_failure, key, value},
    server::{self, Book, Habit},
    trial,
};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "a1_a_reply_that_comes_after_its_time_out_reaches_nobody",
            a1_a_reply_that_comes_after_its_time_out_reaches_nobody,
        ),
        trial(
            "a1_a_reply_that_nobody_asked_for_reaches_nobody",
            a1_a_reply_that_nobody_asked_for_reaches_nobody,
        ),
        trial(
            "a1_an_answer_before_the_question_reaches_nobody",
            a1_an_answer_before_the_question_reaches_nobody,
        ),
        trial(
            "a1_what_a_server_says_before_it_is_asked_shifts_no_reply",
            a1_what_a_server_says_before_it_is_asked_shifts_no_reply,
        ),
        trial(
            "a_server_that_lets_nobody_in_is_not_asked_without_end",
            a_server_that_lets_nobody_in_is_not_asked_without_end,
        ),
        Requirement::from(Redis::available()).trial(
            "redis",
            "what_a_full_server_was_not_asked_is_told_to_be_not_done",
            || proxy::run(what_a_full_server_was_not_asked_is_told_to_be_not_done()),
        ),
        Requirement::from(Redis::available()).trial(
            "redis",
            "what_a_server_refuses_is_told_in_its_words",
            || proxy::run(what_a_server_refuses_is_told_in_its_words()),
        ),
        trial(
            "a_stalled_server_costs_an_error_within_twice_the_time_out",
            a_stalled_server_costs_an_error_within_twice_the_time_out,
        ),
    ]
}

/// A proxy before one server, whose first connection has this habit and all others none.
async fn before(habit: Habit, more: &[&str]) -> (entourage_ambassador::ShardProxy, SocketAddr, Rc<Book>) {
    let mut next = Some(habit);
    let (server, book) = server::serve(move || next.take().unwrap_or(Habit::Honest)).await;
    let (proxy, address) = proxy::start(&[server], more, Options::default()).await;
    (proxy, address, book)
}

async fn get(client: &mut TcpStream, id: u64) -> Vec<u8> {
    let key = key(id, 0);
    let reply = ask(client, &frame(&[b"GET", &key])).await;
    assert!(
        reply == bulk(&value(&key)) || is_failure(&reply),
        "{} is answered with {}",
        shown(&key),
        shown(&reply)
    );
    reply
}

async fn is_closed(book: &Book, count: u64) {
    eventually_async(DEADLINE, "the proxy gives the connection up", async || {
        (book.ended.get() >= count).then_some(())
    })
    .await;
}

async fn a1_a_reply_that_comes_after_its_time_out_reaches_nobody() {
    let (_proxy, address, book) = before(Habit::Late(1, Duration::from_millis(400)), &["timeout: 100"]).await;
    let (mut one, mut other) = (connect(address).await, connect(address).await);
    assert!(!is_failure(&get(&mut one, 1).await));
    assert!(is_failure(&get(&mut one, 2).await), "it is answered after the time-out");
    // The late one is on its way now, or comes soon: whoever asks gets another.
    for id in 3..40 {
        let client = if id % 2 == 0 { &mut one } else { &mut other };
        assert!(!is_failure(&get(client, id).await));
    }
    is_closed(&book, 1).await;
    for id in 40..50 {
        assert!(!is_failure(&get(&mut other, id).await));
    }
}

async fn a1_a_reply_that_nobody_asked_for_reaches_nobody() {
    let (_proxy, address, book) = before(Habit::Unasked(1), &["timeout: 2000"]).await;
    let mut client = connect(address).await;
    assert!(!is_failure(&get(&mut client, 1).await));
    // Nobody asks: the lie alone ends the connection.
    is_closed(&book, 1).await;
    for id in 2..10 {
        assert!(!is_failure(&get(&mut client, id).await));
    }
}

async fn a1_an_answer_before_the_question_reaches_nobody() {
    let (_proxy, address, book) = before(Habit::Early, &["timeout: 5000"]).await;
    let mut client = connect(address).await;
    // Larger than what a connection takes at once, so that a part of it is unsent when the lie comes.
    let big = vec![b'v'; 24 * 1024 * 1024];
    let reply = ask(&mut client, &frame(&[b"SET", b"r", &big])).await;
    assert!(is_failure(&reply), "{}", shown(&reply));
    is_closed(&book, 1).await;
    for id in 2..10 {
        assert!(!is_failure(&get(&mut client, id).await));
    }
}

/// What servers, or what else listens where one should, may say to whoever connects.
const BANNERS: [&[u8]; 9] = [
    b"-ERR hello\r\n",
    b"-LOADING Redis is loading the dataset in memory\r\n",
    b"-NOAUTH Authentication required.\r\n-NOAUTH Authentication required.\r\n",
    b"+OK\r\n",
    b":1\r\n",
    b"*0\r\n",
    b"$16\r\n0123456789abcdef\r\n",
    b"$-1\r\n$-1\r\n",
    b"220 ready\r\n",
];

async fn a1_what_a_server_says_before_it_is_asked_shifts_no_reply() {
    let mut count = 0;
    // One connection with a banner, one that is honest for a while, and so on.
    let habit = move || {
        count += 1;
        match count % 2 {
            1 => Habit::Banner(BANNERS[count / 2 % BANNERS.len()]),
            _ => Habit::Reset(200),
        }
    };
    let (server, book) = server::serve(habit).await;
    let mut options = Options::default();
    options.reconnect = Duration::from_millis(10);
    let (_proxy, address) = proxy::start(&[server], &["timeout: 5000"], options).await;
    let (tally, mut rng) = (Rc::new(Tally::default()), Rng::from_env());
    // Each banner twice.
    while book.connections.get() < 4 * BANNERS.len() as u64 {
        let enough = tally.answers() + 200;
        let mut clients = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let (tally, rng) = (Rc::clone(&tally), Rng::new(rng.next_u64()));
            clients.spawn_local(keep_asking(address, tally, enough, rng, |_| false));
        }
        while let Some(client) = clients.join_next().await {
            client.expect("no client has seen what is wrong");
        }
    }
    assert!(tally.right.get() > 1_000, "{tally:?}");
    assert_eq!(book.twice.get(), 0, "nothing that was begun is sent again");
}

async fn a_server_that_lets_nobody_in_is_not_asked_without_end() {
    let (server, book) = server::serve(|| Habit::Full(b"-ERR max number of clients reached\r\n")).await;
    let (_proxy, address) = proxy::start(&[server], &["timeout: 700"], Options::default()).await;
    let mut client = connect(address).await;
    let clock = SystemClock::new();
    let began = clock.now();
    for id in 0..20 {
        let reply = ask(&mut client, &frame(&[b"GET", &key(id, 0)])).await;
        assert!(reply.starts_with(b"-ERR Permission denied"), "{}", shown(&reply));
    }
    let took = clock.now().since(began).as_millis() as u64;
    // Each request may cost one, and waiting costs no more than the pauses of 100 ms allow.
    let most = 2 * 20 + took / 100 * 4;
    assert!(book.connections.get() <= most, "{} connections within {took} ms", book.connections.get());
}

async fn what_a_full_server_was_not_asked_is_told_to_be_not_done() {
    let redis = Redis::start();
    let at: SocketAddr = redis.endpoint().parse().expect("it is an address");
    let mut only: TcpStream = connect(at).await;
    let mut allow = async |most: &[u8]| {
        let reply = ask(&mut only, &frame(&[b"CONFIG", b"SET", b"maxclients", most])).await;
        assert_eq!(reply, b"+OK\r\n", "{}", shown(&reply));
    };
    allow(b"1").await;
    let mut client = None;
    // The server's words come in place of the first reply, whatever that is to.
    for more in [&["timeout: 5000", "redis_auth: pw"][..], &["timeout: 5000"]] {
        let (proxy, address) = proxy::start(&[redis.endpoint()], more, Options::default()).await;
        let mut this = connect(address).await;
        if more.len() > 1 {
            assert_eq!(ask(&mut this, &frame(&[b"AUTH", b"pw"])).await, b"+OK\r\n");
        }
        for _ in 0..20 {
            let reply = ask(&mut this, &frame(&[b"GET", b"k"])).await;
            assert!(reply.starts_with(b"-ERR Permission denied"), "{}", shown(&reply));
        }
        client = Some((proxy, this));
    }
    allow(b"100").await;
    let (_proxy, mut client) = client.expect("there was one");
    eventually_async(DEADLINE, "it is let in", async || {
        (ask(&mut client, &frame(&[b"GET", b"k"])).await == b"$-1\r\n").then_some(())
    })
    .await;
}

async fn what_a_server_refuses_is_told_in_its_words() {
    let redis = Redis::start();
    let mut operator = connect(redis.endpoint().parse().expect("it is an address")).await;
    let (_proxy, address) = proxy::start(&[redis.endpoint()], &["timeout: 5000"], Options::default()).await;
    let mut client = connect(address).await;
    let script = frame(&[b"EVAL", b"while true do end", b"0"]);
    for (before, words, after) in [
        (&["CONFIG SET busy-reply-threshold 1"][..], "-BUSY ", "SCRIPT KILL"),
        (&["CONFIG SET requirepass pw", "CLIENT KILL TYPE normal"], "-NOAUTH ", "CONFIG SET requirepass ''"),
        // Only that by which connections are proved.
        (&["ACL SETUSER default -echo", "CLIENT KILL TYPE normal"], "$-1\r\n", "ACL SETUSER default +echo"),
    ] {
        for order in before {
            // The script that was killed before may take a moment to end.
            eventually_async(DEADLINE, "the server is not busy", async || {
                let said = ask(&mut operator, format!("{order}\r\n").as_bytes()).await;
                let is_busy = said.starts_with(b"-BUSY");
                assert!(is_busy || !said.starts_with(b"-"), "{order}: {}", shown(&said));
                (!is_busy).then_some(())
            })
            .await;
        }
        let mut busy = connect(redis.endpoint().parse().expect("it is an address")).await;
        if words == "-BUSY " {
            tokio::io::AsyncWriteExt::write_all(&mut busy, &script).await.expect("it reads");
        }
        eventually_async(DEADLINE, "it is told what the server says", async || {
            let reply = ask(&mut client, &frame(&[b"GET", b"k"])).await;
            reply.starts_with(words.as_bytes()).then_some(())
        })
        .await;
        let said = ask(&mut operator, format!("{after}\r\n").as_bytes()).await;
        assert_eq!(said, b"+OK\r\n", "{after}: {}", shown(&said));
    }
}

async fn a_stalled_server_costs_an_error_within_twice_the_time_out() {
    const TIMEOUT: Duration = Duration::from_millis(500);
    let (server, _book) = server::serve(|| Habit::Deaf(0)).await;
    let (_proxy, address) = proxy::start(&[server], &["timeout: 500"], Options::default()).await;
    let mut client = connect(address).await;
    let clock = SystemClock::new();
    // More waits than the connection to the server takes: what is not begun is late too.
    let big = vec![b'v'; 1024 * 1024];
    let mut batch = Vec::new();
    (0..24).for_each(|_| batch.extend(frame(&[b"SET", b"r", &big])));
    let began = clock.now();
    tokio::io::AsyncWriteExt::write_all(&mut client, &batch).await.expect("the proxy reads");
    let mut held = Vec::new();
    while held.iter().filter(|byte| **byte == b'\n').count() < 24 {
        let count = tokio::io::AsyncReadExt::read_buf(&mut client, &mut held).await.expect("it answers");
        assert!(count > 0, "the proxy ended the connection");
    }
    let took = clock.now().since(began);
    // One more time-out for a machine that is busy.
    assert!(took < 3 * TIMEOUT, "the last error came after {took:?}");
    for line in held.split_inclusive(|byte| *byte == b'\n') {
        assert!(is_failure(line), "{}", shown(line));
    }
}
