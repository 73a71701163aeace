//! The examples of work queues as whole programs: real videos and images, real kills.
//!
//! What is right is judged by what is on the disk and by what the programs that were started have
//! written down themselves ([`starts::Starts`]), and not by what the examples say.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod faces;
mod faults;
mod killed;
mod media;
mod shared;
mod starts;
mod workers;

use std::{process::ExitCode, time::Duration};

use entourage_testkit::{
    Requirement, Rng,
    mimic::{self, Arguments},
};

/// For what takes seconds on a quiet machine.
const DEADLINE: Duration = Duration::from_secs(120);

fn main() -> ExitCode {
    let mut rng = Rng::from_env();
    let mut trials = Vec::new();
    macro_rules! trial {
        ($noun:ident::$name:ident) => {
            let rng = Rng::new(rng.next_u64());
            let available = Requirement::from(media::available());
            trials.push(available.trial("ffmpeg", stringify!($name), move || $noun::$name(rng)));
        };
    }
    // The longest first.
    trial!(killed::what_was_done_before_a_kill_is_not_done_again);
    trial!(faults::a_corrupt_video_is_a_dead_letter_and_the_others_are_done);
    trial!(shared::two_programs_share_the_videos);
    trial!(faults::what_cannot_be_done_at_all_is_said_in_one_sentence);
    trial!(faults::who_asks_it_to_end_loses_nothing);
    trial!(faces::steps_that_were_finished_before_a_kill_are_not_done_again);
    trial!(faces::an_image_that_is_none_is_a_dead_letter_and_the_others_are_done);
    let rng = Rng::new(rng.next_u64());
    let python = Requirement::from(workers::python());
    trials.push(python.trial("python3", "a_worker_in_python_keeps_the_contract", move || {
        workers::a_worker_in_python_keeps_the_contract(rng);
    }));
    let body = workers::a_worker_in_sh_keeps_the_contract;
    trials.push(Requirement::Met.trial("sh", "a_worker_in_sh_keeps_the_contract", body));
    mimic::run(&Arguments::from_args(), trials).exit_code()
}
