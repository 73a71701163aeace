//! Time, turns and crashes.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use entourage_core::{Backoff, Moment};
use entourage_sim::{Call, CrashPoint, Faults, Side, Sim};
use entourage_store::StoreExt;

use crate::{SECOND, memory_store};

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
    let store = memory_store(&sim);
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
    let store = memory_store(&sim);
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
