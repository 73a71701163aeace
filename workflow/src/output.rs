//! A channel as the graph sees it.

use std::any::TypeId;

use entourage_queue::Topic;

use crate::{channel::Channel, payload::Payload};

/// A channel whose type the graph compares, and otherwise does not care for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    name: String,
    topics: Vec<Topic>,
    capacity: u64,
    carries: TypeId,
}

impl Output {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn topics(&self) -> &[Topic] {
        &self.topics
    }

    pub(crate) const fn capacity(&self) -> u64 {
        self.capacity
    }
}

impl<T: Payload> From<&Channel<T>> for Output {
    fn from(channel: &Channel<T>) -> Self {
        Self {
            name: channel.name().into(),
            topics: channel.topics().to_vec(),
            capacity: channel.capacity(),
            carries: TypeId::of::<T>(),
        }
    }
}
