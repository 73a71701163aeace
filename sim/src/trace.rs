//! Everything that happened in a run, as text.

use std::fmt;

use entourage_core::Moment;

/// Everything that happened in a run, a line each: the same for the same seed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    lines: Vec<String>,
    /// Whether nothing is written down.
    silent: bool,
}

impl Trace {
    pub(crate) fn add(&mut self, at: Moment, who: &str, what: fmt::Arguments<'_>) {
        if self.silent {
            return;
        }
        let nanos = at.as_nanos();
        let (seconds, rest) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
        self.lines.push(format!("{seconds}.{rest:09} {who} {what}"));
    }

    /// Writes nothing down from now on.
    pub(crate) const fn silence(&mut self) {
        self.silent = true;
    }

    /// The lines, in order.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// A number that two different traces hardly share: FNV-1a of the text.
    #[must_use]
    pub fn digest(&self) -> u64 {
        let bytes = self.lines.iter().flat_map(|line| line.bytes().chain([b'\n']));
        bytes
            .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}
