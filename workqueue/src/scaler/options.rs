//! How a pool is sized.

use std::time::Duration;

/// How a pool is sized.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use entourage_workqueue::ScalerOptions;
///
/// let options = ScalerOptions::new().with_bounds(2, 64).with_patience(Duration::from_secs(300));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct ScalerOptions {
    /// Fewest workers.
    pub minimum: usize,
    /// Most workers.
    pub maximum: usize,
    /// How busy the workers are to be: the share of their time, above 0 and at most 1.
    pub target: f64,
    /// The safety margin: the pool grows once its utilisation is above 1 less this, and shrinks
    /// only to a size that leaves it below the target by this share.
    pub margin: f64,
    /// How much below the target the utilisation must be for the pool to shrink, as a share of
    /// the target.
    pub hysteresis: f64,
    /// How far back arrivals and attempts are counted.
    pub window: Duration,
    /// How many of them make an average, beyond which a window is not waited for; 20 of them
    /// tell it to about a fifth.
    pub samples: u64,
    /// In which time what waits is to be worked off, beside what arrives.
    pub catch_up: Duration,
    /// How long fewer workers must have been enough before the pool shrinks.
    pub patience: Duration,
}

impl ScalerOptions {
    /// One to 16 workers, busy for 90 % of their time, judged by the last minute.
    #[must_use]
    pub const fn new() -> Self {
        let minute = Duration::from_secs(60);
        Self {
            minimum: 1,
            maximum: 16,
            target: 0.9,
            margin: 0.05,
            hysteresis: 0.1,
            window: minute,
            samples: 20,
            catch_up: minute,
            patience: minute,
        }
    }

    /// With at least `minimum` workers and at most `maximum`, which is raised to it.
    #[must_use]
    pub const fn with_bounds(mut self, minimum: usize, maximum: usize) -> Self {
        self.minimum = minimum;
        self.maximum = if maximum < minimum { minimum } else { maximum };
        self
    }

    /// With workers that are busy for this share of their time; brought within 0.1 and 1.
    #[must_use]
    pub const fn with_target(mut self, share: f64) -> Self {
        self.target = share.clamp(0.1, 1.0);
        self
    }

    /// Counting this far back; at least a millisecond.
    #[must_use]
    pub fn with_window(mut self, window: Duration) -> Self {
        self.window = window.max(Duration::from_millis(1));
        self
    }

    /// With averages of at least so many samples; at least one.
    #[must_use]
    pub fn with_samples(mut self, samples: u64) -> Self {
        self.samples = samples.max(1);
        self
    }

    /// Working off what waits within this time; at least a millisecond.
    #[must_use]
    pub fn with_catch_up(mut self, time: Duration) -> Self {
        self.catch_up = time.max(Duration::from_millis(1));
        self
    }

    /// Shrinking once fewer workers have been enough for this long.
    #[must_use]
    pub const fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }
}

impl Default for ScalerOptions {
    fn default() -> Self {
        Self::new()
    }
}
