//! The job: a folder of videos, the ledger, and the manager between them.

use std::{fs, sync::Arc, time::Duration};

use anyhow::{Context, Result, bail};
use entourage::{
    core::{Shutdown, SystemClock, sleep},
    queue::{Queue, Redrive, SqliteQueue},
    workqueue::{DirectorySource, ItemName, WorkQueue, WorkQueueOptions, WorkSource},
};

use crate::{
    board::Board,
    ledger::{Ledger, reasons},
    place::Place,
    report::Report,
    screen::Screen,
    steps,
};

/// What is a video, by its name.
const VIDEOS: [&str; 8] = ["mp4", "m4v", "mov", "mkv", "webm", "avi", "mpg", "mpeg"];

/// How long a killed program's videos wait for another.
const LEASE: Duration = Duration::from_secs(2);

/// How often a video may be in work when the program is killed: mostly that is not its fault.
const DELIVERIES: u32 = 20;

/// How often is looked how far it is.
const TICK: Duration = Duration::from_millis(100);

/// A job in its place.
#[derive(Debug)]
pub struct Job {
    place: Place,
    source: DirectorySource,
    queue: Arc<SqliteQueue>,
    manager: WorkQueue,
    board: Board,
}

impl Job {
    /// Opens the ledger, a new one if there is none.
    pub fn open(place: Place, settle: Duration, manner: WorkQueueOptions) -> Result<Self> {
        let globs: Vec<String> = VIDEOS.iter().map(|ending| glob(ending)).collect();
        let source = DirectorySource::new(&place.media)?
            .with_globs(globs.iter().map(String::as_str))?
            .with_settle(settle);
        let queue = SqliteQueue::open(place.ledger())
            .with_context(|| format!("cannot use the ledger {}", place.ledger().display()))?;
        let (queue, board) = (Arc::new(queue), Board::default());
        let worker = steps::worker(place.clone(), &board);
        let manager = WorkQueue::new("thumbnailer", source.clone(), Arc::clone(&queue), worker)
            .with_options(manner.with_lease(LEASE).with_delivery_limit(DELIVERIES));
        Ok(Self { place, source, queue, manager, board })
    }

    /// The videos that there are.
    pub async fn names(&self) -> Result<Vec<ItemName>> {
        let listing = self.source.items().await?;
        for (name, why) in listing.skipped().examples() {
            eprintln!("left out: {name}: {why}");
        }
        if listing.names().is_empty() {
            let (media, endings) = (self.place.media.display(), VIDEOS.join(", "));
            bail!("there is no video in {media}: no file whose name ends in {endings}");
        }
        Ok(listing.into_names())
    }

    /// What has become of the videos so far.
    pub async fn ledger(&self) -> Result<Ledger> {
        Ledger::read(&*self.queue, &self.manager.topic().1).await
    }

    /// Makes the dead letters live again; gives how many.
    pub async fn redrive(&self) -> Result<u64> {
        let (topic, group) = self.manager.topic();
        Ok(self.queue.redrive(&topic, &group, Redrive::All).await?)
    }

    /// Whether nothing is left to do: a letter that was redriven is recorded as dead until it is done.
    pub async fn is_finished(&self, ledger: &Ledger, names: &[ItemName]) -> Result<bool> {
        let (topic, group) = self.manager.topic();
        // A video that was deleted meanwhile is waited for by nobody.
        let is_seen_to = |name: &ItemName| ledger.has(name) || !self.place.media.join(name.as_str()).exists();
        Ok(names.iter().all(is_seen_to) && self.queue.stats(&topic, &group).await?.unsettled() == 0)
    }

    /// Works and shows it, until every one of `names` is done or dead.
    pub async fn work(&self, names: &[ItemName], shutdown: &Shutdown) -> Result<()> {
        let (finished, clock) = (shutdown.clone(), SystemClock::new());
        let watch = async {
            let mut screen = Screen::new(names.len(), self.ledger().await?.settled(names));
            let end = loop {
                let ledger = self.ledger().await?;
                screen.draw(&ledger, names, &self.board.running());
                if self.is_finished(&ledger, names).await? {
                    break Ok(());
                }
                tokio::select! {
                    biased;
                    () = shutdown.stopped() => break Err(anyhow::anyhow!("it was asked to end")),
                    () = sleep(&clock, TICK) => {}
                }
            };
            screen.clear();
            finished.drain();
            end
        };
        let (worked, watched) = tokio::join!(self.manager.run(shutdown), watch);
        worked?;
        watched?;
        // Empty, unless another program is at work in there.
        let _ = fs::remove_dir(self.place.work());
        Ok(())
    }

    /// What there is to say in the end.
    pub async fn report(&self, names: &[ItemName], before: &Ledger, took: Duration) -> Result<Report> {
        let (topic, group) = self.manager.topic();
        let (after, mut why) = (self.ledger().await?, reasons(&*self.queue, (&topic, &group)).await?);
        let mut report = Report { output: self.place.output.clone(), took, ..Report::default() };
        for name in names {
            let text = name.as_str();
            if after.dead.contains(text) {
                let why = why.remove(text).unwrap_or_else(|| "no reason is known".to_owned());
                report.dead.push((text.to_owned(), why));
            } else if after.done.contains(text) {
                report.done += 1;
                report.new += usize::from(!before.done.contains(text));
                report.pictures += self.place.count(name);
            }
        }
        Ok(report)
    }
}

/// Files of this ending, in any case, in any folder.
fn glob(ending: &str) -> String {
    let class = |letter: char| match letter.is_ascii_alphabetic() {
        true => format!("[{letter}{}]", letter.to_ascii_uppercase()),
        false => letter.to_string(),
    };
    format!("**/*.{}", ending.chars().map(class).collect::<String>())
}

#[cfg(test)]
mod tests {
    use entourage::workqueue::Glob;

    use super::glob;

    #[test]
    fn a_video_is_known_by_its_ending_in_any_case() {
        let videos = Glob::new(&glob("mp4")).unwrap();
        for name in ["a.mp4", "a.MP4", "clips/2026/b.Mp4"] {
            assert!(videos.matches(name), "{name}");
        }
        for name in ["mp4", "a.mp3", "a.mp4.part", "a.mp4/thumb1.png"] {
            assert!(!videos.matches(name), "{name}");
        }
    }
}
