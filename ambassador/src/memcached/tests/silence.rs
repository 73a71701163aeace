//! `noreply` and `q`: what a client does not want to see, and what a server says all the same.

use entourage_core::Moment;

use super::rig::{Rig, text};
use crate::{
    failure::Failure, memcached::Memcached, nutcracker::Config, options::Options, protocol::Protocol,
};

#[test]
fn a_server_is_never_asked_to_be_silent() {
    for (asked, forwarded, reply) in [
        ("set k 0 0 1 noreply\r\nv\r\n", "set k 0 0 1\r\nv\r\n", "STORED\r\n"),
        ("cas k 0 0 1 7 noreply\r\nv\r\n", "cas k 0 0 1 7\r\nv\r\n", "EXISTS\r\n"),
        ("delete k noreply\r\n", "delete k\r\n", "DELETED\r\n"),
        ("delete k 0 noreply\r\n", "delete k 0\r\n", "NOT_FOUND\r\n"),
        ("incr k 1 noreply\r\n", "incr k 1\r\n", "8\r\n"),
        ("touch k 0 noreply\r\n", "touch k 0\r\n", "TOUCHED\r\n"),
        ("touch k x noreply\r\n", "touch k x\r\n", "CLIENT_ERROR invalid exptime argument\r\n"),
        ("mg k v q O1\r\n", "mg k v O1\r\n", "EN O1\r\n"),
        ("ms k 1 q\r\nv\r\n", "ms k 1\r\nv\r\n", "HD\r\n"),
        ("md quite q\r\n", "md quite\r\n", "HD\r\n"),
        ("ma k qx v\r\n", "ma k v\r\n", "VA 1\r\n3\r\n"),
    ] {
        let mut rig = Rig::new(1);
        assert_eq!(text(&rig.send(asked.as_bytes()).asked(0)), forwarded);
        rig.reply(0, reply.as_bytes()).expect("it is a reply");
        assert_eq!(text(&rig.told()), "", "{asked:?}");
        assert!(!rig.waits());
        rig.send(b"mn\r\n");
        assert_eq!(text(&rig.told()), "MN\r\n");
    }
}

#[test]
fn what_is_not_to_be_expected_is_told_in_spite_of_q() {
    for (asked, reply) in [
        ("mg k v q\r\n", "VA 1\r\nv\r\n"),
        ("mg k q\r\n", "HD\r\n"),
        ("ms k 1 q\r\nv\r\n", "NS\r\n"),
        ("ms k 1 q\r\nv\r\n", "SERVER_ERROR out of memory storing object\r\n"),
        ("md k q\r\n", "EX\r\n"),
        ("md k q\r\n", "NF\r\n"),
        ("ma k q\r\n", "NF\r\n"),
    ] {
        let mut rig = Rig::new(1);
        rig.send(asked.as_bytes()).asked(0);
        rig.reply(0, reply.as_bytes()).expect("it is a reply");
        assert_eq!(text(&rig.told()), reply, "{asked:?}");
    }
}

#[test]
fn mn_is_answered_behind_all_that_was_asked_before_it() {
    let mut rig = Rig::new(1);
    rig.send(b"mg a v q\r\nmg b v q\r\nmn\r\n");
    assert_eq!(text(&rig.asked(0)), "mg a v\r\nmg b v\r\n");
    assert_eq!(text(&rig.told()), "");
    rig.reply(0, b"EN\r\n").expect("it is a reply");
    assert_eq!(text(&rig.told()), "");
    rig.reply(0, b"VA 1\r\nx\r\n").expect("it is a reply");
    assert_eq!(text(&rig.told()), "VA 1\r\nx\r\nMN\r\n");
}

#[test]
fn a_lost_server_is_told_of_but_not_where_noreply_forbids_it() {
    let mut rig = Rig::new(1);
    rig.send(b"set k 0 0 1 noreply\r\nv\r\nmg k q\r\nget k\r\n").asked(0);
    rig.lose(0);
    let told = text(&rig.told());
    assert_eq!(told.matches("SERVER_ERROR Connection reset by peer").count(), 2, "{told}");
}

#[test]
fn why_a_request_was_not_sent_is_told_but_not_where_noreply_forbids_it() {
    let text = "p:\n  listen: 127.0.0.1:1\n  servers:\n   - a:1:1\n";
    let pool = Config::parse(text).expect("the file is right").pools.remove(0);
    let mut protocol = Memcached::of(&pool, &Options::default(), Moment::ZERO, 0);
    let mut session = protocol.session(1, "127.0.0.1:3", Moment::ZERO);
    for (request, is_told) in [
        ("set k 0 0 1 noreply\r\nv\r\n", false),
        ("set k 0 0 1\r\nv\r\n", true),
        ("incr k 1 noreply\r\n", false),
        ("mg k v q\r\n", true),
    ] {
        assert_eq!(protocol.split(&mut session, request.as_bytes()), Ok(Some(request.len())));
        let mut out = Vec::new();
        protocol.say(&Failure::unheard(), &mut out);
        assert_eq!(out.starts_with(b"SERVER_ERROR "), is_told, "{request:?}");
        assert_eq!(out.is_empty(), !is_told, "{request:?}");
    }
}
