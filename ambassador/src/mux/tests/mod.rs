//! Histories of a mux between clients and servers that do anything, each from a seed.

mod asker;
mod bounds;
mod order;
mod request;
mod shard;
mod warm_up;
mod world;

use std::env;

use entourage_testkit::Rng;

use self::world::{Tally, Terms, World};

/// The longest request and reply.
const FRAME: usize = 20 * 1024;

/// So many answers in the histories of one run: five million in its long form.
fn answers() -> u64 {
    if env::var_os("ENTOURAGE_LONG").is_some() { 5_000_000 } else { 200_000 }
}

fn histories(mut left: u64, faults: bool) -> Tally {
    let mut seeds = Rng::from_env();
    let mut total = Tally::default();
    while total.right + total.failed < left {
        let terms = Terms { seed: seeds.next_u64(), requests: 2_000.min(left), faults };
        // The seed of a history that goes wrong is shown with what went wrong.
        let tally = std::panic::catch_unwind(|| World::new(terms).run());
        let tally = tally.unwrap_or_else(|panic| {
            eprintln!("in the history of {terms:?}");
            std::panic::resume_unwind(panic)
        });
        total.right += tally.right;
        total.failed += tally.failed;
        total.lost_links += tally.lost_links;
        total.ejections += tally.ejections;
        left = left.max(1);
    }
    total
}

#[test]
fn a1_every_reply_is_that_of_its_request_whatever_goes_wrong() {
    let tally = histories(answers(), true);
    eprintln!("{tally:?}");
    // Else the histories would show nothing.
    let Tally { right, failed, lost_links, ejections } = tally;
    assert!(right > failed && failed > 0 && lost_links > 0 && ejections > 0, "{tally:?}");
}

#[test]
fn where_nothing_goes_wrong_every_request_has_its_reply() {
    let tally = histories(answers() / 20, false);
    assert_eq!((tally.failed, tally.lost_links), (0, 0));
}
