//! Lists and Streams of Redis as sources, as a URL and flags say them.

use std::{fmt, sync::Arc};

use anyhow::Result;
use clap::{Args, ValueEnum};
use entourage_workqueue::{RedisListSource, RedisOptions, RedisStreamSource, StreamStart, WorkSource};

use crate::exit::Usage;

/// How a list or a Stream of Redis is read.
#[derive(Args)]
pub(super) struct Using {
    /// The consumer group of a Stream, which is made if there is none
    #[arg(long, env = "ENTOURAGE_STREAM_GROUP", value_name = "GROUP", default_value = "entourage")]
    stream_group: String,
    /// Where a group begins that is made: with what is there, or with what is added from then on
    #[arg(
        long,
        env = "ENTOURAGE_STREAM_START",
        value_name = "START",
        value_enum,
        default_value = "beginning"
    )]
    stream_start: Start,
    /// The end that a list is taken from: left for producers that RPUSH, right for those that LPUSH
    #[arg(long, env = "ENTOURAGE_LIST_END", value_name = "END", value_enum, default_value = "left")]
    list_end: End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Start {
    Beginning,
    New,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum End {
    Left,
    Right,
}

/// A list or a Stream, and its server. Printed, it shows no password.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct UsedUp {
    is_stream: bool,
    /// `USER:PASSWORD@`, if there is one.
    user: String,
    /// `HOST[:PORT]`.
    host: String,
    key: String,
}

impl UsedUp {
    pub(super) const FORMS: &str = "redis-list:// or redis-stream://[[USER]:PASSWORD@]HOST[:PORT]/KEY";

    /// What the rest of a URL behind its scheme names.
    ///
    /// # Errors
    /// [`Usage`], which repeats nothing of it: it may hold a password.
    pub(super) fn parse(is_stream: bool, rest: &str) -> Result<Self> {
        let refused = |why: &str| Usage(format!("{why}; name it as {}", Self::FORMS));
        let rest = rest.strip_prefix("//").ok_or_else(|| refused("the host is missing"))?;
        // A password may hold a slash only as %2F, but people forget.
        let (user, place) = rest.rsplit_once('@').map_or(("", rest), |(user, place)| (user, place));
        let user = if user.is_empty() { String::new() } else { format!("{user}@") };
        let (host, key) = place.split_once('/').unwrap_or((place, ""));
        if host.is_empty() || key.is_empty() || key.contains('?') {
            return Err(refused("the key is missing, or the host").into());
        }
        let parsed = Self { is_stream, user, host: host.to_owned(), key: key.to_owned() };
        drop(parsed.options()?);
        Ok(parsed)
    }

    fn options(&self) -> Result<RedisOptions> {
        let Self { user, host, key, .. } = self;
        let options = RedisOptions::from_url(&format!("redis://{user}{host}/{key}"));
        options.map_err(|fault| Usage(fault.to_string()).into())
    }

    /// The source; nothing is contacted.
    pub(super) fn source(&self, using: &Using) -> Result<(Arc<dyn WorkSource>, String)> {
        let options = self.options()?;
        if !self.is_stream {
            let name = self.to_string();
            let source = RedisListSource::new(options, &*self.key)?.with_name(&*name);
            let is_reversed = using.list_end == End::Right;
            let source = if is_reversed { source.from_right() } else { source };
            return Ok((Arc::new(source), name));
        }
        if using.stream_group.is_empty() {
            return Err(Usage("the group of the stream has no name; say --stream-group".to_owned()).into());
        }
        let name = format!("{self} {}", using.stream_group);
        let start = match using.stream_start {
            Start::Beginning => StreamStart::Beginning,
            Start::New => StreamStart::New,
        };
        let source = RedisStreamSource::new(options, &*self.key, &*using.stream_group);
        Ok((Arc::new(source.with_name(&*name).with_start(start)), name))
    }
}

impl fmt::Display for UsedUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { is_stream, host, key, .. } = self;
        write!(f, "redis-{}://{host}/{key}", if *is_stream { "stream" } else { "list" })
    }
}

impl fmt::Debug for UsedUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UsedUp({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::UsedUp;

    #[test]
    fn a_list_is_named_with_its_server_and_without_its_password() {
        let list = UsedUp::parse(false, "//me:hun/ter2@a:6379/jobs").unwrap();
        assert_eq!(format!("{list} {list:?}"), "redis-list://a:6379/jobs UsedUp(redis-list://a:6379/jobs)");
        assert_eq!(UsedUp::parse(true, "//a/b:c").unwrap().to_string(), "redis-stream://a/b:c");
        for rest in
            ["", "//", "//a", "//a/", "///jobs", "//hunter2@a/jobs", "//:hunter2@a/7", "//:hunter2@a/b?c=d"]
        {
            let refused = UsedUp::parse(false, rest).unwrap_err().to_string();
            assert!(!refused.contains("hunter2"), "{rest}: {refused}");
        }
    }
}
