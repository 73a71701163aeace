//! What an answer, or its absence, says about what happened.

use std::sync::Arc;

use ::redis::{ErrorKind, RedisError, ServerError};
use entourage_core::{BoxError, Realm, Retryable, Verdict};

use super::refusal::Refusal;

/// What lies below a [`Fault`]; shared, because one failed connection answers many callers.
pub type Cause = Arc<dyn std::error::Error + Send + Sync + 'static>;

/// The result of whatever can fail with a [`Fault`].
pub type Result<T, E = Fault> = std::result::Result<T, E>;

/// Whether a call that was not answered may have changed something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// It changes nothing.
    Read,
    /// It may change something.
    Write,
}

/// Why Redis refused, or could not answer.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The server cannot be reached now, and **nothing happened**.
    #[error("redis is not available now, nothing happened; try again")]
    Unavailable(#[source] Cause),
    /// The call was sent and its answer did not come: **it may or may not have happened.**
    #[error("redis did not answer; it may or may not have happened")]
    Unknown(#[source] Cause),
    /// The server takes no such call now, and **nothing happened**.
    #[error("redis {why}, nothing happened; try again: {said}")]
    Refused {
        /// What it lacks.
        why: Refusal,
        /// Its words.
        said: String,
    },
    /// The user or the password is wrong, or may not do that.
    #[error("redis does not allow it; check the user, the password and what it may do: {said}")]
    Denied {
        /// The server's words.
        said: String,
    },
    /// The prefix belongs to another incarnation: the server was emptied, or another's data restored.
    #[error("{prefix} is no longer what was opened, its data was emptied or replaced; open it again")]
    Foreign {
        /// The prefix.
        prefix: Arc<str>,
        /// The realm that was opened.
        known: Realm,
        /// The realm that is there now.
        found: Option<Realm>,
    },
    /// The counter is below what this handle has seen: writes that were acknowledged are lost.
    #[error(
        "{prefix} went back from version {seen} to {found}: redis lost what it had acknowledged; open it again"
    )]
    WentBack {
        /// The prefix.
        prefix: Arc<str>,
        /// The highest version that the handle has seen.
        seen: u64,
        /// The highest version that the server knows.
        found: u64,
    },
    /// A script's own refusal: its word, and more words if it has any.
    #[error("the script refused: {word} {rest}")]
    Said {
        /// The word, such as `CONFLICT`.
        word: String,
        /// What it said behind the word.
        rest: String,
    },
    /// The prefix holds something else, which was left as it is.
    #[error("{prefix} is in use by something else, or by another version: {said}; name another prefix")]
    NotOurs {
        /// The prefix.
        prefix: Arc<str>,
        /// What was found.
        said: String,
    },
    /// The answer has not the shape that was asked for.
    #[error("redis answered {found} where {expected} was expected")]
    Garbled {
        /// What was expected.
        expected: &'static str,
        /// What came.
        found: String,
    },
    /// An option that no server takes, or a server that is too old.
    #[error("{0}")]
    Invalid(String),
    /// Anything else that the server refused: a mistake in the program.
    #[error("redis refused a command")]
    Failed(#[source] Cause),
}

/// An answer's error, with what the caller must do about it besides.
#[derive(Debug)]
pub(super) enum Mishap {
    /// The server does not know the script; nothing happened.
    NoScript,
    /// Anything else.
    Fault {
        fault: Fault,
        /// Whether the connection is to be given up.
        broken: bool,
    },
}

impl Fault {
    pub(super) fn unavailable(why: impl Into<BoxError>) -> Self {
        Self::Unavailable(Cause::from(why.into()))
    }

    /// A call was sent, and this came instead of an answer.
    pub(super) fn unanswered(why: impl Into<BoxError>, intent: Intent) -> Self {
        match intent {
            Intent::Read => Self::unavailable(why),
            Intent::Write => Self::Unknown(Cause::from(why.into())),
        }
    }
}

impl Mishap {
    /// What the client reports of a call that was sent.
    pub(super) fn of(error: &RedisError, intent: Intent, prefix: &Arc<str>) -> Self {
        match error.code() {
            Some(code) => Self::said(code, error.detail().unwrap_or_default(), prefix),
            None => Self::Fault { fault: Fault::unanswered(error.clone(), intent), broken: true },
        }
    }

    /// What the server itself reports.
    pub(super) fn of_server(error: &ServerError, prefix: &Arc<str>) -> Self {
        Self::said(error.code(), error.details().unwrap_or_default(), prefix)
    }

    fn said(code: &str, rest: &str, prefix: &Arc<str>) -> Self {
        let said = || format!("{code} {rest}").trim_end().to_owned();
        let refused = |why| Fault::Refused { why, said: said() };
        let fault = match code {
            "NOSCRIPT" => return Self::NoScript,
            "ENTOURAGE" => of_script(rest, prefix),
            "LOADING" => refused(Refusal::Loading),
            "READONLY" | "UNBLOCKED" => refused(Refusal::ReadOnly),
            "OOM" => refused(Refusal::OutOfMemory),
            "BUSY" => refused(Refusal::Busy),
            "MASTERDOWN" | "CLUSTERDOWN" | "TRYAGAIN" => refused(Refusal::MasterDown),
            "NOREPLICAS" => refused(Refusal::NoReplicas),
            "MISCONF" => refused(Refusal::DiskFailing),
            "NOAUTH" | "WRONGPASS" | "NOPERM" => Fault::Denied { said: said() },
            "WRONGTYPE" => Fault::NotOurs { prefix: Arc::clone(prefix), said: said() },
            // It does not know what a script's first line says of it.
            "ERR" if rest.contains("user_script:1: unexpected symbol near '#'") => {
                Fault::Invalid("this redis is older than 7.0, which is needed".to_owned())
            }
            "ERR" if rest.starts_with("max number of clients") => refused(Refusal::TooManyClients),
            _ => Fault::Failed(Cause::from(BoxError::from(said()))),
        };
        // Another server may have the address by now; one that is full of clients closes.
        let broken = matches!(
            fault,
            Fault::Refused { why: Refusal::ReadOnly | Refusal::MasterDown | Refusal::TooManyClients, .. }
        );
        Self::Fault { fault, broken }
    }

