//! Waiting for changes: a task reads them as they come, and opens the stream again when it ends.

use std::{pin::pin, sync::Arc, time::Duration};

use entourage_core::{Backoff, Clock, Moment, planted, sleep};
use etcd_client::{EventType, WatchOptions, WatchResponse, WatchStream};
use tokio::{
    sync::mpsc::{self, error::TrySendError},
    task::JoinHandle,
};

use super::{
    Shared,
    cluster::went_back,
    fault::{Fault, Intent},
    keys::{Span, version},
    server::Line,
    turn::Turn,
};
use crate::{
    entry::Version,
    error::{Error, Result},
    feed::{Batch, Feed},
    watch::{Change, Watch},
};

/// Answers of the server that wait to be handed out. When there are so many the stream is
/// given up, so that one slow caller holds up nobody on the same connection, and nothing grows.
const WAITING: usize = 64;
/// How long a stream that ended is left alone at first.
const PAUSE: Duration = Duration::from_millis(10);
/// And when it has ended again and again.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// The changes below a prefix, as a task reads them.
#[derive(Debug)]
pub(super) struct EtcdWatch {
    shared: Arc<Shared>,
    feed: Feed,
    batches: mpsc::Receiver<Result<Batch>>,
    reading: Reading,
}

/// A task that ends with its watch.
#[derive(Debug)]
struct Reading(JoinHandle<()>);

impl Drop for Reading {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl EtcdWatch {
    /// Opens the stream, so that what is committed from now on comes by itself.
    pub(super) async fn open(shared: &Arc<Shared>, prefix: &str, after: Option<Version>) -> Result<Self> {
        let latest = shared.cluster.revision().await?;
        let after = after.map_or(latest, Version::number);
        let span = shared.keys.span(prefix, None);
        let reader = Reader { shared: Arc::clone(shared), span, through: after, is_compacted: false };
        if after > latest {
            return Err(went_back(latest, after));
        }
        let stream = reader.stream().await?;
        let (hand, batches) = mpsc::channel(WAITING);
        let reading = Reading(tokio::spawn(reader.run(stream, hand)));
        let feed = Feed::new(prefix, Version::new(after));
        Ok(Self { shared: Arc::clone(shared), feed, batches, reading })
    }
}

#[async_trait::async_trait]
#[deny(clippy::missing_trait_methods)]
impl Watch for EtcdWatch {
    /// A stream that ends is opened again where it ended, and no caller sees it. While that
    /// fails for longer than a call's time-out, each answer is [`Error::Unavailable`].
    async fn next(&mut self) -> Result<Change> {
        loop {
            if let Some(change) = self.feed.pop() {
                self.shared.counts.saw(&change);
                return Ok(change);
            }
            match self.batches.recv().await {
                Some(batch) => self.feed.fill(batch?),
                None => {
                    debug_assert!(self.reading.0.is_finished(), "the task hands out until it ends");
                    return Err(Error::Unavailable(
                        "the runtime that the watch was opened on has ended".into(),
                    ));
                }
            }
        }
    }

    fn position(&self) -> Version {
        self.feed.position()
    }
}

/// An open stream, and the turn of the server that it comes from.
struct Stream {
    changes: WatchStream,
    turn: Turn,
}

/// Where the reading stands.
struct Reader {
    shared: Arc<Shared>,
    span: Span,
    /// Every change up to this revision has been read.
    through: u64,
    /// Whether changes after it were dropped from the history.
    is_compacted: bool,
}

/// Why a stream is read no further.
enum End {
    /// It broke, the server ended it, or the calls have gone elsewhere.
    Broken,
    /// Its caller was too slow; the rest is read again when there is room for this.
    Full(Batch),
    /// Something that opening it again does not mend.
    Failed(Error),
    /// Nobody listens any more.
    Closed,
}

impl Reader {
    async fn run(mut self, stream: Stream, hand: mpsc::Sender<Result<Batch>>) {
        let clock = Arc::clone(self.shared.cluster.clock());
        let mut backoff = Backoff::new(PAUSE, LONGEST_PAUSE, self.through);
        let mut open = Some(stream);
        let mut deaf_since = clock.now();
        loop {
            let before = self.through;
            let failure = match open.take() {
                Some(stream) => match self.read(stream, &hand).await {
                    End::Closed => return,
                    End::Full(batch) => {
                        let through = batch.through.number();
                        if hand.send(Ok(batch)).await.is_err() {
                            return;
                        }
                        self.through = through;
                        None
                    }
                    End::Broken => {
                        deaf_since = clock.now();
                        None
                    }
                    End::Failed(error) => Some(error),
                },
                None => match self.reopen(&hand).await {
                    Ok(Some(stream)) => {
                        open = Some(stream);
                        continue;
                    }
                    Ok(None) => return,
                    Err(error) => Some(error),
                },
            };
            if self.through > before {
                backoff.reset();
            }
            if let Some(error) = failure {
                self.tell(error, deaf_since, &*clock, &hand);
            }
            sleep(&*clock, backoff.next_delay()).await;
            if hand.is_closed() {
                return;
            }
        }
    }

