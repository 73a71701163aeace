//! What a client says of itself.

use super::{After, Client};
use crate::redis::command::tests::{Value, lines};

/// What would change, hold or watch a connection that others use.
const SHARED: &str = "
    CLIENT REPLY OFF | CLIENT REPLY SKIP | CLIENT TRACKING ON | CLIENT KILL TYPE normal |
    CLIENT PAUSE 100 | MULTI | EXEC | WATCH a | SUBSCRIBE a | MONITOR | BLPOP a 0 |
    XREAD BLOCK 0 STREAMS a 0 | WAIT 1 0 | CONFIG SET maxmemory 1 | SHUTDOWN | FLUSHALL | KEYS * |
    DEBUG SLEEP 1 | PUBLISH a b | REPLICAOF a 1
";

fn error(text: &str) -> Value {
    Value::Line(format!("-{text}"))
}

fn ok() -> Value {
    Value::Line("+OK".to_owned())
}

#[test]
fn a_client_that_has_not_said_the_password_is_served_nothing() {
    let mut client = Client::new(Some("open"));
    let refused = error("NOAUTH Authentication required.");
    for line in
        ["PING", "GET a", "MGET a b", "CLIENT ID", "INFO", "CONFIG GET save", "SCAN 0", "MULTI", "COMMAND"]
    {
        let answer = client.ask(line.split(' ')).map(|(value, _)| value);
        assert_eq!(answer, Some(refused.clone()), "{line}");
    }
    assert!(client.line("HELLO 2").is_error());
    assert_eq!(client.line("AUTH open"), ok());
    assert_eq!(client.ask(["GET", "a"]), None, "a server answers");
}

#[test]
fn a_client_that_asks_for_another_protocol_is_told_and_served_on() {
    let mut client = Client::new(None);
    assert_eq!(client.line("HELLO 3"), error("NOPROTO unsupported protocol version"));
    assert_eq!(
        client.line("HELLO 3 AUTH default x SETNAME me"),
        error("NOPROTO unsupported protocol version")
    );
    assert_eq!(client.line("PING"), Value::Line("+PONG".to_owned()));
    assert_eq!(client.line("CLIENT GETNAME"), Value::Bulk(None));
}

#[test]
fn quit_alone_closes_the_connection() {
    let mut client = Client::new(None);
    assert_eq!(client.ask(["QUIT"]), Some((ok(), After::Close)));
    assert_eq!(client.ask(["RESET"]), Some((Value::Line("+RESET".to_owned()), After::Stay)));
}

#[test]
fn a_name_is_bounded_however_long_it_is_sent() {
    let mut client = Client::new(None);
    let long = "x".repeat(257);
    for args in [
        ["CLIENT", "SETNAME", &long, ""].as_slice(),
        &["CLIENT", "SETINFO", "LIB-NAME", &long],
        &["CLIENT", "SETINFO", "LIB-VER", &long],
        &["HELLO", "2", "SETNAME", &long],
    ] {
        let args: Vec<_> = args.iter().filter(|arg| !arg.is_empty()).collect();
        let (value, _) = client.ask(&args).expect("it is answered here");
        assert!(value.is_error() && value.text().contains("256 bytes"), "{value:?}");
    }
    assert_eq!(client.line("CLIENT GETNAME"), Value::Bulk(None));
    assert_eq!(client.line(&format!("CLIENT SETNAME {}", &long[1..])), ok());
}

#[test]
fn an_error_quotes_little_of_what_was_sent() {
    let mut client = Client::new(None);
    let long = "x".repeat(100_000);
    for line in [
        format!("{long} a"),
        format!("nothing {long} {long}"),
        format!("CLIENT {long}"),
        format!("HELLO 2 {long}"),
        format!("CLIENT LIST TYPE {long}"),
        format!("CLIENT SETINFO {long} x"),
    ] {
        let value = client.line(&line);
        assert!(value.is_error() && value.text().len() < 512, "{} bytes", value.text().len());
    }
}

#[test]
fn a_client_is_told_of_itself_and_of_no_other() {
    let mut client = Client::new(None);
    assert_eq!(client.line("CLIENT ID"), Value::Line(":7".to_owned()));
    assert_eq!(client.line("CLIENT SETINFO LIB-NAME redis-py"), ok());
    assert_eq!(client.line("CLIENT SETINFO lib-ver 7.1.0"), ok());
    assert!(client.line("CLIENT SETINFO LIB-COLOR blue").is_error());
    assert!(client.ask(["CLIENT", "SETINFO", "LIB-NAME", "two words"]).expect("it is answered").0.is_error());
    assert_eq!(client.line("CLIENT SETNAME me"), ok());
    let info = client.line("CLIENT INFO").text();
    for field in [
        "id=7 ",
        " name=me ",
        " db=0 ",
        " user=default ",
        " resp=2 ",
        " lib-name=redis-py ",
        " lib-ver=7.1.0\n",
    ] {
        assert!(info.contains(field), "no {field} in {info}");
    }
    for list in ["CLIENT LIST", "CLIENT LIST TYPE normal", "CLIENT LIST ID 3 7"] {
        let list = client.line(list).text();
        assert_eq!(list.lines().count(), 1, "{list}");
        assert!(list.starts_with("id=7 "), "{list}");
    }
}

#[test]
fn what_would_change_a_shared_connection_is_refused_and_says_why() {
    let mut client = Client::new(None);
    for line in lines(SHARED) {
        let value = client.line(line);
        assert!(
            value.is_error() && value.text().contains("is not served by this proxy"),
            "{line}: {value:?}"
        );
    }
    assert_eq!(client.line("PING"), Value::Line("+PONG".to_owned()));
}

#[test]
fn info_has_what_clients_and_tools_read() {
    let mut client = Client::new(None);
    let info = client.line("INFO").text();
    for field in [
        "redis_version:7.0.15\r\n",
        "redis_mode:standalone\r\n",
        "process_id:1\r\n",
        "tcp_port:6379\r\n",
        "uptime_in_seconds:90000\r\n",
        "uptime_in_days:1\r\n",
        "connected_clients:2\r\n",
        "loading:0\r\n",
        "role:master\r\n",
        "total_connections_received:3\r\n",
        "total_commands_processed:4\r\n",
        "# Keyspace\r\n",
    ] {
        assert!(info.contains(field), "no {field} in {info}");
    }
    assert_eq!(client.line("INFO everything").text(), info);
    let two = client.line("INFO Replication CLIENTS").text();
    assert_eq!(two.matches("# ").count(), 2, "{two}");
    assert!(two.contains("# Clients\r\n") && two.contains("\r\n\r\n# Replication\r\n"), "{two}");
}
