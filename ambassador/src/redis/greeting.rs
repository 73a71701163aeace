//! What a connection to a server begins with: who this is, and a question that proves the connection.
//!
//! Replies are told apart by their order alone, so a server that says a line when it accepts would have
//! each of its replies taken for that to the request before. Therefore a new connection is asked to
//! say a word back that nobody can know before.

use entourage_core::planted;

use super::{Expected, command::Reply, frame};
use crate::{
    nutcracker::Secret,
    options::Login,
    protocol::{Asked, Greeted, Greeting, Lie},
};

/// How a server's errors begin which close the connection as it is accepted.
const SHUT: [&[u8]; 2] = [b"-ERR max number of clients", b"-DENIED "];

/// How errors begin with which a server refuses nearly everything.
const REFUSES_ALL: [&[u8]; 6] =
    [b"-NOAUTH ", b"-LOADING ", b"-MASTERDOWN ", b"-MISCONF ", b"-BUSY ", b"-NOPERM "];

/// The greeting of a connection: AUTH and SELECT, where they are wanted, and ECHO of `word`.
///
/// A `login` is told in place of what clients have to say.
pub(super) fn write(
    login: Option<&Login>,
    password: Option<&Secret>,
    database: u32,
    word: &str,
) -> Greeting<Expected> {
    let (mut bytes, mut requests) = (Vec::new(), 0);
    let mut say = |words: &[&[u8]]| {
        frame(&mut bytes, words);
        requests += 1;
    };
    match (login, password) {
        (Some(Login { password, .. }), _) if planted("greeting-keeps-the-user") => {
            say(&[b"AUTH", password.expose()]);
        }
        (Some(Login { user, password }), _) => say(&[b"AUTH", user.as_bytes(), password.expose()]),
        (None, Some(password)) => say(&[b"AUTH", password.expose()]),
        (None, None) => {}
    }
    if database != 0 {
        say(&[b"SELECT", database.to_string().as_bytes()]);
    }
    say(&[b"ECHO", word.as_bytes()]);
    Greeting { bytes, requests, expected: Expected::of(Reply::ANY) }
}

/// What a reply to the greeting says about the connection.
pub(super) fn judge(word: &str, asked: Asked, reply: &[u8]) -> Greeted {
    let error = reply.strip_prefix(b"-");
    if let Some(error) = error
        && SHUT.iter().any(|shut| reply.starts_with(shut))
    {
        return Greeted::refused(error);
    }
    match (asked, error) {
        (Asked::Entry, Some(error)) => Greeted::refused(error),
        (Asked::Entry, None) if reply == b"+OK\r\n" => Greeted::Fine,
        (Asked::Proof, _) if planted("proxy-believes-the-first-word") => Greeted::Fine,
        (Asked::Proof, None) if says(reply, word) => Greeted::Fine,
        // Of a server without ECHO, or to which this user may not say it.
        (Asked::Proof | Asked::Again, Some(error)) if quotes(error, word) => Greeted::Fine,
        // Clients are to be told what the server says, if this is its reply and no greeting of its own:
        // that a command is unknown is said whatever else is refused, and names the command.
        (Asked::Proof, Some(_)) => {
            let mut question = Vec::new();
            frame(&mut question, &[word.as_bytes()]);
            Greeted::Ask(question)
        }
        // One that is no Redis may not say it.
        (Asked::Again, Some(_)) if REFUSES_ALL.iter().any(|code| reply.starts_with(code)) => Greeted::Fine,
        _ => Greeted::Lie(Lie("what is no reply to a greeting")),
    }
}

/// Whether this reply is the word.
fn says(reply: &[u8], word: &str) -> bool {
    reply == format!("${}\r\n{word}\r\n", word.len()).as_bytes()
}

