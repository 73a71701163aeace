//! A command for each item of a source.

use std::{
    ffi::OsString,
    process::ExitCode,
    sync::{Arc, OnceLock},
    time::Duration,
};

use anyhow::{Context, Result};
use clap::Args;
use entourage_blueprint::{Blueprint, Describe, Edge};
use entourage_core::Shutdown;
use entourage_http::{Admin, json};
use entourage_queue::{Capabilities, Queue, QueueUrl};
use entourage_workqueue::{Scaling, WorkQueue, WorkSource};
use http::{Method, StatusCode};

use super::{
    ended::Ended,
    once::Once,
    overseer::Overseer,
    plan::{ItemWorker, Parallelism, Plan},
    ready,
    source::{Place, Reading},
    used_up::Using,
};
use crate::{
    Common, admin,
    exit::Usage,
    opening::{self, Reason},
    output::Printer,
    signals,
    worker::Attempts,
};

/// Run a command for each item of a source, each once, with as many such programs as you like
///
/// The worker is what --worker names, if it does, followed by what stands behind `--`: an argument
/// list, and never a shell. It finds the item's data in the file that `WORK_ITEM_FILE` names, and
/// ends with 0 when the work is done. In its arguments `$(WORK_ITEM_FILE)`, `$(INPUT_FILE)`,
/// `$(ENTOURAGE_ITEM)` and the like are replaced. It runs in an empty folder of its own, which is
/// removed afterwards: name what is to stay by absolute paths.
///
/// What is done is in the ledger, and not done again. Programs with one ledger and one name share
/// the work. SIGTERM takes no more and waits for what is in work; SIGUSR1 pauses, SIGUSR2 resumes.
#[derive(Args)]
pub(crate) struct Run {
    /// Where the items are: dir:PATH, http://HOST[:PORT][/PATH], redis-list:// or redis-stream://[[USER]:PASSWORD@]HOST[:PORT]/KEY
    #[arg(long, env = "ENTOURAGE_SOURCE", value_name = "URL", hide_env_values = true)]
    source: String, // Not parsed by clap, whose errors repeat what they were given, passwords too.
    #[command(flatten)]
    reading: Reading,
    #[command(flatten)]
    using: Using,
    /// Where is kept what is done: sqlite:PATH, redis://[[USER]:PASSWORD@]HOST[:PORT][/PREFIX], or memory: for trials
    #[arg(long, env = "ENTOURAGE_LEDGER", value_name = "URL", hide_env_values = true)]
    ledger: String,
    /// Whose work it is: programs of one name share it [default: the source's address and patterns]
    #[arg(long, env = "ENTOURAGE_NAME", value_name = "NAME")]
    name: Option<String>,
    /// The program for each item; what stands behind -- are its arguments [default: the first behind --]
    #[arg(long, env = "ENTOURAGE_WORKER", value_name = "PROGRAM")]
    worker: Option<OsString>,
    /// With dir: and without --contents, let INPUT_FILE be the file itself; else it is WORK_ITEM_FILE
    #[arg(long, env = "ENTOURAGE_INPUT_FILE")]
    input_file: bool,
    /// How many items are worked on at a time: a number, or auto, by what arrives and how long it takes
    #[arg(long, env = "ENTOURAGE_PARALLELISM", value_name = "N|auto", default_value = "1", value_parser = Parallelism::parse)]
    parallelism: Parallelism,
    /// The fewest of them with auto [default: 1]
    #[arg(long, env = "ENTOURAGE_MIN_PARALLELISM", value_name = "N")]
    min_parallelism: Option<usize>,
    /// The most of them with auto [default: the machine's processors]
    #[arg(long, env = "ENTOURAGE_MAX_PARALLELISM", value_name = "N")]
    max_parallelism: Option<usize>,
    #[command(flatten)]
    attempts: Attempts,
    /// How long after a listing the next one begins, give or take a tenth; 5s at most with --once
    #[arg(long, env = "ENTOURAGE_INTERVAL", value_name = "DURATION", default_value = "30s", value_parser = humantime::parse_duration)]
    interval: Duration,
    /// End when all that was listed once is finished, or a list or Stream is empty: with 0 if it is done, with 1 if anything is dead
    #[arg(long, env = "ENTOURAGE_ONCE")]
    once: bool,
    /// How far apart the lines of progress are on standard output, if that is no terminal
    #[arg(long, env = "ENTOURAGE_REPORT", value_name = "DURATION", default_value = "10s", value_parser = humantime::parse_duration)]
    report: Duration,
    /// How long what is in work may take to end after SIGTERM or SIGINT
    #[arg(long, env = "ENTOURAGE_GRACE", value_name = "DURATION", default_value = "30s", value_parser = humantime::parse_duration)]
    grace: Duration,
    /// The worker's arguments, or the worker and its arguments
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

impl Run {
    pub(super) async fn main(self, common: &Common) -> Result<ExitCode> {
        let plan = self.plan().await?;
        if common.check {
            return Ok(ExitCode::SUCCESS);
        }
        if plan.ledger == QueueUrl::Memory {
            tracing::warn!(
                "a ledger in memory forgets what is done when this program ends; name sqlite:PATH"
            );
        }
        if let (true, Some(directory)) = (self.once, &plan.directory) {
            // Without --once it may come later.
            std::fs::read_dir(directory)
                .with_context(|| format!("the directory {} cannot be read", directory.display()))?;
        }
        let shutdown = signals::shutdown(self.grace)?;
        let once = self.once.then(|| Once::new(Arc::clone(&plan.source)));
        let source = once.as_ref().map_or_else(|| Arc::clone(&plan.source), |once| Arc::new(once.clone()));
        let page = Page::new(Arc::clone(&source));
        page.serve(common, &shutdown).await?;
        let Some(queue) = opening::patiently(&plan.ledger, &page.reason, &shutdown).await? else {
            return Ok(Ended::Asked.code(self.once));
        };
        let manager = WorkQueue::new(Arc::clone(&plan.name), source, Arc::clone(&queue), plan.worker.clone())
            .with_options(plan.options);
        // It was empty: nobody else fills it.
        let _ = page.managed.set(Managed { manager: manager.clone(), queue: Arc::clone(&queue) });
        let (pausing, resuming) = (manager.clone(), manager.clone());
        signals::pausing(move || pausing.pause(), move || resuming.resume())?;
        let mut overseer = Overseer::new(manager.clone(), queue, once, Printer::start()?, self.report);
        let ended = tokio::select! {
            biased;
            ran = manager.run(&shutdown) => ran.map(|()| Ended::Asked).map_err(Into::into),
            broken = overseer.watch(&shutdown) => Err(broken),
        };
        let ended = overseer.finish(ended?).await;
        Ok(ended.code(self.once))
    }

