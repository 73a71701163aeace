//! What `nutcracker.yml` has no words for.

use std::{num::NonZeroUsize, time::Duration};

use clap::{Args, ValueEnum};
use entourage_ambassador::{OnEjected, Options, Partial};

use super::{access::Identity, bounds::Bounds};
use crate::exit::Usage;

/// How the proxy behaves where `nutcracker.yml` has no words for it.
#[derive(Args)]
pub(super) struct Behaviour {
    /// Threads that serve, each with connections of its own to every server
    #[arg(long, env = "ENTOURAGE_REACTORS", value_name = "N", default_value = "1")]
    reactors: NonZeroUsize,
    /// What becomes of the keys of an ejected server
    #[arg(long, env = "ENTOURAGE_ON_EJECTED", value_name = "WHAT", value_enum, default_value_t = Ejected::Rehash)]
    on_ejected: Ejected,
    /// What is told of a request to several servers that not all of them answered
    #[arg(long, env = "ENTOURAGE_PARTIAL", value_name = "WHAT", value_enum, default_value_t = Answered::Error)]
    partial: Answered,
    /// Let the next request be the probe of an ejected server, as nutcracker does
    #[arg(long, env = "ENTOURAGE_NO_PROBE")]
    no_probe: bool,
    /// So long after a reload, move each key from its old server when it is first used; needs one reactor and one connection to each server [default: 0s: keys that move are missing]
    #[arg(long, env = "ENTOURAGE_WARM_UP", value_name = "DURATION", value_parser = humantime::parse_duration)]
    warm_up: Option<Duration>,
    /// How long after a failed attempt to connect the next is made, at the earliest
    #[arg(long, env = "ENTOURAGE_RECONNECT", value_name = "DURATION", default_value = "100ms", value_parser = humantime::parse_duration)]
    reconnect: Duration,
    /// How often the names of connected servers are looked up again
    #[arg(long, env = "ENTOURAGE_RESOLVE", value_name = "DURATION", default_value = "30s", value_parser = humantime::parse_duration)]
    resolve: Duration,
    #[command(flatten)]
    bounds: Bounds,
    #[command(flatten)]
    identity: Identity,
}

#[derive(Clone, Copy, ValueEnum)]
enum Ejected {
    /// the others serve them, as nutcracker has it
    Rehash,
    /// they are refused until it is back
    Fail,
    /// they are read as missing, and writes are refused
    Miss,
    /// the next server on the ring serves them
    Next,
}

#[derive(Clone, Copy, ValueEnum)]
enum Answered {
    /// one error for the whole, as nutcracker has it
    Error,
    /// an error in the place of each key
    PerKey,
    /// the keys are missing
    Miss,
}

impl Behaviour {
    /// What this says of every pool.
    ///
    /// # Errors
    /// The file of a password cannot be read.
    pub(super) fn options(&self) -> Result<Options, Usage> {
        let mut options = Options::default();
        options.reactors = self.reactors;
        options.on_ejected = match self.on_ejected {
            Ejected::Rehash => OnEjected::Rehash,
            Ejected::Fail => OnEjected::Fail,
            Ejected::Miss => OnEjected::Miss,
            Ejected::Next => OnEjected::Next,
        };
        options.partial = match self.partial {
            Answered::Error => Partial::Error,
            Answered::PerKey => Partial::PerKey,
            Answered::Miss => Partial::Miss,
        };
        options.probe = !self.no_probe;
        options.warm_up = self.warm_up.filter(|warm_up| !warm_up.is_zero());
        options.reconnect = self.reconnect;
        options.resolve = self.resolve;
        options.limits = self.bounds.limits();
        options.access = self.identity.access()?;
        Ok(options)
    }
}