fn quotes(error: &[u8], word: &str) -> bool {
    error.windows(word.len()).any(|part| part == word.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORD: &str = "0123456789abcdef";

    fn refused(words: &str) -> Greeted {
        Greeted::Refused(words.to_owned())
    }

    #[test]
    fn what_a_server_says_against_a_greeting_is_told_without_the_password() {
        let entry = |reply: &str| judge(WORD, Asked::Entry, reply.as_bytes());
        assert_eq!(entry("+OK\r\n"), Greeted::Fine);
        let wrong = "WRONGPASS invalid username-password pair or user is disabled.";
        assert_eq!(entry(&format!("-{wrong}\r\n")), refused(wrong));
        // Of a server whose AUTH has another name, or is none of Redis.
        for told in [
            "-ERR unknown command 'AUTH', with args beginning with: 'hunter2' \r\n",
            "-ERR unknown command `AUTH`, with args beginning with: `hunter2`, \r\n",
        ] {
            assert_eq!(entry(told), refused("ERR unknown command…"));
        }
        assert_eq!(entry(&format!("-{}\r\n", "ü".repeat(101))), refused(&format!("{}…", "ü".repeat(100))));
        assert_eq!(entry(&format!("-{}\r\n", "ü".repeat(100))), refused(&"ü".repeat(100)));
    }

    #[test]
    fn a_greeting_says_what_it_must_and_counts_it() {
        let echo = b"*2\r\n$4\r\nECHO\r\n$16\r\n0123456789abcdef\r\n";
        let Greeting { bytes, requests, .. } = write(None, None, 0, WORD);
        assert_eq!((&bytes[..], requests), (&echo[..], 1));
        let secret = Secret::new("pw");
        let Greeting { bytes, requests, .. } = write(None, Some(&secret), 3, WORD);
        let entries = b"*2\r\n$4\r\nAUTH\r\n$2\r\npw\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n";
        assert_eq!((bytes, requests), ([&entries[..], echo].concat(), 3));
    }

    #[test]
    fn a_connection_is_proved_by_its_word_or_by_an_error_that_names_it() {
        let unknown = format!("-ERR unknown command '{WORD}', with args beginning with: \r\n");
        let unknown_echo = format!("-ERR unknown command `ECHO`, with args beginning with: `{WORD}`, \r\n");
        let ask = Greeted::Ask(format!("*1\r\n$16\r\n{WORD}\r\n").into_bytes());
        let lie = Greeted::Lie(Lie("what is no reply to a greeting"));
        let word = format!("$16\r\n{WORD}\r\n");
        let full = "ERR max number of clients reached";
        let cases = [
            (Asked::Entry, word.as_str(), lie.clone()),
            (Asked::Entry, "+PONG\r\n", lie.clone()),
            (Asked::Proof, &word, Greeted::Fine),
            (Asked::Proof, &unknown_echo, Greeted::Fine),
            (Asked::Proof, "$16\r\n0123456789abcdeX\r\n", lie.clone()),
            (Asked::Proof, "$-1\r\n", lie.clone()),
            (Asked::Proof, "+OK\r\n", lie.clone()),
            (Asked::Proof, "+0123456789abcdef\r\n", lie.clone()),
            (Asked::Proof, "-NOAUTH Authentication required.\r\n", ask.clone()),
            (Asked::Proof, "-ERR hello\r\n", ask),
            (Asked::Proof, "-ERR max number of clients reached\r\n", refused(full)),
            (Asked::Proof, "-DENIED Redis is 'protected'\r\n", refused("DENIED Redis is…")),
            (Asked::Again, &unknown, Greeted::Fine),
            (Asked::Again, "-NOAUTH Authentication required.\r\n", Greeted::Fine),
            // It is the answer to what was asked before, or to nothing.
            (Asked::Again, &word, lie.clone()),
            (Asked::Again, "-ERR hello\r\n", lie),
        ];
        for (asked, reply, expected) in cases {
            assert_eq!(judge(WORD, asked, reply.as_bytes()), expected, "{asked:?} {reply}");
        }
    }
}