    /// What is to be done, if all of it can work; contacts nothing.
    async fn plan(&self) -> Result<Plan> {
        let place = Place::of_url(&self.source)?;
        let reading = self.reading.source(place, Some(&self.using))?;
        let inputs = if self.input_file { Some(self.reading.inputs(&reading)?) } else { None };
        let ledger: QueueUrl = self.ledger.parse()?;
        let argv: Vec<OsString> = self.worker.iter().chain(&self.command).cloned().collect();
        let command = self.attempts.worker(&argv)?;
        let scaler = self.parallelism.scaler(self.min_parallelism, self.max_parallelism)?;
        if self.interval.is_zero() || self.report.is_zero() {
            let why = "--interval and --report are some time; say 1s or more";
            return Err(Usage(why.to_owned()).into());
        }
        // A list or Stream is finished when it is empty, which a listing says.
        let most = if reading.source.is_used_up() { Duration::from_secs(1) } else { Duration::from_secs(5) };
        let interval = if self.once { self.interval.min(most) } else { self.interval };
        let name = self.name.clone().unwrap_or(reading.name);
        if name.is_empty() || name.len() > Capabilities::MAX_NAME_BYTES {
            let (bytes, most) = (name.len(), Capabilities::MAX_NAME_BYTES);
            return Err(Usage(format!("the name has {bytes} bytes; say --name with 1 to {most}")).into());
        }
        let plan = Plan {
            name: name.into(),
            source: reading.source,
            directory: reading.directory,
            ledger,
            worker: ItemWorker { command, inputs },
            options: self.attempts.options().with_scaler(scaler).with_interval(interval),
        };
        let (topic, group) = plan.topic();
        self.attempts.check(&topic, &group).await?;
        Ok(plan)
    }
}

/// The operator's page, from before there is a ledger.
struct Page {
    source: Arc<dyn WorkSource>,
    managed: Arc<OnceLock<Managed>>,
    reason: Reason,
}

/// A manager, and the queue that it manages with.
struct Managed {
    manager: WorkQueue,
    queue: Arc<dyn Queue>,
}

impl Page {
    fn new(source: Arc<dyn WorkSource>) -> Self {
        let reason = Reason::new("the ledger has not been opened yet");
        Self { source, managed: Arc::default(), reason }
    }

    async fn serve(&self, common: &Common, shutdown: &Shutdown) -> Result<()> {
        let described = Composed { source: Arc::clone(&self.source), managed: Arc::clone(&self.managed) };
        let (managed, reason) = (Arc::clone(&self.managed), self.reason.clone());
        let is_ready = move || {
            reason.check()?;
            managed.get().map_or(Ok(()), |managed| ready::working(&managed.manager.status()))
        };
        let managed = Arc::clone(&self.managed);
        let scaling = move |_| {
            let scaling = managed.get().map_or_else(Scaling::default, |managed| managed.manager.scaling());
            let answer = json(StatusCode::OK, scaling.to_json());
            async move { answer }
        };
        let page = Admin::new()
            .with_blueprint(described)
            .with_check("workqueue", is_ready)
            .with_shutdown(shutdown.clone());
        admin::route(common, page.into_router().route(Method::GET, "/scaling", scaling)).await
    }
}

/// What is composed, as far as it is there.
struct Composed {
    source: Arc<dyn WorkSource>,
    managed: Arc<OnceLock<Managed>>,
}

impl Describe for Composed {
    fn describe(&self, blueprint: &mut Blueprint) {
        let Some(Managed { manager, queue }) = self.managed.get() else {
            return self.source.describe(blueprint);
        };
        manager.describe(blueprint);
        queue.describe(blueprint);
        let (topic, _) = manager.topic();
        blueprint.add_edge(Edge::new(topic.as_str(), "queue", "ledger"));
    }
}
