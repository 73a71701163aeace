//! What places keys: a pool of a file, or a function that is named.

use std::{borrow::Cow, net::IpAddr, path::Path};

use anyhow::{Context, Result};
use entourage_ambassador::nutcracker::{Config, Distribution, Pool};
use entourage_sharding::{Chars, ConsistentRing, Dialect, Explain, HashTag, KeyHash, Modula};

use crate::{ambassador, exit::Usage};

/// A function, and the part of a key that it is asked of.
#[derive(Debug)]
pub(super) struct Placing {
    /// The pool's name, where it is one of a file.
    pub(super) pool: Option<String>,
    pub(super) function: Box<dyn Explain>,
    pub(super) tag: Option<HashTag>,
    /// Keys are addresses, which it knows by their bytes.
    pub(super) is_of_addresses: bool,
    /// What the file had better say otherwise.
    pub(super) warnings: Vec<String>,
    /// Where each server is, by its name on the ring, as far as that is known.
    addresses: Vec<(String, String)>,
}

impl Placing {
    /// One that is in no file.
    pub(super) const fn alone(function: Box<dyn Explain>, tag: Option<HashTag>) -> Self {
        Self {
            pool: None,
            function,
            tag,
            is_of_addresses: false,
            warnings: Vec::new(),
            addresses: Vec::new(),
        }
    }

    /// The bytes that the function is asked of: an address' own, where it is of addresses.
    pub(super) fn asked<'k>(&self, key: &'k [u8]) -> Cow<'k, [u8]> {
        let address = || std::str::from_utf8(key).ok()?.parse().ok();
        match self.is_of_addresses.then(address).flatten() {
            Some(IpAddr::V4(address)) => address.octets().to_vec().into(),
            Some(IpAddr::V6(address)) => address.octets().to_vec().into(),
            None => key.into(),
        }
    }

    /// That of a pool; none where a key goes anywhere.
    ///
    /// # Errors
    /// No ring can be made of its servers.
    pub(super) fn of(config: &Config, pool: &Pool) -> Result<Option<Self>> {
        let servers = pool.ring_servers();
        let function: Box<dyn Explain> = match pool.distribution {
            Distribution::Random => return Ok(None),
            Distribution::Ketama => Box::new(ring(Dialect::Twemproxy(pool.hash), Chars::Signed, servers)?),
            Distribution::Modula => Box::new(modula(pool.hash, Chars::Signed, servers)?),
        };
        let addresses =
            pool.servers.iter().map(|server| (server.name.clone(), server.address.to_string())).collect();
        let warnings = warnings(config, &pool.name);
        let is_kept = !entourage_core::planted("ring-ignores-the-tag");
        let (pool, tag) = (Some(pool.name.clone()), pool.hash_tag.filter(|_| is_kept));
        Ok(Some(Self { pool, function, tag, is_of_addresses: false, warnings, addresses }))
    }

    /// Where the server of this name is, if that is known.
    pub(super) fn address(&self, server: &str) -> Option<&str> {
        let found = self.addresses.iter().find(|(name, _)| name == server);
        found.map(|(_, address)| address.as_str())
    }
}

/// What is said of a pool, as it is printed: `line 3: pool "alpha": …`.
fn warnings(config: &Config, pool: &str) -> Vec<String> {
    let of_pool = config.warnings().iter().filter(|warning| warning.pool() == pool);
    of_pool.map(ToString::to_string).collect()
}

/// A ring of these servers.
pub(super) fn ring<'a>(
    dialect: Dialect,
    chars: Chars,
    servers: impl IntoIterator<Item = (&'a str, u32)>,
) -> Result<ConsistentRing> {
    let builder = ConsistentRing::builder().dialect(dialect).chars(chars);
    let servers = servers.into_iter();
    Ok(servers.fold(builder, |ring, (name, weight)| ring.server(name, weight)).build()?)
}

/// Twemproxy's other way.
pub(super) fn modula<'a>(
    hash: KeyHash,
    chars: Chars,
    servers: impl IntoIterator<Item = (&'a str, u32)>,
) -> Result<Modula> {
    Ok(Modula::new(hash, servers)?.with_chars(chars))
}

/// What a file says; its warnings are in the log.
pub(super) fn file(path: &Path) -> Result<Config> {
    Ok(ambassador::read(path)?.1)
}

/// The pool of this name, or the only one that there is.
///
/// # Errors
/// There is none of that name, or there are several and none is named.
pub(super) fn pool<'c>(config: &'c Config, path: &Path, name: Option<&str>) -> Result<&'c Pool> {
    let names = || config.pools.iter().map(|pool| pool.name.as_str()).collect::<Vec<_>>().join(", ");
    let path = path.display();
    match (name, &config.pools[..]) {
        (Some(name), _) => config
            .pool(name)
            .ok_or_else(|| Usage(format!("there is no pool {name:?} in {path}, but {}", names())).into()),
        (None, [only]) => Ok(only),
        (None, _) => {
            Err(Usage(format!("there are several pools in {path}; name one with --pool: {}", names())).into())
        }
    }
}

/// That of a pool, which must be one.
///
/// # Errors
/// A key goes anywhere there, or no ring can be made of its servers.
pub(super) fn of_pool(config: &Config, pool: &Pool) -> Result<Placing> {
    let placing = Placing::of(config, pool).with_context(|| format!("in pool {:?}", pool.name))?;
    placing.ok_or_else(|| {
        let why = "its `distribution: random` sends a key to any server";
        Usage(format!("pool {:?} does not place keys: {why}", pool.name)).into()
    })
}
