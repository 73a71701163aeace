//! What one holder may believe, as a machine without clock or store.

use std::time::Duration;

use entourage_core::{Backoff, Moment, planted};

use crate::timings::Timings;

/// What happened to the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// The renewal that was sent at this moment was confirmed.
    Confirmed { sent: Moment, ttl: Duration },
    /// A renewal failed, or its answer did not come: it may have happened or not.
    Failed,
    /// The store says that the session is no more.
    SessionLost,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing before this moment.
    Rest(Moment),
    /// Renew now, and await the answer for so long.
    Renew { patience: Duration },
    /// It is over, for ever.
    Lost,
}

/// What one holder may believe of its lease.
///
/// Everything counts from when the last *confirmed* renewal was *sent*: the store cannot have
/// begun its countdown before. While nothing is held, a session that is in doubt is fought for
/// until its end, since only a place in the queue is at stake; what is held ends at the margin.
#[derive(Clone, Debug)]
pub(crate) struct Lease {
    asked: Timings,
    timings: Timings,
    sent: Moment,
    due: Moment,
    backoff: Backoff,
    holding: bool,
    lost: bool,
}

impl Lease {
    /// A lease that was asked for at `sent`, and granted for `ttl`.
    pub(crate) fn granted(asked: Timings, sent: Moment, ttl: Duration, seed: u64) -> Self {
        let timings = asked.scaled_to(ttl);
        let backoff = timings.backoff(seed);
        let due = sent + timings.renew_after();
        Self { asked, timings, sent, due, backoff, holding: false, lost: false }
    }

    /// Until when ownership may be believed in.
    pub(crate) fn until(&self) -> Moment {
        let hold = if planted("lease-without-margin") { self.timings.ttl() } else { self.timings.hold() };
        self.sent + hold
    }

    /// When the renewal was sent that was confirmed last.
    pub(crate) const fn sent(&self) -> Moment {
        self.sent
    }

    /// When a watchdog is to bark unless what is held was given back.
    pub(crate) fn bark(&self) -> Moment {
        if planted("watchdog-never-barks") { Moment::NEVER } else { self.sent + self.timings.bark() }
    }

    /// When the session is over if nothing more is heard.
    fn over(&self) -> Moment {
        if self.holding { self.until() } else { self.sent + self.timings.ttl() }
    }

    /// The timings, as the store granted them.
    pub(crate) const fn timings(&self) -> Timings {
        self.timings
    }

    /// Begins to hold; `None` if there is no moment left to believe in.
    pub(crate) fn hold(&mut self, now: Moment) -> Option<Moment> {
        if self.lost || now >= self.until() {
            return None;
        }
        self.holding = true;
        Some(self.until())
    }

    /// Holds nothing more; the session goes on.
    pub(crate) const fn let_go(&mut self) {
        self.holding = false;
    }

    /// Takes in what happened by `now`, and tells until when ownership may be believed in.
    pub(crate) fn on(&mut self, event: Event, now: Moment) -> Option<Moment> {
        // What was over once never comes back: somebody may have been told.
        let expired = now >= self.over() && !planted("lease-renews-after-expiry");
        match event {
            _ if self.lost || expired => self.lost = true,
            Event::SessionLost => self.lost = true,
            Event::Confirmed { sent, ttl } => {
                let sent = if planted("lease-trusts-receipt") { now } else { sent };
                // A late answer to an early request takes nothing back.
                if sent >= self.sent {
                    self.sent = sent;
                    self.timings = self.asked.scaled_to(ttl);
                }
                self.due = self.sent + self.timings.renew_after();
                self.backoff.reset();
            }
            Event::Failed => {
                if planted("lease-trusts-silence") {
                    self.sent = now;
                }
                let retry = self.backoff.next_delay();
                self.due = if planted("lease-renews-once") { self.over() } else { now + retry };
            }
        }
        (!self.lost).then(|| self.until())
    }

