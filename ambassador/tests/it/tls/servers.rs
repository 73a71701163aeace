//! Servers that speak TLS or want to know the user, and those that are not who they should be.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener},
    thread,
    time::Duration,
};

use entourage_ambassador::{Login, Options, ShardProxy, nutcracker::Secret, tls::ClientTls};
use entourage_testkit::{Redis, Requirement};

use super::{Authority, Client, Pair, client_config, config, log, options, proxy, server};

/// A server of Redis that speaks TLS at a port of its own, and believes this authority.
fn redis(authority: &Authority, pair: &Pair) -> (Redis, SocketAddr) {
    let [certificate, key, ca] =
        [&pair.certificate, &pair.key, &authority.file()].map(|path| path.display().to_string());
    let redis = Redis::start_with(&[
        "--tls-cert-file",
        &certificate,
        "--tls-key-file",
        &key,
        "--tls-ca-cert-file",
        &ca,
        "--tls-auth-clients",
        "yes",
    ]);
    // A port that is free a moment before may be another's now.
    for _ in 0..5 {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
        let address = free.expect("loopback has a free port");
        let told = redis.cli(["CONFIG", "SET", "tls-port", &address.port().to_string()]);
        if told.status.success() {
            return (redis, address);
        }
    }
    panic!("redis does not listen in TLS");
}

fn is_installed() -> bool {
    Requirement::from(Redis::available()).is_met("redis")
}

#[tokio::test]
async fn a_real_server_is_reached_where_both_sides_show_who_they_are() {
    if !is_installed() {
        return;
    }
    let authority = Authority::new("ours");
    let pair = authority.vouch("127.0.0.1");
    let (_redis, at) = redis(&authority, &pair);
    let mut upstream = ClientTls::new(authority.file());
    upstream.identity = Some(authority.vouch("proxy.test").identity());
    let (_proxy, address) =
        proxy(config(&[&at.to_string()]), options(Some(pair.server()), Some(upstream.clone()))).await;
    let mut client = Client::new(address, &client_config(&[&authority], None));
    client.ask("SET k v\r\nGET k\r\nMGET k l\r\n", "+OK\r\n$1\r\nv\r\n*2\r\n$1\r\nv\r\n$-1\r\n");
    // The server refuses who shows nothing; in TLS 1.3 that is heard after the handshake.
    log::keep();
    upstream.identity = None;
    let (_proxy, address) =
        proxy(config(&[&at.to_string()]), options(Some(pair.server()), Some(upstream))).await;
    let mut client = Client::new(address, &client_config(&[&authority], None));
    client.ask("GET k\r\n", "-ERR Permission denied");
    assert!(
        !log::lines(&["ERROR", "not secure", "CertificateRequired"]).is_empty(),
        "{:?}",
        log::lines(&["ERROR"])
    );
}

#[tokio::test]
async fn a_server_that_does_not_show_who_it_is_is_refused_and_the_log_says_why() {
    log::keep();
    let [authority, other] = ["ours", "theirs"].map(Authority::new);
    let cases = [
        (other.vouch("127.0.0.1"), "UnknownIssuer"),
        (authority.vouch_until("127.0.0.1", 2000), "certificate expired"),
        (authority.vouch("127.0.0.2"), "certificate not valid for name \"127.0.0.1\""),
    ];
    for (pair, why) in cases {
        let (_server, at) = server(pair.server()).await;
        let upstream = ClientTls::new(authority.file());
        let tls = authority.vouch("127.0.0.1").server();
        let (_proxy, address) = proxy(config(&[&at.to_string()]), options(Some(tls), Some(upstream))).await;
        let mut client = Client::new(address, &client_config(&[&authority], None));
        client.ask("GET k\r\n", "-ERR Permission denied: 127.0.0.1");
        let said = log::lines(&["ERROR", "a server cannot be spoken to in TLS", why]);
        assert!(!said.is_empty(), "{why}: {:?}", log::lines(&["ERROR"]));
    }
}

#[tokio::test]
async fn a_server_that_stalls_or_speaks_no_tls_is_given_up() {
    let authority = Authority::new("ours");
    let cases = [
        // It says nothing, and what is no TLS; it ends.
        ("", true, "-ERR Connection timed out"),
        ("-ERR what?\r\n", true, "-ERR Permission denied"),
        ("", false, "-ERR Connection reset by peer"),
    ];
    for (says, stays, expected) in cases {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let at = listener.local_addr().expect("it is bound");
        thread::spawn(move || {
            let mut kept = Vec::new();
            for mut stream in listener.incoming().map_while(Result::ok) {
                let _ = stream.write_all(says.as_bytes());
                kept.extend(stays.then_some(stream));
            }
        });
        let mut config = config(&[&at.to_string()]);
        config.pools[0].timeout = Some(Duration::from_millis(300));
        let tls = authority.vouch("127.0.0.1").server();
        let upstream = ClientTls::new(authority.file());
        let (_proxy, address) = proxy(config, options(Some(tls), Some(upstream))).await;
        let mut client = Client::new(address, &client_config(&[&authority], None));
        client.ask("GET k\r\n", expected);
    }
}

