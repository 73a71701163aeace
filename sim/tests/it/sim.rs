//! Time, turns, crashes and traces.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use entourage_core::{Backoff, Moment, Shutdown};
use entourage_sim::{Call, CrashPoint, Faults, Run, Seeds, Side, Sim, Stuck, What};
use entourage_store::{MemoryOptions, MemoryStore, Store, StoreExt};
use tokio::sync::Notify;

const SECOND: Duration = Duration::from_secs(1);

fn store(sim: &Sim) -> Arc<dyn Store> {
    let realm = entourage_core::Realm::new(7);
    Arc::new(MemoryStore::with_options(MemoryOptions::new().with_clock(sim.clock()).with_realm(realm)))
}

#[test]
fn a_year_takes_no_time() {
    let mut sim = Sim::new(1, Faults::none()).with_time_limit(Duration::from_secs(400 * 24 * 3600));
    sim.process("sleeper", |ctx| async move { ctx.sleep(365 * 24 * 3600 * SECOND).await });
    let run = sim.run().unwrap();
    assert_eq!(run.ended, Moment::ZERO + 365 * 24 * 3600 * SECOND);
}

#[test]
fn time_stands_still_while_a_process_computes() {
    let mut sim = Sim::new(1, Faults::none());
    sim.process("computer", |ctx| async move {
        let before = ctx.clock().now();
        for _ in 0..1_000 {
            tokio::task::yield_now().await;
        }
        assert_eq!(ctx.clock().now(), before);
    });
    assert_eq!(sim.run().unwrap().ended, Moment::ZERO);
}

#[test]
fn sleepers_wake_at_their_moments_and_in_their_order() {
    let mut sim = Sim::new(1, Faults::none());
    let woken = Arc::new(Mutex::new(Vec::new()));
    for (name, seconds) in [("late", 3), ("early", 1), ("between", 2)] {
        let woken = Arc::clone(&woken);
        sim.process(name, move |ctx| {
            let woken = Arc::clone(&woken);
            async move {
                ctx.sleep(seconds * SECOND).await;
                woken.lock().unwrap().push((ctx.name().to_owned(), ctx.clock().now()));
            }
        });
    }
    sim.run().unwrap();
    let at = |name: &str, seconds| (name.to_owned(), Moment::ZERO + seconds * SECOND);
    assert_eq!(*woken.lock().unwrap(), [at("early", 1), at("between", 2), at("late", 3)]);
}

/// Three processes that compete for a key, with tasks of their own and everything going wrong.
fn competition(seed: u64) -> Run {
    let mut sim = Sim::new(seed, Faults::all().quiet_after(5 * SECOND));
    let store = store(&sim);
    for name in ["a", "b", "c"] {
        let store = Arc::clone(&store);
        sim.process(name, move |ctx| {
            let store = ctx.store(&store);
            async move {
                let mut rng = ctx.rng();
                for _ in 0..5 {
                    let (store, nap) = (Arc::clone(&store), rng.between(Duration::ZERO, SECOND));
                    let (name, sleeper) = (ctx.name().to_owned(), ctx.clone());
                    let writing = tokio::spawn(async move {
                        sleeper.sleep(nap).await;
                        let _ = store.put("key", name.into()).await;
                    });
                    writing.await.unwrap();
                }
            }
        });
    }
    sim.run().unwrap()
}

#[test]
fn the_same_seed_gives_the_same_trace_to_the_byte() {
    Seeds::new(30).run(|seed| {
        let (first, second) = (competition(seed), competition(seed));
        assert_eq!(first.trace.to_string(), second.trace.to_string());
        assert_eq!(first.history.to_string(), second.history.to_string());
        assert_eq!(first.trace.digest(), second.trace.digest());
        first
    });
}

#[test]
fn different_seeds_give_different_traces() {
    let digests: BTreeSet<u64> = (0..30).map(|seed| competition(seed).trace.digest()).collect();
    assert_eq!(digests.len(), 30);
}

#[test]
fn many_waiters_of_one_watch_wake_in_the_order_in_which_they_began() {
    // Tokio's watch channel wakes its waiters in an order drawn from the system's entropy.
    let orders = |_| {
        let mut sim = Sim::new(3, Faults::none().with_latency(Duration::ZERO));
        let (store, order) = (store(&sim), Arc::new(Mutex::new(Vec::new())));
        let seen = Arc::clone(&order);
        sim.process("watcher", move |ctx| {
            let (raw, store, order) = (Arc::clone(&store), ctx.store(&store), Arc::clone(&seen));
            async move {
                let mut tasks = Vec::new();
                for number in 0..12 {
                    let mut watch = store.watch("", None).await.unwrap();
                    let order = Arc::clone(&order);
                    tasks.push(tokio::spawn(async move {
                        watch.next().await.unwrap();
                        order.lock().unwrap().push(number);
                    }));
                }
                ctx.sleep(SECOND).await;
                raw.put("key", "value".into()).await.unwrap();
                for task in tasks {
                    task.await.unwrap();
                }
            }
        });
        sim.run().unwrap();
        Arc::into_inner(order).unwrap().into_inner().unwrap()
    };
    let first = orders(0);
    assert!((1..5).all(|time| orders(time) == first));
}

