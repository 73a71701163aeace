//! Hosts with a network of their own, which can be cut off in silence.

mod host;
mod layout;

use std::sync::OnceLock;

pub use self::host::Host;
use self::layout::{Layout, hub_port};
use crate::tool::run;

/// Hosts on one network of their own: network namespaces, with one cable each into a bridge that
/// lies in a namespace too. The machine's own network has no part in it.
///
/// A partition is *silence*: the bridge drops what comes from a host and what goes to it, the
/// host's own cable stays plugged in, and all know each other's hardware addresses for ever. So
/// nobody is told anything: a connection hangs, and goes on where it was once it is healed. To take
/// the cable out, or to refuse packets, would end connections with an error within seconds.
///
/// The namespaces have names only while they are being made. They end with the last process in
/// them, and nothing is left behind, even by a test that is killed.
#[derive(Debug)]
pub struct Network {
    hub: Host,
    hosts: Vec<Host>,
}

impl Network {
    /// Why no network can be had here, if so. Finds out by trying, once per process.
    ///
    /// # Errors
    /// The reason: it needs root, `ip` and `bridge` (iproute2), and a kernel with network
    /// namespaces, virtual cables and bridges.
    pub fn available() -> Result<(), String> {
        static AVAILABLE: OnceLock<Result<(), String>> = OnceLock::new();
        let attempt = || {
            if !rustix::process::geteuid().is_root() {
                return Err("making network namespaces needs root".to_owned());
            }
            let network = Self::try_new(&["a".to_owned(), "b".to_owned()])?;
            network.forward("a", false)?;
            network.forward("a", true)
        };
        AVAILABLE.get_or_init(attempt).clone()
    }

    /// A network of these hosts, all of which reach each other.
    ///
    /// # Panics
    /// If it cannot be had; ask [`Network::available`] first. If there are more than 200 hosts, or
    /// two of one name.
    #[must_use]
    #[track_caller]
    pub fn new(hosts: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let hosts: Vec<String> = hosts.into_iter().map(Into::into).collect();
        Self::try_new(&hosts).unwrap_or_else(|why| panic!("no network: {why}"))
    }

    /// The host of this name.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    #[track_caller]
    pub fn host(&self, name: &str) -> &Host {
        &self.hosts[self.place(name)]
    }

    /// Cuts a host off: nothing reaches it or comes from it, and nobody is told.
    ///
    /// # Panics
    /// If there is no host of this name, or the kernel refuses.
    #[track_caller]
    pub fn isolate(&self, name: &str) {
        self.forward(name, false).unwrap_or_else(|why| panic!("{name} cannot be isolated: {why}"));
    }

    /// Lets a host reach the others again, and be reached.
    ///
    /// # Panics
    /// As [`Network::isolate`].
    #[track_caller]
    pub fn heal(&self, name: &str) {
        self.forward(name, true).unwrap_or_else(|why| panic!("{name} cannot be healed: {why}"));
    }

    fn try_new(hosts: &[String]) -> Result<Self, String> {
        let layout = Layout::make(hosts)?;
        let (hub, hosts) = layout.open()?;
        Ok(Self { hub, hosts })
    }

    #[track_caller]
    fn place(&self, name: &str) -> usize {
        let place = self.hosts.iter().position(|host| host.name() == name);
        place.unwrap_or_else(|| panic!("there is no host named {name}"))
    }

    /// Whether the bridge takes and sends anything at a host's port.
    #[track_caller]
    fn forward(&self, name: &str, forwards: bool) -> Result<(), String> {
        /// The states of a port, of the kernel's `include/uapi/linux/if_bridge.h`.
        const DISABLED: &str = "0";
        const FORWARDING: &str = "3";
        let port = hub_port(self.place(name));
        let state = if forwards { FORWARDING } else { DISABLED };
        self.hub.enter(|| run("bridge", ["link", "set", "dev", &port, "state", state])).map(drop)
    }
}