    pub(super) const fn is_broken(&self) -> bool {
        matches!(self, Self::Fault { broken: true, .. })
    }
}

/// A mishap of a call that is no script's.
impl From<Mishap> for Fault {
    fn from(mishap: Mishap) -> Self {
        match mishap {
            Mishap::Fault { fault, .. } => fault,
            Mishap::NoScript => Self::Failed(Cause::from(BoxError::from("the server has no such script"))),
        }
    }
}

/// What the prelude or the body of a script refused with, behind `ENTOURAGE`.
fn of_script(said: &str, prefix: &Arc<str>) -> Fault {
    let (word, rest) = said.split_once(' ').unwrap_or((said, ""));
    match (word, rest.split_once(' ')) {
        ("FOREIGN", Some((known, found))) => Fault::Foreign {
            prefix: Arc::clone(prefix),
            known: realm(known).unwrap_or(Realm::new(0)),
            found: realm(found),
        },
        ("WENTBACK", Some((seen, found))) => Fault::WentBack {
            prefix: Arc::clone(prefix),
            seen: seen.parse().unwrap_or(0),
            found: found.parse().unwrap_or(0),
        },
        ("NOTOURS", _) => Fault::NotOurs { prefix: Arc::clone(prefix), said: rest.to_owned() },
        _ => Fault::Said { word: word.to_owned(), rest: rest.to_owned() },
    }
}

fn realm(text: &str) -> Option<Realm> {
    u128::from_str_radix(text, 16).ok().map(Realm::new)
}

/// The connection could not be made: nothing was sent.
pub(super) fn of_connecting(error: RedisError, prefix: &Arc<str>) -> Fault {
    match (error.kind(), error.code()) {
        // What the client says of it holds neither the user nor the password.
        (ErrorKind::AuthenticationFailed, _) => Fault::Denied { said: error.to_string() },
        (_, Some(_)) => Mishap::of(&error, Intent::Read, prefix).into(),
        _ => Fault::unavailable(error),
    }
}

impl Retryable for Fault {
    fn verdict(&self) -> Verdict {
        match self {
            Self::Unavailable(_) | Self::Refused { .. } => Verdict::Transient,
            Self::Unknown(_) => Verdict::Unknown,
            _ => Verdict::Permanent,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(code: &str, rest: &str) -> Fault {
        Mishap::said(code, rest, &Arc::from("{p}")).into()
    }

    #[test]
    fn what_was_not_applied_is_transient_and_named() {
        for (code, expected) in [
            ("LOADING", Refusal::Loading),
            ("READONLY", Refusal::ReadOnly),
            ("OOM", Refusal::OutOfMemory),
            ("BUSY", Refusal::Busy),
            ("MASTERDOWN", Refusal::MasterDown),
            ("CLUSTERDOWN", Refusal::MasterDown),
            ("NOREPLICAS", Refusal::NoReplicas),
            ("MISCONF", Refusal::DiskFailing),
        ] {
            let fault = fault(code, "because");
            assert!(matches!(&fault, Fault::Refused { why, .. } if *why == expected), "{fault:?}");
            assert_eq!(fault.verdict(), Verdict::Transient);
            assert!(fault.to_string().contains("nothing happened"), "{fault}");
        }
    }

    #[test]
    fn a_replica_is_left_and_a_busy_server_is_not() {
        let is_broken = |code| Mishap::said(code, "", &Arc::from("{p}")).is_broken();
        assert!(is_broken("READONLY") && is_broken("MASTERDOWN"));
        assert!(!is_broken("BUSY") && !is_broken("OOM") && !is_broken("LOADING"));
    }

    #[test]
    fn a_write_without_an_answer_is_unknown_and_a_read_has_not_happened() {
        assert_eq!(Fault::unanswered("silence", Intent::Write).verdict(), Verdict::Unknown);
        assert_eq!(Fault::unanswered("silence", Intent::Read).verdict(), Verdict::Transient);
    }

    #[test]
    fn what_a_script_says_is_read_word_for_word() {
        let went_back = fault("ENTOURAGE", "WENTBACK 9 7");
        assert!(matches!(went_back, Fault::WentBack { seen: 9, found: 7, .. }), "{went_back:?}");
        let emptied = fault("ENTOURAGE", "FOREIGN 0000000000000000000000000000000a -");
        assert!(
            matches!(emptied, Fault::Foreign { known, found: None, .. } if known == Realm::new(10)),
            "{emptied:?}"
        );
        let said = fault("ENTOURAGE", "STALE by two");
        assert!(
            matches!(&said, Fault::Said { word, rest } if word == "STALE" && rest == "by two"),
            "{said:?}"
        );
        assert_eq!(said.verdict(), Verdict::Permanent);
    }

    #[test]
    fn a_server_that_is_too_old_is_named() {
        let said = "Error compiling script (new function): user_script:1: unexpected symbol near '#'";
        assert!(matches!(fault("ERR", said), Fault::Invalid(why) if why.contains("7.0")));
        assert!(matches!(fault("ERR", "max number of clients reached"), Fault::Refused { .. }));
        assert!(matches!(fault("ERR", "unknown command"), Fault::Failed(_)));
    }
}
