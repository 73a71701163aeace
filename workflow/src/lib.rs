#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod channel;
mod contribution;
mod error;
mod graph;
mod id_set;
mod outlet;
mod payload;
mod reduce;
mod runner;
mod sharder;
mod source;
mod stage;
mod work;

pub use self::{
    channel::Channel,
    contribution::{Absorbed, Contribution, Overlap, Tombstone},
    error::{Error, Result},
    graph::{Graph, Output, Workflow},
    id_set::IdSet,
    payload::{Malformed, Payload, Reader, Writer},
    reduce::Reduce,
    sharder::{ShardStage, Sharder},
    source::{Chunk, Cursor, Source},
    stage::{Combinator, Stage},
    work::{Emitted, Input, Work},
};
