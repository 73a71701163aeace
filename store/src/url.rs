//! A store that is chosen at run time.

use std::{fmt, path::PathBuf, str::FromStr, sync::Arc};

use crate::{
    error::{Error, Result},
    memory::MemoryStore,
    store::Store,
};

const FORMS: &str = "memory:, sqlite:PATH, etcd://[USER:PASSWORD@]HOST:PORT[,HOST:PORT…][/PREFIX] \
                     or redis://[[USER]:PASSWORD@]HOST[:PORT][/PREFIX]";

/// Where a store is, as a flag or an environment variable says it.
///
/// | URL | store |
/// | --- | --- |
/// | `memory:` | a new one in this process, for trials |
/// | `sqlite:PATH` | one durable file, shared by the processes of one machine |
/// | `etcd://HOST:PORT[,HOST:PORT…][/PREFIX]` | a cluster of etcd, keys below the prefix |
/// | `redis://HOST[:PORT][/PREFIX]` | a server of Redis; advisory, and refused where exclusion must be proved |
///
/// What it prints never shows the password.
///
/// # Examples
/// ```
/// use entourage_store::StoreUrl;
///
/// let url: StoreUrl = "sqlite:/var/lib/job/state.db".parse()?;
/// assert_eq!(url.to_string(), "sqlite:/var/lib/job/state.db");
/// let url: StoreUrl = "etcd://root:secret@a:2379,b:2379/jobs".parse()?;
/// assert_eq!(url.to_string(), "etcd://root:***@a:2379,b:2379/jobs");
/// let url: StoreUrl = "redis://:secret@a/jobs".parse()?;
/// assert_eq!(url.to_string(), "redis://:***@a/jobs");
/// assert!("postgres://a:5432".parse::<StoreUrl>().is_err());
/// # Ok::<(), entourage_store::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreUrl {
    /// In this process's memory.
    Memory,
    /// One SQLite file.
    Sqlite(PathBuf),
    /// A cluster of etcd.
    Etcd {
        /// Each `HOST:PORT`.
        endpoints: Vec<String>,
        /// What all keys begin with, without the slash that follows it; empty for all keys.
        prefix: String,
        /// User and password.
        user: Option<(String, String)>,
    },
    /// A server of Redis.
    Redis {
        /// What stands behind the user: `HOST[:PORT][/PREFIX]`, and options behind a `?`.
        place: String,
        /// User and password as they stand in the URL; the user may be empty.
        user: Option<(String, String)>,
    },
}

impl StoreUrl {
    /// Opens the store.
    ///
    /// # Errors
    /// Those of the backend, and [`Error::Invalid`] for one that this build leaves out.
    pub async fn open(&self) -> Result<Arc<dyn Store>> {
        match self {
            Self::Memory => Ok(Arc::new(MemoryStore::new())),
            #[cfg(feature = "sqlite")]
            Self::Sqlite(path) => Ok(Arc::new(crate::sqlite::SqliteStore::open(path)?)),
            #[cfg(not(feature = "sqlite"))]
            Self::Sqlite(_) => Err(self.left_out("sqlite")),
            #[cfg(feature = "etcd")]
            Self::Etcd { endpoints, user, .. } => {
                let options = crate::etcd::EtcdOptions::new(endpoints).with_prefix(self.key_prefix());
                let options = match user {
                    Some((name, password)) => options.with_user(name, password),
                    None => options,
                };
                Ok(Arc::new(options.connect().await?))
            }
            #[cfg(not(feature = "etcd"))]
            Self::Etcd { .. } => Err(self.left_out("etcd")),
            #[cfg(feature = "redis")]
            Self::Redis { place, user } => {
                let user = user.as_ref().map(|(name, password)| format!("{name}:{password}@"));
                let url = format!("redis://{}{place}", user.unwrap_or_default());
                Ok(Arc::new(crate::redis::RedisStore::connect(&url).await?))
            }
            #[cfg(not(feature = "redis"))]
            Self::Redis { .. } => Err(self.left_out("redis")),
        }
    }

    /// What each key begins with for other programs that look into the same store.
    #[must_use]
    pub fn key_prefix(&self) -> String {
        match self {
            Self::Etcd { prefix, .. } if prefix.is_empty() || prefix.ends_with('/') => prefix.clone(),
            Self::Etcd { prefix, .. } => format!("{prefix}/"),
            Self::Memory | Self::Sqlite(_) | Self::Redis { .. } => String::new(),
        }
    }

    #[cfg(not(all(feature = "sqlite", feature = "etcd", feature = "redis")))]
    fn left_out(&self, feature: &str) -> Error {
        Error::Invalid(format!("this build has no store for {self}; it takes the feature {feature}"))
    }
}