/// Three processes whose tasks all end on one shutdown, each with a last word.
fn ending(seed: u64) -> Run {
    let mut sim = Sim::new(seed, Faults::none());
    let (store, shutdown) = (store(&sim), Shutdown::new());
    for name in ["a", "b", "c"] {
        let (raw, shutdown) = (Arc::clone(&store), shutdown.clone());
        sim.process(name, move |ctx| {
            let (store, shutdown) = (ctx.store(&raw), shutdown.clone());
            async move {
                let task = |number: u64| {
                    let (ctx, store, shutdown) = (ctx.clone(), Arc::clone(&store), shutdown.clone());
                    tokio::spawn(async move {
                        if number.is_multiple_of(2) {
                            shutdown.draining().await;
                        } else {
                            shutdown.stopped().await;
                        }
                        let (res, holder) = ("a task".to_owned(), ctx.name().to_owned());
                        ctx.history().record(What::Lose { res, holder, token: number });
                        store.put("last word", number.to_string().into()).await.unwrap();
                    })
                };
                let tasks: Vec<_> = (0..12).map(task).collect();
                for task in tasks {
                    task.await.unwrap();
                }
            }
        });
    }
    sim.process("ender", move |ctx| {
        let shutdown = shutdown.clone();
        async move {
            ctx.sleep(SECOND).await;
            shutdown.drain_then_stop(&*ctx.clock(), SECOND).await;
        }
    });
    sim.run().unwrap()
}

#[test]
fn processes_that_end_on_one_shutdown_end_in_the_same_order_for_the_same_seed() {
    for seed in 0..5 {
        let (first, second) = (ending(seed), ending(seed));
        assert_eq!(first.trace.to_string(), second.trace.to_string());
        assert_eq!(first.history.to_string(), second.history.to_string());
    }
}

