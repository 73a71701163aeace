//! Holders who believe in a session that the store has ended.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use entourage_core::Shutdown;
use entourage_sim::{Faults, Run, Seeds, Sim, check_grants};
use entourage_store::{Standing, Store, Txn};

use crate::{MILLISECOND, SECOND, memory_store};

/// Holders of sessions who look often whether they still hold them; says how often one believed
/// although the store had ended it.
fn zombies(seed: u64, faults: Faults) -> (Run, u64) {
    let mut sim = Sim::new(seed, faults);
    let (raw, zombies) = (memory_store(&sim), Arc::new(AtomicU64::new(0)));
    for name in ["a", "b"] {
        let (raw, zombies) = (Arc::clone(&raw), Arc::clone(&zombies));
        sim.process(name, move |ctx| {
            let (raw, store, zombies) = (Arc::clone(&raw), ctx.store(&raw), Arc::clone(&zombies));
            async move {
                for _ in 0..5 {
                    let session = Arc::new(store.session(SECOND).await.unwrap());
                    let own = format!("{}/{}", ctx.name(), session.id());
                    let hold = Txn::new().put_with(&own, "", session.id());
                    if store.transact(hold).await.is_err() {
                        continue;
                    }
                    let kept = Arc::clone(&session);
                    let renewing = tokio::spawn(async move { kept.keep_alive(&Shutdown::new()).await });
                    for _ in 0..50 {
                        ctx.sleep(40 * MILLISECOND).await;
                        let believes = session.standing() != Standing::Lost;
                        let stands = raw.get(&own).await.unwrap().is_some();
                        zombies.fetch_add(u64::from(believes && !stands), Ordering::Relaxed);
                    }
                    renewing.abort();
                }
            }
        });
    }
    let run = sim.run().unwrap();
    check_grants(&run.grants.events()).unwrap();
    (run, zombies.load(Ordering::Relaxed))
}

/// Everything that befalls time, but for clocks that are too slow or stand still.
fn harmless() -> Faults {
    Faults::none()
        .with_clock_rates(1.0, 2.0)
        .with_clock_changes(0.02)
        .with_pauses(0.01, 2 * SECOND)
        .with_suspends(0.01, 2 * SECOND)
        .with_lost_renewals(0.3)
        .with_late_renewals(0.3, 2 * SECOND)
}

#[test]
fn no_holder_believes_longer_than_the_store_while_its_clock_is_not_too_slow() {
    Seeds::new(100).run(|seed| {
        let (run, zombies) = zombies(seed, harmless());
        assert_eq!(zombies, 0);
        run
    });
}

#[test]
fn a_clock_that_is_slow_or_stands_still_makes_zombies() {
    let found = |faults: Faults| (0..20).map(|seed| zombies(seed, faults.clone()).1).sum::<u64>();
    assert!(found(harmless().with_clock_rates(0.5, 1.0)) > 0);
    assert!(found(harmless().with_freezes(0.01, 2 * SECOND)) > 0);
}

#[test]
fn faults_of_clocks_are_the_same_for_the_same_seed() {
    let faults = || harmless().with_clock_rates(0.5, 2.0).with_freezes(0.01, 2 * SECOND);
    Seeds::new(20).run(|seed| {
        let ((first, zombies_then), (second, zombies_now)) =
            (zombies(seed, faults()), zombies(seed, faults()));
        assert_eq!(first.trace.to_string(), second.trace.to_string());
        assert_eq!(first.history.to_string(), second.history.to_string());
        assert_eq!(zombies_then, zombies_now);
        for verb in ["pauses for", "is suspended for", "is frozen for", "has a clock that runs at"] {
            assert!(seed != 0 || first.trace.lines().iter().any(|line| line.contains(verb)), "none {verb}");
        }
        first
    });
}
