//! A server, as keys are placed on it.

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
