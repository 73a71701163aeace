//! A seed is a run: the same one again, and another one otherwise.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use entourage_core::Shutdown;
use entourage_sim::{Faults, Run, Seeds, Sim, What};
use entourage_store::StoreExt;

use crate::{SECOND, memory_store};

/// Three processes that compete for a key, with tasks of their own and everything going wrong.
fn competition(seed: u64) -> Run {
    let mut sim = Sim::new(seed, Faults::all().quiet_after(5 * SECOND));
    let store = memory_store(&sim);
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
        let (store, order) = (memory_store(&sim), Arc::new(Mutex::new(Vec::new())));
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
    let (store, shutdown) = (memory_store(&sim), Shutdown::new());
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
