//! How much of what was asked has answered.

use std::fmt;

/// How many of the parts that were asked have answered.
///
/// ```
/// use entourage_scatter_gather::{Coverage, Fraction};
///
/// let coverage = Coverage::new(4, 5);
/// assert_eq!((coverage.answered(), coverage.asked(), coverage.missing()), (4, 5, 1));
/// assert!(coverage.reaches(Fraction::percent(80)) && !coverage.is_full());
/// assert_eq!(coverage.to_string(), "4 of 5");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Coverage {
    answered: usize,
    asked: usize,
}

impl Coverage {
    /// So many of so many; no more can have answered than were asked.
    #[must_use]
    pub const fn new(answered: usize, asked: usize) -> Self {
        let answered = if answered < asked { answered } else { asked };
        Self { answered, asked }
    }

    /// The parts whose answer is in the value.
    #[must_use]
    pub const fn answered(self) -> usize {
        self.answered
    }

    /// The parts that there are.
    #[must_use]
    pub const fn asked(self) -> usize {
        self.asked
    }

    /// The parts whose answer is not in the value.
    #[must_use]
    pub const fn missing(self) -> usize {
        self.asked - self.answered
    }

    /// Whether nothing is missing; also where nothing was asked.
    #[must_use]
    pub const fn is_full(self) -> bool {
        self.answered == self.asked
    }

    /// Whether at least this fraction has answered, compared in whole numbers.
    #[must_use]
    pub const fn reaches(self, fraction: Fraction) -> bool {
        self.answered as u128 * fraction.of as u128 >= fraction.parts as u128 * self.asked as u128
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.answered, self.asked)
    }
}

/// A fraction from 0 to 1, exact: no rounding decides whether an answer is enough.
///
/// ```
/// use entourage_scatter_gather::{Coverage, Fraction};
///
/// let two_thirds = Fraction::new(2, 3).expect("two is not more than three");
/// assert!(Coverage::new(4, 6).reaches(two_thirds));
/// assert!(!Coverage::new(3, 5).reaches(two_thirds));
/// assert_eq!(Fraction::new(4, 3), None);
/// assert_eq!(Fraction::new(0, 0), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fraction {
    parts: u32,
    of: u32,
}

impl Fraction {
    /// So many parts of so many; `None` where it is more than the whole, or of nothing.
    #[must_use]
    pub const fn new(parts: u32, of: u32) -> Option<Self> {
        if of > 0 && parts <= of { Some(Self::in_lowest_terms(parts, of)) } else { None }
    }

    /// So many of a hundred; more is a hundred.
    #[must_use]
    pub const fn percent(percent: u32) -> Self {
        Self::in_lowest_terms(if percent < 100 { percent } else { 100 }, 100)
    }

    /// So that fractions that are the same are equal: 2/4 and 50 per cent.
    const fn in_lowest_terms(parts: u32, of: u32) -> Self {
        let (mut divisor, mut rest) = (of, parts);
        while rest > 0 {
            (divisor, rest) = (rest, divisor % rest);
        }
        Self { parts: parts / divisor, of: of / divisor }
    }
}

impl fmt::Display for Fraction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.parts, self.of)
    }
}
