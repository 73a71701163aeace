//! What becomes of a command.

use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
};

use entourage_core::{Moment, planted};
use tower_service::Service;

use super::{
    Command, Error, Reply, ResponseFuture, Router,
    future::{Parts, Then},
};
use crate::{
    limits::Limits,
    redis::{
        VERSION,
        args::Args,
        command::{self, Local, Refusal, Route, Split},
        dispatch::owner,
        local::{self, Facts},
        merge::Merge,
        scan::Aim,
    },
};

impl<S> Service<Command> for Router<S>
where
    S: Service<Command, Response = Reply> + Clone,
{
    type Response = Reply;
    type Error = Error<S::Error>;
    type Future = ResponseFuture<S>;

    /// Always ready.
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        if planted("linked-waits-for-every-shard") {
            let mut polls = self.shards.iter_mut().map(|shard| shard.poll_ready(context).is_pending());
            if polls.any(|is_pending| is_pending) {
                return Poll::Pending;
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Routes a command; the reply is what a client of the proxy would have read.
    ///
    /// What cannot be routed is answered with an error reply: keys on several shards
    /// (`-CROSSSLOT`), an unknown command, one that holds a connection.
    ///
    /// # Errors
    /// [`Error`]: a shard's service has failed.
    ///
    /// # Cancel safety
    /// Dropping the future before it is polled sends nothing. Later a shard may have been asked, and
    /// what it does is done or not; of a command of many keys, what some shards were asked and
    /// others not.
    #[inline]
    fn call(&mut self, command: Command) -> ResponseFuture<S> {
        if !command.is_within(&self.pool.limits) {
            return ResponseFuture::answered(too_long(&self.pool.limits));
        }
        let (frame, args) = command.parts();
        let route = command::Command::find(&args).and_then(|found| {
            Ok(match found.route(&args) {
                Route::Keyed => {
                    let owner = owner(found, &args, |key| self.pool.server(key))?;
                    Routed::To(owner.unwrap_or(0))
                }
                Route::Split(split) => self.split(split, found, &args)?,
                Route::Scan => {
                    let (aim, mut frame_of_shard) = (Aim::of(&args, self.shards.len())?, Vec::new());
                    aim.write(frame, &args, &mut frame_of_shard);
                    let then = Then::Scan { shard: aim.shard, shards: aim.shards };
                    Routed::Scan(Command::written(frame_of_shard), aim.shard.into(), then)
                }
                Route::Anywhere => Routed::To(0),
                Route::Everywhere(how) => {
                    let commands = (0..self.shards.len()).map(|shard| (shard, command.clone()));
                    Routed::Parts(commands.collect(), Merge::Everywhere(how))
                }
                Route::Local(local) => Routed::Answered(self.answer(local, &args)),
                Route::Refused(reason) => return Err(Refusal::Unserved(found.name, reason)),
            })
        });
        match route {
            Ok(Routed::To(shard)) => self.ask(shard, command, Then::Relay),
            Ok(Routed::Scan(command, shard, then)) => self.ask(shard, command, then),
            Ok(Routed::Parts(commands, merge)) => {
                let call = |(shard, command): (usize, Command)| {
                    (Arc::clone(&self.pool.names[shard]), self.shards[shard].clone(), command)
                };
                let parts = commands.into_iter().map(call);
                ResponseFuture::gathering(Parts::new(parts, merge, self.pool.partial))
            }
            Ok(Routed::Answered(reply)) => ResponseFuture::answered(reply),
            Err(refusal) => ResponseFuture::answered(refused(&refusal)),
        }
    }
}

/// What becomes of a command.
enum Routed {
    To(usize),
    Scan(Command, usize, Then),
    Parts(Vec<(usize, Command)>, Merge),
    Answered(Reply),
}

impl<S> Router<S>
where
    S: Service<Command, Response = Reply> + Clone,
{
    #[inline]
    fn ask(&self, shard: usize, command: Command, then: Then) -> ResponseFuture<S> {
        let name = Arc::clone(&self.pool.names[shard]);
        ResponseFuture::asking(name, self.shards[shard].clone(), command, then)
    }

    /// Splits a command of many keys; where all are at one shard it goes there as it is.
    fn split<'a>(
        &mut self,
        split: Split,
        command: &'static command::Command,
        args: &Args<'a>,
    ) -> Result<Routed, Refusal<'a>> {
        let (pool, splitter) = (&self.pool, &mut self.splitter);
        splitter.sort(split, args, self.shards.len(), |key| Ok(pool.server(key)))?;
        if let [part] = splitter.parts() {
            return Ok(Routed::To(known(part.server)));
        }
        let commands = splitter.parts().iter().map(|part| {
            let mut of_part = Command::with_room(command.name.as_bytes(), part.bytes);
            splitter.places(part, split).filter_map(|at| args.get(at)).for_each(|word| of_part.push(word));
            (known(part.server), of_part)
        });
        Ok(Routed::Parts(commands.collect(), splitter.merge(split)))
    }

    /// Answers as a single Redis would whose one client this is.
    fn answer(&mut self, local: Local, args: &Args<'_>) -> Reply {
        let facts = Facts {
            password: None,
            version: VERSION,
            process: std::process::id(),
            port: 0,
            started: Moment::ZERO,
            now: Moment::ZERO,
            clients: 1,
            connections: 1,
            commands: 0,
        };
        let session = self.session.get_or_insert_with(|| Box::new(local::Session::new(1, true)));
        let mut reply = Vec::new();
        // There is no connection here that QUIT could end.
        let _ = local::answer(local, args, session, &facts, &mut reply);
        Reply::written(reply)
    }
}

/// Every key has a shard here.
const fn known(shard: Result<usize, Infallible>) -> usize {
    match shard {
        Ok(shard) => shard,
    }
}

#[cold]
fn refused(refusal: &Refusal<'_>) -> Reply {
    let mut reply = Vec::new();
    refusal.write(&mut reply);
    Reply::written(reply)
}

#[cold]
fn too_long(limits: &Limits) -> Reply {
    let (bytes, arguments) = (limits.frame, limits.arguments);
    Reply::error(&format!(
        "ERR the command is longer than {bytes} bytes or {arguments} arguments; send less at once"
    ))
}
