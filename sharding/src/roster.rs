//! Servers in the order of their names, which is how their shards are numbered.

use crate::{Result, Server, ShardId, server};

/// By name, if each has a name of its own and a weight.
pub(crate) fn by_name<N: Into<String>>(servers: impl IntoIterator<Item = (N, u32)>) -> Result<Vec<Server>> {
    let mut servers: Vec<_> = servers.into_iter().map(|(name, weight)| Server::new(name, weight)).collect();
    server::check(&servers)?;
    servers.sort_by(|a, b| a.name().cmp(b.name()));
    Ok(servers)
}

/// The shard of the server of this name, among servers by name.
pub(crate) fn shard_of(servers: &[Server], name: &str) -> Option<ShardId> {
    servers.binary_search_by(|server| server.name().cmp(name)).ok().map(shard_at)
}

/// The shard of what stands here among the servers.
pub(crate) fn shard_at(index: usize) -> ShardId {
    ShardId::new(u32::try_from(index).expect("there are fewer servers than 2^32, by their memory"))
}

/// The part of all weights that the server of this shard has, from 0 to 1.
pub(crate) fn part(servers: &[Server], shard: ShardId) -> f64 {
    let weight = servers.get(shard.index()).map_or(0, Server::weight);
    let all: u128 = servers.iter().map(|server| u128::from(server.weight())).sum();
    f64::from(weight) / all as f64
}
