//! The connection that calls share, and how it is made again.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use ::redis::Cmd;
use entourage_core::{Clock, Moment, planted, timeout};

use super::{
    answer::Answer,
    connection::{Connection, meaning},
    fault::{Fault, Intent, Mishap, Result},
    options::RedisOptions,
    pace::Pace,
};

/// The connection that calls share: made by the call that finds none, and given up when it is
/// silent, because what follows would queue behind what never comes.
///
/// No task looks after it that could end unseen.
#[derive(Debug)]
pub(super) struct Wire {
    options: RedisOptions,
    prefix: Arc<str>,
    current: Mutex<Option<Arc<Connection>>>,
    /// When the first call was sent since there was an answer, in nanoseconds; or zero.
    silent_since: AtomicU64,
    /// Who holds it makes the connection, and the others wait for what comes of it.
    making: tokio::sync::Mutex<Making>,
    tries: AtomicU64,
}

#[derive(Debug)]
struct Making {
    pace: Pace,
    failed: Option<Fault>,
}

impl Wire {
    pub(super) fn new(options: RedisOptions) -> Self {
        let making = Making { pace: Pace::new(&*options.clock), failed: None };
        Self {
            prefix: options.key(),
            options,
            current: Mutex::default(),
            silent_since: AtomicU64::new(0),
            making: making.into(),
            tries: AtomicU64::new(0),
        }
    }

    pub(super) const fn options(&self) -> &RedisOptions {
        &self.options
    }

    /// `{prefix}`.
    pub(super) const fn prefix(&self) -> &Arc<str> {
        &self.prefix
    }

    pub(super) fn clock(&self) -> &dyn Clock {
        &*self.options.clock
    }

    /// The answer to a command, by a deadline.
    pub(super) async fn ask(
        &self,
        command: &Cmd,
        intent: Intent,
        deadline: Moment,
    ) -> Result<Answer, Mishap> {
        let connected = self.connection(deadline).await;
        let connection = connected.map_err(|fault| Mishap::Fault { fault, broken: false })?;
        let now = self.clock().now();
        // If it was zero, the silence begins now.
        let _ = self.silent_since.compare_exchange(0, now.as_nanos(), Ordering::AcqRel, Ordering::Acquire);
        let left = match planted("redis-deadline-ignored") {
            true => std::time::Duration::MAX,
            false => deadline.since(now),
        };
        let answer = timeout(self.clock(), left, connection.ask(command)).await;
        if answer.is_ok() {
            self.silent_since.store(0, Ordering::Release);
        }
        let answer = meaning(answer, intent, &self.prefix);
        if answer.as_ref().is_err_and(Mishap::is_broken) {
            self.give_up(&connection);
        }
        answer
    }

    /// The connection, or a new one if it has ended or is silent.
    async fn connection(&self, deadline: Moment) -> Result<Arc<Connection>> {
        if let Some(connection) = self.current() {
            return Ok(connection);
        }
        let tries = self.tries.load(Ordering::Acquire);
        let left = deadline.since(self.clock().now());
        let making = timeout(self.clock(), left, self.making.lock()).await;
        let mut making = making.map_err(Fault::unavailable)?;
        if let Some(connection) = self.current() {
            return Ok(connection);
        }
        if self.tries.load(Ordering::Acquire) != tries
            && let Some(fault) = &making.failed
        {
            // It failed while this call waited for it.
            return Err(fault.clone());
        }
        if !making.pace.turn(self.clock(), deadline).await {
            let failed = making.failed.clone();
            return Err(failed.unwrap_or_else(|| Fault::unavailable("no time is left to connect")));
        }
        let made = Connection::dial(&self.options, deadline.since(self.clock().now())).await;
        match &made {
            Ok(connection) => {
                making.pace.has_succeeded();
                making.failed = None;
                self.silent_since.store(0, Ordering::Release);
                *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(connection));
                tracing::debug!(address = self.options.address(), "connected to redis");
            }
            Err(fault) => {
                making.pace.has_failed(self.clock());
                making.failed = Some(fault.clone());
                self.tries.fetch_add(1, Ordering::AcqRel);
            }
        }
        made
    }

    /// The connection, unless it has ended or was silent for longer than a call may take: also
    /// when each caller has given up before that.
    fn current(&self) -> Option<Arc<Connection>> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let since = self.silent_since.load(Ordering::Acquire);
        let silence = self.clock().now().since(Moment::from_nanos(since));
        let is_silent = since != 0 && silence >= self.options.timeout && !stays_with_the_silent();
        if current.as_ref().is_some_and(|connection| is_silent || connection.has_ended()) {
            *current = None;
        }
        current.clone()
    }

    fn give_up(&self, connection: &Arc<Connection>) {
        if stays_with_the_silent() {
            return;
        }
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.as_ref().is_some_and(|current| Arc::ptr_eq(current, connection)) {
            tracing::debug!(address = self.options.address(), "gave up a connection to redis");
            *current = None;
        }
    }
}

fn stays_with_the_silent() -> bool {
    planted("redis-stays-with-the-silent")
}
