//! Where workers are tried: a directory, an attempt, and what was told of it.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use entourage_core::{Clock, Fence, Moment, Realm, Scope, Shutdown, SystemClock};
use entourage_queue::{Delivery, Item, Receipt, Returns};
use entourage_testkit::{Scratch, eventually};
use entourage_workqueue::{Attempt, CommandWorker, Outcome, Report, Worker};

/// How long anything may take on a busy machine before it is a failure.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

#[derive(Debug)]
struct Nobody;

impl Returns for Nobody {
    fn give_back(&self, _: Receipt) {}
}

/// An attempt of this number at an item, to be finished by `deadline`.
pub(crate) fn attempt_at(item: &Item, number: u32, deadline: Moment, shutdown: &Shutdown) -> Attempt {
    let fence = Fence::new(Realm::new(0xbeef), Scope::new(item.id().to_shared()), 70 + u64::from(number));
    let receipt = Receipt { sequence: 1, epoch: 70 + u64::from(number) };
    let delivery =
        Delivery::leased("topic".into(), item.clone(), fence, receipt, (number - 1, 0), Arc::new(Nobody));
    Attempt::of(&delivery, deadline, shutdown.clone())
}

/// The first attempt at an item, with all the time there is.
pub(crate) fn attempt(item: &Item) -> Attempt {
    attempt_at(item, 1, Moment::NEVER, &Shutdown::new())
}

pub(crate) fn in_time(duration: Duration) -> Moment {
    SystemClock::new().now() + duration
}

/// A directory, and what was told of the commands that ran.
pub(crate) struct Bench {
    pub(crate) scratch: Scratch,
    reports: Arc<Mutex<Vec<Report>>>,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self { scratch: Scratch::new(), reports: Arc::default() }
    }

    /// A script of the shell as a command, with `$OUT` as a directory that outlasts it.
    pub(crate) fn sh(&self, script: &str) -> CommandWorker {
        self.command(CommandWorker::new("sh").args(["-c", script, "sh"]))
    }

    pub(crate) fn python(&self, script: &str) -> CommandWorker {
        self.command(CommandWorker::new("python3").args(["-c", script]))
    }

    pub(crate) fn command(&self, command: CommandWorker) -> CommandWorker {
        let reports = Arc::clone(&self.reports);
        let told = move |report: &Report| reports.lock().expect("it is whole").push(report.clone());
        command.env("OUT", self.scratch.path()).grace(Duration::from_millis(300)).on_report(told)
    }

    /// The outcome of one attempt, and what was told of it.
    pub(crate) async fn once(&self, worker: &CommandWorker) -> Report {
        let item = Item::new("an item", "some data");
        let outcome = worker.work(&item, &attempt(&item)).await;
        let report = self.last();
        assert_eq!(outcome, report.outcome);
        report
    }

    pub(crate) fn first(&self) -> Option<Report> {
        self.reports.lock().expect("it is whole").first().cloned()
    }

    pub(crate) fn last(&self) -> Report {
        self.reports.lock().expect("it is whole").last().expect("something was told").clone()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.scratch.join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Waits for a whole number in a file that a script writes with a line's end.
    pub(crate) fn number_in(path: &Path) -> Option<i32> {
        fs::read_to_string(path).ok()?.strip_suffix('\n')?.trim().parse().ok()
    }
}

pub(crate) fn is_retry(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Retry(_))
}

/// The processes of a group that live, or are dead and children of this process: `(id, state)`.
pub(crate) fn group(group: i32) -> Vec<(i32, String)> {
    let ours = std::process::id().to_string();
    let mut found = Vec::new();
    for process in fs::read_dir("/proc").expect("there is /proc").flatten() {
        let Some(id) = process.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let Ok(stat) = fs::read_to_string(process.path().join("stat")) else { continue };
        let Some((_, fields)) = stat.rsplit_once(')') else { continue };
        let fields: Vec<_> = fields.split_ascii_whitespace().collect();
        let is_anothers = matches!(fields[0], "Z" | "X") && fields[1] != ours;
        if fields[2] == group.to_string() && !is_anothers {
            found.push((id, fields[0].to_owned()));
        }
    }
    found
}

/// Waits until nothing of a group is left, alive or as a zombie of ours.
#[track_caller]
pub(crate) fn is_gone(id: i32) {
    eventually(DEADLINE, &format!("group {id} is gone"), || group(id).is_empty().then_some(()));
}
