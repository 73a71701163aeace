//! Clocks that disagree, machines that stand still, and renewals that come late or not at all.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use entourage_core::{Moment, Realm, Shutdown};
use entourage_sim::{Context, Faults, Run, Seeds, Sim, What, check_grants};
use entourage_store::{MemoryOptions, MemoryStore, Session, Standing, Store, StoreExt, Txn};

const SECOND: Duration = Duration::from_secs(1);
const MILLISECOND: Duration = Duration::from_millis(1);
/// How late a wait may end after a suspend.
const SLICE: Duration = Duration::from_millis(250);

fn store(sim: &Sim) -> Arc<dyn Store> {
    let options = MemoryOptions::new().with_clock(sim.clock()).with_realm(Realm::new(7));
    Arc::new(MemoryStore::with_options(options))
}

/// One process over a store, under these faults; it is given the store as it reaches it, and
/// the store itself.
fn run<Fut>(
    seed: u64,
    faults: Faults,
    program: impl Fn(Context, Arc<dyn Store>, Arc<dyn Store>) -> Fut + 'static,
) -> Run
where
    Fut: Future<Output = ()> + Send + 'static,
{
    let mut sim = Sim::new(seed, faults);
    let raw = store(&sim);
    sim.process("p", move |ctx| program(ctx.clone(), ctx.store(&raw), Arc::clone(&raw)));
    let run = sim.run().unwrap();
    check_grants(&run.grants.events()).unwrap();
    run
}

/// A session that holds the key "own" for as long as it stands at the store.
async fn holding(store: &dyn Store, ttl: Duration) -> Session {
    let session = store.session(ttl).await.unwrap();
    let own = Txn::new().put_with("own", "", session.id());
    store.transact(own).await.unwrap().applied().unwrap();
    session
}

async fn stands(raw: &dyn Store) -> bool {
    raw.get("own").await.unwrap().is_some()
}

/// When the process made this call, in true time.
fn calls(run: &Run, call: &str) -> Vec<f64> {
    let made = |line: &&String| line.ends_with(&format!("p calls {call}"));
    let at = |line: &String| line.split_once(' ').unwrap().0.parse().unwrap();
    run.trace.lines().iter().filter(made).map(at).collect()
}

#[test]
fn a_paused_process_sends_what_it_decided_before_and_only_its_fence_stops_it() {
    run(1, Faults::none(), |ctx, store, raw| async move {
        let session = holding(&*store, 3 * SECOND).await;
        assert!(matches!(session.standing(), Standing::Live { .. }));
        ctx.pause("p", 10 * SECOND);
        // Sent in good faith, and on its way when the successor has long begun.
        let fenced = Txn::new().when_held(session.fence().clone()).put("result", "fenced");
        assert!(store.transact(fenced).await.unwrap().applied().is_none());
        assert!(!stands(&*raw).await);
        assert_eq!(session.standing(), Standing::Lost, "its clock has gone on");
        store.put("result", "not fenced".into()).await.unwrap();
    });
}

#[test]
fn a_frozen_machine_believes_in_a_session_that_the_store_has_ended() {
    run(1, Faults::none(), |ctx, store, raw| async move {
        let session = holding(&*store, 3 * SECOND).await;
        let before = ctx.clock().now();
        ctx.freeze("p", 10 * SECOND);
        ctx.sleep(SECOND).await;
        assert_eq!(ctx.clock().now().since(before), SECOND, "nothing tells it");
        assert!(raw.clock().now() >= Moment::ZERO + 11 * SECOND && !stands(&*raw).await);
        assert!(matches!(session.standing(), Standing::Live { .. }), "a zombie");
        let fenced = Txn::new().when_held(session.fence().clone()).put("result", "fenced");
        assert!(store.transact(fenced).await.unwrap().applied().is_none());
    });
}

#[test]
fn what_was_due_in_a_pause_is_there_at_once_and_after_a_suspend_it_is_late() {
    let woken = |stall: fn(&Context, &str, Duration)| {
        let late = Arc::new(Mutex::new(Vec::new()));
        for seed in 0..20 {
            let seen = Arc::clone(&late);
            run(seed, Faults::none(), move |ctx, _, raw| {
                let seen = Arc::clone(&seen);
                async move {
                    stall(&ctx, "p", 10 * SECOND);
                    ctx.sleep(SECOND).await;
                    let now = ctx.clock().now();
                    assert_eq!(now, raw.clock().now(), "the clock has gone on");
                    seen.lock().unwrap().push(now.since(Moment::ZERO + 10 * SECOND));
                    // What is due later is in time.
                    ctx.clock().sleep_until(Moment::ZERO + 20 * SECOND).await;
                    assert_eq!(ctx.clock().now(), Moment::ZERO + 20 * SECOND);
                }
            });
        }
        Arc::into_inner(late).unwrap().into_inner().unwrap()
    };
    assert_eq!(woken(Context::pause), [Duration::ZERO; 20]);
    let late = woken(Context::suspend);
    assert!(late.iter().all(|late| *late < SLICE) && late.iter().any(|late| *late > SLICE / 2), "{late:?}");
}

