//! What changes when one function takes the place of another.

mod finding;
mod survey;

use std::collections::BTreeMap;

use self::survey::Surveyor;
pub use self::{
    finding::Finding,
    survey::{MAX_SURVEYED, Survey, Surveyed},
};
use crate::{Explain, HashTag, Result, ShardId};

/// Which keys move when a new function takes the place of an old one; plain data, to be printed.
///
/// Servers are told by their names: a key moves if its server has another name, whatever the
/// shards' numbers.
///
/// ```
/// use entourage_sharding::{Diff, Rendezvous};
///
/// let (old, new) = (Rendezvous::of(["a", "b", "c"])?, Rendezvous::of(["a", "b", "c", "d"])?);
/// let diff = Diff::between(&old, &new, (0..1_000).map(|number| format!("user:{number}")))?;
/// assert!((0.2..0.3).contains(&diff.fraction()));
/// assert!(diff.moves.iter().all(|some| some.to == "d"));
/// # Ok::<_, entourage_sharding::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Diff {
    /// How many keys were compared.
    pub keys: u64,
    /// How many of them are on another server.
    pub moved: u64,
    /// From where to where they moved, by the shards' numbers.
    pub moves: Vec<Moved>,
    /// How the old function spread them.
    pub old: Survey,
    /// How the new function spreads them.
    pub new: Survey,
}

/// Keys that moved together.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Moved {
    /// The server that had them.
    pub from: String,
    /// The server that has them now.
    pub to: String,
    /// How many they are.
    pub keys: u64,
}

impl Diff {
    /// Compares two functions over these keys, each of which is to come once.
    ///
    /// # Errors
    /// [`Error::TooManyServers`](crate::Error::TooManyServers) above [`MAX_SURVEYED`] shards.
    pub fn between<K: AsRef<[u8]>>(
        old: &(impl Explain + ?Sized),
        new: &(impl Explain + ?Sized),
        keys: impl IntoIterator<Item = K>,
    ) -> Result<Self> {
        let mut comparison = Comparison::new(old, new)?;
        keys.into_iter().for_each(|key| comparison.add(key.as_ref()));
        Ok(comparison.finish())
    }

    /// The part of the keys that moved, from 0 to 1; 0 without keys.
    #[must_use]
    pub fn fraction(&self) -> f64 {
        if self.keys == 0 { 0.0 } else { self.moved as f64 / self.keys as f64 }
    }
}

impl Survey {
    /// How a function spreads these keys, each of which is to come once, in the order in which
    /// they arose.
    ///
    /// # Errors
    /// [`Error::TooManyServers`](crate::Error::TooManyServers) above [`MAX_SURVEYED`] shards.
    ///
    /// ```
    /// use entourage_sharding::{Finding, Range, Survey};
    ///
    /// let patents = Range::below("1976", "paper").below("2001", "scanned").rest("digital")?;
    /// let survey = Survey::of(&patents, (1900..2025).map(|year| year.to_string()))?;
    /// assert_eq!(survey.findings, [Finding::GrowsAtTheEnd { server: "digital".to_owned() }]);
    /// # Ok::<_, entourage_sharding::Error>(())
    /// ```
    pub fn of<K: AsRef<[u8]>>(
        function: &(impl Explain + ?Sized),
        keys: impl IntoIterator<Item = K>,
    ) -> Result<Self> {
        let mut surveyor = Surveyor::of(function)?;
        for key in keys {
            surveyor.take(key.as_ref());
        }
        Ok(surveyor.finish())
    }
}

/// A [`Diff`] that takes its keys one after the other.
///
/// Its memory does not grow with the keys, but with the pairs of shards that had one before and
/// after: at most as many as one function has shards times those of the other.
#[derive(Debug)]
pub struct Comparison<'f, O: ?Sized, N: ?Sized> {
    functions: (&'f O, &'f N),
    tags: (Option<HashTag>, Option<HashTag>),
    old: Surveyor<'f, O>,
    new: Surveyor<'f, N>,
    keys: u64,
    pairs: BTreeMap<(ShardId, ShardId), u64>,
}

impl<'f, O: Explain + ?Sized, N: Explain + ?Sized> Comparison<'f, O, N> {
    /// Of these two, before the first key.
    ///
    /// # Errors
    /// As [`Diff::between`].
    pub fn new(old: &'f O, new: &'f N) -> Result<Self> {
        Ok(Self {
            functions: (old, new),
            tags: (None, None),
            old: Surveyor::of(old)?,
            new: Surveyor::of(new)?,
            keys: 0,
            pairs: BTreeMap::new(),
        })
    }

    /// Cuts the keys for each of the functions by its hash tag.
    ///
    /// ```
    /// use entourage_sharding::{Comparison, HashTag, Rendezvous};
    ///
    /// let function = Rendezvous::of(["a", "b", "c"])?;
    /// let tag = HashTag::new(b'{', b'}');
    /// let mut comparison = Comparison::new(&function, &function)?.with_tags(None, Some(tag));
    /// comparison.add(b"no tag");
    /// assert_eq!(comparison.finish().moved, 0);
    /// # Ok::<_, entourage_sharding::Error>(())
    /// ```
    #[must_use]
    pub fn with_tags(mut self, old: Option<HashTag>, new: Option<HashTag>) -> Self {
        self.tags = (old, new);
        self
    }

    /// Compares one more key.
    pub fn add(&mut self, key: &[u8]) {
        let cut = |tag: Option<HashTag>| tag.map_or(key, |tag| tag.of(key));
        let from = self.old.take(cut(self.tags.0));
        let to = self.new.take(cut(self.tags.1));
        *self.pairs.entry((from, to)).or_default() += 1;
        self.keys += 1;
    }

    /// What came of it.
    #[must_use]
    pub fn finish(self) -> Diff {
        let (old, new) = self.functions;
        let pairs = self.pairs.into_iter().map(|((from, to), keys)| Moved {
            from: old.server_name(from).into_owned(),
            to: new.server_name(to).into_owned(),
            keys,
        });
        let moves: Vec<_> = pairs.filter(|pair| pair.from != pair.to).collect();
        Diff {
            keys: self.keys,
            moved: moves.iter().map(|some| some.keys).sum(),
            moves,
            old: self.old.finish(),
            new: self.new.finish(),
        }
    }
}
