//! What the parts of one lock or election share and never change.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use entourage_core::{Clock, Fence};
use entourage_store::{Condition, Store, Test, Version};

use crate::{error::Error, fence, identity::Identity, name::Name, timings::Timings};

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
