//! What the configuration says now, and how often it was read.

use std::sync::{Arc, Mutex, PoisonError};

use entourage_ambassador::nutcracker::Config;

/// What is served, for whoever looks; a clone tells the same.
#[derive(Clone, Debug)]
pub(super) struct Told(Arc<Mutex<State>>);

/// What is served.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) config: Arc<Config>,
    /// How often it was taken, after the first time.
    pub(super) taken: u64,
    /// How often it was refused.
    pub(super) refused: u64,
    /// What the file says now is refused.
    is_refused: bool,
    /// There is no file to read.
    is_away: bool,
}

impl State {
    /// Whether a start would fail now.
    pub(super) const fn is_refused(&self) -> bool {
        self.is_refused || self.is_away
    }
}

impl Told {
    pub(super) fn new(config: Config) -> Self {
        let config = Arc::new(config);
        Self(Arc::new(Mutex::new(State { config, taken: 0, refused: 0, is_refused: false, is_away: false })))
    }

    pub(super) fn takes(&self, config: Config) {
        self.change(|state| {
            state.config = Arc::new(config);
            state.taken += 1;
            state.is_refused = false;
        });
    }

    pub(super) fn refuses(&self) {
        self.change(|state| {
            state.refused += 1;
            state.is_refused = true;
        });
    }

    /// There is no file to read, or there is one again.
    pub(super) fn away(&self, is_away: bool) {
        self.change(|state| {
            state.refused += u64::from(is_away && !state.is_away);
            state.is_away = is_away;
        });
    }

    pub(super) fn now(&self) -> State {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
