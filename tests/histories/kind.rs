//! What kinds of items there are, and what becomes of each.

/// What an item is: the first letter of its id says it, and its number stands behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Its effect is taken as often as it comes.
    Plain,
    /// Its effect is let in by the fence, and once.
    Fenced,
    /// As a fenced one; an attempt that follows a lapse gives it up if it has no effect yet.
    Contested,
    /// As a fenced one, after two attempts that failed.
    Flaky,
    /// Every attempt fails; it is given up after some.
    Poison,
    /// It kills its worker.
    Killer,
}

impl Kind {
    /// Killers have these numbers: 313, 1313, 2313 and so on.
    const KILLERS: u64 = 1_000;

    /// Of this number, where so many kill.
    pub(crate) const fn of(number: u64, killers: u64) -> Self {
        if number % Self::KILLERS == 313 && number / Self::KILLERS < killers {
            return Self::Killer;
        }
        match number {
            _ if number % 200 == 7 => Self::Poison,
            _ if number % 50 == 3 => Self::Flaky,
            _ if number % 10 == 1 => Self::Contested,
            _ if number.is_multiple_of(2) => Self::Plain,
            _ => Self::Fenced,
        }
    }

    /// The name of this number.
    pub(crate) fn id(self, number: u64) -> String {
        format!("{}{number}", self.letter())
    }

    const fn letter(self) -> char {
        match self {
            Self::Plain => 'p',
            Self::Fenced => 'f',
            Self::Contested => 'c',
            Self::Flaky => 'r',
            Self::Poison => 'd',
            Self::Killer => 'k',
        }
    }

    /// The kind and the number of a name that [`Kind::id`] has made.
    pub(crate) fn parse(id: &str) -> Option<(Self, u64)> {
        let number = id.get(1..)?.parse().ok()?;
        let kinds = [Self::Plain, Self::Fenced, Self::Contested, Self::Flaky, Self::Poison, Self::Killer];
        let kind = kinds.into_iter().find(|kind| id.starts_with(kind.letter()))?;
        Some((kind, number))
    }

    pub(crate) const fn is_fenced(self) -> bool {
        !matches!(self, Self::Plain)
    }
}
