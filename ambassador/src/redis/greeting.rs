//! What a connection to a server begins with.

use super::frame;
use crate::{nutcracker::Secret, options::Login};

/// The greeting of a connection, and how many replies it has: AUTH and SELECT, where they are wanted.
///
/// A `login` is told in place of what clients have to say.
pub(super) fn write(login: Option<&Login>, password: Option<&Secret>, database: u32) -> (Vec<u8>, usize) {
    let (mut greeting, mut replies) = (Vec::new(), 0);
    let mut say = |words: &[&[u8]]| {
        frame(&mut greeting, words);
        replies += 1;
    };
    match (login, password) {
        (Some(Login { password, .. }), _) if entourage_core::planted("greeting-keeps-the-user") => {
            say(&[b"AUTH", password.expose()]);
        }
        (Some(Login { user, password }), _) => say(&[b"AUTH", user.as_bytes(), password.expose()]),
        (None, Some(password)) => say(&[b"AUTH", password.expose()]),
        (None, None) => {}
    }
    if database != 0 {
        say(&[b"SELECT", database.to_string().as_bytes()]);
    }
    (greeting, replies)
}

/// Whether a reply to the greeting lets the connection be used.
///
/// # Errors
/// The server's words up to the first quote: what it quotes of the greeting may be the password, or the
/// beginning of it.
pub(super) fn accepts(reply: &[u8]) -> Result<(), String> {
    let Some(error) = reply.strip_prefix(b"-") else { return Ok(()) };
    let quote = error.iter().position(|byte| matches!(byte, b'\'' | b'`' | b'"'));
    let (told, more) = quote.map_or((error, ""), |at| (&error[..at], "…"));
    Err(format!("{}{more}", String::from_utf8_lossy(told).trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_against_a_greeting_is_told_without_the_password() {
        assert_eq!(accepts(b"+OK\r\n"), Ok(()));
        let wrong = "WRONGPASS invalid username-password pair or user is disabled.";
        assert_eq!(accepts(format!("-{wrong}\r\n").as_bytes()), Err(wrong.to_owned()));
        // Of a server whose AUTH has another name, or is none of Redis.
        for told in [
            "-ERR unknown command 'AUTH', with args beginning with: 'hunter2' \r\n",
            "-ERR unknown command `AUTH`, with args beginning with: `hunter2`, \r\n",
        ] {
            assert_eq!(accepts(told.as_bytes()), Err("ERR unknown command…".to_owned()));
        }
    }

    #[test]
    fn a_greeting_says_what_it_must_and_counts_it() {
        assert_eq!(write(None, None, 0), (Vec::new(), 0));
        let secret = Secret::new("pw");
        let (greeting, replies) = write(None, Some(&secret), 3);
        assert_eq!(greeting, b"*2\r\n$4\r\nAUTH\r\n$2\r\npw\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n");
        assert_eq!(replies, 2);
    }
}
