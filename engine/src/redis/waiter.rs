//! Blocking reads, on a connection of their own.

use std::{sync::Arc, time::Duration};

use entourage_core::timeout;

use super::{
    answer::Answer,
    command::Command,
    connection::{Line, meaning},
    fault::{Intent, Mishap, Result},
    pace::Pace,
    wire::Wire,
};

/// Blocks at the server until there is something, on a connection of its own.
///
/// What it waits for must carry no item: what the server hands to a caller that has just gone
/// is lost. A bell does, a list of tokens that say "look" and no more; and who looks now and
/// then without having heard it misses nothing. Nobody checks the realm here.
#[derive(Debug)]
pub struct Waiter {
    wire: Arc<Wire>,
    line: Option<Line>,
    pace: Pace,
    tells_ends: bool,
}

impl Waiter {
    pub(super) fn new(wire: Arc<Wire>) -> Self {
        let pace = Pace::new(wire.clock());
        Self { wire, line: None, pace, tells_ends: false }
    }

    /// The same, for whom an answer means something else on another connection: one that has ended
    /// is always told, and never begun again unseen.
    #[must_use]
    pub fn telling_ends(self) -> Self {
        Self { tells_ends: true, ..self }
    }

    /// Waits for a token in the list at this key and takes it; false if none came.
    ///
    /// # Errors
    /// As [`Waiter::wait`].
    ///
    /// # Cancel safety
    /// As [`Waiter::wait`]; a token may be lost.
    pub async fn pop(&mut self, key: &str, patience: Duration) -> Result<bool> {
        // Zero would be for ever, and finer than a millisecond is not waited.
        let millis = patience.as_millis().max(1);
        let seconds = format!("{}.{:03}", millis / 1000, millis % 1000);
        let popped = self.wait(Command::reading("BLPOP").arg(key).arg(&seconds), patience).await?;
        Ok(popped.some().is_some())
    }

    /// The answer to a command that blocks for `patience`, which it names itself.
    ///
    /// Beyond that the server has the time of one call to say that nothing came.
    ///
    /// # Errors
    /// [`Fault::Unavailable`] and [`Fault::Refused`] when it cannot be waited now: try again,
    /// which is paced. [`Fault::Unknown`] for a command that writes.
    ///
    /// # Cancel safety
    /// Dropping the future closes the connection, and the server stops waiting.
    ///
    /// [`Fault::Unavailable`]: super::Fault::Unavailable
    /// [`Fault::Refused`]: super::Fault::Refused
    /// [`Fault::Unknown`]: super::Fault::Unknown
    pub async fn wait(&mut self, command: Command<'_>, patience: Duration) -> Result<Answer> {
        let (packed, intent) = (command.pack(), command.intent());
        let wire = Arc::clone(&self.wire);
        let options = wire.options();
        // After a fault; the pace never waits longer than a call takes.
        let _ = self.pace.turn(wire.clock(), wire.clock().now() + options.timeout).await;
        let kept = self.line.take();
        let may_have_ended = kept.is_some() && intent == Intent::Read && !self.tells_ends;
        let mut line = match kept {
            Some(line) => line,
            None => self.dial().await?,
        };
        let limit = patience.saturating_add(options.timeout);
        let mut answer = timeout(wire.clock(), limit, line.ask(&packed)).await;
        if may_have_ended && matches!(&answer, Ok(Err(error)) if error.code().is_none()) {
            // It ended while nobody waited: begun again on another, it waits as it would have.
            line = self.dial().await?;
            answer = timeout(wire.clock(), limit, line.ask(&packed)).await;
        }
        let answer = meaning(answer, intent, wire.prefix());
        match &answer {
            Ok(_) => self.pace.has_succeeded(),
            Err(_) => self.pace.has_failed(wire.clock()),
        }
        if !answer.as_ref().is_err_and(Mishap::is_broken) {
            self.line = Some(line);
        }
        Ok(answer?)
    }

    async fn dial(&mut self) -> Result<Line> {
        let options = self.wire.options();
        let dialled = Line::dial(options, options.connect_timeout).await;
        if dialled.is_err() {
            self.pace.has_failed(self.wire.clock());
        }
        dialled
    }
}
