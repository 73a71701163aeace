//! Processes are killed, paused, read and never left behind.

use std::{env, fs, io::Write, path::PathBuf, process::ExitCode, time::Duration};

use entourage_testkit::{Process, Program, Scratch, eventually, let_pass, mimic::Trial};

use crate::{DEADLINE, message, trials};

/// What this binary does when it is started as a process by one of its tests.
const HELPER: &str = "ENTOURAGE_TESTKIT_HELPER";

pub(crate) fn trials() -> Vec<Trial> {
    trials![
        a_killed_process_is_dead_and_reaped,
        a_paused_process_stands_still_until_it_is_resumed,
        a_paused_process_is_killed_when_dropped,
        what_a_process_started_dies_with_it,
        a_terminated_process_ends_in_its_own_way,
        a_finished_process_says_how_and_what,
        environment_arguments_and_directory_reach_the_process,
        only_the_newest_output_is_kept,
        a_line_that_is_not_said_is_named_with_what_was,
        a_process_that_does_not_end_is_named,
        an_example_that_is_not_built_says_how_to_build_it,
    ]
}

pub(crate) fn is_helper() -> bool {
    env::var_os(HELPER).is_some()
}

/// Counts for ever, or says how it was started.
pub(crate) fn help() -> ExitCode {
    match env::var(HELPER).as_deref() {
        Ok("count") => {
            let mut stdout = std::io::stdout();
            for number in 0_u64.. {
                if writeln!(stdout, "{number}").is_err() {
                    break;
                }
                let_pass(Duration::from_millis(1));
            }
        }
        Ok("flood") => {
            let line = "x".repeat(999);
            for _ in 0..5_000 {
                println!("{line}");
            }
            println!("end");
        }
        Ok("requirements") => return crate::waiting::run_requirements(),
        Ok("clocks") => crate::clock_shim::tell_the_time(),
        Ok(_) | Err(_) => {
            let arguments: Vec<_> = env::args().skip(1).collect();
            println!("{} {}", arguments.join(","), env::current_dir().expect("there is one").display());
            eprintln!("and this");
            return ExitCode::from(7);
        }
    }
    ExitCode::SUCCESS
}

pub(crate) fn helper(what: &str) -> Program {
    Program::this_test().env(HELPER, what)
}

fn counting() -> Process {
    let process = helper("count").start();
    process.wait_line("3", |line| line == "3", DEADLINE);
    process
}

/// Whether a process of this number is there; a zombie is.
fn exists(pid: u32) -> bool {
    PathBuf::from(format!("/proc/{pid}")).exists()
}

fn a_killed_process_is_dead_and_reaped() {
    let mut process = counting();
    assert!(process.is_running() && exists(process.pid()));
    process.kill9();
    assert!(!process.is_running() && !exists(process.pid()));
    process.kill9();
    let finished = process.wait(DEADLINE);
    assert_eq!(finished.status.code(), None);
    assert!(finished.stdout.starts_with("0\n1\n2\n3\n"));
}

fn a_paused_process_stands_still_until_it_is_resumed() {
    let mut process = counting();
    process.pause();
    process.pause();
    // What it wrote before may still be on its way through the pipe.
    let mut before = process.stdout();
    eventually(DEADLINE, "the output stands still for a tenth of a second", || {
        let_pass(Duration::from_millis(100));
        let now = process.stdout();
        let still = now == before;
        before = now;
        still.then_some(())
    });
    assert!(process.is_running());

    process.resume();
    eventually(DEADLINE, "the process counts on", || (process.stdout() != before).then_some(()));
    process.pause();
    process.resume();
    let last = process.stdout();
    eventually(DEADLINE, "the process counts on again", || (process.stdout() != last).then_some(()));
}

fn a_paused_process_is_killed_when_dropped() {
    let mut process = counting();
    process.pause();
    let pid = process.pid();
    drop(process);
    assert!(!exists(pid));
}

