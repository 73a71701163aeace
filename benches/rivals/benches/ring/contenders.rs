//! The rings of both, of equal servers.

use std::{
    hint::black_box,
    net::{Ipv4Addr, SocketAddr},
};

use entourage::sharding::{ConsistentRing, Dialect, KeyHash, Maglev, Modulo, Server, ShardId, ShardingFunction};
use pingora_ketama::{Bucket, Continuum};

/// Over so many servers each.
pub(crate) struct Contenders {
    ours: ConsistentRing,
    as_nginx: ConsistentRing,
    as_twemproxy: ConsistentRing,
    modulo: Modulo,
    maglev: Maglev,
    pingora: Continuum,
}

impl Contenders {
    pub(crate) fn new(servers: u16) -> Self {
        Self {
            ours: ring(Dialect::Entourage, servers),
            as_nginx: ring(Dialect::Nginx, servers),
            as_twemproxy: ring(Dialect::Twemproxy(KeyHash::Fnv1a64), servers),
            modulo: Modulo::new(servers.into()).expect("there are servers"),
            maglev: Maglev::of(Ring::names(servers)).expect("the servers are sound"),
            pingora: Continuum::new(&buckets(servers)),
        }
    }

    /// Both say the server, and not only its number.
    pub(crate) fn ours(&self, key: &[u8]) -> &Server {
        self.ours.server_of(key)
    }

    pub(crate) fn pingora(&self, key: &[u8]) -> Option<SocketAddr> {
        self.pingora.node(key)
    }

    pub(crate) fn as_nginx(&self, key: &[u8]) -> &Server {
        self.as_nginx.server_of(key)
    }

    pub(crate) fn as_twemproxy(&self, key: &[u8]) -> &Server {
        self.as_twemproxy.server_of(key)
    }

    pub(crate) fn modulo(&self, key: &[u8]) -> ShardId {
        self.modulo.shard(key)
    }

    pub(crate) fn maglev(&self, key: &[u8]) -> ShardId {
        self.maglev.shard(key)
    }
}

/// Building; each says that it is done once.
pub(crate) struct Ring;

impl Ring {
    pub(crate) fn ours(servers: u16) -> usize {
        black_box(ring(Dialect::Entourage, servers));
        1
    }

    pub(crate) fn pingora(servers: u16) -> usize {
        black_box(Continuum::new(&buckets(servers)));
        1
    }

    pub(crate) fn names(servers: u16) -> Vec<String> {
        (0..servers).map(|number| address(number).to_string()).collect()
    }
}

fn ring(dialect: Dialect, servers: u16) -> ConsistentRing {
    let builder = ConsistentRing::builder().dialect(dialect);
    let names = Ring::names(servers).into_iter();
    names.fold(builder, |ring, name| ring.server(name, 1)).build().expect("the servers are sound")
}

fn buckets(servers: u16) -> Vec<Bucket> {
    (0..servers).map(|number| Bucket::new(address(number), 1)).collect()
}

fn address(number: u16) -> SocketAddr {
    (Ipv4Addr::new(10, 0, 0, 1), 6_379 + number).into()
}
