//! Keys move to their new servers when they are used.

use std::time::Duration;

use entourage_ambassador::{Options, ShardProxy, nutcracker::Config};
use entourage_testkit::Memcached;

use super::{Client, MD5, is_installed, listening, pool};

const KEYS: usize = 300;

#[test]
fn a_key_moves_with_its_flags_and_its_time_when_it_is_first_used() {
    if !is_installed() {
        return;
    }
    let servers: Vec<_> = (0..3).map(|_| Memcached::start()).collect();
    let config = |servers: &[Memcached]| -> Config { listening(&pool(servers, MD5)) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("it can be made");
    let mut options = Options::default();
    options.warm_up = Some(Duration::from_secs(600));
    let proxy = runtime.block_on(ShardProxy::start(config(&servers[..2]), options)).expect("it can listen");
    let mut client = Client::new(proxy.addresses()[0].expect("it listens at a port"));
    for key in 0..KEYS {
        assert_eq!(client.ask(&format!("set mortal:{key} 7 3600 3\r\nabc")), "STORED\r\n");
        assert_eq!(client.ask(&format!("set number:{key} 0 0 1\r\n1")), "STORED\r\n");
        // A date, in 2038.
        assert_eq!(client.ask(&format!("set lasting:{key} 0 2147483647 1\r\nl")), "STORED\r\n");
    }
    runtime.block_on(proxy.reload(config(&servers))).expect("it is a configuration");

    for key in 0..KEYS {
        // A write that needs what was written before, and a read of many keys.
        assert_eq!(client.ask(&format!("incr number:{key} 1")), "2\r\n");
        let next = (key + 1) % KEYS;
        let read = client.get(&format!("mortal:{key} mortal:{next}")).expect("it is answered");
        assert_eq!(read.len(), 2, "both are there: {read:?}");
        let kept = client.ask(&format!("mg mortal:{key} f t"));
        let left = kept.strip_prefix("HD f7 t").unwrap_or_else(|| panic!("{kept}"));
        assert!((1..=3_600).contains(&left.trim().parse::<i64>().expect("a number")), "{kept}");
        assert_eq!(client.get(&format!("lasting:{key}")).map(|values| values.len()), Ok(1), "{key}");
    }
    let stats = runtime.block_on(proxy.stats());
    let counts = stats[0].counts;
    assert!(counts.keys_moved > KEYS as u64 / 5, "a third server takes its part: {counts:?}");
    assert_eq!(counts.keys_missing, 0, "each is found where it was: {counts:?}");
}

#[test]
fn a6_what_a_server_comes_back_with_yields_to_what_was_written_meanwhile() {
    if !is_installed() {
        return;
    }
    let servers: Vec<_> = (0..2).map(|_| Memcached::start()).collect();
    let config = |servers: &[Memcached]| -> Config { listening(&pool(servers, MD5)) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("it can be made");
    let mut options = Options::default();
    options.warm_up = Some(Duration::from_secs(600));
    let proxy = runtime.block_on(ShardProxy::start(config(&servers[..1]), options)).expect("it can listen");
    let mut client = Client::new(proxy.addresses()[0].expect("it listens at a port"));
    let mut back = Client::new(servers[1].endpoint().parse().expect("it is an address"));
    for key in 0..100 {
        assert_eq!(client.ask(&format!("set key:{key} 7 3600 1\r\n1")), "STORED\r\n");
        // Another value, the same with other flags, with another time, and the very same.
        let left = ["7 3600 3\r\n100", "8 3600 1\r\n1", "7 60 1\r\n1", "7 3600 1\r\n1"][key % 4];
        assert_eq!(back.ask(&format!("set key:{key} {left}")), "STORED\r\n");
    }
    runtime.block_on(proxy.reload(config(&servers))).expect("it is a configuration");

    for key in 0..100 {
        assert_eq!(client.ask(&format!("incr key:{key} 1")), "2\r\n", "{key}");
        let kept = client.ask(&format!("mg key:{key} f t"));
        let left = kept.strip_prefix("HD f7 t").unwrap_or_else(|| panic!("{kept}"));
        assert!((3_000..=3_600).contains(&left.trim().parse::<i64>().expect("a number")), "{kept}");
    }
    let counts = runtime.block_on(proxy.stats())[0].counts;
    assert!(counts.keys_moved > 20, "many of them moved: {counts:?}");
}
