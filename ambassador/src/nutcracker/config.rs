//! The whole file.

use std::{
    fs::File,
    io::{self, Read},
    num::NonZeroU32,
    path::{Path, PathBuf},
    time::Duration,
};

use entourage_sharding::{HashTag, KeyHash};

use super::{
    Distribution, Invalid, Listen, Pool, Problem, Secret, Server, Warning, Wire,
    document::{self, LONGEST, Section, Text},
    invalid::Place,
    keys::Keys,
    lint,
};

/// What a `nutcracker.yml` says: pools, and what had better be otherwise.
///
/// A file that nutcracker refuses is refused, with the line and what to write instead. So are some
/// that it takes and cannot serve as they are meant: see the [module](super).
///
/// ```
/// use entourage_ambassador::nutcracker::Config;
///
/// let file = "\
/// alpha:
///   listen: 127.0.0.1:22121
///   tiemout: 400
///   servers:
///    - 127.0.0.1:11211:1
/// ";
/// let invalid = Config::parse(file).expect_err("the key is misspelt");
/// assert_eq!(invalid.line(), 3);
/// let says = r#"line 3: pool "alpha": "tiemout" is no key of a pool; did you mean `timeout`?"#;
/// assert_eq!(invalid.to_string(), says);
///
/// let config = Config::parse(&file.replace("tiemout", "timeout"))?;
/// assert_eq!(config.pools[0].servers[0].name, "127.0.0.1");
/// # Ok::<_, entourage_ambassador::nutcracker::Invalid>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// The pools, in the order of the file; never empty, no two of one name or address.
    pub pools: Vec<Pool>,
    warnings: Vec<Warning>,
}

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unusable {
    /// It cannot be read.
    #[error("cannot read {}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// What it says is refused.
    #[error("{} is refused", .path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Invalid,
    },
}

impl Config {
    /// What a text says.
    ///
    /// At most 1 MiB, 1,024 pools and 4,096 servers in each. No name is resolved.
    ///
    /// # Errors
    /// The first thing that is wrong, or nearly the first.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let sections = document::read(text)?;
        let mut config = Self { pools: Vec::with_capacity(sections.len()), warnings: Vec::new() };
        for section in &sections {
            let keys = Keys::of(section)?;
            let pool = pool(section, &keys)?;
            config.warnings.extend(lint::warnings(&pool, &keys)?);
            config.check_distinct(&pool, &sections, &keys)?;
            config.pools.push(pool);
        }
        if config.pools.is_empty() {
            return Err(Invalid::new(Place { line: 1, column: 1 }, Problem::Empty));
        }
        config.warnings.sort_by_key(Warning::line);
        Ok(config)
    }

    /// What a file says.
    ///
    /// # Errors
    /// [`Unusable`], whose source says more. No more than the most bytes of a file are read.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Unusable> {
        let path = path.as_ref();
        let mut bytes = Vec::new();
        let read = File::open(path).and_then(|file| file.take(LONGEST as u64 + 1).read_to_end(&mut bytes));
        read.map_err(|source| Unusable::Unreadable { path: path.to_owned(), source })?;
        Self::parse_bytes(&bytes).map_err(|source| Unusable::Invalid { path: path.to_owned(), source })
    }

    /// As [`Config::parse`], of bytes that may be no text.
    ///
    /// # Errors
    /// As [`Config::parse`].
    pub fn parse_bytes(bytes: &[u8]) -> Result<Self, Invalid> {
        if bytes.len() > LONGEST {
            return Err(document::too_long());
        }
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::parse(text),
            Err(error) => {
                let before = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
                let line = before.matches('\n').count() + 1;
                let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
                Err(Invalid::new(Place { line, column }, Problem::NotUtf8))
            }
        }
    }

    /// What had better be otherwise, by line; nutcracker says nothing of it.
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// The pool of this name.
    #[must_use]
    pub fn pool(&self, name: &str) -> Option<&Pool> {
        self.pools.iter().find(|pool| pool.name == name)
    }

    /// That no pool before has this one's name or address.
    fn check_distinct(&self, pool: &Pool, sections: &[Section], keys: &Keys<'_>) -> Result<(), Invalid> {
        // The pools so far are the first sections, in their order.
        for (before, section) in self.pools.iter().zip(sections) {
            let first = section.name.at.line;
            if before.name == pool.name {
                let problem = Problem::Duplicate { what: "a pool of this name".to_owned(), first };
                return Err(keys.wrong(keys.at(), None, problem));
            }
            if before.listen.clashes(&pool.listen) {
                let what = format!("the pool {} that listens there", section.name.excerpt());
                let at = keys.place("listen").unwrap_or_else(|| keys.at());
                return Err(keys.wrong(at, Some("listen"), Problem::Duplicate { what, first }));
            }
        }
        Ok(())
    }
}

