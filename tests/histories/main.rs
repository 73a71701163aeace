//! The promises of a queue, judged from a history that it does not write.
//!
//! Producers and workers publish, have effects and settle while they are killed, stand still
//! beyond their leases, and lose their server. They do so to a [`sink`], which decides the order
//! of their effects, checks fences, and writes what happens in lines of JSON ([`event`]); what the
//! harness does to them stands there too. A [`judge`] then reads that, and nothing else.
//!
//! The members are processes of this binary ([`role`]) on a file or on a Redis, and tasks on a
//! queue in memory. `ENTOURAGE_LONG=1` runs a million items (or `ENTOURAGE_HISTORIES_ITEMS`) through
//! the file and through Redis under 500 kills each; a filter such as `sqlite::` chooses one, and
//! `--nocapture` shows how it goes. The history of a promise that was broken is kept, and named.

mod allotment;
mod attempt;
mod backend;
mod condemned;
mod counts;
mod crew;
mod event;
mod fault;
mod judge;
mod kind;
mod producer;
mod role;
mod run;
mod sink;
mod traps;
mod trials;
mod wire;
mod witness;
mod worker;

use std::{env, process::ExitCode, time::Duration};

use entourage_testkit::mimic::{self, Arguments};

/// For what takes seconds on a quiet machine.
const DEADLINE: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    if let Ok(role) = env::var(role::ROLE) {
        role::run(&role);
        return ExitCode::SUCCESS;
    }
    mimic::run(&Arguments::from_args(), trials::all()).exit_code()
}
