#![doc = include_str!("../README.md")]

mod attempt;
mod command;
mod digest;
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
    folder::Folders,
    manager::{Health, Status, WorkQueue, WorkQueueOptions},
    multi_worker::{MultiWorker, StepCounts},
    outcome::Outcome,
    scaler::{Scaler, ScalerOptions, Scaling},
    source::{
        DirSink, DirectorySource, Filter, FromNames, Glob, HttpSource, InvalidGlob, InvalidName, ItemData,
        ItemName, Listing, ListingBuilder, Merger, Missing, Shape, SinkError, Skipped, SourceError,
        SourceResult, SourceServer, WorkSource,
    },
    worker::{FnWorker, Worker, worker_fn},
};
