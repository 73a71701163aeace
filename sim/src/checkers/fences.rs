//! Whether fences kept former holders out.

use std::collections::{BTreeMap, BTreeSet};

use crate::history::{Event, What};

/// Why a history of leases is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BrokenFence {
    /// E1: a grant whose token is not above that of every earlier grant.
    #[error("{res:?} was granted with token {token} after token {before}")]
    NotAbove {
        /// The resource.
        res: String,
        /// The token granted.
        token: u64,
        /// The highest granted before.
        before: u64,
    },
    /// E2: the sink applied a write with a token below one that it had applied.
    #[error("the sink of {res:?} applied token {token} of {holder:?} after token {before}")]
    Overtaken {
        /// The resource.
        res: String,
        /// Whose write.
        holder: String,
        /// Its token.
        token: u64,
        /// The highest applied before.
        before: u64,
    },
    /// Q2: the issuer itself accepted a token although it had granted a higher one.
    #[error("{res:?} accepted token {token} of {holder:?} although token {granted} was granted")]
    Stale {
        /// The resource.
        res: String,
        /// Whose write.
        holder: String,
        /// Its token.
        token: u64,
        /// The highest granted before.
        granted: u64,
    },
    /// The sink applied a write with a token that was never granted.
    #[error("the sink of {res:?} applied token {token} of {holder:?}, which was never granted")]
    NeverGranted {
        /// The resource.
        res: String,
        /// Whose write.
        holder: String,
        /// Its token.
        token: u64,
    },
    /// The sink applied a write of one holder with the token of another.
    #[error("the sink of {res:?} applied token {token} for {holder:?}, which was granted to {owner:?}")]
    Stolen {
        /// The resource.
        res: String,
        /// Whose write.
        holder: String,
        /// Its token.
        token: u64,
        /// To whom the token was granted.
        owner: String,
    },
    /// E3: two believed at once, and neither a pause nor a clock's error explains it.
    #[error("{second:?} was granted {res:?} while {first:?} still believed in it")]
    Overlap {
        /// The resource.
        res: String,
        /// Who believed.
        first: String,
        /// Who was granted it.
        second: String,
    },
}

/// What is known of one resource.
#[derive(Debug, Default)]
struct Resource<'a> {
    granted: BTreeMap<u64, &'a str>,
    applied: Option<u64>,
    /// Who believes in it, by token.
    believe: BTreeMap<u64, &'a str>,
    /// Whether its holders say when they stop believing.
    speaks: bool,
}

/// Whether each resource's tokens increase in the order of grants (E1), its sink never applies
/// a lower one after a higher one (E2), and no two holders believe at once (E3).
///
/// The last only for a resource with a `lose` event, whose holders say when they stop; a kill
/// of a holder ends its belief too. Belief may overlap after a fault of kind `pause` or `clock`
/// that befell one of the two, or names nobody; what the sink applies may not.
///
/// # Errors
/// The first promise that is broken.
pub fn check_fences(events: &[Event]) -> Result<(), BrokenFence> {
    check(events, Sink::Apart)
}

/// As [`check_fences`], for sinks that grant the tokens themselves, as stores and queues do for
/// their sessions and deliveries: once they have granted a token they accept no lower one.
///
/// # Errors
/// The first promise that is broken.
pub fn check_grants(events: &[Event]) -> Result<(), BrokenFence> {
    check(events, Sink::Issuer)
}

/// What a sink knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sink {
    /// The tokens that it has seen.
    Apart,
    /// Every token that there is.
    Issuer,
}

fn check(events: &[Event], sink: Sink) -> Result<(), BrokenFence> {
    let mut resources: BTreeMap<&str, Resource<'_>> = BTreeMap::new();
    for event in events {
        if let What::Lose { res, .. } = &event.what {
            resources.entry(res).or_default().speaks = true;
        }
    }
    let mut excuses = Excuses::default();
    for event in events {
        match &event.what {
            What::Acquire { res, holder, token } => {
                let resource = resources.entry(res).or_default();
                resource.grant(res, holder, *token, &excuses)?;
            }
            What::Lose { res, holder, token } => {
                let believe = &mut resources.entry(res).or_default().believe;
                if believe.get(token).is_some_and(|believer| believer == holder) {
                    believe.remove(token);
                }
            }
            What::Sink { res, holder, token, ok: true } => {
                resources.entry(res).or_default().apply(res, holder, *token, sink)?;
            }
            What::Kill { worker } => {
                for resource in resources.values_mut() {
                    resource.believe.retain(|_, holder| holder != worker);
                }
            }
            What::Fault { kind, worker } if kind == "pause" || kind == "clock" => match worker {
                Some(worker) => drop(excuses.holders.insert(worker)),
                None => excuses.all = true,
            },
            _ => {}
        }
    }
    Ok(())
}

/// Whose pauses and clocks explain that belief overlaps: a history does not say how long a pause
/// lasted, so for good.
#[derive(Debug, Default)]
struct Excuses<'a> {
    all: bool,
    holders: BTreeSet<&'a str>,
}

impl Excuses<'_> {
    fn cover(&self, first: &str, second: &str) -> bool {
        self.all || self.holders.contains(first) || self.holders.contains(second)
    }
}

impl<'a> Resource<'a> {
    fn grant(
        &mut self,
        res: &str,
        holder: &'a str,
        token: u64,
        excuses: &Excuses<'_>,
    ) -> Result<(), BrokenFence> {
        if let Some((before, _)) = self.granted.last_key_value()
            && *before >= token
        {
            return Err(BrokenFence::NotAbove { res: res.to_owned(), token, before: *before });
        }
        let unexcused = |first: &&&str| **first != holder && !excuses.cover(first, holder);
        if let Some(first) = self.believe.values().find(unexcused)
            && self.speaks
        {
            let (first, second) = ((*first).to_owned(), holder.to_owned());
            return Err(BrokenFence::Overlap { res: res.to_owned(), first, second });
        }
        // Of what it held before, a holder that is granted it again believes the new alone.
        self.believe.retain(|_, former| *former != holder);
        self.granted.insert(token, holder);
        self.believe.insert(token, holder);
        Ok(())
    }

    fn apply(&mut self, res: &str, holder: &str, token: u64, sink: Sink) -> Result<(), BrokenFence> {
        let (res, name) = (|| res.to_owned(), || holder.to_owned());
        match self.granted.get(&token) {
            None => return Err(BrokenFence::NeverGranted { res: res(), holder: name(), token }),
            Some(owner) if *owner != holder => {
                let owner = (*owner).to_owned();
                return Err(BrokenFence::Stolen { res: res(), holder: name(), token, owner });
            }
            Some(_) => {}
        }
        if let Some((granted, _)) = self.granted.last_key_value()
            && sink == Sink::Issuer
            && *granted > token
        {
            return Err(BrokenFence::Stale { res: res(), holder: name(), token, granted: *granted });
        }
        if let Some(before) = self.applied
            && before > token
        {
            return Err(BrokenFence::Overtaken { res: res(), holder: name(), token, before });
        }
        self.applied = Some(token);
        Ok(())
    }
}
