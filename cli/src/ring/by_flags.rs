//! A function that the command line names.

use clap::{Args, ValueEnum};
use entourage_sharding::{Chars, Dialect, HashTag, IpHash, KeyHash, Maglev, NginxHash, Rendezvous};

use super::placing::{Placing, modula, ring};
use crate::exit::Usage;

/// A function without a file.
#[derive(Args, Clone)]
pub(super) struct Flags {
    /// Whose placement it is
    #[arg(long, env = "ENTOURAGE_DIALECT", value_name = "WHOSE", value_enum, default_value_t = Whose::Entourage)]
    pub(super) dialect: Whose,
    /// The hash of twemproxy, modula and libmemcached: one_at_a_time, md5, crc16, crc32, crc32a, fnv1_64, fnv1a_64, fnv1_32, fnv1a_32, hsieh, murmur or jenkins [default: fnv1a_64]
    #[arg(long, env = "ENTOURAGE_HASH", value_name = "HASH")]
    pub(super) hash: Option<KeyHash>,
    /// The two characters between which a key has the part that counts, such as {} [default: all of the key counts]
    #[arg(long, env = "ENTOURAGE_TAG", value_name = "AB")]
    pub(super) tag: Option<HashTag>,
    /// A server's name on the ring, with a weight if that is not 1; once for each, in the order of the configuration; blanks tell several apart [default: none]
    #[arg(long, env = "ENTOURAGE_SERVER", value_name = "NAME[*WEIGHT]", value_delimiter = ' ')]
    pub(super) server: Vec<Weighted>,
    /// Whether C's char is signed where the other program runs: signed on x86, unsigned on ARM
    #[arg(long, env = "ENTOURAGE_CHARS", value_name = "HOW", value_enum, default_value_t = Signedness::Signed)]
    pub(super) chars: Signedness,
}

/// A server's name, and its part of the keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Weighted {
    name: String,
    weight: u32,
}

impl std::str::FromStr for Weighted {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let weighted = text.rsplit_once('*').and_then(|(name, weight)| Some((name, weight.parse().ok()?)));
        let (name, weight) = weighted.unwrap_or((text, 1));
        if name.is_empty() || weight == 0 {
            return Err("a server is a name, or NAME*WEIGHT with a weight of 1 at least".to_owned());
        }
        Ok(Self { name: name.to_owned(), weight })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Whose {
    /// our own ring
    Entourage,
    /// twemproxy's `distribution: ketama`
    Twemproxy,
    /// twemproxy's `distribution: modula`
    Modula,
    /// libmemcached's KETAMA_WEIGHTED
    Libmemcached,
    /// the library of Richard Jones
    Libketama,
    /// nginx' `hash KEY consistent`
    Nginx,
    /// nginx' `hash KEY`
    NginxHash,
    /// nginx' `ip_hash`: a key is an address, or its bytes
    NginxIp,
    /// the highest bid, weighted
    Rendezvous,
    /// Google's table, of 65,537 entries
    Maglev,
}

impl Whose {
    /// Whether one of several hashes may be chosen.
    pub(super) const fn has_a_choice(self) -> bool {
        matches!(self, Self::Twemproxy | Self::Modula | Self::Libmemcached)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Signedness {
    /// As on x86
    Signed,
    /// As on ARM
    Unsigned,
}

impl Flags {
    /// Whether a function is named.
    pub(super) const fn is_named(&self) -> bool {
        !self.server.is_empty()
    }

    /// The function over these servers, whose keys are no addresses in words if they are bytes.
    ///
    /// # Errors
    /// It cannot be made of them, or has no hash to choose.
    pub(super) fn placing(&self, are_bytes: bool) -> anyhow::Result<Placing> {
        if self.hash.is_some() && !self.dialect.has_a_choice() {
            let why = "--hash is for --dialect twemproxy, modula and libmemcached; the others have their own";
            return Err(Usage(why.to_owned()).into());
        }
        let hash = self.hash.unwrap_or(KeyHash::Fnv1a64);
        let chars = match self.chars {
            Signedness::Signed => Chars::Signed,
            Signedness::Unsigned => Chars::Unsigned,
        };
        let servers = || self.server.iter().map(|server| (server.name.as_str(), server.weight));
        let ring = |dialect| ring(dialect, chars, servers()).map(Box::new);
        let mut placing = Placing::alone(
            match self.dialect {
                Whose::Entourage => ring(Dialect::Entourage)?,
                Whose::Twemproxy => ring(Dialect::Twemproxy(hash))?,
                Whose::Libmemcached => ring(Dialect::LibmemcachedWeighted(hash))?,
                Whose::Libketama => ring(Dialect::Libketama)?,
                Whose::Nginx => ring(Dialect::Nginx)?,
                Whose::Modula => Box::new(modula(hash, chars, servers())?),
                Whose::NginxHash => Box::new(NginxHash::new(servers())?),
                Whose::NginxIp => Box::new(IpHash::new(servers())?),
                Whose::Rendezvous => Box::new(Rendezvous::new(servers())?),
                Whose::Maglev => Box::new(Maglev::new(servers())?),
            },
            self.tag,
        );
        placing.is_of_addresses = self.dialect == Whose::NginxIp && !are_bytes;
        Ok(placing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weight_stands_behind_the_last_star() {
        for (text, name, weight) in [
            ("a", "a", 1),
            ("a*3", "a", 3),
            ("10.0.0.1:6379*2", "10.0.0.1:6379", 2),
            ("a*b", "a*b", 1),
            ("a*2*3", "a*2", 3),
        ] {
            assert_eq!(text.parse(), Ok(Weighted { name: name.to_owned(), weight }), "{text}");
        }
        for text in ["", "*2", "a*0"] {
            assert!(text.parse::<Weighted>().is_err(), "{text}");
        }
    }
}
