//! Q4: what counts as an attempt, and how many there are.

use std::time::Duration;

use entourage::queue::Item;
use entourage_testkit::{Rng, eventually};

use crate::{
    DEADLINE,
    role::Role,
    site::{Site, held, said},
};

pub(crate) fn q4_an_interruption_burns_no_attempt_and_a_kill_counts_a_lapse(_: Rng) {
    let site = Site::new();
    let role = Role::Holder { items: 1, lease: Duration::from_millis(500) };
    site.publish([Item::new("job", "")]);
    let mut lapses = 0;
    let mut epoch = 0;
    // More interruptions than the delivery limit.
    for (number, is_killed) in
        [false, false, true, false, false, false, true, false, false].into_iter().enumerate()
    {
        let name = format!("holder-{number}");
        let mut holder = site.start(&name, role);
        let now = held(&holder);
        assert_eq!((now.lapses, now.attempt), (lapses, lapses + 1), "attempt {number}: {now:?}");
        assert!(now.epoch > epoch);
        epoch = now.epoch;
        if is_killed {
            holder.kill9();
            lapses += 1;
        } else {
            site.tell(&format!("{name}-close"));
            said(&holder, "closed");
            let _ = holder.wait(DEADLINE).succeeded();
            assert_eq!(site.stats().ready, 1, "what was given back is ready at once");
        }
    }
    let last = site.start("last", role);
    assert_eq!(held(&last).lapses, 2);
    site.tell("last-settle");
    said(&last, "settled");
    assert_eq!((site.settled(), site.dead()), (1, Vec::new()));
}

pub(crate) fn q4_poison_that_kills_every_worker_is_a_dead_letter(_: Rng) {
    const LIMIT: u32 = 5;
    const OTHERS: u64 = 20;
    let site = Site::new();
    let role = Role::Worker { items: 1, lease: Duration::from_millis(200), work: Duration::ZERO };
    let other = |number| Item::new(format!("other-{number}"), "");
    site.publish((0..OTHERS / 2).map(other).chain([Item::new("poison", "")]));
    site.publish((OTHERS / 2..OTHERS).map(other));
    for _ in 0..LIMIT {
        let mut victim = site.start("victim", role);
        said(&victim, "poison");
        victim.kill9();
    }
    let mut survivor = site.start("survivor", role);
    eventually(DEADLINE, "the others are settled", || {
        assert!(!survivor.stdout().contains("poison"), "the last worker got it too");
        (site.stats().unsettled() == 0).then_some(())
    });
    assert!(survivor.is_running(), "the last worker has ended too: {}", survivor.stderr());
    let reason = format!("{LIMIT} deliveries ended without an answer");
    assert_eq!(site.dead(), [("poison".to_owned(), reason, LIMIT)]);
    assert_eq!(site.effects().len() as u64, OTHERS, "others were held up or lost");
}
