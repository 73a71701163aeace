//! One command, from its start to its end.

use std::{
    io,
    path::{Path, PathBuf},
    pin::pin,
    process::{Command, Stdio},
    time::Duration,
};

use entourage_core::{Moment, sleep, timeout};
use entourage_queue::Item;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::{
    CommandWorker, Ended, Output, Report, argv,
    group::{Group, Streams},
    output::Stream,
};
use crate::{
    attempt::Attempt,
    folder::{
        Folder, beside,
        opening::{self, Unopened},
    },
    outcome::Outcome,
};

/// When a command is ended, and how gently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Limit {
    at: Moment,
    grace: Duration,
}

/// A command that has ended, and what it said.
struct Ran {
    ended: Ended,
    stdout: Output,
    stderr: Output,
    took: Duration,
}

impl From<Ended> for Ran {
    fn from(ended: Ended) -> Self {
        Self { ended, stdout: Output::default(), stderr: Output::default(), took: Duration::ZERO }
    }
}

impl CommandWorker {
    /// How long a program may take to hear that it ends when its command has heard it before.
    const NEWS: Duration = Duration::from_secs(1);

    /// One attempt, with the item's folder opened before and given back after it.
    pub(super) async fn run(&self, item: &Item, attempt: &Attempt) -> Report {
        let ran = match attempt.held_folder() {
            Some(folder) => self.ran(item, attempt, folder.clone()).await,
            None => match opening::open(&self.folders, item, attempt, &*self.clock).await {
                Ok(folder) => {
                    let ran = self.ran(item, attempt, folder.clone()).await;
                    let outcome = self.judge(&ran, item, attempt);
                    opening::close(folder, &outcome).await;
                    ran
                }
                Err(Unopened::Cancelled) => Ended::Cancelled.into(),
                Err(Unopened::Failed(why)) => Ended::NotStarted(why).into(),
            },
        };
        let outcome = self.judge(&ran, item, attempt);
        let Ran { ended, stdout, stderr, took } = ran;
        Report { item: item.id().clone(), attempt: attempt.number(), ended, outcome, stdout, stderr, took }
    }

    fn judge(&self, ran: &Ran, item: &Item, attempt: &Attempt) -> Outcome {
        let seed = xxh3_64_with_seed(item.id().as_str().as_bytes(), attempt.fence().epoch());
        self.policy.judge(&ran.ended, ran.stderr.last_line().as_deref(), attempt.number(), seed)
    }

    async fn ran(&self, item: &Item, attempt: &Attempt, folder: Folder) -> Ran {
        if attempt.is_cancelled() {
            return Ended::Cancelled.into();
        }
        let limit = self.limit(attempt);
        let file = match written(item, &folder).await {
            Ok(file) => file,
            Err(why) => return Ended::NotStarted(why).into(),
        };
        let mut command = self.command(item, attempt, &file, &folder.files(), limit);
        let started = Group::spawn(&mut command, &self.guard, folder, self.memory)
            .and_then(|(group, streams)| Ok((group, self.streams(streams)?)));
        match started {
            Ok((group, streams)) => self.watched(group, streams, attempt, limit).await,
            Err(error) => self.not_started(item, &error).into(),
        }
    }

    fn command(
        &self,
        item: &Item,
        attempt: &Attempt,
        file: &Path,
        directory: &Path,
        limit: Option<Limit>,
    ) -> Command {
        let left = limit.map(|limit| limit.at.since(self.clock.now()));
        let variables = self.environment.of(item, attempt, file, left);
        let mut argv =
            self.argv.iter().map(|argument| argv::expanded(argument, |name| variables.value(name)));
        let mut command = Command::new(argv.next().unwrap_or_default());
        command.args(argv).current_dir(directory);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        self.environment.apply(&variables, &mut command);
        command
    }

    fn streams(&self, streams: Streams) -> io::Result<[Stream; 2]> {
        Ok([Stream::new(streams.stdout, self.output)?, Stream::new(streams.stderr, self.output)?])
    }

