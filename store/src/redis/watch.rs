//! Waiting for changes on a connection of its own, whoever makes them.

use std::{fmt, future::Future, pin::Pin, sync::Arc, time::Duration};

use entourage_core::planted;
use entourage_engine::redis::{Command, Waiter};

use super::{Shared, answer, scripts::CHANGES};
use crate::{
    entry::Version,
    error::Result,
    feed::{Batch, Feed, due},
    watch::{Change, Watch},
};

/// How long the server holds an answer back that has nothing to say.
const PATIENCE: Duration = Duration::from_secs(10);

/// A wait for whatever is added to the history; it outlives a `next` that is dropped.
type Waiting = Pin<Box<dyn Future<Output = Waiter> + Send>>;

/// Reads the history by a script whenever something was added to it, or a session is over.
///
/// What the blocking read returns is not looked at: only a script knows the realm, and drops
/// nothing in silence.
pub(super) struct RedisWatch {
    shared: Arc<Shared>,
    feed: Feed,
    waiter: Option<Waiter>,
    waiting: Option<Waiting>,
}

/// What one look at the history found.
struct Look {
    batch: Batch,
    is_all: bool,
    /// When the next session is over, from before the look.
    ends_in: Option<Duration>,
}

async fn look(shared: &Shared, feed: &Feed) -> Result<Look> {
    let call = CHANGES.call().arg(feed.prefix()).number(feed.through().number());
    let [found, through, is_all, ends_in] = shared.link.call(call).await?.tuple()?;
    let through = answer::version(through)?;
    let mut changes = match found.some() {
        Some(found) => answer::changes(found)?,
        None if planted("redis-gap-is-silent") => Vec::new(),
        None => vec![Change::Resync { as_of: through }],
    };
    if planted("redis-watch-drops-the-rest") {
        changes.truncate(1);
    }
    let is_all = is_all.number()? == 1;
    // A negative number is none.
    let ends_in = ends_in.number().ok().map(Duration::from_micros);
    Ok(Look { batch: Batch { changes, through }, is_all, ends_in })
}

impl RedisWatch {
    pub(super) fn new(shared: Arc<Shared>, prefix: &str, after: Version) -> Self {
        let waiter = Some(shared.link.waiter());
        Self { shared, feed: Feed::new(prefix, after), waiter, waiting: None }
    }

    /// Waits for what follows the last look; a fault of it is the next look's.
    fn waiting(&mut self) -> &mut Waiting {
        let (shared, through) = (&self.shared, self.feed.through());
        let waiter = &mut self.waiter;
        self.waiting.get_or_insert_with(|| {
            let mut waiter = waiter.take().unwrap_or_else(|| shared.link.waiter());
            let (key, id) = (shared.link.key("changes"), format!("{through}-{}", u64::MAX));
            Box::pin(async move {
                let millis = u64::try_from(PATIENCE.as_millis()).unwrap_or(u64::MAX);
                let read = Command::reading("XREAD").arg("COUNT").arg("1").arg("BLOCK").number(millis);
                if let Err(fault) = waiter.wait(read.arg("STREAMS").arg(&key).arg(&id), PATIENCE).await {
                    tracing::debug!(%fault, "a watch could not wait");
                }
                waiter
            })
        })
    }
}

#[async_trait::async_trait]
#[deny(clippy::missing_trait_methods)]
impl Watch for RedisWatch {
    async fn next(&mut self) -> Result<Change> {
        loop {
            if let Some(change) = self.feed.pop() {
                self.shared.counts.saw(&change);
                return Ok(change);
            }
            let clock = Arc::clone(&self.shared.clock);
            let before = clock.now();
            let Look { batch, is_all, ends_in } = look(&self.shared, &self.feed).await?;
            let is_quiet = batch.changes.is_empty();
            self.feed.fill(batch);
            if !is_quiet || !is_all {
                continue;
            }
            // Nobody may call when a session is over, and its end is a change.
            let ends_in = ends_in.filter(|_| !planted("redis-watch-sleeps-on"));
            if ends_in == Some(Duration::ZERO) {
                self.shared.sweep().await?;
                continue;
            }
            let deadline = ends_in.map(|left| before + left);
            tokio::select! {
                biased;
                waiter = self.waiting() => {
                    self.waiter = Some(waiter);
                    self.waiting = None;
                }
                () = due(&*clock, deadline) => {}
            }
        }
    }

    fn position(&self) -> Version {
        self.feed.position()
    }
}

impl fmt::Debug for RedisWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisWatch").field("feed", &self.feed).finish_non_exhaustive()
    }
}
