//! Each count: what it is called by whom, and what it means.

use super::{PoolCounts, PoolStats, ServerStats};

/// One of the numbers that a proxy counts, of each pool or of each server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Figure {
    /// What twemproxy calls it; `None` where it has no such number.
    pub twemproxy: Option<&'static str>,
    /// What Prometheus' text calls it: a counter if it ends in `_total`, else a gauge.
    pub metric: &'static str,
    /// What it means, in a few words.
    pub about: &'static str,
}

/// A figure of one pool, or of one of its servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sample<'a> {
    /// Which number it is.
    pub figure: Figure,
    /// The pool's name.
    pub pool: &'a str,
    /// The server's name on the ring; `None` of what is the pool's own.
    pub server: Option<&'a str>,
    /// The number.
    pub value: u64,
}

/// A figure, and where it is read.
pub(super) type Row<T> = (Figure, fn(&T) -> u64);

const fn row<T>(
    twemproxy: Option<&'static str>,
    metric: &'static str,
    about: &'static str,
    of: fn(&T) -> u64,
) -> Row<T> {
    (Figure { twemproxy, metric, about }, of)
}

/// Of pools, in twemproxy's order.
pub(super) const POOL: [Row<PoolCounts>; 12] = [
    row(
        Some("client_eof"),
        "entourage_ambassador_clients_ended_total",
        "clients that ended their connection",
        |counts| counts.client_eof,
    ),
    row(
        Some("client_err"),
        "entourage_ambassador_clients_failed_total",
        "clients whose connection failed, or that were ended for what they sent",
        |counts| counts.client_err,
    ),
    row(Some("client_connections"), "entourage_ambassador_clients", "clients that are connected", |counts| {
        counts.client_connections
    }),
    row(
        Some("server_ejects"),
        "entourage_ambassador_pool_ejections_total",
        "times that a server of the pool was ejected",
        |counts| counts.server_ejects,
    ),
    row(
        Some("forward_error"),
        "entourage_ambassador_forward_errors_total",
        "requests that got an error in place of a server's reply",
        |counts| counts.forward_error,
    ),
    row(
        Some("fragments"),
        "entourage_ambassador_fragments_total",
        "parts of requests that went to several servers",
        |counts| counts.fragments,
    ),
    row(None, "entourage_ambassador_client_requests_total", "requests that clients sent", |counts| {
        counts.requests
    }),
    row(
        None,
        "entourage_ambassador_keys_moved_total",
        "keys that moved to their new server when they were used",
        |counts| counts.keys_moved,
    ),
    row(
        None,
        "entourage_ambassador_keys_missing_total",
        "keys that were looked for at their old server, and were not there",
        |counts| counts.keys_missing,
    ),
    row(None, "entourage_ambassador_clients_total", "clients that ever connected", |counts| {
        counts.total_connections
    }),
    row(
        None,
        "entourage_ambassador_clients_refused_total",
        "clients that were refused, since there were enough",
        |counts| counts.client_refused,
    ),
    row(
        None,
        "entourage_ambassador_clients_unread_total",
        "clients that were ended, since they did not read",
        |counts| counts.client_unread,
    ),
];

