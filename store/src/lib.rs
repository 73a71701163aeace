#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod capabilities;
#[cfg(feature = "conformance")]
pub mod conformance;
mod counts;
mod entry;
mod error;
#[cfg(feature = "etcd")]
mod etcd;
mod ext;
mod feed;
mod fenced;
mod limits;
mod listing;
mod memory;
mod prefix;
mod recording;
#[cfg(feature = "redis")]
mod redis;
mod session;
#[cfg(feature = "sqlite")]
mod sqlite;
mod store;
mod txn;
mod url;
mod watch;

#[cfg(feature = "etcd")]
pub use self::etcd::{EtcdOptions, EtcdStore};
#[cfg(feature = "redis")]
pub use self::redis::{RedisOptions, RedisStore};
#[cfg(feature = "sqlite")]
pub use self::sqlite::{SqliteOptions, SqliteStore};
pub use self::{
    capabilities::{Capabilities, Exclusion},
    entry::{Entry, Version},
    error::{Error, Result},
    ext::{StoreExt, Swap},
    fenced::{Advisory, FencedStore},
    listing::{Listing, Order, What},
    memory::{MemoryOptions, MemoryStore},
    prefix::PrefixStore,
    recording::{Answer, Call, Recorded, RecordingStore},
    session::{Lease, Session, SessionId, Standing},
    store::Store,
    txn::{Condition, Operation, Outcome, Test, Txn},
    url::StoreUrl,
    watch::{Change, Watch},
};
