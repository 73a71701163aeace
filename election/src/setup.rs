//! What the parts of one lock or election share and never change.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use entourage_blueprint::{Blueprint, Delivery, Edge, Gives, Node, Sink};
use entourage_core::{Clock, Fence};
use entourage_store::{Condition, Store, Test, Version};

use crate::{
    counts::Counts, error::Error, fence, identity::Identity, name::Name, status::Status, timings::Timings,
};

/// What a watchdog does, each time that it has reason to.
pub(crate) type Alarm = Arc<dyn Fn() + Send + Sync>;

/// What the parts of one lock or election share and never change.
pub(crate) struct Setup {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) name: Name,
    pub(crate) identity: Identity,
    pub(crate) timings: Timings,
    pub(crate) alarm: Option<Alarm>,
    pub(crate) fence_key: String,
    pub(crate) counts: Arc<Counts>,
}

impl Setup {
    /// The fence of this epoch.
    pub(crate) fn fence(&self, epoch: Version) -> Fence {
        Fence::new(self.store.realm(), self.name.scope(), epoch.number())
    }

    /// Holds while nobody has been granted since this epoch.
    pub(crate) fn condition(&self, fence: &Fence) -> Condition {
        Condition::Key { key: self.fence_key.clone(), test: Test::Version(Version::new(fence.epoch())) }
    }

    /// What stands beside the fence: who was granted it, and with which key.
    pub(crate) fn record(&self, own: &str) -> Bytes {
        fence::record(&self.identity, own)
    }

    pub(crate) fn failed(&self, source: entourage_store::Error) -> Error {
        Error::Store { name: self.name.to_string(), source }
    }

    pub(crate) fn lost(&self) -> Error {
        Error::Lost { name: self.name.to_string() }
    }

    /// How it stands now.
    pub(crate) fn status(&self) -> Status {
        self.counts.status(self.clock.now())
    }

    /// Draws it, with the store that it calls and an edge between them.
    ///
    /// What is guarded writes on its own account: an edge from this node says that it does so
    /// with the fence.
    pub(crate) fn describe(&self, blueprint: &mut Blueprint, pattern: &'static str, gives_fence: bool) {
        let drawn = Blueprint::of(&*self.store);
        self.store.describe(blueprint);
        let store = drawn.nodes().first();
        let is_taken = drawn.node(self.name.as_str()).is_some();
        let name = if is_taken { format!("{} {pattern}", self.name) } else { self.name.to_string() };
        let mut node = Node::new(pattern, &name).source().retries();
        node = node.with_counters(self.counts.show(self.clock.now()));
        if gives_fence {
            node = node.gives(Gives::Fence);
        }
        let Some(store) = store else {
            blueprint.add_node(node.sink(Sink::default()));
            return;
        };
        if let Some(backend) = store.backend() {
            node = node.with_backend(backend.to_owned());
        }
        blueprint.add_node(node);
        let edge = Edge::new(name, store.name(), self.name.prefix());
        blueprint.add_edge(edge.with_delivery(Delivery::EffectivelyOnce));
    }

    /// Tells the delays of one contender from those of another, and repeats in a simulation.
    pub(crate) fn seed(&self, number: u64) -> u64 {
        // FNV-1a, by Fowler, Noll and Vo.
        let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        self.identity.as_str().bytes().fold(0xcbf2_9ce4_8422_2325, mix) ^ number
    }
}

impl fmt::Debug for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Setup")
            .field("name", &self.name)
            .field("identity", &self.identity)
            .field("timings", &self.timings)
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}
