//! The promises of the crate page, through the public API.

mod building;
mod dialects;
mod diff;
mod disruption;
mod evenness;
mod golden;
mod growth;
mod ketama;
mod key;
mod load;
mod nginx;
mod placement;
mod recorded;
mod spread;
mod twemproxy;
mod vectors;

use entourage_sharding::{ConsistentRing, ShardLoad, ShardingFunction};
use proptest::{
    collection::{btree_set, vec},
    prelude::{Just, Strategy},
    test_runner::Config,
};

/// Property tests leave no files behind; a failure prints its smallest case.
fn cases(cases: u32) -> Config {
    Config { cases, failure_persistence: None, ..Config::default() }
}

/// Distinct names of all sorts, in the order of their bytes.
fn names(count: impl Into<proptest::collection::SizeRange>) -> impl Strategy<Value = Vec<String>> {
    btree_set("\\PC{1,12}", count).prop_map(|names| names.into_iter().collect())
}

/// Servers with weights, in the order of their names.
fn servers(count: std::ops::RangeInclusive<usize>) -> impl Strategy<Value = Vec<(String, u32)>> {
    names(count).prop_flat_map(|names| {
        let weights = vec(1_u32..=4, names.len());
        (Just(names), weights).prop_map(|(names, weights)| names.into_iter().zip(weights).collect())
    })
}

/// Keys as applications have them.
fn keys() -> impl Iterator<Item = Vec<u8>> {
    (0..20_000).map(|number| format!("user:{number}").into_bytes())
}

/// How a function spreads them.
fn load(function: &dyn ShardingFunction) -> ShardLoad {
    let mut load = ShardLoad::new(function.shards());
    keys().for_each(|key| assert!(load.add(function.shard(&key), 1)));
    load
}

fn ring(servers: &[(String, u32)], points: u32) -> ConsistentRing {
    servers
        .iter()
        .fold(ConsistentRing::builder(), |builder, (name, weight)| builder.server(name, *weight))
        .points_per_weight(points)
        .build()
        .expect("the servers are sound")
}
