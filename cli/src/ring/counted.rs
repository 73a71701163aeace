//! The keys that a comparison is made of, and how far it is.

use std::{
    io::{self, BufReader, IsTerminal, Write},
    time::Duration,
};

use anyhow::Result;
use entourage_core::{Clock, Moment, SystemClock};

use super::keys::Keys;

/// How often the number is said.
const PERIOD: Duration = Duration::from_secs(1);
/// Between so many keys the time is looked at.
const STRIDE: u64 = 1 << 14;

/// Where keys come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Stdin {
        is_hex: bool,
    },
    /// So many that are made up.
    Generated {
        count: u64,
        are_addresses: bool,
    },
}

impl Source {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Stdin { .. } => "stdin",
            Self::Generated { .. } => "generated",
        }
    }

    /// Each key in turn; how many they were. On a terminal the number is said as it grows.
    ///
    /// # Errors
    /// As those of [`Keys::next`].
    pub(super) fn each(self, mut then: impl FnMut(&[u8])) -> Result<u64> {
        let mut progress = Progress::new();
        match self {
            Self::Stdin { is_hex } => {
                let mut keys = Keys::new(BufReader::new(io::stdin()), is_hex);
                while let Some(key) = keys.next()? {
                    then(key);
                    progress.add_one();
                }
            }
            Self::Generated { count, are_addresses } => {
                let mut key = String::new();
                for number in 0..count {
                    if are_addresses {
                        // Knuth's multiplier spreads them; section 6.4 of his third volume.
                        then(&(number as u32).wrapping_mul(2_654_435_761).to_be_bytes());
                    } else {
                        key.clear();
                        key.push_str("key-");
                        key.push_str(&number.to_string());
                        then(key.as_bytes());
                    }
                    progress.add_one();
                }
            }
        }
        Ok(progress.finish())
    }
}

/// Says on a terminal how many keys there were.
struct Progress {
    count: u64,
    clock: SystemClock,
    /// When it was said last; none where nobody looks.
    said: Option<Moment>,
    is_drawn: bool,
}

impl Progress {
    fn new() -> Self {
        let clock = SystemClock::new();
        let said = io::stderr().is_terminal().then(|| clock.now());
        Self { count: 0, clock, said, is_drawn: false }
    }

    fn add_one(&mut self) {
        self.count += 1;
        if let Some(said) = self.said.filter(|_| self.count.is_multiple_of(STRIDE)) {
            let now = self.clock.now();
            if now.since(said) >= PERIOD {
                self.said = Some(now);
                self.draw(&format!("{} keys", self.count));
            }
        }
    }

    /// The number, once the line that said it is wiped.
    fn finish(mut self) -> u64 {
        if self.is_drawn {
            self.draw("");
        }
        self.count
    }

    fn draw(&mut self, text: &str) {
        self.is_drawn = true;
        // Who cannot be told is not told.
        let _ = write!(io::stderr(), "\r\u{1b}[K{text}").and_then(|()| io::stderr().flush());
    }
}
