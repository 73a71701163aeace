//! Which crash points runs have hit.

use std::{collections::BTreeMap, fmt};

use crate::{
    call::{Call, CrashPoint},
    faults::Fault,
};

/// The calls that runs made, the crash points that they hit and the faults that befell them.
///
/// A workload that never dies between a publish and its answer has not shown that it survives
/// it. So a suite adds up its runs and demands both sides of every call that they make.
///
/// # Examples
/// ```
/// use entourage_sim::{Call, Coverage, CrashPoint, Side};
///
/// let mut coverage = Coverage::new();
/// coverage.add_call(Call::StoreGet);
/// coverage.add_hit(CrashPoint { call: Call::StoreGet, side: Side::Before });
/// assert_eq!(coverage.missing().len(), 1);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    calls: BTreeMap<Call, u64>,
    hits: BTreeMap<CrashPoint, u64>,
    faults: BTreeMap<Fault, u64>,
    runs: u64,
    sampled: bool,
}

impl Coverage {
    /// No run yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            calls: BTreeMap::new(),
            hits: BTreeMap::new(),
            faults: BTreeMap::new(),
            runs: 0,
            sampled: false,
        }
    }

    /// A call was made.
    pub fn add_call(&mut self, call: Call) {
        *self.calls.entry(call).or_default() += 1;
    }

    /// A process died here.
    pub fn add_hit(&mut self, point: CrashPoint) {
        *self.hits.entry(point).or_default() += 1;
    }

    /// A fault befell a process or one of its calls.
    pub fn add_fault(&mut self, fault: Fault) {
        *self.faults.entry(fault).or_default() += 1;
    }

    /// Adds another run's.
    pub fn add_run(&mut self, run: &Self) {
        add_up(&mut self.calls, &run.calls);
        add_up(&mut self.hits, &run.hits);
        add_up(&mut self.faults, &run.faults);
        self.runs += run.runs.max(1);
        self.sampled |= run.sampled;
    }

    /// Only a part of the seeds was run, so nothing is demanded of what they hit.
    pub(crate) const fn sample(&mut self) {
        self.sampled = true;
    }

    /// The calls that were made.
    pub fn calls(&self) -> impl Iterator<Item = Call> + '_ {
        self.calls.keys().copied()
    }

    /// How many calls were made in all.
    #[must_use]
    pub fn made(&self) -> u64 {
        self.calls.values().sum()
    }

    /// The kinds of faults that really happened, and how often; the tested processes' alone.
    pub fn faults(&self) -> impl Iterator<Item = (Fault, u64)> + '_ {
        self.faults.iter().map(|(fault, times)| (*fault, *times))
    }

    /// The distinct crash points hit, and how often.
    pub fn hits(&self) -> impl Iterator<Item = (CrashPoint, u64)> + '_ {
        self.hits.iter().map(|(point, times)| (*point, *times))
    }

    /// The sides of calls that were made on which no process died.
    #[must_use]
    pub fn missing(&self) -> Vec<CrashPoint> {
        let calls: Vec<Call> = self.calls().collect();
        CrashPoint::of(&calls).filter(|point| !self.hits.contains_key(point)).collect()
    }

    /// Prints the coverage, and demands both sides of every call that was made.
    ///
    /// # Panics
    /// If a side is missing; the message names it. If no call was made at all, since then no
    /// process reaches its substrates through a wrapper. Not after a single replayed seed.
    pub fn assert_covered(&self) {
        println!("{self}");
        assert!(
            self.sampled || !self.calls.is_empty(),
            "no process called anything; give each its substrates by `Context::store` and `Context::queue`"
        );
        assert!(
            self.sampled || self.missing().is_empty(),
            "no process died {}; run more seeds, or aim a crash there",
            names(&self.missing())
        );
    }
}

fn add_up<K: Copy + Ord>(sum: &mut BTreeMap<K, u64>, run: &BTreeMap<K, u64>) {
    for (key, times) in run {
        *sum.entry(*key).or_default() += times;
    }
}

fn names(points: &[CrashPoint]) -> String {
    points.iter().map(CrashPoint::to_string).collect::<Vec<_>>().join(", ")
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hit, all) = (self.hits.len(), 2 * self.calls.len());
        writeln!(f, "{hit} of {all} crash points hit, in {} runs", self.runs)?;
        for (point, times) in &self.hits {
            writeln!(f, "{times:>6} × {point}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Side;

    #[test]
    #[should_panic(expected = "no process died after store.get;")]
    fn a_side_that_no_process_died_on_is_named() {
        let mut coverage = Coverage::new();
        coverage.add_call(Call::StoreGet);
        coverage.add_hit(CrashPoint { call: Call::StoreGet, side: Side::Before });
        coverage.assert_covered();
    }

    #[test]
    #[should_panic(expected = "no process called anything")]
    fn a_suite_that_calls_nothing_has_covered_nothing() {
        Coverage::new().assert_covered();
    }

    #[test]
    fn runs_add_up() {
        let mut sum = Coverage::new();
        for side in [Side::Before, Side::After] {
            let mut run = Coverage::new();
            run.add_call(Call::StoreGet);
            run.add_hit(CrashPoint { call: Call::StoreGet, side });
            run.add_fault(Fault::Crash);
            sum.add_run(&run);
        }
        assert_eq!((sum.hits().count(), sum.made()), (2, 2));
        assert!(sum.faults().eq([(Fault::Crash, 2)]));
        sum.assert_covered();
    }
}
