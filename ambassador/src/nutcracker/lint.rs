//! Finds what a file may say, and had better not.

use std::collections::HashMap;

use entourage_sharding::{ConsistentRing, Dialect, KeyHash, Modula};

use super::{
    Address, Concern, Distribution, Invalid, Listen, Pool, Problem, Warning, Wire, invalid::Place, keys::Keys,
};

/// What had better be otherwise in a pool; an error where no ring can be made of its servers.
pub(super) fn warnings(pool: &Pool, keys: &Keys<'_>) -> Result<Vec<Warning>, Invalid> {
    let mut lint = Lint { pool, keys, found: Vec::new() };
    lint.placement()?;
    lint.limits();
    lint.addresses()?;
    lint.without_effect();
    Ok(lint.found)
}

struct Lint<'a> {
    pool: &'a Pool,
    keys: &'a Keys<'a>,
    found: Vec<Warning>,
}

impl Lint<'_> {
    fn warn(&mut self, key: &'static str, concern: Concern) {
        self.warn_at(self.place(key), concern);
    }

    fn warn_at(&mut self, at: Place, concern: Concern) {
        self.found.push(Warning { at, pool: self.pool.name.clone(), concern });
    }

    /// Where the key stands, or where the pool begins that lacks it.
    fn place(&self, key: &'static str) -> Place {
        self.keys.place(key).unwrap_or_else(|| self.keys.at())
    }

    /// Where keys go.
    fn placement(&mut self) -> Result<(), Invalid> {
        let pool = self.pool;
        let starved = match pool.distribution {
            Distribution::Ketama => {
                let ring = ConsistentRing::builder().dialect(Dialect::Twemproxy(pool.hash));
                let ring =
                    pool.ring_servers().fold(ring, |ring, (name, weight)| ring.server(name, weight)).build();
                ring.map(|ring| ring.starved().into_iter().map(str::to_owned).collect::<Vec<_>>())
            }
            Distribution::Modula => Modula::new(pool.hash, pool.ring_servers()).map(|_| Vec::new()),
            Distribution::Random => Ok(Vec::new()),
        };
        let starved = starved
            .map_err(|error| self.keys.wrong(self.place("servers"), Some("servers"), Problem::Ring(error)))?;
        if !starved.is_empty() {
            self.warn("servers", Concern::Starved { servers: starved });
        }
        if let [_] = pool.servers[..] {
            self.warn("servers", Concern::OneServer { ejects: pool.auto_eject_hosts });
        } else {
            match (pool.distribution, pool.hash) {
                (Distribution::Ketama, KeyHash::Crc32) => self.warn("hash", Concern::Crc32Ketama),
                (Distribution::Ketama, KeyHash::Fnv1_64) => self.warn("hash", Concern::Fnv164Ketama),
                (Distribution::Random, _) => self.warn("distribution", Concern::Random),
                _ => {}
            }
        }
        if let Some(tag) = self.keys.text("hash_tag")?
            && !tag.text.is_ascii()
        {
            self.warn("hash_tag", Concern::HashTagBytes);
        }
        Ok(())
    }

    /// How long is waited, and for how many.
    fn limits(&mut self) {
        let pool = self.pool;
        if pool.timeout.is_none() {
            self.warn("timeout", Concern::NoTimeout { ejects: pool.auto_eject_hosts });
        }
        if let Some(limit) = pool.client_connections {
            self.warn("client_connections", Concern::ClientConnections { limit: limit.get() });
        }
        if pool.server_connections.get() > 1 {
            let count = pool.server_connections.get();
            self.warn("server_connections", Concern::ServerConnections { count });
        }
    }

    /// Where servers are.
    fn addresses(&mut self) -> Result<(), Invalid> {
        if let (Listen::Tcp { .. }, Some(text)) = (&self.pool.listen, self.keys.text("listen")?)
            && text.text.starts_with('[')
        {
            self.warn_at(text.at, Concern::Ipv6Brackets);
        }
        let mut first: HashMap<&Address, (&str, usize)> = HashMap::new();
        let entries = self.keys.list("servers")?.unwrap_or_default();
        for (server, entry) in self.pool.servers.iter().zip(entries) {
            if entry.text.starts_with('[') {
                self.warn_at(entry.at, Concern::Ipv6Brackets);
            }
            if let Some((name, line)) = first.get(&server.address) {
                let concern = Concern::SameAddress { first: (*name).to_owned(), line: *line };
                self.warn_at(entry.at, concern);
            } else {
                first.insert(&server.address, (&server.name, entry.at.line));
            }
        }
        Ok(())
    }

    /// What is said in vain.
    fn without_effect(&mut self) {
        let has = |key| self.keys.place(key).is_some();
        let mut concerns = Vec::new();
        if self.pool.protocol == Wire::Memcached && self.pool.redis_db > 0 {
            concerns.push(("redis_db", Concern::RedisOnly { key: "redis_db" }));
        }
        if !self.pool.auto_eject_hosts {
            let keys = ["server_retry_timeout", "server_failure_limit"].into_iter().filter(|key| has(key));
            concerns.extend(keys.map(|key| (key, Concern::WithoutEjection { key })));
        }
        if has("reuseport") {
            concerns.push(("reuseport", Concern::ReusePort));
        }
        for (key, concern) in concerns {
            self.warn(key, concern);
        }
    }
}
