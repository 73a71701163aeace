//! How much a pool takes.

use std::num::NonZeroUsize;

use clap::Args;
use entourage_ambassador::Limits;

use crate::size;

/// How much a pool takes at most; the ambassador's page says what happens beyond.
#[derive(Args)]
pub(super) struct Bounds {
    /// Clients of a pool at a time, on each thread; fewer where its `client_connections` says so
    #[arg(long, env = "ENTOURAGE_MAX_CLIENTS", value_name = "N", default_value = "10000")]
    max_clients: NonZeroUsize,
    /// Requests of one client that have no answer yet
    #[arg(long, env = "ENTOURAGE_MAX_PIPELINE", value_name = "N", default_value = "1024")]
    max_pipeline: NonZeroUsize,
    /// Bytes of one request or reply
    #[arg(long, env = "ENTOURAGE_MAX_FRAME", value_name = "SIZE", default_value = "64MiB", value_parser = size::bytes)]
    max_frame: u64,
    /// Bytes that wait for one client to read them
    #[arg(long, env = "ENTOURAGE_MAX_UNREAD", value_name = "SIZE", default_value = "32MiB", value_parser = size::bytes)]
    max_unread: u64,
    /// Bytes that wait to be sent to one server
    #[arg(long, env = "ENTOURAGE_MAX_QUEUED", value_name = "SIZE", default_value = "32MiB", value_parser = size::bytes)]
    max_queued: u64,
    /// Bytes that are held for all clients of a pool together, on each thread
    #[arg(long, env = "ENTOURAGE_MAX_BUFFERED", value_name = "SIZE", default_value = "1GiB", value_parser = size::bytes)]
    max_buffered: u64,
}

impl Bounds {
    pub(super) fn limits(&self) -> Limits {
        let bytes = |size: u64| usize::try_from(size).unwrap_or(usize::MAX);
        let mut limits = Limits::default();
        (limits.clients, limits.pipeline) = (self.max_clients, self.max_pipeline);
        (limits.frame, limits.unread) = (bytes(self.max_frame), bytes(self.max_unread));
        (limits.queued, limits.buffered) = (bytes(self.max_queued), bytes(self.max_buffered));
        limits
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        bounds: Bounds,
    }

    #[test]
    fn what_is_not_said_is_as_the_crate_has_it() {
        assert_eq!(Line::parse_from(["shard"]).bounds.limits(), Limits::default());
    }

    #[test]
    fn each_flag_sets_its_own_bound() {
        let said = ["shard", "--max-clients=1", "--max-pipeline=2", "--max-frame=3B", "--max-unread=4B"];
        let limits = Line::parse_from(said.into_iter().chain(["--max-queued=5B", "--max-buffered=6B"]))
            .bounds
            .limits();
        let (clients, pipeline) = (limits.clients.get(), limits.pipeline.get());
        assert_eq!(
            (clients, pipeline, limits.frame, limits.unread, limits.queued, limits.buffered),
            (1, 2, 3, 4, 5, 6)
        );
    }
}