    /// Waits for the end of a command, or brings it about.
    async fn watched(
        &self,
        group: Group,
        [mut stdout, mut stderr]: [Stream; 2],
        attempt: &Attempt,
        limit: Option<Limit>,
    ) -> Ran {
        let clock = &*self.clock;
        let started = clock.now();
        let ended = {
            let mut reading = pin!(async { tokio::join!(stdout.read(), stderr.read()).0 });
            let cut = tokio::select! {
                biased;
                () = group.ended(clock) => None,
                () = attempt.cancelled() => Some(Ended::Cancelled),
                () = clock.sleep_until(limit.map_or(Moment::NEVER, |limit| limit.at)), if limit.is_some() => {
                    Some(Ended::OutOfTime)
                }
                never = &mut reading => match never {},
            };
            if cut.is_some() {
                group.terminate();
                let grace = limit.map_or(self.grace, |limit| limit.grace);
                tokio::select! {
                    biased;
                    () = group.ended(clock) => {}
                    () = sleep(clock, grace) => {}
                    never = &mut reading => match never {},
                }
            }
            // What it says while it is killed is read, so that it does not wait for us.
            let ended = tokio::select! {
                biased;
                ended = group.end(clock) => ended,
                never = &mut reading => match never {},
            };
            cut.unwrap_or(ended)
        };
        let took = clock.now().since(started);
        let is_open = ended.looks_asked_for() && !self.policy.settles(&ended);
        let ended = if is_open && self.is_ending(attempt).await { Ended::Cancelled } else { ended };
        Ran { ended, stdout: stdout.finish(), stderr: stderr.finish(), took }
    }

    /// Whether this program is to end: a service manager asks all its processes at once, and the
    /// command may have heard it first. Without this a command that always ends itself by SIGTERM
    /// would be tried for ever.
    async fn is_ending(&self, attempt: &Attempt) -> bool {
        timeout(&*self.clock, Self::NEWS, attempt.draining()).await.is_ok()
    }

    /// When the command has SIGTERM, so that it is gone when the item is another's.
    fn limit(&self, attempt: &Attempt) -> Option<Limit> {
        limit(self.clock.now(), attempt.deadline(), self.time_limit, self.grace)
    }

    fn not_started(&self, item: &Item, error: &io::Error) -> Ended {
        /// Longer ids may not fit, beside whatever else there is.
        const LONG: usize = 32 * 1024;
        let program = self.argv.first().map(|program| program.display().to_string()).unwrap_or_default();
        let why = format!("{program} cannot be started: {error}");
        let id = item.id().as_str();
        let is_items = id.contains('\0') || id.len() > LONG;
        match error.kind() {
            // Else it is the configuration, which would be each item's end.
            io::ErrorKind::InvalidInput | io::ErrorKind::ArgumentListTooLong if is_items => {
                Ended::Impossible(why)
            }
            _ => Ended::NotStarted(why),
        }
    }
}

fn limit(now: Moment, deadline: Moment, time_limit: Option<Duration>, grace: Duration) -> Option<Limit> {
    if deadline == Moment::NEVER {
        return time_limit.map(|limit| Limit { at: now + limit, grace });
    }
    let left = deadline.since(now);
    let grace = grace.min(left / 4);
    let at = time_limit.map_or(left, |limit| limit.min(left)).min(left - grace);
    Some(Limit { at: now + at, grace })
}

/// Writes the item's file, beside the runtime's threads.
async fn written(item: &Item, folder: &Folder) -> Result<PathBuf, String> {
    let path = folder.item();
    let (payload, folder) = (item.payload().clone(), folder.clone());
    match beside(move || folder.write_item(&payload)).await {
        Ok(()) => Ok(path),
        Err(error) => Err(format!("the item's file {} cannot be written: {error}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use entourage_core::Moment;

    use super::{Limit, limit};

    #[test]
    fn a_command_is_gone_when_its_item_is_anothers() {
        let second = Duration::from_secs;
        let now = Moment::ZERO + second(100);
        let at = |seconds, grace| Some(Limit { at: now + second(seconds), grace: second(grace) });
        let grace = second(10);
        assert_eq!(limit(now, Moment::NEVER, None, grace), None);
        assert_eq!(limit(now, Moment::NEVER, Some(second(5)), grace), at(5, 10));
        assert_eq!(limit(now, now + second(60), None, grace), at(50, 10));
        assert_eq!(limit(now, now + second(60), Some(second(20)), grace), at(20, 10));
        assert_eq!(limit(now, now + second(60), Some(second(58)), grace), at(50, 10));
        assert_eq!(limit(now, now + second(8), None, grace), at(6, 2), "most of the time is for the work");
        assert_eq!(limit(now, Moment::ZERO, None, grace), at(0, 0));
    }
}
