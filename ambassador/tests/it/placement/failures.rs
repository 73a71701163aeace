//! A server that is gone, and a password: what nutcracker's users know is what they are told.

use entourage_testkit::eventually;

use super::{PATIENCE, alike::start, are_installed};

#[test]
fn what_a_dead_server_leaves_unanswered_begins_with_nutcrackers_words() {
    if !are_installed() {
        return;
    }
    let (mut servers, pair) = start(&[], "");
    let keys: Vec<_> = (0..30).map(|number| format!("key{number}")).collect();
    let mut client = pair.theirs(0);
    keys.iter().for_each(|key| assert_eq!(client.told(&format!("SET {key} v")), "+OK\r\n"));
    let homes: Vec<_> = keys
        .iter()
        .map(|key| servers.iter().position(|server| server.cli(["EXISTS", key]).stdout.trim() == "1"))
        .map(|home| home.expect("it was stored"))
        .collect();
    servers[1].kill9();
    let refused = "-ERR Connection refused";
    let all = keys.join(" ");
    let pairs = keys.iter().map(|key| format!("{key} w")).collect::<Vec<_>>().join(" ");
    let lost = keys.iter().zip(&homes).find(|(_, home)| **home == 1).expect("it had some").0;
    for is_ours in [false, true] {
        // nutcracker closes the connection after some of them.
        let told = |line: &str| if is_ours { pair.ours(0).told(line) } else { pair.theirs(0).told(line) };
        eventually(PATIENCE, "the server is known to be gone", || {
            told(&format!("GET {lost}")).starts_with(refused).then_some(())
        });
        for line in [
            format!("GET {lost}"),
            format!("MGET {all}"),
            format!("MSET {pairs}"),
            format!("TOUCH {all}"),
            format!("UNLINK {lost} absent"),
        ] {
            let told = told(&line);
            assert!(
                told.starts_with(refused) && told.ends_with("\r\n"),
                "{told:?} to {line}, ours: {is_ours}"
            );
        }
        // What the others had to do is done: half of an MSET.
        for (key, home) in keys.iter().zip(&homes) {
            let told = told(&format!("GET {key}"));
            assert_eq!(told == "$1\r\nw\r\n", *home != 1, "{told:?} of {key}, ours: {is_ours}");
            if *home != 1 {
                assert_eq!(pair.theirs(0).told(&format!("SET {key} v")), "+OK\r\n");
            }
        }
        let deleted = told(&format!("DEL {all}"));
        assert!(deleted.starts_with(refused), "{deleted:?}");
        for (key, home) in keys.iter().zip(&homes).filter(|(_, home)| **home != 1) {
            assert_eq!(told(&format!("GET {key}")), "$-1\r\n", "of {home}");
            assert_eq!(told(&format!("SET {key} v")), "+OK\r\n");
        }
    }
}

#[test]
fn a_password_is_asked_for_as_nutcracker_asks_for_it() {
    if !are_installed() {
        return;
    }
    let (_servers, pair) = start(&["--requirepass", "secret"], "  redis_auth: secret\n");
    // What is said of a wrong password is Redis' word of today: clients look for it.
    for (mut client, wrong) in [(pair.theirs(0), "-ERR invalid password\r\n"), (pair.ours(0), "-WRONGPASS ")]
    {
        for line in ["PING", "GET a", "SET a 1", "MGET a b"] {
            let told = client.told(line);
            assert!(told.starts_with("-NOAUTH Authentication required"), "{told:?} to {line}");
        }
        let told = client.told("AUTH nonsense");
        assert!(told.starts_with(wrong), "{told:?}");
        assert!(client.told("GET a").starts_with("-NOAUTH "), "a wrong password opens nothing");
        assert_eq!(client.told("AUTH secret"), "+OK\r\n");
        assert_eq!(client.told("SET a 1"), "+OK\r\n");
        assert_eq!(client.told("MGET a b c"), "*3\r\n$1\r\n1\r\n$-1\r\n$-1\r\n");
        assert!(client.told("AUTH nonsense").starts_with(wrong));
    }
}

#[test]
fn a_password_that_nobody_wants_is_refused_by_both() {
    if !are_installed() {
        return;
    }
    let (_servers, pair) = start(&[], "");
    for mut client in [pair.theirs(0), pair.ours(0)] {
        let told = client.told("AUTH secret");
        assert!(told.starts_with("-ERR "), "{told:?}");
        assert_eq!(client.told("PING"), "+PONG\r\n");
    }
}
