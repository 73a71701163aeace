//! Named servers in the order in which their shards are numbered.

use std::{borrow::Cow, collections::BTreeSet};

use entourage_core::planted;

use crate::{Error, Result, Server, ShardId};

/// Servers that keys can be placed on: at least one, each with a name of its own and a weight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Roster {
    /// The `n`-th is that of shard `n`.
    servers: Vec<Server>,
    /// Their numbers, by name.
    by_name: Vec<u32>,
    /// The sum of the weights.
    weight: u64,
}

impl Roster {
    /// By name, so that the order in which they were given does not matter.
    pub(crate) fn by_name<N: Into<String>>(servers: impl IntoIterator<Item = (N, u32)>) -> Result<Self> {
        Self::ordered(servers, |servers| servers.sort_by(|a, b| a.name().cmp(b.name())))
    }

    /// As twemproxy has them: by the length of the name, then by its bytes.
    pub(crate) fn by_length<N: Into<String>>(servers: impl IntoIterator<Item = (N, u32)>) -> Result<Self> {
        if planted("servers-by-name-alone") {
            return Self::by_name(servers);
        }
        Self::ordered(servers, |servers| {
            servers.sort_by(|a, b| a.name().len().cmp(&b.name().len()).then_with(|| a.name().cmp(b.name())));
        })
    }

    /// As they were given.
    pub(crate) fn as_given<N: Into<String>>(servers: impl IntoIterator<Item = (N, u32)>) -> Result<Self> {
        Self::ordered(servers, |_| {})
    }

    fn ordered<N: Into<String>>(
        servers: impl IntoIterator<Item = (N, u32)>,
        sort: impl FnOnce(&mut [Server]),
    ) -> Result<Self> {
        let mut servers: Vec<_> =
            servers.into_iter().map(|(name, weight)| Server::new(name, weight)).collect();
        check(&servers)?;
        sort(&mut servers);
        let mut by_name: Vec<u32> = (0..).take(servers.len()).collect();
        by_name.sort_by_key(|number| servers[*number as usize].name());
        let weight = servers.iter().map(|server| u64::from(server.weight())).sum();
        Ok(Self { servers, by_name, weight })
    }

    pub(crate) fn servers(&self) -> &[Server] {
        &self.servers
    }

    pub(crate) fn shards(&self) -> u32 {
        ShardId::at(self.servers.len()).number()
    }

    /// The sum of the weights.
    pub(crate) const fn weight(&self) -> u64 {
        self.weight
    }

    /// The shard of the server of this name.
    pub(crate) fn shard_of(&self, name: &str) -> Option<ShardId> {
        let named = |number: &u32| self.servers[*number as usize].name().cmp(name);
        let at = self.by_name.binary_search_by(named).ok()?;
        Some(ShardId::new(self.by_name[at]))
    }

    /// The name of a shard's server; its number, where there is no such shard.
    pub(crate) fn label(&self, shard: ShardId) -> Cow<'_, str> {
        let server = self.servers.get(shard.index());
        server.map_or_else(|| shard.to_string().into(), |server| server.name().into())
    }

    /// The part of all weights that the server of this shard has, from 0 to 1.
    pub(crate) fn part(&self, shard: ShardId) -> f64 {
        let weight = self.servers.get(shard.index()).map_or(0, Server::weight);
        f64::from(weight) / self.weight as f64
    }
}

/// Refuses what keys cannot be placed by: no servers, no name, no weight, a name twice.
fn check(servers: &[Server]) -> Result<()> {
    if servers.is_empty() {
        return Err(Error::NoShards);
    }
    if let Some(position) = servers.iter().position(|server| server.name().is_empty()) {
        return Err(Error::UnnamedServer { position });
    }
    if let Some(server) = servers.iter().find(|server| server.weight() == 0) {
        return Err(Error::ZeroWeight { name: server.name().to_owned() });
    }
    let mut names = BTreeSet::new();
    match servers.iter().find(|server| !names.insert(server.name())) {
        Some(twice) => Err(Error::DuplicateServer { name: twice.name().to_owned() }),
        None => Ok(()),
    }
}

/// What every function over named servers says of them; its field `roster` has them.
///
/// `$made` makes one of the servers `a` and `b`, for the examples.
macro_rules! over_servers {
    ($function:ident, $made:literal) => {
        impl $function {
            /// The servers, in the order in which the shards are numbered: that of shard `n` is
            /// the `n`-th.
            ///
            /// ```
            #[doc = concat!("let function = entourage_sharding::", $made, "?;")]
            /// let names: Vec<_> = function.servers().iter().map(|server| server.name()).collect();
            /// assert_eq!(names, ["a", "b"]);
            /// # Ok::<_, entourage_sharding::Error>(())
            /// ```
            #[must_use]
            pub fn servers(&self) -> &[$crate::Server] {
                self.roster.servers()
            }

            /// The server of a shard; `None` where another function gave the shard.
            ///
            /// ```
            /// use entourage_sharding::ShardId;
            ///
            #[doc = concat!("let function = entourage_sharding::", $made, "?;")]
            /// assert_eq!(function.server(ShardId::new(1)).map(|server| server.name()), Some("b"));
            /// assert_eq!(function.server(ShardId::new(2)), None);
            /// # Ok::<_, entourage_sharding::Error>(())
            /// ```
            #[must_use]
            pub fn server(&self, shard: $crate::ShardId) -> Option<&$crate::Server> {
                self.servers().get(shard.index())
            }

            /// The server of a key.
            ///
            /// ```
            #[doc = concat!("let function = entourage_sharding::", $made, "?;")]
            /// assert!(["a", "b"].contains(&function.server_of(b"key").name()));
            /// # Ok::<_, entourage_sharding::Error>(())
            /// ```
            #[must_use]
            pub fn server_of(&self, key: &[u8]) -> &$crate::Server {
                let shard = $crate::ShardingFunction::shard(self, key);
                &self.servers()[shard.index()]
            }

            /// The shard of the server of this name.
            ///
            /// ```
            /// use entourage_sharding::ShardId;
            ///
            #[doc = concat!("let function = entourage_sharding::", $made, "?;")]
            /// assert_eq!(function.shard_of_server("b"), Some(ShardId::new(1)));
            /// assert_eq!(function.shard_of_server("c"), None);
            /// # Ok::<_, entourage_sharding::Error>(())
            /// ```
            #[must_use]
            pub fn shard_of_server(&self, name: &str) -> Option<$crate::ShardId> {
                self.roster.shard_of(name)
            }

            pub(crate) const fn roster(&self) -> &$crate::roster::Roster {
                &self.roster
            }
        }
    };
}

pub(crate) use over_servers;
