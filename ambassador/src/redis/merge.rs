//! One answer made of those of several shards.

use std::fmt::Display;

use bytes::Bytes;
use entourage_scatter_gather::{Failure as Failed, Gathered};

use super::{
    command::Everywhere,
    header,
    wire::{Measure, Number, number},
};
use crate::{
    failure::{Cause, Failure},
    mux::Outbox,
    options::Partial,
};

/// How the shards' answers become one.
#[derive(Debug)]
pub(crate) enum Merge {
    /// Arrays become one, whose elements are in the order of the keys; which part has each.
    Values(Box<[u16]>),
    /// Integers become their sum.
    Sum,
    /// `+OK` of all.
    Done,
    /// What every server was asked.
    Everywhere(Everywhere),
}

/// What one part came to.
#[derive(Clone, Copy)]
enum Part<'a> {
    Reply(&'a [u8]),
    /// Its keys are read as missing.
    Missing,
    /// An error of the server, with its `-` and its end of line.
    Refused(&'a [u8]),
    Failed(&'a dyn Display),
}

impl Merge {
    /// How many bytes it takes.
    pub(crate) fn held(&self) -> usize {
        if let Self::Values(order) = self { size_of_val(&**order) } else { 0 }
    }

    /// Writes the one answer, or why there is none.
    pub(super) fn write(
        &self,
        partial: Partial,
        gathered: &Gathered<Vec<Option<Bytes>>, Failure>,
        out: &mut Outbox,
    ) {
        let out = out.tail();
        let is_missed = |failure: &Failure| failure.cause == Cause::Missed;
        if let Err(failed) = self.write_but(is_missed, partial, gathered, out) {
            error(&Part::Failed(failed.reason()), out);
        }
    }

    /// Writes the one answer, if what has answered makes one.
    ///
    /// # Errors
    /// Why not: the first part that failed.
    pub(crate) fn try_write<'g, F: Display>(
        &self,
        partial: Partial,
        gathered: &'g Gathered<Vec<Option<Bytes>>, F>,
        out: &mut Vec<u8>,
    ) -> Result<(), &'g Failed<F>> {
        self.write_but(|_| false, partial, gathered, out)
    }

    /// The same, where values that failed in a way that `is_missed` are missing whatever the policy.
    fn write_but<'g, F: Display>(
        &self,
        is_missed: impl Fn(&F) -> bool,
        partial: Partial,
        gathered: &'g Gathered<Vec<Option<Bytes>>, F>,
        out: &mut Vec<u8>,
    ) -> Result<(), &'g Failed<F>> {
        let mut parts: Vec<_> = gathered
            .value()
            .iter()
            .map(|reply| match reply.as_deref() {
                Some(error @ [b'-', ..]) => Part::Refused(error),
                Some(reply) => Part::Reply(reply),
                None => Part::Missing,
            })
            .collect();
        for failure in gathered.failures() {
            let is_missing = matches!(self, Self::Values(_)) && is_missed(failure.reason());
            parts[failure.part()] = if is_missing { Part::Missing } else { Part::Failed(failure.reason()) };
        }
        let bad = parts.iter().position(|part| matches!(part, Part::Refused(_) | Part::Failed(_)));
        let start = out.len();
        let written = match (self, bad) {
            (Self::Values(order), None) => values(order, &parts, out),
            (Self::Values(order), Some(_)) if partial == Partial::PerKey => values(order, &parts, out),
            (Self::Values(order), Some(_)) if partial == Partial::Miss && !refused(&parts) => {
                values(order, &misses(&parts), out)
            }
            (Self::Sum, _) if bad.is_none() || partial == Partial::Miss && !refused(&parts) => {
                sum(&parts, out)
            }
            (Self::Done, None) => all_alike(&parts, out),
            (Self::Everywhere(Everywhere::Sum), None) => sum(&parts, out),
            (Self::Everywhere(Everywhere::Same), None) => all_alike(&parts, out),
            (Self::Everywhere(Everywhere::And), None) => and(&parts, out),
            (_, Some(bad)) => {
                if let Some(failed) = gathered.failures().iter().find(|failed| failed.part() == bad) {
                    return Err(failed);
                }
                error(&parts[bad], out);
                Some(())
            }
            (Self::Sum, None) => None,
        };
        if written.is_none() {
            out.truncate(start);
            out.extend_from_slice(b"-ERR Invalid argument: the servers' answers do not fit together\r\n");
        }
        Ok(())
    }
}

