//! A server of memcached: ready when it is handed out, faulty when asked, gone when dropped.

use std::net::TcpStream;

use entourage_testkit::{Memcached, Requirement, mimic::Trial};

use crate::message;

pub(crate) fn trials() -> Vec<Trial> {
    let trial =
        |name: &str, body: fn()| Requirement::from(Memcached::available()).trial("memcached", name, body);
    vec![
        trial("a_memcached_has_forgotten_all_when_it_was_killed_and_started_again", forgot),
        trial("a_frozen_memcached_answers_when_it_goes_on", frozen),
        trial("a_memcached_that_is_dropped_leaves_no_server", dropped),
        trial("a_flag_that_memcached_does_not_know_fails_the_test", refused),
    ]
}

fn forgot() {
    let mut memcached = Memcached::start();
    let endpoint = memcached.endpoint();
    assert_eq!(memcached.ask("set k 0 0 1\r\nv"), "STORED\r\n");
    assert_eq!(memcached.ask("get k\r\nget none"), "VALUE k 0 1\r\nv\r\nEND\r\nEND\r\n");
    memcached.kill9();
    assert!(TcpStream::connect(&endpoint).is_err());
    memcached.restart();
    assert_eq!(memcached.ask("get k"), "END\r\n");
    assert_eq!(memcached.endpoint(), endpoint);
}

fn frozen() {
    let mut memcached = Memcached::start();
    memcached.pause();
    memcached.resume();
    assert!(memcached.ask("version").starts_with("VERSION 1."));
}

fn dropped() {
    let mut memcached = Memcached::start();
    let endpoint = memcached.endpoint();
    memcached.pause();
    drop(memcached);
    assert!(TcpStream::connect(endpoint).is_err());
}

fn refused() {
    assert!(message(|| drop(Memcached::start_with(&["--nonsense"]))).contains("memcached ended"));
}
