//! How many workers a queue needs: the book's inequality, over measured times.
//!
//! Chapter 10: a queue is stable if, and only if, the processing time of an item divided by
//! the parallelism is less than the interarrival time. Their quotient is the *utilisation*;
//! the pool grows when it comes near 1 and shrinks when it is below its target, 0.9.
//!
//! There is no clock and no input or output here: events with their moments go in, a number
//! of workers comes out. The same events give the same numbers.

mod options;
mod scaling;
#[cfg(test)]
mod tests;
mod window;

use std::{collections::VecDeque, time::Duration};

use entourage_core::{Moment, planted};

pub(crate) use self::scaling::Gauges;
pub use self::{options::ScalerOptions, scaling::Scaling};

use self::window::Window;

/// Sizes a pool of workers by what arrives, what waits and how long the work takes.
///
/// * It grows at once, by what is needed, also while it knows too little for an average: what
///   has been in work for an hour takes an hour at least.
/// * It shrinks only by averages of enough samples, and only once fewer workers have been
///   enough for the whole of its patience: a burst turns it round once.
/// * What waits and what is in work are counted apart, and both are work.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use entourage_core::Moment;
/// use entourage_workqueue::{Scaler, ScalerOptions};
///
/// let mut scaler = Scaler::new(ScalerOptions::new());
/// // Twenty items in ten seconds, each of which takes two: four workers would have to be busy
/// // all the time, and could just not keep up.
/// for second in 0..10 {
///     let now = Moment::ZERO + Duration::from_secs(second);
///     scaler.arrived(now, 2);
///     for _ in 0..2 {
///         scaler.started(now);
///         scaler.finished(now, now + Duration::from_secs(2));
///     }
/// }
/// assert_eq!(scaler.parallelism(Moment::ZERO + Duration::from_secs(10)), 5);
/// ```
#[derive(Clone, Debug)]
pub struct Scaler {
    options: ScalerOptions,
    began: Option<Moment>,
    arrivals: Window,
    finished: Window,
    /// What the last attempts took, as many as make an average: long work ends rarely.
    recent: VecDeque<Duration>,
    running: u64,
    /// When those in work were started, added up: their ages are one subtraction away.
    started: u128,
    last: Scaling,
    /// How many workers were needed at which moment: falling, the greatest first.
    peaks: VecDeque<(Moment, Need)>,
    /// When the pool last changed its size, and whether it grew then.
    turned: Option<(Moment, bool)>,
}

/// What the pool had before it at one moment, in workers that are busy all the time.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Need {
    load: f64,
    workers: usize,
}

/// A time between events or for one, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Estimate {
    /// An average of enough samples, in events a second or seconds an event.
    Known(f64),
    /// The least that it can be.
    AtLeast(f64),
}

impl Estimate {
    const fn value(self) -> f64 {
        match self {
            Self::Known(value) | Self::AtLeast(value) => value,
        }
    }

    const fn is_known(self) -> bool {
        matches!(self, Self::Known(_))
    }
}

impl Scaler {
    /// A pool that begins with its minimum.
    #[must_use]
    pub fn new(options: ScalerOptions) -> Self {
        Self {
            options,
            began: None,
            arrivals: Window::new(options.window),
            finished: Window::new(options.window),
            recent: VecDeque::new(),
            running: 0,
            started: 0,
            last: Scaling { parallelism: options.minimum, ..Scaling::default() },
            peaks: VecDeque::new(),
            turned: None,
        }
    }

    /// So many new items have come.
    pub fn arrived(&mut self, at: Moment, items: u64) {
        self.began.get_or_insert(at);
        self.arrivals.add(at, items, Duration::ZERO);
    }

    /// An attempt has begun.
    pub fn started(&mut self, at: Moment) {
        self.began.get_or_insert(at);
        self.running += 1;
        self.started += u128::from(at.as_nanos());
    }

    /// The attempt that began at `started` has ended, well or not.
    pub fn finished(&mut self, started: Moment, at: Moment) {
        self.interrupted(started);
        let took = at.since(started);
        self.finished.add(at, 1, took);
        self.recent.push_back(took);
        while self.recent.len() as u64 > self.options.samples {
            self.recent.pop_front();
        }
    }

    /// The attempt that began at `started` was given back, which says nothing of how long the
    /// work takes.
    pub fn interrupted(&mut self, started: Moment) {
        self.running = self.running.saturating_sub(1);
        self.started = self.started.saturating_sub(u128::from(started.as_nanos()));
    }

    /// What waits for a worker, and what one has, in all pools of the queue.
    pub const fn waiting(&mut self, visible: u64, in_flight: u64) {
        self.last.visible = visible;
        self.last.in_flight = in_flight;
    }

    /// What it knew when it last decided, and what it decided.
    #[must_use]
    pub const fn scaling(&self) -> Scaling {
        self.last
    }

