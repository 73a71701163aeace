//! Q8: counts read in one process while others work.

use std::time::Duration;

use entourage::queue::{Item, Publication};
use entourage_testkit::{Process, Rng, eventually};

use crate::{
    DEADLINE,
    child::{Role, UNWANTED},
    site::{Site, held, input, said},
};

const LEASE: Duration = Duration::from_millis(500);
/// Items of a step.
const BATCH: u64 = 4;
/// Items that a third process holds all the time.
const HELD: u64 = 7;
/// Items behind one of those, of the same key, and delayed ones.
const BEHIND: u64 = 3;
const DELAYED: u64 = 5;

/// What a worker says that it has accepted and rejected so far, standing still.
fn tally(worker: &Process, round: u64) -> (u64, u64) {
    let line = said(worker, &format!("quiet-{round} "));
    let mut numbers = line.split(' ').skip(1).map(|word| word.parse().expect("a number is said"));
    let mut next = || numbers.next().expect("two numbers are said");
    (next(), next())
}

pub(crate) fn q8_counts_are_exact_in_a_third_process(mut rng: Rng) {
    const ROUNDS: u64 = 6;
    const OF_A_ROUND: u64 = 120;
    let site = Site::new();
    let counts = || {
        let stats = site.stats();
        assert!(stats.oldest.is_some(), "the oldest of {} items has no age", stats.unsettled());
        (stats.ready, stats.waiting, stats.in_flight, stats.dead)
    };
    let (waiting, busy) = (BEHIND + DELAYED, BATCH * 2);

    let keyed = |number| Item::new(format!("keyed-{number}"), "").with_key("key");
    site.publish((1..HELD).map(|number| Item::new(format!("held-{number}"), "")).chain([keyed(0)]));
    let holder = site
        .start("holder", Role::Holder { items: usize::try_from(HELD).expect("it is small"), lease: LEASE });
    for _ in 0..HELD {
        held(&holder);
    }
    site.publish((1..=BEHIND).map(keyed));
    let late = |number| Publication::new(input(), Item::new(format!("late-{number}"), ""));
    site.send((0..DELAYED).map(|number| late(number).delayed(Duration::from_secs(3_600))).collect());
    assert_eq!(counts(), (0, waiting, HELD, 0));

    let role = Role::Worker {
        items: usize::try_from(BATCH).expect("it is small"),
        lease: LEASE,
        work: Duration::from_millis(2),
    };
    let workers = [site.start("left", role), site.start("right", role)];
    let (mut published, mut settled) = (0, 0);
    for round in 0..ROUNDS {
        let numbers = published + 1..=published + OF_A_ROUND;
        site.publish(numbers.map(|number| Item::new(number.to_string(), "")));
        published += OF_A_ROUND;

        // Nobody publishes now, so that the sum can only fall, and by what is accepted alone.
        let mut before = u64::MAX;
        let enough = settled + rng.between(10..OF_A_ROUND - 20);
        eventually(DEADLINE, "the workers get on", || {
            let (ready, waits, in_flight, dead) = counts();
            let sum = ready + waits + in_flight + dead;
            assert!(sum <= before, "the sum has grown from {before} to {sum}");
            assert_eq!(waits, waiting);
            assert!((HELD..=HELD + busy).contains(&in_flight), "{in_flight} are in flight");
            before = sum;
            (published + waiting + HELD - sum + dead >= enough).then_some(())
        });
        site.tell(&format!("quiet-{round}"));
        let tallies = workers.each_ref().map(|worker| tally(worker, round));
        let accepted: u64 = tallies.iter().map(|(accepted, _)| accepted).sum();
        let dead: u64 = tallies.iter().map(|(_, rejected)| rejected).sum();
        settled = accepted + dead;
        assert_eq!(counts(), (published - settled, waiting, HELD, dead), "round {round}");
        assert_eq!(site.settled(), settled);
        site.tell(&format!("go-{round}"));
    }
    eventually(DEADLINE, "what can be done is done", || (site.settled() == published).then_some(()));
    let dead = published / UNWANTED;
    assert_eq!(counts(), (0, waiting, HELD, dead));
    site.tell("holder-settle");
    said(&holder, "settled");
    let all = published + HELD + BEHIND;
    eventually(DEADLINE, "the key is free", || (site.settled() == all).then_some(()));
    assert_eq!(counts(), (0, DELAYED, 0, dead));
}
