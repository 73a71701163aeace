//! What several processes on one file owe each other: turns, notice, and quiet.
//!
//! `cargo bench --features full --bench neighbours [-- --seconds 5] [--changes 2000] [--idle 20]`
//!
//! Real processes: this binary starts itself. Each row stands beside the bound that the crate
//! pages promise.
//!
//! * Turns: two processes write as fast as they can, each from so many tasks, and count their
//!   own fsynced commits over the same `--seconds`, read off the clock that they share.
//! * Notice: one process writes at random moments (gaps of up to 20 ms; `ENTOURAGE_SEED`), stamps
//!   each write just before the call and just after its return, and another process stamps what
//!   its watch shows. A notice may be there before the write has returned: that counts as 0.
//! * Quiet: the processor time of a whole process over `--idle` seconds, while a watch or a
//!   receiver waits and nothing happens.
//!
//! The file lies in the directory for temporary files, `TMPDIR`.

use std::{env, fmt::Display, path::Path, time::Duration};

use entourage::{
    core::{Clock, Moment, SystemClock},
    queue::{Ask, Queue, SqliteQueue, SubscribeOptions},
    store::{Change, SqliteStore, Store, StoreExt},
};
use entourage_testkit::{Process, Program, Rng, Scratch, let_pass};
use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::{Builder, Runtime};

/// Of the commits, for each of two busy processes.
const LEAST_SHARE: f64 = 0.30;
/// From the return of a write to its receipt in another process, for 99 of 100.
const LONGEST_NOTICE: Duration = Duration::from_millis(10);
/// Of one core.
const LARGEST_IDLE: f64 = 0.005;
/// Between two writes whose notice is measured.
const GAP: Duration = Duration::from_millis(20);
/// For a process to start and to be in full swing.
const START: Duration = Duration::from_secs(1);
/// For what takes seconds.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() {
    let arguments: Vec<String> = env::args().collect();
    let after = |name: &str| arguments.iter().position(|a| a == name).map(|at| &arguments[at + 1..]);
    if let Some(role) = after("--as") {
        return play(role);
    }
    // `cargo test` builds benches too and runs them with `--test`: then a taste is enough.
    let is_bench = arguments.iter().any(|a| a == "--bench");
    let number = |name: &str, usual: u64, taste: u64| {
        let given = after(name).and_then(|rest| rest.first()?.parse().ok());
        given.unwrap_or(if is_bench { usual } else { taste })
    };
    let (seconds, changes) = (number("--seconds", 5, 1), number("--changes", 2_000, 50));
    let idle = Duration::from_secs(number("--idle", 20, 1));

    let seed = Rng::from_env().next_u64();

    row("", "measured", "promised", true);
    for tasks in [[16, 16], [1, 16]] {
        turns(tasks, Duration::from_secs(seconds));
    }
    notice(changes, seed);
    quiet(idle);
}

fn row(what: &str, measured: impl Display, promised: impl Display, is_kept: bool) {
    // Formatted first: what is formatted piece by piece takes no width.
    let (measured, promised) = (measured.to_string(), promised.to_string());
    println!("{what:42}{measured:>24}{promised:>16}{}", if is_kept { "" } else { "   MISSED" });
}