#[test]
fn stalls_at_once_last_as_long_as_the_longest() {
    run(1, Faults::none(), |ctx, _, raw| async move {
        ctx.pause("p", 10 * SECOND);
        ctx.freeze("p", 3 * SECOND);
        ctx.suspend("p", 5 * SECOND);
        ctx.pause("p", SECOND);
        ctx.sleep(SECOND).await;
        assert_eq!(raw.clock().now(), Moment::ZERO + 10 * SECOND);
        assert_eq!(ctx.clock().now(), Moment::ZERO + 7 * SECOND);
    });
}

#[test]
fn a_crash_ends_a_pause_and_not_the_sleep_of_the_machine() {
    let restarted = |stall: fn(&Context, &str, Duration)| {
        let mut sim = Sim::new(1, Faults::none());
        let (clock, at) = (sim.clock(), Arc::new(AtomicU64::new(0)));
        let seen = Arc::clone(&at);
        sim.process("victim", move |ctx| {
            seen.store(clock.now().as_nanos(), Ordering::Relaxed);
            async move {
                if ctx.incarnation() == 1 {
                    std::future::pending::<()>().await;
                }
                ctx.sleep(SECOND / 2).await;
            }
        });
        sim.process("killer", move |ctx| async move {
            stall(&ctx, "victim", 10 * SECOND);
            ctx.kill("victim");
        });
        sim.run().unwrap().ended
    };
    assert!(restarted(Context::pause) < Moment::ZERO + 2 * SECOND);
    assert!(restarted(Context::freeze) >= Moment::ZERO + 10 * SECOND);
    assert!(restarted(Context::suspend) >= Moment::ZERO + 10 * SECOND);
}

#[test]
fn a_clock_at_half_speed_renews_late() {
    let renewals = |rate| {
        let run = run(1, Faults::none(), move |ctx, store, raw| async move {
            ctx.set_clock_rate("p", rate);
            let (session, shutdown) = (holding(&*store, 3 * SECOND).await, Shutdown::new());
            tokio::select! {
                biased;
                () = session.keep_alive(&shutdown) => panic!("two of three renewals may be late"),
                () = raw.clock().sleep_until(Moment::ZERO + 10 * SECOND) => {}
            }
            assert!(stands(&*raw).await);
        });
        calls(&run, "session.renew")
    };
    let near = |seen: Vec<f64>, expected: &[f64]| {
        assert_eq!(seen.len(), expected.len(), "{seen:?}");
        assert!(seen.iter().zip(expected).all(|(a, b)| (a - b).abs() < 0.1), "{seen:?}");
    };
    near(renewals(1.0), &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]);
    near(renewals(0.5), &[2.0, 4.0, 6.0, 8.0]);
    assert_eq!(renewals(2.0).len(), 19);
}

#[test]
fn a_clock_at_half_speed_believes_in_a_session_that_has_expired_and_a_fast_one_gives_up_early() {
    run(1, Faults::none(), |ctx, store, raw| async move {
        ctx.set_clock_rate("p", 0.5);
        let session = holding(&*store, 3 * SECOND).await;
        ctx.sleep(2 * SECOND).await;
        assert!(matches!(session.standing(), Standing::Live { .. }) && !stands(&*raw).await);
        assert!(session.renew().await.unwrap_err().is_session_lost());
        assert_eq!(session.standing(), Standing::Lost);
    });
    run(1, Faults::none(), |ctx, store, raw| async move {
        ctx.set_clock_rate("p", 2.0);
        let session = holding(&*store, 3 * SECOND).await;
        ctx.sleep(3 * SECOND).await;
        assert!(session.standing() == Standing::Lost && stands(&*raw).await);
    });
}

#[test]
fn a_rate_that_changes_moves_the_waits_that_have_begun() {
    run(1, Faults::none(), |ctx, _, raw| async move {
        let waiting = ctx.clone();
        let waits = tokio::spawn(async move { waiting.sleep(10 * SECOND).await });
        ctx.sleep(4 * SECOND).await;
        ctx.set_clock_rate("p", 2.0);
        waits.await.unwrap();
        assert_eq!(raw.clock().now(), Moment::ZERO + 7 * SECOND);
    });
}

