//! Many histories, on all processors.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use entourage_core::{Clock, Moment, SystemClock};
use entourage_sim::{Coverage, Fault};

use crate::{
    cast::Cast,
    history::{LEAST_CALLS, LEAST_FAULTS, Tale, tell},
    tally::Counts,
};

/// A thread takes so many seeds at a time.
const BATCH: u64 = 32;
/// After so many histories a line says how far it is.
const PROGRESS: u64 = 50_000;

/// What many histories came to.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    /// Histories in which enough happened.
    pub(crate) histories: u64,
    /// Those in which too little happened.
    pub(crate) small: u64,
    pub(crate) calls: u64,
    pub(crate) faults: u64,
    pub(crate) counts: Counts,
    pub(crate) coverage: Coverage,
    pub(crate) took: Duration,
}

impl Totals {
    fn add(&mut self, tale: &Tale) {
        if !tale.counts() {
            self.small += 1;
            return;
        }
        self.histories += 1;
        self.calls += tale.coverage.made();
        self.faults += tale.faults();
        self.counts.add(&tale.counts);
        self.coverage.add_run(&tale.coverage);
    }

    fn add_all(&mut self, other: &Self) {
        self.histories += other.histories;
        self.small += other.small;
        self.calls += other.calls;
        self.faults += other.faults;
        self.counts.add(&other.counts);
        self.coverage.add_run(&other.coverage);
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { histories, small, calls, faults, counts, coverage, took } = self;
        let Counts { grants, takeovers, stale, refused, judged, resumed } = counts;
        writeln!(
            f,
            "{histories} histories in {:.1} s; {small} more had fewer than {LEAST_CALLS} calls or {LEAST_FAULTS} faults",
            took.as_secs_f64()
        )?;
        writeln!(
            f,
            "{calls} calls, {faults} faults, {grants} grants, {takeovers} takeovers, {resumed} sessions resumed"
        )?;
        writeln!(f, "{stale} stale writes tried, {refused} refused; belief judged at {judged} grants")?;
        let shown: Vec<String> =
            coverage.faults().map(|(fault, times)| format!("{times} × {fault}")).collect();
        write!(f, "{}", shown.join(", "))
    }
}

/// A history that breaks a promise.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) seed: u64,
    pub(crate) what: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, what } = self;
        writeln!(f, "seed {seed}: {what}")?;
        writeln!(f, "seed {seed} has {}", Cast::of(*seed))?;
        write!(f, "replay it with ENTOURAGE_SEED={seed} cargo test -p entourage-election --test simulation")
    }
}

/// Runs seeds from `from` on until `count` histories in which enough happened are told.
///
/// # Errors
/// The lowest seed found that breaks a promise.
pub(crate) fn run(from: u64, count: u64) -> Result<Totals, Failure> {
    let clock = SystemClock::new();
    let begun = clock.now();
    let (next, told, stop) = (AtomicU64::new(from), AtomicU64::new(0), AtomicBool::new(false));
    let failure: Mutex<Option<Failure>> = Mutex::new(None);
    let work = || {
        let mut totals = Totals::default();
        while !stop.load(Ordering::Relaxed) && told.load(Ordering::Relaxed) < count {
            let first = next.fetch_add(BATCH, Ordering::Relaxed);
            for seed in first..first + BATCH {
                match attempt(seed) {
                    Ok(tale) => {
                        if tale.counts() {
                            progress(told.fetch_add(1, Ordering::Relaxed) + 1, count, &clock, begun);
                        }
                        totals.add(&tale);
                    }
                    Err(found) => {
                        let mut lowest = failure.lock().unwrap_or_else(PoisonError::into_inner);
                        if lowest.as_ref().is_none_or(|lowest| found.seed < lowest.seed) {
                            *lowest = Some(found);
                        }
                        stop.store(true, Ordering::Relaxed);
                        return totals;
                    }
                }
            }
        }
        totals
    };
    let threads = thread::available_parallelism().map_or(2, usize::from);
    let mut totals = Totals::default();
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            totals.add_all(&worker.join().expect("a panic is caught with its seed"));
        }
    });
    totals.took = clock.now().since(begun);
    match failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(failure) => Err(failure),
        None => Ok(totals),
    }
}

fn attempt(seed: u64) -> Result<Tale, Failure> {
    let what = match catch_unwind(AssertUnwindSafe(|| tell(seed, false))) {
        Ok(Tale { broken: Some(broken), .. }) => broken.to_string(),
        Ok(tale) => return Ok(tale),
        Err(_) => "a process panicked".to_owned(),
    };
    Err(Failure { seed, what })
}

fn progress(told: u64, count: u64, clock: &SystemClock, begun: Moment) {
    if told.is_multiple_of(PROGRESS) && told < count {
        let seconds = clock.now().since(begun).as_secs_f64();
        println!("{told} of {count} histories after {seconds:.0} s");
    }
}

/// What is demanded of so many histories, so that they prove something.
pub(crate) fn assert_floors(totals: &Totals) {
    let Totals { histories, small, counts, coverage, faults, .. } = totals;
    let floor = |what: &str, found: u64, least: u64| {
        assert!(found >= least, "{found} {what} in {histories} histories; {least} at least are demanded");
    };
    floor("stale writes were refused", counts.refused, *histories);
    assert_eq!(counts.refused, counts.stale, "stale writes that were refused, and all");
    floor("takeovers", counts.takeovers, *histories);
    floor("grants at which belief was judged", counts.judged, *histories);
    floor("resumed sessions", counts.resumed, histories / 20);
    floor("faults", *faults, histories * 10);
    let kinds = coverage.faults().count();
    assert_eq!(kinds, KINDS.len(), "kinds of faults: {:?}", coverage.faults().collect::<Vec<_>>());
    assert!(*small <= histories / 20, "{small} histories are too small to count, beside {histories}");
    coverage.assert_covered();
}

/// All that befalls contenders somewhere.
const KINDS: &[Fault] = &[
    Fault::SlowCall,
    Fault::RefusedCall,
    Fault::LostRequest,
    Fault::LostAnswer,
    Fault::Duplicate,
    Fault::StaleWatch,
    Fault::LateRenewal,
    Fault::Partition,
    Fault::Pause,
    Fault::Suspend,
    Fault::Freeze,
    Fault::ClockRate,
    Fault::Crash,
];
