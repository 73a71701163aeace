//! One item of a file worker, and what all of them share.

use std::{collections::BTreeSet, path::PathBuf, sync::Arc};

use entourage_blueprint::{Counter, Counters};
use entourage_core::Clock;

use super::{
    destination::Destination, failure::Failure, limits::FileLimits, location::Location, place::Place,
    script::Text,
};
use crate::{command::CommandWorker, folder::Folder};

/// What all items share.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    /// `host:port`, in lower case.
    pub(super) hosts: BTreeSet<String>,
    pub(super) roots: Arc<[PathBuf]>,
    pub(super) limits: FileLimits,
    pub(super) command: CommandWorker,
    pub(super) destination: Option<Destination>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) counts: Counts,
}

/// One item, in one attempt.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) settings: Arc<Settings>,
    pub(super) location: Result<Location, Failure>,
    /// The script, unless it is a program that is there.
    pub(super) text: Option<Text>,
    pub(super) suffix: String,
}

impl Job {
    pub(super) fn place(&self, folder: &Folder) -> Place {
        let extension = self.location.as_ref().map(Location::extension).unwrap_or_default();
        Place::new(folder.clone(), self.suffix.clone(), extension)
    }
}

macro_rules! counts {
    ($($field:ident: $name:literal,)*) => {
        /// What a file worker counts.
        #[derive(Clone, Debug)]
        pub(super) struct Counts {
            pub(super) all: Counters,
            $(pub(super) $field: Counter,)*
        }

        impl Counts {
            pub(super) fn new() -> Self {
                let all = Counters::new(&[$($name),*]);
                Self { $($field: all.counter($name),)* all }
            }
        }
    };
}

counts! {
    fetched: "files_fetched_total",
    resumed: "fetches_resumed_total",
    bytes_fetched: "fetched_bytes_total",
    run: "scripts_done_total",
    sent: "outputs_sent_total",
    bytes_sent: "sent_bytes_total",
    spared: "outputs_sent_before_total",
}
