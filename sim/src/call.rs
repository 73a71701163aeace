//! The calls of the substrates' traits, and where a process may die in them.

use std::fmt;

macro_rules! calls {
    ($($(#[$doc:meta])* $call:ident = $name:literal,)*) => {
        /// A call of a substrate's trait.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Call {
            $($(#[$doc])* $call,)*
        }

        impl Call {
            /// Every call.
            pub const ALL: &[Self] = &[$(Self::$call,)*];

            /// As it appears in a trace.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$call => $name,)*
                }
            }
        }
    };
}

calls! {
    /// [`Store::get`](entourage_store::Store::get).
    StoreGet = "store.get",
    /// [`Store::list`](entourage_store::Store::list).
    StoreList = "store.list",
    /// [`Store::transact`](entourage_store::Store::transact).
    StoreTransact = "store.transact",
    /// [`Store::session`](entourage_store::Store::session).
    StoreSession = "store.session",
    /// [`Store::resume`](entourage_store::Store::resume).
    StoreResume = "store.resume",
    /// [`Store::watch`](entourage_store::Store::watch).
    StoreWatch = "store.watch",
    /// [`Watch::next`](entourage_store::Watch::next).
    WatchNext = "watch.next",
    /// [`Session::renew`](entourage_store::Session::renew).
    SessionRenew = "session.renew",
    /// [`Session::end`](entourage_store::Session::end).
    SessionEnd = "session.end",
    /// [`Queue::configure`](entourage_queue::Queue::configure).
    QueueConfigure = "queue.configure",
    /// [`Queue::publish`](entourage_queue::Queue::publish).
    QueuePublish = "queue.publish",
    /// [`Queue::subscribe`](entourage_queue::Queue::subscribe).
    QueueSubscribe = "queue.subscribe",
    /// [`Queue::stats`](entourage_queue::Queue::stats).
    QueueStats = "queue.stats",
    /// [`Queue::dead`](entourage_queue::Queue::dead).
    QueueDead = "queue.dead",
    /// [`Queue::redrive`](entourage_queue::Queue::redrive).
    QueueRedrive = "queue.redrive",
    /// [`Queue::records`](entourage_queue::Queue::records).
    QueueRecords = "queue.records",
    /// [`Queue::room`](entourage_queue::Queue::room).
    QueueRoom = "queue.room",
    /// [`Receiver::receive`](entourage_queue::Receiver::receive).
    ReceiverReceive = "receiver.receive",
    /// [`Receiver::close`](entourage_queue::Receiver::close).
    ReceiverClose = "receiver.close",
    /// [`Settler::step`](entourage_queue::Settler::step).
    SettlerStep = "settler.step",
    /// [`Settler::renew`](entourage_queue::Settler::renew).
    SettlerRenew = "settler.renew",
    /// [`Settler::state`](entourage_queue::Settler::state).
    SettlerState = "settler.state",
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// On which side of a call's effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The effect never happens.
    Before,
    /// The effect happened, and nobody lives to hear of it.
    After,
}

/// A place where a process may die.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CrashPoint {
    /// In which call.
    pub call: Call,
    /// On which side of its effect.
    pub side: Side,
}

impl CrashPoint {
    /// Both sides of every call, so that a test can aim at each in turn.
    ///
    /// # Examples
    /// ```
    /// use entourage_sim::{Call, CrashPoint};
    ///
    /// assert_eq!(CrashPoint::all().count(), 2 * Call::ALL.len());
    /// ```
    pub fn all() -> impl Iterator<Item = Self> {
        Self::of(Call::ALL)
    }

    /// Both sides of each of these calls.
    pub fn of(calls: &[Call]) -> impl Iterator<Item = Self> {
        let sides = |call: &Call| [Side::Before, Side::After].map(|side| Self { call: *call, side });
        calls.iter().flat_map(sides)
    }
}

impl fmt::Display for CrashPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = match self.side {
            Side::Before => "before",
            Side::After => "after",
        };
        write!(f, "{side} {}", self.call)
    }
}
