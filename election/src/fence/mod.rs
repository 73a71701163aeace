//! Fences are checked where the effect happens, not where the lock is held.
//!
//! A lock says who *should* write. A process that was paused, or a request that hung in the
//! network, does not know that the lock has passed on; only the resource that is written can
//! refuse it. The checkers of this module do, for any kind of resource:
//!
//! | the resource | the check | what it asks |
//! | --- | --- | --- |
//! | keys of the lock's own store | [`OwnedTxn::when_owned`] | nothing more: a condition of the same transaction |
//! | a value of this process | [`Guarded`] | nothing: check and effect are under one lock |
//! | an HTTP service | [`FenceLayer`], and [`StampLayer`] on its clients | one of the next three |
//! | … that remembers | [`HighestSeen`] | its memory: no wait, no allocation |
//! | … and remembers over restarts | [`StoredFences`] | a store of its own, one read a check |
//! | … and can reach the lock's store | [`AgainstStore`] | the lock's store, or a cache of bounded age |
//! | anything else | your own [`FenceCheck`] | |
//!
//! # Promise
//! A checked resource never lets in a fence that is lower than one it has let in, of the same
//! realm and scope, whatever the number of callers (E2). A check that cannot be made refuses.
//! So the sequence of chapter 9 of Burns, *Designing Distributed Systems*, is refused: a request
//! of R1 is delayed, R2 takes the lock and writes, R1 takes the lock again, and only now its old
//! request arrives. Its *owner* is right; its version is not. Hence both travel and both are
//! verified: [`AgainstStore`] compares owner and version with what the store says;
//! [`HighestSeen`] and [`StoredFences`] look at the version alone, which has one owner only.
//!
//! # What it does not promise
//! * **Highest seen is not highest granted.** Until the successor's first request, [`HighestSeen`]
//!   and [`StoredFences`] let the former owner in. A successor whose first act is
//!   [`FenceCheck::seal`] (or a request with the header [`SEAL`]) closes the resource to every former
//!   owner before it reads or writes. [`AgainstStore`] without a cache is closed by the grant itself.
//! * **A resource that forgets lets stale writes in until it is sealed.** [`HighestSeen`] lives in
//!   memory: [save](HighestSeen::save) it with the data that it guards, or use [`StoredFences`].
//! * **A check is not a transaction.** What was let in may still be at work when a successor is let
//!   in. Where that matters, check and effect must be one: [`OwnedTxn`], [`Guarded`], or a store
//!   that takes the fence along (the layer leaves the [`Stamp`] in the request's extensions).
//! * **A fence is no credential.** It stops those who are late, not those who lie: authenticate
//!   callers by other means.
//!
//! # Sources
//! Burns, *Designing Distributed Systems*, chapter 9 (owner and version, checked by the receiver);
//! Burrows, *The Chubby lock service* (OSDI 2006), section 2.4 (sequencers); Kleppmann, *How to do
//! distributed locking* (2016; fencing tokens).
//!
//! # Examples
//! ```
//! use entourage_core::{Fence, Realm, Scope};
//! use entourage_election::fence::{HighestSeen, Refused};
//!
//! let realm = Realm::new(7);
//! let printer = HighestSeen::new(realm);
//! let fence = |epoch| Fence::new(realm, Scope::new("printer"), epoch);
//!
//! printer.check(&fence(1))?; // R1 prints.
//! printer.check(&fence(2))?; // R2 took over, and prints.
//! let late = printer.check(&fence(1)); // A request of R1 arrives that was delayed.
//! assert!(matches!(late, Err(Refused::Stale { current: 2, .. })));
//! # Ok::<(), Refused>(())
//! ```

mod against;
mod check;
mod guarded;
mod header;
mod key;
mod layer;
mod saved;
mod seen;
mod stored;
mod table;
mod txn;

pub(crate) use self::key::{key_of, record, record_of};
pub use self::{
    against::AgainstStore,
    check::{FenceCheck, Refused},
    guarded::Guarded,
    header::{FENCE, Malformed, OWNER, SEAL, Stamp},
    layer::{FenceGate, FenceLayer, NotHeld, Rejection, Respond, StampLayer, Stamped, Text},
    saved::{Saved, Unreadable},
    seen::HighestSeen,
    stored::StoredFences,
    txn::OwnedTxn,
};
