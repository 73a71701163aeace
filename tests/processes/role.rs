//! What a process is for, and how it is told.

use std::{fmt, time::Duration};

/// Says to this binary what it is.
pub(crate) const ROLE: &str = "ENTOURAGE_PROCESSES_ROLE";

/// What a process is for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Role {
    /// Receives this many items at once, says what it `held`, and waits for `NAME-settle`, then
    /// for `NAME-close`.
    Holder { items: usize, lease: Duration },
    /// Settles item after item, up to so many in a step, each time after some work. It stands
    /// still from `NAME-quiet-0` to `NAME-go-0`, from `NAME-quiet-1` to `NAME-go-1`, and so on.
    Worker { items: usize, lease: Duration, work: Duration },
    /// Merges partials of one bundle, at least two at a time, into another of the same bundle.
    Merger { lease: Duration, work: Duration },
    /// Holds the file's lock until `unlock`.
    Locker,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Holder { items, lease } => write!(f, "holder {items} {}", lease.as_millis()),
            Self::Worker { items, lease, work } => {
                write!(f, "worker {items} {} {}", lease.as_millis(), work.as_millis())
            }
            Self::Merger { lease, work } => write!(f, "merger {} {}", lease.as_millis(), work.as_millis()),
            Self::Locker => f.write_str("locker"),
        }
    }
}

impl Role {
    /// The role of this text, as it is displayed.
    ///
    /// # Panics
    /// If it is no role's.
    pub(crate) fn parse(text: &str) -> Self {
        let mut words = text.split(' ');
        let role = words.next().expect("a role has a name");
        let mut next = || words.next().and_then(|word| word.parse::<u64>().ok()).expect("a number is given");
        let count = |number| usize::try_from(number).expect("it is small");
        match role {
            "holder" => Self::Holder { items: count(next()), lease: Duration::from_millis(next()) },
            "worker" => Self::Worker {
                items: count(next()),
                lease: Duration::from_millis(next()),
                work: Duration::from_millis(next()),
            },
            "merger" => {
                Self::Merger { lease: Duration::from_millis(next()), work: Duration::from_millis(next()) }
            }
            "locker" => Self::Locker,
            _ => panic!("{text:?} is no role"),
        }
    }
}
