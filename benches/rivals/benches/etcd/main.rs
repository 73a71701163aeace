//! `LeaseLock` on etcd against what one writes by hand, and against etcd's own lock.
//!
//! `scripts/bench --only rivals/etcd [-- DIRECTORY] [--check] [--alone] [--contended] [--kills] [--failover]`
//!
//! Everything runs on one server that this starts, with its data in DIRECTORY; without a choice of
//! parts all are run. Each contender has a connection of its own. Each round another kind begins.
//!
//! * Check: what the fence layer of an HTTP service adds to a request, in processor time.
//! * Alone: acquire, release, and again, as one task.
//! * Contended: so many do that at once. A *hand-over* is an acquisition by another contender than the
//!   last; a lock without an order has more acquisitions than hand-overs.
//! * Requests: what waiters send for each release, from the server's own counts.
//! * Kills: owners are processes of their own, this program started again.
//! * Failover: the leader of three servers dies with the owner; as etcd comes, and with a shorter
//!   `--election-timeout`.

mod by_hand;
mod check;
mod failover;
mod kills;
mod lock;
mod lock_rpc;
mod ours;
mod raw;
mod requests;
mod turns;

use std::{
    env, error::Error, fs, os::unix::process::CommandExt, process::Command, thread::available_parallelism,
    time::Duration,
};

use entourage_rivals::{Asked, Contender, judge, print, say_where};
use entourage_testkit::Etcd;
use tokio::runtime::Runtime;

use crate::{
    by_hand::ByHand,
    lock::Lock,
    lock_rpc::LockRpc,
    ours::Ours,
    turns::{Turn, turn},
};

type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

const ROUNDS: usize = 5;
/// Of the speed of the loop by hand, alone.
const ALONE: f64 = 0.8;
/// Of its hand-overs, among so many contenders.
const AMONG: [(usize, f64); 2] = [(2, 0.8), (16, 1.5)];
/// From the call of a release until another has acquired, for 99 of 100.
const LONGEST: Duration = Duration::from_millis(20);

fn main() -> Outcome {
    let arguments: Vec<String> = env::args().collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    if let Some(at) = arguments.iter().position(|argument| argument == "--as") {
        return runtime.block_on(kills::own(&arguments[at + 2..]));
    }
    let asked = Asked::new();
    if asked.folder() != env::temp_dir() {
        // The server's data lies where temporary files do, which a process learns when it starts.
        fs::create_dir_all(asked.folder())?;
        let mut again = Command::new(env::current_exe()?);
        return Err(again.args(&arguments[1..]).env("TMPDIR", asked.folder()).exec().into());
    }
    let parts = ["--check", "--alone", "--contended", "--kills", "--failover"];
    let is_named = |part: &str| arguments.iter().any(|argument| argument == part);
    let is_asked = |part: &str| is_named(part) || !parts.iter().any(|part| is_named(part));
    if let Err(why) = Etcd::available() {
        println!("absent: etcd, {why}");
        return Ok(());
    }
    say_machine()?;
    let etcd = Etcd::start();
    say_where(&etcd.data(0))?;
    let endpoint = &etcd.endpoints()[0];
    let lasting = asked.turn * 5 / 2;
    if is_asked("--check") {
        runtime.block_on(check::check(endpoint, if asked.is_taste { 1_000 } else { 100_000 }))?;
    }
    if is_asked("--alone") {
        compare(&runtime, endpoint, 1, ALONE, lasting)?;
    }
    if is_asked("--contended") {
        for (contenders, bar) in AMONG {
            compare(&runtime, endpoint, contenders, bar, lasting)?;
        }
        count(&runtime, endpoint)?;
    }
    if is_asked("--kills") {
        let (rounds, side_by_side) = if asked.is_taste { (1, 2) } else { (5, 8) };
        kills::quiet(&runtime, &etcd, rounds, side_by_side)?;
    }
    drop(etcd);
    if is_asked("--failover") {
        failover::failover(&runtime, if asked.is_taste { 1 } else { 4 })?;
    }
    Ok(())
}

/// What the figures are of.
fn say_machine() -> Outcome {
    let version = Command::new("etcd").arg("--version").output()?.stdout;
    let version = String::from_utf8_lossy(&version).lines().next().unwrap_or_default().to_owned();
    let load = fs::read_to_string("/proc/loadavg")?;
    let load = load.split(' ').next().unwrap_or_default();
    println!("{version}; {} processors, load {load}", available_parallelism()?);
    Ok(())
}

/// The same contenders' number of each kind, in alternating rounds.
fn compare(runtime: &Runtime, endpoint: &str, contenders: usize, bar: f64, lasting: Duration) -> Outcome {
    let mut kinds = [Ours::NAME, ByHand::NAME, LockRpc::NAME].map(Contender::new);
    let mut waits = Vec::new();
    // The first round is not counted: connections and caches are cold.
    for round in 0..=ROUNDS {
        for nth in 0..kinds.len() {
            let kind = (round + nth) % kinds.len();
            let name = format!("printer-{contenders}-{kind}-{round}");
            let Turn { acquired, handed_over, waits: own } = runtime.block_on(async {
                match kind {
                    0 => turn::<Ours>(endpoint, &name, contenders, lasting).await,
                    1 => turn::<ByHand>(endpoint, &name, contenders, lasting).await,
                    _ => turn::<LockRpc>(endpoint, &name, contenders, lasting).await,
                }
            })?;
            if round > 0 {
                kinds[kind].push([acquired, handed_over]);
                if kind == 0 {
                    waits.extend(own);
                }
            }
        }
    }
    let [ours, theirs @ ..] = &kinds;
    let what = if contenders == 1 { "alone".to_owned() } else { format!("{contenders} contenders") };
    println!("\n{what}: medians of {ROUNDS} alternating rounds of {lasting:?}");
    let columns = ["acquired and released", "handed over"];
    print(&columns[..contenders.min(columns.len())], ours, theirs);
    // Who takes the lock again itself has handed over to nobody.
    let column = columns.len().min(contenders) - 1;
    let times = ours.times(column, &theirs[0]);
    judge(
        &format!("{what}, {}, of the loop by hand", columns[column]),
        format_args!("{times:.2}"),
        format_args!(">= {bar}"),
        times >= bar,
    );
    waits.sort();
    if let Some(p99) = waits.get(waits.len() * 99 / 100) {
        let millis = |wait: &Duration| wait.as_secs_f64() * 1e3;
        judge(
            &format!("{what}, from a release to the next owner: median, p99"),
            format_args!("{:.2}, {:.2} ms", millis(&waits[waits.len() / 2]), millis(p99)),
            format_args!("p99 <= {} ms", millis(&LONGEST)),
            *p99 <= LONGEST,
        );
    }
    Ok(())
}

/// What those who wait send when a lock is released.
fn count(runtime: &Runtime, endpoint: &str) -> Outcome {
    println!();
    let ours = runtime.block_on(requests::count::<Ours>(endpoint, "counted-ours"))?;
    let by_hand = runtime.block_on(requests::count::<ByHand>(endpoint, "counted-by-hand"))?;
    judge(
        "requests of 16 waiters for a release, by etcd's count",
        format_args!("{:.2}", ours.by_waiters),
        "<= 1",
        ours.by_waiters <= 1.0,
    );
    println!("    of all: {:?}; by hand {:.2}: {:?}", ours.all, by_hand.by_waiters, by_hand.all);
    Ok(())
}
