//! The configuration, followed while it changes.

use std::{io, path::PathBuf, sync::Arc, thread, time::Duration};

use anyhow::{Error, Result};
use entourage_ambassador::{ShardProxy, nutcracker::Config};
use entourage_core::{Shutdown, SystemClock, sleep};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::oneshot,
};

use super::{
    configuration::{bytes, may_be_read_again, parse},
    looks::Looks,
    told::Told,
};
use crate::log;

/// How often the file is looked at. It is taken once it stands still from one look to the next.
const PERIOD: Duration = Duration::from_secs(1);

/// Serves what a file says, and says again.
pub(super) struct Follower {
    pub(super) path: PathBuf,
    pub(super) proxy: Arc<ShardProxy>,
    pub(super) told: Told,
    looks: Looks,
    /// It could not be read at the last look.
    is_away: bool,
    signals: Signals,
}

/// The signals that nutcracker has: for its log anew, which is for the configuration too here; for
/// more and for less of it; and one that does nothing.
struct Signals {
    hang_up: Signal,
    louder: Signal,
    quieter: Signal,
    ignored: Signal,
}

impl Follower {
    /// Of this file, which said these bytes when the proxy began to serve.
    ///
    /// # Errors
    /// The system gives no signals.
    pub(super) fn new(path: PathBuf, said: Vec<u8>, proxy: Arc<ShardProxy>, told: Told) -> io::Result<Self> {
        let on = |number| signal(SignalKind::from_raw(number));
        let signals = Signals {
            hang_up: signal(SignalKind::hangup())?,
            louder: on(rustix::process::Signal::TTIN.as_raw())?,
            quieter: on(rustix::process::Signal::TTOU.as_raw())?,
            ignored: signal(SignalKind::user_defined1())?,
        };
        Ok(Self { path, proxy, told, looks: Looks::after(said), is_away: false, signals })
    }

    /// Takes a changed configuration at SIGHUP, and if `watches` whenever there is one, until the
    /// program is to end.
    pub(super) async fn run(&mut self, watches: bool, shutdown: &Shutdown) {
        loop {
            tokio::select! {
                biased;
                // A file may take long to be read, and so may names of addresses to be looked up.
                () = shutdown.draining() => return,
                () = self.step(watches, shutdown) => {}
            }
        }
    }

    /// Does what the next signal asks for, or looks at the file after a period without one.
    async fn step(&mut self, watches: bool, shutdown: &Shutdown) {
        let clock = SystemClock::new();
        tokio::select! {
            biased;
            _ = self.signals.hang_up.recv() => {
                log::reopen();
                self.ask(shutdown).await;
            }
            _ = self.signals.louder.recv() => log::turn(true),
            _ = self.signals.quieter.recv() => log::turn(false),
            _ = self.signals.ignored.recv() => {}
            () = sleep(&clock, PERIOD), if watches => self.look(shutdown).await,
        }
    }

    /// Takes what the file says, whether it has changed or not.
    async fn ask(&mut self, shutdown: &Shutdown) {
        let path = self.path.clone();
        match apart(move || bytes(&path)).await {
            Ok(bytes) => self.take(bytes, shutdown).await,
            Err(error) => self.away(&error),
        }
    }

    /// Takes what the file says, if that is something new which nobody is writing any more.
    async fn look(&mut self, shutdown: &Shutdown) {
        let path = self.path.clone();
        // Of a pipe nothing is read that a signal does not ask for.
        let read = apart(move || may_be_read_again(&path).then(|| bytes(&path)).transpose()).await;
        let bytes = match read {
            Ok(Some(bytes)) => bytes,
            Err(error) if !self.is_away => return self.away(&error),
            _ => return,
        };
        self.back();
        if let Some(bytes) = self.looks.see(bytes) {
            self.take(bytes, shutdown).await;
        }
    }

    /// Takes a configuration, or refuses it; it is not tried again until it changes or SIGHUP comes.
    async fn take(&mut self, bytes: Vec<u8>, shutdown: &Shutdown) {
        self.back();
        let reloaded = self.reload(&bytes).await;
        self.looks = Looks::after(bytes);
        match reloaded {
            Ok(config) => {
                tracing::info!(pools = config.pools.len(), "the configuration was taken anew");
                self.told.takes(config);
            }
            Err(error) => {
                let error = format!("{error:#}");
                tracing::error!(error, "the configuration is refused; the one before goes on");
                self.told.refuses();
                if entourage_core::planted("shard-ends-at-a-refused-file") {
                    shutdown.drain();
                }
            }
        }
    }

    async fn reload(&self, bytes: &[u8]) -> Result<Config> {
        let config = parse(&self.path, bytes)?;
        self.proxy.reload(config.clone()).await.map_err(Error::from)?;
        Ok(config)
    }

    fn away(&mut self, error: &io::Error) {
        self.is_away = true;
        let path = self.path.display();
        tracing::error!(%error, %path, "the configuration cannot be read; the one before goes on");
        self.told.away(true);
    }

    fn back(&mut self) {
        if std::mem::take(&mut self.is_away) {
            tracing::info!("the configuration can be read again");
            self.told.away(false);
        }
    }
}

/// Reads on a thread of its own: the runtime waits at its end for what its own threads read, and into
/// a pipe perhaps nobody writes any more.
///
/// # Cancel safety
/// Dropped, it is read all the same, and nobody is told.
async fn apart<T: Send + 'static>(read: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    let (done, answer) = oneshot::channel();
    thread::Builder::new().name("configuration".to_owned()).spawn(move || {
        // Who waited may have gone.
        let _ = done.send(read());
    })?;
    answer.await.unwrap_or_else(|_| Err(io::Error::other("the thread that reads it has panicked")))
}
