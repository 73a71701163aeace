//! Maglev's table: each server in turn takes the next free entry of an order of its own.

use std::{cmp::Reverse, collections::BinaryHeap};

use entourage_core::planted;
use xxhash_rust::xxh3::xxh3_64;

use crate::Server;

/// No server yet; so there are at most 65,535 servers.
const FREE: u16 = u16::MAX;

/// Whether this number is a prime; for a step of any length must meet every entry.
pub(crate) const fn is_prime(number: u64) -> bool {
    if number < 2 || (number > 2 && number.is_multiple_of(2)) {
        return false;
    }
    let mut divisor = 3;
    while divisor * divisor <= number {
        if number.is_multiple_of(divisor) {
            return false;
        }
        divisor += 2;
    }
    true
}

/// The order in which a server wants the entries: it begins somewhere and goes on in steps.
struct Wanted {
    at: u64,
    step: u64,
}

impl Wanted {
    /// The upper half of the name's hash says where, the lower how far a step goes.
    fn by(name: &str, entries: u64) -> Self {
        let hash = xxh3_64(name.as_bytes());
        let (upper, lower) = (hash >> 32, hash & 0xffff_ffff);
        Self { at: (upper * entries) >> 32, step: 1 + ((lower * (entries - 1)) >> 32) }
    }

    fn next(&mut self, entries: u64) -> usize {
        let at = self.at;
        self.at = (at + self.step) % entries;
        usize::try_from(at).expect("an entry of a table that is in memory")
    }
}

/// When a server's turn comes: after as many entries as its weight deserves.
#[derive(PartialEq, Eq)]
struct Turn {
    /// 1 for its first turn, 3 for its second, 5 for its third: so that parts of entries are
    /// rounded to the nearest (Webster's method of dividing seats).
    turn: u64,
    weight: u64,
    server: u16,
}

impl Ord for Turn {
    /// By `turn / weight`, multiplied out; together, by name.
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.turn * other.weight).cmp(&(other.turn * self.weight)).then(self.server.cmp(&other.server))
    }
}

impl PartialOrd for Turn {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// Which server has each entry; `entries` is a prime, and at least as many as the servers.
pub(super) fn of(servers: &[Server], entries: u32) -> Vec<u16> {
    let prime = u64::from(entries);
    let mut table = vec![FREE; entries as usize];
    let mut wanted: Vec<_> = servers.iter().map(|server| Wanted::by(server.name(), prime)).collect();
    if planted("maglev-goes-by-place") {
        let places = (0..).map(|place: u64| place.to_string());
        wanted = servers.iter().zip(places).map(|(_, place)| Wanted::by(&place, prime)).collect();
    }
    let mut turns: BinaryHeap<_> = servers
        .iter()
        .zip(0_u16..)
        .map(|(about, server)| Reverse(Turn { turn: 1, weight: about.weight().into(), server }))
        .collect();
    for _ in 0..entries {
        let mut next = turns.peek_mut().expect("every server has a next turn");
        let wanted = &mut wanted[usize::from(next.0.server)];
        let free = loop {
            let entry = wanted.next(prime);
            if table[entry] == FREE {
                break entry;
            }
        };
        table[free] = next.0.server;
        next.0.turn += 2;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn primes_are_told_from_products() {
        let primes: Vec<_> = (0..30).filter(|number| is_prime(*number)).collect();
        assert_eq!(primes, [2, 3, 5, 7, 11, 13, 17, 19, 23, 29]);
        assert!(is_prime(65_537) && is_prime(655_373) && !is_prime(65_535));
        // The square of a prime, and the largest prime below 2³².
        assert!(!is_prime(65_537 * 65_537) && is_prime(4_294_967_291));
    }

    #[test]
    fn a_server_wants_every_entry_once() {
        for name in ["a", "b", "cache-0", "東京"] {
            let mut wanted = Wanted::by(name, 251);
            let mut entries: Vec<_> = (0..251).map(|_| wanted.next(251)).collect();
            entries.sort_unstable();
            assert!(entries.into_iter().eq(0..251), "{name}");
        }
    }
}
