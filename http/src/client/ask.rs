//! The client: one call, its tries, and what is known after each.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use entourage_core::{Backoff, BoxError, Clock, Moment, SystemClock, planted, sleep, timeout};
use http::{
    HeaderValue, Method, Uri,
    uri::{Authority, Scheme},
};
use tokio::{net::TcpStream, sync::Semaphore};

use super::{
    limits::ClientLimits,
    link::{Link, Lost},
    pool::Pool,
    progress::Progress,
    request::request,
    wire::Sent,
};
use crate::{
    error::{Error, Result},
    service::{Request, Response},
};

const BACKOFF: Duration = Duration::from_millis(50);
const LONGEST_BACKOFF: Duration = Duration::from_secs(2);

/// A client of one authority, for small requests and answers.
///
/// A clone asks over the same connections. It follows no redirects and keeps no cookies.
///
/// # Retries
/// A connection from the pool that was closed before a byte was sent is replaced silently, as
/// nothing can have happened. Everything else is tried again only if asked, by
/// [`ClientLimits::with_tries`]: a request that was surely not sent always, one that may have been
/// carried out only if its method is idempotent (RFC 9110, 9.2.2). An answer is never retried.
#[derive(Clone)]
pub struct Client {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) authority: Authority,
    port: u16,
    pub(super) host: HeaderValue,
    pub(super) limits: ClientLimits,
    pub(super) clock: Arc<dyn Clock>,
    pool: Pool,
    pub(super) slots: Arc<Semaphore>,
    calls: AtomicU64,
}

/// One try that gave no answer.
enum Failed {
    /// A pooled connection was gone before a byte was sent.
    Stale,
    /// Anything else, as the caller will see it.
    Final(Error),
}

impl Client {
    /// A client of `authority`: `http://host:port`, or `host:port`.
    ///
    /// # Errors
    /// [`Error::Invalid`] for what names no host, has a path, or is not of HTTP.
    pub fn new(authority: &str) -> Result<Self> {
        let invalid = |why: &str| Error::Invalid(format!("{authority:?} {why}; name it as http://host:port"));
        if authority.contains('@') {
            // Before anything else is said: what stands before it may be a password.
            return Err(Error::Invalid("an authority has no user here; send a header instead".to_owned()));
        }
        let uri: Uri = authority.parse().map_err(|_| invalid("is no authority"))?;
        if uri.scheme().is_some_and(|scheme| *scheme != Scheme::HTTP) {
            return Err(invalid("is not of http, the one scheme spoken"));
        }
        if uri.path_and_query().is_some_and(|path| *path != "/") {
            return Err(invalid("has a path, which belongs to the requests"));
        }
        let authority = uri.authority().filter(|authority| !authority.host().is_empty());
        let authority = authority.ok_or_else(|| invalid("names no host"))?.clone();
        let host = HeaderValue::from_str(authority.as_str()).map_err(|_| invalid("is no header's value"))?;
        let port = authority.port_u16().unwrap_or(80);
        Ok(Self::of(authority, port, host, ClientLimits::new(), Arc::new(SystemClock::new())))
    }

    /// The same client with other limits, and connections of its own.
    ///
    /// # Errors
    /// [`Error::Invalid`] for limits with which nobody could be asked.
    pub fn with_limits(self, limits: ClientLimits) -> Result<Self> {
        limits.check()?;
        let Shared { authority, port, host, clock, .. } = &*self.shared;
        Ok(Self::of(authority.clone(), *port, host.clone(), limits, Arc::clone(clock)))
    }

    /// The same client on another clock, with connections of its own.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        let Shared { authority, port, host, limits, .. } = &*self.shared;
        Self::of(authority.clone(), *port, host.clone(), limits.clone(), clock)
    }

    fn of(
        authority: Authority,
        port: u16,
        host: HeaderValue,
        limits: ClientLimits,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let slots = Arc::new(Semaphore::new(limits.connections.min(Semaphore::MAX_PERMITS)));
        let (pool, calls) = (Pool::default(), AtomicU64::new(0));
        Self { shared: Arc::new(Shared { authority, port, host, limits, clock, pool, slots, calls }) }
    }

    /// Asks for `path`, with its query.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn get(&self, path: &str) -> Result<Response> {
        self.send(request(Method::GET, path, None)?).await
    }

    /// Posts JSON text to `path`.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    ///
    /// # Cancel safety
    /// As [`send`](Self::send).
    pub async fn post_json(&self, path: &str, body: impl Into<Bytes>) -> Result<Response> {
        self.send(request(Method::POST, path, Some(body.into()))?).await
    }

    /// Sends a request and reads its whole answer, of whatever status.
    ///
    /// The target is a path; the host is this client's. Length and connection fields are set here.
    ///
    /// # Errors
    /// [`Error::Refused`] when surely nothing was sent; [`Error::Unknown`] when it was and no whole
    /// answer came in time; [`Error::TooLarge`] when the answer was too large; [`Error::Invalid`] for a
    /// request that is not this client's to send.
    ///
    /// # Cancel safety
    /// Dropping the future closes its connection; the request may or may not be carried out.
    pub async fn send(&self, request: Request) -> Result<Response> {
        let shared = &*self.shared;
        if request.body().len() > shared.limits.body_bytes {
            let (has, most) = (request.body().len(), shared.limits.body_bytes);
            let detail = format!("the request's body has {has} bytes, and {most} are the most");
            return Err(Error::Invalid(detail));
        }
        let is_empty = request.body().is_empty();
        let request = shared.prepared(request, is_empty)?;
        let progress = Progress::default();
        let tries = shared.tries(&request, &progress);
        let deadline =
            if planted("http-deadline-forgotten") { Duration::MAX } else { shared.limits.deadline };
        match timeout(&*shared.clock, deadline, tries).await {
            Ok(answer) => answer,
            Err(elapsed) => Err(shared.lost(progress.may_have_happened(), Box::new(elapsed))),
        }
    }
}

