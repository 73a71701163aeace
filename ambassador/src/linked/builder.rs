//! How a router is made.

use std::{fmt, sync::Arc};

use entourage_sharding::{HashTag, KeyHash};

use super::{Router, Unroutable, router::Pool};
use crate::{
    limits::Limits,
    nutcracker::Distribution,
    options::{Options, Partial},
    pool::{Placement, Placing},
};

/// Makes a [`Router`]: its shards, and how keys are placed on them.
///
/// What is not said is as in a pool of `nutcracker.yml` that does not say it: ketama, of FNV-1a of
/// 64 bits, without a hash tag.
#[must_use]
pub struct RouterBuilder<S> {
    placing: Placing,
    partial: Partial,
    limits: Limits,
    shards: Vec<(String, u32, S)>,
}

impl<S> RouterBuilder<S> {
    pub(super) fn new() -> Self {
        let distribution = Distribution::default();
        Self {
            placing: Placing { distribution, hash: KeyHash::Fnv1a64, tag: None },
            partial: Partial::default(),
            limits: Limits::default(),
            shards: Vec::new(),
        }
    }

    pub(super) const fn placing(mut self, placing: Placing) -> Self {
        self.placing = placing;
        self
    }

    /// How hashes become shards.
    pub const fn distribution(mut self, distribution: Distribution) -> Self {
        self.placing.distribution = distribution;
        self
    }

    /// What keys are hashed by.
    pub const fn hash(mut self, hash: KeyHash) -> Self {
        self.placing.hash = hash;
        self
    }

    /// Which part of a key is hashed.
    pub const fn hash_tag(mut self, tag: HashTag) -> Self {
        self.placing.tag = Some(tag);
        self
    }

    /// Takes [`Options::partial`] from these, and of [`Options::limits`] how long a command may be.
    ///
    /// The rest is of connections, which are the inner services' business.
    pub fn options(mut self, options: &Options) -> Self {
        self.partial = options.partial;
        self.limits = options.limits.clone();
        self
    }

    /// One more shard: its name in the ring, which decides its keys, its part of the keys, and
    /// what answers for it.
    pub fn shard(mut self, name: impl Into<String>, weight: u32, service: S) -> Self {
        self.shards.push((name.into(), weight, service));
        self
    }

    /// The router.
    ///
    /// # Errors
    /// [`Unroutable`] where keys cannot be placed: there is no shard, or two of one name, or one of
    /// weight 0.
    pub fn build(self) -> Result<Router<S>, Unroutable> {
        let Self { placing, partial, limits, shards } = self;
        let mut among: Vec<(usize, &str, u32)> = Vec::with_capacity(shards.len());
        for (at, (name, weight, _)) in shards.iter().enumerate() {
            check(at, name, *weight, &among)?;
            among.push((at, name, *weight));
        }
        if among.is_empty() {
            return Err(entourage_sharding::Error::NoShards.into());
        }
        let placement = Placement::new(placing, &among)?;
        let names = shards.iter().map(|(name, ..)| Arc::from(name.as_str())).collect();
        let pool = Pool { placement, names, partial, limits };
        Ok(Router::new(pool, shards.into_iter().map(|(.., service)| service).collect()))
    }
}

/// What a ring would say, of the distributions too that make none.
fn check(at: usize, name: &str, weight: u32, before: &[(usize, &str, u32)]) -> Result<(), Unroutable> {
    use entourage_sharding::Error;

    let named = || name.to_owned();
    let wrong = match () {
        () if name.chars().any(char::is_control) => return Err(Unroutable::Unprintable { name: named() }),
        () if name.is_empty() => Error::UnnamedServer { position: at },
        () if weight == 0 => Error::ZeroWeight { name: named() },
        () if before.iter().any(|(_, known, _)| *known == name) => Error::DuplicateServer { name: named() },
        () => return Ok(()),
    };
    Err(wrong.into())
}

/// Without the services.
impl<S> fmt::Debug for RouterBuilder<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shards = self.shards.iter().map(|(name, weight, _)| (name, weight));
        f.debug_struct("RouterBuilder")
            .field("placing", &self.placing)
            .field("partial", &self.partial)
            .field("limits", &self.limits)
            .field("shards", &shards.collect::<Vec<_>>())
            .finish()
    }
}
