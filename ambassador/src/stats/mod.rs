//! What a proxy counts.

mod counts;
mod figures;
mod summary;

pub use self::{
    counts::{PoolCounts, PoolStats, ServerCounts, ServerStats},
    figures::{Figure, Sample},
    summary::Summary,
};
