mod builder;
mod consistent;
mod decimal;
mod dialect;
mod explain;
mod ketama;
mod nginx;
mod points;
mod shares;
mod table;

pub use self::{
    builder::ConsistentRingBuilder,
    consistent::ConsistentRing,
    dialect::Dialect,
    nginx::NGINX_WALK,
    points::{DEFAULT_POINTS_PER_WEIGHT, MAX_POINTS},
};
