//! Who takes the next turn, and what becomes of it.

use std::{any::Any, panic::resume_unwind};

use entourage_core::Moment;

use super::Sim;
use crate::{dial::Rate, process::Process, pulse::Look, run::Stuck, timers::Event};

/// Turns at one moment after which nothing but a busy loop is left.
const MOST_TURNS: u64 = 100_000;

/// Who may take a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Main(usize),
    /// The process's own background: heartbeats of its receivers and their like.
    Agent(usize),
    Network,
}

impl Sim {
    pub(super) fn run_on(&mut self) -> Result<(), Stuck> {
        for process in &mut self.processes {
            process.start(&self.world, self.seed);
        }
        let mut turns = 0_u64;
        while self.processes.iter().any(|process| process.awaited && !process.ended) {
            self.look();
            if let Some(unit) = self.rng.pick(&self.ready).copied() {
                turns += 1;
                if turns > MOST_TURNS {
                    return Err(Stuck::Busy { seed: self.seed, at: self.world.now(), turns });
                }
                self.turn(unit);
            } else {
                let before = self.world.now();
                self.advance()?;
                if self.world.now() > before {
                    turns = 0;
                }
            }
        }
        Ok(())
    }

    /// Looks who may take a turn, in the order of their places.
    fn look(&mut self) {
        let Self { ready, processes, world, network, .. } = self;
        ready.clear();
        world.each_standing(|place, standing| {
            let process = &processes[place];
            if !process.lives() || standing.stalled {
                return;
            }
            if standing.woken || process.is_main_ready() {
                ready.push(Unit::Main(place));
            }
            if !standing.cut && process.is_agent_ready() {
                ready.push(Unit::Agent(place));
            }
        });
        if network.is_ready() {
            ready.push(Unit::Network);
        }
    }

    fn turn(&mut self, unit: Unit) {
        match unit {
            Unit::Main(place) => {
                if self.world.takes_turn(place) {
                    self.processes[place].drive_main(&self.world);
                }
            }
            Unit::Agent(place) => self.processes[place].drive_agent(&self.world),
            Unit::Network => {
                self.network.drive(|| Look::Nothing);
                self.reap_errands();
            }
        }
        self.bury();
        if let Unit::Main(place) = unit
            && let Err(panic) = self.processes[place].reap()
        {
            self.panic(&format!("process {}", self.world.name(place)), panic);
        }
    }

    /// A substrate that panics over a request that came late, or twice, panics here.
    fn reap_errands(&self) {
        for errand in self.world.done_errands() {
            if let Err(error) = self.network.runtime().block_on(errand)
                && error.is_panic()
            {
                self.panic("a request on the network", error.into_panic());
            }
        }
    }

    fn panic(&self, who: &str, panic: Box<dyn Any + Send>) -> ! {
        let (seed, at) = (self.seed, self.world.now().since(Moment::ZERO));
        eprintln!("{who} panicked after {at:?} in seed {seed}");
        resume_unwind(panic)
    }

    /// Drops the runtimes of those that have died, and sets when they start again.
    fn bury(&mut self) {
        if !self.world.was_hit() {
            return;
        }
        for (place, process) in self.processes.iter_mut().enumerate() {
            if process.lives() && self.world.has_died(place) {
                process.stop();
                self.world.schedule_restart(place);
            }
        }
    }

    /// Moves time to the next thing that is due.
    fn advance(&mut self) -> Result<(), Stuck> {
        let (seed, at) = (self.seed, self.world.now());
        let Some(next) = self.world.clock.next() else {
            return Err(Stuck::Deadlock { seed, at, waiting: self.waiting() });
        };
        if next.since(Moment::ZERO) > self.time_limit {
            return Err(Stuck::OutOfTime { seed, at, waiting: self.waiting() });
        }
        for (event, place) in self.world.clock.advance(next) {
            match event {
                Event::Restart => self.processes[place].start(&self.world, self.seed),
                Event::Heal => self.world.heal(place),
                Event::Resume => self.world.resume(place),
                Event::Steady => self.world.set_rate(place, Rate::TRUE),
            }
        }
        Ok(())
    }

    fn waiting(&self) -> Vec<String> {
        let busy = |(_, process): &(usize, &Process)| process.awaited && !process.ended;
        let name = |(place, _)| self.world.name(place).to_string();
        self.processes.iter().enumerate().filter(busy).map(name).collect()
    }
}
