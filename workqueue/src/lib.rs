#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod attempt;
mod command;
mod digest;
mod file_worker;
mod folder;
mod manager;
mod multi_worker;
mod outcome;
mod scaler;
mod source;
mod worker;

pub use self::{
    attempt::Attempt,
    command::{CommandWorker, Ended, ExitPolicy, Output, Report},
    file_worker::{FileLimits, FileWorker, InvalidFileWorker, Script},
    folder::Folders,
    manager::{Health, Status, WorkQueue, WorkQueueOptions},
    multi_worker::{MultiWorker, StepCounts},
    outcome::Outcome,
    scaler::{Scaler, ScalerOptions, Scaling},
    source::{
        DirSink, DirectorySource, Filter, Finish, FromItems, FromNames, Glob, HttpSource, InvalidGlob,
        InvalidName, ItemData, ItemName, Listing, ListingBuilder, Merger, Missing, Shape, SinkError, Skipped,
        SourceError, SourceResult, SourceServer, TopicSource, WorkSource,
    },
    worker::{FnWorker, Worker, worker_fn},
};

#[cfg(feature = "redis")]
pub use self::source::{RedisListSource, RedisStreamSource, StreamStart};
#[cfg(feature = "redis")]
pub use entourage_engine::redis::RedisOptions;