    /// How many workers there are to be from now on.
    pub fn parallelism(&mut self, at: Moment) -> usize {
        let began = *self.began.get_or_insert(at);
        let (rate, time) = (self.rate(began, at), self.time(at));
        let need = self.need(rate.value(), time.value());
        let present = self.last.parallelism;
        let grown = self.turned.is_none_or(|(_, grew)| grew);
        let limit = if grown { 1.0 - self.options.margin } else { 1.0 };
        let is_known = rate.is_known() && time.is_known();
        self.note(at, need);
        let is_short = present == 0 || need.load > limit * present as f64;
        let next = if need.workers > present && is_short {
            need.workers
        } else if is_known {
            self.fewer(at, present)
        } else {
            present
        };
        if next != present {
            self.turned = Some((at, next > present));
        }
        let known = |estimate: Estimate| estimate.is_known().then(|| estimate.value());
        let time_of = |seconds: f64| Duration::try_from_secs_f64(seconds).ok();
        self.last.parallelism = next;
        self.last.interarrival =
            known(rate).filter(|rate| *rate > 0.0).and_then(|rate| time_of(rate.recip()));
        self.last.processing = known(time).and_then(time_of);
        self.last.utilisation = (is_known && next > 0).then(|| need.load / next as f64);
        next
    }

    /// Arrivals a second: what the book calls the interarrival time, upside down.
    fn rate(&mut self, began: Moment, at: Moment) -> Estimate {
        let count = self.arrivals.sums(at).count;
        let covered = self.arrivals.covers(began, at).as_secs_f64();
        let is_full = self.arrivals.is_full(began, at);
        if covered > 0.0 && (is_full || count >= self.options.samples) {
            return Estimate::Known(count as f64 / covered);
        }
        Estimate::AtLeast(count as f64 / self.options.window.as_secs_f64())
    }

    /// Seconds an attempt.
    ///
    /// What is in work counts with its age. Without it a few long attempts would not be seen
    /// before they end, and the average be that of the short ones.
    fn time(&mut self, at: Moment) -> Estimate {
        let finished = self.finished.sums(at);
        let average = |took: f64, count: u64| if count == 0 { 0.0 } else { took / count as f64 };
        let took = finished.took.as_secs_f64();
        let ages = u128::from(at.as_nanos()).saturating_mul(u128::from(self.running));
        let ages = ages.saturating_sub(self.started) as f64 / 1e9;
        let least = average(took + ages, finished.count + self.running);
        if finished.count >= self.options.samples {
            return Estimate::Known(average(took, finished.count).max(least));
        }
        let count = self.recent.len() as u64;
        if count < self.options.samples {
            return Estimate::AtLeast(least);
        }
        let took = self.recent.iter().fold(Duration::ZERO, |sum, took| sum.saturating_add(*took));
        Estimate::Known(average(took.as_secs_f64(), count).max(least))
    }

    /// The load of `rate` arrivals a second of so many seconds each, and of what waits.
    fn need(&self, rate: f64, time: f64) -> Need {
        let ScalerOptions { minimum, maximum, target, catch_up, .. } = self.options;
        let waiting = self.last.visible as f64;
        // More workers than items would not make it shorter.
        let behind = (time * waiting / catch_up.as_secs_f64()).min(waiting * target);
        let behind = if planted("scaler-forgets-what-waits") { 0.0 } else { behind };
        let load = rate.mul_add(time, behind);
        // What has to be done needs somebody, be the time that it takes unknown. Casts saturate.
        let fewest = usize::from(self.last.visible > 0 || self.last.in_flight > 0);
        let workers = ((load / target).ceil() as usize).max(fewest).clamp(minimum, maximum);
        Need { load, workers }
    }

    fn note(&mut self, at: Moment, need: Need) {
        let horizon = self.options.patience;
        while self.peaks.front().is_some_and(|(noted, _)| at.since(*noted) > horizon) {
            self.peaks.pop_front();
        }
        while self.peaks.back().is_some_and(|(_, last)| last.load <= need.load) {
            self.peaks.pop_back();
        }
        self.peaks.push_back((at, need));
    }

    /// The size to which the pool may shrink: what the greatest need of late takes.
    fn fewer(&self, at: Moment, present: usize) -> usize {
        let ScalerOptions { minimum, maximum, target, margin, hysteresis, patience, .. } = self.options;
        let Some((_, peak)) = self.peaks.front() else { return present };
        if planted("scaler-has-no-patience") {
            return self.peaks.back().map_or(present, |(_, need)| need.workers.min(present));
        }
        let since = self.turned.filter(|(_, grew)| *grew).map(|(turned, _)| turned).or(self.began);
        let is_patient = since.is_some_and(|since| at.since(since) >= patience);
        let is_idle = peak.load < target * (1.0 - hysteresis) * present as f64;
        if !is_patient || !is_idle {
            return present;
        }
        // With the margin, or the next chance fluctuation would make it grow again.
        let enough = (peak.load / (target * (1.0 - margin))).ceil() as usize;
        enough.max(peak.workers).clamp(minimum, maximum).min(present)
    }
}