fn percent(share: f64) -> f64 {
    share * 100.0
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

fn now() -> Moment {
    SystemClock::new().now()
}

/// This binary as a process of a role, with its arguments.
fn start(role: &str, file: &Path, arguments: &[u64]) -> Process {
    let program = Program::this_test().args(["--as", role]).arg(file);
    program.args(arguments.iter().map(u64::to_string)).keeping(64 << 20).start()
}

/// The numbers of each line that a process says until its end.
fn said(process: &mut Process, patience: Duration) -> Vec<Vec<u64>> {
    let said = process.wait(patience).succeeded().stdout;
    let numbers = |line: &str| line.split(' ').map(|word| word.parse().expect("a number is said")).collect();
    said.lines().filter(|line| line.starts_with(|first: char| first.is_ascii_digit())).map(numbers).collect()
}

fn turns(tasks: [u64; 2], lasting: Duration) {
    let scratch = Scratch::new();
    let file = scratch.join("store.db");
    drop(SqliteStore::open(&file).expect("a new file opens"));
    let (from, until) = (now() + START, now() + START + lasting);
    let busy = tasks.map(|tasks| start("writer", &file, &[tasks, from.as_nanos(), until.as_nanos()]));
    let done = busy.map(|mut process| said(&mut process, lasting + PATIENCE));
    let [one, other] = done.map(|lines| (lines[0][0] as f64, lines[0][1] as f64));
    let all = one.0 + other.0;
    let shares = [one.0 / all, other.0 / all];
    row(
        &format!("{} beside {}: share of the commits", counted(tasks[0], "task"), tasks[1]),
        format_args!("{:.0} % and {:.0} %", percent(shares[0]), percent(shares[1])),
        format_args!(">= {:.0} % each", percent(LEAST_SHARE)),
        shares.iter().all(|share| *share >= LEAST_SHARE),
    );
    let rate = |count: f64| count / lasting.as_secs_f64();
    row("    commits a second", format_args!("{:.0} and {:.0}", rate(one.0), rate(other.0)), "", true);
    row("    writes a second", format_args!("{:.0} and {:.0}", rate(one.1), rate(other.1)), "", true);
}

fn counted(number: u64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

fn notice(changes: u64, seed: u64) {
    let scratch = Scratch::new();
    let file = scratch.join("store.db");
    let mut watcher = start("watcher", &file, &[changes]);
    watcher.wait_line("that it watches", |line| line == "watching", PATIENCE);
    let mut sender = start("sender", &file, &[changes, seed]);
    let patience = GAP * u32::try_from(changes).unwrap_or(u32::MAX) + PATIENCE;
    let (sent, seen) = (said(&mut sender, patience), said(&mut watcher, patience));

    let mut waits = [Vec::new(), Vec::new()];
    for (sent, seen) in sent.iter().zip(&seen) {
        assert_eq!(sent[0], seen[0], "changes are seen in the order of their commits");
        let seen = Moment::from_nanos(seen[1]);
        for (waits, sent) in waits.iter_mut().zip(&sent[1..]) {
            waits.push(seen.since(Moment::from_nanos(*sent)));
        }
    }
    assert_eq!(waits[0].len() as u64, changes);
    let [from_the_call, from_the_return] = waits.map(|mut waits| {
        waits.sort();
        [waits[waits.len() / 2], waits[waits.len() * 99 / 100], waits[waits.len() - 1]]
    });
    let three = |[p50, p99, max]: [Duration; 3]| {
        format!("{:.2}, {:.2}, {:.2} ms", millis(p50), millis(p99), millis(max))
    };
    row(
        "notice since the write: p50, p99, longest",
        three(from_the_return),
        format_args!("p99 <= {:.0} ms", millis(LONGEST_NOTICE)),
        from_the_return[1] <= LONGEST_NOTICE,
    );
    row("    since its call, fsync included", three(from_the_call), "", true);
}

fn quiet(lasting: Duration) {
    let scratch = Scratch::new();
    let waiting = [
        ("idle, a store's watch waits", "waiting-watch", "store.db"),
        ("idle, a queue's receiver waits", "waiting-receiver", "queue.db"),
    ];
    let millis = u64::try_from(lasting.as_millis()).unwrap_or(u64::MAX);
    let processes = waiting.map(|(what, role, file)| (what, start(role, &scratch.join(file), &[millis])));
    for (what, mut process) in processes {
        let spent = Duration::from_nanos(said(&mut process, lasting + PATIENCE)[0][0]);
        let share = spent.as_secs_f64() / lasting.as_secs_f64();
        row(
            what,
            format_args!("{:.2} % of a core", percent(share)),
            format_args!("<= {:.1} %", percent(LARGEST_IDLE)),
            share <= LARGEST_IDLE,
        );
    }
}

/// What a process does that was started by another one.
fn play(role: &[String]) {
    let [role, file, numbers @ ..] = role else { panic!("a role and a file are given") };
    let file = Path::new(file);
    let numbers: Vec<u64> = numbers.iter().map(|word| word.parse().expect("a number is given")).collect();
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    match (&**role, &*numbers) {
        ("writer", &[tasks, from, until]) => {
            runtime.block_on(write(file, tasks, Moment::from_nanos(from), Moment::from_nanos(until)));
        }
        ("sender", &[changes, seed]) => send(&runtime, file, changes, Rng::new(seed)),
        ("watcher", &[changes]) => runtime.block_on(watch(file, changes)),
        ("waiting-watch", &[millis]) => {
            let store = SqliteStore::open(file).expect("a new file opens");
            let mut watch = runtime.block_on(store.watch("", None)).expect("the store answers");
            runtime.spawn(async move { watch.next().await });
            spend(Duration::from_millis(millis));
        }
        ("waiting-receiver", &[millis]) => {
            let queue = SqliteQueue::open(file).expect("a new file opens");
            let (topics, group) = (["work".into()], "workers".into());
            let joining = queue.subscribe(&topics, &group, SubscribeOptions::new());
            let (mut receiver, _settler) = runtime.block_on(joining).expect("the queue answers");
            runtime.spawn(async move { receiver.receive(Ask::up_to(1).wait(PATIENCE * 60)).await });
            spend(Duration::from_millis(millis));
        }
        _ => panic!("{role} with {numbers:?} is no role"),
    }
}

/// Writes from `tasks` tasks; says how many commits and writes were its own in the given time.
async fn write(file: &Path, tasks: u64, from: Moment, until: Moment) {
    let store = SqliteStore::open(file).expect("the file opens");
    let clock = SystemClock::new();
    // Both are busy for as long as the slower of the two counts.
    let end = until + START / 4;
    let busy = |task: u64| {
        let store = store.clone();
        tokio::spawn(async move {
            for number in 0_u64.. {
                let key = format!("{}/{task}/{}", std::process::id(), number % 1_000);
                store.put(&key, vec![7; 64].into()).await.expect("the disk has room");
                if now() >= end {
                    break;
                }
            }
        })
    };
    let tasks: Vec<_> = (0..tasks).map(busy).collect();
    assert!(now() < from, "the process has started too late to be measured");
    clock.sleep_until(from).await;
    let before = store.stats();
    clock.sleep_until(until).await;
    let after = store.stats();
    println!("{} {}", after.durable_commits - before.durable_commits, after.jobs - before.jobs);
    for task in tasks {
        task.await.expect("a writer does not panic");
    }
}

/// Writes at moments of its own, and says when: each number, before the call and after it.
fn send(runtime: &Runtime, file: &Path, changes: u64, mut rng: Rng) {
    let store = SqliteStore::open(file).expect("the file opens");
    let mut lines = Vec::new();
    for number in 0..changes {
        let_pass(rng.shorter_than(GAP));
        let value = number.to_string().into();
        let called = now();
        runtime.block_on(store.put("change", value)).expect("the disk has room");
        lines.push((number, called, now()));
    }
    for (number, called, returned) in lines {
        println!("{number} {} {}", called.as_nanos(), returned.as_nanos());
    }
}

/// Says each number that it has seen, and when.
async fn watch(file: &Path, changes: u64) {
    let store = SqliteStore::open(file).expect("a new file opens");
    let mut watch = store.watch("change", None).await.expect("the store answers");
    println!("watching");
    let mut lines = Vec::new();
    for _ in 0..changes {
        let change = watch.next().await.expect("the store answers");
        let seen = now();
        let Change::Put(entry) = change else { panic!("a watch that keeps up sees every write: {change:?}") };
        lines.push((String::from_utf8_lossy(&entry.value).into_owned(), seen));
    }
    for (number, seen) in lines {
        println!("{number} {}", seen.as_nanos());
    }
}

/// Stands still, and says how much processor time the whole process took meanwhile.
fn spend(lasting: Duration) {
    // What the opening has left to do is over by then.
    let_pass(START);
    let before = spent();
    let_pass(lasting);
    println!("{}", spent().saturating_sub(before).as_nanos());
}

fn spent() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}
