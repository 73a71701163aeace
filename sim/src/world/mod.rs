//! What all processes of a simulation share.

mod calls;
mod machine;
mod partition;
mod waits;

use std::{
    collections::BTreeMap,
    fmt,
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use entourage_core::{Clock, Moment};
use entourage_queue::Receiver;
use tokio::{runtime::Handle, task::JoinHandle};

use crate::{
    call::CrashPoint,
    clock::SimClock,
    coverage::Coverage,
    faults::{Fault, Faults},
    history::{History, What},
    pulse::Pulse,
    rng::Rng,
    slot::Slot,
    timers::Event,
    trace::Trace,
};

/// What all processes of a simulation share. No waker is woken and nothing of a process
/// dropped while its lock is held: both may call back.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) clock: SimClock,
    pub(crate) history: History,
    pub(crate) grants: History,
    /// Where requests travel on whose sender is gone.
    network: Handle,
    state: Mutex<State>,
}

struct State {
    rng: Rng,
    faults: Faults,
    aim: Option<CrashPoint>,
    trace: Trace,
    coverage: Coverage,
    processes: Vec<Standing>,
    slots: u64,
    /// Whether somebody has died since this was asked.
    hit: bool,
    /// What was sent to the network to do, until it is done.
    errands: Vec<JoinHandle<()>>,
    /// Receivers of dead processes. Dropping one gives back what it holds, and the dead do not.
    graveyard: Vec<Box<dyn Receiver>>,
}

/// How a process stands.
#[derive(Debug)]
struct Standing {
    name: Arc<str>,
    /// Nothing befalls it unless a script says so.
    sheltered: bool,
    incarnation: u32,
    dead: bool,
    died: u32,
    cut_until: Option<Moment>,
    /// The clock of its machine.
    clock: SimClock,
    paused_until: Moment,
    asleep_until: Moment,
    frozen_until: Moment,
    woken: BTreeMap<u64, Arc<Slot>>,
    blocked: BTreeMap<u64, Arc<Slot>>,
    pulse: Arc<Pulse>,
}

/// What decides whether a process may take a turn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stance {
    /// It, or its machine, stands still.
    pub(crate) stalled: bool,
    /// Tasks of it are to be woken.
    pub(crate) woken: bool,
    /// It reaches no substrate.
    pub(crate) cut: bool,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("faults", &self.faults).finish_non_exhaustive()
    }
}

