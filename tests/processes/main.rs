//! The promises of a queue, kept among several processes on one file.
//!
//! This binary starts itself as the processes that share a file: see [`role::Role`]. They say
//! what they do in lines, are told what to do by the appearance of files ([`Site::tell`]), and
//! are killed with `SIGKILL` and stood still with `SIGSTOP`. What one has settled goes to a
//! second topic under a name that its attempt alone has, so that an item which took effect twice
//! is there twice; and each attempt is written to a file of its own before its step.

mod attempts;
mod bundle;
mod child;
mod consumer;
mod counts;
mod flow;
mod lease;
mod lock;
mod role;
mod site;

use std::{env, process::ExitCode, time::Duration};

use entourage_testkit::{
    Rng,
    mimic::{self, Arguments, Trial},
};

/// For what takes seconds on a quiet machine.
const DEADLINE: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    if let Ok(role) = env::var(role::ROLE) {
        child::run(&role);
        return ExitCode::SUCCESS;
    }
    let mut rng = Rng::from_env();
    let mut random = |name: &str, body: fn(Rng)| {
        let rng = Rng::new(rng.next_u64());
        Trial::test(name, move || {
            body(rng);
            Ok(())
        })
    };
    macro_rules! trial {
        ($noun:ident::$name:ident) => {
            random(stringify!($name), $noun::$name)
        };
    }
    let trials = vec![
        // The longest first.
        trial!(lock::q7_a_waiting_worker_goes_on_after_a_stopped_peer_locked_its_file),
        trial!(lock::q7_a_worker_goes_on_after_a_stopped_peer_locked_its_file),
        trial!(flow::q1_twenty_five_kills_lose_nothing_and_repeat_nothing),
        trial!(counts::q8_the_counts_are_exact_among_processes_that_are_killed),
        trial!(flow::q6_a_key_is_in_order_among_processes_that_are_killed),
        trial!(attempts::q4_an_interruption_burns_no_attempt_and_a_kill_counts_a_lapse),
        trial!(attempts::q4_poison_that_kills_every_worker_is_a_dead_letter),
        trial!(bundle::q7_two_workers_with_one_partial_each_do_not_wait_for_ever),
        trial!(lease::q3_a_job_of_several_leases_stays_with_its_process),
        trial!(lease::q2_a_stopped_process_that_goes_on_changes_nothing),
        trial!(lease::q5_a_killed_workers_items_come_back_within_a_lease_and_a_sweep),
    ];
    mimic::run(&Arguments::from_args(), trials).exit_code()
}
