//! What a client is answered without asking a server, as a single Redis would.

mod client;
mod hello;
mod info;
mod session;
#[cfg(test)]
mod tests;
mod writer;

use std::time::Duration;

use entourage_core::Moment;

pub(crate) use self::session::Session;
use self::writer::Writer;
use super::{
    args::Args,
    command::{Local, integer},
};
use crate::nutcracker::Secret;

/// What is told of the proxy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts<'a> {
    /// What a client has to say before it is served.
    pub(crate) password: Option<&'a Secret>,
    /// The version of Redis whose commands its servers have, as `7.0.15`.
    pub(crate) version: &'a str,
    pub(crate) process: u32,
    /// Where it listens; 0 where that is not a port.
    pub(crate) port: u16,
    pub(crate) started: Moment,
    pub(crate) now: Moment,
    /// How many clients there are.
    pub(crate) clients: u64,
    /// How many there have been.
    pub(crate) connections: u64,
    /// How many commands they have sent.
    pub(crate) commands: u64,
}

impl Facts<'_> {
    fn uptime(&self) -> Duration {
        self.now.since(self.started)
    }
}

/// What becomes of the client's connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a client that is to be closed waits for it"]
pub(crate) enum After {
    /// It stays.
    Stay,
    /// It is closed when the answer is sent.
    Close,
}

/// Writes the answer to a command that [was found](super::command::Command::find), with as many
/// arguments as it takes.
pub(crate) fn answer(
    local: Local,
    args: &Args<'_>,
    session: &mut Session,
    facts: &Facts<'_>,
    out: &mut Vec<u8>,
) -> After {
    let mut out = Writer(out);
    match local {
        Local::Auth => hello::auth(args, session, facts, &mut out),
        Local::Client(of) => client::answer(of, args, session, facts, &mut out),
        // No setting of one server is that of all: what asks finds none and goes on.
        Local::ConfigGet => out.array(0),
        Local::Echo => out.bulk(args.get(1).unwrap_or_default()),
        Local::Hello => hello::hello(args, session, facts, &mut out),
        Local::Info => info::info(args, facts, &mut out),
        Local::NoCluster => out.error("ERR This instance has cluster support disabled"),
        Local::Ping => match (args.get(1), args.len()) {
            (None, _) => out.status("PONG"),
            (Some(message), 2) => out.bulk(message),
            (Some(_), _) => out.error("ERR wrong number of arguments for 'ping' command"),
        },
        Local::Quit => {
            out.status("OK");
            return After::Close;
        }
        Local::Reset => {
            session.reset(facts.password.is_none());
            out.status("RESET");
        }
        Local::Role => {
            out.array(3);
            out.bulk(b"master");
            out.integer(0);
            out.array(0);
        }
        Local::Select => match args.get(1).and_then(integer) {
            Some(0) => out.status("OK"),
            Some(_) => out.error("ERR DB index is out of range"),
            None => out.error("ERR value is not an integer or out of range"),
        },
    }
    After::Stay
}
