//! What the parts of a work queue tell each other and whoever asks.

use std::{
    error::Error as StdError,
    fmt::Write as _,
    sync::{Mutex, MutexGuard, PoisonError},
};

use entourage_blueprint::{Counter, Counters};
use entourage_core::Moment;
use tokio::sync::watch;

use crate::{
    manager::{
        finishes::Finishes,
        status::{Health, Status},
    },
    scaler::{Gauges, Scaler, ScalerOptions, Scaling},
    source::ItemName,
};

/// What the parts of a work queue tell each other and whoever asks.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) counts: Counts,
    pub(super) paused: watch::Sender<bool>,
    pub(super) finishes: Finishes,
    gauges: Gauges,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    status: Status,
    scaler: Scaler,
    /// Names whose record is gone: the listing is to look at them anew.
    gone: Vec<ItemName>,
}

/// Who is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Source,
    /// The source, whether it lets go of what is finished.
    Finish,
    Queue,
}

impl Shared {
    pub(super) fn new(scaler: ScalerOptions, source_is_told: bool) -> Self {
        let counts = Counts::new();
        let status = Status { parallelism: scaler.minimum, ..Status::default() };
        let state = State { status, scaler: Scaler::new(scaler), gone: Vec::new() };
        Self {
            finishes: Finishes::new(source_is_told, counts.untold.clone()),
            gauges: Gauges::of(&counts.all),
            paused: watch::Sender::new(false),
            state: Mutex::new(state),
            counts,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change is whole, so a panic elsewhere leaves nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn status(&self) -> Status {
        let paused = *self.paused.borrow();
        Status { paused, ..self.state().status.clone() }
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut Status)) {
        change(&mut self.state().status);
    }

    pub(super) fn scaling(&self) -> Scaling {
        self.state().scaler.scaling()
    }

    /// Tells the scaler something.
    pub(super) fn tell<T>(&self, tell: impl FnOnce(&mut Scaler) -> T) -> T {
        tell(&mut self.state().scaler)
    }

    /// Asks the scaler how many items may be worked on, and shows it.
    pub(super) fn size(&self, at: Moment) -> usize {
        let mut state = self.state();
        let parallelism = state.scaler.parallelism(at);
        state.status.parallelism = parallelism;
        self.gauges.show(&state.scaler.scaling());
        parallelism
    }

    /// These have no record any more.
    pub(super) fn have_gone(&self, names: impl IntoIterator<Item = ItemName>) {
        self.state().gone.extend(names);
    }

    pub(super) fn take_gone(&self) -> Vec<ItemName> {
        std::mem::take(&mut self.state().gone)
    }

    /// It answered.
    pub(super) fn up(&self, asked: Asked) {
        let mut state = self.state();
        let health = match asked {
            Asked::Source => &mut state.status.source,
            Asked::Finish => &mut state.status.finishing,
            Asked::Queue => &mut state.status.queue,
        };
        if !health.is_up() {
            *health = Health::Up;
        }
    }

    /// It did not; the first time is worth a word in the log.
    pub(super) fn down(&self, asked: Asked, at: Moment, error: &(dyn StdError + 'static)) {
        let mut state = self.state();
        let (health, failures, what) = match asked {
            Asked::Source => (&mut state.status.source, &self.counts.source_failures, "source"),
            Asked::Finish => {
                (&mut state.status.finishing, &self.counts.finish_failures, "source, told what is finished,")
            }
            Asked::Queue => (&mut state.status.queue, &self.counts.queue_failures, "queue"),
        };
        failures.increment();
        if !matches!(health, Health::Down { .. }) {
            tracing::warn!(error, "the {what} of a work queue does not answer; it is tried again");
        }
        health.failed(at, chain(error));
    }
}

/// Says that a work queue runs, and that it does no more, however that came.
pub(super) struct Running<'a>(&'a Shared);

impl<'a> Running<'a> {
    pub(super) fn begin(shared: &'a Shared) -> Self {
        shared.change(|status| (status.running, status.draining) = (true, false));
        Self(shared)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.change(|status| (status.running, status.working) = (false, 0));
    }
}

/// An error with its sources.
pub(super) fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        write!(text, ": {error}").expect("a string takes everything");
        source = error.source();
    }
    text
}

macro_rules! counts {
    ($($(#[$doc:meta])* $field:ident: $name:literal,)*) => {
        /// What a work queue counts, as this process saw it.
        #[derive(Clone, Debug)]
        pub(super) struct Counts {
            pub(super) all: Counters,
            $($(#[$doc])* pub(super) $field: Counter,)*
        }

        impl Counts {
            fn new() -> Self {
                const GAUGES: [&str; 6] = Gauges::NAMES;
                const NAMES: &[&str] = &[
                    $($name,)*
                    GAUGES[0], GAUGES[1], GAUGES[2], GAUGES[3], GAUGES[4], GAUGES[5],
                ];
                let all = Counters::new(NAMES);
                Self { $($field: all.counter($name),)* all }
            }
        }
    };
}

counts! {
    listings: "listings_total",
    source_failures: "source_failures_total",
    queue_failures: "queue_failures_total",
    finish_failures: "finish_failures_total",
    /// Listings that lacked a part of what there is.
    incomplete: "listings_incomplete_total",
    /// Names for which there was no room.
    beyond: "names_beyond_limit_total",
    published: "items_published_total",
    /// Records of finished items that the source lists no more.
    forgotten: "items_forgotten_total",
    /// Finished items that the source has let go of.
    told: "items_let_go_total",
    /// Finished items that the source could not let go of when it was told.
    kept: "items_kept_total",
    /// Finished items of which the source is still to be told.
    untold: "items_untold",
    done: "attempts_done_total",
    retried: "attempts_retried_total",
    timed_out: "attempts_timed_out_total",
    panicked: "attempts_panicked_total",
    interrupted: "attempts_interrupted_total",
    dead: "items_dead_total",
    vanished: "items_vanished_total",
    /// Attempts whose item was another's by the time they ended.
    stale: "attempts_stale_total",
    working: "attempts_working",
    known: "names_known",
}