#[test]
fn a_crash_drops_every_task_of_the_process_and_a_restart_runs_the_program_anew() {
    struct Dropped(Arc<AtomicU64>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let mut sim = Sim::new(5, Faults::none());
    let (dropped, ran) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let (tasks, ends) = (Arc::clone(&dropped), Arc::clone(&ran));
    sim.process("victim", move |ctx| {
        let (tasks, ends) = (Arc::clone(&tasks), Arc::clone(&ends));
        async move {
            for _ in 0..3 {
                let (held, ctx, ends) = (Dropped(Arc::clone(&tasks)), ctx.clone(), Arc::clone(&ends));
                tokio::spawn(async move {
                    ctx.sleep(10 * SECOND).await;
                    ends.fetch_add(1, Ordering::Relaxed);
                    drop(held);
                });
            }
            ctx.sleep(20 * SECOND).await;
            assert_eq!(ctx.incarnation(), 2);
        }
    });
    sim.process("killer", |ctx| async move {
        ctx.sleep(SECOND).await;
        ctx.kill("victim");
    });
    let run = sim.run().unwrap();
    assert_eq!((dropped.load(Ordering::Relaxed), ran.load(Ordering::Relaxed)), (6, 3));
    assert!(run.trace.lines().iter().any(|line| line.ends_with("victim dies by killer")));
}

#[test]
fn a_process_that_dies_runs_no_further_than_the_await_at_which_it_dies() {
    let mut sim = Sim::new(5, Faults::none());
    let alive = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&alive);
    sim.process("suicide", move |ctx| {
        let alive = Arc::clone(&counted);
        async move {
            if ctx.incarnation() == 1 {
                let again = Arc::clone(&alive);
                tokio::spawn(async move { again.fetch_add(1, Ordering::Relaxed) });
                ctx.kill("suicide");
                tokio::task::yield_now().await;
                alive.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    sim.run().unwrap();
    assert_eq!(alive.load(Ordering::Relaxed), 0);
}

#[test]
fn a_paused_process_stands_still_and_goes_on_unaware() {
    let mut sim = Sim::new(5, Faults::none());
    sim.process("paused", |ctx| async move {
        ctx.sleep(2 * SECOND).await;
        assert_eq!(ctx.clock().now(), Moment::ZERO + 11 * SECOND);
        assert_eq!(ctx.incarnation(), 1);
    });
    sim.process("pauser", |ctx| async move {
        ctx.sleep(SECOND).await;
        ctx.pause("paused", 10 * SECOND);
    });
    sim.run().unwrap();
}

#[test]
fn a_service_does_not_keep_the_simulation_going() {
    let mut sim = Sim::new(5, Faults::none());
    sim.service("ticker", |ctx| async move {
        loop {
            ctx.sleep(SECOND).await;
        }
    });
    sim.process("client", |ctx| async move { ctx.sleep(10 * SECOND).await });
    assert_eq!(sim.run().unwrap().ended, Moment::ZERO + 10 * SECOND);
}

#[test]
fn nothing_befalls_an_observer_even_behind_a_wrapper() {
    let point = CrashPoint { call: Call::StoreTransact, side: Side::After };
    let faults = Faults::all().with_lost_answers(0.5).with_crashes(0.5, 10).with_crash_at(point);
    let mut sim = Sim::new(5, faults);
    let store = store(&sim);
    sim.observer("observer", move |ctx| {
        let store = ctx.store(&store);
        async move {
            for _ in 0..100 {
                store.put("key", "value".into()).await.unwrap();
            }
            assert_eq!(ctx.incarnation(), 1);
        }
    });
    assert_eq!(sim.run().unwrap().coverage.calls().count(), 0, "its calls are not the tested ones");
}

#[test]
fn a_program_draws_other_numbers_each_time_it_asks_for_chance() {
    let drawn = |seed| {
        let mut sim = Sim::new(seed, Faults::none());
        let drawn = Arc::new(Mutex::new(Vec::new()));
        for name in ["a", "b"] {
            let seen = Arc::clone(&drawn);
            sim.process(name, move |ctx| {
                let seen = Arc::clone(&seen);
                async move { seen.lock().unwrap().extend([ctx.rng().next_u64(), ctx.clone().rng().next_u64()]) }
            });
        }
        sim.run().unwrap();
        Arc::into_inner(drawn).unwrap().into_inner().unwrap()
    };
    let all: BTreeSet<u64> = [drawn(1), drawn(2)].concat().into_iter().collect();
    assert_eq!(all.len(), 8);
    assert_eq!(drawn(1), drawn(1));
}

#[test]
fn a_deadlock_is_told_and_by_whom() {
    let mut sim = Sim::new(5, Faults::none());
    sim.process("waiter", |_| async { Notify::new().notified().await });
    sim.process("passer", |_| async {});
    match sim.run().unwrap_err() {
        Stuck::Deadlock { seed: 5, waiting, .. } => assert_eq!(waiting, ["waiter"]),
        other => panic!("{other}"),
    }
}

#[test]
fn time_that_runs_out_is_told() {
    let mut sim = Sim::new(5, Faults::none()).with_time_limit(60 * SECOND);
    sim.process("poller", |ctx| async move {
        loop {
            ctx.sleep(SECOND).await;
        }
    });
    assert!(matches!(sim.run().unwrap_err(), Stuck::OutOfTime { .. }));
}

#[test]
fn processes_that_wake_each_other_for_ever_are_told() {
    let (ping, pong) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let mut sim = Sim::new(5, Faults::none());
    for (name, mine, theirs) in [("ping", &ping, &pong), ("pong", &pong, &ping)] {
        let (mine, theirs) = (Arc::clone(mine), Arc::clone(theirs));
        sim.process(name, move |_| {
            let (mine, theirs) = (Arc::clone(&mine), Arc::clone(&theirs));
            async move {
                theirs.notify_one();
                loop {
                    mine.notified().await;
                    theirs.notify_one();
                }
            }
        });
    }
    assert!(matches!(sim.run().unwrap_err(), Stuck::Busy { .. }));
}

#[test]
#[should_panic(expected = "something polls without waiting")]
fn a_loop_of_waits_that_are_none_is_told() {
    let mut sim = Sim::new(5, Faults::none());
    sim.process("spinner", |ctx| async move {
        loop {
            ctx.clock().sleep_until(ctx.clock().now()).await;
        }
    });
    let _ = sim.run();
}

#[test]
#[should_panic(expected = "two is not one")]
fn a_panic_of_a_process_is_a_panic_of_the_test() {
    let mut sim = Sim::new(5, Faults::none());
    sim.process("liar", |ctx| async move {
        ctx.sleep(SECOND).await;
        panic!("two is not one");
    });
    let _ = sim.run();
}

#[test]
fn a_watchdog_barks_in_virtual_time_and_a_dead_process_has_none() {
    let mut sim = Sim::new(5, Faults::none());
    let barks = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&barks);
    sim.process("watched", move |ctx| {
        let barks = Arc::clone(&counted);
        async move {
            let bark = Box::new(move || {
                barks.fetch_add(1, Ordering::Relaxed);
            });
            let _watchdog = ctx.clock().watchdog(ctx.clock().now() + 5 * SECOND, bark);
            if ctx.incarnation() == 1 {
                ctx.sleep(SECOND).await;
                ctx.kill("watched");
            }
            ctx.sleep(20 * SECOND).await;
        }
    });
    sim.run().unwrap();
    assert_eq!(barks.load(Ordering::Relaxed), 1);
}

#[test]
fn retries_wait_in_virtual_time() {
    let mut sim = Sim::new(5, Faults::none().with_refused_calls(0.9));
    let store = store(&sim);
    sim.process("retrier", move |ctx| {
        let store = ctx.store(&store);
        async move {
            let mut backoff = Backoff::new(SECOND, 10 * SECOND, 7);
            let put = || store.put("key", "value".into());
            backoff.retry(&*ctx.clock(), 1_000, put).await.unwrap();
        }
    });
    sim.run().unwrap();
}
