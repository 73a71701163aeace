//! The numbers by which a pool was sized, for whoever else scales or draws it.

use std::{fmt::Write as _, time::Duration};

use entourage_blueprint::{Counter, Counters};
use entourage_core::planted;

/// What a [`Scaler`](crate::Scaler) knew when it last decided, and what it decided.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Scaling {
    /// How many workers there are to be.
    pub parallelism: usize,
    /// Items that wait for a worker.
    pub visible: u64,
    /// Items that a worker has.
    pub in_flight: u64,
    /// The average time between two arrivals; `None` while too few were seen, or none at all.
    pub interarrival: Option<Duration>,
    /// The average time that an attempt takes; `None` while too few have ended.
    pub processing: Option<Duration>,
    /// Processing time over parallelism and interarrival time, with what waits spread over the
    /// time to catch up: at 1 and above the queue grows.
    pub utilisation: Option<f64>,
}

impl Scaling {
    /// All that is unfinished: what waits *and* what is in work.
    ///
    /// Whoever scales by what waits alone takes workers away from items that are in work.
    #[must_use]
    pub fn queue_length(&self) -> u64 {
        if planted("scaler-forgets-what-is-in-flight") {
            return self.visible;
        }
        self.visible.saturating_add(self.in_flight)
    }

    /// As one JSON object, for the `metrics-api` scaler of KEDA.
    ///
    /// Its `valueLocation` is `queueLength` (visible and in flight) with the items that a
    /// replica should have as `targetValue`, or `parallelism` with `targetValue: "1"`, for a
    /// pool of one worker a replica. What is not known is `null`.
    ///
    /// # Examples
    /// ```
    /// use entourage_workqueue::Scaling;
    ///
    /// assert!(Scaling::default().to_json().starts_with(r#"{"queueLength":0,"visible":0,"inFlight":0,"#));
    /// ```
    #[must_use]
    pub fn to_json(&self) -> String {
        let Self { parallelism, visible, in_flight, .. } = self;
        let length = self.queue_length();
        let mut json = format!(
            r#"{{"queueLength":{length},"visible":{visible},"inFlight":{in_flight},"parallelism":{parallelism}"#
        );
        let seconds = |time: Option<Duration>| time.map(|time| time.as_secs_f64());
        let numbers = [
            ("utilisation", self.utilisation),
            ("interarrivalSeconds", seconds(self.interarrival)),
            ("processingSeconds", seconds(self.processing)),
        ];
        for (name, number) in numbers {
            // JSON knows neither infinity nor what is not a number.
            let written = match number.filter(|number| number.is_finite()) {
                Some(number) => write!(json, r#","{name}":{number}"#),
                None => write!(json, r#","{name}":null"#),
            };
            written.expect("a string takes everything");
        }
        json.push('}');
        json
    }
}

/// [`Scaling`] as the numbers of a node in a blueprint.
#[derive(Clone, Debug)]
pub(crate) struct Gauges {
    parallelism: Counter,
    visible: Counter,
    in_flight: Counter,
    interarrival: Counter,
    processing: Counter,
    utilisation: Counter,
}

impl Gauges {
    /// The names that `all` must have; what is not known shows as 0.
    pub(crate) const NAMES: [&'static str; 6] = [
        "parallelism",
        "items_visible",
        "items_in_flight",
        "interarrival_nanoseconds",
        "processing_nanoseconds",
        "utilisation_percent",
    ];

    pub(crate) fn of(all: &Counters) -> Self {
        let [parallelism, visible, in_flight, interarrival, processing, utilisation] =
            Self::NAMES.map(|name| all.counter(name));
        Self { parallelism, visible, in_flight, interarrival, processing, utilisation }
    }

    pub(crate) fn show(&self, scaling: &Scaling) {
        let nanos = |time: Option<Duration>| {
            time.map_or(0, |time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
        };
        self.parallelism.set(scaling.parallelism as u64);
        self.visible.set(scaling.visible);
        self.in_flight.set(scaling.in_flight);
        self.interarrival.set(nanos(scaling.interarrival));
        self.processing.set(nanos(scaling.processing));
        // The cast saturates, and a share is never negative.
        self.utilisation.set((scaling.utilisation.unwrap_or(0.0) * 100.0).round() as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_a_queue_counts_what_is_in_flight() {
        let scaling = Scaling { visible: 3, in_flight: 4, parallelism: 2, ..Scaling::default() };
        assert_eq!(
            scaling.to_json(),
            r#"{"queueLength":7,"visible":3,"inFlight":4,"parallelism":2,"utilisation":null,"interarrivalSeconds":null,"processingSeconds":null}"#
        );
    }

    #[test]
    fn numbers_are_plain_json_whatever_they_are() {
        let scaling = Scaling {
            utilisation: Some(f64::INFINITY),
            interarrival: Some(Duration::from_nanos(1)),
            processing: Some(Duration::from_millis(1500)),
            ..Scaling::default()
        };
        let json = scaling.to_json();
        assert!(json.contains(r#""utilisation":null"#), "{json}");
        assert!(json.contains(r#""interarrivalSeconds":0.000000001"#), "{json}");
        assert!(json.contains(r#""processingSeconds":1.5"#), "{json}");
    }
}
