//! The testkit's own promises. A harness of its own, so that what needs root is counted.

mod clock_shim;
mod disks;
mod etcd;
mod memcached;
mod network;
mod nginx;
mod nutcracker;
mod process;
mod redis;
mod waiting;

use std::{cell::Cell, panic, process::ExitCode, time::Duration};

use entourage_testkit::mimic::{self, Arguments, Trial};

/// Long enough for a busy machine; nothing waits so long unless it fails.
const DEADLINE: Duration = Duration::from_secs(20);

fn main() -> ExitCode {
    if process::is_helper() {
        return process::help();
    }
    let report = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        if !EXPECTED.get() {
            report(panic);
        }
    }));
    let trials = [
        process::trials(),
        waiting::trials(),
        disks::trials(),
        etcd::trials(),
        redis::trials(),
        memcached::trials(),
        nginx::trials(),
        nutcracker::trials(),
        network::trials(),
        clock_shim::trials(),
    ]
    .into_iter()
    .flatten()
    .collect();
    mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// Tests from functions, each named once.
macro_rules! trials {
    ($($name:ident),* $(,)?) => {
        vec![$(crate::trial(stringify!($name), $name)),*]
    };
}
use trials;

fn trial(name: &str, body: fn()) -> Trial {
    Trial::test(name, move || {
        body();
        Ok(())
    })
}

thread_local! {
    /// Whether a panic of this thread is what its test is about, and is not to be reported.
    static EXPECTED: Cell<bool> = const { Cell::new(false) };
}

/// What `body` panics with.
fn message(body: impl FnOnce()) -> String {
    EXPECTED.set(true);
    let outcome = panic::catch_unwind(panic::AssertUnwindSafe(body));
    EXPECTED.set(false);
    let panic = outcome.expect_err("it panics");
    match panic.downcast::<String>() {
        Ok(formatted) => *formatted,
        Err(panic) => (*panic.downcast::<&str>().expect("a panic's message is text")).to_owned(),
    }
}
