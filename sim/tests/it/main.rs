//! The simulation through its public API, and the family's own substrates under it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod calls;
mod clocks;
mod queue;
mod sim;
mod store;
mod substrate;
mod transfer;

use std::time::Duration;

use entourage_sim::{Call, CrashPoint, Faults};

/// Everything goes wrong for ten seconds, and each seed aims one death at another point.
fn faults(seed: u64, calls: &[Call]) -> Faults {
    let points: Vec<CrashPoint> = CrashPoint::of(calls).collect();
    let point = points[usize::try_from(seed).expect("a seed of a test is small") % points.len()];
    Faults::all().quiet_after(Duration::from_secs(10)).with_crash_at(point)
}
