//! Keys by where they stand in their order, between borders that the user draws.

use crate::{Error, Result, ShardId, ShardingFunction};

/// Places keys by their order, so that neighbours stay together and can be scanned.
///
/// Each shard has the keys below its border, which are not below the border before; the last has
/// the rest. Keys and borders are compared as bytes: write numbers big-endian or padded with
/// zeros. Nothing is hashed, so it spreads as evenly as the borders are drawn, and keys that
/// grow with time (patents by year, numbers in sequence) all arrive at the last shard:
/// [`Diff`](crate::Diff) says when it sees that. A border that moves moves the keys between its
/// old place and its new one, between the two shards next to it, and no others. Shards are
/// numbered in the order of their keys.
///
/// ```
/// use entourage_sharding::{Range, ShardId, ShardingFunction};
///
/// let patents = Range::below("1976", "paper").below("2001", "scanned").rest("digital")?;
/// let name = |year: &str| patents.name(patents.shard(year.as_bytes()));
/// assert_eq!(name("1899-04-01"), Some("paper"));
/// assert_eq!(name("1976"), Some("scanned"));
/// assert_eq!(name("2025"), Some("digital"));
/// # Ok::<_, entourage_sharding::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    /// The least key that is too great for each shard but the last; ascending.
    borders: Vec<Box<[u8]>>,
    /// One more than there are borders.
    names: Vec<String>,
}

/// The shards of a [`Range`] so far, in the order of their keys.
#[derive(Clone, Debug)]
#[must_use = "a range is finished by the shard that has the `rest`"]
pub struct RangeBuilder {
    range: Range,
}

impl RangeBuilder {
    /// The next shard has what is not below the border before, and below this one.
    pub fn below(mut self, border: impl Into<Vec<u8>>, name: impl Into<String>) -> Self {
        self.range.borders.push(border.into().into());
        self.range.names.push(name.into());
        self
    }

    /// The last shard has all the rest.
    ///
    /// # Errors
    /// [`Error::UnorderedBorder`] for a border that is not above the one before, the first one
    /// above the empty key; [`Error::UnnamedServer`]; [`Error::DuplicateServer`].
    ///
    /// ```
    /// use entourage_sharding::{Error, Range};
    ///
    /// let crossed = Range::below("m", "first").below("c", "second").rest("third");
    /// assert_eq!(crossed, Err(Error::UnorderedBorder { position: 1 }));
    /// ```
    pub fn rest(self, name: impl Into<String>) -> Result<Range> {
        let Range { borders, mut names } = self.range;
        names.push(name.into());
        let before = std::iter::once(&[][..]).chain(borders.iter().map(|border| &**border));
        if let Some(position) = borders.iter().zip(before).position(|(border, before)| **border <= *before) {
            return Err(Error::UnorderedBorder { position });
        }
        if let Some(position) = names.iter().position(String::is_empty) {
            return Err(Error::UnnamedServer { position });
        }
        let mut sorted: Vec<_> = names.iter().collect();
        sorted.sort_unstable();
        if let Some(pair) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(Error::DuplicateServer { name: pair[0].clone() });
        }
        Ok(Range { borders, names })
    }
}

impl Range {
    /// The first shard has the keys below this border; go on with the next ones.
    ///
    /// ```
    /// use entourage_sharding::{Range, ShardId, ShardingFunction};
    ///
    /// let halves = Range::below([0x80], "lower").rest("upper")?;
    /// assert_eq!(halves.shard(&[0x7f, 0xff]), ShardId::new(0));
    /// assert_eq!(halves.shard(&[0x80]), ShardId::new(1));
    /// # Ok::<_, entourage_sharding::Error>(())
    /// ```
    pub fn below(border: impl Into<Vec<u8>>, name: impl Into<String>) -> RangeBuilder {
        RangeBuilder { range: Self { borders: Vec::new(), names: Vec::new() } }.below(border, name)
    }

    /// One shard that has all keys, to begin with.
    ///
    /// # Errors
    /// [`Error::UnnamedServer`].
    ///
    /// ```
    /// use entourage_sharding::{Range, ShardingFunction};
    ///
    /// assert_eq!(Range::whole("only")?.shards(), 1);
    /// # Ok::<_, entourage_sharding::Error>(())
    /// ```
    pub fn whole(name: impl Into<String>) -> Result<Self> {
        RangeBuilder { range: Self { borders: Vec::new(), names: Vec::new() } }.rest(name)
    }

    /// The name of a shard; `None` where another function gave the shard.
    ///
    /// ```
    /// use entourage_sharding::{Range, ShardId};
    ///
    /// let range = Range::below("m", "a-l").rest("m-z")?;
    /// assert_eq!(range.name(ShardId::new(1)), Some("m-z"));
    /// assert_eq!(range.name(ShardId::new(2)), None);
    /// # Ok::<_, entourage_sharding::Error>(())
    /// ```
    #[must_use]
    pub fn name(&self, shard: ShardId) -> Option<&str> {
        self.names.get(shard.index()).map(String::as_str)
    }

    /// The least key of a shard, and the least key that is too great for it, if any is.
    ///
    /// ```
    /// use entourage_sharding::{Range, ShardId};
    ///
    /// let range = Range::below("m", "a-l").rest("m-z")?;
    /// assert_eq!(range.borders(ShardId::new(0)), Some((&b""[..], Some(&b"m"[..]))));
    /// assert_eq!(range.borders(ShardId::new(1)), Some((&b"m"[..], None)));
    /// assert_eq!(range.borders(ShardId::new(2)), None);
    /// # Ok::<_, entourage_sharding::Error>(())
    /// ```
    #[must_use]
    pub fn borders(&self, shard: ShardId) -> Option<(&[u8], Option<&[u8]>)> {
        let border = |at: usize| self.borders.get(at).map(|border| &**border);
        let index = shard.index();
        (index < self.names.len())
            .then(|| (index.checked_sub(1).and_then(border).unwrap_or_default(), border(index)))
    }
}

impl ShardingFunction for Range {
    fn shard(&self, key: &[u8]) -> ShardId {
        let below = self.borders.partition_point(|border| **border <= *key);
        ShardId::at(below)
    }

    fn shards(&self) -> u32 {
        ShardId::at(self.names.len()).number()
    }
}
