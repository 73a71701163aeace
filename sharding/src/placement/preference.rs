//! In which order a key prefers the shards.

use std::{collections::BTreeSet, fmt, sync::Arc};

use xxhash_rust::xxh3::xxh3_64;

use super::shuffle::Shuffle;
use crate::{
    ConsistentRing, IpHash, Jump, Maglev, Modula, Modulo, NginxHash, Range, Rendezvous, ShardId,
    ShardingFunction,
};

/// A function that says of each key not only its shard but who is next.
///
/// # Contract
/// * `others` gives every shard but the key's own exactly once, and always in one order.
/// * It is lazy where it can be: most callers take one or two.
///
/// ```
/// use entourage_sharding::{Jump, PreferenceExt, ShardingFunction};
///
/// let jump = Jump::new(5)?;
/// let order: Vec<_> = jump.preference(b"user:7").collect();
/// assert_eq!(order[0], jump.shard(b"user:7"));
/// assert_eq!(order.len(), 5);
/// # Ok::<_, entourage_sharding::Error>(())
/// ```
pub trait Preference: ShardingFunction {
    /// The shards that come after the key's own, the best first.
    fn others<'a>(&'a self, key: &'a [u8]) -> Box<dyn Iterator<Item = ShardId> + 'a>;
}

/// What every [`Preference`] can do.
pub trait PreferenceExt: Preference {
    /// All shards, the key's own first; what comes after it is worked out only when asked for.
    fn preference<'a>(&'a self, key: &'a [u8]) -> Preferred<'a, Self>;
}

impl<F: Preference + ?Sized> PreferenceExt for F {
    fn preference<'a>(&'a self, key: &'a [u8]) -> Preferred<'a, Self> {
        Preferred { function: self, key, rest: Rest::All }
    }
}

/// All shards in the order in which a key prefers them; see [`PreferenceExt::preference`].
pub struct Preferred<'a, F: ?Sized> {
    function: &'a F,
    key: &'a [u8],
    rest: Rest<'a>,
}

enum Rest<'a> {
    All,
    NotTheFirst,
    These(Box<dyn Iterator<Item = ShardId> + 'a>),
}

impl<F: Preference + ?Sized> Iterator for Preferred<'_, F> {
    type Item = ShardId;

    fn next(&mut self) -> Option<ShardId> {
        if let Rest::All = self.rest {
            self.rest = Rest::NotTheFirst;
            return Some(self.function.shard(self.key));
        }
        if let Rest::NotTheFirst = self.rest {
            self.rest = Rest::These(self.function.others(self.key));
        }
        match &mut self.rest {
            Rest::These(others) => others.next(),
            Rest::All | Rest::NotTheFirst => None,
        }
    }
}

impl<F: fmt::Debug + ?Sized> fmt::Debug for Preferred<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Preferred").field("function", &self.function).field("key", &self.key).finish()
    }
}

macro_rules! forward {
    ($($pointer:ty),*) => {$(
        #[deny(clippy::missing_trait_methods)]
        impl<F: Preference + ?Sized> Preference for $pointer {
            fn others<'a>(&'a self, key: &'a [u8]) -> Box<dyn Iterator<Item = ShardId> + 'a> {
                (**self).others(key)
            }
        }
    )*};
}

forward!(&F, Box<F>, Arc<F>);

/// The key's own shard is first on the walk: each other one when it is first met, and whom the
/// walk does not meet at the end, by number.
fn met_first<'a>(
    function: &'a impl ShardingFunction,
    walk: impl Iterator<Item = ShardId> + 'a,
) -> Box<dyn Iterator<Item = ShardId> + 'a> {
    let everybody = (0..function.shards()).map(ShardId::new);
    let mut met = BTreeSet::new();
    let others = function.shards() as usize - 1;
    Box::new(walk.chain(everybody).filter(move |shard| met.insert(*shard)).skip(1).take(others))
}

/// The next points of the ring; at the end whoever has no point.
impl Preference for ConsistentRing {
    fn others<'a>(&'a self, key: &'a [u8]) -> Box<dyn Iterator<Item = ShardId> + 'a> {
        met_first(self, self.walk(key))
    }
}

/// The next entries of the table; at the end whoever has no entry.
impl Preference for Maglev {
    fn others<'a>(&'a self, key: &'a [u8]) -> Box<dyn Iterator<Item = ShardId> + 'a> {
        met_first(self, self.walk(key))
    }
}

/// Whom nginx tries next; at the end whom it takes in turn.
impl Preference for NginxHash {
    fn others<'a>(&'a self, key: &'a [u8]) -> Box<dyn Iterator<Item = ShardId> + 'a> {
        met_first(self, self.tries(key).into_iter())
    }
}

/// Whom nginx tries next; at the end whom it takes in turn.
impl Preference for IpHash {
    fn others<'a>(&'a self, key: &'a [u8]) -> Box<dyn Iterator<Item = ShardId> + 'a> {
        met_first(self, self.tries(key).into_iter())
    }
}

/// The next best bids: whom the key would go to without the first.
impl Preference for Rendezvous {
    fn others<'a>(&'a self, key: &'a [u8]) -> Box<dyn Iterator<Item = ShardId> + 'a> {
        Box::new(self.ranked(key).into_iter().skip(1))
    }
}

/// The next ranges, round the end.
impl Preference for Range {
    fn others<'a>(&'a self, key: &'a [u8]) -> Box<dyn Iterator<Item = ShardId> + 'a> {
        let (own, shards) = (self.shard(key).index(), self.shards() as usize);
        Box::new((1..shards).map(move |further| ShardId::at((own + further) % shards)))
    }
}

macro_rules! shuffled {
    ($($function:ty),*) => {$(
        /// The others in an order that the key's hash draws, so that a failed shard's keys
        /// spread over all of them.
        impl Preference for $function {
            fn others<'a>(&'a self, key: &'a [u8]) -> Box<dyn Iterator<Item = ShardId> + 'a> {
                Box::new(Shuffle::without(self.shard(key), self.shards(), xxh3_64(key)))
            }
        }
    )*};
}

shuffled!(Jump, Modula, Modulo);