    /// Says that the watch is deaf, once until the caller has heard it, and not of a stream that
    /// was only just cut.
    fn tell(&self, error: Error, since: Moment, clock: &dyn Clock, hand: &mpsc::Sender<Result<Batch>>) {
        tracing::debug!(store = %self.shared.name, %error, "a watch could not be opened again");
        let passes = matches!(error, Error::Unavailable(_));
        let is_new = clock.now().since(since) < self.shared.cluster.timeout();
        if hand.capacity() == hand.max_capacity() && !(passes && is_new) {
            // There is room, or nobody listens.
            let _ = hand.try_send(Err(error));
        }
    }

    /// Hands out what comes, until no more does.
    async fn read(&mut self, stream: Stream, hand: &mpsc::Sender<Result<Batch>>) -> End {
        let Stream { mut changes, mut turn } = stream;
        // Once for all answers: to begin a wait costs more than to go on with it.
        let (mut closed, mut over) = (pin!(hand.closed()), pin!(turn.is_over()));
        loop {
            let answer = tokio::select! {
                biased;
                () = &mut closed => return End::Closed,
                () = &mut over => return End::Broken,
                answer = changes.message() => answer,
            };
            let Ok(Some(answer)) = answer else { return End::Broken };
            if let Err(error) = self.shared.cluster.check_realm(answer.header()) {
                return End::Failed(error);
            }
            if answer.canceled() && answer.compact_revision() > 0 {
                self.is_compacted = true;
                return End::Broken;
            }
            if answer.canceled() {
                let why = format!("etcd ended the watch: {}", answer.cancel_reason());
                return End::Failed(Error::Failed(why.into()));
            }
            let Some(batch) = self.batch(&answer) else { continue };
            let through = batch.through.number();
            match hand.try_send(Ok(batch)) {
                Ok(()) => self.through = through,
                Err(TrySendError::Full(Ok(batch))) => return End::Full(batch),
                Err(_) => return End::Closed,
            }
        }
    }

    /// The whole commits of an answer; `None` if it says nothing new.
    fn batch(&self, answer: &WatchResponse) -> Option<Batch> {
        let after = Version::new(self.through);
        let is_new = |change: &Change| change.version() > after;
        let changes: Vec<_> =
            answer.events().iter().filter_map(|event| self.change(event)).filter(is_new).collect();
        // Of changes the answer's own revision says nothing: there may be more up to it. Without
        // any it is a promise that nothing up to it is missing.
        let last =
            answer.events().last().and_then(|event| event.kv()).map(etcd_client::KeyValue::mod_revision);
        let through = match last {
            Some(last) => last,
            None if answer.created() => return None,
            None => answer.header()?.revision(),
        };
        let through = version(through);
        (through > after).then_some(Batch { changes, through })
    }

    fn change(&self, event: &etcd_client::Event) -> Option<Change> {
        let found = event.kv()?;
        match event.event_type() {
            EventType::Put => self.shared.keys.entry(found.clone()).map(Change::Put),
            EventType::Delete => {
                let key = self.shared.keys.inside(found.key())?;
                Some(Change::Delete { key, version: version(found.mod_revision()) })
            }
        }
    }

    /// Opens the stream again where it ended, or behind what was dropped since, which it says.
    /// `None` if nobody listens any more.
    async fn reopen(&mut self, hand: &mpsc::Sender<Result<Batch>>) -> Result<Option<Stream>> {
        // A watch from a revision that is yet to come is silent until it comes: in data that
        // was restored from an older copy that would be a gap.
        let latest = self.shared.cluster.revision().await?;
        if latest < self.through {
            return Err(went_back(latest, self.through));
        }
        if self.is_compacted {
            let as_of = Version::new(latest);
            let batch = Batch { changes: vec![Change::Resync { as_of }], through: as_of };
            if hand.send(Ok(batch)).await.is_err() {
                return Ok(None);
            }
            (self.through, self.is_compacted) = (latest, false);
        }
        match self.stream().await {
            Ok(stream) => Ok(Some(stream)),
            Err(Fault::Compacted) => {
                self.is_compacted = true;
                Err(Fault::Compacted.into())
            }
            Err(fault) => Err(fault.into()),
        }
    }

    /// A stream of what comes after what was read.
    async fn stream(&self) -> std::result::Result<Stream, Fault> {
        let skipped = if planted("etcd-watch-skips") { 2 } else { 1 };
        let next = i64::try_from(self.through.saturating_add(skipped)).unwrap_or(i64::MAX);
        let options = WatchOptions::new()
            .with_range(self.span.end.clone())
            .with_start_revision(next)
            // Says from time to time how far a quiet watch has come, so that a compaction
            // meanwhile has dropped nothing of its.
            .with_progress_notify();
        let first = &self.span.first;
        let ask = |line: Line| {
            let (first, options) = (first.clone(), options.clone());
            async move {
                let changes = line.watch().watch(first, Some(options)).await?;
                Ok(Stream { changes, turn: line.turn })
            }
        };
        self.shared.cluster.call(Intent::Read, ask).await
    }
}
