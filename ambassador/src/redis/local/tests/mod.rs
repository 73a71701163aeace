//! Answers that are given without asking a server.

mod differential;
mod handshakes;
mod session;

use entourage_core::Moment;

use super::{After, Facts, Session, answer};
use crate::{
    nutcracker::Secret,
    redis::{
        args::Written,
        command::{Command, Refusal, Route, tests::Value},
    },
};

/// A client of a proxy, answered as the proxy answers it.
struct Client {
    session: Session,
    password: Option<Secret>,
}

impl Client {
    fn new(password: Option<&str>) -> Self {
        let password = password.map(Secret::new);
        Self { session: Session::new(7, password.is_none()), password }
    }

    /// The answer to one command, and what becomes of the connection; `None` where a server answers.
    fn ask<A: AsRef<[u8]>>(&mut self, args: impl IntoIterator<Item = A>) -> Option<(Value, After)> {
        let written = Written::new(args);
        let args = written.args();
        let facts = Facts {
            password: self.password.as_ref(),
            version: "7.0.15",
            process: 1,
            port: 6379,
            started: Moment::ZERO,
            now: Moment::from_nanos(90_000_000_000_000),
            clients: 2,
            connections: 3,
            commands: 4,
        };
        let mut out = Vec::new();
        let mut after = After::Stay;
        match Command::find(&args) {
            Err(refusal) => refusal.write(&mut out),
            Ok(command) if !self.session.admits(command) => Refusal::Unauthenticated.write(&mut out),
            Ok(command) => match command.route(&args) {
                Route::Local(local) => after = answer(local, &args, &mut self.session, &facts, &mut out),
                Route::Refused(reason) => Refusal::Unserved(command.name, reason).write(&mut out),
                _ => return None,
            },
        }
        let mut rest = out.as_slice();
        let value = Value::read(&mut rest);
        assert!(rest.is_empty(), "more than one reply: {:?}", String::from_utf8_lossy(&out));
        Some((value, after))
    }

    /// The same with words between spaces, of a client that stays.
    #[track_caller]
    fn line(&mut self, line: &str) -> Value {
        let (value, after) = self.ask(line.split(' ')).unwrap_or_else(|| panic!("{line} is forwarded"));
        assert_eq!(after, After::Stay, "{line}");
        value
    }
}