#[tokio::test]
async fn many_clients_get_their_own_replies_over_one_connection_that_is_encrypted() {
    if !is_installed() {
        return;
    }
    let authority = Authority::new("ours");
    let pair = authority.vouch("127.0.0.1");
    let (_redis, at) = redis(&authority, &pair);
    let mut upstream = ClientTls::new(authority.file());
    upstream.identity = Some(pair.identity());
    let (_proxy, address) =
        proxy(config(&[&at.to_string()]), options(Some(pair.server()), Some(upstream))).await;
    let config = client_config(&[&authority], None);
    thread::scope(|scope| {
        for number in 0..4 {
            let config = &config;
            scope.spawn(move || {
                let mut client = Client::new(address, config);
                for round in 0..20 {
                    // A value tells of which client and round it is.
                    let len = [3, 300, 30_000][round % 3];
                    let value = format!("{number}.{round}.").repeat(len);
                    let set = format!("*3\r\n$3\r\nSET\r\n$1\r\n{number}\r\n${}\r\n{value}\r\n", value.len());
                    let reply = format!("${}\r\n{value}\r\n", value.len());
                    client.ask(
                        &(set + &format!("GET {number}\r\n").repeat(4)),
                        &("+OK\r\n".to_owned() + &reply.repeat(4)),
                    );
                }
            });
        }
    });
}

#[tokio::test]
async fn a_server_has_the_name_that_was_said_to_be_its_certificates() {
    let authority = Authority::new("ours");
    let (_server, at) = server(authority.vouch("shard.test").server()).await;
    let tls = authority.vouch("127.0.0.1").server();
    let mut upstream = ClientTls::new(authority.file());
    upstream.server_name = Some("shard.test".to_owned());
    let (_proxy, address) = proxy(config(&[&at.to_string()]), options(Some(tls), Some(upstream))).await;
    let mut client = Client::new(address, &client_config(&[&authority], None));
    // The server is a proxy whose own server nobody is: that it says so shows that it was asked.
    client.ask("GET k\r\n", "-ERR Connection refused");
}

#[tokio::test]
async fn what_cannot_be_used_is_refused_when_it_starts() {
    let [authority, other] = ["ours", "theirs"].map(Authority::new);
    let (pair, stranger) = (authority.vouch("127.0.0.1"), other.vouch("127.0.0.1"));
    let missing = Pair { key: "/nowhere/at all".into(), ..pair.clone() };
    let swapped = Pair { certificate: pair.key.clone(), key: pair.certificate.clone() };
    let foreign = Pair { key: stranger.key, ..pair.clone() };
    let mut odd = ClientTls::new(authority.file());
    odd.server_name = Some("no name".to_owned());
    let cases = [
        (options(Some(missing.server()), None), "/nowhere/at all cannot be read"),
        (options(Some(swapped.server()), None), "has no certificate in PEM"),
        (options(Some(foreign.server()), None), "is not that of the certificate"),
        (options(None, Some(ClientTls::new(&pair.key))), "has no certificate in PEM"),
        (options(None, Some(odd)), "\"no name\" cannot stand in a certificate"),
    ];
    for (options, why) in cases {
        let started = ShardProxy::start(config(&["127.0.0.1:1"]), options).await;
        let error = started.expect_err(why);
        assert_eq!(error.to_string(), "pool \"pool\" cannot be served in TLS");
        let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        assert!(source.contains(why), "{source}");
    }
}

#[tokio::test]
async fn a_server_is_told_the_user_and_the_password_and_nobody_else_is() {
    if !is_installed() {
        return;
    }
    log::keep();
    let redis = Redis::start();
    for rule in [&["alice", "on", ">open-sesame", "~*", "+@all"][..], &["default", "resetpass", "off"]] {
        let told = redis.cli(["ACL", "SETUSER"].iter().chain(rule));
        assert!(told.status.success(), "{told:?}");
    }
    let login = |password: &str| {
        let mut options = Options::default();
        let login = Login { user: "alice".to_owned(), password: Secret::new(password) };
        options.access.auth = Some(login);
        options
    };
    let ask = async |options: Options, expected: &str| {
        assert!(!format!("{options:?}").contains("sesame"), "{options:?}");
        let (_proxy, address) = proxy(config(&[&redis.endpoint()]), options).await;
        let mut answer = vec![0; expected.len()];
        let mut stream = super::open(address);
        stream.write_all(b"SET k v\r\n").expect("it is taken");
        stream.read_exact(&mut answer).expect("it is answered");
        assert_eq!(String::from_utf8_lossy(&answer), expected);
    };
    ask(login("open-sesame"), "+OK\r\n").await;
    ask(login("shut-sesame"), "-ERR Permission denied").await;
    assert!(!log::lines(&["ERROR", "WRONGPASS"]).is_empty(), "{:?}", log::lines(&["ERROR"]));
    assert_eq!(log::lines(&["sesame"]), [""; 0]);
}
