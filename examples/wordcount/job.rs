//! The job: its graph over one queue, and what its state says.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use entourage::{
    queue::{Group, Queue, Receiver, Settler, SqliteQueue, Step, SubscribeOptions, Topic},
    sharding::Modulo,
    workflow::{
        Channel, Contribution, Graph, Output, Payload, Reader, Reduce, Sharder, Tombstone, Workflow, Writer,
    },
};

use crate::{
    count::{Count, Reducers, finish_file},
    counts::{Counts, Note},
    page::{Identity, Page, read_path, write_path},
    walk::{Listed, Position, Walk, record_key},
};

/// The group that all stages share; the state's records are its.
const GROUP: &str = "wordcount";

/// The record of what is to be counted, and the release of its format.
const JOB: &str = "job";
const FORMAT: u64 = 2;

/// How long a killed process's pages wait for another.
const LEASE: Duration = Duration::from_secs(2);

/// The result: the counts of all files, but for those that tombstones stand for.
pub type Whole = Contribution<Counts>;

/// What is to be counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    pub roots: Vec<PathBuf>,
    pub shards: u64,
    pub limit: u64,
}

/// How this process works on it.
#[derive(Clone, Debug)]
pub struct Manner {
    pub workers: usize,
    pub delivery_limit: u32,
    /// Directories of these names are left out.
    pub without: &'static [&'static str],
    pub own: HashSet<PathBuf>,
}

/// How far a state has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// All pages; `None` until the listing is over.
    pub pages: Option<u64>,
    /// Pages that are listed so far.
    pub listed: u64,
    /// Pages whose step was committed.
    pub settled: u64,
    /// Those that this run settled.
    pub counted: u64,
}

/// A job on its state file.
#[derive(Debug)]
pub struct Job {
    queue: Arc<SqliteQueue>,
    settler: Arc<dyn Settler>,
    /// Kept, because a settler works as long as its receiver is there.
    _receiver: Box<dyn Receiver>,
    run: String,
    pub wanted: Wanted,
}

impl Job {
    /// Opens the state and makes sure that it is this job's; a new one is made so.
    pub async fn open(state: &Path, wanted: Wanted) -> Result<Self> {
        let job = Self::attach(state, wanted).await?;
        let claim = Step::new().named(JOB).write(JOB, 0, job.wanted.encode());
        // Refused, or done before: what stands there decides.
        drop(job.settler.step(claim).await);
        let found = job.recorded().await?.context("the state was not written")?;
        if job.wanted != found {
            bail!(
                "the state {} is of another job: {found}, not {}; name another --state, or use --fresh to begin anew",
                state.display(),
                job.wanted
            );
        }
        Ok(job)
    }

    /// Opens a state as it is; `None` if it holds no word count, or none yet.
    pub async fn look(state: &Path) -> Result<Option<Self>> {
        let mut job = Self::attach(state, Wanted::default()).await?;
        let Some(found) = job.recorded().await? else { return Ok(None) };
        job.wanted = found;
        Ok(Some(job))
    }

    async fn attach(state: &Path, wanted: Wanted) -> Result<Self> {
        let queue = SqliteQueue::open(state)
            .with_context(|| format!("cannot use the state {}; name another --state", state.display()))?;
        let queue = Arc::new(queue);
        let (group, options) = (Group::from(GROUP), SubscribeOptions::new());
        let (receiver, settler) = queue.subscribe(&[Topic::from(JOB)], &group, options).await?;
        let run = format!("settled/{}-{}", std::process::id(), queue.clock().now().as_nanos());
        Ok(Self { queue, settler, _receiver: receiver, run, wanted })
    }

    async fn recorded(&self) -> Result<Option<Wanted>> {
        let Some(record) = self.settler.state(JOB).await? else { return Ok(None) };
        let wanted = Wanted::decode(&record.value);
        wanted.map(Some).context("the state is of another version; use --fresh to begin anew")
    }

    /// The stages and the channels between them.
    pub fn workflow(&self, manner: &Manner) -> Result<Workflow<Whole>> {
        let queue: Arc<dyn Queue> = Arc::clone(&self.queue) as _;
        workflow(queue, &self.run, &self.wanted, manner)
    }

    pub async fn progress(&self) -> Result<Progress> {
        let position = self.settler.state("source/walk").await?;
        let position =
            position.map_or_else(|| Ok(Position::default()), |record| Position::decode(&record.value))?;
        let (mut settled, mut counted) = (0, 0);
        for record in self.queue.records(&Group::from(GROUP), "settled/").await? {
            let pages = u64::decode(&record.value)?;
            settled += pages;
            counted += if record.key.starts_with(&self.run) { pages } else { 0 };
        }
        let pages = position.closed.then_some(position.pages);
        Ok(Progress { pages, listed: position.pages, settled, counted })
    }

    /// Every file that is not in the whole, and everything else that was left out, with why.
    pub async fn skipped(&self, whole: &Whole) -> Result<Vec<Note>> {
        let (counts, mut notes) = (whole.value.clone().unwrap_or_default(), Vec::new());
        let too_many = Tombstone { ids: counts.left_out.clone(), reason: counts.too_many() };
        let left_out: Vec<&Tombstone> = whole.tombstones.iter().chain([&too_many]).collect();
        self.each_record(|listed| {
            for (number, path, _) in listed.files {
                if let Some(tombstone) = left_out.iter().find(|tombstone| tombstone.ids.contains(number)) {
                    notes.push(Note { path: path.display().to_string(), why: tombstone.reason.clone() });
                }
            }
            notes.extend(listed.notes);
        })
        .await?;
        notes.extend(counts.notes);
        notes.sort_unstable();
        Ok(notes)
    }

