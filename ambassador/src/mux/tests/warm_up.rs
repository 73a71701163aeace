//! Keys that move while the pool changes again, or a server is elsewhere.

mod away;
mod crowd;
mod leftovers;

use std::{io::IoSlice, time::Duration};

use entourage_core::Moment;

use crate::{
    limits::Limits,
    mux::{ClientKey, Input, Mux, Shape, Taken},
    nutcracker::{Config, Pool},
    options::{OnEjected, Options},
    pool::{Ejection, Router},
    protocol::Protocol,
    redis::Redis,
};

const EJECTION: Ejection = Ejection { limit: None, retry: Duration::ZERO };

fn pool(names: &[&str]) -> Pool {
    let listed: String = names.iter().map(|name| format!("   - 127.0.0.1:2:1 {name}\n")).collect();
    let text = format!("p:\n  listen: 127.0.0.1:1\n  redis: true\n  servers:\n{listed}");
    Config::parse(&text).expect("the file is right").pools.remove(0)
}

fn router(pool: &Pool) -> Router {
    Router::new(pool, OnEjected::Rehash).expect("they make a ring")
}

/// A mux before these servers, each of which is up.
fn before(names: &[&str]) -> Mux<Redis> {
    let pool = pool(names);
    let protocol = Redis::of(&pool, &Options::default(), Moment::ZERO, 0);
    let mut mux = Mux::new(protocol, router(&pool), 1, EJECTION, Limits::default());
    (0..names.len()).for_each(|line| mux.connected(line));
    mux
}

/// Serves these from now on, with those of before that are named; the new connections are up.
fn reload(mux: &mut Mux<Redis>, names: &[&str], kept: &[Option<usize>]) -> Vec<usize> {
    let pool = pool(names);
    let added = mux.reshape(Shape {
        protocol: Redis::of(&pool, &Options::default(), Moment::ZERO, 0),
        router: router(&pool),
        kept: kept.to_vec(),
        connections: 1,
        ejection: EJECTION,
        limits: Limits::default(),
        warm_up: Some(Duration::from_secs(60)),
    });
    added.iter().for_each(|(_, line)| mux.connected(*line));
    added.into_iter().map(|(_, line)| line).collect()
}

/// A key that is the `place`-th server's of these.
fn key_of(names: &[&str], place: usize) -> String {
    let router = router(&pool(names));
    let is_its = |key: &String| router.server(key.as_bytes()) == Ok(place);
    (0..).map(|number| format!("key{number}")).find(is_its).expect("each has keys")
}

/// A request of these words.
fn request(words: &[&str]) -> Vec<u8> {
    let mut request = format!("*{}\r\n", words.len());
    words.iter().for_each(|word| request += &format!("${}\r\n{word}\r\n", word.len()));
    request.into_bytes()
}

/// Sends a request; whether it has gone on.
fn take(mux: &mut Mux<Redis>, client: ClientKey, words: &[&str]) -> Taken {
    mux.take(client, &mut Input::Lent(&request(words)))
}

/// Asks for a key that has to move first.
fn ask(mux: &mut Mux<Redis>, client: ClientKey, key: &str) {
    assert_eq!(take(mux, client, &["GET", key]), Taken::Enough);
}

/// What is to be written to a client.
fn told(mux: &Mux<Redis>, client: ClientKey) -> String {
    let mut slices = [IoSlice::new(&[]); 16];
    let count = mux.for_client(client, &mut slices);
    let bytes: Vec<u8> = slices[..count].iter().flat_map(|slice| slice.to_vec()).collect();
    String::from_utf8(bytes).expect("replies are text here")
}

/// The clients that are to be looked at again.
fn listed(mux: &mut Mux<Redis>) -> Vec<ClientKey> {
    let mut clients = Vec::new();
    mux.listed_clients(&mut clients);
    clients
}

