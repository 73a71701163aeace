//! Why a key is where it is.

mod functions;

use std::{borrow::Cow, sync::Arc};

use crate::{HashTag, Preference, PreferenceExt, ShardId};

/// A function that can say why a key is where it is.
///
/// # Contract
/// * What it says is what `shard` does.
/// * `server_name` tells shards apart; of one that there is not, it is its number.
pub trait Explain: Preference {
    /// The hash that places the key; `None` of a function that does not hash.
    fn key_hash(&self, key: &[u8]) -> Option<u64>;

    /// How many bits that hash ought to have; 0 of a function that does not hash.
    fn hash_bits(&self) -> u32;

    /// What the hash met: a ring's point, a table's entry; `None` where there is no such thing.
    fn point(&self, key: &[u8]) -> Option<u64>;

    /// The name of a shard's server; its number, where shards have no names.
    fn server_name(&self, shard: ShardId) -> Cow<'_, str>;

    /// The part of the keys that a shard ought to have by its weight, from 0 to 1; `None` where
    /// nobody can say, as of ranges.
    fn ideal_share(&self, shard: ShardId) -> Option<f64>;

    /// The shards that can get no key at all, as far as that is known without looking at keys.
    fn starved_shards(&self) -> Vec<ShardId>;

    /// Whether keys are placed by their order, so that those beyond all others go to the last shard.
    fn is_ordered(&self) -> bool;
}

macro_rules! forward {
    ($($pointer:ty),*) => {$(
        #[deny(clippy::missing_trait_methods)]
        impl<F: Explain + ?Sized> Explain for $pointer {
            fn key_hash(&self, key: &[u8]) -> Option<u64> {
                (**self).key_hash(key)
            }

            fn hash_bits(&self) -> u32 {
                (**self).hash_bits()
            }

            fn point(&self, key: &[u8]) -> Option<u64> {
                (**self).point(key)
            }

            fn server_name(&self, shard: ShardId) -> Cow<'_, str> {
                (**self).server_name(shard)
            }

            fn ideal_share(&self, shard: ShardId) -> Option<f64> {
                (**self).ideal_share(shard)
            }

            fn starved_shards(&self) -> Vec<ShardId> {
                (**self).starved_shards()
            }

            fn is_ordered(&self) -> bool {
                (**self).is_ordered()
            }
        }
    )*};
}

forward!(&F, Box<F>, Arc<F>);

/// Where one key is, and why; plain data, to be printed.
///
/// ```
/// use entourage_sharding::{Explanation, HashTag, Rendezvous};
///
/// let function = Rendezvous::of(["ann", "bob"])?;
/// let tag = HashTag::new(b'{', b'}');
/// let cart = Explanation::of(&function, Some(tag), b"cart:{user:7}", 2);
/// let name = Explanation::of(&function, Some(tag), b"name:{user:7}", 2);
/// assert_eq!(cart.hashed, b"user:7");
/// assert_eq!((&cart.hash, &cart.server), (&name.hash, &name.server));
/// assert_eq!(cart.replicas.len(), 2);
/// assert_eq!(cart.replicas[0], cart.server);
/// # Ok::<_, entourage_sharding::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explanation {
    /// The key.
    pub key: Vec<u8>,
    /// The part of it that counts: what the hash tag cuts out, or all of it.
    pub hashed: Vec<u8>,
    /// Its hash, where the function has one.
    pub hash: Option<u64>,
    /// What the hash met: a ring's point, a table's entry.
    pub point: Option<u64>,
    /// The number of its shard.
    pub shard: ShardId,
    /// The name of its server; the shard's number, where shards have no names.
    pub server: String,
    /// The names of the servers that it prefers, its own first.
    pub replicas: Vec<String>,
}

impl Explanation {
    /// Of this key, with so many replicas; with what the tag cuts out of it, if there is one.
    #[must_use]
    pub fn of<F: Explain + ?Sized>(function: &F, tag: Option<HashTag>, key: &[u8], replicas: usize) -> Self {
        let hashed = tag.map_or(key, |tag| tag.of(key));
        let shard = function.shard(hashed);
        let name = |shard| function.server_name(shard).into_owned();
        Self {
            key: key.to_owned(),
            hashed: hashed.to_owned(),
            hash: function.key_hash(hashed),
            point: function.point(hashed),
            shard,
            server: name(shard),
            replicas: function.preference(hashed).take(replicas).map(name).collect(),
        }
    }
}
