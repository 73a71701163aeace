//! Clocks that disagree.

use std::sync::{Arc, Mutex};

use entourage_core::{Moment, Shutdown};
use entourage_sim::{Faults, Run, Sim, What};
use entourage_store::{Standing, Store};

use crate::{
    SECOND,
    holder::{holding, run, stands},
};

/// When the process made this call, in true time.
fn calls(run: &Run, call: &str) -> Vec<f64> {
    let made = |line: &&String| line.ends_with(&format!("p calls {call}"));
    let at = |line: &String| line.split_once(' ').unwrap().0.parse().unwrap();
    run.trace.lines().iter().filter(made).map(at).collect()
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
