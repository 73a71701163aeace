//! The images, the ledger, and the manager between them.

use std::{
    fs,
    path::{Path, PathBuf, absolute},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use entourage::{
    core::{Shutdown, SystemClock, sleep},
    queue::{Queue, SqliteQueue},
    workqueue::{DirectorySource, ItemName, WorkQueue, WorkQueueOptions, WorkSource},
};

use crate::{
    log::Log,
    steps::{self, Manner},
};

/// How long a killed program's images wait for another.
const LEASE: Duration = Duration::from_secs(1);

const TICK: Duration = Duration::from_millis(50);

/// A folder of images and where their results go.
#[derive(Debug)]
pub struct Job {
    output: PathBuf,
    source: DirectorySource,
    queue: Arc<SqliteQueue>,
    manager: WorkQueue,
}

impl Job {
    pub fn open(
        images: PathBuf,
        output: PathBuf,
        parallelism: usize,
        kill_before: Option<String>,
    ) -> Result<Self> {
        let output = absolute(output)?;
        fs::create_dir_all(&output)
            .with_context(|| format!("cannot make {}; name another --output", output.display()))?;
        let source = DirectorySource::new(images)?.with_glob("*.[pP][nN][gG]")?.with_settle(Duration::ZERO);
        let queue = Arc::new(SqliteQueue::open(output.join(".ledger.db"))?);
        let manner = Manner { log: Log::new(log(&output)), kill_before };
        let options = WorkQueueOptions::new().with_parallelism(parallelism).with_lease(LEASE);
        let worker = steps::worker(&output, &manner);
        let manager =
            WorkQueue::new("faces", source.clone(), Arc::clone(&queue), worker).with_options(options);
        Ok(Self { output, source, queue, manager })
    }

    pub fn output(&self) -> &Path {
        &self.output
    }

    /// Works until every image is done or dead; gives how many are done, and which are dead and why.
    pub async fn work(&self) -> Result<(usize, Vec<(String, String)>)> {
        let names = self.source.items().await?.into_names();
        if names.is_empty() {
            bail!("there is no image in {}: no file whose name ends in .png", self.source.name());
        }
        let (shutdown, clock) = (Shutdown::new(), SystemClock::new());
        let watch = async {
            let done = loop {
                match self.done(&names).await {
                    Ok(None) => sleep(&clock, TICK).await,
                    Ok(Some(done)) => break Ok(done),
                    Err(error) => break Err(error),
                }
            };
            shutdown.drain();
            done
        };
        let (worked, done) = tokio::join!(self.manager.run(&shutdown), watch);
        worked?;
        let (topic, group) = self.manager.topic();
        let dead = self.queue.dead(&topic, &group, names.len()).await?;
        Ok((done?, dead.into_iter().map(|dead| (dead.item.id().to_string(), dead.reason)).collect()))
    }

    /// How many images are done, once nothing is left to do.
    async fn done(&self, names: &[ItemName]) -> Result<Option<usize>> {
        let (topic, group) = self.manager.topic();
        let records = self.queue.records(&group, "").await?;
        let fates: Vec<_> = names
            .iter()
            .map(|name| {
                records.iter().find(|record| *record.key == *name.as_str()).map(|record| &record.value[..])
            })
            .collect();
        let is_settled = |fate: &Option<&[u8]>| matches!(fate, Some(b"done" | b"dead"));
        let is_whole =
            fates.iter().all(is_settled) && self.queue.stats(&topic, &group).await?.unsettled() == 0;
        Ok(is_whole.then(|| fates.iter().filter(|fate| **fate == Some(&b"done"[..])).count()))
    }
}

/// Which steps were begun.
pub fn log(output: &Path) -> PathBuf {
    output.join(".steps.log")
}
