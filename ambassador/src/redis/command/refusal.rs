//! What a client is told whose command is not forwarded.

use std::io::Write;

use super::{Args, KeyError};

/// How much of what a client sent is told back to it.
const QUOTED: usize = 128;

/// Why a command is not forwarded.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Refusal<'a> {
    /// There is no such command.
    Unknown(Args<'a>),
    /// The container `of` has no such sub-command.
    UnknownVerb { of: &'static str, verb: &'a [u8] },
    /// The command of this name has another number of arguments.
    WrongNumber(&'static str),
    /// Its keys cannot be told.
    Keys(KeyError),
    /// The command of this name is not served here, for this reason.
    Unserved(&'static str, &'static str),
    /// The keys of the command of this name are on different shards.
    Apart(&'static str),
    /// The cursor of a SCAN is no number.
    Cursor,
    /// The client has to say the password first.
    Unauthenticated,
}

impl Refusal<'_> {
    /// Writes the error reply, on one line whatever the client sent.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let start = out.len();
        let written = match self {
            Self::Unknown(args) => {
                quote(out, "-ERR unknown command '", args.get(0).unwrap_or_default(), QUOTED);
                out.extend_from_slice(b"', with args beginning with: ");
                let begins = out.len();
                for arg in args.iter().skip(1) {
                    let Some(left) = QUOTED.checked_sub(out.len() - begins).filter(|left| *left > 0) else {
                        break;
                    };
                    quote(out, "'", arg, left);
                    out.extend_from_slice(b"' ");
                }
                Ok(())
            }
            Self::UnknownVerb { of, verb } => {
                quote(out, "-ERR unknown subcommand '", verb, QUOTED);
                write!(out, "'. Try {} HELP.", of.to_ascii_uppercase())
            }
            Self::WrongNumber(name) => write!(out, "-ERR wrong number of arguments for '{name}' command"),
            Self::Keys(error) => write!(out, "-ERR {error}"),
            Self::Unserved(name, reason) => {
                write!(out, "-ERR '{name}' is not served by this proxy: {reason}")
            }
            Self::Apart(name) => write!(
                out,
                "-CROSSSLOT Keys of '{name}' are on different shards; give them one hash tag, or ask for each"
            ),
            Self::Cursor => write!(out, "-ERR invalid cursor"),
            Self::Unauthenticated => write!(out, "-NOAUTH Authentication required."),
        };
        written.expect("a vector takes every byte");
        let line = out.get_mut(start..).unwrap_or_default();
        line.iter_mut().filter(|byte| matches!(byte, b'\r' | b'\n')).for_each(|byte| *byte = b' ');
        out.extend_from_slice(b"\r\n");
    }
}

impl From<KeyError> for Refusal<'_> {
    fn from(error: KeyError) -> Self {
        Self::Keys(error)
    }
}

/// Writes at most `limit` bytes of what the client sent; as in Redis, a zero byte ends it.
fn quote(out: &mut Vec<u8>, before: &str, sent: &[u8], limit: usize) {
    out.extend_from_slice(before.as_bytes());
    out.extend(sent.iter().copied().take(limit).take_while(|byte| *byte != 0));
}
