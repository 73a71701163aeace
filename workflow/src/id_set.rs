//! Which contributions are in a partial result.

use std::{fmt, ops::RangeInclusive};

use crate::payload::{Malformed, Payload, Reader, Writer};

/// A set of sequence numbers, kept as ranges: as small as what it leaves out is regular.
///
/// # Examples
/// ```
/// use entourage_workflow::IdSet;
///
/// let mut seen: IdSet = [1, 2, 4].into_iter().collect();
/// assert_eq!(seen.to_string(), "1-2,4");
/// assert_eq!(seen.missing(5).to_string(), "3,5");
/// seen.insert(3);
/// assert_eq!(seen, IdSet::up_to(4));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct IdSet {
    /// Disjoint, not adjacent, ascending; both ends included.
    ranges: Vec<(u64, u64)>,
}

impl IdSet {
    /// The empty set.
    #[must_use]
    pub const fn new() -> Self {
        Self { ranges: Vec::new() }
    }

    /// The numbers from 1 to `last`; empty for 0.
    #[must_use]
    pub fn up_to(last: u64) -> Self {
        let ranges = if last == 0 { Vec::new() } else { vec![(1, last)] };
        Self { ranges }
    }

    /// This number alone.
    #[must_use]
    pub fn of(id: u64) -> Self {
        Self { ranges: vec![(id, id)] }
    }

    /// How many numbers it holds; `u64::MAX` also for the one set that holds one more.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.ranges
            .iter()
            .fold(0, |sum: u64, (first, last)| sum.saturating_add(last - first).saturating_add(1))
    }

    /// Whether it holds none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Whether it holds `id`.
    #[must_use]
    pub fn contains(&self, id: u64) -> bool {
        self.ranges[..self.begin_at_or_before(id)].last().is_some_and(|(_, last)| id <= *last)
    }

    /// Adds `id`; whether it was new.
    pub fn insert(&mut self, id: u64) -> bool {
        if self.contains(id) {
            return false;
        }
        let place = self.begin_at_or_before(id);
        let joins_left = place > 0 && self.ranges[place - 1].1.checked_add(1) == Some(id);
        let joins_right = place < self.ranges.len() && id.checked_add(1) == Some(self.ranges[place].0);
        match (joins_left, joins_right) {
            (true, true) => {
                self.ranges[place - 1].1 = self.ranges[place].1;
                self.ranges.remove(place);
            }
            (true, false) => self.ranges[place - 1].1 = id,
            (false, true) => self.ranges[place].0 = id,
            (false, false) => self.ranges.insert(place, (id, id)),
        }
        true
    }

    /// The ranges, ascending, both ends included.
    pub fn ranges(&self) -> impl Iterator<Item = RangeInclusive<u64>> {
        self.ranges.iter().map(|&(first, last)| first..=last)
    }

    /// The numbers that both hold.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let (mut mine, mut theirs) = (self.ranges.iter().peekable(), other.ranges.iter().peekable());
        let mut common = Vec::new();
        while let (Some(&&(a, b)), Some(&&(c, d))) = (mine.peek(), theirs.peek()) {
            if a.max(c) <= b.min(d) {
                common.push((a.max(c), b.min(d)));
            }
            if b < d {
                mine.next()
            } else {
                theirs.next()
            };
        }
        Self { ranges: common }
    }

    /// The numbers that either holds.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let mut all: Vec<_> = self.ranges.iter().chain(&other.ranges).copied().collect();
        all.sort_unstable();
        let mut ranges: Vec<(u64, u64)> = Vec::with_capacity(all.len());
        for (first, last) in all {
            match ranges.last_mut() {
                Some(open) if first <= open.1.saturating_add(1) => open.1 = open.1.max(last),
                _ => ranges.push((first, last)),
            }
        }
        Self { ranges }
    }

    /// Whether every number of `other` is in this set.
    #[must_use]
    pub fn is_superset(&self, other: &Self) -> bool {
        self.intersection(other) == *other
    }

    /// The numbers that it holds and `other` does not.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        let mut theirs = other.ranges.iter().peekable();
        let mut ranges = Vec::new();
        for &(first, last) in &self.ranges {
            // What is left of this range; nothing once theirs has reached its end.
            let mut left = Some(first);
            while let (Some(next), Some(&&(from, to))) = (left, theirs.peek()) {
                if from > last {
                    break;
                }
                if next < from {
                    ranges.push((next, from - 1));
                }
                // One that reaches beyond this range may reach into the next one too.
                left = if to < last { Some(next.max(to + 1)) } else { None };
                if left.is_some() {
                    theirs.next();
                }
            }
            ranges.extend(left.map(|next| (next, last)));
        }
        Self { ranges }
    }

    /// What it lacks of the numbers from 1 to `last`.
    #[must_use]
    pub fn missing(&self, last: u64) -> Self {
        Self::up_to(last).difference(self)
    }

    /// How many ranges begin at or before `id`.
    fn begin_at_or_before(&self, id: u64) -> usize {
        self.ranges.partition_point(|(first, _)| *first <= id)
    }
}

