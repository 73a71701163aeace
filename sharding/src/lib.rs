#![doc = include_str!("../README.md")]

mod diff;
mod error;
mod explain;
mod function;
mod hash;
mod hash_tag;
mod jump;
pub mod key;
mod load;
mod maglev;
mod modula;
mod modulo;
mod nginx;
mod placement;
mod range;
mod rendezvous;
mod ring;
mod roster;
mod server;
mod shard;
mod turns;

pub use self::{
    diff::{Comparison, Diff, Finding, MAX_SURVEYED, Moved, Survey, Surveyed},
    error::{Error, Result},
    explain::{Explain, Explanation},
    function::ShardingFunction,
    hash::{Chars, KeyHash},
    hash_tag::HashTag,
    jump::Jump,
    load::{HeavyKey, HeavyKeys, LONGEST_KEY, ShardLoad},
    maglev::{DEFAULT_TABLE_SIZE, MAX_TABLE_SIZE, Maglev},
    modula::Modula,
    modulo::Modulo,
    nginx::{IpHash, NginxHash},
    placement::{BoundedLoad, Choice, Health, Placement, Preference, PreferenceExt, Preferred},
    range::{Range, RangeBuilder},
    rendezvous::Rendezvous,
    ring::{
        ConsistentRing, ConsistentRingBuilder, DEFAULT_POINTS_PER_WEIGHT, Dialect, MAX_POINTS, NGINX_WALK,
    },
    server::Server,
    shard::ShardId,
};
