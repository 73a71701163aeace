//! What a connection to a server begins with: a question that proves the connection.

use super::{Expected, Kind, Silence, reply::is_error};
use crate::protocol::{Greeted, Greeting, Lie};

/// The question for the version: of all requests, servers older than 1.6 too answer this one with what is
/// the reply to no other, so that one which comes unasked stands out, and ends the connection.
pub(super) const QUESTION: &[u8] = b"version\r\n";

/// What the reply to that looks like.
pub(super) const EXPECTED: Expected = Expected { kind: Kind::Version, silence: Silence::None, most: 0 };

/// The greeting of a connection.
pub(super) fn write() -> Greeting<Expected> {
    Greeting { bytes: QUESTION.to_vec(), requests: 1, expected: EXPECTED }
}

/// What a reply to the greeting says about the connection.
pub(super) fn judge(reply: &[u8]) -> Greeted {
    if reply.starts_with(b"VERSION ") {
        Greeted::Fine
    } else if is_error(reply) {
        // As one does that has as many connections as it may, and one that wants a password.
        Greeted::refused(reply)
    } else {
        Greeted::Lie(Lie("a version is no version"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_proved_by_a_version() {
        assert_eq!(judge(b"VERSION 1.6.18\r\n"), Greeted::Fine);
        for (said, told) in [
            ("ERROR Too many open connections\r\n", "ERROR Too many open connections"),
            ("CLIENT_ERROR unauthenticated\r\n", "CLIENT_ERROR unauthenticated"),
            ("ERROR\r\n", "ERROR"),
        ] {
            assert_eq!(judge(said.as_bytes()), Greeted::Refused(told.to_owned()));
        }
        for said in ["+OK\r\n", "END\r\n", "220 ready\r\n", "VERSION\r\n"] {
            assert!(matches!(judge(said.as_bytes()), Greeted::Lie(_)), "{said}");
        }
    }
}
