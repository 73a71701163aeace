//! Keys on several servers.

use super::rig::{Rig, text};
use crate::{
    limits::Limits,
    options::{OnEjected, Partial},
};

fn value(key: &str) -> String {
    format!("VALUE {key} 0 {}\r\nof {key}\r\n", key.len() + 3)
}

#[test]
fn values_come_in_the_order_of_the_keys() {
    let keys = Rig::keys(3);
    let [a, b, c] = [&keys[0], &keys[1], &keys[2]];
    let mut rig = Rig::new(3);
    rig.send(format!("get {c} absent {a} {b} {a} {c}\r\n").as_bytes());
    let asked: Vec<_> = (0..3).map(|server| text(&rig.asked(server))).collect();
    assert!(asked[0].contains(&format!(" {a}")) && asked[0].matches(a.as_str()).count() == 2, "{asked:?}");
    for server in [2, 0, 1] {
        assert_eq!(text(&rig.told()), "");
        let key = &keys[server];
        let reply = value(key).repeat(asked[server].matches(key.as_str()).count()) + "END\r\n";
        rig.reply(server, reply.as_bytes()).expect("it is a reply");
    }
    assert_eq!(text(&rig.told()), [c, a, b, a, c].map(|key| value(key)).concat() + "END\r\n");
}

#[test]
fn keys_of_one_server_go_as_they_came() {
    let mut rig = Rig::new(1);
    rig.send(b"gats 60 a b a\r\n");
    assert_eq!(text(&rig.asked(0)), "gats 60 a b a\r\n");
    rig.send(b"  get   a  b\n");
    assert_eq!(text(&rig.asked(0)), "get a b\r\n", "a server may know no line that begins with a space");
}

#[test]
fn the_words_before_the_keys_go_to_every_server() {
    let keys = Rig::keys(2);
    let mut rig = Rig::new(2);
    rig.send(format!("gat 60 {} {}\r\n", keys[0], keys[1]).as_bytes());
    assert_eq!(text(&rig.asked(0)), format!("gat 60 {}\r\n", keys[0]));
    assert_eq!(text(&rig.asked(1)), format!("gat 60 {}\r\n", keys[1]));
}

#[test]
fn what_is_told_of_a_part_that_is_lost_is_as_the_policy_says() {
    let keys = Rig::keys(2);
    let [a, b] = [&keys[0], &keys[1]];
    for (partial, told) in [
        (Partial::Error, "SERVER_ERROR Connection reset by peer: s1 went away".to_owned()),
        (Partial::Miss, value(a) + "END\r\n"),
        (Partial::PerKey, value(a) + "END\r\n"),
    ] {
        let mut rig = Rig::with(2, partial, OnEjected::Rehash, Limits::default());
        rig.send(format!("get {b} {a}\r\nmn\r\n").as_bytes());
        let _ = (rig.asked(0), rig.asked(1));
        rig.lose(1);
        rig.reply(0, (value(a) + "END\r\n").as_bytes()).expect("it is a reply");
        let said = text(&rig.told());
        assert!(said.starts_with(&told) && said.ends_with("\r\nMN\r\n"), "{partial:?}: {said}");
    }
}

#[test]
fn an_error_of_a_server_is_told_for_all_of_it() {
    let keys = Rig::keys(2);
    let mut rig = Rig::new(2);
    rig.send(format!("get {} {}\r\n", keys[0], keys[1]).as_bytes());
    let _ = (rig.asked(0), rig.asked(1));
    rig.reply(0, (value(&keys[0]) + "END\r\n").as_bytes()).expect("it is a reply");
    rig.reply(1, b"SERVER_ERROR temporary failure\r\n").expect("it is a reply");
    assert_eq!(text(&rig.told()), "SERVER_ERROR temporary failure\r\n");
}

#[test]
fn a_value_that_was_not_asked_for_is_no_part_of_an_answer() {
    let keys = Rig::keys(2);
    let mut rig = Rig::new(2);
    rig.send(format!("get {} {}\r\n", keys[0], keys[1]).as_bytes());
    let _ = (rig.asked(0), rig.asked(1));
    rig.reply(0, (value(&keys[0]) + "END\r\n").as_bytes()).expect("it is a reply");
    rig.reply(1, (value("stranger") + "END\r\n").as_bytes()).expect("it looks like a reply");
    let told = text(&rig.told());
    assert!(told.ends_with(
        "SERVER_ERROR Invalid argument: a server answered with a key that it was not asked for\r\n"
    ));
    assert!(!told.contains("stranger"), "{told}");
}

#[test]
fn keys_of_an_ejected_server_are_missing_where_that_is_the_policy() {
    let keys = Rig::keys(2);
    let [a, b] = [&keys[0], &keys[1]];
    let mut rig = Rig::with(2, Partial::Error, OnEjected::Miss, Limits::default());
    rig.eject(1);
    rig.send(format!("get {b}\r\nmg {b} v O7 k\r\nget {b} {b}\r\nset {b} 0 0 0\r\n\r\n").as_bytes());
    let told = text(&rig.told());
    let missed = format!("END\r\nEN O7 k{b}\r\nEND\r\nSERVER_ERROR Host is down");
    assert!(told.starts_with(&missed), "{told}");
    rig.send(format!("get {b} {a}\r\n").as_bytes());
    assert_eq!(text(&rig.asked(0)), format!("get {a}\r\n"));
    rig.reply(0, (value(a) + "END\r\n").as_bytes()).expect("it is a reply");
    assert_eq!(text(&rig.told()), value(a) + "END\r\n");
}

#[test]
fn a_line_to_a_server_is_never_longer_than_servers_count() {
    let mut rig = Rig::new(1);
    let keys: Vec<_> = (0..1_000).map(|number| format!("{number:0>200}")).collect();
    rig.send(format!("get {}\r\n", keys.join(" ")).as_bytes());
    let asked = text(&rig.asked(0));
    assert!(asked.lines().count() > 1 && asked.lines().all(|line| line.len() <= 33 * 1024));
    let found: Vec<_> = asked.split_whitespace().filter(|word| *word != "get").collect();
    assert_eq!(found, keys);
    for line in asked.lines() {
        let values: String = line.split(' ').skip(1).map(value).collect();
        rig.reply(0, (values + "END\r\n").as_bytes()).expect("it is a reply");
    }
    assert_eq!(text(&rig.told()), keys.iter().map(|key| value(key)).collect::<String>() + "END\r\n");
}
