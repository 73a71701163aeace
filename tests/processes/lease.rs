//! Q2, Q3 and Q5: who holds an item, and until when.

use std::time::Duration;

use entourage::{
    core::{Clock, SystemClock},
    queue::Item,
};
use entourage_testkit::{Process, Rng};

use crate::{
    DEADLINE,
    role::Role,
    site::{Site, held, held_within, said},
};

/// What became of a holder's step.
#[track_caller]
fn answer(holder: &Process) -> String {
    let is_answer = |line: &str| line.starts_with("settled") || line.starts_with("refused");
    holder.wait_line("what became of its step", is_answer, DEADLINE)
}

/// The zombie's refusal, of both its renewal and its step.
#[track_caller]
fn assert_refused(zombie: &Process) {
    let renewed = said(zombie, "renewed ");
    assert!(renewed.starts_with("renewed [Err(Stale"), "a zombie's lease was renewed: {renewed}");
    let answer = answer(zombie);
    assert!(answer.starts_with("refused Stale"), "a zombie's step was not refused: {answer}");
}

pub(crate) fn q2_a_stopped_process_that_goes_on_changes_nothing(_: Rng) {
    let site = Site::new();
    let holder = |lease| Role::Holder { items: 1, lease };

    let record = |id: &str, epoch: u64| (id.to_owned(), epoch, 1);
    let stop = |id: &str| {
        site.publish([Item::new(id, "").with_key("the key")]);
        let mut zombie = site.start(&format!("{id}-zombie"), holder(Duration::from_millis(200)));
        let mine = held(&zombie);
        zombie.pause();
        // No pause of the machine takes the item from the peer.
        let peer = site.start(&format!("{id}-peer"), holder(DEADLINE));
        let theirs = held(&peer);
        assert_eq!(theirs.id, mine.id);
        assert!(theirs.epoch > mine.epoch, "the peer's {} is not above {}", theirs.epoch, mine.epoch);
        assert_eq!(theirs.lapses, 1);
        (zombie, peer, theirs.epoch)
    };
    let wake = |zombie: &mut Process, id: &str| {
        site.tell(&format!("{id}-zombie-settle"));
        zombie.resume();
        assert_refused(zombie);
    };

    // Its peer has settled the item before it goes on …
    let (mut late, peer, first) = stop("settled");
    site.tell("settled-peer-settle");
    said(&peer, "settled");
    wake(&mut late, "settled");
    assert_eq!(site.records(), [record("settled", first)], "the zombie has written");
    assert_eq!(site.effects(), [("settled".to_owned(), first)], "the zombie has published");
    drop((late, peer));

    // … or holds it still, and settles it afterwards.
    let (mut early, peer, second) = stop("held");
    wake(&mut early, "held");
    assert_eq!(site.records(), [record("settled", first)], "the zombie has written");
    assert_eq!(site.effects(), [], "the zombie has published");
    assert_eq!(site.stats().in_flight, 1, "the zombie has settled what its peer holds");
    site.tell("held-peer-settle");
    said(&peer, "settled");
    assert_eq!(site.records(), [record("held", second), record("settled", first)]);
    assert_eq!(site.effects(), [("held".to_owned(), second)]);
    assert_eq!((site.stats().unsettled(), site.stats().dead), (0, 0));
    drop(early);
}

pub(crate) fn q3_a_job_of_several_leases_stays_with_its_process(_: Rng) {
    const LEASES: u32 = 5;
    const SHORT: u64 = 300;
    let (site, lease, clock) = (Site::new(), Duration::from_millis(600), SystemClock::new());
    site.publish([Item::new("long", "")]);
    let holder = site.start("holder", Role::Holder { items: 1, lease });
    let long = held(&holder);
    let begun = clock.now();

    // A peer is busy meanwhile, and then asks in vain, each time for a lease.
    site.publish((1..=SHORT).map(|number| Item::new(format!("short-{number}"), "")));
    let peer = site.start("peer", Role::Worker { items: 4, lease, work: Duration::from_millis(4) });
    for _ in 0..LEASES {
        said(&peer, "idle");
    }
    let lasted = clock.now().since(begun);
    assert!(lasted >= lease * LEASES, "the job has lasted {lasted:?}");
    assert_eq!(site.stats().in_flight, 1);
    assert_eq!(site.settled(), SHORT, "the peer has settled something else");
    site.tell("holder-settle");
    assert_eq!(said(&holder, "renewed "), "renewed [Ok(())]");
    assert_eq!(answer(&holder), "settled", "the job was not the holder's any more");

    let given_away = site.sink().iter().any(|(_, id, _)| id == "long");
    assert!(!given_away, "the job was given to the peer too");
    assert!(site.effects().contains(&("long".to_owned(), long.epoch)));
    println!("q3: a job of {lasted:?} under leases of {lease:?}");
}

pub(crate) fn q5_a_killed_workers_items_come_back_within_a_lease_and_a_sweep(_: Rng) {
    const ITEMS: usize = 10;
    const ROUNDS: u64 = 4;
    const SLACK: Duration = Duration::from_secs(1);
    let (site, lease, clock) = (Site::new(), Duration::from_millis(300), SystemClock::new());
    let role = Role::Holder { items: ITEMS, lease };
    let mut longest = Duration::ZERO;
    for round in 0..ROUNDS {
        site.publish((0..ITEMS).map(|number| Item::new(format!("{round}-{number}"), "")));
        let mut victim = site.start(&format!("victim-{round}"), role);
        let theirs: Vec<_> = (0..ITEMS).map(|_| held(&victim)).collect();
        let name = format!("peer-{round}");
        let peer = site.start(&name, role);
        said(&peer, "asking");

        let begun = clock.now();
        victim.kill9();
        // A sweep comes every third of a lease at least, from any member that beats or asks.
        let bound = lease + lease / 3 + SLACK;
        for before in theirs {
            let left = bound.saturating_sub(clock.now().since(begun));
            let after = held_within(&peer, left);
            assert_eq!((&after.id, after.lapses), (&before.id, 1));
            assert!(after.epoch > before.epoch);
        }
        longest = longest.max(clock.now().since(begun));
        site.tell(&format!("{name}-settle"));
        said(&peer, "settled");
    }
    assert_eq!(site.settled(), ROUNDS * ITEMS as u64);
    println!("q5: back after {longest:?} at most, under leases of {lease:?}");
}
