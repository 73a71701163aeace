//! A replica, seen from outside, and what it did when.

use entourage::core::Moment;

/// What a replica is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// There is no process.
    Down,
    Waits,
    Leads,
    /// The process stands still, and does not know it.
    Paused,
}

/// A replica, as who looks on knows it.
#[derive(Clone, Debug)]
pub struct Member {
    pub name: String,
    pub epoch: Option<u64>,
    pub writes: u64,
    pub refused: u64,
    /// What it did since when, oldest first.
    pub history: Vec<(Moment, State)>,
}

impl Member {
    pub const fn new(name: String) -> Self {
        Self { name, epoch: None, writes: 0, refused: 0, history: Vec::new() }
    }

    pub fn state(&self) -> State {
        self.history.last().map_or(State::Down, |(_, state)| *state)
    }

    pub fn state_at(&self, at: Moment) -> State {
        let begun = self.history.partition_point(|(from, _)| *from <= at);
        begun.checked_sub(1).map_or(State::Down, |last| self.history[last].1)
    }

    /// It does this from now on.
    pub fn is(&mut self, at: Moment, state: State) {
        if self.state() != state {
            // What processes say arrives in any order; what is drawn does not go back in time.
            let latest = self.history.last().map_or(at, |(latest, _)| at.max(*latest));
            self.history.push((latest, state));
        }
    }
}

#[cfg(test)]
mod tests {
    use entourage::core::Moment;

    use super::{Member, State};

    #[test]
    fn what_it_did_is_known_of_each_moment_and_news_that_comes_late_goes_not_back() {
        let mut member = Member::new("a".to_owned());
        let at = Moment::from_nanos;
        for (nanos, state) in [(10, State::Waits), (20, State::Leads), (15, State::Down), (30, State::Down)] {
            member.is(at(nanos), state);
        }
        let states = [9, 10, 19, 20, 99].map(|nanos| member.state_at(at(nanos)));
        assert_eq!(states, [State::Down, State::Waits, State::Waits, State::Down, State::Down]);
    }
}
