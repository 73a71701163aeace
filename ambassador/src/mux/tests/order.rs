//! What a client sends to one server, over whatever connections, and in which order it leaves.

use std::{io::IoSlice, time::Duration};

use entourage_core::Moment;

use crate::{
    limits::Limits,
    mux::{ClientKey, Input, Mux, Shape},
    nutcracker::{Config, Pool},
    options::{OnEjected, Options},
    pool::{Ejection, Router},
    protocol::Protocol,
    redis::Redis,
};

const EJECTION: Ejection = Ejection { limit: None, retry: Duration::ZERO };
const FIRST: &[u8] = b"*3\r\n$3\r\nSET\r\n$1\r\nx\r\n$1\r\n1\r\n";
const SECOND: &[u8] = b"*3\r\n$3\r\nSET\r\n$1\r\nx\r\n$1\r\n2\r\n";
const OK: &[u8] = b"+OK\r\n";

fn pool() -> Pool {
    let text = "p:\n  listen: 127.0.0.1:1\n  redis: true\n  servers:\n   - 127.0.0.1:2:1 only\n";
    Config::parse(text).expect("the file is right").pools.remove(0)
}

fn router() -> Router {
    Router::new(&pool(), OnEjected::Rehash).expect("it makes a ring")
}

fn protocol() -> Redis {
    Redis::of(&pool(), &Options::default(), Moment::ZERO, 0)
}

/// A mux before one server with so many connections, each of which is up.
fn before(connections: usize) -> Mux<Redis> {
    let mut mux = Mux::new(protocol(), router(), connections, EJECTION, Limits::default());
    (0..connections).for_each(|line| mux.connected(line));
    mux
}

/// Has the server so many connections from now on: those of before, or others.
fn reload(mux: &mut Mux<Redis>, connections: usize, keeps: bool) {
    let added = mux.reshape(Shape {
        protocol: protocol(),
        router: router(),
        kept: vec![keeps.then_some(0)],
        connections,
        ejection: EJECTION,
        limits: Limits::default(),
        warm_up: None,
    });
    added.iter().for_each(|(_, line)| mux.connected(*line));
}

/// Has the mux take a request of this client.
fn ask(mux: &mut Mux<Redis>, client: ClientKey, request: &[u8]) {
    mux.take(client, &mut Input::Lent(request));
}

/// A mux whose one connection a reload has renewed: a client was sent its first request over the old one,
/// which is not answered, and has asked for the second.
fn renewed() -> Mux<Redis> {
    let mut mux = before(1);
    let client = mux.join("peer").expect("it is the first");
    ask(&mut mux, client, FIRST);
    assert_eq!(send(&mut mux, 0), FIRST);
    reload(&mut mux, 1, false);
    ask(&mut mux, client, SECOND);
    mux
}

/// Sends what may be sent over this line.
fn send(mux: &mut Mux<Redis>, line: usize) -> Vec<u8> {
    let mut slices = [IoSlice::new(&[]); 8];
    let filled = mux.for_server(line, &mut slices);
    let sent: Vec<u8> = slices[..filled].iter().flat_map(|slice| slice.to_vec()).collect();
    mux.sent(line, sent.len());
    sent
}

fn answer(mux: &mut Mux<Redis>, line: usize) {
    mux.reply(line, &mut Input::Lent(OK)).expect("it was asked");
}

/// The lines that are to be looked at.
fn listed(mux: &mut Mux<Redis>) -> Vec<usize> {
    let mut listed = Vec::new();
    mux.listed_lines(&mut listed);
    listed
}

#[test]
fn a1_what_was_asked_over_a_connection_that_a_reload_renews_is_answered_before_the_next_is_asked() {
    let mut mux = renewed();
    listed(&mut mux);
    assert_eq!((send(&mut mux, 1), mux.wants(1).is_asked), (Vec::new(), false));
    answer(&mut mux, 0);
    assert!(listed(&mut mux).contains(&1), "somebody has to write it");
    assert_eq!((mux.wants(1).is_asked, send(&mut mux, 1)), (true, SECOND.to_vec()));
}

#[test]
fn a1_a_client_that_gets_another_of_several_connections_overtakes_nothing() {
    for (connections, then, from, to) in [(2, 1, 1, 0), (2, 3, 0, 2), (2, 3, 1, 0), (1, 2, 0, 1)] {
        let mut mux = before(connections);
        // Clients have connections by their places; one of those that there are changes from this to that.
        let clients: Vec<_> = (0..6).map(|_| mux.join("peer").expect("there is room")).collect();
        let client = *clients
            .iter()
            .find(|client| (client.place() % connections, client.place() % then) == (from, to))
            .expect("one changes so");
        ask(&mut mux, client, FIRST);
        assert_eq!(send(&mut mux, from), FIRST);
        // What waits to be sent since before may go.
        let other =
            *clients.iter().find(|other| other.place() % connections == to % connections).expect("one");
        if to < connections {
            ask(&mut mux, other, b"GET y\r\n");
        }
        reload(&mut mux, then, true);
        ask(&mut mux, client, SECOND);
        assert!(!send(&mut mux, to).ends_with(SECOND), "{connections} {then}");
        answer(&mut mux, from);
        assert!(send(&mut mux, to).ends_with(SECOND), "{connections} {then}");
    }
}

#[test]
fn who_is_never_answered_holds_up_the_next_connection_for_a_while_alone() {
    let mut mux = renewed();
    mux.tell(Moment::ZERO + Duration::from_secs(6));
    mux.let_go();
    assert_eq!(send(&mut mux, 1), SECOND);
}

#[test]
fn a_connection_that_ended_is_waited_for_no_longer_by_whoever_has_its_place() {
    let mut mux = renewed();
    mux.give_up(0, crate::failure::Cause::Lost);
    mux.forget(0);
    assert!(mux.wants(0).ended);
    assert_eq!(send(&mut mux, 1), SECOND);
}
