//! The proxy under attack: every reply is that of its request, or an error.
//!
//! A key says what its value is, so that each reply is matched to the request that it answers, and
//! each key is asked for once where servers count. `ENTOURAGE_LONG=1` runs the long forms.

mod asker;
mod child;
mod exhaustion;
mod hostile;
mod lies;
mod memory;
mod programs;
mod proxy;
mod reload;
mod resp;
mod server;
mod shards;
mod storm;

use std::{env, process::ExitCode, time::Duration};

use entourage_testkit::mimic::{self, Arguments, Trial};

/// For what takes seconds on a quiet machine.
const DEADLINE: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    if let Ok(role) = env::var(child::ROLE) {
        child::run(&role);
        return ExitCode::SUCCESS;
    }
    let trials = [
        storm::trials(),
        lies::trials(),
        shards::trials(),
        memory::trials(),
        exhaustion::trials(),
        reload::trials(),
        hostile::trials(),
        programs::trials(),
    ];
    mimic::run(&Arguments::from_args(), trials.into_iter().flatten().collect()).exit_code()
}

/// A trial that needs nothing of the machine.
fn trial<F: Future<Output = ()>>(name: &'static str, body: impl FnOnce() -> F + Send + 'static) -> Trial {
    Trial::test(name, move || {
        proxy::run(body());
        Ok(())
    })
}

fn is_long() -> bool {
    env::var_os("ENTOURAGE_LONG").is_some()
}
