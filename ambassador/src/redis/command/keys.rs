//! Where the keys of a command are.

use entourage_core::planted;

use super::{Args, number::integer};

/// Where the keys of a command are among its arguments; its name is at 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keys {
    /// It has none.
    None,
    /// From `first` to `last`, each `step`-th; a negative `last` counts from the end.
    Range { first: u8, last: i8, step: u8 },
    /// As many as the argument at `at` says, from the next on, each `step`-th; before it perhaps
    /// a destination at 1.
    Counted { at: u8, step: u8, has_destination: bool, words: Count },
    /// At 1, and what SORT may store to: of several the last holds, but servers differ in which they
    /// name.
    Sort,
    /// At 1, and what GEORADIUS stores to.
    Radius,
    /// The first half of what follows STREAMS.
    Streams,
}

/// Whose words a wrong number of keys is refused in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Count {
    /// EVAL's, which may also be 0; but then no shard can be chosen.
    Script,
    /// FCALL's, likewise.
    Function,
    /// ZUNION's.
    SortedSets,
    /// SINTERCARD's.
    Sets,
    /// LMPOP's.
    Pop,
}

/// Why the keys of a command cannot be told, mostly in Redis' words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum KeyError {
    #[error("value is not an integer or out of range")]
    NotInteger,
    #[error("Bad number of keys provided")]
    BadNumber,
    #[error("Number of keys can't be greater than number of args")]
    TooMany,
    #[error("Number of keys can't be negative")]
    Negative,
    #[error("numkeys should be greater than 0")]
    NotPositive,
    #[error("at least 1 input key is needed for '{0}' command")]
    AtLeastOne(&'static str),
    #[error("Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified.")]
    Unbalanced,
    #[error("syntax error")]
    Syntax,
    #[error("wrong number of arguments for '{0}' command")]
    WrongNumber(&'static str),
    #[error("'{0}' names no key, so that no shard can be chosen for it; name a key that it uses")]
    NoKey(&'static str),
}

impl Keys {
    /// Calls `each` with the place of every key, in order; `name` is the command's.
    #[inline]
    pub(super) fn places(
        self,
        name: &'static str,
        args: &Args<'_>,
        each: &mut impl FnMut(usize),
    ) -> Result<(), KeyError> {
        match self {
            Self::None => Ok(()),
            Self::Range { first, last: 1, step: _ } => {
                each(usize::from(first) + usize::from(planted("redis-key-beside-its-place")));
                Ok(())
            }
            Self::Range { first, last, step } => {
                let end = match last {
                    ..0 => args.len().saturating_sub(usize::from(last.unsigned_abs()) - 1),
                    _ => usize::from(last.unsigned_abs()) + 1,
                };
                let (first, step) = (usize::from(first), usize::from(step));
                if end <= first || (end - first) % step != 0 {
                    return Err(KeyError::WrongNumber(name));
                }
                (first..end).step_by(step).for_each(each);
                Ok(())
            }
            Self::Counted { at, step, has_destination, words } => {
                let (first, step) = (usize::from(at) + 1, usize::from(step));
                let room = args.len().saturating_sub(first) / step;
                let count = words.count(name, args.get(first - 1).unwrap_or_default(), room)?;
                if has_destination {
                    each(1);
                }
                (first..first + count * step).step_by(step).for_each(each);
                Ok(())
            }
            Self::Sort => {
                each(1);
                options(args, |option, value| {
                    if option.eq_ignore_ascii_case(b"store") {
                        each(value);
                    }
                });
                Ok(())
            }
            Self::Radius => {
                each(1);
                radius_stores(args, each);
                Ok(())
            }
            Self::Streams => {
                let first = streams(args).first.ok_or(KeyError::Syntax)?;
                let count = args.len() - first;
                if count == 0 {
                    return Err(KeyError::Syntax);
                }
                if !count.is_multiple_of(2) {
                    return Err(KeyError::Unbalanced);
                }
                (first..first + count / 2).for_each(each);
                Ok(())
            }
        }
    }
}

impl Count {
    /// The number of keys that `text` says, for which there is `room`.
    fn count(self, name: &'static str, text: &[u8], room: usize) -> Result<usize, KeyError> {
        let not_integer = match self {
            Self::Script | Self::SortedSets => KeyError::NotInteger,
            Self::Function => KeyError::BadNumber,
            Self::Sets | Self::Pop => KeyError::NotPositive,
        };
        let count = integer(text).ok_or(not_integer)?;
        let too_few = match (self, count) {
            (Self::Script | Self::Function, ..0) => Some(KeyError::Negative),
            (Self::Script | Self::Function, 0) => Some(KeyError::NoKey(name)),
            (Self::SortedSets, ..=0) => Some(KeyError::AtLeastOne(name)),
            (_, ..=0) => Some(KeyError::NotPositive),
            (_, 1..) => None,
        };
        if let Some(error) = too_few {
            return Err(error);
        }
        let count = usize::try_from(count).ok().filter(|count| *count <= room);
        count.ok_or(match self {
            Self::Script | Self::Function | Self::Sets => KeyError::TooMany,
            Self::SortedSets | Self::Pop => KeyError::Syntax,
        })
    }
}

/// Calls `each` with every option of SORT and the place of its value.
pub(super) fn options<'a>(args: &Args<'a>, mut each: impl FnMut(&'a [u8], usize)) {
    let mut at = 2;
    while let Some(option) = args.get(at) {
        let is = |word: &str| option.eq_ignore_ascii_case(word.as_bytes());
        let takes = if is("limit") { 2 } else { usize::from(is("by") || is("get") || is("store")) };
        if takes > 0 && at + takes < args.len() {
            each(option, at + 1);
        }
        at += 1 + takes;
    }
}

/// Calls `each` with the place of every key that GEORADIUS, or GEORADIUSBYMEMBER, may store to.
fn radius_stores(args: &Args<'_>, each: &mut impl FnMut(usize)) {
    let mut at = 5;
    while at + 1 < args.len() {
        let option = args.get(at).unwrap_or_default();
        if option.eq_ignore_ascii_case(b"store") || option.eq_ignore_ascii_case(b"storedist") {
            at += 1;
            each(at);
        }
        at += 1;
    }
}

/// What XREAD and XREADGROUP are asked.
#[derive(Debug, Default)]
pub(super) struct Streams {
    /// Whether they wait.
    pub(super) blocks: bool,
    /// Where the first key is, if anywhere.
    pub(super) first: Option<usize>,
}

/// Reads the options of XREAD and XREADGROUP up to STREAMS, or to what is none.
pub(super) fn streams(args: &Args<'_>) -> Streams {
    let (mut asked, mut at) = (Streams::default(), 1);
    while let Some(option) = args.get(at) {
        let is = |word: &str| option.eq_ignore_ascii_case(word.as_bytes());
        if is("streams") {
            asked.first = Some(at + 1);
            break;
        }
        let blocks = is("block");
        asked.blocks |= blocks;
        at += match () {
            () if blocks || is("count") || is("claim") || is("maxcount") || is("maxsize") => 2,
            () if is("group") => 3,
            () if is("noack") => 1,
            () => break,
        };
    }
    asked
}
