//! What it costs to own: to ask whether one does, to check a fence, to acquire in memory and in a file.
//!
//! `cargo bench --features full --bench ownership [-- --acquisitions 200]`
//!
//! Each row stands beside its bar; figures are medians of five alternating rounds. On etcd, and
//! beside what one writes by hand, it is `scripts/bench --only rivals/etcd`.
//!
//! * Belief: `is_held` beside one bare reading of the boot clock, which it contains.
//! * Check: the two headers of a request are read, and the fence is judged by an epoch that is cached.
//! * File: an acquisition, and after each an fsync on the same disk of as many bytes as an acquisition
//!   adds to SQLite's log, at the same places of a file that is as long.
//!   Fsyncs are counted as durable commits, each of which is one (checked with
//!   `strace -f -e trace=fsync,fdatasync`); those of checkpoints come on top.
//!
//! The file lies in the directory for temporary files, `TMPDIR`.

use std::{
    env,
    fmt::Display,
    fs::{self, File},
    hint::black_box,
    os::unix::fs::FileExt,
    path::Path,
    thread::available_parallelism,
    time::Duration,
};

use bytes::Bytes;
use entourage::{
    core::{Clock, Moment, SystemClock},
    election::{
        LeaseLock,
        fence::{AgainstStore, FenceCheck, Stamp},
    },
    http::Request,
    store::{FencedStore, MemoryStore, SqliteStore},
};
use entourage_testkit::Scratch;
use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::{Builder, Runtime};

const ROUNDS: usize = 5;
/// Nothing is renewed while it is measured.
const TTL: Duration = Duration::from_secs(600);
/// What `is_held` may cost beside its look at the clock.
const BESIDE_THE_CLOCK: f64 = 8.0;
/// In nanoseconds.
const LONGEST_CHECK: f64 = 300.0;
/// Beside the fsync itself.
const BESIDE_THE_FSYNC: Duration = Duration::from_micros(150);
const LONGEST_IN_MEMORY: Duration = Duration::from_micros(20);

fn main() {
    let arguments: Vec<String> = env::args().collect();
    let given = |name: &str| {
        arguments.iter().position(|a| a == name).and_then(|at| arguments.get(at + 1)?.parse::<u32>().ok())
    };
    // `cargo test` builds benches too and runs them with `--test`: then a taste is enough.
    let is_bench = arguments.iter().any(|a| a == "--bench");
    let acquisitions = given("--acquisitions").unwrap_or(if is_bench { 200 } else { 5 });
    let calls = if is_bench { 1_000_000 } else { 1_000 };

    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default();
    let processors = available_parallelism().map_or(1, usize::from);
    println!("{processors} processors, load {load}; medians of {ROUNDS} alternating rounds");
    row("", "measured", "bar", true);
    let threads = Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let single = Builder::new_current_thread().enable_all().build().expect("a runtime");
    belief(&threads, calls);
    check(&threads, calls / 10);
    memory(&[("two threads", &threads), ("one thread", &single)], acquisitions * 10);
    file(&threads, acquisitions);
}

fn row(what: &str, measured: impl Display, bar: impl Display, is_met: bool) {
    // Formatted first: what is formatted piece by piece takes no width.
    let (measured, bar) = (measured.to_string(), bar.to_string());
    println!("{what:58}{measured:>22}   {bar}{}", if is_met { "" } else { "   MISSED" });
}

fn now() -> Moment {
    SystemClock::new().now()
}

fn median<T: PartialOrd + Copy>(mut values: Vec<T>) -> T {
    values.sort_by(|a, b| a.partial_cmp(b).expect("numbers"));
    values[values.len() / 2]
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

/// Nanoseconds of one call, of this thread's processor time: nothing here waits, and so what others
/// do on the machine is not counted.
fn nanos_of<T>(calls: u32, mut call: impl FnMut() -> T) -> f64 {
    let spent = || Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).expect("it counts up from zero");
    let began = spent();
    for _ in 0..calls {
        black_box(call());
    }
    (spent() - began).as_secs_f64() * 1e9 / f64::from(calls)
}

/// A lock that nobody contends for.
fn lock(store: impl Into<FencedStore>) -> LeaseLock {
    LeaseLock::builder(store, "printer").ttl(TTL).build().expect("the timings are possible")
}

fn belief(runtime: &Runtime, calls: u32) {
    let ownership = runtime.block_on(lock(MemoryStore::new()).acquire()).expect("nobody else is there");
    let held = ownership.held();
    let rounds = (0..ROUNDS).map(|_| {
        let clock = nanos_of(calls, || clock_gettime(ClockId::Boottime));
        let belief = nanos_of(calls, || assert!(black_box(&held).is_held()));
        (clock, belief)
    });
    let (clocks, beliefs): (Vec<f64>, Vec<f64>) = rounds.unzip();
    let beside = median(beliefs.iter().zip(&clocks).map(|(belief, clock)| belief - clock).collect());
    let (clock, belief) = (median(clocks), median(beliefs));
    row("one reading of the boot clock", format_args!("{clock:.1} ns"), "", true);
    row(
        "is_held",
        format_args!("{belief:.1} ns"),
        format_args!("<= the reading + {BESIDE_THE_CLOCK} ns"),
        beside <= BESIDE_THE_CLOCK,
    );
}