    /// What is to be done at `now`.
    pub(crate) fn step(&mut self, now: Moment) -> Step {
        let over = self.over();
        let is_over = if planted("lease-margin-off-by-one") { now > over } else { now >= over };
        if self.lost || is_over {
            self.lost = true;
            return Step::Lost;
        }
        if now < self.due {
            return Step::Rest(self.due.min(over));
        }
        Step::Renew { patience: self.timings.patience().min(over.since(now)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TTL: Duration = Duration::from_secs(12);

    fn at(millis: u64) -> Moment {
        Moment::from_nanos(millis * 1_000_000)
    }

    /// Asked for at 10 s: due at 14 s, held until 19 s, over at 22 s.
    fn lease() -> Lease {
        let timings = Timings::builder().ttl(TTL).build().unwrap();
        Lease::granted(timings, at(10_000), TTL, 1)
    }

    fn holding() -> Lease {
        let mut lease = lease();
        assert_eq!(lease.hold(at(10_100)), Some(at(19_000)));
        lease
    }

    #[test]
    fn e3_belief_counts_from_when_the_renewal_was_sent() {
        let mut lease = holding();
        let confirmed = Event::Confirmed { sent: at(14_000), ttl: TTL };
        assert_eq!(lease.on(confirmed, at(16_500)), Some(at(23_000)));
    }

    #[test]
    fn e3_belief_ends_at_three_quarters_of_the_time_to_live() {
        assert_eq!(lease().until(), at(19_000));
        assert_eq!(lease().hold(at(19_000)), None);
        assert!(lease().hold(at(18_999)).is_some());
    }

    #[test]
    fn e3_a_lease_is_over_at_its_deadline_not_after_it() {
        let mut lease = holding();
        assert!(matches!(lease.step(at(18_999)), Step::Renew { .. }));
        assert_eq!(lease.step(at(19_000)), Step::Lost);
    }

    #[test]
    fn e3_what_is_over_is_not_brought_back_by_a_late_confirmation() {
        let mut lease = holding();
        let late = Event::Confirmed { sent: at(18_000), ttl: TTL };
        assert_eq!(lease.on(late, at(19_000)), None);
        assert_eq!(lease.step(at(19_000)), Step::Lost);
        assert_eq!(lease.on(Event::Confirmed { sent: at(18_500), ttl: TTL }, at(19_100)), None);
    }

    #[test]
    fn it_renews_at_a_third_and_retries_until_its_deadline() {
        let mut lease = holding();
        assert_eq!(lease.step(at(13_999)), Step::Rest(at(14_000)));
        let mut now = at(14_000);
        let mut tries = 0;
        loop {
            match lease.step(now) {
                Step::Rest(until) => now = until,
                Step::Renew { patience } => {
                    tries += 1;
                    now = now + patience;
                    assert!(now <= at(19_000), "an answer is awaited beyond the deadline");
                    lease.on(Event::Failed, now);
                }
                Step::Lost => break,
            }
        }
        assert_eq!(now, at(19_000));
        assert!(tries >= 2, "{tries}");
    }

    #[test]
    fn a_place_in_the_queue_is_fought_for_until_the_session_is_over() {
        let mut waiting = lease();
        assert!(matches!(waiting.step(at(21_999)), Step::Renew { .. }));
        let rescued = Event::Confirmed { sent: at(21_000), ttl: TTL };
        assert_eq!(waiting.on(rescued, at(21_999)), Some(at(30_000)));
        assert_eq!(lease().step(at(22_000)), Step::Lost);
    }

    #[test]
    fn the_stores_word_ends_it_at_once() {
        let mut lease = holding();
        assert_eq!(lease.on(Event::SessionLost, at(11_000)), None);
        assert_eq!(lease.step(at(11_000)), Step::Lost);
        assert_eq!(lease.hold(at(11_000)), None);
    }

    #[test]
    fn an_early_answer_that_comes_late_takes_nothing_back() {
        let mut lease = holding();
        lease.on(Event::Confirmed { sent: at(15_000), ttl: TTL }, at(15_100));
        assert_eq!(lease.on(Event::Confirmed { sent: at(14_000), ttl: TTL }, at(15_200)), Some(at(24_000)));
    }
}
