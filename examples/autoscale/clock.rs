//! A clock that is as many times as fast as the system's.

use std::{sync::Arc, time::Duration};

use entourage::core::{Bark, Clock, Moment, Sleep, SystemClock, Timeline, Watchdog};

/// A clock that is as many times as fast as the system's.
#[derive(Clone, Copy, Debug)]
pub struct FastClock {
    began: Moment,
    speed: u32,
}

impl FastClock {
    /// A clock on which `speed` seconds pass in one.
    pub fn new(speed: u32) -> Self {
        Self { began: SystemClock::new().now(), speed: speed.max(1) }
    }

    /// When it is that moment on the system's clock.
    fn real(&self, at: Moment) -> Moment {
        // Rounded up: it must not be early.
        self.began + at.since(self.began) / self.speed + Duration::from_nanos(1)
    }
}

impl Clock for FastClock {
    fn now(&self) -> Moment {
        self.began + SystemClock::new().now().since(self.began) * self.speed
    }

    fn timeline(&self) -> Timeline {
        Timeline::new(format!("{} times as fast", self.speed))
    }

    fn sleep_until(&self, at: Moment) -> Sleep {
        SystemClock::new().sleep_until(self.real(at))
    }

    fn watchdog(self: Arc<Self>, at: Moment, bark: Bark) -> Watchdog {
        Watchdog::on_runtime(self, at, bark)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use entourage::core::{Clock, SystemClock, sleep};

    use super::FastClock;

    #[tokio::test]
    async fn a_fast_minute_is_over_after_a_part_of_it_and_never_before_its_time() {
        let (fast, system) = (FastClock::new(1000), SystemClock::new());
        let (began, really) = (fast.now(), system.now());
        sleep(&fast, Duration::from_secs(60)).await;
        assert!(fast.now().since(began) >= Duration::from_secs(60));
        assert!(system.now().since(really) >= Duration::from_millis(60));
    }
}
