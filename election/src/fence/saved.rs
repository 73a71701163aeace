//! What a checker remembers, as text.

use std::{fmt, str::FromStr};

use entourage_core::{Fence, Realm};

use super::header::{decode_fence, encode_fence, parse_realm};

/// What a [`HighestSeen`](super::HighestSeen) must not forget over a restart.
///
/// As text: one line `realm <hexadecimal>` or `realm none`, then one line per scope of each
/// realm, in the form of the header [`FENCE`](super::FENCE), and a last line `end`, so that a
/// file that was cut short does not pass for one that knows less.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    realm: Option<Realm>,
    fences: Vec<Fence>,
}

impl Saved {
    pub(super) fn new(realm: Option<Realm>, mut fences: Vec<Fence>) -> Self {
        fences
            .sort_by(|a, b| (a.realm().id(), a.scope().as_str()).cmp(&(b.realm().id(), b.scope().as_str())));
        Self { realm, fences }
    }

    /// The realm whose fences were taken.
    #[must_use]
    pub const fn realm(&self) -> Option<Realm> {
        self.realm
    }

    /// The highest fence of each scope that was let in, ordered by realm and scope.
    #[must_use]
    pub fn fences(&self) -> &[Fence] {
        &self.fences
    }
}

impl fmt::Display for Saved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.realm {
            Some(realm) => writeln!(f, "realm {realm}")?,
            None => writeln!(f, "realm none")?,
        }
        self.fences.iter().try_for_each(|fence| writeln!(f, "{}", encode_fence(fence)))?;
        f.write_str("end\n")
    }
}

impl FromStr for Saved {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        let unreadable = |line| Unreadable { line };
        let whole = text.strip_suffix("end\n").ok_or_else(|| unreadable(text.split('\n').count()))?;
        let mut lines = whole.split_terminator('\n').zip(1..);
        let realm = match lines.next().and_then(|(first, _)| first.strip_prefix("realm ")) {
            Some("none") => None,
            Some(realm) => Some(parse_realm(realm).ok_or_else(|| unreadable(1))?),
            None => return Err(unreadable(1)),
        };
        let fences = lines.map(|(line, number)| decode_fence(line).map_err(|_| unreadable(number)));
        Ok(Self::new(realm, fences.collect::<Result<_, _>>()?))
    }
}

/// The text was not written by [`Saved`], or was damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "line {line} of the saved fences cannot be read; to go on without them lets stale writes in until sealed"
)]
pub struct Unreadable {
    line: usize,
}

#[cfg(test)]
mod tests {
    use entourage_core::{Fence, Realm, Scope};

    use super::Saved;

    #[test]
    fn what_was_saved_reads_back_and_a_damaged_copy_does_not() {
        let fence = |realm, scope: &str, epoch| Fence::new(Realm::new(realm), Scope::new(scope), epoch);
        let fences = vec![fence(2, "b", 7), fence(1, "a\nb;%", u64::MAX), fence(2, "", 0)];
        for realm in [None, Some(Realm::new(2))] {
            let saved = Saved::new(realm, fences.clone());
            let text = saved.to_string();
            assert_eq!(text.parse(), Ok(saved));
            for cut in 0..text.len() {
                assert!(text[..cut].parse::<Saved>().is_err(), "{:?}", &text[..cut]);
            }
        }
        for damaged in
            ["", "end\n", "realm none\n", "realm 2\nend\n", "realm none\n\nend\n", "realm none\nx;y;z\nend\n"]
        {
            assert!(damaged.parse::<Saved>().is_err(), "{damaged:?}");
        }
    }
}
