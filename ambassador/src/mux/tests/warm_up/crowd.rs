//! Many keys that move at once.

use super::{ask, before, key_of, listed, missing, pool, reload, reply, router, sent, take, told};
use crate::{
    mux::{ClientEnd, ClientKey, Mux, Taken, warmth::Warmth},
    redis::Redis,
};

/// So many keys are on their way at once, and one more for each client.
const MOVES: usize = 4_096;

/// A mux whose only server has another in its place; that one's connection, and a client.
fn replaced() -> (Mux<Redis>, usize, ClientKey) {
    let mut mux = before(&["a"]);
    let added = reload(&mut mux, &["b"], &[None]);
    let client = mux.join("one").expect("a client");
    (mux, added[0], client)
}

/// How many keys a server is asked for.
fn dumps(mux: &mut Mux<Redis>, line: usize) -> usize {
    sent(mux, line).matches("DUMP").count()
}

/// Neither server has these, of which the new one was asked.
fn none_there(mux: &mut Mux<Redis>, new: usize, count: usize) {
    reply(mux, new, &":-2\r\n$-1\r\n".repeat(count));
    assert_eq!(dumps(mux, 0), count);
    reply(mux, 0, &":-2\r\n$-1\r\n".repeat(count));
}

#[test]
fn keys_on_their_way_are_bounded_and_a_request_that_wants_more_waits() {
    let (mut mux, new, client) = replaced();
    let keys: Vec<_> = (0..3 * MOVES).map(|number| format!("key{number}")).collect();
    let words: Vec<_> = std::iter::once("MGET").chain(keys.iter().map(String::as_str)).collect();
    assert_eq!(take(&mut mux, client, &words), Taken::Enough);
    assert_eq!(dumps(&mut mux, new), MOVES);
    // Looked at in between, it asks for nothing again; nor is it looked at until half have arrived.
    assert_eq!((take(&mut mux, client, &words), dumps(&mut mux, new)), (Taken::Enough, 0));
    none_there(&mut mux, new, MOVES / 2 - 1);
    assert_eq!(listed(&mut mux), []);
    none_there(&mut mux, new, 1);
    assert_eq!(listed(&mut mux), [client]);
    assert_eq!((take(&mut mux, client, &words), dumps(&mut mux, new)), (Taken::Enough, MOVES / 2));

    // A single key waits for nobody else's.
    let other = mux.join("other").expect("a client");
    ask(&mut mux, other, "mine");
    assert_eq!(dumps(&mut mux, new), 1);
    none_there(&mut mux, new, MOVES / 2);
    assert_eq!(listed(&mut mux), []);
    none_there(&mut mux, new, MOVES / 2 + 1);
    assert_eq!(listed(&mut mux), [client, other], "there is room, and then the other's has arrived");
    assert_eq!(take(&mut mux, other, &["GET", "mine"]), Taken::All);

    // With the rest it goes on.
    sent(&mut mux, new);
    reply(&mut mux, new, "$-1\r\n");
    listed(&mut mux);
    assert_eq!((take(&mut mux, client, &words), dumps(&mut mux, new)), (Taken::Enough, MOVES));
    none_there(&mut mux, new, MOVES / 2);
    take(&mut mux, client, &words);
    let rest = dumps(&mut mux, new);
    assert_eq!(rest, MOVES / 2);
    none_there(&mut mux, new, MOVES);
    assert_eq!(listed(&mut mux), [client]);
    assert_eq!(take(&mut mux, client, &words), Taken::All);
}

#[test]
fn a_client_is_listed_once_when_the_last_of_its_keys_has_arrived() {
    let (mut mux, new, client) = replaced();
    assert_eq!(take(&mut mux, client, &["MGET", "one", "two", "three"]), Taken::Enough);
    assert_eq!(dumps(&mut mux, new), 3);
    for _ in 0..2 {
        none_there(&mut mux, new, 1);
        assert_eq!(listed(&mut mux), [], "it waits for the last");
    }
    none_there(&mut mux, new, 1);
    assert_eq!(listed(&mut mux), [client]);
    assert_eq!(take(&mut mux, client, &["MGET", "one", "two", "three"]), Taken::All);
}

#[test]
fn a_client_is_told_as_soon_as_any_of_its_keys_fails_and_no_other_request_of_it_is() {
    let (mut mux, new, client) = replaced();
    assert_eq!(take(&mut mux, client, &["MGET", "one", "two", "three"]), Taken::Enough);
    assert_eq!(dumps(&mut mux, new), 3);
    reply(&mut mux, new, ":-1\r\n-NOPERM no\r\n");
    assert_eq!(listed(&mut mux), [client]);
    assert_eq!(take(&mut mux, client, &["MGET", "one", "two", "three"]), Taken::All);
    assert!(told(&mux, client).starts_with("-ERR Device or resource busy"), "{}", told(&mux, client));
    mux.wrote_to_client(client, told(&mux, client).len());

    // The second key fails too, for which nobody waits any more.
    ask(&mut mux, client, "four");
    reply(&mut mux, new, ":-1\r\n-NOPERM no\r\n");
    listed(&mut mux);
    ask(&mut mux, client, "four");
    reply(&mut mux, new, ":-2\r\n$-1\r\n");
    missing(&mut mux, new);
    sent(&mut mux, 0);
    reply(&mut mux, 0, &":-2\r\n$-1\r\n".repeat(2));
    assert_eq!((listed(&mut mux), take(&mut mux, client, &["GET", "four"])), (vec![client], Taken::All));
    assert_eq!(told(&mux, client), "");
}

#[test]
fn a_client_that_is_gone_leaves_nothing_behind() {
    let (mut mux, new, client) = replaced();
    ask(&mut mux, client, "key");
    mux.leave(client, ClientEnd::Closed);
    missing(&mut mux, new);
    assert!(mux.warmth.as_ref().is_some_and(|warmth| warmth.waiters().count() == 0));
    sent(&mut mux, 0);
    reply(&mut mux, 0, ":-1\r\n-NOPERM no\r\n");
    assert!(mux.warmth.as_ref().is_some_and(Warmth::is_still));
}

#[test]
fn a_key_that_belonged_elsewhere_while_another_was_waited_for_moves_too() {
    let (servers, kept) = (["a", "b", "c"], [Some(0), None, None]);
    let mut mux = before(&["a"]);
    let client = mux.join("one").expect("a client");
    let added = reload(&mut mux, &servers, &kept);
    mux.lines.router.set_ejected(1, true);
    // A key of the second server that the first has while that is ejected, and a key of the third.
    let is_firsts = |key: &String| mux.lines.router.server(key.as_bytes()) == Ok(0);
    let of = |place| move |key: &String| router(&pool(&servers)).server(key.as_bytes()) == Ok(place);
    let keys = || (0..).map(|number| format!("key{number}"));
    let first = keys().find(|key| of(1)(key) && is_firsts(key)).expect("each has keys");
    let second = key_of(&servers, 2);
    let words = ["MGET", &first, &second];
    assert_eq!(take(&mut mux, client, &words), Taken::Enough);
    missing(&mut mux, added[1]);
    assert!(!sent(&mut mux, 0).contains(&first), "it is where it belongs");
    mux.lines.router.set_ejected(1, false);
    reply(&mut mux, 0, ":-2\r\n$-1\r\n");
    assert_eq!((listed(&mut mux), take(&mut mux, client, &words)), (vec![client], Taken::Enough));
    assert!(sent(&mut mux, added[0]).contains(&first), "its own server is back");
}