impl Shared {
    async fn tries(&self, request: &Request, progress: &Progress) -> Result<Response> {
        let _slot = self.slots.acquire().await.map_err(|closed| self.lost(false, Box::new(closed)))?;
        let mut backoff = Backoff::new(BACKOFF, LONGEST_BACKOFF, self.seed());
        let is_idempotent = request.method().is_idempotent();
        let mut tried = 0;
        loop {
            let error = match self.attempt(request.clone(), progress).await {
                Ok(response) => return Ok(response),
                Err(Failed::Stale) => continue,
                Err(Failed::Final(error)) => error,
            };
            tried += 1;
            let error = match error {
                // This try sent nothing, but one before may have.
                Error::Refused { source, .. } => self.lost(progress.may_have_happened(), source),
                error => error,
            };
            if matches!(error, Error::Unknown { .. }) {
                progress.stays_doubtful();
            }
            let is_harmless = match &error {
                Error::Refused { .. } => true,
                Error::Unknown { .. } => is_idempotent || planted("http-repeats-what-may-have-happened"),
                Error::TooLarge { .. } | Error::Invalid(_) => false,
            };
            if tried >= self.limits.tries || !is_harmless {
                return Err(error);
            }
            sleep(&*self.clock, backoff.next_delay()).await;
        }
    }

    async fn attempt(&self, request: Request, progress: &Progress) -> Result<Response, Failed> {
        let (mut link, sent, is_pooled) = self.link().await.map_err(Failed::Final)?;
        progress.begins(&sent);
        match link.exchange(request, self.limits.body_bytes).await {
            Ok(response) => {
                if link.is_usable().await {
                    self.pool.keep(&self.limits, link, sent, self.clock.now());
                }
                Ok(response)
            }
            Err(Lost::TooLarge) => Err(Failed::Final(Error::TooLarge {
                authority: self.authority.to_string(),
                limit: self.limits.body_bytes,
            })),
            Err(Lost::Broken(_)) if is_pooled && !sent.is_true() => Err(Failed::Stale),
            Err(Lost::Broken(source)) => Err(Failed::Final(self.lost(sent.is_true(), source))),
        }
    }

    /// A connection from the pool that still stands, or a new one.
    async fn link(&self) -> Result<(Link, Sent, bool)> {
        while let Some(mut idle) = self.pool.take(&self.limits, self.clock.now()) {
            if idle.link.is_usable().await {
                return Ok((idle.link, idle.sent, true));
            }
        }
        let stream = self.connect().await?;
        let (sent, born): (Sent, Moment) = (Sent::default(), self.clock.now());
        let link = Link::open(stream, &self.limits, sent.clone(), born).await;
        Ok((link.map_err(|error| self.lost(false, error))?, sent, false))
    }

    pub(super) async fn connect(&self) -> Result<TcpStream> {
        let host = self.authority.host();
        // An IPv6 address stands in brackets in a URI and without them in a look-up.
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let connect = TcpStream::connect((host, self.port));
        let stream = match timeout(&*self.clock, self.limits.connect_time, connect).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(self.lost(false, Box::new(error))),
            Err(elapsed) => return Err(self.lost(false, Box::new(elapsed))),
        };
        // Requests are small and written whole: waiting to send more of them helps nobody.
        stream.set_nodelay(true).map_err(|error| self.lost(false, Box::new(error)))?;
        Ok(stream)
    }

    pub(super) fn lost(&self, is_sent: bool, source: BoxError) -> Error {
        let authority = self.authority.to_string();
        let is_sent = is_sent && !planted("http-unknown-is-refused");
        if is_sent { Error::Unknown { authority, source } } else { Error::Refused { authority, source } }
    }

    /// Different for each call and process, so that a crowd of clients spreads.
    fn seed(&self) -> u64 {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        self.clock.now().as_nanos() ^ (u64::from(std::process::id()) << 32) ^ call
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("authority", &self.shared.authority).finish_non_exhaustive()
    }
}
