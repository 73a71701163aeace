//! What a server sends.

use proptest::prelude::*;

use super::rig::{Rig, text};
use crate::{
    limits::Limits,
    memcached::{
        fuzzing::KINDS,
        reply::{Expected, Kind, Measure},
        request::Silence,
    },
    options::{OnEjected, Partial},
};

/// Replies, and which of the kinds each may be of, by their places.
const REPLIES: [(&str, &[usize]); 17] = [
    ("END\r\n", &[0, 1]),
    ("VALUE k 0 3\r\na\r\n\r\nEND\r\n", &[0]),
    ("VALUE k 4294967295 0 77\r\n\r\nEND\r\n", &[1]),
    ("STORED\r\n", &[2, 3]),
    ("NOT_FOUND\r\n", &[2, 3, 4, 5, 6, 13]),
    ("DELETED\r\n", &[4, 13]),
    ("TOUCHED\r\n", &[5]),
    ("18446744073709551615\r\n", &[6]),
    ("VA 2 f0 Oabc\r\n\r\n\r\n", &[7, 10]),
    ("HD c1\r\n", &[7, 8, 9, 10, 13]),
    ("EN\r\n", &[7, 8, 9, 10, 11]),
    ("ME k exp=-1 la=0\r\n", &[11]),
    ("VERSION 1.6.18\r\n", &[12]),
    ("OK\r\n", &[7, 8, 9, 10]),
    ("RESET\r\n", &[]),
    ("END \r\n", &[]),
    ("END\n", &[]),
];

fn expected(kind: Kind) -> Expected {
    Expected { kind, silence: Silence::None, most: 1 }
}

#[test]
fn a_reply_is_believed_only_if_it_can_be_one_to_what_was_asked() {
    for (reply, of) in REPLIES {
        for (place, kind) in KINDS.into_iter().enumerate() {
            let measured = Measure::default().reply(expected(kind), reply.as_bytes());
            match of.contains(&place) {
                true => assert_eq!(measured, Ok(Some(reply.len())), "{reply:?} of {kind:?}"),
                false => assert!(measured.is_err(), "{reply:?} of {kind:?}"),
            }
        }
    }
}

#[test]
fn every_request_may_be_answered_with_an_error() {
    for kind in KINDS {
        for error in ["CLIENT_ERROR bad data chunk\r\n", "SERVER_ERROR out of memory\r\n"] {
            assert_eq!(Measure::default().reply(expected(kind), error.as_bytes()), Ok(Some(error.len())));
        }
    }
}

#[test]
fn a_server_that_lies_is_found_out() {
    for (asked, reply) in [
        ("get k\r\n", "VALUE k 0 1\r\nvv\r\nEND\r\n"),
        ("get k\r\n", "VALUE k 0 1\r\nv\r\nVALUE k 0 1\r\nv\r\nEND\r\n"),
        ("get k\r\n", "VALUE k 0 1 5\r\nv\r\nEND\r\n"),
        ("get k\r\n", "VALUE k 0 -1\r\n"),
        ("get k\r\n", "VALUE k 0 4294967296\r\n"),
        ("gets k\r\n", "VALUE k 0 1\r\nv\r\nEND\r\n"),
        ("mg k v\r\n", "VA x\r\n"),
        ("incr k 1\r\n", "-1\r\n"),
        ("version\r\n", "STORED\r\n"),
        // The value is what it reads next, as requests: of an old server, that has no meta commands.
        ("ms k 9\r\nflush_all\r\n", "ERROR\r\n"),
        ("set k 0 0 9\r\nflush_all\r\n", "ERROR\r\n"),
        ("set k 0 0 9\r\nflush_all\r\n", "CLIENT_ERROR bad command line format\r\n"),
    ] {
        let mut rig = Rig::new(1);
        rig.send(asked.as_bytes()).asked(0);
        assert!(rig.reply(0, reply.as_bytes()).is_err(), "{reply:?} to {asked:?}");
        assert_eq!(text(&rig.told()), "", "{reply:?}");
    }
    let mut rig = Rig::new(1);
    assert!(rig.reply(0, b"END\r\n").is_err(), "nothing was asked");
    rig.send(b"get k\r\n").asked(0);
    assert!(rig.reply(0, &[b'x'; 4_096]).is_err(), "a line without an end");
}

