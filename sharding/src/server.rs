//! A server, as keys are placed on it.

use std::collections::BTreeSet;

use entourage_core::planted;

use crate::{Error, Result};

/// A server: a name, which is its identity, and a weight.
///
/// What the name stands for (an address, a queue) is the caller's to know. A server
/// that moves to another address keeps its keys if it keeps its name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Server {
    name: String,
    weight: u32,
}

impl Server {
    /// Of this name and weight, which are checked where the server is put to use.
    #[must_use]
    pub fn new(name: impl Into<String>, weight: u32) -> Self {
        Self { name: name.into(), weight }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its weight: it gets about this share of the keys, of the sum of all weights.
    #[must_use]
    pub const fn weight(&self) -> u32 {
        self.weight
    }
}

/// Refuses what keys cannot be placed by: no servers, no name, no weight, a name twice.
pub(crate) fn check(servers: &[Server]) -> Result<()> {
    if servers.is_empty() {
        return Err(Error::NoShards);
    }
    if let Some(position) = servers.iter().position(|server| server.name.is_empty()) {
        return Err(Error::UnnamedServer { position });
    }
    if let Some(server) = servers.iter().find(|server| server.weight == 0) {
        return Err(Error::ZeroWeight { name: server.name.clone() });
    }
    let mut names = BTreeSet::new();
    match servers.iter().find(|server| !names.insert(&server.name)) {
        Some(twice) => Err(Error::DuplicateServer { name: twice.name.clone() }),
        None => Ok(()),
    }
}

/// Orders servers as twemproxy does: by the length of the name, then by its bytes.
pub(crate) fn sort_by_length(servers: &mut [Server]) {
    if planted("servers-by-name-alone") {
        return servers.sort_by(|a, b| a.name.cmp(&b.name));
    }
    servers.sort_by(|a, b| a.name.len().cmp(&b.name.len()).then_with(|| a.name.cmp(&b.name)));
}
