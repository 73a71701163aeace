//! Names that are finished for good, on their way to the source and out of the ledger.

use std::{
    collections::{HashSet, VecDeque},
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
};

use entourage_blueprint::Counter;
use tokio::sync::Notify;

use crate::source::{Finish, ItemName};

/// Most names that wait; what comes beyond them is told when the source lists it again.
const MOST: usize = 100_000;

/// What a source is still to be told, shared by those who settle, who list and who tell.
#[derive(Debug)]
pub(super) struct Finishes {
    /// Whether the source is told anything at all.
    is_wanted: bool,
    state: Mutex<Untold>,
    /// There is something to tell.
    some: Notify,
    /// The source has let go of something.
    told: Notify,
    waiting: Counter,
}

impl Finishes {
    /// For a source that is told or not; `waiting` shows how many names wait.
    pub(super) fn new(is_wanted: bool, waiting: Counter) -> Self {
        let state = Mutex::new(Untold::new(MOST));
        Self { is_wanted, state, some: Notify::new(), told: Notify::new(), waiting }
    }

    pub(super) const fn is_wanted(&self) -> bool {
        self.is_wanted
    }

    fn with<T>(&self, change: impl FnOnce(&mut Untold) -> T) -> T {
        // Each change is whole, so a panic elsewhere leaves nothing half done.
        let mut state: MutexGuard<'_, Untold> = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = change(&mut state);
        self.waiting.set(state.len() as u64);
        changed
    }

    /// These have ended for good.
    pub(super) fn add(&self, ended: impl IntoIterator<Item = (ItemName, Finish)>) {
        let waiting = self.with(|untold| {
            ended.into_iter().for_each(|(name, finish)| untold.add(name, finish));
            untold.len()
        });
        if waiting > 0 {
            self.some.notify_one();
        }
    }

    /// Waits until there may be something to tell.
    pub(super) async fn some(&self) {
        if self.with(|untold| untold.len()) == 0 {
            self.some.notified().await;
        }
    }

    /// Up to `most` names that ended alike; they wait on until they are told.
    pub(super) fn next(&self, most: usize) -> Option<(Finish, Vec<ItemName>)> {
        self.with(|untold| untold.next(most))
    }

    /// Those that were given out last are told, and the source has let go of so many of them.
    pub(super) fn are_told(&self, let_go: usize) {
        self.with(|untold| {
            untold.telling = None;
            untold.let_go += let_go;
        });
        self.told.notify_one();
    }

    /// Those that were given out last are to be told again, behind the others.
    pub(super) fn again(&self) {
        self.with(Untold::again);
    }

    /// From here on is counted what the source lets go of.
    pub(super) fn count_anew(&self) {
        self.with(|untold| untold.let_go = 0);
    }

    /// Waits until the source has let go of so many.
    pub(super) async fn freed(&self, enough: usize) {
        while self.with(|untold| untold.let_go) < enough {
            self.told.notified().await;
        }
    }
}

/// Names in the order in which they ended, each once, those of each end apart.
#[derive(Debug)]
struct Untold {
    most: usize,
    done: Line,
    dead: Line,
    telling: Option<(Finish, Vec<ItemName>)>,
    let_go: usize,
}

#[derive(Debug, Default)]
struct Line {
    names: VecDeque<ItemName>,
    seen: HashSet<ItemName>,
}

impl Untold {
    fn new(most: usize) -> Self {
        Self { most, done: Line::default(), dead: Line::default(), telling: None, let_go: 0 }
    }

    fn line(&mut self, finish: Finish) -> &mut Line {
        match finish {
            Finish::Done => &mut self.done,
            Finish::Dead => &mut self.dead,
        }
    }

    fn len(&self) -> usize {
        let telling = self.telling.as_ref().map_or(0, |(_, names)| names.len());
        self.done.names.len() + self.dead.names.len() + telling
    }

    fn add(&mut self, name: ItemName, finish: Finish) {
        if self.len() < self.most && self.line(finish).seen.insert(name.clone()) {
            self.line(finish).names.push_back(name);
        }
    }

    fn next(&mut self, most: usize) -> Option<(Finish, Vec<ItemName>)> {
        self.again();
        let finish = if self.done.names.len() >= self.dead.names.len() { Finish::Done } else { Finish::Dead };
        let line = self.line(finish);
        let names: Vec<_> = line.names.drain(..most.min(line.names.len())).collect();
        names.iter().for_each(|name| {
            line.seen.remove(name);
        });
        self.telling = (!names.is_empty()).then_some((finish, names));
        self.telling.clone()
    }

    fn again(&mut self) {
        if let Some((finish, names)) = mem::take(&mut self.telling) {
            names.into_iter().for_each(|name| self.add(name, finish));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> ItemName {
        ItemName::new(text).unwrap()
    }

    fn texts(next: Option<(Finish, Vec<ItemName>)>) -> Option<(Finish, Vec<String>)> {
        next.map(|(finish, names)| (finish, names.iter().map(ToString::to_string).collect()))
    }

    #[test]
    fn a_name_waits_once_and_until_it_is_told() {
        let mut untold = Untold::new(10);
        for text in ["a", "b", "a", "c"] {
            untold.add(name(text), Finish::Done);
        }
        untold.add(name("d"), Finish::Dead);
        assert_eq!(untold.len(), 4);
        assert_eq!(texts(untold.next(2)), Some((Finish::Done, vec!["a".into(), "b".into()])));
        // Nobody says that they were told: they come again, behind the others.
        assert_eq!(texts(untold.next(2)), Some((Finish::Done, vec!["c".into(), "a".into()])));
        untold.telling = None;
        assert_eq!(texts(untold.next(2)), Some((Finish::Done, vec!["b".into()])));
        untold.telling = None;
        assert_eq!(texts(untold.next(2)), Some((Finish::Dead, vec!["d".into()])));
        untold.telling = None;
        assert_eq!((untold.next(2), untold.len()), (None, 0));
    }

    #[test]
    fn no_more_names_wait_than_allowed() {
        let mut untold = Untold::new(3);
        for number in 0..1_000 {
            untold.add(name(&number.to_string()), Finish::Done);
        }
        assert_eq!(untold.len(), 3);
    }
}
