#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod ask;
mod broker;
mod capabilities;
#[cfg(feature = "conformance")]
pub mod conformance;
mod consumer;
mod counts;
mod delivery;
mod error;
mod ext;
mod item;
mod limits;
mod memory;
mod options;
mod queue;
mod receiver;
#[cfg(feature = "redis")]
mod redis;
mod settler;
#[cfg(feature = "sqlite")]
mod sqlite;
mod state;
mod stats;
mod step;
mod url;

#[cfg(feature = "redis")]
pub use entourage_engine::redis::RedisOptions;

#[cfg(feature = "redis")]
pub use self::redis::{RedisQueue, RedisQueueOptions};
#[cfg(feature = "sqlite")]
pub use self::sqlite::{SqliteQueue, SqliteQueueOptions};
pub use self::{
    ask::Ask,
    capabilities::Capabilities,
    delivery::{Delivery, Receipt, Returns},
    error::{Error, Result},
    ext::{QueueExt, SettlerExt},
    item::{Bundle, Group, Item, ItemId, Key, Publication, Published, Topic},
    memory::{MemoryOptions, MemoryQueue},
    options::{SubscribeOptions, TopicOptions},
    queue::Queue,
    receiver::Receiver,
    settler::Settler,
    state::{Record, StateWrite},
    stats::{Dead, Redrive, Stats},
    step::{Applied, Rejection, Release, Step, StepId, Unapplied},
    url::QueueUrl,
};
