//! Answers, against those of a real server.

use super::Client;
use crate::redis::command::tests::{Peer, Value, lines, redis};

/// What any client may send.
const OPEN: &str = "
    PING | ping hello | PING a b | ECHO hello | ECHO | ECHO a b | SELECT 0 | SELECT 1 | SELECT -1 |
    SELECT x | SELECT 00 | SELECT | SELECT 99999999999999999999 | ROLE | ROLE x | HELLO | HELLO 2 |
    hello 2 | HELLO 1 | HELLO 4 | HELLO 0 | HELLO -3 | HELLO x | HELLO 02 | HELLO 2 AUTH |
    HELLO 2 AUTH a | HELLO 2 AUTH default any | HELLO 2 AUTH other any | HELLO 2 NOTHING |
    HELLO 2 SETNAME | HELLO 2 SETNAME me | CLIENT GETNAME | HELLO 2 AUTH default x SETNAME you |
    client getname | HELLO 2 SETNAME me NOTHING | CLIENT GETNAME | CLIENT SETNAME me | CLIENT GETNAME |
    CLIENT SETNAME | CLIENT SETNAME a b | CLIENT GETNAME x | CLIENT REPLY ON | CLIENT REPLY x |
    CLIENT REPLY | CLIENT NO-EVICT ON | CLIENT NO-EVICT off | CLIENT NO-EVICT x | CLIENT TRACKING OFF |
    CLIENT TRACKING x | CLIENT GETREDIR | CLIENT LIST TYPE x | CLIENT LIST TYPE pubsub |
    CLIENT LIST TYPE replica | CLIENT LIST x | CLIENT LIST ID | CLIENT LIST ID x |
    CLIENT LIST ID 999999 | CLIENT LIST TYPE | CLIENT LIST TYPE normal x | CLIENT nothing | CLIENT |
    AUTH any | AUTH default any | AUTH other any | AUTH a b c | AUTH | RESET x | RESET |
    CLIENT GETNAME | READONLY | READWRITE | ASKING | CLUSTER INFO | CLUSTER SLOTS |
    CONFIG GET nothing-of-this-name | INFO nothing-of-this-name | INFO keyspace | QUIT
";

/// What clients send that must say a password.
const CLOSED: &str = "
    PING | ECHO hello | GET a | SELECT 0 | CLIENT SETNAME me | nothing | GET | HELLO | HELLO 2 |
    HELLO 1 | HELLO 2 AUTH default wrong | HELLO 2 AUTH other open | HELLO 2 SETNAME me | AUTH wrong |
    AUTH ope | AUTH openopen | AUTH other open | AUTH default wrong | AUTH a b c | PING | AUTH open |
    PING | AUTH wrong | PING | RESET | PING | HELLO 2 AUTH default open SETNAME me | PING |
    CLIENT GETNAME | RESET | PING | AUTH default open | PING | QUIT
";

/// Fields of HELLO's answer that are not a single server's.
fn without_id(mut value: Value) -> Value {
    if let Value::Array(Some(items)) = &mut value
        && let Some(at) = items.iter().position(|item| *item == Value::Bulk(Some(b"id".to_vec())))
    {
        items.remove(at + 1);
    }
    value
}

/// Sends the same to a real server and to the proxy's answers, each line on the same connection.
fn assert_same<'a>(flags: &[&str], password: Option<&str>, lines: impl IntoIterator<Item = &'a [&'a [u8]]>) {
    let flags: Vec<_> = ["--databases", "1"].iter().chain(flags).copied().collect();
    let Some(redis) = redis(&flags) else { return };
    let (mut peer, mut client) = (Peer::of(&redis), Client::new(password));
    for line in lines {
        let shown: Vec<_> = line.iter().map(|arg| String::from_utf8_lossy(arg)).collect();
        let (ours, _) = client.ask(line).unwrap_or_else(|| panic!("{shown:?} is forwarded"));
        assert_eq!(without_id(ours), without_id(peer.ask(line)), "{shown:?}");
    }
}

fn assert_same_lines(flags: &[&str], password: Option<&str>, text: &str) {
    let lines: Vec<Vec<&[u8]>> =
        lines(text).map(|line| line.split(' ').map(str::as_bytes).collect()).collect();
    assert_same(flags, password, lines.iter().map(Vec::as_slice));
}

#[test]
fn a_client_is_answered_as_a_real_server_answers_it() {
    assert_same_lines(&[], None, OPEN);
    assert_same_lines(&[], None, "quit now");
    assert_same(
        &[],
        None,
        [
            [b"CLIENT".as_slice(), b"SETNAME", b"two words"].as_slice(),
            &[b"CLIENT", b"SETNAME", b"new\nline"],
            &[b"CLIENT", b"SETNAME", b"\x7f"],
            &[b"CLIENT", b"SETNAME", b"\xc3\xa9"],
            &[b"CLIENT", b"SETNAME", b"!~"],
            &[b"CLIENT", b"GETNAME"],
            &[b"CLIENT", b"SETNAME", b""],
            &[b"CLIENT", b"GETNAME"],
            &[b"ECHO", b""],
            &[b"ECHO", b"a\r\nb\0c"],
            &[b"PING", b""],
            &[b"HELLO", b"2", b"no\r\nthing"],
            &[b"HELLO", b""],
        ],
    );
}

#[test]
fn a_client_that_must_say_a_password_is_answered_as_a_real_server_answers_it() {
    assert_same_lines(&["--requirepass", "open"], Some("open"), CLOSED);
}
