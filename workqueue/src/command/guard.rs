//! Ends commands that outlive their program.

use std::{
    collections::BTreeSet,
    io::{self, Write},
    os::unix::process::CommandExt,
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
};

use entourage_core::planted;
use rustix::{io::ioctl_fionbio, process::Pid};

/// Reads `+ group` and `- group`; when nobody can write any more, kills what was not taken back.
///
/// It is ours and fixed: no part of it comes from an item.
const SCRIPT: &str = r#"
trap '' HUP INT TERM
while read -r sign group; do
  if [ "$sign" = + ]; then set -- "$@" "$group"; continue; fi
  left=$#
  while [ "$left" -gt 0 ]; do
    one=$1; shift; left=$((left - 1))
    [ "$one" = "$group" ] || set -- "$@" "$one"
  done
done
for group; do kill -s KILL -- "-$group"; done
"#;

/// A small process that kills the groups of commands when this program is gone, however it went.
///
/// It sees that by the end of a pipe: a kill -9 runs no code here, and the kernel's own signal
/// at a parent's death reaches one process and not its group, and comes at a thread's end too.
///
/// It cannot know a command before there is one, so a program that is killed between the start and
/// the word of it leaves that one command. What would close this gap costs more than it: the group
/// of another process has no leader that stays in it, and a command that waits for a word needs
/// code of ours in it.
#[derive(Debug, Default)]
pub(super) struct Guard {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    process: Option<Process>,
    living: BTreeSet<i32>,
    has_failed: bool,
}

impl Guard {
    /// Sees to it that there is one: call it before a command is started, which would else outlive
    /// a program that is killed while the guard is only on its way.
    pub(super) fn stand_by(&self) {
        let mut state = self.state();
        let stands = state.process.as_mut().is_some_and(Process::lives);
        if !stands && !state.is_silent() && !planted("command-guard-comes-late") {
            state.replace();
        }
    }

    /// Ends this group with the program.
    pub(super) fn watch(&self, group: Pid) {
        let mut state = self.state();
        state.living.insert(group.as_raw_pid());
        state.order('+', group.as_raw_pid());
    }

    /// Lets go of this group: call it before the leader is reaped, when its number may become
    /// another's.
    pub(super) fn forget(&self, group: Pid) {
        let mut state = self.state();
        state.living.remove(&group.as_raw_pid());
        state.order('-', group.as_raw_pid());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn order(&mut self, sign: char, group: i32) {
        if self.is_silent() {
            return;
        }
        let told = self.process.as_mut().is_some_and(|process| process.order(sign, group).is_ok());
        if !told {
            self.replace();
        }
    }

    fn is_silent(&self) -> bool {
        planted("command-guard-sleeps") || self.has_failed
    }

    /// There is none yet, or it was killed or stopped by somebody: another knows of all.
    fn replace(&mut self) {
        self.process = None;
        let started = Process::start().and_then(|mut process| {
            self.living.iter().try_for_each(|group| process.order('+', *group))?;
            Ok(process)
        });
        match started {
            Ok(process) => self.process = Some(process),
            Err(error) => {
                // Anything else may pass, and the next order tries again.
                self.has_failed = error.kind() == io::ErrorKind::NotFound;
                tracing::warn!(%error, "commands outlive this program if it is killed: /bin/sh cannot be started");
            }
        }
    }
}

#[derive(Debug)]
struct Process {
    child: Child,
    orders: Option<ChildStdin>,
}

impl Process {
    fn start() -> io::Result<Self> {
        let mut child = Command::new("/bin/sh")
            .args(["-c", SCRIPT])
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        let orders = child.stdin.take();
        let process = Self { child, orders };
        if let Some(orders) = &process.orders {
            // One that does not read is not waited for.
            ioctl_fionbio(orders, true)?;
        }
        Ok(process)
    }

    /// Whether it was not seen to have ended.
    fn lives(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(Some(_)))
    }

    fn order(&mut self, sign: char, group: i32) -> io::Result<()> {
        let orders = self.orders.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        orders.write_all(format!("{sign} {group}\n").as_bytes())
    }
}

impl Drop for Process {
    /// Before its pipe ends, since it would kill whom it knows.
    fn drop(&mut self) {
        let ended = self.child.kill().and_then(|()| self.child.wait());
        if let Err(error) = ended {
            tracing::debug!(%error, "the guard of the commands could not be ended");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{process::Command, sync::Arc, time::Duration};

    use entourage_queue::Item;
    use entourage_testkit::eventually;
    use rustix::process::{Signal, kill_process};

    use super::{Guard, Pid, Process};
    use crate::{command::group::Group, folder::Folders};

    #[test]
    fn a_guard_stands_before_a_command_is_started() {
        let guard = Arc::new(Guard::default());
        let start = || {
            let folder = Folders::temporary().open(&Item::new("an item", "")).unwrap().unwrap();
            let missing = Group::spawn(&mut Command::new("/no/such/program"), &guard, folder, None);
            assert!(missing.is_err());
            let state = guard.state();
            Pid::from_child(&state.process.as_ref().expect("no command runs, and a guard does").child)
        };
        let first = start();
        assert_eq!(start(), first, "one is enough");
        kill_process(first, Signal::KILL).unwrap();
        eventually(Duration::from_secs(60), "it is dead", || {
            let lives = guard.state().process.as_mut().is_some_and(Process::lives);
            (!lives).then_some(())
        });
        assert_ne!(start(), first, "it was killed");
    }
}
