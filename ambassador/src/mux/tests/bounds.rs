//! What one client or server can make the mux keep, and for how long.

use std::{io::IoSlice, time::Duration};

use entourage_core::Moment;

use crate::{
    failure::Cause,
    limits::Limits,
    memcached::Memcached,
    mux::{ClientEnd, ClientKey, Input, Mux, Taken},
    nutcracker::Config,
    options::{OnEjected, Options},
    pool::{Ejection, Router},
    protocol::Protocol,
    redis::Redis,
};

/// A mux before one server that is up.
fn mux<P: Protocol>(limits: Limits) -> Mux<P> {
    before("   - 127.0.0.1:2:1\n", limits)
}

/// A mux before these servers of Redis, the first of which is up.
fn before<P: Protocol>(servers: &str, limits: Limits) -> Mux<P> {
    before_text(&format!("  redis: true\n  servers:\n{servers}"), limits)
}

/// The same of a pool that says this.
fn before_text<P: Protocol>(text: &str, limits: Limits) -> Mux<P> {
    let config = Config::parse(&format!("p:\n  listen: 127.0.0.1:1\n{text}"));
    let pool = &config.expect("the file is right").pools[0];
    let options = Options { limits: limits.clone(), ..Options::default() };
    let router = Router::new(pool, OnEjected::Rehash).expect("they make a ring");
    let ejection = Ejection { limit: None, retry: Duration::ZERO };
    let mut mux = Mux::new(P::of(pool, &options, Moment::ZERO, 0), router, 1, ejection, limits);
    mux.connected(0);
    mux
}

/// Takes what this client sent; what is left of it.
fn take<'a, P: Protocol>(mux: &mut Mux<P>, client: ClientKey, bytes: &'a [u8]) -> (Taken, &'a [u8]) {
    let mut input = Input::Lent(bytes);
    let taken = mux.take(client, &mut input);
    let Input::Lent(rest) = input else { unreachable!("it was lent") };
    (taken, rest)
}

/// Sends what is queued; how many bytes.
fn send<P: Protocol>(mux: &mut Mux<P>, most: usize) -> usize {
    let mut slices = [IoSlice::new(&[]); 64];
    let filled = mux.for_server(0, &mut slices);
    let count = most.min(slices[..filled].iter().map(|slice| slice.len()).sum());
    mux.sent(0, count);
    count
}

const GET: &[u8] = b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n";

#[test]
fn a5_a_client_that_does_not_read_is_not_read_either() {
    let limits = Limits { owed: 64 * 1024, ..Limits::default() };
    let mut mux: Mux<Redis> = mux(limits.clone());
    let client = mux.join("peer").expect("it is the first");
    let (sent, reply) = (GET.repeat(10_000), [b"$1000\r\n", &[b'v'; 1_000][..], b"\r\n"].concat());
    let (mut rest, mut most) = (&sent[..], 0);
    // What it has sent is taken in whatever steps, until no more is.
    for _ in 0..1_000 {
        let (taken, left) = take(&mut mux, client, rest);
        let asked = (rest.len() - left.len()) / GET.len();
        rest = left;
        while send(&mut mux, usize::MAX) > 0 {}
        mux.reply(0, &mut Input::Lent(&reply.repeat(asked))).expect("they were asked for");
        most = most.max(mux.standing(client).to_write);
        assert_eq!(taken, Taken::Enough);
    }
    assert!(most <= limits.owed + reply.len(), "{most} bytes wait for one client");
    // It reads, and is read again.
    mux.wrote_to_client(client, most);
    assert!(take(&mut mux, client, rest).1.len() < rest.len());
}

#[test]
fn a5_who_has_more_behind_an_unanswered_request_than_may_wait_is_looked_at() {
    let limits = Limits { unread: 64 * 1024, ..Limits::default() };
    let mut mux: Mux<Redis> = before("   - 127.0.0.1:2:1 a\n   - 127.0.0.1:3:1 b\n", limits);
    let client = mux.join("peer").expect("it is the first");
    let mut keys = 0..;
    // One after the other, each at the first server; the other's first waits for ever.
    let mut ask = |mux: &mut Mux<Redis>, reply: &[u8]| {
        let key = keys.next().expect("there are more");
        take(mux, client, format!("GET k{key}\r\n").as_bytes());
        let is_first = send(mux, usize::MAX) > 0;
        if is_first {
            mux.reply(0, &mut Input::Lent(reply)).expect("it was asked for");
        }
        is_first
    };
    while ask(&mut mux, b"$-1\r\n") {}
    let reply = [b"$1000\r\n", &[b'v'; 1_000][..], b"\r\n"].concat();
    let mut seen = Vec::new();
    for _ in 0..1_000 {
        mux.listed_clients(&mut seen);
        seen.clear();
        ask(&mut mux, &reply);
        if mux.standing(client).is_unread {
            mux.listed_clients(&mut seen);
            assert!(seen.contains(&client), "nobody looks at it");
            return;
        }
    }
    // The foresight alone has stopped it.
    assert_eq!(take(&mut mux, client, GET).0, Taken::Enough);
}

