#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod channel;
mod contribution;
mod error;
mod graph;
mod id_set;
mod outlet;
mod output;
mod payload;
mod reduce;
mod runner;
mod sharder;
mod source;
mod stage;
mod tombstone;
mod work;
mod workflow;

pub use self::{
    channel::Channel,
    contribution::{Absorbed, Conflict, Contribution},
    error::{Error, Result},
    graph::Graph,
    id_set::IdSet,
    output::Output,
    payload::{Malformed, Payload, Reader, Writer},
    reduce::Reduce,
    sharder::{ShardStage, Sharder},
    source::{Chunk, Cursor, Source},
    stage::{Combinator, Stage},
    tombstone::Tombstone,
    work::{Emitted, Input, Work},
    workflow::Workflow,
};
