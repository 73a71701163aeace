//! What was acknowledged is there after the power has failed.
//!
//! This binary starts itself as a writer on a disk of its own, which prints a line for every
//! acknowledgement. At a random moment, once at least [`LEAST`] were acknowledged, the disk
//! loses its power and the writer is killed. The disk is mounted again, and what was
//! acknowledged must be there, whole and once. A `kill -9` alone cannot show a missing fsync:
//! the page cache outlives the process.
//!
//! The power also fails while a file is being made: whatever is left then must open. And a disk
//! fails under a handle that lives on: it must not take for done what is not.
//!
//! `ENTOURAGE_LONG=1` runs 50 rounds instead of 3, and 200 of files being made instead of 10. Where there is no root the tests are
//! ignored and counted; `ENTOURAGE_REQUIRE=power-loss` has them fail instead.

mod epochs;
mod failing;
mod queue;
mod store;

use std::{env, fs, path::Path, process::ExitCode, sync::Arc, time::Duration};

use entourage::core::{Bark, Clock, Moment, Sleep, SystemClock, Timeline, Watchdog};
use entourage_testkit::{
    Disk, FullDisk, Program, Requirement, Rng, let_pass,
    mimic::{self, Arguments, Trial},
};
use tokio::runtime::Runtime;

/// Acknowledgements before the power may fail.
const LEAST: u64 = 500;
/// Acknowledgements after which it fails soon. The logs are copied into the databases, which
/// moves every write once more, at about two thirds of it.
const MOST: u64 = 2_000;
/// For what takes seconds on a quiet machine.
const DEADLINE: Duration = Duration::from_secs(120);
/// Says to this binary that it is a writer, and of what.
const WRITER: &str = "ENTOURAGE_POWER_LOSS_WRITER";

/// Printed before the file is opened.
const OPENING: &str = "opening";

/// When the power fails.
#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    /// While the file is being made, or soon after.
    Early,
    /// Once [`LEAST`] writes, or more, were acknowledged.
    Late,
}

/// Tells of a file, by a clock, what is wrong with it given these lines.
type Judge = fn(&Path, Arc<dyn Clock>, &[&str]) -> Vec<String>;

/// What loses its power, and how it is judged afterwards.
#[derive(Clone, Copy)]
struct Subject {
    name: &'static str,
    /// Writes to the file and prints what was acknowledged, until it is killed or refused.
    write: fn(&Path),
    /// What is wrong with the file, given what was acknowledged and a clock of this boot or
    /// another one.
    faults: Judge,
    /// Whether a line acknowledges a write; it may also say what was seen.
    is_write: fn(&str) -> bool,
}

