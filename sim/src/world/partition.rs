//! Partitions, which keep a process from every substrate for a while.

use std::{sync::Arc, time::Duration};

use crate::{faults::Fault, slot::Slot, timers::Event, world::World};

impl World {
    /// Whether the process reaches no substrate now.
    pub(crate) fn is_cut(&self, process: usize) -> bool {
        self.state().processes[process].cut_until.is_some()
    }

    /// The process reaches no substrate for this long.
    pub(crate) fn cut(&self, process: usize, time: Duration) {
        let now = self.now();
        let mut state = self.state();
        let standing = &mut state.processes[process];
        let until = standing.cut_until.map_or(now + time, |cut| cut.max(now + time));
        standing.cut_until = Some(until);
        let name = Arc::clone(&standing.name);
        state.trace.add(now, &name, format_args!("is cut off for {time:?}"));
        drop(state);
        self.befell("partition", &name);
        self.count(process, Fault::Partition);
        self.clock.set(until, Event::Heal, process);
    }

    /// A partition may be over: what it held back goes on.
    pub(crate) fn heal(&self, process: usize) {
        let now = self.now();
        let mut state = self.state();
        let standing = &mut state.processes[process];
        if standing.cut_until.is_none_or(|until| until > now) {
            return;
        }
        standing.cut_until = None;
        let mut blocked = std::mem::take(&mut standing.blocked);
        standing.woken.append(&mut blocked);
        let name = Arc::clone(&standing.name);
        state.trace.add(now, &name, format_args!("is reconnected"));
    }

    /// Whether a partition keeps this wait from its substrate; it is woken when it heals.
    pub(crate) fn blocks(&self, slot: &Arc<Slot>) -> bool {
        let mut state = self.state();
        let standing = &mut state.processes[slot.process];
        if standing.cut_until.is_none() {
            return false;
        }
        let former = standing.blocked.insert(slot.number, Arc::clone(slot));
        drop(state);
        drop(former);
        true
    }
}
