//! What becomes of one request.

use super::{
    Redis, Session, VERSION,
    args::Args,
    command::{Command, Everywhere, Local, Refusal, Route},
    expected::Expected,
    local::{self, After, Facts},
    merge::Merge,
    scan,
};
use crate::{frame::Frame, mux::Desk};

impl Redis {
    /// Decides what becomes of the request that was split last.
    pub(super) fn decide(&mut self, session: &mut Session, frame: Frame<'_>, desk: &mut Desk<'_, Self>) {
        let spans = std::mem::take(&mut self.spans);
        let args = Args::new(&frame, &spans);
        // A request without arguments is passed over, as in Redis.
        if args.len() > 0
            && let Err(refusal) = self.try_decide(&mut session.who, frame, &args, desk)
        {
            desk.answer(|out| refusal.write(out));
        }
        self.spans = spans;
    }

    fn try_decide<'a>(
        &mut self,
        who: &mut local::Session,
        frame: Frame<'_>,
        args: &Args<'a>,
        desk: &mut Desk<'_, Self>,
    ) -> Result<(), Refusal<'a>> {
        let command = Command::find(args)?;
        if !who.admits(command) {
            return Err(Refusal::Unauthenticated);
        }
        match command.route(args) {
            Route::Keyed => return keyed(command, frame, args, desk),
            Route::Split(split) => self.splitter.scatter(split, command, frame, args, desk)?,
            Route::Scan => scan::forward(command, &frame, args, desk)?,
            Route::Anywhere => match desk.any_server() {
                Ok(server) => desk.forward(server, Expected::to(command), frame),
                Err(failure) => desk.fail(Expected::to(command), failure),
            },
            Route::Everywhere(how) => everywhere(how, command, frame, desk),
            Route::Local(local) => self.answer(local, who, args, desk),
            Route::Refused(reason) => return Err(Refusal::Unserved(command.name, reason)),
        }
        Ok(())
    }

    /// Answers here, as a single Redis would.
    fn answer(&self, local: Local, who: &mut local::Session, args: &Args<'_>, desk: &mut Desk<'_, Self>) {
        let counts = desk.counts();
        let facts = Facts {
            password: self.password.as_ref(),
            version: VERSION,
            process: std::process::id(),
            port: self.port,
            started: self.started,
            now: desk.now(),
            clients: counts.client_connections,
            connections: counts.total_connections,
            commands: counts.requests,
        };
        let mut after = After::Stay;
        desk.answer(|out| after = local::answer(local, args, who, &facts, out));
        if after == After::Close {
            desk.end();
        }
    }
}

/// Forwards a command whose keys are on one shard.
#[inline]
fn keyed<'a>(
    command: &'static Command,
    frame: Frame<'_>,
    args: &Args<'a>,
    desk: &mut Desk<'_, Redis>,
) -> Result<(), Refusal<'a>> {
    let owner = owner(command, args, |key| desk.server(key))?;
    match owner.unwrap_or_else(|| desk.any_server()) {
        Ok(server) => desk.forward(server, Expected::to(command), frame),
        Err(failure) => desk.fail(Expected::to(command), failure),
    }
    Ok(())
}

/// The one server of all keys of a command; `None` where it has no keys.
///
/// # Errors
/// They are on several servers, or cannot be told.
#[inline]
pub(crate) fn owner<'a, S: PartialEq>(
    command: &'static Command,
    args: &Args<'a>,
    mut server: impl FnMut(&'a [u8]) -> S,
) -> Result<Option<S>, Refusal<'a>> {
    let (mut owner, mut apart) = (None, false);
    command.keys(args, &mut |key| {
        let server = server(key);
        match &owner {
            None => owner = Some(server),
            Some(first) => apart |= *first != server,
        }
    })?;
    if apart { Err(Refusal::Apart(command.name)) } else { Ok(owner) }
}

/// Sends the request to every server.
fn everywhere(how: Everywhere, command: &'static Command, frame: Frame<'_>, desk: &mut Desk<'_, Redis>) {
    let servers = desk.servers();
    let scatter = desk.scatter(servers, Merge::Everywhere(how));
    for server in 0..servers {
        let expected = Expected::of(command.reply);
        desk.part(scatter, server, server, expected, frame.len(), |out| out.frame(frame));
    }
}