#[test]
fn a5_what_is_remembered_of_requests_to_many_servers_is_held_too() {
    let limits = Limits { owed: 1024 * 1024, ..Limits::default() };
    let servers = "   - 127.0.0.1:2:1 a\n   - 127.0.0.1:3:1 b\n";
    let bulks: String = (100_000..200_000).map(|number| format!("$7\r\nk{number}\r\n")).collect();
    let keys: String = (100_000..200_000).map(|number| format!(" k{number}")).collect();
    let (sent, ahead) =
        (format!("*100001\r\n$4\r\nMGET\r\n{bulks}").repeat(8), format!("get{keys}\r\n").repeat(8));
    let taken = |left: &[u8], sent: &str| 8 - 8 * left.len() / sent.len();
    // Nobody answers, and each request is remembered with all its keys' places.
    let mut redis: Mux<Redis> = before(servers, limits.clone());
    let client = redis.join("peer").expect("it is the first");
    let (why, left) = take(&mut redis, client, sent.as_bytes());
    assert_eq!((why, taken(left, &sent)), (Taken::Enough, 4));
    let mut memcached: Mux<Memcached> = before_text(&format!("  servers:\n{servers}"), limits);
    let client = memcached.join("peer").expect("it is the first");
    let (why, left) = take(&mut memcached, client, ahead.as_bytes());
    assert_eq!((why, taken(left, &ahead)), (Taken::Enough, 1));
    assert!(memcached.standing(client).waits && !memcached.standing(client).is_unread);
}

#[test]
fn one_answer_of_many_servers_that_is_longer_than_may_wait_may_wait_alone() {
    let limits = Limits { unread: 64 * 1024, ..Limits::default() };
    let mut mux: Mux<Redis> = before("   - 127.0.0.1:2:1 a\n   - 127.0.0.1:3:1 b\n", limits);
    mux.connected(1);
    let client = mux.join("peer").expect("it is the first");
    let keys: String = (0..20).map(|number| format!(" k{number}")).collect();
    take(&mut mux, client, format!("MGET{keys}\r\n").as_bytes());
    let value = [b"$60000\r\n", &[b'v'; 60_000][..], b"\r\n"].concat();
    for line in 0..2 {
        let mut slices = [IoSlice::new(&[]); 64];
        let filled = mux.for_server(line, &mut slices);
        let asked: Vec<u8> = slices[..filled].iter().flat_map(|slice| slice.to_vec()).collect();
        let count = asked.split(|byte| *byte == b'k').count() - 1;
        mux.sent(line, asked.len());
        let reply = [format!("*{count}\r\n").as_bytes(), &value.repeat(count)].concat();
        mux.reply(line, &mut Input::Lent(&reply)).expect("it was asked for");
    }
    let standing = mux.standing(client);
    assert!(standing.to_write > 20 * 60_000 && !standing.is_unread, "{standing:?}");
}

#[test]
fn a5_who_hoards_is_closed_and_not_who_comes_last() {
    const KIB: usize = 1024;
    let mut mux: Mux<Redis> = mux(Limits { buffered: 200 * KIB, ..Limits::default() });
    let [first, second, last] =
        ["first", "second", "last"].map(|peer| mux.join(peer).expect("there is room"));
    for (hoarder, held) in [(first, 99 * KIB), (second, 100 * KIB)] {
        mux.hold(hoarder, held);
        assert!(!mux.standing(hoarder).is_unread);
    }
    mux.hold(last, 70 * KIB);
    assert!(!mux.standing(last).is_unread, "it holds the least");
    // The greatest is looked at, though it does nothing.
    let mut seen = Vec::new();
    mux.listed_clients(&mut seen);
    assert_eq!(seen, [second]);
    assert!(mux.standing(second).is_unread && !mux.standing(first).is_unread);
    mux.leave(second, ClientEnd::Unread);
    mux.hold(last, 101 * KIB);
    assert!(!mux.standing(last).is_unread, "there is room again");
}

