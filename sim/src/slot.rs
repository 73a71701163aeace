//! A task's wait for something outside its process.

use std::{
    sync::{Arc, Mutex, PoisonError},
    task::{Wake, Waker},
};

use crate::world::World;

/// A task's wait for something outside its process.
///
/// What wakes many waiters may wake them in an order of its own (tokio's `watch` draws one from
/// the system's entropy). So a slot only notes that it was woken, and the simulation wakes
/// the tasks in the order in which their waits began.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) number: u64,
    pub(crate) process: usize,
    pub(crate) incarnation: u32,
    world: Arc<World>,
    task: Mutex<Option<Waker>>,
}

impl Slot {
    pub(crate) const fn new(number: u64, process: usize, incarnation: u32, world: Arc<World>) -> Self {
        Self { number, process, incarnation, world, task: Mutex::new(None) }
    }

    /// Whom to wake.
    pub(crate) fn register(&self, task: &Waker) {
        let former = self.task.lock().unwrap_or_else(PoisonError::into_inner).replace(task.clone());
        drop(former);
    }

    /// Wakes the task itself.
    pub(crate) fn ring(&self) {
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task {
            task.wake();
        }
    }
}

impl Wake for Slot {
    fn wake(self: Arc<Self>) {
        let world = Arc::clone(&self.world);
        world.woke(self);
    }
}
