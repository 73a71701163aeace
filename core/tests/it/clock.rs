//! Moments, waits and what they are measured by.

use std::{future::pending, time::Duration};

use entourage_core::{Clock, Moment, PausedClock, SystemClock, sleep, timeout};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn moments_saturate_at_both_ends() {
    let moment = Moment::from_nanos(5);
    assert_eq!(moment + Duration::MAX, Moment::NEVER);
    assert_eq!(Moment::NEVER + SECOND, Moment::NEVER);
    assert_eq!(Moment::ZERO.since(moment), Duration::ZERO);
    assert_eq!((moment + SECOND).since(moment), SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_at_its_moment_and_not_before() {
    let clock = PausedClock::new();
    let began = clock.now();
    for nanos in [1, 999_999, 1_000_001, 5_000_000_000] {
        let at = clock.now() + Duration::from_nanos(nanos);
        clock.sleep_until(at).await;
        assert!(clock.now() >= at && clock.now().since(at) <= Duration::from_millis(1));
    }
    assert!(clock.now().since(began) >= 5 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_wait_for_what_has_passed_is_none() {
    let clock = PausedClock::new();
    sleep(&clock, SECOND).await;
    let now = clock.now();
    clock.sleep_until(Moment::ZERO).await;
    clock.sleep_until(now).await;
    assert_eq!(clock.now(), now);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_hands_the_answer_over_or_says_how_long_it_waited() {
    let clock = PausedClock::new();
    assert_eq!(timeout(&clock, SECOND, async { 7 }).await, Ok(7));
    // Of an answer and a deadline at one moment, the answer counts.
    assert_eq!(timeout(&clock, Duration::ZERO, async { 7 }).await, Ok(7));
    let elapsed = timeout(&clock, SECOND, pending::<()>()).await.unwrap_err();
    assert_eq!(elapsed.to_string(), "no answer within 1s");
}

#[tokio::test(start_paused = true)]
async fn a_timeout_drops_what_did_not_answer() {
    struct Dropped<'a>(&'a std::cell::Cell<bool>);
    impl Drop for Dropped<'_> {
        fn drop(&mut self) {
            self.0.set(true);
        }
    }
    let (clock, dropped) = (PausedClock::new(), std::cell::Cell::new(false));
    let held = Dropped(&dropped);
    let never = async move {
        let _held = held;
        pending::<()>().await;
    };
    assert!(timeout(&clock, SECOND, never).await.is_err() && dropped.get());
}

#[tokio::test]
async fn the_systems_clock_waits_at_least_as_long_as_it_is_told() {
    let clock = SystemClock::new();
    // Longer than a slice, so that the wait is cut once.
    let (began, time) = (clock.now(), Duration::from_millis(300));
    sleep(&clock, time).await;
    assert!(clock.now().since(began) >= time);
}

#[test]
fn the_systems_timeline_is_one_and_another_than_a_tests() {
    let (one, other) = (SystemClock::new().timeline(), SystemClock::new().timeline());
    assert_eq!(one, other);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let paused = runtime.block_on(async { PausedClock::new().timeline() });
    assert_ne!(one, paused);
    assert_eq!(paused.to_string(), "paused");
}

#[test]
fn the_systems_clock_never_goes_backwards() {
    let (clock, mut last) = (SystemClock::new(), Moment::ZERO);
    for _ in 0..10_000 {
        let now = clock.now();
        assert!(now >= last);
        last = now;
    }
}
