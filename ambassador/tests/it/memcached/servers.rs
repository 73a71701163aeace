//! Servers that die, stall and refuse; values of every size.

use entourage_testkit::{Memcached, eventually};

use super::{Client, MD5, PATIENCE, is_installed, proxy};

#[test]
fn a_killed_server_takes_only_its_keys_with_it() {
    if !is_installed() {
        return;
    }
    let mut servers = [Memcached::start(), Memcached::start(), Memcached::start()];
    let (_proxy, address) = proxy(&servers, MD5);
    let mut client = Client::new(address);
    let keys: Vec<_> = (0..60).map(|number| format!("key{number}")).collect();
    keys.iter().for_each(|key| client.set(key, "here"));
    let home = |key: &String| {
        servers.iter().position(|server| server.ask(&format!("get {key}")).starts_with("VALUE"))
    };
    let homes: Vec<_> = keys.iter().map(|key| home(key).expect("it was stored")).collect();
    assert!((0..3).all(|server| homes.contains(&server)), "{homes:?}");

    servers[1].kill9();
    for (key, &home) in keys.iter().zip(&homes) {
        match client.get(key) {
            Ok(values) => assert!(home != 1 && values.len() == 1, "{key} of {home}: {values:?}"),
            Err(error) => assert!(
                home == 1 && error.starts_with("SERVER_ERROR Connection "),
                "{key} of {home}: {error}"
            ),
        }
    }
    let all = keys.join(" ");
    assert!(client.get(&all).is_err(), "a part of it is no answer");
    assert_eq!(client.ask("mn"), "MN\r\n", "the connection goes on");

    servers[1].restart();
    eventually(PATIENCE, "the server is asked again", || client.get(&all).ok());
    let found = client.get(&all).expect("all servers are there");
    assert!(
        found
            .iter()
            .all(|(key, _)| homes[keys.iter().position(|k| k == key).expect("it is one of them")] != 1)
    );
}

#[test]
fn a_stalled_server_is_told_of_in_time_and_others_do_not_wait_for_it() {
    if !is_installed() {
        return;
    }
    let mut servers = [Memcached::start(), Memcached::start()];
    let (_proxy, address) = proxy(&servers, MD5);
    let mut client = Client::new(address);
    let keys: Vec<_> = (0..40).map(|number| format!("key{number}")).collect();
    keys.iter().for_each(|key| client.set(key, "here"));
    let is_first = |key: &&String| servers[0].ask(&format!("get {key}")).starts_with("VALUE");
    let stalled = keys.iter().find(is_first).expect("some are on the first").clone();
    let other = keys.iter().find(|key| !is_first(key)).expect("some are on the second").clone();

    servers[0].pause();
    client.send(format!("get {stalled}\r\n"));
    let mut second = Client::new(address);
    assert_eq!(second.get(&other).map(|values| values.len()), Ok(1));
    let error = client.values().expect_err("the server says nothing");
    assert!(error.starts_with("SERVER_ERROR Connection timed out"), "{error}");
    servers[0].resume();
    eventually(PATIENCE, "the server is asked again", || client.get(&stalled).ok());
}

#[test]
fn the_version_is_that_of_a_server() {
    if !is_installed() {
        return;
    }
    let servers = [Memcached::start(), Memcached::start()];
    let (_proxy, address) = proxy(&servers, MD5);
    assert_eq!(Client::new(address).ask("version"), servers[0].ask("version"));
}

#[test]
fn a_value_of_every_size_comes_back_whole() {
    if !is_installed() {
        return;
    }
    let servers = [Memcached::start(), Memcached::start()];
    let (_proxy, address) = proxy(&servers, MD5);
    let mut client = Client::new(address);
    for len in [0, 1, 4_095, 4_096, 65_536, 1_000_000] {
        let value = "END\r\n".repeat(len / 5 + 1)[..len].to_owned();
        client.set("a", &value);
        client.set("b", &value);
        let found = client.get("a b absent a").expect("all servers are there");
        assert!(found.len() == 3 && found.iter().all(|(_, found)| *found == value), "{len} bytes");
    }
    let larger = "x".repeat(1_500_000);
    assert_eq!(
        client.ask(&format!("set a 0 0 {}\r\n{larger}", larger.len())),
        "SERVER_ERROR object too large for cache\r\n"
    );
    assert_eq!(client.get("a"), Ok(vec![]), "the old value is gone, as memcached has it");
}

#[test]
fn a_client_that_wants_no_answers_is_read_on_and_on() {
    if !is_installed() {
        return;
    }
    let servers = [Memcached::start()];
    let (_proxy, address) = proxy(&servers, MD5);
    let mut client = Client::new(address);
    let sets: String = (0..5_000).map(|number| format!("set key{number} 0 0 1 noreply\r\nv\r\n")).collect();
    assert_eq!(client.send(sets).ask("mn"), "MN\r\n");
    assert_eq!(client.get("key0 key4999").map(|values| values.len()), Ok(2));
}
