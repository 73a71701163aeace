//! One leadership that followed another.

use std::time::Duration;

/// Why a leader led no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    Killed,
    Paused,
    /// It was asked to end, and released.
    Released,
    /// It found out by itself that its lease had run out.
    Lost,
}

impl Cause {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Killed => "killed",
            Self::Paused => "paused",
            Self::Released => "released",
            Self::Lost => "lost",
        }
    }
}

/// One leadership that followed another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handover {
    pub cause: Cause,
    pub from: usize,
    pub to: usize,
    pub epoch: u64,
    /// How long nobody led.
    pub gap: Duration,
}

/// A time for people: `2.61 s`, `6.1 ms`.
pub fn seconds(time: Duration) -> String {
    if time < Duration::from_millis(100) {
        format!("{:.1} ms", time.as_secs_f64() * 1e3)
    } else {
        format!("{:.2} s", time.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::seconds;

    #[test]
    fn times_are_in_a_unit_that_people_read() {
        let times = [6_100, 99_000, 100_000, 2_613_000].map(|micros| seconds(Duration::from_micros(micros)));
        assert_eq!(times, ["6.1 ms", "99.0 ms", "0.10 s", "2.61 s"]);
    }
}