#[test]
fn a_session_whose_renewals_are_lost_ends_for_its_holder_no_later_than_for_the_store() {
    let (mut extended, mut expired) = (0, 0);
    for seed in 0..20 {
        let counts = Arc::new([AtomicU64::new(0), AtomicU64::new(0)]);
        let counted = Arc::clone(&counts);
        run(seed, Faults::none().with_lost_renewals(1.0), move |ctx, store, raw| {
            let counted = Arc::clone(&counted);
            async move {
                let session = holding(&*store, 3 * SECOND).await;
                ctx.sleep(2 * SECOND).await;
                assert!(session.renew().await.unwrap_err().is_unknown());
                let Standing::Doubtful { until } = session.standing() else {
                    panic!("nothing was confirmed")
                };
                ctx.clock().sleep_until(until).await;
                assert_eq!(session.standing(), Standing::Lost);
                ctx.sleep(SECOND).await;
                // If only the answer was lost, the store gave it the full time again.
                counted[usize::from(stands(&*raw).await)].fetch_add(1, Ordering::Relaxed);
            }
        });
        expired += counts[0].load(Ordering::Relaxed);
        extended += counts[1].load(Ordering::Relaxed);
    }
    assert!(extended > 3 && expired > 3, "{extended} answers and {expired} requests were lost");
}

#[test]
fn a_late_renewal_arrives_although_nobody_waits_for_it() {
    let faults = Faults::none().with_late_renewals(1.0, 3 * SECOND);
    let run = run(5, faults, |ctx, store, raw| async move {
        let session = holding(&*store, 3 * SECOND).await;
        ctx.sleep(2 * SECOND).await;
        let gave_up = entourage_core::timeout(&*ctx.clock(), 10 * MILLISECOND, session.renew()).await;
        assert!(gave_up.is_err() && matches!(session.standing(), Standing::Doubtful { .. }));
        ctx.sleep(10 * SECOND).await;
        assert!(!stands(&*raw).await);
    });
    assert!(run.trace.lines().iter().any(|line| line.contains("network delivers p's session.renew late")));
}

#[test]
fn a_renewal_that_arrives_when_the_session_has_expired_changes_nothing() {
    let (mut in_time, mut too_late) = (0, 0);
    for seed in 0..20 {
        let faults = Faults::none().with_late_renewals(1.0, 3 * SECOND);
        let run = run(seed, faults, |ctx, store, raw| async move {
            let session = holding(&*store, 3 * SECOND).await;
            ctx.sleep(2 * SECOND).await;
            let renewed = session.renew().await;
            // The store's word and the store's state agree, whenever it was asked.
            assert_eq!(renewed.is_ok(), stands(&*raw).await);
            if let Ok(sent) = renewed {
                assert!(ctx.clock().now().since(sent) > MILLISECOND);
            }
        });
        let delivered = run.trace.lines().iter().find(|line| line.contains("session.renew late")).unwrap();
        *(if delivered.ends_with(": ok") { &mut in_time } else { &mut too_late }) += 1;
    }
    assert!(in_time > 3 && too_late > 3, "{in_time} came in time, {too_late} too late");
}

/// Holders of sessions who look often whether they still hold them; says how often one believed
/// although the store had ended it.
fn zombies(seed: u64, faults: Faults) -> (Run, u64) {
    let mut sim = Sim::new(seed, faults);
    let (raw, zombies) = (store(&sim), Arc::new(AtomicU64::new(0)));
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

#[test]
fn clocks_disagree_from_the_start_and_run_true_when_it_is_quiet() {
    let faults = Faults::none().with_clock_rates(0.5, 2.0).quiet_after(10 * SECOND);
    let mut sim = Sim::new(3, faults);
    let (clock, timelines) = (sim.clock(), Arc::new(Mutex::new(Vec::new())));
    for name in ["a", "b", "c"] {
        let (clock, timelines) = (Arc::clone(&clock), Arc::clone(&timelines));
        sim.process(name, move |ctx| {
            let (clock, timelines) = (Arc::clone(&clock), Arc::clone(&timelines));
            async move {
                let began = ctx.clock().now();
                clock.sleep_until(Moment::ZERO + 10 * SECOND).await;
                let shown = ctx.clock().now().since(began);
                assert!((5 * SECOND..=20 * SECOND).contains(&shown) && shown != 10 * SECOND);
                clock.sleep_until(Moment::ZERO + 11 * SECOND).await;
                assert_eq!(ctx.clock().now().since(began), shown + SECOND);
                timelines.lock().unwrap().push((ctx.clock().timeline(), began));
            }
        });
    }
    let observed = Arc::clone(&clock);
    sim.observer("observer", move |ctx| {
        let clock = Arc::clone(&observed);
        async move {
            ctx.sleep(5 * SECOND).await;
            assert_eq!(ctx.clock().now(), clock.now(), "nothing befalls an observer");
        }
    });
    let run = sim.run().unwrap();
    let mut seen = timelines.lock().unwrap().clone();
    seen.dedup_by_key(|(_, began)| *began);
    assert_eq!(seen.len(), 3);
    let is_clock = |what: &What| matches!(what, What::Fault { kind, worker: Some(_) } if kind == "clock");
    assert_eq!(run.history.events().iter().filter(|event| is_clock(&event.what)).count(), 3);
}