/// Sends all that waits for this connection; what that was.
fn sent(mux: &mut Mux<Redis>, line: usize) -> String {
    let mut bytes = Vec::new();
    loop {
        let mut slices = [IoSlice::new(&[]); 16];
        let count = mux.for_server(line, &mut slices);
        let before = bytes.len();
        slices[..count].iter().for_each(|slice| bytes.extend_from_slice(slice));
        if bytes.len() == before {
            return String::from_utf8(bytes).expect("keys are text here");
        }
        mux.sent(line, bytes.len() - before);
    }
}

fn reply(mux: &mut Mux<Redis>, line: usize, bytes: &str) {
    mux.reply(line, &mut Input::Lent(bytes.as_bytes())).expect("it was asked for");
}

/// A server is asked for a key and has none.
fn missing(mux: &mut Mux<Redis>, line: usize) {
    assert!(sent(mux, line).contains("DUMP"), "it is asked first");
    reply(mux, line, ":-2\r\n$-1\r\n");
}

#[test]
fn a6_what_was_fetched_before_another_reload_is_stored_under_no_other_key() {
    let mut mux = before(&["a", "b"]);
    let (of_a, of_c) = (key_of(&["a", "b"], 0), key_of(&["b", "c"], 1));
    let (one, other) = (mux.join("one").expect("a client"), mux.join("other").expect("a client"));
    reload(&mut mux, &["b"], &[Some(1)]);
    ask(&mut mux, one, &of_a);
    missing(&mut mux, 1);
    assert!(sent(&mut mux, 0).contains("DUMP"), "the old server is asked for the key");

    let added = reload(&mut mux, &["b", "c"], &[Some(0), None]);
    ask(&mut mux, other, &of_c);
    missing(&mut mux, added[0]);
    assert!(sent(&mut mux, 1).contains(&of_c));
    // The first server answers now, which nobody waits for any more.
    reply(&mut mux, 0, ":-1\r\n$5\r\nwrong\r\n");
    assert_eq!(sent(&mut mux, added[0]), "", "nothing is known yet of the second key");
    reply(&mut mux, 1, ":-1\r\n$5\r\nright\r\n");
    let stored = sent(&mut mux, added[0]);
    assert!(stored.contains("RESTORE") && stored.contains(&of_c) && stored.contains("right"), "{stored}");
}

#[test]
fn a6_a_key_is_deleted_where_its_old_server_is_now() {
    let mut mux = before(&["a"]);
    let key = key_of(&["a", "b"], 1);
    let client = mux.join("one").expect("a client");
    let added = reload(&mut mux, &["a", "b"], &[Some(0), None]);
    ask(&mut mux, client, &key);
    missing(&mut mux, added[0]);
    sent(&mut mux, 0);
    // The old server's name has another address; what was asked is answered over the old connection.
    let elsewhere = mux.replace(0).expect("it is of the pool");
    mux.connected(elsewhere);
    reply(&mut mux, 0, ":-1\r\n$5\r\nvalue\r\n");
    mux.forget(0);
    assert!(sent(&mut mux, added[0]).contains("RESTORE"));
    reply(&mut mux, added[0], "+OK\r\n");
    assert!(sent(&mut mux, elsewhere).contains("UNLINK"), "the old server forgets it");
    reply(&mut mux, elsewhere, ":1\r\n");

    assert_eq!(take(&mut mux, client, &["GET", &key]), Taken::All);
    assert!(sent(&mut mux, added[0]).contains("GET"), "the request goes where the key is");
    reply(&mut mux, added[0], "$5\r\nvalue\r\n");
    // The next key is fetched from there too.
    let next = (0..)
        .map(|n| format!("next{n}"))
        .find(|key| router(&pool(&["a", "b"])).server(key.as_bytes()) == Ok(1));
    ask(&mut mux, client, &next.expect("each has keys"));
    missing(&mut mux, added[0]);
    assert!(sent(&mut mux, elsewhere).contains("DUMP"));
}