    /// The files that are no longer what they were when they were listed.
    pub async fn changed_since(&self) -> Result<Vec<PathBuf>> {
        let mut changed = Vec::new();
        self.each_record(|listed| {
            for (_, path, identity) in listed.files {
                let now = std::fs::symlink_metadata(&path).map(|metadata| Identity::of(&metadata));
                if now.ok() != Some(identity) {
                    changed.push(path);
                }
            }
        })
        .await?;
        Ok(changed)
    }

    async fn each_record(&self, mut f: impl FnMut(Listed)) -> Result<()> {
        let mut number = 0;
        while let Some(record) = self.settler.state(&record_key(number)).await? {
            f(Listed::decode(&record.value)?);
            number += 1;
        }
        Ok(())
    }
}

/// The graph of a job, over any queue.
pub fn workflow(
    queue: Arc<dyn Queue>,
    run: &str,
    wanted: &Wanted,
    manner: &Manner,
) -> Result<Workflow<Whole>> {
    let shards = u32::try_from(wanted.shards).ok().map(Modulo::new).context("too many shards")??;
    let pages = Channel::<Page>::sharded("pages", 10_000, Sharder::by_number(shards));
    let parts = Channel::new("parts", 100_000);
    let files = Channel::new("files", 100_000);
    let result = Channel::<Whole>::new("result", 1);

    let done = result.clone();
    let whole = Reduce::new("reduce-files", &files, move |_, whole: Whole| {
        // Named after the manifest: however often it is released, it is one item.
        vec![done.publication(0, format!("result/{}", whole.last.unwrap_or(0)), &whole)]
    });
    let per_file = whole.clone();
    let parts = Reduce::new("reduce-pages", &parts, move |file, total| {
        let number = file.as_str().parse().unwrap_or(0);
        per_file.admit(&"files".into(), format!("file/{file}"), finish_file(number, total))
    });
    let reducers = Reducers { pages: parts.clone(), files: whole.clone(), limit: wanted.limit };

    let (walk_pages, walk_reducers) = (pages.clone(), reducers.clone());
    let (roots, own, without, run) =
        (wanted.roots.clone(), manner.own.clone(), manner.without, run.to_owned());
    let walk = move || Walk {
        roots: roots.clone(),
        without,
        own: own.clone(),
        pages: walk_pages.clone(),
        reducers: walk_reducers.clone(),
        tree: None,
    };
    let options = SubscribeOptions::new().with_lease(LEASE).with_delivery_limit(manner.delivery_limit);
    let graph = Graph::new(GROUP, queue)
        .with_options(options)
        .source("walk", [Output::from(&pages), Output::from(whole.channel())], walk)
        .work(
            "count",
            manner.workers,
            &pages,
            [Output::from(parts.channel()), Output::from(whole.channel())],
            move |copy| Count::new(reducers.clone(), format!("{run}/{copy}")),
        )
        .reduce(1, &parts, whole.channel())
        .reduce(1, &whole, &result);
    Ok(graph.complete(&result)?)
}

impl std::fmt::Display for Wanted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let roots: Vec<_> = self.roots.iter().map(|root| root.display().to_string()).collect();
        write!(f, "{} in {} shards, at most {} different words", roots.join(" "), self.shards, self.limit)
    }
}

impl Payload for Wanted {
    fn write(&self, writer: &mut Writer) {
        for number in [FORMAT, self.shards, self.limit, self.roots.len() as u64] {
            writer.number(number);
        }
        self.roots.iter().for_each(|root| write_path(root, writer));
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, entourage::workflow::Malformed> {
        if reader.number()? != FORMAT {
            return Err(entourage::workflow::Malformed::new("a job of another release"));
        }
        let (shards, limit) = (reader.number()?, reader.number()?);
        let roots = (0..reader.number()?).map(|_| read_path(reader)).collect::<Result<_, _>>()?;
        Ok(Self { roots, shards, limit })
    }
}

#[cfg(test)]
mod tests {
    use entourage_testkit::Scratch;

    use super::{Job, Wanted};

    #[tokio::test]
    async fn a_state_of_another_machine_is_refused_and_left_alone() {
        let scratch = Scratch::new();
        let (state, wanted) = (scratch.join("state.db"), Wanted { shards: 1, ..Wanted::default() });
        drop(Job::open(&state, wanted.clone()).await.unwrap());
        let elsewhere = "UPDATE entourage_file SET machine = 'another', timeline = 'another'";
        assert_eq!(rusqlite::Connection::open(&state).unwrap().execute(elsewhere, ()).unwrap(), 1);
        for refused in [Job::open(&state, wanted).await.map(drop), Job::look(&state).await.map(drop)] {
            let message = format!("{:#}", refused.unwrap_err());
            assert!(
                message.contains("state.db; name another") && message.contains("another machine"),
                "{message}"
            );
        }
        let found = rusqlite::Connection::open(&state).unwrap();
        let found: String =
            found.query_row("SELECT machine FROM entourage_file", (), |row| row.get(0)).unwrap();
        assert_eq!(found, "another");
    }
}
