//! A command that runs while its name is owned here.

use std::{ffi::OsString, io, process::ExitCode, process::ExitStatus, time::Duration};

use anyhow::{Context, Result};
use clap::Args;
use entourage_core::{Phase, Shutdown};
use entourage_election::{Held, LeaseLock, Ran};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};

use super::{How, What, open, ready};
use crate::{Common, admin, exit, signals};

/// Run a command while this process owns the name; start it again when it is owned again
///
/// The command sees who it is in its environment: `ENTOURAGE_FENCE` (the epoch, in decimal),
/// `ENTOURAGE_FENCE_SCOPE`, `ENTOURAGE_FENCE_REALM`, `ETCD_LOCK_KEY` and `ETCD_LOCK_REV`.
///
/// When the ownership is lost, the command's process group has SIGTERM, and after an eighth of
/// the time to live SIGKILL; then it is acquired and the command started again, with a new
/// fence. At SIGTERM or SIGINT the command has SIGTERM, and the name is released when it has ended.
/// The exit status is the command's.
#[derive(Args)]
pub(crate) struct Run {
    #[command(flatten)]
    what: What,
    #[command(flatten)]
    how: How,
    /// How long the command may take to end after SIGTERM or SIGINT
    #[arg(long, env = "ENTOURAGE_GRACE", value_name = "DURATION", default_value = "30s", value_parser = humantime::parse_duration)]
    grace: Duration,
    /// Give up when it is not owned within this time [default: wait]
    #[arg(long, env = "ENTOURAGE_WAIT", value_name = "DURATION", value_parser = humantime::parse_duration)]
    wait: Option<Duration>,
    /// The command and its arguments
    #[arg(required = true, last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

impl Run {
    pub(super) async fn main(self, common: &Common) -> Result<ExitCode> {
        let url = self.what.check(self.how.ttl)?;
        if common.check {
            return Ok(ExitCode::SUCCESS);
        }
        let store = open(&url).await?;
        let clock = store.clock();
        let lock = self.how.applied(LeaseLock::builder(store, &self.what.name)).build()?;
        let shutdown = signals::shutdown(self.grace)?;
        let seen = lock.clone();
        let is_ready = move || ready::contending(&seen.status());
        admin::serve(common, lock.clone(), "store", is_ready, &shutdown).await?;
        let deadline = self.wait.map(|wait| clock.now() + wait);
        loop {
            let acquired = async {
                match deadline {
                    Some(deadline) => lock.acquire_until(deadline).await,
                    None => lock.acquire().await.map(Some),
                }
            };
            let ownership = tokio::select! {
                biased;
                () = shutdown.draining() => None,
                acquired = acquired => acquired?,
            };
            let Some(ownership) = ownership else {
                // Who waits behind is not to wait until this session expires.
                lock.leave().await;
                if shutdown.phase() != Phase::Running {
                    return Ok(ExitCode::SUCCESS);
                }
                anyhow::bail!("{:?} was not owned here within the time of --wait", self.what.name);
            };
            let key = ownership.key().map(|(key, _)| format!("{}{key}", url.key_prefix()));
            tracing::info!(name = self.what.name, epoch = ownership.fence().epoch(), "owned");
            let ran = ownership.run(|held| self.guarded(held, key.unwrap_or_default(), &shutdown)).await;
            match ran {
                Ran::Finished(status) => return Ok(exit::of(status?)),
                Ran::Late(status) => drop(status?),
                Ran::Cut => {}
            }
            if shutdown.phase() != Phase::Running {
                return Ok(ExitCode::FAILURE);
            }
            tracing::warn!(
                name = self.what.name,
                "lost; the command was stopped, and starts again when owned"
            );
        }
    }

    /// The command, from its start to its end.
    async fn guarded(&self, held: Held, key: String, shutdown: &Shutdown) -> Result<ExitStatus> {
        let mut group = Group::spawn(&self.command, &held, &key)?;
        tokio::select! {
            biased;
            status = group.child.wait() => return Ok(status?),
            () = held.lost() => {}
            () = shutdown.draining() => {}
        }
        group.signal(Signal::TERM);
        tokio::select! {
            biased;
            status = group.child.wait() => return Ok(status?),
            () = shutdown.stopped() => {}
        }
        group.signal(Signal::KILL);
        Ok(group.child.wait().await?)
    }
}

/// A command with all that it starts, as far as they stay together.
struct Group {
    child: Child,
    /// The leader's number, which is the group's.
    id: Option<Pid>,
}

impl Group {
    fn spawn(command: &[OsString], held: &Held, key: &str) -> Result<Self> {
        let (program, arguments) = command.split_first().context("a command is missing")?;
        let fence = held.fence();
        let child = Command::new(program)
            .args(arguments)
            .env("ENTOURAGE_FENCE", fence.epoch().to_string())
            .env("ENTOURAGE_FENCE_SCOPE", fence.scope().as_str())
            .env("ENTOURAGE_FENCE_REALM", fence.realm().to_string())
            .env("ETCD_LOCK_KEY", key)
            .env("ETCD_LOCK_REV", fence.epoch().to_string())
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let id = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        Ok(Self { child, id })
    }

    fn signal(&self, signal: Signal) {
        let sent = self.id.map_or(Ok(()), |id| kill_process_group(id, signal));
        // Whoever has ended needs no signal.
        if let Err(error) = sent.map_err(io::Error::from)
            && error.raw_os_error() != Some(rustix::io::Errno::SRCH.raw_os_error())
        {
            tracing::warn!(%error, "the command could not be signalled");
        }
    }
}

impl Drop for Group {
    /// What outlives its ownership, or its leader, is ended.
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}
