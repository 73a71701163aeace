//! Clients that speak TLS, and those that should.

use std::{
    io::{Read, Write},
    time::Duration,
};

use entourage_ambassador::{
    Access,
    nutcracker::{Config, Listen},
};
use entourage_testkit::{Redis, Requirement, eventually_async};

use super::{Authority, Client, PATIENCE, client_config, config, open, options, proxy};

/// The first bytes of a handshake of TLS, which announce 512 more.
const BEGUN: [u8; 5] = [0x16, 3, 1, 2, 0];

#[tokio::test]
async fn a_client_in_the_open_is_closed_where_tls_is_spoken_and_harms_nobody() {
    let authority = Authority::new("ours");
    let tls = authority.vouch("127.0.0.1").server();
    let (proxy, address) = proxy(config(&["127.0.0.1:1"]), options(Some(tls), None)).await;
    let mut client = Client::new(address, &client_config(&[&authority], None));
    client.ask("PING\r\n", "+PONG\r\n");
    for said in ["*1\r\n$4\r\nPING\r\n", "PING hello\r\n", "GET / HTTP/1.1\r\n\r\n"] {
        let mut plain = open(address);
        plain.write_all(said.as_bytes()).expect("it is taken");
        let mut answer = Vec::new();
        // A reset is an end too.
        let _ = plain.read_to_end(&mut answer);
        // At most an alert, which is no reply.
        assert!(answer.is_empty() || answer[0] == 0x15, "{said:?} was answered {answer:?}");
    }
    client.ask("PING again\r\n", "$5\r\nagain\r\n");
    let stats = &proxy.stats().await[0].counts;
    assert_eq!((stats.client_connections, stats.client_err), (1, 3), "{stats:?}");
}

#[tokio::test]
async fn a_client_without_a_certificate_of_the_authority_for_clients_is_not_let_in() {
    let [authority, other] = ["ours", "theirs"].map(Authority::new);
    let mut tls = authority.vouch("127.0.0.1").server();
    tls.client_ca = Some(authority.file());
    let (_proxy, address) = proxy(config(&["127.0.0.1:1"]), options(Some(tls), None)).await;
    let known = authority.vouch("client.test");
    Client::new(address, &client_config(&[&authority], Some(&known))).ask("PING\r\n", "+PONG\r\n");
    let (stranger, past) = (other.vouch("client.test"), authority.vouch_until("client.test", 2000));
    for identity in [None, Some(&stranger), Some(&past)] {
        let mut client = Client::new(address, &client_config(&[&authority], identity));
        assert!(client.try_ask("PING\r\n", 1).is_err(), "{:?}", identity.map(|pair| &pair.certificate));
    }
}

#[tokio::test]
async fn a_client_that_stalls_in_its_handshake_counts_as_one_and_is_closed_in_time() {
    let authority = Authority::new("ours");
    let mut tls = authority.vouch("127.0.0.1").server();
    tls.handshake = Duration::from_millis(200);
    let mut options = options(Some(tls), None);
    options.limits.clients = 1.try_into().expect("it is not zero");
    let (proxy, address) = proxy(config(&["127.0.0.1:1"]), options).await;
    let mut stalled = open(address);
    stalled.write_all(&BEGUN).expect("it is taken");
    let is_there = async || (proxy.stats().await[0].counts.client_connections == 1).then_some(());
    eventually_async(PATIENCE, "it counts", is_there).await;
    let config = client_config(&[&authority], None);
    assert!(Client::new(address, &config).try_ask("PING\r\n", 1).is_err(), "there is no place");
    let mut answer = Vec::new();
    stalled.read_to_end(&mut answer).expect("it is closed, and not after the patience of this");
    let is_gone = async || (proxy.stats().await[0].counts.client_connections == 0).then_some(());
    eventually_async(PATIENCE, "it is forgotten", is_gone).await;
    Client::new(address, &config).ask("PING\r\n", "+PONG\r\n");
}

#[tokio::test]
async fn a_client_in_its_handshake_holds_up_no_drain() {
    let authority = Authority::new("ours");
    let mut tls = authority.vouch("127.0.0.1").server();
    tls.handshake = Duration::from_secs(3600);
    let (proxy, address) = proxy(config(&["127.0.0.1:1"]), options(Some(tls), None)).await;
    let mut stalled = open(address);
    stalled.write_all(&BEGUN).expect("it is taken");
    let is_there = async || (proxy.stats().await[0].counts.client_connections == 1).then_some(());
    eventually_async(PATIENCE, "it has come", is_there).await;
    // Else this test never ends.
    proxy.drain().await;
}

#[tokio::test]
async fn a_pool_that_is_named_has_its_own_access_and_one_that_is_not_there_is_refused() {
    let authority = Authority::new("ours");
    let mut options = options(Some(authority.vouch("127.0.0.1").server()), None);
    options.access_of.insert("open".to_owned(), Access::default());
    let text = |name: &str| {
        format!("{name}:\n  listen: 127.0.0.1:1\n  redis: true\n  servers:\n   - 127.0.0.1:1:1\n")
    };
    let config = |names: [&str; 2]| {
        let mut config = Config::parse(&names.map(text).concat().replacen(":1\n  redis", ":2\n  redis", 1));
        for pool in &mut config.as_mut().expect("it is right").pools {
            pool.listen = Listen::Tcp { host: "127.0.0.1".to_owned(), port: 0 };
        }
        config.expect("it is right")
    };
    let refused = entourage_ambassador::ShardProxy::start(config(["closed", "opem"]), options.clone()).await;
    assert_eq!(
        refused.expect_err("a slip would leave a pool unprotected").to_string(),
        "there is no pool \"open\" to which access could be given; see its name in the configuration"
    );
    let (proxy, closed) = proxy(config(["closed", "open"]), options).await;
    Client::new(closed, &client_config(&[&authority], None)).ask("PING\r\n", "+PONG\r\n");
    let mut plain = open(proxy.addresses()[1].expect("it is a port"));
    plain.write_all(b"PING\r\n").expect("it is taken");
    let mut answer = [0; 7];
    plain.read_exact(&mut answer).expect("it is answered");
    assert_eq!(&answer, b"+PONG\r\n");
}

#[tokio::test]
async fn long_values_come_through_whole_both_ways_to_a_client_that_reads_late() {
    if !Requirement::from(Redis::available()).is_met("redis") {
        return;
    }
    let authority = Authority::new("ours");
    let redis = Redis::start();
    let tls = authority.vouch("127.0.0.1").server();
    let (_proxy, address) = proxy(config(&[&redis.endpoint()]), options(Some(tls), None)).await;
    let mut client = Client::new(address, &client_config(&[&authority], None));
    let value: String =
        (0..2 * 1024 * 1024_u32).map(|at| char::from(b'a' + (at / 1000 % 26) as u8)).collect();
    client.ask(&format!("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n${}\r\n{value}\r\n", value.len()), "+OK\r\n");
    let reply = format!("${}\r\n{value}\r\n", value.len());
    // More than the kernel has room for waits before the first byte is read.
    client.ask(&"GET k\r\n".repeat(6), &reply.repeat(6));
}