fn main() -> ExitCode {
    let subjects = [store::SUBJECT, queue::SUBJECT, epochs::SUBJECT];
    if let Ok(name) = env::var(WRITER) {
        let subject = subjects.iter().find(|subject| subject.name == name).expect("it is one of these");
        let path = env::args_os().nth(1).expect("the test names the file");
        println!("{OPENING}");
        (subject.write)(Path::new(&path));
        return ExitCode::SUCCESS;
    }
    let mut rng = Rng::from_env();
    let mut trial = |subject: Subject, what: &str, when, few, many| -> Trial {
        let rng = Rng::new(rng.next_u64());
        let rounds = if env::var_os("ENTOURAGE_LONG").is_some() { many } else { few };
        let body = move || run(subject, when, rounds, rng);
        Requirement::from(Disk::available()).trial("power-loss", &format!("{}_{what}", subject.name), body)
    };
    let mut trials = vec![trial(epochs::SUBJECT, "increase_over_a_power_loss", When::Late, 3, 50)];
    for subject in [store::SUBJECT, queue::SUBJECT] {
        trials.push(trial(subject, "keeps_every_acknowledged_write_over_a_power_loss", When::Late, 3, 50));
        trials.push(trial(subject, "opens_after_a_power_loss_at_its_creation", When::Early, 10, 200));
    }
    let failing: [(&str, fn()); 2] = [
        (
            "a_write_to_a_dead_disk_is_unknown_and_the_next_handle_goes_on",
            failing::a_write_to_a_dead_disk_is_unknown_and_the_next_handle_goes_on,
        ),
        (
            "after_a_failed_fsync_nothing_is_acknowledged_that_is_not_on_the_disk",
            failing::after_a_failed_fsync_nothing_is_acknowledged_that_is_not_on_the_disk,
        ),
    ];
    for (name, body) in failing {
        let available = Disk::available().and_then(|()| FullDisk::available());
        trials.push(Requirement::from(available).trial("power-loss", name, body));
    }
    mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn run(subject: Subject, when: When, rounds: u32, mut rng: Rng) {
    let begun = SystemClock::new().now();
    let mut acknowledged = Vec::new();
    for number in 1..=rounds {
        let (writes, faults) = round(subject, when, &mut rng);
        let shown = faults.iter().take(10).fold(String::new(), |shown, fault| format!("{shown}\n  {fault}"));
        assert!(
            faults.is_empty(),
            "round {number}: {} faults in a {} with {writes} acknowledged writes:{shown}",
            faults.len(),
            subject.name,
        );
        acknowledged.push(writes);
    }
    let total: usize = acknowledged.iter().sum();
    println!(
        "{}: {rounds} rounds, {total} acknowledged writes, {:?} to {:?} a round, none lost, {:.1} s",
        subject.name,
        acknowledged.iter().min().expect("there was a round"),
        acknowledged.iter().max().expect("there was a round"),
        SystemClock::new().now().since(begun).as_secs_f64(),
    );
}

/// One loss of power: how many writes were acknowledged, and what is wrong.
fn round(subject: Subject, when: When, rng: &mut Rng) -> (usize, Vec<String>) {
    let mut disk = Disk::new(256 * 1024 * 1024);
    let path = disk.path().join("file");
    let mut writer =
        Program::this_test().env(WRITER, subject.name).arg(&path).keeping(16 * 1024 * 1024).start();

    writer.wait_line(OPENING, |line| line == OPENING, DEADLINE);
    if when == When::Late {
        let enough = rng.between(LEAST..MOST);
        let mut writes = 0;
        let reached = |line: &str| {
            writes += u64::from((subject.is_write)(line));
            writes >= enough
        };
        writer.wait_line("enough", reached, DEADLINE);
    }
    // Acknowledgements come right after a commit; the power fails at any point of one. A file
    // is made within some tens of milliseconds.
    let longest = if when == When::Early { 60 } else { 20 };
    let_pass(rng.shorter_than(Duration::from_millis(longest)));
    // What was printed later does not count: of a sync that is under way when its file system is
    // shut down, Linux may say that it succeeded (`jbd2_complete_transaction` does not ask whether
    // the journal was aborted), and a machine without power says nothing.
    let said = writer.stdout();
    disk.cut();
    writer.kill9();

    assert!(!said.starts_with('['), "some acknowledgements were dropped before they were read");
    let whole = said.rfind('\n').map_or("", |end| &said[..end]);
    let lines: Vec<_> = whole.lines().skip(1).collect();
    let writes = lines.iter().filter(|line| (subject.is_write)(line)).count();
    disk.remount();
    // A machine that lost its power has booted again; a disk may have lost its own alone. A file
    // follows its machine over a boot only where machines have names.
    let rebooted = has_machine_id() && rng.between(0..2) == 1;
    let clock: Arc<dyn Clock> = if rebooted { Arc::new(NextBoot) } else { Arc::new(SystemClock::new()) };
    (writes, (subject.faults)(&path, clock, &lines))
}

fn has_machine_id() -> bool {
    fs::read_to_string("/etc/machine-id").is_ok_and(|id| id.trim().len() == 32)
}

/// The system's clock, as if the machine had booted since.
#[derive(Debug)]
struct NextBoot;

impl Clock for NextBoot {
    fn now(&self) -> Moment {
        SystemClock::new().now()
    }

    fn timeline(&self) -> Timeline {
        Timeline::new("the next boot")
    }

    fn sleep_until(&self, at: Moment) -> Sleep {
        SystemClock::new().sleep_until(at)
    }

    fn watchdog(self: Arc<Self>, at: Moment, bark: Bark) -> Watchdog {
        Arc::new(SystemClock::new()).watchdog(at, bark)
    }
}

/// Two threads, whatever the machine has.
fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime can be built")
}

/// Bytes that no other `number` has, between 500 and 3,500 of them.
fn content(number: u64) -> Vec<u8> {
    let mut rng = Rng::new(number);
    let length = rng.between(500..3_500);
    (0..length).map(|_| rng.next_u64() as u8).collect()
}
