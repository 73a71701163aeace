//! HELLO and AUTH.

use super::{Args, Facts, Session, Writer, integer};

/// The one user that there is.
const USER: &[u8] = b"default";
const WRONG: &str = "WRONGPASS invalid username-password pair or user is disabled.";

/// Introduces client and proxy to each other, in RESP2 and no other protocol.
///
/// A client that asks for RESP3 and hears that there is none goes on in RESP2 on the same
/// connection.
pub(super) fn hello(args: &Args<'_>, session: &mut Session, facts: &Facts<'_>, out: &mut Writer<'_>) {
    match args.get(1).map(integer) {
        None | Some(Some(2)) => {}
        Some(None) => return out.error("ERR Protocol version is not an integer or out of range"),
        Some(Some(_)) => return out.error("NOPROTO unsupported protocol version"),
    }
    let mut at = 2;
    while let Some(option) = args.get(at) {
        let value = |after: usize| args.get(at + after);
        if option.eq_ignore_ascii_case(b"auth")
            && let (Some(user), Some(password)) = (value(1), value(2))
        {
            if !is_right(facts, user, password) {
                return out.error(WRONG);
            }
            session.authenticate();
            at += 3;
        } else if option.eq_ignore_ascii_case(b"setname")
            && let Some(name) = value(1)
        {
            if let Err(wrong) = session.rename(name) {
                return out.error(wrong);
            }
            at += 2;
        } else {
            let option = String::from_utf8_lossy(option.get(..128).unwrap_or(option));
            return out.error(&format!("ERR Syntax error in HELLO option '{option}'"));
        }
    }
    if !session.is_authenticated() {
        return out.error(
            "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH <user> \
             <pass> option can be used to authenticate the client and select the RESP protocol version at the \
             same time",
        );
    }
    out.array(14);
    out.bulk(b"server");
    out.bulk(b"redis");
    out.bulk(b"version");
    out.bulk(facts.version.as_bytes());
    out.bulk(b"proto");
    out.integer(2);
    out.bulk(b"id");
    out.integer(session.id);
    out.bulk(b"mode");
    out.bulk(b"standalone");
    out.bulk(b"role");
    out.bulk(b"master");
    out.bulk(b"modules");
    out.array(0);
}

/// `AUTH password`, or `AUTH default password`.
pub(super) fn auth(args: &Args<'_>, session: &mut Session, facts: &Facts<'_>, out: &mut Writer<'_>) {
    let (user, password) = match (args.get(1), args.get(2), args.len()) {
        (Some(_), _, 2) if facts.password.is_none() => {
            return out.error(
                "ERR AUTH <password> called without any password configured for the default user. Are you sure your \
                 configuration is correct?",
            );
        }
        (Some(password), _, 2) => (USER, password),
        (Some(user), Some(password), 3) => (user, password),
        _ => return out.error("ERR syntax error"),
    };
    if !is_right(facts, user, password) {
        return out.error(WRONG);
    }
    session.authenticate();
    out.status("OK");
}

/// Whether this lets the user in; where no password is set, any does.
fn is_right(facts: &Facts<'_>, user: &[u8], password: &[u8]) -> bool {
    user == USER && facts.password.is_none_or(|set| set.matches(password))
}
