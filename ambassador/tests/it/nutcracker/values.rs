//! What the keys of a file become.

use std::{collections::BTreeSet, fs, num::NonZeroU32, time::Duration};

use entourage_ambassador::nutcracker::{Address, Concern, Config, Distribution, Listen, Pool, Wire};
use entourage_sharding::{HashTag, KeyHash};
use entourage_testkit::{Nutcracker, Requirement};

use super::corpus::files;

fn only_pool(text: &str) -> Pool {
    let mut config = Config::parse(text).unwrap_or_else(|invalid| panic!("{invalid}"));
    assert_eq!(config.pools.len(), 1);
    config.pools.remove(0)
}

fn tcp(host: &str, port: u16) -> Address {
    Address::Tcp { host: host.to_owned(), port }
}

#[test]
fn what_a_file_does_not_say_is_as_with_nutcracker() {
    let pool = only_pool("alpha:\n  listen: 127.0.0.1:22121\n  servers:\n   - a:1:1\n   - b:1:1\n");
    assert_eq!(pool.name, "alpha");
    assert_eq!(pool.listen, Listen::Tcp { host: "127.0.0.1".to_owned(), port: 22121 });
    assert_eq!((pool.protocol, pool.hash, pool.hash_tag), (Wire::Memcached, KeyHash::Fnv1a64, None));
    assert_eq!((pool.distribution, pool.timeout, pool.backlog), (Distribution::Ketama, None, 512));
    assert_eq!((pool.client_connections, pool.server_connections), (None, NonZeroU32::MIN));
    assert!(!pool.tcp_keepalive && !pool.reuse_port && !pool.preconnect && !pool.auto_eject_hosts);
    assert_eq!((pool.redis_auth, pool.redis_db), (None, 0));
    assert_eq!((pool.server_retry_timeout, pool.server_failure_limit), (Duration::from_secs(30), 2));
}

#[test]
fn every_key_is_kept() {
    let file = fs::read_to_string(&files("valid")["every-key"]).expect("it is text");
    let pool = only_pool(&file);
    assert_eq!((pool.protocol, pool.hash), (Wire::Redis, KeyHash::Md5));
    assert_eq!(pool.hash_tag, Some(HashTag::new(b'{', b'}')));
    assert_eq!((pool.timeout, pool.backlog), (Some(Duration::from_millis(400)), 1_024));
    assert_eq!(
        (pool.client_connections, pool.server_connections),
        (NonZeroU32::new(100), NonZeroU32::MIN.saturating_add(1))
    );
    assert!(pool.tcp_keepalive && pool.preconnect && pool.auto_eject_hosts);
    let secret = pool.redis_auth.as_ref().expect("it has one");
    assert!(secret.matches(b"hunter2") && !secret.matches(b"hunter3"));
    assert_eq!(pool.redis_db, 3);
    assert_eq!((pool.server_retry_timeout, pool.server_failure_limit), (Duration::from_secs(2), 3));
    assert!(!format!("{pool:?}").contains("hunter"));
}

#[test]
fn a_socket_has_a_path_and_permissions_if_it_says_so() {
    let pool = |listen: &str| only_pool(&format!("a:\n  listen: {listen}\n  servers:\n   - h:1:1\n")).listen;
    assert_eq!(pool("/run/a 0660"), Listen::Unix { path: "/run/a".into(), mode: Some(0o660) });
    assert_eq!(pool("/run/a"), Listen::Unix { path: "/run/a".into(), mode: None });
    assert_eq!(pool("\"[::1]:1\""), Listen::Tcp { host: "::1".to_owned(), port: 1 });
    assert_eq!(pool("\"*:1\""), Listen::Tcp { host: "0.0.0.0".to_owned(), port: 1 });
}

const NAMED: &str = "\
alpha:
  listen: {listen}
  servers:
   - 127.0.0.1:11211:1
   - 127.0.0.1:11212:2
   - localhost:11211:1
   - 127.0.0.1:11213:1 chosen
   - 127.0.0.1:11214:1 with:colons
   - /run/none.sock:3
   - /run/none.sock:1 sock
   - 2001:db8::1:11211:1
   - 2001:db8::1:6379:1
   - \"[2001:db8::2]:6379:1\"
";

#[test]
fn a_server_is_where_the_file_says_and_has_the_name_that_nutcracker_gives_it() {
    let pool = only_pool(&NAMED.replace("{listen}", "127.0.0.1:1"));
    let servers: Vec<_> =
        pool.servers.iter().map(|server| (server.name.as_str(), server.address.clone())).collect();
    assert_eq!(
        servers,
        [
            ("127.0.0.1", tcp("127.0.0.1", 11211)),
            ("127.0.0.1:11212", tcp("127.0.0.1", 11212)),
            ("localhost", tcp("localhost", 11211)),
            ("chosen", tcp("127.0.0.1", 11213)),
            ("with:colons", tcp("127.0.0.1", 11214)),
            ("/run/none.sock:", Address::Unix("/run/none.sock".into())),
            ("sock", Address::Unix("/run/none.sock".into())),
            ("2001:db8::1", tcp("2001:db8::1", 11211)),
            ("2001:db8::1:6379", tcp("2001:db8::1", 6379)),
            ("[2001:db8::2]:6379", tcp("2001:db8::2", 6379)),
        ]
    );
    assert_eq!(pool.ring_servers().map(|(_, weight)| weight).sum::<u32>(), 13);
    if !Requirement::from(Nutcracker::available()).is_met("nutcracker") {
        return;
    }
    // Its counts have a map of each server under its name.
    let stats = Nutcracker::start(NAMED).stats();
    let alpha = stats.split_once("\"alpha\"").expect("the pool is there").1;
    let theirs: BTreeSet<_> =
        alpha.split("\": {").map(|before| before.rsplit('"').next().expect("a part")).collect();
    let ours: BTreeSet<_> = pool.servers.iter().map(|server| server.name.as_str()).collect();
    let missing: Vec<_> = ours.difference(&theirs).collect();
    assert!(missing.is_empty(), "{missing:?} are not in {stats}");
}

#[test]
fn the_warnings_name_the_concern_for_programs_too() {
    let config = Config::parse("a:\n  listen: 0:1\n  hash: crc32\n  servers:\n   - a:1:1\n   - b:1:1\n")
        .expect("it is right");
    let concerns: Vec<_> =
        config.warnings().iter().map(|warning| (warning.line(), warning.concern().clone())).collect();
    assert_eq!(concerns, [(1, Concern::NoTimeout { ejects: false }), (3, Concern::Crc32Ketama)]);
}
