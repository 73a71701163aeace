//! One lie at a time, each at a moment when it could do harm.

use std::{rc::Rc, time::Duration};

use entourage_ambassador::Options;
use entourage_core::{Clock, SystemClock};
use entourage_testkit::{eventually_async, mimic::Trial};

use crate::{
    DEADLINE,
    asker::{ask, shown},
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
            "a_server_that_lets_nobody_in_is_not_asked_without_end",
            a_server_that_lets_nobody_in_is_not_asked_without_end,
        ),
        trial(
            "a_stalled_server_costs_an_error_within_twice_the_time_out",
            a_stalled_server_costs_an_error_within_twice_the_time_out,
        ),
    ]
}

/// A proxy before one server, whose first connection has this habit and all others none.
async fn before(
    habit: Habit,
    more: &[&str],
) -> (entourage_ambassador::ShardProxy, std::net::SocketAddr, Rc<Book>) {
    let mut next = Some(habit);
    let (server, book) = server::serve(move || next.take().unwrap_or(Habit::Honest)).await;
    let (proxy, address) = proxy::start(&[server], more, Options::default()).await;
    (proxy, address, book)
}

async fn get(client: &mut tokio::net::TcpStream, id: u64) -> Vec<u8> {
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

async fn a_server_that_lets_nobody_in_is_not_asked_without_end() {
    let (server, book) = server::serve(|| Habit::Full(b"-ERR max number of clients reached\r\n")).await;
    let (_proxy, address) = proxy::start(&[server], &["timeout: 700"], Options::default()).await;
    let mut client = connect(address).await;
    let clock = SystemClock::new();
    let began = clock.now();
    for id in 0..20 {
        let reply = ask(&mut client, &frame(&[b"GET", &key(id, 0)])).await;
        // Who was asked before its last words came has answered with them.
        assert!(is_failure(&reply) || reply.starts_with(b"-ERR max number"), "{}", shown(&reply));
    }
    let took = clock.now().since(began).as_millis() as u64;
    // Each request may cost one, and waiting costs no more than the pauses of 100 ms allow.
    let most = 2 * 20 + took / 100 * 4;
    assert!(book.connections.get() <= most, "{} connections within {took} ms", book.connections.get());
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