#[test]
fn a5_where_all_hold_too_much_it_is_those_who_hold_much_that_are_closed() {
    const KIB: usize = 1024;
    let mut mux: Mux<Redis> = mux(Limits { buffered: 100 * KIB, ..Limits::default() });
    let [large, small] = ["large", "small"].map(|peer| mux.join(peer).expect("there may be more"));
    mux.hold(large, 70 * KIB);
    assert!(!mux.standing(large).is_unread, "all together hold less than may be");
    mux.hold(small, 40 * KIB);
    assert!(!mux.standing(small).is_unread, "it holds little");
    assert!(mux.standing(large).is_unread, "all together hold too much");
    // With it goes what it held, and there is room again.
    mux.leave(large, ClientEnd::Unread);
    let next = mux.join("next").expect("there may be more");
    mux.hold(next, 50 * KIB);
    mux.hold(small, 50 * KIB);
    assert!(!mux.standing(next).is_unread && !mux.standing(small).is_unread);
    mux.hold(next, 64 * KIB);
    assert!(mux.standing(next).is_unread);
}

#[test]
fn what_was_not_begun_is_late_with_what_was() {
    let mut mux: Mux<Redis> = mux(Limits::default());
    let client = mux.join("peer").expect("it is the first");
    take(&mut mux, client, &GET.repeat(3));
    // One is sent and half of the next; the last is not begun.
    send(&mut mux, GET.len() * 3 / 2);
    mux.tell(Moment::ZERO + Duration::from_millis(100));
    mux.sweep(Duration::from_millis(100));
    assert!(!mux.standing(client).waits, "each has its error");
    assert_eq!(send(&mut mux, usize::MAX), 0, "nothing of them is sent any more");
}

#[test]
fn what_was_begun_is_not_sent_again_and_what_was_not_goes_over_the_next_connection() {
    let mut mux: Mux<Redis> = mux(Limits::default());
    let client = mux.join("peer").expect("it is the first");
    for half in 0..GET.len() * 2 {
        let last: &[u8] = b"*2\r\n$3\r\nGET\r\n$4\r\nlast\r\n";
        take(&mut mux, client, &[GET, GET, last].concat());
        send(&mut mux, half);
        // It had answered before, so that it is worth another connection.
        mux.connected(0);
        mux.lose(0, Cause::Lost);
        mux.connected(0);
        let mut slices = [IoSlice::new(&[]); 8];
        let filled = mux.for_server(0, &mut slices);
        let out: Vec<u8> = slices[..filled].iter().flat_map(|slice| slice.iter().copied()).collect();
        let begun = half.div_ceil(GET.len());
        assert_eq!(out, [&GET.repeat(2 - begun)[..], last].concat(), "after {half} bytes");
        send(&mut mux, usize::MAX);
        mux.reply(0, &mut Input::Lent(&b"$-1\r\n".repeat(3 - begun))).expect("they were asked for");
        assert!(!mux.standing(client).waits);
    }
}

#[test]
fn a_connection_that_was_made_after_a_sweep_is_used() {
    let mut mux: Mux<Redis> = mux(Limits::default());
    let client = mux.join("peer").expect("it is the first");
    take(&mut mux, client, GET);
    mux.lose(0, Cause::Lost);
    mux.renewed(0);
    // While it is made, whoever waited hears that it takes too long.
    mux.tell(Moment::ZERO + Duration::from_millis(100));
    mux.sweep(Duration::from_millis(100));
    mux.connected(0);
    assert!(!mux.wants(0).reset);
    assert_eq!(mux.stats("p").servers[0].counts.server_connections, 1);
}

#[test]
fn one_client_too_many_does_not_join() {
    let limits = Limits { clients: 2.try_into().expect("not zero"), ..Limits::default() };
    let mut mux: Mux<Redis> = mux(limits);
    let first = mux.join("peer").expect("it is the first");
    assert!(mux.join("peer").is_some() && mux.join("peer").is_none());
    mux.leave(first, ClientEnd::Closed);
    assert!(mux.join("peer").is_some());
}

#[test]
fn who_asked_for_silence_goes_on_when_all_is_done() {
    let limits = Limits { pipeline: 4.try_into().expect("not zero"), ..Limits::default() };
    let mut mux: Mux<Memcached> = mux(limits);
    let client = mux.join("peer").expect("it is the first");
    let sent = b"set k 0 0 1 noreply\r\nv\r\n".repeat(8);
    let (taken, rest) = take(&mut mux, client, &sent);
    assert_eq!((taken, rest.len()), (Taken::Enough, sent.len() / 2));
    let mut seen = Vec::new();
    mux.listed_clients(&mut seen);
    seen.clear();
    send(&mut mux, usize::MAX);
    mux.reply(0, &mut Input::Lent(&b"STORED\r\n".repeat(4))).expect("they were asked for");
    mux.listed_clients(&mut seen);
    assert!(seen.contains(&client), "nobody wakes it");
}
