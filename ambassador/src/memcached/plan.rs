//! Which keys of a request go to which server.

use super::line::Span;
use crate::failure::Failure;

/// A line to a server has at most so many bytes: newer memcached counts them in 16 bits.
const PART: usize = 32 * 1024;

/// Room for more keys than these is given back.
const KEPT: usize = 4 * 1024;

/// No part: nobody is asked for the key.
pub(super) const NOBODY: u16 = u16::MAX;

const NONE: u32 = u32::MAX;

/// A request's keys by server; kept and used again, so that most requests allocate nothing for it.
#[derive(Debug, Default)]
pub(super) struct Plan {
    keys: Vec<Key>,
    parts: Vec<Part>,
    /// The part that is being filled, of each server.
    open: Vec<u16>,
    /// The parts of keys that no server serves.
    failed: Vec<u16>,
}

#[derive(Clone, Copy, Debug)]
struct Key {
    word: Span,
    part: u16,
    next: u32,
}

/// What one server is asked for at once, or why it is not.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) to: Result<usize, Failure>,
    pub(super) keys: u32,
    /// The bytes of the keys, with a space before each.
    pub(super) bytes: usize,
    first: u32,
    last: u32,
}

impl Plan {
    /// Empties it for a pool of so many servers.
    pub(super) fn clear(&mut self, servers: usize) {
        if self.keys.capacity() > KEPT {
            self.keys = Vec::new();
        }
        self.keys.clear();
        self.parts.clear();
        self.failed.clear();
        self.open.clear();
        self.open.resize(servers, NOBODY);
    }

    /// A key that nobody is asked for.
    pub(super) fn skip(&mut self, word: Span) {
        self.keys.push(Key { word, part: NOBODY, next: NONE });
    }

    /// A key of this server; or one that no server serves, for this reason.
    ///
    /// `None` if there are more parts than can be counted.
    pub(super) fn add(&mut self, word: Span, to: Result<usize, Failure>) -> Option<()> {
        let bytes = word.len() + 1;
        let part = match &to {
            Ok(server) => self.open.get(*server).copied().unwrap_or(NOBODY),
            Err(_) => {
                let is_same = |part: &&u16| self.parts[usize::from(**part)].to == to;
                self.failed.iter().find(is_same).copied().unwrap_or(NOBODY)
            }
        };
        let number = u32::try_from(self.keys.len()).ok()?;
        let part = match self.parts.get_mut(usize::from(part)) {
            Some(open) if to.is_err() || open.bytes + bytes <= PART => {
                open.keys += 1;
                open.bytes += bytes;
                if let Some(last) = self.keys.get_mut(open.last as usize) {
                    last.next = number;
                }
                open.last = number;
                part
            }
            _ => {
                let opened = u16::try_from(self.parts.len()).ok().filter(|part| *part != NOBODY)?;
                match &to {
                    Ok(server) => self.open.get_mut(*server).into_iter().for_each(|open| *open = opened),
                    Err(_) => self.failed.push(opened),
                }
                self.parts.push(Part { to, keys: 1, bytes, first: number, last: number });
                opened
            }
        };
        self.keys.push(Key { word, part, next: NONE });
        Some(())
    }

    pub(super) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The one server that all keys go to, in one line.
    pub(super) fn only(&self) -> Option<&Part> {
        let [part] = self.parts.as_slice() else { return None };
        (part.keys as usize == self.keys.len()).then_some(part)
    }

    /// The keys of a part, in the order in which they were asked for.
    pub(super) fn keys_of(&self, part: &Part) -> impl Iterator<Item = Span> {
        let first = self.keys.get(part.first as usize);
        std::iter::successors(first, |key| self.keys.get(key.next as usize)).map(|key| key.word)
    }

    /// Which part each key is in, in the order in which they were asked for.
    pub(super) fn part_of_each(&self) -> Box<[u16]> {
        self.keys.iter().map(|key| key.part).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Cause;

    #[test]
    fn keys_without_a_server_are_one_part_however_many_others_there_are() {
        let mut plan = Plan::default();
        plan.clear(1);
        (0..60_000).for_each(|_| plan.add(Span::new(0..PART - 1), Ok(0)).expect("they fit"));
        let failures = [Cause::NoServer, Cause::Ejected].map(|cause| Failure { cause, ..Failure::unheard() });
        // With a look at every part for each key this would take half a minute.
        for key in 0..1_000_000 {
            plan.add(Span::new(0..1), Err(failures[key % 2].clone())).expect("they fit");
        }
        assert_eq!(plan.parts().len(), 60_002);
    }

    #[test]
    fn a_plan_that_was_large_keeps_little() {
        let mut plan = Plan::default();
        plan.clear(1);
        (0..100_000).for_each(|_| plan.add(Span::new(0..5), Ok(0)).expect("they fit"));
        assert!(plan.keys.capacity() > KEPT && plan.parts().len() > 1);
        plan.clear(1);
        assert_eq!((plan.parts().len(), plan.part_of_each().len()), (0, 0));
        assert!(plan.keys.capacity() <= KEPT, "room for {} keys", plan.keys.capacity());
    }
}
