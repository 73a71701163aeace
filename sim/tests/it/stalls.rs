//! Processes and machines that stand still.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use entourage_core::Moment;
use entourage_sim::{Context, Faults, Sim};
use entourage_store::{Standing, Store, StoreExt, Txn};

use crate::{
    SECOND,
    holder::{holding, run, stands},
};

/// How late a wait may end after a suspend.
const SLICE: Duration = Duration::from_millis(250);

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
