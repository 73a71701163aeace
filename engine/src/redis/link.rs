//! A handle of one prefix on one Redis.

use std::{sync::Arc, time::Duration};

use entourage_core::{Realm, planted};

use super::{
    answer::Answer,
    call::{Call, Tail},
    command::Command,
    fault::{Fault, Mishap, Result},
    meta::{Meta, OPEN, random_realm},
    options::RedisOptions,
    script::Script,
    waiter::Waiter,
    wire::Wire,
};

/// A handle of one prefix on one Redis; clones share its connection and what it has seen.
///
/// A call that was sent and not answered in time is [`Fault::Unknown`] if it may have changed
/// something, and never a success. The connection is made anew by the next call.
#[derive(Clone, Debug)]
pub struct Link {
    wire: Arc<Wire>,
    meta: Arc<Meta>,
    timeout: Duration,
}

impl Link {
    /// Connects, and learns the realm of the prefix; one that is new is given its realm now.
    ///
    /// # Errors
    /// [`Fault::Invalid`] for options that no server takes, [`Fault::Denied`] for a wrong
    /// password, [`Fault::NotOurs`] for a prefix that holds something else, and
    /// [`Fault::Unavailable`] or [`Fault::Refused`] while the server is not ready.
    ///
    /// # Cancel safety
    /// Dropping the future may leave a realm there, which the next handle takes.
    pub async fn connect(options: RedisOptions) -> Result<Self> {
        options.check()?;
        let timeout = options.timeout;
        let wire = Wire::new(options);
        let realm = random_realm()?;
        let call = OPEN.call().owned(realm.to_string());
        let tail = Tail { realm: String::new(), seen: "0".to_owned(), now: wire.options().judged_now() };
        let opened = match run(&wire, &call, &tail, timeout).await {
            // Whoever connects next takes the realm that may be there.
            Err(Fault::Unknown(cause)) => Err(Fault::Unavailable(cause)),
            opened => opened,
        };
        Ok(Self { meta: Arc::new(Meta::opened(opened?)?), wire: Arc::new(wire), timeout })
    }

    /// The same link, with calls that are given up after this time.
    #[must_use]
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        Self { timeout, ..self.clone() }
    }

    /// When a call is given up.
    #[must_use]
    pub const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The realm of the prefix.
    #[must_use]
    pub fn realm(&self) -> Realm {
        self.meta.realm()
    }

    /// The key of this name, `{prefix}:name`.
    #[must_use]
    pub fn key(&self, name: &str) -> String {
        format!("{}:{name}", self.wire.prefix())
    }

    /// Runs a script.
    ///
    /// # Errors
    /// [`Fault::Said`] with what the script itself refuses, [`Fault::Foreign`] and
    /// [`Fault::WentBack`] when the data is no longer what this handle has opened: no call
    /// succeeds then until it is opened anew. [`Fault::Unknown`] when there is no answer to a
    /// script that writes; [`Fault::Unavailable`] and [`Fault::Refused`] when nothing happened.
    ///
    /// # Cancel safety
    /// Dropping the future stops nothing: the script may run or not.
    pub async fn call(&self, call: Call<'_>) -> Result<Answer> {
        self.ask(&call).await
    }

    /// Runs a script whose call is kept, to be run once more.
    ///
    /// # Errors
    /// As [`Link::call`].
    ///
    /// # Cancel safety
    /// As [`Link::call`].
    pub async fn ask(&self, call: &Call<'_>) -> Result<Answer> {
        let tail = self.meta.tail(self.wire.options().judged_now())?;
        let answer = run(&self.wire, call, &tail, self.timeout).await;
        if matches!(answer, Err(Fault::Unknown(_))) && planted("redis-silence-is-success") {
            return Ok(Answer::Nil);
        }
        self.meta.heard(answer)
    }

    /// Makes the server know these scripts before their first calls.
    ///
    /// Without it a first call is sent twice, and calls that follow it may overtake it.
    ///
    /// # Errors
    /// As [`Link::command`].
    ///
    /// # Cancel safety
    /// Dropping the future leaves some of them known or none.
    pub async fn load(&self, scripts: &[&Script]) -> Result<()> {
        for script in scripts {
            self.command(Command::writing("SCRIPT").arg("LOAD").arg(&script.compiled().text)).await?;
        }
        Ok(())
    }

    /// Runs one command, with keys as [`Link::key`] makes them; nobody checks the realm.
    ///
    /// A command that reads is answered by a replica too.
    ///
    /// # Errors
    /// As [`Link::call`], but for what a script says.
    ///
    /// # Cancel safety
    /// As [`Link::call`].
    pub async fn command(&self, command: Command<'_>) -> Result<Answer> {
        let deadline = self.wire.clock().now() + self.timeout;
        Ok(self.wire.ask(&command.pack(), command.intent(), deadline).await?)
    }

    /// What blocks, on a connection of its own that is made when it first waits.
    #[must_use]
    pub fn waiter(&self) -> Waiter {
        Waiter::new(Arc::clone(&self.wire))
    }
}

/// Runs a script by its hash, and by its text on a server that has forgotten it.
async fn run(wire: &Wire, call: &Call<'_>, tail: &Tail, timeout: Duration) -> Result<Answer> {
    let deadline = wire.clock().now() + timeout;
    let (intent, prefix) = (call.intent(), wire.prefix());
    match wire.ask(&call.by_hash(prefix, tail), intent, deadline).await {
        Err(Mishap::NoScript) => Ok(wire.ask(&call.by_text(prefix, tail), intent, deadline).await?),
        answer => Ok(answer?),
    }
}
