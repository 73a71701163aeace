//! What a contender says, in a line.

use std::{fmt, str::FromStr};

use entourage::core::Moment;

/// A look at what is believed, by the machine's boot clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Belief {
    /// Read before the look, so that the look was not earlier.
    pub(crate) at: Moment,
    /// Until when it would go on if no renewal were confirmed.
    pub(crate) until: Moment,
}

/// What a contender says, in a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Report {
    /// It was granted; the clock was read after that.
    Granted { epoch: u64, at: Moment },
    /// It believed that it owns, and a guarded write was answered after that.
    Wrote { epoch: u64, belief: Belief, answer: Answer },
    /// It believes no longer.
    Lost { epoch: u64, at: Moment },
    /// It wrote all the same, as a former owner, and got an answer.
    Late { epoch: u64, answer: Answer },
}

/// What came of a guarded write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It is in the log, as this version.
    Accepted(u64),
    /// The fence refused it.
    Refused,
    /// It may be in the log or not.
    Unknown,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accepted(version) => write!(f, "{version}"),
            Self::Refused => f.write_str("refused"),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

impl FromStr for Answer {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "refused" => Ok(Self::Refused),
            "unknown" => Ok(Self::Unknown),
            version => version.parse().map(Self::Accepted),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Granted { epoch, at } => write!(f, "granted {epoch} {}", at.as_nanos()),
            Self::Wrote { epoch, belief: Belief { at, until }, answer } => {
                write!(f, "wrote {epoch} {} {} {answer}", at.as_nanos(), until.as_nanos())
            }
            Self::Lost { epoch, at } => write!(f, "lost {epoch} {}", at.as_nanos()),
            Self::Late { epoch, answer } => write!(f, "late {epoch} {answer}"),
        }
    }
}

impl Report {
    /// The report of this line; `None` if it is another line.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let verb = words.next()?;
        let epoch = words.next()?.parse().ok()?;
        let mut moment = || words.next()?.parse().ok().map(Moment::from_nanos);
        Some(match verb {
            "granted" => Self::Granted { epoch, at: moment()? },
            "wrote" => {
                let belief = Belief { at: moment()?, until: moment()? };
                Self::Wrote { epoch, belief, answer: words.next()?.parse().ok()? }
            }
            "lost" => Self::Lost { epoch, at: moment()? },
            "late" => Self::Late { epoch, answer: words.next()?.parse().ok()? },
            _ => return None,
        })
    }
}