fn check(runtime: &Runtime, calls: u32) {
    let store = MemoryStore::new();
    let ownership = runtime.block_on(lock(store.clone()).acquire()).expect("nobody else is there");
    let check = AgainstStore::new(store).with_cache(TTL, 16);
    let identity = ownership.held().identity().to_string();
    let stamp = Stamp::new(ownership.fence().clone(), identity).expect("the identity is short");
    runtime.block_on(check.check(stamp.fence(), Some(stamp.owner()))).expect("the owner is let in");
    let mut request = Request::new(Bytes::new());
    stamp.write(request.headers_mut());
    let check: &dyn FenceCheck = &check;
    let rounds = (0..ROUNDS).map(|_| {
        nanos_of(calls, || {
            let stamp = Stamp::read(black_box(request.headers())).expect("it was written so");
            let stamp = stamp.expect("it is there");
            check
                .known(stamp.fence(), Some(stamp.owner()))
                .expect("it is cached")
                .expect("the owner is let in");
        })
    });
    let nanos = median(rounds.collect());
    row(
        "check of a request's fence, epoch cached",
        format_args!("{nanos:.0} ns"),
        format_args!("<= {LONGEST_CHECK} ns"),
        nanos <= LONGEST_CHECK,
    );
}

/// How long each of so many acquisitions takes, and what is done after each.
async fn acquisitions(lock: &LeaseLock, times: u32, mut between: impl FnMut()) -> Vec<Duration> {
    let mut taken = Vec::new();
    for _ in 0..times {
        let began = now();
        let ownership = lock.acquire().await.expect("nobody else is there");
        taken.push(now().since(began));
        ownership.release().await.expect("it was held");
        between();
    }
    taken
}

fn memory(runtimes: &[(&str, &Runtime)], times: u32) {
    let mut rounds = vec![Vec::new(); runtimes.len()];
    for _ in 0..ROUNDS {
        for ((_, runtime), medians) in runtimes.iter().zip(&mut rounds) {
            // As users call it: from a task.
            let turn = runtime.spawn(async move {
                let lock = lock(MemoryStore::new());
                acquisitions(&lock, 1, || {}).await;
                median(acquisitions(&lock, times, || {}).await)
            });
            medians.push(runtime.block_on(turn).expect("the turn ends"));
        }
    }
    for ((threads, _), medians) in runtimes.iter().zip(rounds) {
        let taken = median(medians);
        row(
            &format!("acquisition in memory, {threads}"),
            format_args!("{:.1} us", micros(taken)),
            format_args!("< {} us", LONGEST_IN_MEMORY.as_micros()),
            taken < LONGEST_IN_MEMORY,
        );
    }
}

fn file(runtime: &Runtime, times: u32) {
    let scratch = Scratch::new();
    let path = scratch.join("store.db");
    let store = SqliteStore::open(&path).expect("a new file opens");
    let lock = lock(store.clone());
    let log = path.with_extension("db-wal");
    let length = |path: &Path| fs::metadata(path).map_or(0, |file| file.len());

    // The first opens a session; from then on an acquisition is one transaction.
    runtime.block_on(acquisitions(&lock, 2, || {}));
    let (before, commits) = (length(&log), store.stats().durable_commits);
    let ownership = runtime.block_on(lock.acquire()).expect("nobody else is there");
    let (bytes, fsyncs) = (length(&log) - before, store.stats().durable_commits - commits);
    runtime.block_on(ownership.release()).expect("it was held");
    row("fsyncs of an acquisition in a file", fsyncs, "= 1", fsyncs == 1);

    let mut plain = Plain { file: File::create(scratch.join("plain")).expect("a new file opens"), place: 0 };
    let (mut rounds, mut fsyncs) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let before = store.stats().durable_commits;
        let mut synced = Vec::new();
        let mut sync = || synced.push(plain.write(bytes, length(&log)));
        let taken = runtime.block_on(acquisitions(&lock, times, &mut sync));
        // The first round is not counted: the files grow.
        if round > 0 {
            rounds.push((micros(median(taken)), micros(median(synced))));
            fsyncs.push((store.stats().durable_commits - before) as f64 / f64::from(times));
        }
    }
    let beside = median(rounds.iter().map(|(taken, synced)| taken - synced).collect());
    let (taken, synced): (Vec<f64>, Vec<f64>) = rounds.into_iter().unzip();
    row(&format!("one fsync of its {bytes} bytes"), format_args!("{:.0} us", median(synced)), "", true);
    row(
        "acquisition in a file",
        format_args!("{:.0} us", median(taken)),
        format_args!("<= the fsync + {} us", BESIDE_THE_FSYNC.as_micros()),
        beside <= micros(BESIDE_THE_FSYNC),
    );
    row("    beside the fsync", format_args!("{beside:.0} us"), "", true);
    row("fsyncs of an acquisition and its release", format_args!("{:.2}", median(fsyncs)), "= 2", true);
}

/// A file that is written as SQLite writes its log, without SQLite.
struct Plain {
    file: File,
    place: u64,
}

impl Plain {
    /// How long it takes until so many bytes are on the disk, behind the last ones, or at the start
    /// again where the log would begin again too.
    fn write(&mut self, bytes: u64, length: u64) -> Duration {
        let content = vec![7; usize::try_from(bytes).expect("a few pages")];
        let began = now();
        self.file.write_all_at(&content, self.place).expect("the disk has room");
        self.file.sync_all().expect("the disk keeps it");
        let taken = now().since(began);
        self.place = if self.place + bytes < length { self.place + bytes } else { 0 };
        taken
    }
}
