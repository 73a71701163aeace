//! CLIENT, of the client that asks and of no other.

use super::{
    Args, Facts, Session, Writer, integer,
    session::{LONGEST, is_printed},
};
use crate::redis::command::Client;

const SYNTAX: &str = "ERR syntax error";

const HELP: [&str; 13] = [
    "CLIENT <subcommand> [<arg> ...], each of the client that asks alone:",
    "GETNAME, SETNAME <name>",
    "    The name of this client; an empty one takes it back.",
    "ID",
    "    The number of this client.",
    "INFO, LIST [TYPE <type> | ID <id> ...]",
    "    A line about this client; others are not shown.",
    "SETINFO (LIB-NAME | LIB-VER) <text>",
    "    What library this client uses.",
    "NO-EVICT (ON | OFF), NO-TOUCH (ON | OFF), REPLY ON, TRACKING OFF, GETREDIR",
    "    Answered for the sake of clients; they change nothing.",
    "HELP",
    "    This text.",
];

/// Writes the answer to CLIENT and this sub-command.
pub(super) fn answer(
    of: Client,
    args: &Args<'_>,
    session: &mut Session,
    facts: &Facts<'_>,
    out: &mut Writer<'_>,
) {
    let value = args.get(2).unwrap_or_default();
    let says = |word: &str| value.eq_ignore_ascii_case(word.as_bytes());
    match of {
        Client::Getname if session.name.is_empty() => out.null(),
        Client::Getname => out.bulk(&session.name),
        // Nothing is tracked, and so nothing redirected.
        Client::Getredir => out.integer(-1),
        Client::Help => {
            out.array(HELP.len());
            HELP.iter().for_each(|line| out.status(line));
        }
        Client::Id => out.integer(session.id),
        Client::Info => out.bulk(&line(session, facts, "client|info")),
        Client::List => match is_listed(args, session) {
            Ok(is_listed) => {
                let line = is_listed.then(|| line(session, facts, "client|list"));
                out.bulk(&line.unwrap_or_default());
            }
            Err(wrong) => out.error(&wrong),
        },
        Client::NoEvict | Client::NoTouch if says("on") || says("off") => out.status("OK"),
        Client::Reply if says("on") => out.status("OK"),
        Client::Reply if says("off") || says("skip") => {
            out.error("ERR 'client|reply' is not served by this proxy but with ON: every command has its reply");
        }
        Client::Tracking if says("off") && args.len() == 3 => out.status("OK"),
        Client::Tracking if says("on") => out.error(
            "ERR 'client|tracking' is not served by this proxy: changes are told of on a connection of their own",
        ),
        Client::NoEvict | Client::NoTouch | Client::Reply | Client::Tracking => out.error(SYNTAX),
        Client::Setinfo => match set_info(value, args.get(3).unwrap_or_default(), session) {
            Ok(()) => out.status("OK"),
            Err(wrong) => out.error(&wrong),
        },
        Client::Setname => match session.rename(value) {
            Ok(()) => out.status("OK"),
            Err(wrong) => out.error(wrong),
        },
    }
}

/// Whether CLIENT LIST with these arguments has the client that asks.
fn is_listed(args: &Args<'_>, session: &Session) -> Result<bool, String> {
    let Some(filter) = args.get(2) else { return Ok(true) };
    if filter.eq_ignore_ascii_case(b"type") && args.len() == 4 {
        let asked = args.get(3).unwrap_or_default();
        return match asked.to_ascii_lowercase().as_slice() {
            b"normal" => Ok(true),
            b"master" | b"replica" | b"slave" | b"pubsub" => Ok(false),
            _ => Err(format!("ERR Unknown client type '{}'", shown(asked))),
        };
    }
    if filter.eq_ignore_ascii_case(b"id") && args.len() > 3 {
        let mut is_listed = false;
        for id in args.iter().skip(3) {
            is_listed |= integer(id).ok_or("ERR Invalid client ID")? == session.id;
        }
        return Ok(is_listed);
    }
    Err(SYNTAX.to_owned())
}

/// Takes what library the client uses, and which version of it.
fn set_info(attribute: &[u8], value: &[u8], session: &mut Session) -> Result<(), String> {
    let (name, kept) = match attribute.to_ascii_lowercase().as_slice() {
        b"lib-name" => ("lib-name", &mut session.library),
        b"lib-ver" => ("lib-ver", &mut session.library_version),
        _ => return Err(format!("ERR Unrecognized option '{}'", shown(attribute))),
    };
    if value.len() > LONGEST {
        return Err(format!("ERR {name} is limited to {LONGEST} bytes by this proxy"));
    }
    if !is_printed(value) {
        return Err(format!("ERR {name} cannot contain spaces, newlines or special characters."));
    }
    *kept = value.into();
    Ok(())
}

/// The line of a client in a list of clients, with the fields that clients and tools read.
fn line(session: &Session, facts: &Facts<'_>, command: &str) -> Vec<u8> {
    let age = session.since.map_or(0, |since| facts.now.since(since).as_secs());
    let (id, address) = (session.id, &session.address);
    let mut line = format!("id={id} addr={address} laddr=?:{} fd=-1 name=", facts.port).into_bytes();
    line.extend_from_slice(&session.name);
    line.extend_from_slice(
        format!(
            " age={age} idle=0 flags=N db=0 sub=0 psub=0 ssub=0 multi=-1 qbuf=0 qbuf-free=0 argv-mem=0 multi-mem=0 \
             rbs=0 rbp=0 obl=0 oll=0 omem=0 tot-mem=0 events=r cmd={command} user=default redir=-1 resp=2 lib-name="
        )
        .as_bytes(),
    );
    line.extend_from_slice(&session.library);
    line.extend_from_slice(b" lib-ver=");
    line.extend_from_slice(&session.library_version);
    line.push(b'\n');
    line
}

/// The beginning of what a client sent, to tell it what was not understood.
fn shown(sent: &[u8]) -> String {
    String::from_utf8_lossy(sent.get(..128).unwrap_or(sent)).into_owned()
}
