//! What a client sends, in whatever pieces it comes.

use proptest::prelude::*;

use super::rig::{Rig, text};
use crate::{
    limits::Limits,
    options::{OnEjected, Partial},
};

/// Requests of all sorts, sound and not.
const REQUESTS: [&str; 26] = [
    "get a\r\n",
    "get a b c\r\n",
    "gets a\n",
    "gat 0 a\r\n",
    "get\r\n",
    "\r\n",
    "set a 1 0 5\r\nab\r\nc\r\n",
    "set a 1 0 5\r\nabcdefg",
    "set a 1 0 0 noreply\r\n\r\n",
    "set a 1 0 x\r\n",
    "cas a 1 0 1 9\r\nx\r\n",
    "append a 0 0 2\n\r\n\r\n",
    "ms a 3 T0\r\nget\r\n",
    "ms a\r\n",
    "ms a 2 q q\r\nxx\r\n",
    "mg a v q\r\n",
    "mn\r\n",
    "md a\r\n",
    "ma a N0\r\n",
    "me a\r\n",
    "delete a noreply\r\n",
    "incr a 1\r\n",
    "touch a noreply\r\n",
    "verbosity 1\r\n",
    "stats\r\n",
    "nonsense\r\n",
];

/// What a server and the client are told of these bytes.
fn outcome(pieces: impl IntoIterator<Item = impl AsRef<[u8]>>, limits: Limits) -> (String, String, bool) {
    let mut rig = Rig::with(1, Partial::Error, OnEjected::Rehash, limits);
    for piece in pieces {
        rig.send(piece.as_ref());
    }
    let asked = text(&rig.asked(0));
    rig.lose(0);
    (asked, text(&rig.told()), rig.is_ending())
}

#[test]
fn requests_are_the_same_in_whatever_pieces_they_come() {
    for request in REQUESTS {
        let bytes = [request.as_bytes(), b"mn\r\n"].concat();
        let whole = outcome([&bytes], Limits::default());
        for at in 0..bytes.len() {
            let (front, back) = bytes.split_at(at);
            assert_eq!(outcome([front, back], Limits::default()), whole, "{request:?} cut at {at}");
        }
        assert_eq!(outcome(bytes.chunks(1), Limits::default()), whole, "{request:?} byte by byte");
    }
}

#[test]
fn a_line_without_an_end_is_not_waited_for() {
    for (line, is_long) in
        [("set ", false), ("gat 0 ", false), ("get ", true), ("gets k ", true), ("  get ", true)]
    {
        let mut rig = Rig::new(1);
        rig.send(line.as_bytes()).send(&[b'k'; 2_040]).send(b"kkkkkkkkk");
        assert_eq!(rig.is_ending(), !is_long, "{line:?}");
        assert_eq!(text(&rig.told()), if is_long { "" } else { "CLIENT_ERROR line too long\r\n" });
    }
    let mut rig = Rig::new(1);
    rig.send(&[b' '; 101]).send(b"get k ").send(&[b'k'; 2_048]);
    assert!(rig.is_ending(), "so many spaces");
}

#[test]
fn a_line_that_is_too_long_is_so_wherever_it_is_cut() {
    for len in [2_047, 2_048, 2_049] {
        let bytes = [&vec![b'x'; len][..], b"\nmn\r\n"].concat();
        let whole = outcome([&bytes], Limits::default());
        assert_eq!(whole.2, len > 2_048);
        for at in [1, 2_040, len - 1, len, len + 1] {
            assert_eq!(outcome([&bytes[..at], &bytes[at..]], Limits::default()), whole, "{len} cut at {at}");
        }
    }
}

#[test]
fn a_value_that_is_too_large_is_thrown_away_and_what_the_key_had_is_deleted() {
    let limits = Limits { frame: 1_000, ..Limits::default() };
    for (line, deletion) in [
        ("set k 0 0 5000\r\n", "delete k 0\r\n"),
        ("ms bk 5000 T0\r\n", "md bk\r\n"),
        ("ms bk 5000 T0 q b\r\n", "md bk b\r\n"),
    ] {
        let mut rig = Rig::with(1, Partial::Error, OnEjected::Rehash, limits.clone());
        rig.send(line.as_bytes());
        for _ in 0..50 {
            rig.send(&[b'\n'; 100]);
            assert_eq!(rig.held(), 0, "nothing of it is kept");
        }
        rig.send(b"\r\nget k\r\n");
        assert_eq!(text(&rig.asked(0)), format!("{deletion}get k\r\n"));
        let deleted: &[u8] = if deletion.starts_with("md") { b"NF\r\n" } else { b"DELETED\r\n" };
        rig.reply(0, deleted).expect("it is a reply");
        rig.reply(0, b"END\r\n").expect("it is a reply");
        assert_eq!(text(&rig.told()), "SERVER_ERROR object too large for cache\r\nEND\r\n");
    }
    let mut rig = Rig::with(1, Partial::Error, OnEjected::Rehash, limits);
    rig.send(b"add k 0 0 1000\r\n").send(&[b'x'; 1_000]).send(b"\r\nmn\r\n");
    assert_eq!(text(&rig.told()), "SERVER_ERROR object too large for cache\r\nMN\r\n");
    assert_eq!(text(&rig.asked(0)), "", "an add leaves what is there");
}

#[test]
fn more_keys_than_allowed_are_refused_and_the_connection_goes_on() {
    let limits = Limits { arguments: 3.try_into().expect("not zero"), ..Limits::default() };
    let (asked, told, ends) = outcome([b"get 1 2 3 4\r\nmn\r\n"], limits);
    assert_eq!((asked.as_str(), ends), ("", false));
    assert_eq!(told, "CLIENT_ERROR too many keys; ask for fewer at a time\r\nMN\r\n");
}

#[test]
fn a_client_of_the_binary_protocol_is_not_kept_waiting() {
    // A `get`, whose last byte is that of the key.
    let header = [&[0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1][..], &[0; 12], b"k"].concat();
    let (asked, told, ends) = outcome([&header], Limits::default());
    assert!(ends && asked.is_empty() && told.starts_with("CLIENT_ERROR the binary protocol "), "{told:?}");
}

#[test]
fn what_looks_like_http_is_ended_without_a_word() {
    for request in ["POST / HTTP/1.1\r\n", "GET /x HTTP/1.0\r\n"] {
        assert_eq!(outcome([request], Limits::default()), (String::new(), String::new(), true));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_of_a_client_do_harm(
        pieces in prop::collection::vec(prop_oneof![
            3 => prop::sample::select(&REQUESTS[..]).prop_map(|request| request.as_bytes().to_vec()),
            2 => prop::collection::vec(any::<u8>(), 0..60),
            1 => "[a-z]{2,6}( {1,2}[a-z0-9]{0,6}){0,6}\r?\n".prop_map(String::into_bytes),
        ], 0..12),
    ) {
        let whole = outcome([pieces.concat()], Limits::default());
        prop_assert_eq!(outcome(&pieces, Limits::default()), whole);
    }
}
