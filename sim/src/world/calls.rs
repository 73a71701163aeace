//! What befalls the calls of a process.

use entourage_core::Moment;

use crate::{
    call::{Call, CrashPoint},
    faults::Plan,
    world::{State, World},
};

impl World {
    /// What becomes of a call that a process now makes.
    pub(crate) fn plan(&self, process: usize, call: Call) -> Plan {
        let now = self.now();
        let mut state = self.state();
        let quiet = state.faults.is_quiet(now.since(Moment::ZERO));
        let State { faults, rng, trace, coverage, processes, .. } = &mut *state;
        let sheltered = processes[process].sheltered;
        if !sheltered {
            coverage.add_call(call);
        }
        let plan = faults.plan(rng, quiet || sheltered, call);
        for fault in plan.faults(call) {
            coverage.add_fault(fault);
        }
        trace.add(now, &processes[process].name, format_args!("calls {call}"));
        drop(state);
        if let Some(time) = plan.partition {
            self.cut(process, time);
        }
        plan
    }

    /// Whether the process dies at this point.
    pub(crate) fn dies_at(&self, process: usize, point: CrashPoint) -> bool {
        let now = self.now();
        let mut state = self.state();
        let quiet = state.faults.is_quiet(now.since(Moment::ZERO));
        let State { faults, rng, processes, aim, .. } = &mut *state;
        let drawn = faults.kills(rng, processes[process].died) && !quiet;
        if processes[process].sheltered {
            return false;
        }
        let dies = aim.take_if(|aimed| *aimed == point).is_some() || drawn;
        if dies {
            state.coverage.add_hit(point);
        }
        dies
    }
}
