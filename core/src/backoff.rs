//! How long to wait before the next try, and the one loop that retries.

use std::{future::Future, time::Duration};

use crate::{
    clock::{Clock, sleep},
    retry::{Retryable, Verdict},
};

/// Exponential delays with full jitter, from a seed.
///
/// The n-th delay is drawn evenly from zero to `min(cap, base · 2ⁿ)`, which spreads a crowd
/// of clients best (Brooker, "Exponential Backoff and Jitter", 2015). The same seed gives
/// the same delays, so that a simulation can be replayed.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use entourage_core::Backoff;
///
/// let mut backoff = Backoff::new(Duration::from_millis(10), Duration::from_secs(1), 42);
/// assert!(backoff.next_delay() <= Duration::from_millis(10));
/// assert!(backoff.next_delay() <= Duration::from_millis(20));
/// ```
#[derive(Clone, Debug)]
pub struct Backoff {
    base: Duration,
    cap: Duration,
    tries: u32,
    state: u64,
}

impl Backoff {
    /// Delays that begin below `base`, double, and stay below `cap`.
    #[must_use]
    pub const fn new(base: Duration, cap: Duration, seed: u64) -> Self {
        Self { base, cap, tries: 0, state: seed }
    }

    /// The next delay.
    pub fn next_delay(&mut self) -> Duration {
        let ceiling =
            self.base.saturating_mul(1_u32.checked_shl(self.tries).unwrap_or(u32::MAX)).min(self.cap);
        self.tries = self.tries.saturating_add(1);
        ceiling.mul_f64(self.fraction())
    }

    /// Begins again at `base`; the random sequence goes on.
    pub const fn reset(&mut self) {
        self.tries = 0;
    }

    /// Runs `operation` until it succeeds, fails for good, or has been tried `tries` times; once
    /// at least.
    ///
    /// Only [`Verdict::Transient`] failures are tried again. One whose effect is unknown is
    /// handed back: whether a repetition is harmless is the caller's knowledge.
    ///
    /// # Errors
    /// The last failure.
    ///
    /// # Cancel safety
    /// As `operation`'s: the loop itself holds nothing.
    pub async fn retry<T, E, F, Fut>(
        &mut self,
        clock: &dyn Clock,
        tries: u32,
        mut operation: F,
    ) -> Result<T, E>
    where
        E: Retryable,
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        let mut tried = 0_u32;
        loop {
            tried = tried.saturating_add(1);
            match operation().await {
                Err(error) if tried < tries && error.verdict() == Verdict::Transient => {
                    sleep(clock, self.next_delay()).await;
                }
                answer => return answer,
            }
        }
    }

    /// An even draw from [0, 1): SplitMix64 (Steele, Lea and Flood, 2014).
    fn fraction(&mut self) -> f64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        (z >> 11) as f64 / (1_u64 << 53) as f64
    }
}