/// One pool, its defaults filled in.
fn pool(section: &Section, keys: &Keys<'_>) -> Result<Pool, Invalid> {
    let name = &section.name;
    if name.text.is_empty() || name.text.contains('\n') {
        let (found, wanted) = ("a name that is empty or has several lines", "the pool's name, in one line");
        return Err(Invalid::new(name.at, Problem::Shape { found, wanted }));
    }
    let listen = match keys.text("listen")? {
        Some(text) => Listen::parse(text).map_err(|problem| keys.wrong(text.at, Some("listen"), problem))?,
        None => return Err(missing(keys, "listen", "`listen: host:port`")),
    };
    let is_redis = keys.boolean("redis")?;
    let millis = |number: u32| Duration::from_millis(u64::from(number));
    Ok(Pool {
        name: name.text.clone(),
        listen,
        protocol: if is_redis { Wire::Redis } else { Wire::Memcached },
        hash: hash(keys)?,
        hash_tag: hash_tag(keys)?,
        distribution: distribution(keys)?,
        // 0 sets nutcracker no timer either.
        timeout: keys.number("timeout", 0)?.filter(|number| *number > 0).map(millis),
        backlog: keys.number("backlog", 0)?.unwrap_or(512),
        client_connections: keys.number("client_connections", 0)?.and_then(NonZeroU32::new),
        tcp_keepalive: keys.boolean("tcpkeepalive")?,
        reuse_port: keys.boolean("reuseport")?,
        redis_auth: redis_auth(keys, is_redis)?,
        redis_db: keys.number("redis_db", 0)?.unwrap_or(0),
        preconnect: keys.boolean("preconnect")?,
        server_connections: keys
            .number("server_connections", 1)?
            .and_then(NonZeroU32::new)
            .unwrap_or(NonZeroU32::MIN),
        auto_eject_hosts: keys.boolean("auto_eject_hosts")?,
        server_retry_timeout: millis(keys.number("server_retry_timeout", 0)?.unwrap_or(30_000)),
        server_failure_limit: keys.number("server_failure_limit", 0)?.unwrap_or(2),
        servers: servers(keys)?,
    })
}

fn missing(keys: &Keys<'_>, key: &'static str, write: &'static str) -> Invalid {
    keys.wrong(keys.at(), Some(key), Problem::Missing { write })
}

fn hash(keys: &Keys<'_>) -> Result<KeyHash, Invalid> {
    let choices = "one_at_a_time, md5, crc16, crc32, crc32a, fnv1_64, fnv1a_64, fnv1_32, fnv1a_32, hsieh, murmur, jenkins";
    let Some(text) = keys.text("hash")? else { return Ok(KeyHash::Fnv1a64) };
    text.text
        .parse()
        .map_err(|_| keys.wrong(text.at, Some("hash"), Problem::Choice { found: text.excerpt(), choices }))
}

fn distribution(keys: &Keys<'_>) -> Result<Distribution, Invalid> {
    let choices = "ketama, modula, random";
    match keys.text("distribution")? {
        None => Ok(Distribution::default()),
        Some(text) => match text.text.as_str() {
            "ketama" => Ok(Distribution::Ketama),
            "modula" => Ok(Distribution::Modula),
            "random" => Ok(Distribution::Random),
            _ => {
                let problem = Problem::Choice { found: text.excerpt(), choices };
                Err(keys.wrong(text.at, Some("distribution"), problem))
            }
        },
    }
}

fn hash_tag(keys: &Keys<'_>) -> Result<Option<HashTag>, Invalid> {
    let Some(text) = keys.text("hash_tag")? else { return Ok(None) };
    text.text.parse().map(Some).map_err(|_| {
        let (wrong, write) =
            ("it is not two characters", "the opening and the closing one in quotes, as in \"{}\"");
        keys.wrong(text.at, Some("hash_tag"), Problem::Format { found: text.excerpt(), wrong, write })
    })
}

fn redis_auth(keys: &Keys<'_>, is_redis: bool) -> Result<Option<Secret>, Invalid> {
    let Some(text) = keys.text("redis_auth")? else { return Ok(None) };
    let problem = match (is_redis, text.text.is_empty()) {
        (true, false) => return Ok(Some(Secret::new(&text.text))),
        (true, true) => Problem::EmptyPassword,
        (false, _) => Problem::PasswordOfMemcached,
    };
    Err(keys.wrong(text.at, Some("redis_auth"), problem))
}

fn servers(keys: &Keys<'_>) -> Result<Vec<Server>, Invalid> {
    let key = Some("servers");
    let Some(list) = keys.list("servers")? else {
        return Err(missing(keys, "servers", "`servers:` and below it one `- host:port:weight` a line"));
    };
    let parse = |entry: &Text| Server::parse(entry).map_err(|problem| keys.wrong(entry.at, key, problem));
    let servers = list.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
    let mut by_name: Vec<_> = servers.iter().zip(list).collect();
    // Stable, so that of two of one name the second is the later one.
    by_name.sort_by_key(|(server, _)| &server.name);
    for pair in by_name.windows(2) {
        let [(first, at), (second, again)] = pair else { continue };
        if first.name == second.name {
            let what = format!("a server of the name {}", super::invalid::Excerpt::of(&first.name));
            return Err(keys.wrong(again.at, key, Problem::Duplicate { what, first: at.at.line }));
        }
    }
    Ok(servers)
}
