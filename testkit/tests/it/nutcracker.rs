//! A real nutcracker: it judges configurations, and serves between real clients and servers.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use entourage_testkit::{Memcached, Nutcracker, Requirement, mimic::Trial};

use crate::{DEADLINE, message};

pub(crate) fn trials() -> Vec<Trial> {
    let trial =
        |name: &str, body: fn()| Requirement::from(Nutcracker::available()).trial("nutcracker", name, body);
    vec![
        trial("nutcracker_says_which_configuration_it_takes", judged),
        trial("nutcracker_serves_every_pool_at_an_address_of_its_own", served),
        trial("a_frozen_nutcracker_ends_when_it_is_asked_to", stopped),
        trial("a_configuration_that_nutcracker_refuses_fails_the_test", refused),
    ]
}

const POOLS: &str = "\
alpha:
  listen: {listen}
  servers:
   - {server}:1 only
beta:
  listen: {listen}
  servers:
   - {server}:1 only
";

fn judged() {
    assert!(Nutcracker::accepts("alpha:\n  listen: 127.0.0.1:1\n  servers:\n   - 127.0.0.1:1:1\n"));
    assert!(!Nutcracker::accepts("alpha:\n  listen: 127.0.0.1:1\n  servers:\n   - 127.0.0.1:1:0\n"));
    assert!(!Nutcracker::accepts(b"\xff\x00"));
}

fn served() {
    if !Requirement::from(Memcached::available()).is_met("memcached") {
        return;
    }
    let memcached = Memcached::start();
    let mut nutcracker = Nutcracker::start(&POOLS.replace("{server}", &memcached.endpoint()));
    assert_eq!(memcached.ask("set k 0 0 1\r\nv"), "STORED\r\n");
    assert_eq!(nutcracker.endpoints().len(), 2);
    nutcracker.restart();
    for endpoint in nutcracker.endpoints() {
        let mut client = TcpStream::connect(endpoint).expect("it listens");
        client.set_read_timeout(Some(DEADLINE)).expect("it can be set");
        client.write_all(b"get k\r\n").expect("it takes requests");
        let expected = b"VALUE k 0 1\r\nv\r\nEND\r\n";
        let mut answer = vec![0; expected.len()];
        client.read_exact(&mut answer).expect("it answers");
        assert_eq!(answer, expected);
    }
    let stats = nutcracker.stats();
    assert!(stats.contains("\"alpha\"") && stats.contains("\"only\""), "{stats}");
}

fn stopped() {
    let mut nutcracker = Nutcracker::start(&POOLS.replace("{server}", "127.0.0.1:1"));
    let endpoints = nutcracker.endpoints();
    nutcracker.pause();
    nutcracker.stop();
    assert!(endpoints.iter().all(|endpoint| TcpStream::connect(endpoint).is_err()));
}

fn refused() {
    assert!(message(|| drop(Nutcracker::start("alpha:\n  listen: {listen}\n"))).contains("nutcracker ended"));
}
