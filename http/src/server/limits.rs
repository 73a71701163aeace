//! How much and how long a server takes.

use std::time::Duration;

use crate::error::{Error, Result};

/// What one server takes from its clients, all of them bounded.
///
/// The defaults suit small JSON inside one network; the crate page has them in a table.
///
/// ```
/// use std::time::Duration;
/// use entourage_http::Limits;
///
/// let limits = Limits::new().with_body_bytes(64 * 1024).with_handler_time(Duration::from_secs(5));
/// # let _ = limits;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    pub(crate) connections: usize,
    pub(crate) requests: u64,
    pub(crate) target_bytes: usize,
    pub(crate) header_bytes: usize,
    pub(crate) headers: usize,
    pub(crate) body_bytes: usize,
    pub(crate) first_byte_time: Duration,
    pub(crate) head_time: Duration,
    pub(crate) body_time: Duration,
    pub(crate) handler_time: Duration,
    pub(crate) idle_time: Duration,
    pub(crate) write_time: Duration,
    pub(crate) drain_time: Duration,
}

impl Limits {
    /// The defaults.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            connections: 256,
            requests: 1_000,
            target_bytes: 8 * 1024,
            header_bytes: 16 * 1024,
            headers: 64,
            body_bytes: 1024 * 1024,
            first_byte_time: Duration::from_secs(10),
            head_time: Duration::from_secs(10),
            body_time: Duration::from_secs(30),
            handler_time: Duration::from_secs(30),
            idle_time: Duration::from_secs(60),
            write_time: Duration::from_secs(30),
            drain_time: Duration::from_secs(25),
        }
    }

    settings! {
        /// Connections at once; one more gets 503 and is closed.
        with_connections connections: usize;
        /// Requests on one connection; the last is answered with `Connection: close`.
        with_requests_per_connection requests: u64;
        /// Bytes of a request's target (path and query); more get 414.
        with_target_bytes target_bytes: usize;
        /// Bytes of a request's head, its target included, and of its trailers; more get 431.
        with_header_bytes header_bytes: usize;
        /// Header fields of a request, and fields of its trailers; more get 431.
        with_headers headers: usize;
        /// Bytes of a request's body; more get 413.
        with_body_bytes body_bytes: usize;
        /// From the connection to its first byte; then it is closed.
        with_first_byte_time first_byte_time: Duration;
        /// From the first byte of a request to the end of its head; then 408.
        with_head_time head_time: Duration;
        /// From the end of the head to the end of the body; then 408.
        with_body_time body_time: Duration;
        /// From the whole request to its answer; then 503, and the handler is dropped.
        with_handler_time handler_time: Duration;
        /// From an answer to the next request's first byte; then the connection is closed.
        with_idle_time idle_time: Duration;
        /// From when a client's buffers are full until it has taken the answer; then it is cut off.
        with_write_time write_time: Duration;
        /// From the beginning of a drain until what is still under way is cut off.
        with_drain_time drain_time: Duration;
    }

    /// Refuses what no server can work with.
    pub(crate) fn check(&self) -> Result<()> {
        let sizes = [
            ("connections", self.connections),
            ("target bytes", self.target_bytes),
            ("header bytes", self.header_bytes),
            ("headers", self.headers),
        ];
        let times = [
            ("first byte time", self.first_byte_time),
            ("head time", self.head_time),
            ("body time", self.body_time),
            ("handler time", self.handler_time),
            ("idle time", self.idle_time),
            ("write time", self.write_time),
        ];
        let zero = (sizes.iter().find(|(_, size)| *size == 0).map(|(name, _)| name))
            .or_else(|| times.iter().find(|(_, time)| time.is_zero()).map(|(name, _)| name))
            .or_else(|| (self.requests == 0).then_some(&"requests per connection"));
        if let Some(name) = zero {
            return Err(Error::Invalid(format!("a limit of zero {name} serves nobody; raise it")));
        }
        if self.target_bytes > self.header_bytes {
            return Err(Error::Invalid(format!(
                "a target of {} bytes does not fit into a head of {}; raise the header bytes",
                self.target_bytes, self.header_bytes
            )));
        }
        Ok(())
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::new()
    }
}
