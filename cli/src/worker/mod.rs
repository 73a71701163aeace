//! A command as the worker of items, as flags say it.

mod program;

use std::{collections::BTreeSet, ffi::OsString, time::Duration};

use anyhow::Result;
use clap::Args;
use entourage_queue::{Group, MemoryQueue, Queue, SubscribeOptions, Topic};
use entourage_workqueue::{CommandWorker, ExitPolicy, WorkQueueOptions};

use crate::{exit::Usage, size};

/// How often an item is tried, how long, and what the end of its command means.
#[derive(Args)]
pub(crate) struct Attempts {
    /// Exit statuses that mean done, with commas between them
    #[arg(
        long,
        env = "ENTOURAGE_EXIT_DONE",
        value_name = "CODES",
        default_value = "0",
        value_delimiter = ','
    )]
    exit_done: Vec<u8>,
    /// Exit statuses that mean try again; all that are listed nowhere then mean dead [default: all others]
    #[arg(long, env = "ENTOURAGE_EXIT_RETRY", value_name = "CODES", value_delimiter = ',')]
    exit_retry: Vec<u8>,
    /// Exit statuses that mean dead: the item is not tried again
    #[arg(
        long,
        env = "ENTOURAGE_EXIT_DEAD",
        value_name = "CODES",
        default_value = "65",
        value_delimiter = ','
    )]
    exit_dead: Vec<u8>,
    /// How often an item that failed is tried again; then it is a dead letter
    #[arg(long, env = "ENTOURAGE_RETRIES", value_name = "N", default_value_t = 4)]
    retries: u32,
    /// How often an item's worker may die with it, or not answer, before it is a dead letter
    #[arg(long, env = "ENTOURAGE_DELIVERY_LIMIT", value_name = "N", default_value_t = 5)]
    delivery_limit: u32,
    /// The longest wait before the first retry; it doubles with each, and is drawn by chance
    #[arg(long, env = "ENTOURAGE_BACKOFF", value_name = "DURATION", default_value = "1s", value_parser = humantime::parse_duration)]
    backoff: Duration,
    /// The longest wait before any retry
    #[arg(long, env = "ENTOURAGE_BACKOFF_CAP", value_name = "DURATION", default_value = "1m", value_parser = humantime::parse_duration)]
    backoff_cap: Duration,
    /// How long one attempt may take; then its command has SIGTERM, and has failed
    #[arg(long, env = "ENTOURAGE_TIME_LIMIT", value_name = "DURATION", default_value = "1h", value_parser = humantime::parse_duration)]
    time_limit: Duration,
    /// The address space of each process of a command, with its unit: 512MiB [default: no limit]
    #[arg(long, env = "ENTOURAGE_MEMORY_LIMIT", value_name = "SIZE", value_parser = size::bytes)]
    memory_limit: Option<u64>,
    /// How long a command may take to end after SIGTERM, before it has SIGKILL
    #[arg(long, env = "ENTOURAGE_KILL_GRACE", value_name = "DURATION", default_value = "10s", value_parser = humantime::parse_duration)]
    kill_grace: Duration,
    /// How long this program may be silent before its items go to others
    #[arg(long, env = "ENTOURAGE_LEASE", value_name = "DURATION", default_value = "30s", value_parser = humantime::parse_duration)]
    lease: Duration,
}

impl Attempts {
    /// What of a command's environment is this program's alone: where its queue is, and its page.
    const OURS: [&str; 4] = ["ENTOURAGE_ADMIN", "ENTOURAGE_LEDGER", "ENTOURAGE_QUEUE", "ENTOURAGE_SOURCE"];

    /// The worker of this command line, which has been found.
    ///
    /// # Errors
    /// [`Usage`] for flags that contradict each other, and for a program that is not there.
    pub(crate) fn worker(&self, argv: &[OsString]) -> Result<CommandWorker> {
        let Some((program, arguments)) = argv.split_first() else {
            let why = "there is no worker; name a program with --worker, or a command behind --";
            return Err(Usage(why.to_owned()).into());
        };
        let worker = CommandWorker::new(program::found(program)?)
            .args(arguments)
            .exit_policy(self.policy()?)
            .grace(self.kill_grace)
            .on_report(|report| {
                let (stdout, stderr) = (&report.stdout, &report.stderr);
                tracing::debug!(item = %report.item, ended = %report.ended, %stdout, %stderr, "a command has ended");
            });
        let worker = Self::OURS.iter().fold(worker, CommandWorker::env_remove);
        Ok(match self.memory_limit {
            Some(bytes) => worker.memory_limit(bytes),
            None => worker,
        })
    }

    fn policy(&self) -> Result<ExitPolicy> {
        let mut seen = BTreeSet::new();
        let all = [&self.exit_done, &self.exit_retry, &self.exit_dead];
        if let Some(twice) = all.into_iter().flatten().find(|code| !seen.insert(**code)) {
            let why = format!(
                "the exit status {twice} has two meanings; name it once in --exit-done, --exit-retry and --exit-dead"
            );
            return Err(Usage(why).into());
        }
        let of = |codes: &[u8]| codes.iter().map(|code| i32::from(*code)).collect::<Vec<_>>();
        let policy = ExitPolicy::new()
            .done(of(&self.exit_done))
            .dead(of(&self.exit_dead))
            .delays(self.backoff, self.backoff_cap);
        if self.exit_retry.is_empty() {
            return Ok(policy);
        }
        Ok(policy.retry(of(&self.exit_retry)).others_dead())
    }

    /// Refuses what a queue would refuse, before one is asked.
    pub(crate) async fn check(&self, topic: &Topic, group: &Group) -> Result<()> {
        let topics = std::slice::from_ref(topic);
        MemoryQueue::new().subscribe(topics, group, self.subscription()).await?;
        Ok(())
    }

    /// Where a delivery is kept as long as its command may take to end.
    pub(crate) const fn subscription(&self) -> SubscribeOptions {
        let beyond = self.lease.saturating_add(self.kill_grace);
        let time_limit =
            if self.time_limit.is_zero() { Duration::ZERO } else { self.time_limit.saturating_add(beyond) };
        SubscribeOptions::new()
            .with_lease(self.lease)
            .with_delivery_limit(self.delivery_limit)
            .with_time_limit(time_limit)
    }

    /// The same for a manager.
    pub(crate) const fn options(&self) -> WorkQueueOptions {
        WorkQueueOptions::new()
            .with_attempts(self.retries.saturating_add(1))
            .with_delivery_limit(self.delivery_limit)
            .with_backoff(self.backoff, self.backoff_cap)
            .with_time_limit(self.time_limit)
            .with_lease(self.lease)
            // A command that does not end by SIGTERM is killed before the pool gives it up.
            .with_grace(self.kill_grace.saturating_add(Duration::from_secs(1)))
    }

    /// How long one attempt may take.
    pub(crate) const fn time_limit(&self) -> Duration {
        self.time_limit
    }

    /// How often an item that failed is tried again.
    pub(crate) const fn retries(&self) -> u32 {
        self.retries
    }
}
