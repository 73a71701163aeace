//! What keeps a simulation from its end is told.

use std::sync::Arc;

use entourage_sim::{Faults, Sim, Stuck};
use tokio::sync::Notify;

use crate::SECOND;

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
