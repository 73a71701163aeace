//! One host of a network.

use std::{
    fs::File,
    net::{IpAddr, Ipv4Addr},
    os::fd::AsFd,
    panic,
    sync::Arc,
    thread,
};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::{process::Process, program::Program};

/// A host of a [`Network`](crate::Network): a place to start programs and to open connections.
///
/// It lives as long as a clone of this or a process in it.
#[derive(Clone, Debug)]
pub struct Host {
    name: Arc<str>,
    address: Ipv4Addr,
    /// While it is open the namespace is there, whatever became of its name.
    namespace: Arc<File>,
}

impl Host {
    pub(super) fn new(name: &str, address: Ipv4Addr, namespace: File) -> Self {
        Self { name: name.into(), address, namespace: Arc::new(namespace) }
    }

    /// What it is called in its network.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where the other hosts reach it.
    #[must_use]
    pub const fn address(&self) -> IpAddr {
        IpAddr::V4(self.address)
    }

    /// Starts a program in it.
    ///
    /// # Panics
    /// As [`Program::start`].
    #[must_use = "the process is killed when it is dropped"]
    #[track_caller]
    pub fn start(&self, program: &Program) -> Process {
        self.enter(|| program.start())
    }

    /// Runs `body` on a thread in it: sockets that are opened there, and threads and processes
    /// that are started there, are this host's.
    ///
    /// # Panics
    /// If `body` does, or the kernel does not let the thread in.
    pub fn enter<T: Send>(&self, body: impl FnOnce() -> T + Send) -> T {
        thread::scope(|scope| {
            let entered = scope.spawn(|| {
                let network = Some(LinkNameSpaceType::Network);
                let moved = move_into_link_name_space(self.namespace.as_fd(), network);
                moved.unwrap_or_else(|error| panic!("{} cannot be entered: {error}", self.name));
                body()
            });
            entered.join().unwrap_or_else(|panicked| panic::resume_unwind(panicked))
        })
    }
}
