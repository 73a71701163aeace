//! What a lock or an election counts, under the names of its node in a blueprint.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use entourage_blueprint::{Counter, Counters};
use entourage_core::{Clock, Moment, planted};

use crate::{hold::Hold, lease::Event, membership::Shared, status::Status};

/// How an ownership ended: each ends once, in one of these ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Its owner gave it up.
    Released,
    /// A follower asked its leader to resign.
    Resigned,
    /// No renewal was confirmed in time.
    Deadline,
    /// The store said that the session is no more.
    Session,
    /// The own key went: an operator deleted it, or its session with it.
    Key,
    /// Another was granted, as a refused proclamation told.
    Fence,
    /// It was dropped without a release, and left to expire.
    Dropped,
}

/// The numbers of one lock or election, as this process saw them.
///
/// Those that end in `_total` are counted as it happens; the others are
/// [shown](Counts::show) when somebody looks.
#[derive(Debug)]
pub(crate) struct Counts {
    pub(crate) all: Counters,
    acquired: Counter,
    uncontended: Counter,
    given_up: Counter,
    ended: [Counter; ENDS.len()],
    pub(crate) unconfirmed: Counter,
    pub(crate) cut: Counter,
    pub(crate) relined: Counter,
    pub(crate) renewals_sent: Counter,
    confirmed: Counter,
    failed: Counter,
    late: Counter,
    refused: Counter,
    waited: AtomicU64,
    waiting: AtomicU64,
    present: Mutex<Present>,
}

/// What there is to look at.
#[derive(Clone, Debug, Default)]
struct Present {
    hold: Weak<Hold>,
    epoch: Option<u64>,
    membership: Weak<Shared>,
}

/// In the order of [`End`].
const ENDS: [&str; 7] = [
    "released_total",
    "resigned_on_request_total",
    "lost_by_deadline_total",
    "lost_with_session_total",
    "lost_with_key_total",
    "lost_to_another_total",
    "dropped_total",
];

impl Counts {
    pub(crate) fn new() -> Self {
        let all = Counters::new(&[
            "acquisitions_total",
            "acquisitions_uncontended_total",
            "acquisitions_given_up_total",
            "released_total",
            "resigned_on_request_total",
            "lost_by_deadline_total",
            "lost_with_session_total",
            "lost_with_key_total",
            "lost_to_another_total",
            "dropped_total",
            "releases_unconfirmed_total",
            "works_cut_total",
            "lined_up_again_total",
            "renewals_sent_total",
            "renewals_confirmed_total",
            "renewals_failed_total",
            "renewals_late_total",
            "renewals_refused_total",
            "waited_seconds_total",
            "is_owner",
            "epoch",
            "waiting",
            "contenders",
            "contenders_ahead",
            "renewal_age_seconds",
            "is_in_touch",
        ]);
        Self {
            acquired: all.counter("acquisitions_total"),
            uncontended: all.counter("acquisitions_uncontended_total"),
            given_up: all.counter("acquisitions_given_up_total"),
            ended: ENDS.map(|name| all.counter(name)),
            unconfirmed: all.counter("releases_unconfirmed_total"),
            cut: all.counter("works_cut_total"),
            relined: all.counter("lined_up_again_total"),
            renewals_sent: all.counter("renewals_sent_total"),
            confirmed: all.counter("renewals_confirmed_total"),
            failed: all.counter("renewals_failed_total"),
            late: all.counter("renewals_late_total"),
            refused: all.counter("renewals_refused_total"),
            waited: AtomicU64::new(0),
            waiting: AtomicU64::new(0),
            present: Mutex::default(),
            all,
        }
    }

    /// Counts a call that asks for it, until the answer is dropped.
    pub(crate) fn waits(self: &Arc<Self>, clock: &Arc<dyn Clock>) -> Waiting {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        Waiting { counts: Arc::clone(self), clock: Arc::clone(clock), since: clock.now(), is_granted: false }
    }

    pub(crate) fn acquired(&self, hold: &Arc<Hold>, epoch: u64, is_uncontended: bool) {
        self.acquired.increment();
        if is_uncontended {
            self.uncontended.increment();
        }
        let mut present = self.present();
        (present.hold, present.epoch) = (Arc::downgrade(hold), Some(epoch));
    }

    /// Counts an end; for the one who brought it about.
    pub(crate) fn ended(&self, how: End) {
        self.ended[how as usize].increment();
    }

    /// A renewal had this answer; `is_in_time` if something is left to believe in.
    pub(crate) fn renewed(&self, answer: Option<&Event>, is_in_time: bool) {
        match answer {
            Some(Event::Confirmed { .. }) if is_in_time => self.confirmed.increment(),
            Some(Event::Confirmed { .. }) | None => self.late.increment(),
            Some(Event::Failed) => self.failed.increment(),
            Some(Event::SessionLost) => self.refused.increment(),
        }
    }

    pub(crate) fn opened(&self, membership: &Arc<Shared>) {
        self.present().membership = Arc::downgrade(membership);
    }

    /// How it stands now.
    pub(crate) fn status(&self, now: Moment) -> Status {
        let Present { hold, epoch, membership } = self.present().clone();
        let membership = membership.upgrade().filter(|shared| !shared.is_closed());
        let glance = membership.map(|shared| shared.glance(now));
        let waiting = self.waiting.load(Ordering::Relaxed);
        Status {
            is_owner: hold.upgrade().is_some_and(|hold| hold.is_held()),
            epoch,
            waiting,
            contenders: glance.as_ref().map(|glance| glance.contenders),
            ahead: glance.as_ref().and_then(|glance| glance.ahead),
            renewed: glance.as_ref().map(|glance| glance.renewed),
            is_in_touch: waiting == 0
                || glance.is_some_and(|glance| glance.is_confirmed)
                || planted("status-is-always-in-touch"),
        }
    }

    /// The numbers as they are now.
    pub(crate) fn show(&self, now: Moment) -> Counters {
        let status = self.status(now);
        let shown = [
            ("waited_seconds_total", Duration::from_nanos(self.waited.load(Ordering::Relaxed)).as_secs()),
            ("is_owner", u64::from(status.is_owner)),
            ("epoch", status.epoch.unwrap_or_default()),
            ("waiting", status.waiting),
            ("contenders", status.contenders.unwrap_or_default() as u64),
            ("contenders_ahead", status.ahead.unwrap_or_default() as u64),
            ("renewal_age_seconds", status.renewed.unwrap_or_default().as_secs()),
            ("is_in_touch", u64::from(status.is_in_touch)),
        ];
        for (name, value) in shown {
            self.all.counter(name).set(value);
        }
        self.all.clone()
    }

    fn present(&self) -> MutexGuard<'_, Present> {
        // Every update leaves a whole value behind, even if a holder of the lock panics.
        self.present.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that waits for its grant.
#[derive(Debug)]
pub(crate) struct Waiting {
    counts: Arc<Counts>,
    clock: Arc<dyn Clock>,
    since: Moment,
    is_granted: bool,
}

impl Waiting {
    pub(crate) fn granted(mut self) {
        self.is_granted = true;
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let waited = self.clock.now().since(self.since);
        let nanos = u64::try_from(waited.as_nanos()).unwrap_or(u64::MAX);
        self.counts.waited.fetch_add(nanos, Ordering::Relaxed);
        self.counts.waiting.fetch_sub(1, Ordering::Relaxed);
        if !self.is_granted {
            self.counts.given_up.increment();
        }
    }
}