impl FromIterator<u64> for IdSet {
    fn from_iter<I: IntoIterator<Item = u64>>(ids: I) -> Self {
        let mut set = Self::new();
        for id in ids {
            set.insert(id);
        }
        set
    }
}

impl fmt::Display for IdSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, &(first, last)) in self.ranges.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            if first == last {
                write!(f, "{comma}{first}")?;
            } else {
                write!(f, "{comma}{first}-{last}")?;
            }
        }
        Ok(())
    }
}

impl Payload for IdSet {
    fn write(&self, writer: &mut Writer) {
        writer.number(self.ranges.len() as u64);
        let mut at = 0;
        for &(first, last) in &self.ranges {
            writer.number(first - at);
            writer.number(last - first);
            at = last;
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let mut ranges = Vec::new();
        let mut at: u64 = 0;
        for place in 0..reader.number()? {
            let gap = reader.number()?;
            // Touching ranges would make two encodings of one set.
            if place > 0 && gap < 2 {
                return Err(Malformed::new("an id set whose ranges touch"));
            }
            let beyond = || Malformed::new("an id set beyond 64 bits");
            let first = at.checked_add(gap).ok_or_else(beyond)?;
            let last = first.checked_add(reader.number()?).ok_or_else(beyond)?;
            ranges.push((first, last));
            at = last;
        }
        Ok(Self { ranges })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::{prop_assert_eq, proptest};

    use super::IdSet;
    use crate::payload::Payload;

    fn plain(set: &IdSet) -> BTreeSet<u64> {
        set.ranges().flatten().collect()
    }

    proptest! {
        #[test]
        fn behaves_as_a_plain_set(a: BTreeSet<u8>, b: BTreeSet<u8>, last: u8) {
            let wide = |set: &BTreeSet<u8>| -> BTreeSet<u64> { set.iter().map(|&id| u64::from(id)).collect() };
            let (a, b) = (wide(&a), wide(&b));
            let (x, y): (IdSet, IdSet) = (a.iter().copied().collect(), b.iter().copied().collect());
            prop_assert_eq!(plain(&x.union(&y)), &a | &b);
            prop_assert_eq!(plain(&x.intersection(&y)), &a & &b);
            prop_assert_eq!(plain(&x.difference(&y)), &a - &b);
            prop_assert_eq!(x.is_superset(&y), a.is_superset(&b));
            prop_assert_eq!(x.len(), a.len() as u64);
            let wanted: BTreeSet<u64> = (1..=u64::from(last)).collect();
            prop_assert_eq!(plain(&x.missing(u64::from(last))), &wanted - &a);
            prop_assert_eq!(IdSet::decode(&x.encode()), Ok(x));
        }
    }

    #[test]
    fn the_largest_numbers_are_as_good_as_any() {
        let mut all = IdSet::up_to(u64::MAX);
        assert!(all.insert(0) && !all.insert(u64::MAX));
        assert_eq!((all.len(), all.to_string()), (u64::MAX, format!("0-{}", u64::MAX)));
        assert_eq!(IdSet::decode(&all.encode()), Ok(all.clone()));
        assert_eq!(all.difference(&IdSet::of(u64::MAX)).to_string(), format!("0-{}", u64::MAX - 1));
        assert_eq!(all.missing(u64::MAX), IdSet::new());
    }
}
