//! What the new server has of a key from before.

use super::{ask, before, key_of, listed, missing, reload, reply, sent, take, told};
use crate::{
    failure::Cause,
    mux::{ClientKey, Mux, Taken},
    redis::Redis,
};

/// A client that asks for a key which moves from the only server to a second; the second's connection.
fn asked() -> (Mux<Redis>, ClientKey, usize, String) {
    let mut mux = before(&["a"]);
    let key = key_of(&["a", "b"], 1);
    let client = mux.join("one").expect("a client");
    let added = reload(&mut mux, &["a", "b"], &[Some(0), None]);
    ask(&mut mux, client, &key);
    assert_eq!(sent(&mut mux, 0), "", "the new server is asked before the old one");
    assert!(sent(&mut mux, added[0]).contains("DUMP"));
    (mux, client, added[0], key)
}

/// The old server forgets the key, and the request goes on.
fn ends(mux: &mut Mux<Redis>, client: ClientKey, new: usize, key: &str) {
    assert!(sent(mux, 0).contains("UNLINK"), "the old server forgets it");
    reply(mux, 0, ":1\r\n");
    assert_eq!(listed(mux), [client]);
    assert_eq!(take(mux, client, &["GET", key]), Taken::All);
    assert!(sent(mux, new).contains("GET"));
}

#[test]
fn a6_a_leftover_at_the_new_server_is_overwritten() {
    for leftover in [":-1\r\n$3\r\nold\r\n", ":5000\r\n$3\r\nnew\r\n"] {
        let (mut mux, client, new, key) = asked();
        reply(&mut mux, new, leftover);
        assert!(sent(&mut mux, 0).contains("DUMP"));
        reply(&mut mux, 0, ":-1\r\n$3\r\nnew\r\n");
        let stored = sent(&mut mux, new);
        assert!(stored.contains("\r\nnew\r\n") && stored.contains("REPLACE"), "{leftover:?}: {stored}");
        reply(&mut mux, new, "+OK\r\n");
        ends(&mut mux, client, new, &key);
    }
}

#[test]
fn a6_a_leftover_that_is_too_long_to_be_looked_at_is_overwritten() {
    let (mut mux, client, new, key) = asked();
    mux.limits.frame = 32;
    reply(&mut mux, new, &format!(":-1\r\n$100\r\n{}", "x".repeat(60)));
    reply(&mut mux, new, &format!("{}\r\n", "x".repeat(40)));
    assert!(sent(&mut mux, 0).contains("DUMP"));
    reply(&mut mux, 0, ":-1\r\n$3\r\nnew\r\n");
    assert!(sent(&mut mux, new).contains("REPLACE"));
    reply(&mut mux, new, "+OK\r\n");
    ends(&mut mux, client, new, &key);
}

#[test]
fn what_is_there_already_is_not_stored_again() {
    // It lives as long, but for the time that it takes to ask twice.
    for (there, here) in [(-1, -1), (4_000, 3_990), (3_990, 4_000)] {
        let (mut mux, client, new, key) = asked();
        reply(&mut mux, new, &format!(":{there}\r\n$3\r\nnew\r\n"));
        assert!(sent(&mut mux, 0).contains("DUMP"));
        reply(&mut mux, 0, &format!(":{here}\r\n$3\r\nnew\r\n"));
        assert_eq!(sent(&mut mux, new), "");
        ends(&mut mux, client, new, &key);
    }
}

#[test]
fn what_another_proxy_moves_in_between_is_left_alone() {
    let (mut mux, client, new, key) = asked();
    reply(&mut mux, new, ":-2\r\n$-1\r\n");
    assert!(sent(&mut mux, 0).contains("DUMP"));
    reply(&mut mux, 0, ":-1\r\n$3\r\nnew\r\n");
    let stored = sent(&mut mux, new);
    assert!(stored.contains("RESTORE") && !stored.contains("REPLACE"), "{stored}");
    reply(&mut mux, new, "-BUSYKEY Target key name already exists.\r\n");
    ends(&mut mux, client, new, &key);
}

#[test]
fn a_key_stays_where_it_is_while_its_new_server_does_not_say_what_it_has() {
    let (mut mux, client, new, key) = asked();
    reply(&mut mux, new, ":-1\r\n-NOPERM no\r\n");
    assert_eq!(listed(&mut mux), [client]);
    assert_eq!((take(&mut mux, client, &["GET", &key]), sent(&mut mux, 0)), (Taken::All, String::new()));
    assert!(told(&mux, client).contains("does not take a key that is to move there"));
    // The next begins anew.
    ask(&mut mux, client, &key);
    missing(&mut mux, new);
    assert!(sent(&mut mux, 0).contains("DUMP"));
}

#[test]
fn a6_where_a_reload_is_taken_back_what_had_not_moved_is_no_leftover() {
    for is_written in [false, true] {
        let mut mux = before(&["a"]);
        let key = key_of(&["a", "b"], 1);
        let client = mux.join("one").expect("a client");
        let added = reload(&mut mux, &["a", "b"], &[Some(0), None]);
        if is_written {
            // It is written at the second server, while the first is away.
            mux.shut(0, Some(Cause::Refused));
            assert_eq!(take(&mut mux, client, &["SET", &key, "x"]), Taken::All);
            assert!(sent(&mut mux, added[0]).contains("SET"));
            reply(&mut mux, added[0], "+OK\r\n");
            mux.shut(0, None);
        }
        reload(&mut mux, &["a"], &[Some(0)]);
        ask(&mut mux, client, &key);
        assert!(sent(&mut mux, 0).contains("DUMP"));
        reply(&mut mux, 0, ":-1\r\n$5\r\nfirst\r\n");
        assert!(sent(&mut mux, added[0]).contains("DUMP"));
        reply(&mut mux, added[0], ":-1\r\n$6\r\nsecond\r\n");
        assert_eq!(sent(&mut mux, 0).contains("REPLACE"), is_written);
    }
}
