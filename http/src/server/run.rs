//! The loop that accepts, and the drain that ends it.

use std::{
    fmt,
    future::poll_fn,
    pin::pin,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use entourage_blueprint::Counters;
use entourage_core::{BoxError, Clock, Moment, Shutdown, SystemClock, planted, sleep};
use http::StatusCode;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
};
use tower_service::Service;

use super::{
    connection,
    limits::Limits,
    line::{Counts, House, Line, Peer},
    listen::Listen,
};
use crate::{
    error::Result,
    problem::Problem,
    service::{Request, Response},
};

/// Clients that are told "too many" at once; beyond them a connection is closed without a word.
const TURNED_AWAY: usize = 32;
/// The wait after a failed accept, such as for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A bounded HTTP/1.1 server over one service.
///
/// The service is Tower's, over whole bodies: a [`Router`](crate::Router), an
/// [`Admin`](crate::Admin) page, a [`service_fn`](crate::service_fn), or any of them in layers. It
/// is cloned for each request, and asked whether it is ready only when there is a request.
pub struct Server<S> {
    service: S,
    limits: Limits,
    clock: Arc<dyn Clock>,
    counts: Counts,
}

/// What a server did until it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Served {
    /// Connections that were accepted, those turned away included.
    pub connections: u64,
    /// Requests that reached the service or were refused because of their body.
    pub requests: u64,
    /// Requests that were cut off when the drain's time was over or the program stopped.
    pub unfinished: usize,
}

impl<S> Server<S>
where
    S: Service<Request, Response = Response> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
{
    /// A server of `service` with the default limits.
    #[must_use]
    pub fn new(service: S) -> Self {
        Self { service, limits: Limits::new(), clock: Arc::new(SystemClock::new()), counts: Counts::new() }
    }

    /// The same server with other limits.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid) for limits with which nobody could be served.
    pub fn with_limits(mut self, limits: Limits) -> Result<Self> {
        limits.check()?;
        self.limits = limits;
        Ok(self)
    }

    /// The same server on another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// The server's numbers; the handle shows them for as long as it is kept.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counts.all.clone()
    }

    /// Serves until `shutdown`, and says what it served.
    ///
    /// When the shutdown drains, connections that the kernel has accepted are taken, no others;
    /// answers say `Connection: close`, idle connections are closed, and what is under way has until
    /// the drain's time is over or the shutdown stops. A failed accept is tried again.
    ///
    /// # Cancel safety
    /// Dropping the future closes every connection at once.
    pub async fn run<L: Listen>(self, listener: L, shutdown: Shutdown) -> Served {
        let Self { service, limits, clock, counts } = self;
        let mut floor = Floor {
            slots: Arc::new(Semaphore::new(slots(&limits))),
            turned_away: Arc::new(Semaphore::new(TURNED_AWAY)),
            house: Arc::new(House { limits, clock, shutdown, counts }),
            service,
            tasks: JoinSet::new(),
            busy: Vec::new(),
        };
        let house = Arc::clone(&floor.house);
        let mut draining = pin!(house.shutdown.draining());
        loop {
            tokio::select! {
                biased;
                () = &mut draining => break,
                Some(ended) = floor.tasks.join_next(), if !floor.tasks.is_empty() => report(ended),
                accepted = poll_fn(|cx| listener.poll_accept(cx)) => match accepted {
                    Ok((io, peer)) => floor.admit(io, peer),
                    Err(error) => {
                        tracing::warn!(error = &error as &dyn std::error::Error, "accept failed");
                        tokio::select! {
                            biased;
                            () = &mut draining => break,
                            () = sleep(&*house.clock, ACCEPT_PAUSE) => {}
                        }
                    }
                },
            }
        }
        let until = house.clock.now() + house.limits.drain_time;
        let until = if planted("http-drain-has-no-end") { Moment::NEVER } else { until };
        // Whoever the kernel has let in believes to be connected. The yield lets the runtime ask it.
        tokio::task::yield_now().await;
        while let Some((io, peer)) =
            at_once(|cx| listener.poll_accept(cx)).await.and_then(std::result::Result::ok)
            && !planted("http-drain-forgets-who-waits")
        {
            floor.admit(io, peer);
        }
        drop(listener);
        floor.drain(until).await
    }
}

/// What a server that runs has at hand.
struct Floor<S> {
    house: Arc<House>,
    service: S,
    slots: Arc<Semaphore>,
    turned_away: Arc<Semaphore>,
    tasks: JoinSet<()>,
    busy: Vec<Weak<AtomicBool>>,
}

impl<S> Floor<S>
where
    S: Service<Request, Response = Response> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
{
    fn admit<Io>(&mut self, io: Io, peer: Peer)
    where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let house = Arc::clone(&self.house);
        house.counts.connections.increment();
        if let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() {
            let is_busy = Arc::new(AtomicBool::new(false));
            if self.busy.len() >= 2 * self.tasks.len().max(16) {
                self.busy.retain(|busy| busy.strong_count() > 0);
            }
            self.busy.push(Arc::downgrade(&is_busy));
            let line = Arc::new(Line::new(house, peer, is_busy));
            let service = self.service.clone();
            let place = Place::new(Arc::clone(&line.house), slot);
            self.tasks.spawn(async move {
                connection::serve(io, service, line).await;
                drop(place);
            });
            return;
        }
        house.counts.turned_away.increment();
        let Ok(slot) = Arc::clone(&self.turned_away).try_acquire_owned() else { return };
        self.tasks.spawn(async move {
            let detail = format!(
                "{} connections are open, which is the most; try again later",
                house.limits.connections
            );
            let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail);
            connection::turn_away(io, &*house.clock, problem).await;
            drop(slot);
        });
    }

    /// Waits for what is under way, until a moment.
    async fn drain(mut self, until: Moment) -> Served {
        let house = Arc::clone(&self.house);
        let mut stopped = pin!(house.shutdown.stopped());
        let mut over = house.clock.sleep_until(until);
        loop {
            tokio::select! {
                biased;
                ended = self.tasks.join_next() => match ended {
                    Some(ended) => report(ended),
                    None => break,
                },
                () = &mut stopped => break,
                () = &mut over => break,
            }
        }
        let is_busy =
            |busy: &Weak<AtomicBool>| busy.upgrade().is_some_and(|busy| busy.load(Ordering::Relaxed));
        let unfinished = self.busy.iter().filter(|busy| is_busy(busy)).count();
        self.tasks.shutdown().await;
        Served {
            connections: house.counts.connections.value(),
            requests: house.counts.requests.value(),
            unfinished,
        }
    }
}

/// A connection's place: given back when it is dropped, also by an abort.
struct Place {
    house: Arc<House>,
    _permit: OwnedSemaphorePermit,
}

impl Place {
    fn new(house: Arc<House>, permit: OwnedSemaphorePermit) -> Self {
        house.counts.connection_opens();
        Self { house, _permit: permit }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.house.counts.connection_closes();
    }
}

impl<S> fmt::Debug for Server<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// Connections at once.
fn slots(limits: &Limits) -> usize {
    let one_more = usize::from(planted("http-one-connection-too-many"));
    limits.connections.saturating_add(one_more).min(Semaphore::MAX_PERMITS)
}

/// Polls once.
async fn at_once<T>(mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> Option<T> {
    poll_fn(|cx| {
        Poll::Ready(match poll(cx) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        })
    })
    .await
}

fn report(ended: std::result::Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(error = &error as &dyn std::error::Error, "a connection's task failed");
    }
}
