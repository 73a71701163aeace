//! The simulation through its public API, and the family's own substrates under it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod calls;
mod clocks;
mod deliveries;
mod holder;
mod queue;
mod registers;
mod renewals;
mod seeds;
mod sim;
mod stalls;
mod store;
mod stuck;
mod substrate;
mod transfer;
mod zombies;

use std::{sync::Arc, time::Duration};

use entourage_core::Realm;
use entourage_sim::{Call, CrashPoint, Faults, Sim};
use entourage_store::{MemoryOptions, MemoryStore, Store};

const SECOND: Duration = Duration::from_secs(1);
const MILLISECOND: Duration = Duration::from_millis(1);

/// A store in memory whose time is the simulation's.
fn memory_store(sim: &Sim) -> Arc<dyn Store> {
    let options = MemoryOptions::new().with_clock(sim.clock()).with_realm(Realm::new(7));
    Arc::new(MemoryStore::with_options(options))
}

/// Everything goes wrong for ten seconds, and each seed aims one death at another point.
fn faults(seed: u64, calls: &[Call]) -> Faults {
    let points: Vec<CrashPoint> = CrashPoint::of(calls).collect();
    let point = points[usize::try_from(seed).expect("a seed of a test is small") % points.len()];
    Faults::all().quiet_after(Duration::from_secs(10)).with_crash_at(point)
}
