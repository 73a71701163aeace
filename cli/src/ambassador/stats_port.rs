//! The port of statistics: connect, read one JSON object, end.

use std::{sync::Arc, time::Duration};

use entourage_ambassador::{ShardProxy, Summary};
use entourage_core::{Clock, Moment, SystemClock, sleep, timeout};
use rustix::time::{ClockId, clock_gettime};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// Those who are answered at a time; others wait to be accepted.
const MOST: usize = 64;
/// How long one may take to read.
const PATIENCE: Duration = Duration::from_secs(2);
/// How much of what nobody asked for is read, so that closing does not tear what was written.
const UNASKED: u64 = 64 * 1024;
/// How long that is waited for.
const LINGER: Duration = Duration::from_millis(200);
/// How long nobody is accepted after the process ran out of descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// Says the statistics of one proxy.
#[derive(Clone, Debug)]
pub(super) struct Teller {
    proxy: Arc<ShardProxy>,
    source: Arc<str>,
    since: Moment,
}

impl Teller {
    /// Of a proxy that starts now.
    pub(super) fn new(proxy: Arc<ShardProxy>) -> Self {
        let source = rustix::system::uname().nodename().to_string_lossy().into();
        Self { proxy, source, since: SystemClock::new().now() }
    }

    /// Answers whoever connects. Never ends.
    ///
    /// # Cancel safety
    /// Dropped, all who are being answered are closed.
    pub(super) async fn serve(self, listener: TcpListener) {
        let mut answers = JoinSet::new();
        let clock = SystemClock::new();
        loop {
            tokio::select! {
                biased;
                Some(_) = answers.join_next() => {}
                accepted = listener.accept(), if answers.len() < MOST => match accepted {
                    Ok((stream, _)) => {
                        let teller = self.clone();
                        answers.spawn(async move {
                            // Whoever does not read is nobody's business.
                            let _ = timeout(&SystemClock::new(), PATIENCE, teller.answer(stream)).await;
                        });
                    }
                    Err(error) => {
                        tracing::warn!(%error, "nobody can be told the statistics");
                        sleep(&clock, PAUSE).await;
                    }
                },
            }
        }
    }

    async fn answer(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let pools = self.proxy.stats().await;
        let now = SystemClock::new().now();
        let summary = Summary {
            source: &self.source,
            version: env!("CARGO_PKG_VERSION"),
            uptime: now.since(self.since),
            timestamp: since_1970(),
            now,
        };
        stream.write_all(summary.json(&pools).as_bytes()).await?;
        stream.shutdown().await?;
        let (mut unasked, mut nowhere) = (stream.take(UNASKED), tokio::io::sink());
        let read = tokio::io::copy(&mut unasked, &mut nowhere);
        // Whoever says more is cut short.
        let _ = timeout(&SystemClock::new(), LINGER, read).await;
        Ok(())
    }
}

/// The wall clock, which is shown and compared with nothing.
fn since_1970() -> Duration {
    let now = clock_gettime(ClockId::Realtime);
    Duration::new(
        u64::try_from(now.tv_sec).unwrap_or_default(),
        u32::try_from(now.tv_nsec).unwrap_or_default(),
    )
}
