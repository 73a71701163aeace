//! What a function that the command line names becomes.

use std::str::FromStr;

use clap::Args;
use entourage_sharding::{HashTag, KeyHash};

use super::by_flags::{Flags, Weighted, Whose};

/// What is new; the rest stays.
#[derive(Args)]
pub(super) struct Becoming {
    /// Whose placement it is to be [default: that of --dialect]
    #[arg(long, env = "ENTOURAGE_NEW_DIALECT", value_name = "WHOSE", value_enum)]
    new_dialect: Option<Whose>,
    /// The hash that is to be [default: that of --hash]
    #[arg(long, env = "ENTOURAGE_NEW_HASH", value_name = "HASH")]
    new_hash: Option<KeyHash>,
    /// The tag that is to be; an empty one is none [default: that of --tag]
    #[arg(long, env = "ENTOURAGE_NEW_TAG", value_name = "AB")]
    new_tag: Option<MaybeTag>,
    /// A server that is to be; all of them, as for --server [default: those of --server]
    #[arg(long, env = "ENTOURAGE_NEW_SERVER", value_name = "NAME[*WEIGHT]", value_delimiter = ' ')]
    new_server: Vec<Weighted>,
}

/// A tag, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct MaybeTag(Option<HashTag>);

impl FromStr for MaybeTag {
    type Err = entourage_sharding::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() { Ok(Self(None)) } else { text.parse().map(|tag| Self(Some(tag))) }
    }
}

impl Becoming {
    /// Whether anything is new.
    pub(super) const fn is_said(&self) -> bool {
        self.new_dialect.is_some()
            || self.new_hash.is_some()
            || self.new_tag.is_some()
            || !self.new_server.is_empty()
    }

    /// What these flags become.
    pub(super) fn of(&self, flags: &Flags) -> Flags {
        let mut flags = flags.clone();
        if let Some(dialect) = self.new_dialect {
            flags.dialect = dialect;
            // One that has its own hash does not inherit another.
            flags.hash = flags.hash.filter(|_| dialect.has_a_choice());
        }
        flags.hash = self.new_hash.or(flags.hash);
        if let Some(MaybeTag(tag)) = self.new_tag {
            flags.tag = tag;
        }
        if !self.new_server.is_empty() {
            flags.server.clone_from(&self.new_server);
        }
        flags
    }
}