fn refused(parts: &[Part<'_>]) -> bool {
    parts.iter().any(|part| matches!(part, Part::Refused(_)))
}

/// Failed parts as such, to be read as missing.
fn misses<'a>(parts: &[Part<'a>]) -> Vec<Part<'a>> {
    let miss = |part: &Part<'a>| if matches!(part, Part::Failed(_)) { Part::Missing } else { *part };
    parts.iter().map(miss).collect()
}

/// Writes the element of each key, in order.
fn values(order: &[u16], parts: &[Part<'_>], out: &mut Vec<u8>) -> Option<()> {
    let mut rests = parts.iter().map(elements).collect::<Option<Vec<_>>>()?;
    header(out, b'*', order.len());
    for owner in order {
        let owner = usize::from(*owner);
        match parts.get(owner)? {
            Part::Missing => out.extend_from_slice(b"$-1\r\n"),
            Part::Reply(_) => {
                let rest = rests.get_mut(owner)?;
                let len = Measure::default().reply(rest).ok()??;
                let (element, behind) = rest.split_at(len);
                out.extend_from_slice(element);
                *rest = behind;
            }
            bad => error(bad, out),
        }
    }
    // Of each as many elements as it was asked for keys, and no more.
    rests.iter().all(|rest| rest.is_empty()).then_some(())
}

/// The elements of a part's array; of what is no reply there are none.
fn elements<'a>(part: &Part<'a>) -> Option<&'a [u8]> {
    let Part::Reply(reply) = part else { return Some(b"") };
    let array = reply.strip_prefix(b"*")?;
    let Number::Is(_, line) = number(array) else { return None };
    array.get(line..)
}

/// Writes the sum of integers.
fn sum(parts: &[Part<'_>], out: &mut Vec<u8>) -> Option<()> {
    let mut sum = 0_i64;
    for part in parts {
        match part {
            Part::Reply([b':', integer @ ..]) => {
                let Number::Is(value, _) = number(integer) else { return None };
                sum = sum.checked_add(value)?;
            }
            Part::Failed(_) => {}
            _ => return None,
        }
    }
    out.extend_from_slice(format!(":{sum}\r\n").as_bytes());
    Some(())
}

/// Writes the answer that all have given.
fn all_alike(parts: &[Part<'_>], out: &mut Vec<u8>) -> Option<()> {
    let mut replies =
        parts.iter().map(|part| if let Part::Reply(reply) = part { Some(*reply) } else { None });
    let first = replies.next()??;
    replies.all(|reply| reply == Some(first)).then(|| out.extend_from_slice(first))
}

/// Writes an array of 0 and 1: 1 where all have one.
fn and(parts: &[Part<'_>], out: &mut Vec<u8>) -> Option<()> {
    let mut all: Option<Vec<u8>> = None;
    for part in parts {
        let Part::Reply(reply) = part else { return None };
        match &mut all {
            None => all = Some(reply.to_vec()),
            Some(all) if all.len() == reply.len() => {
                // Alike but for their digits: `:0` wins over `:1`.
                for (all, here) in all.iter_mut().zip(*reply).filter(|(all, here)| all != here) {
                    matches!((*all, *here), (b'0', b'1') | (b'1', b'0')).then(|| *all = b'0')?;
                }
            }
            Some(_) => return None,
        }
    }
    out.extend_from_slice(&all?);
    Some(())
}

/// Writes why a part has no answer.
fn error(part: &Part<'_>, out: &mut Vec<u8>) {
    match part {
        Part::Refused(line) => out.extend_from_slice(line),
        Part::Failed(failure) => out.extend_from_slice(format!("-ERR {failure}\r\n").as_bytes()),
        Part::Reply(_) | Part::Missing => {
            out.extend_from_slice(b"-ERR Invalid argument: a server's answer is none\r\n")
        }
    }
}
