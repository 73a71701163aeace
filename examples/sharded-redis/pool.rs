//! The pool's configuration, and the ring that it says.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use entourage::{
    ambassador::nutcracker::{Config, Listen, Pool},
    sharding::{ConsistentRing, Dialect},
};

/// A `nutcracker.yml` with the settings of the book's chapter 3.
///
/// Behind each address stands the name that the server has in the book's cluster. The ring is
/// made of names alone, so every key is on the shard that it has there.
pub fn text(servers: &[SocketAddr]) -> String {
    let entry = |(number, address): (usize, &SocketAddr)| format!("   - {address}:1 {}\n", name(number));
    let servers: String = servers.iter().enumerate().map(entry).collect();
    format!(
        "redis:\n  listen: 127.0.0.1:6379\n  redis: true\n  hash: fnv1a_64\n  distribution: ketama\n  \
         auto_eject_hosts: true\n  timeout: 400\n  server_retry_timeout: 2000\n  \
         server_failure_limit: 1\n  servers:\n{servers}"
    )
}

/// What the shard of a number is called.
pub fn name(number: usize) -> String {
    format!("sharded-redis-{number}.redis:6379")
}

/// The configuration, but for any free port: whoever uses 6379 already shall not be in the way.
pub fn config(text: &str) -> Result<Config> {
    let mut config = Config::parse(text)?;
    for pool in &mut config.pools {
        pool.listen = Listen::Tcp { host: "127.0.0.1".to_owned(), port: 0 };
    }
    Ok(config)
}

/// The ring of a pool with `distribution: ketama`, as nutcracker makes it.
pub fn ring(pool: &Pool) -> Result<ConsistentRing> {
    let builder = ConsistentRing::builder().dialect(Dialect::Twemproxy(pool.hash));
    let servers = pool.ring_servers();
    servers.fold(builder, |ring, (name, weight)| ring.server(name, weight)).build().context("no ring")
}

#[cfg(test)]
mod tests {
    use super::{config, name, ring, text};

    #[test]
    fn where_the_servers_are_does_not_matter() {
        let ring = |ports: [u16; 3]| {
            let servers = ports.map(|port| ([127, 0, 0, 1], port).into());
            ring(&config(&text(&servers)).unwrap().pools[0]).unwrap()
        };
        assert_eq!(ring([1_001, 1_002, 1_003]), ring([11_211, 6_379, 5]));
        assert!(ring([1, 2, 3]).shard_of_server(&name(2)).is_some());
    }

    #[test]
    fn keys_are_where_nutcracker_puts_them() {
        // Found on three servers after nutcracker 0.5.0, with these names, was told to set them.
        let found = [
            ("user:ann", 1),
            ("user:bob", 2),
            ("cart:{ann}", 1),
            ("session:9f86d081", 1),
            ("page:/index.html", 2),
            ("straße", 0),
            ("ключ", 0),
            ("鍵", 1),
        ];
        let servers = [1, 2, 3].map(|port| ([127, 0, 0, 1], port).into());
        let ring = ring(&config(&text(&servers)).unwrap().pools[0]).unwrap();
        for (key, number) in found {
            assert_eq!(ring.server_of(key.as_bytes()).name(), name(number), "{key}");
        }
    }

    #[test]
    fn the_file_has_nothing_that_had_better_be_otherwise() {
        let servers = [1, 2, 3].map(|port| ([127, 0, 0, 1], port).into());
        assert_eq!(config(&text(&servers)).unwrap().warnings(), []);
    }
}
