//! What clients say when they connect.

use super::Client;
use crate::redis::command::tests::Value;

/// What clients send when they connect: recorded from redis-py 8.1.0, node-redis 5.12.1, ioredis
/// 6.0.0, redis-rs 1.8.1, redis-benchmark and redis-cli 7.0.15.
///
/// `?` precedes what may fail: there the client goes on.
const HANDSHAKES: &[(&str, &str)] = &[
    (
        "redis-py, protocol=2",
        "AUTH open|CLIENT SETNAME app|CLIENT SETINFO LIB-NAME redis-py|CLIENT SETINFO LIB-VER 8.1.0",
    ),
    (
        "node-redis",
        "AUTH open|CLIENT SETNAME app|CLIENT SETINFO LIB-VER 5.12.1|CLIENT SETINFO LIB-NAME node-redis",
    ),
    (
        "ioredis",
        "?hello 3 AUTH default open|client setname app|client SETINFO LIB-VER 6.0.0|client SETINFO LIB-NAME ioredis|\
         auth open|client setname app|client SETINFO LIB-VER 6.0.0|client SETINFO LIB-NAME ioredis|info",
    ),
    ("redis-rs", "AUTH open|CLIENT SETINFO LIB-NAME redis-rs|CLIENT SETINFO LIB-VER 1.8.1"),
    (
        "redis-rs with a user",
        "AUTH default open|CLIENT SETINFO LIB-NAME redis-rs|CLIENT SETINFO LIB-VER 1.8.1",
    ),
    ("redis-benchmark", "AUTH open|CONFIG GET save|CONFIG GET appendonly"),
    ("redis-cli", "AUTH open"),
    ("maintenance", "AUTH open|?CLIENT MAINT_NOTIFICATIONS ON moving-endpoint-type internal-fqdn"),
];

#[test]
fn every_clients_handshake_passes_with_a_password_and_without() {
    for (name, lines) in HANDSHAKES {
        for password in [Some("open"), None] {
            let mut client = Client::new(password);
            for line in lines.split('|') {
                let (line, may_fail) = line.strip_prefix('?').map_or((line, false), |line| (line, true));
                // A client that has no password sends none.
                if password.is_none() && line.to_ascii_lowercase().starts_with("auth") {
                    continue;
                }
                let value = client.line(line);
                // ioredis sends its name before it hears that it is not let in, and again after.
                let is_early = value.text_of_error().is_some_and(|error| error.starts_with("NOAUTH"));
                assert!(
                    may_fail == value.is_error() || (is_early && name == &"ioredis"),
                    "{name}: {line}: {value:?}"
                );
            }
            assert_eq!(client.line("PING").text(), "PONG", "{name}");
        }
    }
}

#[test]
fn a_setting_that_is_asked_for_is_none_and_no_error() {
    let mut client = Client::new(None);
    assert_eq!(client.line("CONFIG GET save"), Value::Array(Some(Vec::new())));
    assert_eq!(client.line("CONFIG GET maxmemory maxclients"), Value::Array(Some(Vec::new())));
}
