//! Q7: workers that need more than one item at a time.

use std::time::Duration;

use entourage::queue::Item;
use entourage_testkit::{Rng, eventually, let_pass};

use crate::{
    DEADLINE,
    role::Role,
    site::{Site, TOTAL, said},
};

/// Each partial is there while both wait; one of them is killed on the way.
pub(crate) fn q7_two_workers_with_one_partial_each_do_not_wait_for_ever(mut rng: Rng) {
    const PARTIALS: u64 = 60;
    let site = Site::new();
    let role = Role::Merger { lease: Duration::from_millis(300), work: Duration::from_millis(3) };
    let mut mergers = ["left", "right"].map(|name| site.start(name, role));
    for merger in &mergers {
        said(merger, "asking");
    }
    for number in 1..=PARTIALS {
        let partial = Item::new(format!("partial-{number}"), number.to_string());
        site.publish([partial.with_bundle(TOTAL)]);
        let_pass(rng.shorter_than(Duration::from_millis(5)));
        if number == PARTIALS / 2 {
            mergers[0].kill9();
            mergers[0] = site.start("left", role);
        }
    }
    eventually(DEADLINE, "one partial is left, and nobody holds it", || {
        for merger in &mut mergers {
            assert!(!merger.stdout().contains("alone"), "a worker got one partial and waits for another");
            assert!(merger.is_running(), "a worker has ended by itself: {}", merger.stderr());
        }
        let stats = site.stats();
        ((stats.ready, stats.waiting, stats.in_flight) == (1, 0, 0)).then_some(())
    });
    assert_eq!(site.dead(), [], "a partial was given up");
    assert_eq!(site.numbers(), [PARTIALS * (PARTIALS + 1) / 2], "a partial was lost or merged twice");
}
