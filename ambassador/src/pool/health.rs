//! Who serves, by what its connections met.

use std::time::Duration;

use entourage_core::Moment;

/// When a server is ejected, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ejection {
    /// So many failures, with no good reply between them; `None` ejects nobody.
    pub(crate) limit: Option<u32>,
    /// So long it is left alone.
    pub(crate) retry: Duration,
}

/// Whether one server serves, by what its connections met.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Health {
    failures: u32,
    ejected: Option<Moment>,
}

impl Health {
    pub(crate) const fn is_ejected(&self) -> bool {
        self.ejected.is_some()
    }

    /// A good reply: whatever failed before is forgotten.
    pub(crate) const fn succeed(&mut self) {
        self.failures = 0;
    }

    /// A connection failed, or the server refused; says whether that ejects it.
    pub(crate) fn fail(&mut self, ejection: Ejection, now: Moment) -> bool {
        self.failures = self.failures.saturating_add(1);
        let ejects = !self.is_ejected() && ejection.limit.is_some_and(|limit| self.failures >= limit);
        if ejects {
            self.ejected = Some(now + ejection.retry);
        }
        ejects
    }

    /// Whether it was left alone for long enough to be asked again.
    pub(crate) fn is_due(&self, now: Moment) -> bool {
        self.ejected.is_some_and(|until| until <= now)
    }

    /// It did not answer when it was asked again.
    pub(crate) fn put_off(&mut self, ejection: Ejection, now: Moment) {
        self.ejected = Some(now + ejection.retry);
    }

    /// It answered.
    pub(crate) const fn readmit(&mut self) {
        *self = Self { failures: 0, ejected: None };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EJECTION: Ejection = Ejection { limit: Some(2), retry: Duration::from_secs(30) };

    fn at(seconds: u64) -> Moment {
        Moment::ZERO + Duration::from_secs(seconds)
    }

    #[test]
    fn failures_in_a_row_eject_and_a_good_reply_between_them_does_not() {
        let mut health = Health::default();
        for _ in 0..3 {
            assert!(!health.fail(EJECTION, at(0)));
            health.succeed();
        }
        assert!(!health.fail(EJECTION, at(1)));
        assert!(health.fail(EJECTION, at(2)));
        assert!(!health.fail(EJECTION, at(3)), "it is ejected once");
        assert!(health.is_ejected());
    }

    #[test]
    fn it_is_asked_again_after_the_time_and_comes_back_when_it_answers() {
        let mut health = Health::default();
        health.fail(EJECTION, at(0));
        health.fail(EJECTION, at(1));
        assert!(!health.is_due(at(30)));
        assert!(health.is_due(at(31)));
        health.put_off(EJECTION, at(31));
        assert!(!health.is_due(at(60)));
        health.readmit();
        assert_eq!(health, Health::default());
    }

    #[test]
    fn nobody_is_ejected_where_that_is_off() {
        let mut health = Health::default();
        let never = Ejection { limit: None, ..EJECTION };
        assert!((0..100).all(|second| !health.fail(never, at(second))));
    }
}
