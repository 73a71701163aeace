//! What befalls the machine of a process: its clock, and how it stands still.

use std::{sync::Arc, time::Duration};

use crate::{
    clock::SimClock,
    dial::Rate,
    faults::{Fault, Stall},
    timers::Event,
    world::{State, World},
};

impl World {
    /// The clock of this process's machine.
    pub(crate) fn clock_of(&self, process: usize) -> SimClock {
        self.state().processes[process].clock.clone()
    }

    /// The process stands still, and does not know it.
    pub(crate) fn stall(&self, process: usize, stall: Stall, time: Duration) {
        let now = self.now();
        let mut state = self.state();
        let standing = &mut state.processes[process];
        let until = match stall {
            Stall::Pause => &mut standing.paused_until,
            Stall::Suspend => &mut standing.asleep_until,
            Stall::Freeze => &mut standing.frozen_until,
        };
        *until = (*until).max(now + time);
        self.clock.set(*until, Event::Resume, process);
        match stall {
            Stall::Pause => {}
            Stall::Suspend => standing.clock.fall_asleep(),
            Stall::Freeze => standing.clock.set_frozen(true),
        }
        let name = Arc::clone(&standing.name);
        state.trace.add(now, &name, format_args!("{} for {time:?}", stall.verb()));
        drop(state);
        // Whatever stands still with it, it is a pause to whoever judges.
        self.befell("pause", &name);
        self.count(process, stall.fault());
    }

    /// A stall may be over.
    pub(crate) fn resume(&self, process: usize) {
        let now = self.now();
        let mut state = self.state();
        let State { rng, processes, .. } = &mut *state;
        let standing = &processes[process];
        if standing.frozen_until <= now {
            standing.clock.set_frozen(false);
        }
        if standing.asleep_until <= now {
            standing.clock.wake_up(rng);
        }
    }

    /// The process's clock runs at this rate from now on.
    pub(crate) fn set_rate(&self, process: usize, rate: Rate) {
        let now = self.now();
        let mut state = self.state();
        let standing = &state.processes[process];
        standing.clock.set_rate(rate);
        let name = Arc::clone(&standing.name);
        state.trace.add(now, &name, format_args!("has a clock that runs at {rate}"));
        drop(state);
        if rate != Rate::TRUE {
            self.befell("clock", &name);
            self.count(process, Fault::ClockRate);
        }
    }
}
