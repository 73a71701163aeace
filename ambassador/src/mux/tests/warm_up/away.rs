//! An old server that cannot be asked for keys.

use std::time::Duration;

use entourage_core::Moment;

use super::{ask, before, listed, missing, reload, reply, sent, take};
use crate::{
    failure::Cause,
    mux::{ClientEnd, Mux, Taken},
    redis::Redis,
};

/// A mux whose only server has another in its place; that one's connection.
fn replaced() -> (Mux<Redis>, usize) {
    let mut mux = before(&["a"]);
    let added = reload(&mut mux, &["b"], &[None]);
    (mux, added[0])
}

#[test]
fn a6_what_was_deleted_while_the_old_server_was_away_stays_deleted() {
    let (mut mux, new) = replaced();
    let client = mux.join("one").expect("a client");
    mux.shut(0, Some(Cause::Refused));
    assert_eq!(take(&mut mux, client, &["DEL", "key"]), Taken::All);
    assert!(sent(&mut mux, new).contains("DEL"));
    reply(&mut mux, new, ":0\r\n");

    mux.connected(0);
    assert_eq!(take(&mut mux, client, &["GET", "key"]), Taken::All, "it is fetched no more");
    assert!(sent(&mut mux, new).contains("GET"));
    reply(&mut mux, new, "$-1\r\n");
    assert_eq!(sent(&mut mux, 0), "");
    ask(&mut mux, client, "other");
    missing(&mut mux, new);
}

#[test]
fn a6_nor_does_it_come_back_where_it_was_to_be_fetched_and_that_was_not_done() {
    for is_late in [false, true] {
        let (mut mux, new) = replaced();
        let client = mux.join("one").expect("a client");
        ask(&mut mux, client, "key");
        if is_late {
            missing(&mut mux, new);
            mux.give_up(0, Cause::Refused);
        } else {
            mux.shut(0, Some(Cause::Refused));
            missing(&mut mux, new);
        }
        assert_eq!(listed(&mut mux), [client]);
        assert_eq!(take(&mut mux, client, &["DEL", "key"]), Taken::All);
        assert!(sent(&mut mux, new).contains("DEL"));
        reply(&mut mux, new, ":0\r\n");

        mux.shut(0, None);
        mux.connected(0);
        assert_eq!(take(&mut mux, client, &["GET", "key"]), Taken::All);
        assert_eq!(sent(&mut mux, 0), "", "it is fetched no more");
    }
}

#[test]
fn a_warm_up_ends_when_it_cannot_remember_more_keys_of_a_server_that_is_away() {
    let (mut mux, _) = replaced();
    let client = mux.join("one").expect("a client");
    mux.shut(0, Some(Cause::Refused));
    let keys: Vec<_> = (0..(1 << 20) - 1).map(|number| format!("{number}")).collect();
    let words: Vec<_> = std::iter::once("MGET").chain(keys.iter().map(String::as_str)).collect();
    assert_eq!(take(&mut mux, client, &words), Taken::All);
    mux.connected(0);
    mux.cool_down();
    let other = mux.join("other").expect("a client");
    ask(&mut mux, other, "one more moves");

    mux.shut(0, Some(Cause::Refused));
    let last = mux.join("last").expect("a client");
    assert_eq!(take(&mut mux, last, &["GET", "the last"]), Taken::All);
    mux.connected(0);
    assert_eq!(take(&mut mux, last, &["GET", "no more move"]), Taken::All);
    assert!(mux.warmth.is_some(), "one is on its way");
    mux.leave(other, ClientEnd::Closed);
    mux.give_up(1, Cause::Refused);
    mux.cool_down();
    assert!(mux.warmth.is_none());
}

#[test]
fn a_warm_up_ends_after_its_time_though_keys_are_used_all_the_while() {
    let (mut mux, new) = replaced();
    let client = mux.join("one").expect("a client");
    ask(&mut mux, client, "early");
    mux.tell(Moment::ZERO + Duration::from_secs(60));
    mux.cool_down();
    let other = mux.join("other").expect("a client");
    assert_eq!(take(&mut mux, other, &["GET", "late"]), Taken::All, "it moves no more");
    assert!(mux.warmth.is_some(), "one is on its way");
    mux.give_up(new, Cause::Refused);
    mux.cool_down();
    assert!(mux.warmth.is_none());
}