impl World {
    pub(crate) fn new(rng: Rng, faults: Faults, network: Handle) -> Self {
        let clock = SimClock::new();
        let state = State {
            rng,
            aim: faults.aim(),
            faults,
            trace: Trace::default(),
            coverage: Coverage::new(),
            processes: Vec::new(),
            slots: 0,
            hit: false,
            errands: Vec::new(),
            graveyard: Vec::new(),
        };
        let shared: Arc<dyn Clock> = Arc::new(clock.clone());
        Self {
            history: History::new(Arc::clone(&shared)),
            grants: History::new(shared),
            clock,
            network,
            state: Mutex::new(state),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No update is left in part done, even if a process panics around it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn now(&self) -> Moment {
        self.clock.now()
    }

    pub(crate) fn note(&self, who: &str, what: fmt::Arguments<'_>) {
        let now = self.now();
        self.state().trace.add(now, who, what);
    }

    pub(crate) fn silence(&self) {
        self.state().trace.silence();
    }

    /// Counts a fault that befell this process, unless it is none of the tested ones.
    pub(crate) fn count(&self, process: usize, fault: Fault) {
        let mut state = self.state();
        if !state.processes[process].sheltered {
            state.coverage.add_fault(fault);
        }
    }

    pub(crate) fn results(&self) -> (Trace, Coverage) {
        let mut state = self.state();
        (std::mem::take(&mut state.trace), std::mem::take(&mut state.coverage))
    }

    // Processes

    pub(crate) fn enlist(&self, name: &str, sheltered: bool) -> usize {
        let mut state = self.state();
        let State { faults, rng, .. } = &mut *state;
        let (origin, rate) = (faults.origin(rng), faults.rate(rng));
        let skewed = faults.skews() && !sheltered;
        let quiet = Moment::ZERO + faults.quiet_after_start();
        let origin = if skewed { origin } else { Duration::ZERO };
        let clock = self.clock.another(name, Moment::ZERO + origin);
        let place = state.processes.len();
        state.processes.push(Standing {
            name: name.into(),
            sheltered,
            incarnation: 0,
            dead: false,
            died: 0,
            cut_until: None,
            clock,
            paused_until: Moment::ZERO,
            asleep_until: Moment::ZERO,
            frozen_until: Moment::ZERO,
            woken: BTreeMap::new(),
            blocked: BTreeMap::new(),
            pulse: Arc::default(),
        });
        drop(state);
        if skewed {
            self.set_rate(place, rate);
            self.clock.set(quiet, Event::Steady, place);
        }
        place
    }

    pub(crate) fn place(&self, name: &str) -> Option<usize> {
        self.state().processes.iter().position(|standing| &*standing.name == name)
    }

    pub(crate) fn name(&self, process: usize) -> Arc<str> {
        Arc::clone(&self.state().processes[process].name)
    }

    /// The process lives, or lives again, in the incarnation that is returned.
    pub(crate) fn begin(&self, process: usize, pulse: &Arc<Pulse>) -> u32 {
        let mut state = self.state();
        let standing = &mut state.processes[process];
        standing.incarnation += 1;
        standing.dead = false;
        standing.cut_until = None;
        // Its machine, if that stalls, still does.
        standing.paused_until = Moment::ZERO;
        standing.pulse = Arc::clone(pulse);
        let former = (std::mem::take(&mut standing.woken), std::mem::take(&mut standing.blocked));
        let incarnation = standing.incarnation;
        drop(state);
        drop(former);
        incarnation
    }

    pub(crate) fn is_dead(&self, process: usize, incarnation: u32) -> bool {
        let state = self.state();
        let standing = &state.processes[process];
        standing.dead || standing.incarnation != incarnation
    }

    pub(crate) fn has_died(&self, process: usize) -> bool {
        self.state().processes[process].dead
    }

    /// Whether anybody has died since this was asked last.
    pub(crate) fn was_hit(&self) -> bool {
        std::mem::take(&mut self.state().hit)
    }

    /// The process dies as soon as the task that is being polled has paused.
    pub(crate) fn kill(&self, process: usize, how: fmt::Arguments<'_>) {
        let now = self.now();
        let mut state = self.state();
        let standing = &mut state.processes[process];
        if standing.dead {
            return;
        }
        standing.dead = true;
        standing.died += 1;
        state.hit = true;
        let standing = &state.processes[process];
        let (name, pulse) = (Arc::clone(&standing.name), Arc::clone(&standing.pulse));
        state.trace.add(now, &name, format_args!("dies {how}"));
        drop(state);
        self.count(process, Fault::Crash);
        self.history.record(What::Kill { worker: name.to_string() });
        pulse.ping();
    }

    /// Sets when a dead process starts again.
    pub(crate) fn schedule_restart(&self, process: usize) {
        let mut state = self.state();
        let State { faults, rng, .. } = &mut *state;
        let after = faults.restart(rng);
        drop(state);
        self.clock.set(self.now() + after, Event::Restart, process);
    }

    /// Has the network do something, whatever becomes of the process that sent it.
    pub(crate) fn send(&self, errand: impl Future<Output = ()> + Send + 'static) {
        let errand = self.network.spawn(errand);
        self.state().errands.push(errand);
    }

    /// The errands that are done, or have panicked.
    pub(crate) fn done_errands(&self) -> Vec<JoinHandle<()>> {
        self.state().errands.extract_if(.., |errand| errand.is_finished()).collect()
    }

    pub(crate) fn bury(&self, receiver: Box<dyn Receiver>) {
        self.state().graveyard.push(receiver);
    }

    /// Ends everything that refers to anything, when the simulation is over.
    pub(crate) fn end(&self) {
        self.clock.clear();
        let mut state = self.state();
        let graveyard = std::mem::take(&mut state.graveyard);
        let woken: Vec<_> =
            state.processes.iter_mut().map(|standing| std::mem::take(&mut standing.woken)).collect();
        drop(state);
        drop((graveyard, woken));
    }

    // Turns

    /// Shows how each process stands now.
    pub(crate) fn each_standing(&self, mut see: impl FnMut(usize, Stance)) {
        let now = self.now();
        for (place, standing) in self.state().processes.iter().enumerate() {
            let stalled = standing.paused_until.max(standing.asleep_until).max(standing.frozen_until) > now;
            let (woken, cut) = (!standing.woken.is_empty(), standing.cut_until.is_some());
            see(place, Stance { stalled, woken, cut });
        }
    }

    /// Whether the process takes the turn that it is offered, or dies or stalls instead.
    pub(crate) fn takes_turn(&self, process: usize) -> bool {
        let now = self.now();
        let mut state = self.state();
        let quiet = state.faults.is_quiet(now.since(Moment::ZERO));
        let State { faults, rng, processes, .. } = &mut *state;
        let dies = faults.kills_between(rng, processes[process].died);
        let (stall, rate) = (faults.stall(rng), faults.change(rng));
        let sheltered = processes[process].sheltered;
        drop(state);
        if quiet || sheltered {
            return true;
        }
        if let Some(rate) = rate {
            self.set_rate(process, rate);
        }
        if dies {
            self.kill(process, format_args!("between calls"));
        } else if let Some((stall, time)) = stall {
            self.stall(process, stall, time);
        }
        !dies && stall.is_none()
    }

    fn befell(&self, kind: &str, worker: &str) {
        self.history.record(What::Fault { kind: kind.to_owned(), worker: Some(worker.to_owned()) });
    }
}