fn what_a_process_started_dies_with_it() {
    let shell = || Program::new("sh").args(["-c", "sleep 1000 & echo $!; wait"]).start();
    let grandchild = |process: &Process| -> u32 {
        process.wait_line("a number", |_| true, DEADLINE).parse().expect("it is a number")
    };
    // The system's first process reaps it, or a subreaper: both take a moment.
    let gone = |pid: u32| {
        eventually(DEADLINE, "the grandchild is dead", || {
            let status = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            (status.is_empty() || status.contains(") Z ")).then_some(())
        });
    };

    let process = shell();
    let dropped = grandchild(&process);
    assert!(exists(dropped));
    drop(process);
    gone(dropped);

    let mut process = Program::new("sh").args(["-c", "sleep 1000 & echo $!"]).start();
    let left_behind = grandchild(&process);
    let _ = process.wait(DEADLINE).succeeded();
    gone(left_behind);
}

fn a_terminated_process_ends_in_its_own_way() {
    let script = "trap 'echo bye; exit 3' TERM; echo ready; while :; do sleep 0.01; done";
    let mut process = Program::new("sh").args(["-c", script]).start();
    process.wait_line("ready", |line| line == "ready", DEADLINE);
    process.terminate();
    let finished = process.wait(DEADLINE);
    assert_eq!((finished.status.code(), &*finished.stdout), (Some(3), "ready\nbye\n"));
    // Signals to one that has ended go nowhere.
    process.terminate();
    process.resume();
    process.kill9();
    assert_eq!(process.wait(DEADLINE).status.code(), Some(3));
}

fn a_finished_process_says_how_and_what() {
    let finished = helper("report").start().wait(DEADLINE);
    assert_eq!((finished.status.code(), &*finished.stderr), (Some(7), "and this\n"));
    let refused = message(|| drop(finished.succeeded()));
    assert!(refused.contains("exit status: 7") && refused.contains("and this"), "{refused}");
}

fn environment_arguments_and_directory_reach_the_process() {
    let scratch = Scratch::new();
    let report = helper("report").arg("one").args(["two", "three"]).current_dir(scratch.path());
    let finished = report.start().wait(DEADLINE);
    assert_eq!(finished.stdout, format!("one,two,three {}\n", scratch.path().display()));

    let print = ["-c", "echo ${ENTOURAGE_TESTKIT_HELPER-none}"];
    let without = Program::new("sh").env(HELPER, "x").env_remove(HELPER).args(print).start();
    assert_eq!({ without }.wait(DEADLINE).stdout, "none\n");
}

fn only_the_newest_output_is_kept() {
    let mut process = helper("flood").keeping(10_000).start();
    let finished = process.wait(DEADLINE).succeeded();
    assert!(finished.stdout.len() < 50_000, "{} bytes", finished.stdout.len());
    assert!(finished.stdout.starts_with('[') && finished.stdout.ends_with("x\nend\n"));
    process.wait_line("the end", |line| line == "end", DEADLINE);
}

fn a_line_that_is_not_said_is_named_with_what_was() {
    let process = Program::new("sh").args(["-c", "echo this; echo that >&2"]).start();
    let wait = || drop(process.wait_line("the other", |line| line == "other", DEADLINE));
    let refused = message(wait);
    assert!(refused.starts_with("sh ended without saying the other"), "{refused}");
    assert!(refused.contains("this"), "{refused}");

    let process = counting();
    let wait = || drop(process.wait_line("never", |_| false, Duration::from_millis(20)));
    let refused = message(wait);
    assert!(refused.contains("has not said never within 20ms"), "{refused}");
}

fn a_process_that_does_not_end_is_named() {
    let mut process = Program::new("sleep").arg("1000").start();
    let refused = message(|| drop(process.wait(Duration::from_millis(20))));
    assert!(refused.starts_with("sleep has not ended within 20ms"), "{refused}");
}

fn an_example_that_is_not_built_says_how_to_build_it() {
    let refused = message(|| drop(Program::example("no-such-example")));
    assert!(refused.contains("no-such-example is not built") && refused.contains("cargo build"), "{refused}");
}
