//! What a replica says of itself, one line each.

use std::{fmt, str::FromStr};

use entourage::core::{Clock, Moment, SystemClock};

/// Something that a replica has to say, and when it happened.
///
/// The moment is of the boot clock, which the processes of one machine share: so times between what
/// two of them say are exact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub at: Moment,
    pub what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// It lines up, to lead when its turn comes.
    Campaigns,
    Leads {
        epoch: u64,
    },
    /// It believes no longer that it leads.
    Lost {
        epoch: u64,
    },
    Wrote {
        count: u64,
        epoch: u64,
    },
    /// The store has refused its write: another leads.
    Refused {
        epoch: u64,
    },
    /// The store did not answer, or not in time.
    Failed(String),
}

impl Event {
    pub fn now(what: What) -> Self {
        Self { at: SystemClock::new().now(), what }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.at.as_nanos();
        write!(f, "{}.{:09} ", nanos / 1_000_000_000, nanos % 1_000_000_000)?;
        match &self.what {
            What::Campaigns => f.write_str("campaigns"),
            What::Leads { epoch } => write!(f, "leads under epoch {epoch}"),
            What::Lost { epoch } => write!(f, "leads no longer under epoch {epoch}"),
            What::Wrote { count, epoch } => write!(f, "wrote {count} under epoch {epoch}"),
            What::Refused { epoch } => write!(f, "was refused a write under epoch {epoch}"),
            What::Failed(why) => write!(f, "failed to write: {}", why.replace('\n', " ")),
        }
    }
}

impl FromStr for Event {
    type Err = Unreadable;

    fn from_str(line: &str) -> Result<Self, Unreadable> {
        let read = || {
            let (at, what) = line.split_once(' ')?;
            let (seconds, nanos) = at.split_once('.').filter(|(_, nanos)| nanos.len() == 9)?;
            let (seconds, nanos): (u64, u64) = (seconds.parse().ok()?, nanos.parse().ok()?);
            let at = Moment::from_nanos(seconds.checked_mul(1_000_000_000)?.checked_add(nanos)?);
            Some(Self { at, what: what_of(what)? })
        };
        read().ok_or_else(|| Unreadable(line.to_owned()))
    }
}

fn what_of(text: &str) -> Option<What> {
    if text == "campaigns" {
        return Some(What::Campaigns);
    }
    if let Some(why) = text.strip_prefix("failed to write: ") {
        return Some(What::Failed(why.to_owned()));
    }
    let (verb, epoch) = text.split_once(" under epoch ")?;
    let epoch = epoch.parse().ok()?;
    match verb {
        "leads" => Some(What::Leads { epoch }),
        "leads no longer" => Some(What::Lost { epoch }),
        "was refused a write" => Some(What::Refused { epoch }),
        _ => Some(What::Wrote { count: verb.strip_prefix("wrote ")?.parse().ok()?, epoch }),
    }
}

/// A line that no replica says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable(String);

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a replica said {:?}, which means nothing", self.0)
    }
}

impl std::error::Error for Unreadable {}

#[cfg(test)]
mod tests {
    use entourage::core::Moment;

    use super::{Event, What};

    #[test]
    fn what_is_said_is_understood() {
        for what in [
            What::Campaigns,
            What::Leads { epoch: 1 },
            What::Lost { epoch: u64::MAX },
            What::Wrote { count: 12, epoch: 7 },
            What::Refused { epoch: 0 },
            What::Failed("the store did not answer".to_owned()),
        ] {
            for nanos in [0, 1, 999_999_999, 12_000_000_001, u64::MAX] {
                let event = Event { at: Moment::from_nanos(nanos), what: what.clone() };
                assert_eq!(event.to_string().parse(), Ok(event));
            }
        }
    }

    #[test]
    fn what_was_cut_short_or_is_of_others_is_not() {
        for line in ["", "1.000000000", "1 campaigns", "1.0 campaigns", "x.000000000 campaigns"] {
            assert!(line.parse::<Event>().is_err(), "{line:?}");
        }
        for what in ["leads under epoch ", "leads", "wrote 1", "wrote x under epoch 1", "sings under epoch 1"]
        {
            assert!(format!("1.000000000 {what}").parse::<Event>().is_err(), "{what:?}");
        }
    }
}