#[test]
fn a_reply_that_is_too_long_is_thrown_away_and_the_next_one_is_not() {
    let limits = Limits { frame: 1_000, ..Limits::default() };
    let mut rig = Rig::with(1, Partial::Error, OnEjected::Rehash, limits);
    rig.send(b"get k l\r\nmg k v\r\nget m\r\n").asked(0);
    let long = "\r\nEND\r\n".repeat(1_000);
    let values = format!("VALUE k 0 7000\r\n{long}\r\nVALUE l 0 7000\r\n{long}\r\nEND\r\n");
    let replies = values + &format!("VA 7000 f0\r\n{long}\r\nVALUE m 0 1\r\nv\r\nEND\r\n");
    for piece in replies.as_bytes().chunks(301) {
        rig.reply(0, piece).expect("it is a reply");
        assert!(rig.unmeasured(0) <= 2_000, "what is thrown away is not kept");
    }
    let told = text(&rig.told());
    let told: Vec<_> = told.split_inclusive("\r\n").collect();
    assert!(told[..2].iter().all(|line| line.starts_with("SERVER_ERROR Message too long: ")), "{told:?}");
    assert_eq!(told[2..].concat(), "VALUE m 0 1\r\nv\r\nEND\r\n");
}

#[test]
fn a_server_that_forgets_replies_is_believed_nothing_more() {
    let mut rig = Rig::new(1);
    rig.send(b"get a\r\nget b\r\nget c\r\n").asked(0);
    // It has forgotten the reply to the first, and this is of the second.
    let forgets = b"SERVER_ERROR out of memory writing get response\r\nVALUE c 0 1\r\nv\r\nEND\r\n";
    assert!(rig.reply(0, forgets).is_err());
    rig.lose(0);
    let told = text(&rig.told());
    assert_eq!(told.matches("SERVER_ERROR Connection reset by peer").count(), 3, "{told}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_reply_is_measured_alike_in_whatever_pieces_it_comes(
        which in 0..REPLIES.len(),
        tail in prop::collection::vec(any::<u8>(), 0..8),
    ) {
        let (reply, of) = REPLIES[which];
        let whole = [reply.as_bytes(), &tail].concat();
        for &place in of {
            let mut measure = Measure::default();
            for len in 0..reply.len() {
                prop_assert_eq!(measure.reply(expected(KINDS[place]), &whole[..len]), Ok(None));
            }
            prop_assert_eq!(measure.reply(expected(KINDS[place]), &whole), Ok(Some(reply.len())));
        }
    }

    #[test]
    fn no_bytes_of_a_server_are_more_than_a_lie(
        pieces in prop::collection::vec(prop_oneof![
            prop::collection::vec(any::<u8>(), 0..40),
            Just(b"VALUE k 0 5\r\n".to_vec()),
            Just(b"VA 5\r\n".to_vec()),
            Just(b"END\r\n".to_vec()),
        ], 0..6),
        place in 0..KINDS.len(),
    ) {
        let (mut measure, mut input) = (Measure::default(), Vec::new());
        for piece in pieces {
            input.extend_from_slice(&piece);
            match measure.reply(expected(KINDS[place]), &input) {
                Ok(None) => {
                    let skipped = measure.skip(&input);
                    prop_assert!(skipped <= input.len());
                    input.drain(..skipped);
                }
                Ok(Some(len)) => {
                    prop_assert!(len <= input.len());
                    break;
                }
                Err(_) => break,
            }
        }
    }
}
