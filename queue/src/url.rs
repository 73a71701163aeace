//! A queue that is chosen at run time.

use std::{fmt, path::PathBuf, str::FromStr, sync::Arc};

use entourage_core::planted;

use crate::{
    error::{Error, Result},
    memory::MemoryQueue,
    queue::Queue,
};

const FORMS: &str = "memory:, sqlite:PATH or redis://[[USER]:PASSWORD@]HOST[:PORT][/PREFIX]";

/// Where a queue is, as a flag or an environment variable says it.
///
/// | URL | queue |
/// | --- | --- |
/// | `memory:` | a new one in this process, for trials |
/// | `sqlite:PATH` | one durable file, shared by the processes of one machine |
/// | `redis://HOST[:PORT][/PREFIX]` | a server of Redis, shared by machines |
///
/// What it prints never shows the password.
///
/// # Examples
/// ```
/// use entourage_queue::QueueUrl;
///
/// let url: QueueUrl = "sqlite:/var/lib/job/queue.db".parse()?;
/// assert_eq!(url.to_string(), "sqlite:/var/lib/job/queue.db");
/// let url: QueueUrl = "redis://ann:secret@a:6379/jobs".parse()?;
/// assert_eq!(url.to_string(), "redis://ann:***@a:6379/jobs");
/// assert!("postgres://a:5432".parse::<QueueUrl>().is_err());
/// # Ok::<(), entourage_queue::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum QueueUrl {
    /// In this process's memory.
    Memory,
    /// One SQLite file.
    Sqlite(PathBuf),
    /// A server of Redis.
    Redis {
        /// What stands behind the user: `HOST[:PORT][/PREFIX]`, and options behind a `?`.
        place: String,
        /// User and password as they stand in the URL; the user may be empty.
        user: Option<(String, String)>,
    },
}

impl QueueUrl {
    /// Opens the queue; `sqlite:` creates the file if need be, and blocks for some milliseconds.
    ///
    /// # Errors
    /// Those of the backend, and [`Error::Invalid`] for one that this build leaves out.
    ///
    /// # Cancel safety
    /// Dropping the future may leave an empty queue there.
    pub async fn open(&self) -> Result<Arc<dyn Queue>> {
        match self {
            Self::Memory => Ok(Arc::new(MemoryQueue::new())),
            #[cfg(feature = "sqlite")]
            Self::Sqlite(path) => Ok(Arc::new(crate::sqlite::SqliteQueue::open(path)?)),
            #[cfg(not(feature = "sqlite"))]
            Self::Sqlite(_) => Err(self.left_out("sqlite")),
            #[cfg(feature = "redis")]
            Self::Redis { place, user } => {
                Ok(Arc::new(crate::redis::RedisQueue::open(&of_redis(place, user.as_ref())).await?))
            }
            #[cfg(not(feature = "redis"))]
            Self::Redis { .. } => Err(self.left_out("redis")),
        }
    }

    #[cfg(not(all(feature = "sqlite", feature = "redis")))]
    fn left_out(&self, feature: &str) -> Error {
        Error::Invalid(format!("this build has no queue for {self}; it takes the feature {feature}"))
    }

    /// Refuses what the client of Redis would refuse, before anything is contacted.
    #[cfg(feature = "redis")]
    fn checked(self) -> Result<Self> {
        use entourage_engine::redis::{Fault, RedisOptions};

        if let Self::Redis { place, user } = &self {
            match RedisOptions::from_url(&of_redis(place, user.as_ref())) {
                Ok(_) => {}
                Err(Fault::Invalid(why)) => return Err(Error::Invalid(why)),
                Err(fault) => return Err(Error::Failed(Box::new(fault))),
            }
        }
        Ok(self)
    }

    #[cfg(not(feature = "redis"))]
    fn checked(self) -> Result<Self> {
        Ok(self)
    }
}

/// The whole URL, as the client of Redis reads it.
#[cfg(feature = "redis")]
fn of_redis(place: &str, user: Option<&(String, String)>) -> String {
    let user = user.map(|(name, password)| format!("{name}:{password}@"));
    format!("redis://{}{place}", user.unwrap_or_default())
}

impl FromStr for QueueUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        // The text itself may hold a password, so no message repeats it.
        let invalid = |why: &str| Error::Invalid(format!("not the URL of a queue: {why}; it is {FORMS}"));
        match text.split_once(':') {
            Some(("memory", "")) => Ok(Self::Memory),
            Some(("sqlite", path)) if !path.is_empty() => Ok(Self::Sqlite(path.into())),
            Some(("sqlite", _)) => Err(invalid("the path is missing")),
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
                Self::Redis { place: place.to_owned(), user }.checked()
            }
            _ => Err(invalid("its beginning names no queue")),
        }
    }
}

impl fmt::Display for QueueUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("memory:"),
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Redis { place, user: None } => write!(f, "redis://{place}"),
            Self::Redis { place, user: Some((name, password)) } if planted("queue-url-shows-password") => {
                write!(f, "redis://{name}:{password}@{place}")
            }
            Self::Redis { place, user: Some((name, _)) } => write!(f, "redis://{name}:***@{place}"),
        }
    }
}

impl fmt::Debug for QueueUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "QueueUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::QueueUrl;
    use crate::item::{Group, Topic};

    #[test]
    fn what_names_no_queue_is_refused_and_its_password_is_not_repeated() {
        for text in [
            "",
            "memory",
            "memory:x",
            "sqlite:",
            "etcd://me:hunter2@a:2379",
            "redis:a",
            "redis://",
            "redis://:6379",
            "redis://hunter2@a",
        ] {
            let refused = text.parse::<QueueUrl>().unwrap_err().to_string();
            assert!(refused.contains("sqlite:PATH") && !refused.contains("hunter2"), "{text}: {refused}");
        }
        for text in
            ["redis://:hunter2@a/jobs", "redis://me:hunter2@a:1", "redis://me:hun/ter2@a?timeout_ms=9"]
        {
            let url: QueueUrl = text.parse().unwrap();
            assert!(!format!("{url} {url:?}").contains("ter2"), "{url}");
            assert!(url.to_string().ends_with(text.rsplit('@').next().unwrap()), "{url}");
        }
    }

    #[cfg(feature = "redis")]
    #[test]
    fn what_no_server_takes_is_refused_before_any_is_asked() {
        for text in ["redis://:hunter2@a/7", "redis://:hunter2@a:99999", "redis://:hunter2@a?db=hunter3"] {
            let refused = text.parse::<QueueUrl>().unwrap_err().to_string();
            assert!(!refused.contains("hunter2"), "{text}: {refused}");
        }
    }

    #[tokio::test]
    async fn what_a_url_names_is_opened() {
        let queue = "memory:".parse::<QueueUrl>().unwrap().open().await.unwrap();
        let stats = queue.stats(&Topic::from("a"), &Group::from("b")).await.unwrap();
        assert_eq!(stats.unsettled(), 0);
        #[cfg(not(feature = "redis"))]
        {
            let refused = "redis://a".parse::<QueueUrl>().unwrap().open().await.unwrap_err();
            assert!(refused.to_string().contains("the feature redis"), "{refused}");
        }
    }
}
