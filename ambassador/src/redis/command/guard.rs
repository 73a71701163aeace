//! Arguments with which a command that is served is not.

use super::{
    Args,
    keys::{options, streams},
    route::{BLOCKS, PATTERN},
};

/// Which arguments a command is refused with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Guard {
    /// None.
    Open,
    /// XREAD's BLOCK.
    Block,
    /// This word among the options, which begin at 3; for this reason.
    Option(&'static str, &'static str),
    /// SORT's patterns, which read keys that the command does not name.
    Pattern,
}

impl Guard {
    /// Why these arguments are refused, if they are.
    pub(super) fn refuses(self, args: &Args<'_>) -> Option<&'static str> {
        match self {
            Self::Open => None,
            Self::Block => streams(args).blocks.then_some(BLOCKS),
            Self::Option(word, reason) => {
                let is_word = |option: &[u8]| option.eq_ignore_ascii_case(word.as_bytes());
                args.iter().skip(3).any(is_word).then_some(reason)
            }
            Self::Pattern => {
                let mut is_pattern = false;
                options(args, |option, value| {
                    let reads = option.eq_ignore_ascii_case(b"by") || option.eq_ignore_ascii_case(b"get");
                    is_pattern |= reads && args.get(value).is_some_and(|pattern| pattern.contains(&b'*'));
                });
                is_pattern.then_some(PATTERN)
            }
        }
    }
}
