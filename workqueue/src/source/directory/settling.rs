//! Which files have been left alone for long enough.

use std::{collections::HashMap, time::Duration};

use entourage_core::{Moment, planted};

use super::walk::{Found, Stamp};
use crate::source::name::ItemName;

/// What was seen of each file, and since when it has been as it is.
///
/// Its age is judged by how long it was seen unchanged, on the program's own clock: times on a disk
/// are wall times, of this machine or of the one that serves the disk.
#[derive(Debug, Default)]
pub(super) struct Settling {
    first_look: Option<Moment>,
    seen: HashMap<ItemName, (Stamp, Moment)>,
}

/// What a look at the files says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Judged {
    /// Those that have been left alone.
    pub(super) settled: Vec<ItemName>,
    /// How long until a file can be old that nobody had seen before the first look.
    pub(super) too_early_for: Duration,
}

impl Settling {
    /// Judges what was found by a walk that began and ended at these moments.
    pub(super) fn judge(&mut self, found: Vec<Found>, walk: (Moment, Moment), settle: Duration) -> Judged {
        let (began, ended) = walk;
        let first_look = *self.first_look.get_or_insert(ended);
        let before = std::mem::take(&mut self.seen);
        let mut seen = HashMap::with_capacity(found.len());
        let mut settled = Vec::new();
        for Found { name, stamp } in found {
            let since = match before.get(&name) {
                Some((known, since)) if *known == stamp => *since,
                _ => ended,
            };
            seen.insert(name.clone(), (stamp, since));
            if began.since(since) >= settle || planted("source-offers-unfinished") {
                settled.push(name);
            }
        }
        let is_whole = settled.len() == seen.len();
        let too_early_for = if is_whole { Duration::ZERO } else { (first_look + settle).since(began) };
        self.seen = seen;
        Judged { settled, too_early_for }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTLE: Duration = Duration::from_nanos(10);

    fn found(name: &str, size: u64) -> Found {
        Found {
            name: ItemName::new(name).unwrap(),
            stamp: Stamp { size: i64::try_from(size).unwrap(), ..Stamp::default() },
        }
    }

    fn at(nanos: u64) -> (Moment, Moment) {
        (Moment::from_nanos(nanos), Moment::from_nanos(nanos))
    }

    fn settled(judged: &Judged) -> Vec<&str> {
        judged.settled.iter().map(ItemName::as_str).collect()
    }

    #[test]
    fn a_file_that_changes_has_to_settle_again() {
        let mut settling = Settling::default();
        let first = settling.judge(vec![found("a", 1), found("b", 1)], at(0), SETTLE);
        assert_eq!((settled(&first), first.too_early_for), (vec![], SETTLE));
        let early = settling.judge(vec![found("a", 1), found("b", 1)], at(9), SETTLE);
        assert_eq!((settled(&early), early.too_early_for), (vec![], Duration::from_nanos(1)));
        let later = settling.judge(vec![found("a", 1), found("b", 2)], at(10), SETTLE);
        assert_eq!((settled(&later), later.too_early_for), (vec!["a"], Duration::ZERO));
        assert_eq!(settled(&settling.judge(vec![found("a", 1), found("b", 2)], at(19), SETTLE)), ["a"]);
        assert_eq!(settled(&settling.judge(vec![found("a", 1), found("b", 2)], at(20), SETTLE)), ["a", "b"]);
    }

    #[test]
    fn a_file_that_was_away_is_new() {
        let mut settling = Settling::default();
        settling.judge(vec![found("a", 1)], at(0), SETTLE);
        settling.judge(vec![], at(5), SETTLE);
        assert_eq!(settled(&settling.judge(vec![found("a", 1)], at(10), SETTLE)), [""; 0]);
    }

    #[test]
    fn who_renames_into_place_waits_for_nothing() {
        let first = Settling::default().judge(vec![found("a", 1)], at(0), Duration::ZERO);
        assert_eq!((settled(&first), first.too_early_for), (vec!["a"], Duration::ZERO));
    }
}