/// Of servers, in twemproxy's order.
pub(super) const SERVER: [Row<ServerStats>; 15] = [
    row(
        Some("server_eof"),
        "entourage_ambassador_server_ended_total",
        "connections that the server ended",
        |server| server.counts.server_eof,
    ),
    row(
        Some("server_err"),
        "entourage_ambassador_server_failed_total",
        "connections that failed, could not be made, or brought what is no reply",
        |server| server.counts.server_err,
    ),
    row(
        Some("server_timedout"),
        "entourage_ambassador_server_timeouts_total",
        "connections that were given up, since a reply did not come in time",
        |server| server.counts.server_timedout,
    ),
    row(
        Some("server_connections"),
        "entourage_ambassador_server_connections",
        "connections to the server that are up",
        |server| server.counts.server_connections,
    ),
    row(
        Some("server_ejected_at"),
        "entourage_ambassador_server_is_ejected",
        "whether the server is ejected; to twemproxy, when it was last, in microseconds since 1970",
        |server| u64::from(server.is_ejected),
    ),
    row(
        Some("requests"),
        "entourage_ambassador_requests_total",
        "requests that were queued for the server",
        |server| server.counts.requests,
    ),
    row(
        Some("request_bytes"),
        "entourage_ambassador_request_bytes_total",
        "bytes of the requests that were queued for the server",
        |server| server.counts.request_bytes,
    ),
    row(
        Some("responses"),
        "entourage_ambassador_responses_total",
        "replies that the server gave",
        |server| server.counts.responses,
    ),
    row(
        Some("response_bytes"),
        "entourage_ambassador_response_bytes_total",
        "bytes of the replies that the server gave",
        |server| server.counts.response_bytes,
    ),
    row(
        Some("in_queue"),
        "entourage_ambassador_queued_requests",
        "requests that wait to be sent",
        |server| server.counts.in_queue,
    ),
    row(
        Some("in_queue_bytes"),
        "entourage_ambassador_queued_bytes",
        "bytes of the requests that wait to be sent",
        |server| server.counts.in_queue_bytes,
    ),
    row(
        Some("out_queue"),
        "entourage_ambassador_awaited_requests",
        "requests that were sent and wait for their reply",
        |server| server.counts.out_queue,
    ),
    row(
        Some("out_queue_bytes"),
        "entourage_ambassador_awaited_bytes",
        "bytes of the requests that were sent and wait for their reply",
        |server| server.counts.out_queue_bytes,
    ),
    row(None, "entourage_ambassador_server_ejections_total", "times that the server was ejected", |server| {
        server.counts.ejections
    }),
    row(
        None,
        "entourage_ambassador_server_connections_total",
        "connections to the server that were ever made",
        |server| server.counts.connects,
    ),
];

impl Figure {
    /// Those that every pool has.
    pub fn of_pools() -> impl Iterator<Item = Self> {
        POOL.into_iter().map(|(figure, _)| figure)
    }

    /// Those that every server of a pool has.
    pub fn of_servers() -> impl Iterator<Item = Self> {
        SERVER.into_iter().map(|(figure, _)| figure)
    }
}

impl PoolStats {
    /// Every figure of the pool and of its servers; a key is in none of them.
    ///
    /// ```
    /// use entourage_ambassador::PoolStats;
    ///
    /// let mut pool = PoolStats::default();
    /// pool.counts.client_connections = 7;
    /// let clients = pool.samples().find(|sample| sample.figure.metric == "entourage_ambassador_clients");
    /// assert_eq!(clients.map(|sample| sample.value), Some(7));
    /// ```
    pub fn samples(&self) -> impl Iterator<Item = Sample<'_>> {
        let pool = self.name.as_str();
        let own = POOL.iter().map(move |&(figure, of)| Sample {
            figure,
            pool,
            server: None,
            value: of(&self.counts),
        });
        let of_servers = self.servers.iter().flat_map(move |server| {
            let name = Some(server.name.as_str());
            SERVER.iter().map(move |&(figure, of)| Sample { figure, pool, server: name, value: of(server) })
        });
        own.chain(of_servers)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_figures_have_one_name_and_each_says_what_it_is() {
        let all: Vec<_> = Figure::of_pools().chain(Figure::of_servers()).collect();
        let metrics: BTreeSet<_> = all.iter().map(|figure| figure.metric).collect();
        assert_eq!(metrics.len(), all.len());
        for figure in all {
            assert!(figure.metric.starts_with("entourage_ambassador_") && !figure.about.is_empty());
        }
    }

    #[test]
    fn every_count_is_in_a_figure() {
        // Each count is told from the others by its own bit.
        let mut bit = 0;
        let mut next = || {
            bit += 1;
            1_u64 << bit
        };
        let counts = PoolCounts {
            client_eof: next(),
            client_err: next(),
            client_connections: next(),
            total_connections: next(),
            client_unread: next(),
            client_refused: next(),
            requests: next(),
            keys_moved: next(),
            keys_missing: next(),
            server_ejects: next(),
            forward_error: next(),
            fragments: next(),
        };
        let shown = POOL.iter().fold(0, |shown, (_, of)| shown + of(&counts));
        assert_eq!(shown, (1 << 13) - 2, "each once");
    }
}
