//! How long is waited, and what is tried again.

use std::{cell::Cell, time::Duration};

use entourage_core::{Backoff, Clock, PausedClock, Retryable, Verdict};

const BASE: Duration = Duration::from_millis(10);
const CAP: Duration = Duration::from_secs(1);

#[derive(Debug, PartialEq)]
struct Failed(Verdict);

impl Retryable for Failed {
    fn verdict(&self) -> Verdict {
        self.0
    }
}

fn delays(seed: u64, count: usize) -> Vec<Duration> {
    let mut backoff = Backoff::new(BASE, CAP, seed);
    (0..count).map(|_| backoff.next_delay()).collect()
}

#[test]
fn a_delay_is_below_the_doubled_base_and_the_cap_however_often_it_is_tried() {
    for seed in 0..100 {
        for (tries, delay) in (0..).zip(delays(seed, 100)) {
            let ceiling = BASE.saturating_mul(1_u32.checked_shl(tries).unwrap_or(u32::MAX)).min(CAP);
            assert!(delay <= ceiling, "{delay:?} after {tries} tries");
        }
    }
}

#[test]
fn delays_fill_the_whole_range() {
    let last: Vec<Duration> = (0..1_000).map(|seed| delays(seed, 20)[19]).collect();
    let mean = last.iter().sum::<Duration>() / 1_000;
    assert!((CAP * 9 / 20..CAP * 11 / 20).contains(&mean), "{mean:?}");
    assert!(last.iter().any(|delay| *delay < CAP / 20) && last.iter().any(|delay| *delay > CAP * 19 / 20));
}

#[test]
fn the_same_seed_gives_the_same_delays_and_another_others() {
    assert_eq!(delays(7, 50), delays(7, 50));
    assert_ne!(delays(7, 50), delays(8, 50));
}

#[test]
fn a_reset_begins_at_the_base_and_does_not_repeat_the_delays() {
    let mut backoff = Backoff::new(BASE, CAP, 7);
    let before = backoff.next_delay();
    assert!((0..20).map(|_| backoff.next_delay()).any(|delay| delay > BASE));
    backoff.reset();
    let after = backoff.next_delay();
    assert!(after <= BASE && after != before);
}

/// Fails with these verdicts, then succeeds; says how it ended, how often it was tried and how
/// long that took.
async fn retried(tries: u32, verdicts: &[Verdict]) -> (Result<(), Failed>, usize, Duration) {
    let (clock, tried) = (PausedClock::new(), Cell::new(0));
    let operation = || {
        let failure = verdicts.get(tried.get()).copied();
        tried.set(tried.get() + 1);
        async move { failure.map_or(Ok(()), |verdict| Err(Failed(verdict))) }
    };
    let began = clock.now();
    let answer = Backoff::new(BASE, CAP, 1).retry(&clock, tries, operation).await;
    (answer, tried.get(), clock.now().since(began))
}

#[tokio::test(start_paused = true)]
async fn what_surely_did_not_happen_is_tried_again_after_a_delay() {
    let (answer, tried, took) = retried(5, &[Verdict::Transient; 3]).await;
    assert_eq!((answer, tried), (Ok(()), 4));
    assert!(took > Duration::ZERO && took <= BASE * 7 + Duration::from_millis(3), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn what_fails_for_good_or_may_have_happened_is_not_tried_again() {
    for verdict in [Verdict::Permanent, Verdict::Unknown] {
        let (answer, tried, took) = retried(5, &[Verdict::Transient, verdict]).await;
        assert_eq!((answer, tried), (Err(Failed(verdict)), 2));
        assert!(took <= BASE + Duration::from_millis(1));
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_failure_is_handed_back_without_a_delay_after_it() {
    assert_eq!(retried(3, &[Verdict::Transient; 9]).await.1, 3);
    for tries in [0, 1] {
        let (answer, tried, took) = retried(tries, &[Verdict::Transient; 9]).await;
        assert_eq!((answer, tried, took), (Err(Failed(Verdict::Transient)), 1, Duration::ZERO));
    }
}

#[test]
fn only_a_transient_failure_is_retryable() {
    let retryable = [Verdict::Transient, Verdict::Permanent, Verdict::Unknown]
        .map(|verdict| Failed(verdict).is_retryable());
    assert_eq!(retryable, [true, false, false]);
}
