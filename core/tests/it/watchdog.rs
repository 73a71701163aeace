//! Alarms that go off unless somebody postpones them.

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, channel},
    },
    time::Duration,
};

use entourage_core::{Bark, Clock, Moment, PausedClock, SystemClock, sleep};

const SECOND: Duration = Duration::from_secs(1);
/// More than any machine takes to run a thread that is due.
const PATIENCE: Duration = Duration::from_secs(30);

/// A bark that is heard here, with the moment.
fn heard(clock: &Arc<dyn Clock>) -> (Bark, Receiver<Moment>) {
    let (sender, receiver) = channel();
    let clock = Arc::clone(clock);
    let bark = move || sender.send(clock.now()).unwrap_or_default();
    (Box::new(bark), receiver)
}

#[test]
fn the_systems_watchdog_barks_without_a_runtime_and_not_before_its_moment() {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let (bark, barks) = heard(&clock);
    let at = clock.now() + Duration::from_millis(20);
    let watchdog = Arc::clone(&clock).watchdog(at, bark);
    assert!(barks.recv_timeout(PATIENCE).unwrap() >= at);
    drop(watchdog);
}

#[test]
fn the_systems_watchdog_is_silent_once_it_is_dropped() {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let (bark, barks) = heard(&clock);
    drop(Arc::clone(&clock).watchdog(clock.now() + 3600 * SECOND, bark));
    // Its thread ends, and drops the bark unheard: an end, not a bark and not patience.
    assert_eq!(barks.recv_timeout(PATIENCE), Err(std::sync::mpsc::RecvTimeoutError::Disconnected));
}

#[test]
fn the_systems_watchdog_that_is_postponed_barks_later() {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let (bark, barks) = heard(&clock);
    let at = clock.now() + Duration::from_millis(400);
    let later = at + Duration::from_millis(200);
    let watchdog = Arc::clone(&clock).watchdog(at, bark);
    watchdog.postpone(later);
    // A machine that stood still for so long may have barked already.
    let in_time = clock.now() < at;
    assert!(barks.recv_timeout(PATIENCE).unwrap() >= if in_time { later } else { at });
}

#[tokio::test(start_paused = true)]
async fn a_watchdog_on_a_paused_clock_barks_in_its_time() {
    let clock: Arc<dyn Clock> = Arc::new(PausedClock::new());
    let (bark, barks) = heard(&clock);
    let at = clock.now() + 5 * SECOND;
    let watchdog = Arc::clone(&clock).watchdog(at, bark);
    sleep(&*clock, 4 * SECOND).await;
    watchdog.postpone(at + 5 * SECOND);
    sleep(&*clock, 5 * SECOND).await;
    assert!(barks.try_recv().is_err(), "it was postponed");
    sleep(&*clock, 2 * SECOND).await;
    assert!(barks.try_recv().unwrap() >= at + 5 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_watchdog_on_a_paused_clock_is_silent_once_it_is_dropped() {
    let clock: Arc<dyn Clock> = Arc::new(PausedClock::new());
    let (bark, barks) = heard(&clock);
    drop(Arc::clone(&clock).watchdog(clock.now() + SECOND, bark));
    sleep(&*clock, 2 * SECOND).await;
    assert!(barks.try_recv().is_err());
}
