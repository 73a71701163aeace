//! What the tasks of a process wait for outside of it.

use std::{collections::BTreeMap, sync::Arc};

use crate::{slot::Slot, world::World};

impl World {
    /// A wait of a task that begins now.
    pub(crate) fn slot(self: &Arc<Self>, process: usize, incarnation: u32) -> Arc<Slot> {
        let mut state = self.state();
        state.slots += 1;
        Arc::new(Slot::new(state.slots, process, incarnation, Arc::clone(self)))
    }

    /// Something outside has woken this wait.
    pub(crate) fn woke(&self, slot: Arc<Slot>) {
        let mut state = self.state();
        let standing = &mut state.processes[slot.process];
        let lives = !standing.dead && standing.incarnation == slot.incarnation;
        let pulse = Arc::clone(&standing.pulse);
        let former = if lives { standing.woken.insert(slot.number, slot) } else { Some(slot) };
        drop(state);
        drop(former);
        if lives {
            pulse.ping();
        }
    }

    /// The waits whose tasks are to be woken, in the order in which they began.
    pub(crate) fn take_woken(&self, process: usize) -> BTreeMap<u64, Arc<Slot>> {
        std::mem::take(&mut self.state().processes[process].woken)
    }

    /// The wait is over, or has been given up.
    pub(crate) fn forget(&self, slot: &Slot) {
        let mut state = self.state();
        let standing = &mut state.processes[slot.process];
        let former = (standing.woken.remove(&slot.number), standing.blocked.remove(&slot.number));
        drop(state);
        drop(former);
    }
}
