//! Ends in two phases, and who hears of them when.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use entourage_core::{Clock, PausedClock, Phase, Shutdown, timeout};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_phase_never_goes_back() {
    let shutdown = Shutdown::new();
    let clone = shutdown.clone();
    assert_eq!(shutdown.phase(), Phase::Running);
    shutdown.stop();
    clone.drain();
    assert_eq!([shutdown.phase(), clone.phase()], [Phase::Stopped; 2]);
}

#[tokio::test(start_paused = true)]
async fn waiters_are_woken_in_the_order_in_which_they_began() {
    // More than tokio wakes at one go, and more than a few times, since chance may be kind.
    for _ in 0..10 {
        let (shutdown, order) = (Shutdown::new(), Arc::new(Mutex::new(Vec::new())));
        let waiting = |number: usize| {
            let (shutdown, order) = (shutdown.clone(), Arc::clone(&order));
            tokio::spawn(async move {
                shutdown.stopped().await;
                order.lock().unwrap().push(number);
            })
        };
        let tasks: Vec<_> = (0..100).map(waiting).collect();
        tokio::task::yield_now().await;
        shutdown.drain();
        tokio::task::yield_now().await;
        assert!(order.lock().unwrap().is_empty());
        shutdown.stop();
        for task in tasks {
            task.await.unwrap();
        }
        assert!(order.lock().unwrap().iter().copied().eq(0..100));
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_the_wait_for_a_drain_too_and_later_waits_are_none() {
    let (clock, shutdown) = (PausedClock::new(), Shutdown::new());
    let waiting = tokio::spawn({
        let shutdown = shutdown.clone();
        async move { shutdown.draining().await }
    });
    tokio::task::yield_now().await;
    shutdown.stop();
    waiting.await.unwrap();
    let now = clock.now();
    shutdown.draining().await;
    shutdown.stopped().await;
    assert_eq!(clock.now(), now);
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_is_dropped_takes_nothing_from_the_others() {
    let (clock, shutdown) = (PausedClock::new(), Shutdown::new());
    let waiting = tokio::spawn({
        let shutdown = shutdown.clone();
        async move { shutdown.draining().await }
    });
    for _ in 0..10 {
        assert!(timeout(&clock, SECOND, shutdown.draining()).await.is_err());
    }
    shutdown.drain();
    waiting.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_drain_whose_grace_is_cut_short_goes_on_draining() {
    let (clock, shutdown) = (PausedClock::new(), Shutdown::new());
    assert!(timeout(&clock, SECOND, shutdown.drain_then_stop(&clock, 2 * SECOND)).await.is_err());
    assert_eq!(shutdown.phase(), Phase::Draining);
    let began = clock.now();
    shutdown.drain_then_stop(&clock, 2 * SECOND).await;
    assert_eq!(shutdown.phase(), Phase::Stopped);
    assert!(clock.now().since(began) >= 2 * SECOND);
}

#[test]
fn no_wait_misses_an_end_that_comes_from_another_thread() {
    for _ in 0..200 {
        let shutdown = Shutdown::new();
        let stopping = shutdown.clone();
        let stopper = std::thread::spawn(move || stopping.stop());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            tokio::join!(shutdown.stopped(), shutdown.draining());
        });
        stopper.join().unwrap();
    }
}
