//! The proxy as a blueprint.

use entourage_ambassador::{
    PoolStats,
    nutcracker::{Config, Pool, Wire},
};
use entourage_blueprint::{Blueprint, Counters, Delivery, Describe, Edge, Node, Sink};

const OF_POOL: [&str; 4] = ["clients", "requests_total", "forward_errors_total", "servers_ejected"];
const OF_SERVER: [&str; 4] = ["requests_total", "responses_total", "awaited_requests", "is_ejected"];

/// Pools and their servers, with what was counted of them.
#[derive(Clone, Debug)]
pub(super) struct Drawn<'a> {
    pub(super) config: &'a Config,
    pub(super) stats: &'a [PoolStats],
}

impl Describe for Drawn<'_> {
    fn describe(&self, blueprint: &mut Blueprint) {
        for pool in &self.config.pools {
            let stats = self.stats.iter().find(|stats| stats.name == pool.name);
            draw(blueprint, pool, stats);
        }
    }
}

fn draw(blueprint: &mut Blueprint, pool: &Pool, stats: Option<&PoolStats>) {
    let system = match pool.protocol {
        Wire::Redis => "redis",
        Wire::Memcached => "memcached",
    };
    let ejected = |stats: &PoolStats| stats.servers.iter().filter(|server| server.is_ejected).count() as u64;
    let counted = stats.map(|stats| {
        let counts = &stats.counts;
        [counts.client_connections, counts.requests, counts.forward_error, ejected(stats)]
    });
    let node = Node::new("ambassador", &pool.name).with_backend(system).source();
    blueprint.add_node(node.with_counters(counters(&OF_POOL, counted)));
    for server in &pool.servers {
        let stats = stats.and_then(|stats| stats.servers.iter().find(|stats| stats.name == server.name));
        let counted = stats.map(|stats| {
            let counts = &stats.counts;
            [counts.requests, counts.responses, counts.out_queue, u64::from(stats.is_ejected)]
        });
        // Servers of two pools may have one name.
        let name = format!("{}/{}", pool.name, server.name);
        let node = Node::new("shard", &name).with_backend(system).sink(Sink::default());
        blueprint.add_node(node.with_counters(counters(&OF_SERVER, counted)));
        let edge = Edge::new(&pool.name, name, server.address.to_string());
        blueprint.add_edge(edge.with_delivery(Delivery::AtMostOnce));
    }
}

fn counters(names: &'static [&'static str; 4], values: Option<[u64; 4]>) -> Counters {
    let Some(values) = values else { return Counters::default() };
    let counters = Counters::new(names);
    for (name, value) in names.iter().zip(values) {
        counters.counter(name).set(value);
    }
    counters
}
