//! A topic: its options, the ids it took, and how many items it holds.

use crate::{
    item::{ItemId, Topic},
    memory::state::window::Window,
    options::TopicOptions,
};

#[derive(Debug)]
pub(super) struct TopicState {
    pub(super) name: Topic,
    pub(super) options: TopicOptions,
    /// Its groups' lines; the first is there before its group.
    pub(super) lines: Vec<usize>,
    pub(super) ids: Window<ItemId, ()>,
    /// Items that some group has not settled, dead letters aside.
    pub(super) live: u64,
}

impl TopicState {
    pub(super) fn new(name: Topic, options: TopicOptions, first_line: usize) -> Self {
        Self { name, options, lines: vec![first_line], ids: Window::new(), live: 0 }
    }

    /// Whether it takes `added` items where `freed` go. What adds nothing beyond what it frees
    /// is always taken, also where the capacity was lowered below what is there.
    pub(super) fn has_room(&self, added: u64, freed: u64) -> bool {
        added <= freed || self.live - freed + added <= self.options.capacity
    }
}