impl FromStr for StoreUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        // The text itself may hold a password, so no message repeats it.
        let invalid = |why: &str| Error::Invalid(format!("not the URL of a store: {why}; it is {FORMS}"));
        match text.split_once(':') {
            Some(("memory", "")) => Ok(Self::Memory),
            Some(("sqlite", path)) if !path.is_empty() => Ok(Self::Sqlite(path.into())),
            Some(("sqlite", _)) => Err(invalid("the path is missing")),
            Some(("etcd", rest)) => {
                let rest = rest.strip_prefix("//").ok_or_else(|| invalid("etcd is followed by ://"))?;
                let (authority, prefix) = rest.split_once('/').unwrap_or((rest, ""));
                let (user, hosts) = match authority.rsplit_once('@') {
                    Some((user, hosts)) => {
                        let user = user.split_once(':').ok_or_else(|| invalid("the password is missing"))?;
                        (Some((user.0.to_owned(), user.1.to_owned())), hosts)
                    }
                    None => (None, authority),
                };
                let endpoints = hosts.split(',').map(endpoint).collect::<Option<Vec<_>>>();
                let endpoints = endpoints.ok_or_else(|| invalid("each host is HOST:PORT"))?;
                Ok(Self::Etcd { endpoints, prefix: prefix.to_owned(), user })
            }
            Some(("redis", rest)) => {
                let rest = rest.strip_prefix("//").ok_or_else(|| invalid("redis is followed by ://"))?;
                // A password may hold a slash only as %2F, but people forget.
                let (user, place) = match rest.rsplit_once('@') {
                    Some((user, place)) => {
                        let user = user.split_once(':').ok_or_else(|| invalid("the password is missing"))?;
                        (Some((user.0.to_owned(), user.1.to_owned())), place)
                    }
                    None => (None, rest),
                };
                let host = place.split(['/', '?']).next().unwrap_or_default();
                if host.is_empty() || host.starts_with(':') {
                    return Err(invalid("the host is missing"));
                }
                Ok(Self::Redis { place: place.to_owned(), user })
            }
            _ => Err(invalid("its beginning names no store")),
        }
    }
}

fn endpoint(text: &str) -> Option<String> {
    let (host, port) = text.rsplit_once(':')?;
    let is_sound = !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0);
    is_sound.then(|| text.to_owned())
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("memory:"),
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Etcd { endpoints, prefix, user } => {
                f.write_str("etcd://")?;
                if let Some((name, _)) = user {
                    write!(f, "{name}:***@")?;
                }
                write!(f, "{}", endpoints.join(","))?;
                if prefix.is_empty() { Ok(()) } else { write!(f, "/{prefix}") }
            }
            Self::Redis { place, user: None } => write!(f, "redis://{place}"),
            Self::Redis { place, user: Some((name, _)) } => write!(f, "redis://{name}:***@{place}"),
        }
    }
}

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::StoreUrl;

    #[test]
    fn what_names_no_store_is_refused_and_its_password_is_not_repeated() {
        for text in [
            "",
            "memory",
            "memory:x",
            "sqlite:",
            "etcd:a:1",
            "etcd://",
            "etcd://a",
            "etcd://a:0",
            "etcd://a:99999",
            "etcd://hunter2@a:1",
            "etcd://a:1,:2",
            "postgres://me:hunter2@a:1",
            "redis:a",
            "redis://",
            "redis://:6379",
            "redis://hunter2@a",
        ] {
            let refused = text.parse::<StoreUrl>().unwrap_err().to_string();
            assert!(refused.contains("sqlite:PATH") && !refused.contains("hunter2"), "{text}: {refused}");
        }
        let url: StoreUrl = "etcd://me:hunter2@[::1]:2379,b:1/x/y".parse().unwrap();
        assert_eq!(format!("{url} {url:?}").matches("hunter2").count(), 0);
        let StoreUrl::Etcd { endpoints, prefix, user } = url else { panic!("it is of etcd") };
        assert_eq!((endpoints, prefix.as_str()), (vec!["[::1]:2379".into(), "b:1".into()], "x/y"));
        assert_eq!(user, Some(("me".into(), "hunter2".into())));
        for text in
            ["redis://:hunter2@a/jobs", "redis://me:hunter2@a:1", "redis://me:hun/ter2@a?timeout_ms=9"]
        {
            let url: StoreUrl = text.parse().unwrap();
            assert!(!format!("{url} {url:?}").contains("ter2"), "{url}");
            assert!(url.to_string().ends_with(text.rsplit('@').next().unwrap()), "{url}");
        }
    }

    #[tokio::test]
    async fn what_a_url_names_is_opened() {
        let store = "memory:".parse::<StoreUrl>().unwrap().open().await.unwrap();
        assert!(store.get("a").await.unwrap().is_none());
        #[cfg(not(feature = "sqlite"))]
        assert!("sqlite:/x".parse::<StoreUrl>().unwrap().open().await.is_err());
    }
}
