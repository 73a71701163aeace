//! Those who work and publish, and what is done to them.

use std::{path::PathBuf, sync::Arc, time::Duration};

use entourage::core::{Clock, Moment, SystemClock};
use entourage_testkit::{Process, Program, eventually};
use tokio::{runtime::Runtime, task::JoinHandle};

use crate::{
    DEADLINE,
    backend::Backend,
    role::{ROLE, Role},
    sink::Sink,
    wire::{Switchboard, Wire},
};

/// A process, or in memory a task.
enum Life {
    Process(Process),
    Task(JoinHandle<()>),
}

/// Somebody who works or publishes.
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) role: Role,
    life: Life,
    paused_at: Option<Moment>,
}

impl Member {
    pub(crate) const fn is_worker(&self) -> bool {
        matches!(self.role, Role::Worker { .. })
    }

    pub(crate) const fn is_paused(&self) -> bool {
        self.paused_at.is_some()
    }
}

/// Those who work and publish.
pub(crate) struct Crew {
    // The processes first, so that they are dead when what they use goes.
    pub(crate) members: Vec<Member>,
    pub(crate) backend: Backend,
    pub(crate) sink: Arc<Sink>,
    switchboard: Switchboard,
    pub(crate) runtime: Runtime,
    lease: Duration,
    started: u64,
    /// Members that have killed themselves, as their items do.
    pub(crate) fallen: u64,
}

impl Crew {
    pub(crate) fn new(
        backend: Backend,
        sink: Arc<Sink>,
        socket: PathBuf,
        runtime: Runtime,
        lease: Duration,
    ) -> Self {
        let switchboard = Switchboard::new(socket, &sink);
        let members = Vec::new();
        Self { members, backend, sink, switchboard, runtime, lease, started: 0, fallen: 0 }
    }

    /// Starts somebody.
    pub(crate) fn start(&mut self, role: Role) {
        self.started += 1;
        let verb = role.to_string();
        let name = format!("{}-{}", verb.split(' ').next().unwrap_or_default(), self.started);
        let life = match &self.backend {
            Backend::Memory(_) => {
                let (backend, seed) = (self.backend.clone(), self.started);
                let wire = Wire::Local { sink: Arc::clone(&self.sink), who: name.clone() };
                let playing = async move { role.play(&backend, wire, seed).await };
                Life::Task(self.runtime.spawn(playing))
            }
            backend => {
                let program = Program::this_test().env(ROLE, verb).arg(&name);
                let program = program.arg(self.switchboard.path()).arg(backend.to_string());
                Life::Process(program.keeping(64 << 10).start())
            }
        };
        self.members.push(Member { name, role, life, paused_at: None });
    }

    /// Starts a process that stands in the middle of a transaction; it returns when it does.
    pub(crate) fn hold_the_file(&mut self) -> Process {
        let program = Program::this_test().env(ROLE, Role::Holder.to_string()).arg("holder");
        let holder = program.arg(self.switchboard.path()).arg(self.backend.to_string()).start();
        holder.wait_line("that it holds", |line| line == "holding", DEADLINE);
        holder
    }

    /// Kills somebody, without a successor.
    fn end(&mut self, at: usize) -> Role {
        let mut member = self.members.remove(at);
        match &mut member.life {
            Life::Process(process) => {
                process.kill9();
                self.sink.deafen(&member.name);
                eventually(DEADLINE, "all is heard that the dead has said", || {
                    self.switchboard.is_gone(&member.name).then_some(())
                });
                self.sink.bury(&member.name);
            }
            Life::Task(task) => {
                // First, so that nothing it says counts that follows from what others got of it.
                self.sink.bury(&member.name);
                task.abort();
            }
        }
        member.role
    }

    /// Kills somebody, and starts another in the place.
    pub(crate) fn kill(&mut self, at: usize) {
        let role = self.end(at);
        self.start(role);
    }

    /// Kills all; returns what they were for.
    pub(crate) fn kill_all(&mut self) -> Vec<Role> {
        (0..self.members.len()).map(|_| self.end(0)).collect()
    }

    /// Sends all home; what they do after that is no part of the history.
    pub(crate) fn dismiss(&mut self) {
        for member in self.members.drain(..) {
            match member.life {
                Life::Process(mut process) => process.kill9(),
                Life::Task(task) => task.abort(),
            }
        }
    }

    /// Stops somebody who is held back by a trap.
    pub(crate) fn pause(&mut self, at: usize) {
        let member = &mut self.members[at];
        if let Life::Process(process) = &mut member.life {
            process.pause();
        }
        self.sink.paused(&member.name);
        member.paused_at = Some(SystemClock::new().now());
    }

    /// Lets those go on who are zombies by now, and replaces those who were killed by an item.
    ///
    /// # Panics
    /// If somebody has ended without a reason.
    pub(crate) fn tend(&mut self) {
        for at in (0..self.members.len()).rev() {
            let member = &mut self.members[at];
            if let Some(paused_at) = member.paused_at {
                let lasted = SystemClock::new().now().since(paused_at);
                let is_superseded = self.sink.is_superseded(&member.name) && lasted > self.lease;
                // Its items may all be dead letters, or another's who stands still too.
                if is_superseded || lasted > self.lease * 3 {
                    member.paused_at = None;
                    self.sink.resumed(&member.name);
                    if let Life::Process(process) = &mut member.life {
                        process.resume();
                    }
                    self.sink.release(&member.name);
                }
                continue;
            }
            let has_ended = match &mut member.life {
                Life::Process(process) => !process.is_running(),
                Life::Task(task) => task.is_finished(),
            };
            if !has_ended || !member.is_worker() && self.sink.all_is_published() {
                continue;
            }
            let said = match &member.life {
                Life::Process(process) => process.stderr(),
                Life::Task(_) => String::new(),
            };
            assert!(
                self.sink.is_doomed(&member.name),
                "{} has ended by itself; it said\n{said}",
                member.name
            );
            self.fallen += 1;
            self.kill(at);
        }
    }
}
