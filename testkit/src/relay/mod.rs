//! A way to a server that a test can cut, stall and close.

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use entourage_core::{Clock, SystemClock};

/// Connections that it carries at a time; more are ended as they come.
const MOST: usize = 256;
/// How long the server may take to take a connection.
const PATIENCE: Duration = Duration::from_secs(2);
/// What is carried at once.
const CHUNK: usize = 16 * 1024;

/// A TCP relay on loopback in front of a server, for faults of the network between the two.
///
/// It carries bytes and knows no protocol. When it is dropped, its connections are cut and its
/// threads have ended.
///
/// # Examples
/// ```no_run
/// use std::time::Duration;
/// use entourage_testkit::{Etcd, Relay};
///
/// let etcd = Etcd::start();
/// let relay = Relay::to(&etcd.endpoints()[0]);
/// // A client of `relay.endpoint()` loses its connection 20 times a second,
/// let cutting = relay.cut_every(Duration::from_millis(50));
/// drop(cutting);
/// // and then cannot reach the server at all.
/// relay.close();
/// relay.open();
/// ```
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    shared: Arc<Shared>,
    taking: Option<JoinHandle<()>>,
}

/// Cuts a relay's connections again and again until it is dropped.
#[derive(Debug)]
#[must_use = "the cuts end when it is dropped"]
pub struct Cutting {
    ended: Arc<(Mutex<bool>, Condvar)>,
    cutting: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    server: SocketAddr,
    state: Mutex<State>,
    /// The relay goes on after a stall, or a connection was cut.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Those that are carried, by a number that does not come again.
    links: BTreeMap<u64, Link>,
    next: u64,
    cuts: usize,
    stalled: bool,
    closed: bool,
    dropped: bool,
}

/// Both ends of one connection.
#[derive(Debug)]
struct Link {
    client: TcpStream,
    server: TcpStream,
}

impl Link {
    fn cut(&self) {
        // One that has ended already is cut.
        let _ = self.client.shutdown(Shutdown::Both);
        let _ = self.server.shutdown(Shutdown::Both);
    }
}

impl Relay {
    /// A relay to the server at this address (`host:port`), which need not listen yet.
    ///
    /// # Panics
    /// If that is no address, or loopback has no port left.
    #[must_use]
    #[track_caller]
    pub fn to(server: &str) -> Self {
        let server = server.to_socket_addrs().ok().and_then(|mut found| found.next());
        let server = server.expect("the server is named as host:port");
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        Self::between(listener, server)
    }

    /// A relay that listens at this address, where a server listened that is dead.
    ///
    /// # Panics
    /// If that is no address of this machine, or somebody listens there.
    #[track_caller]
    pub(crate) fn at(address: &str, server: &str) -> Self {
        let listener = TcpListener::bind(address).expect("nobody listens where a dead server did");
        Self::between(listener, server.parse().expect("the server is named as ip:port"))
    }

    fn between(listener: TcpListener, server: SocketAddr) -> Self {
        let address = listener.local_addr().expect("it is bound");
        let shared = Arc::new(Shared { server, state: Mutex::default(), changed: Condvar::new() });
        let taking = Some(thread::spawn({
            let shared = Arc::clone(&shared);
            move || shared.take(&listener)
        }));
        Self { address, shared, taking }
    }

    /// Where it listens, as `host:port`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        self.address.to_string()
    }

    /// How many connections it has cut.
    #[must_use]
    pub fn cuts(&self) -> usize {
        self.shared.state().cuts
    }

    /// Cuts all connections; new ones are taken.
    pub fn cut(&self) {
        self.shared.cut();
    }

    /// Cuts all connections again and again, for as long as what it returns lives.
    pub fn cut_every(&self, interval: Duration) -> Cutting {
        let ended = Arc::new((Mutex::new(false), Condvar::new()));
        let cutting = thread::spawn({
            let (shared, ended) = (Arc::clone(&self.shared), Arc::clone(&ended));
            move || {
                while !Cutting::has_ended(&ended, interval) {
                    shared.cut();
                }
            }
        });
        Cutting { ended, cutting: Some(cutting) }
    }

    /// Carries nothing more, and keeps its connections: both sides wait.
    pub fn stall(&self) {
        self.shared.state().stalled = true;
    }

    /// Carries on after a stall.
    pub fn go_on(&self) {
        self.shared.state().stalled = false;
        self.shared.changed.notify_all();
    }

    /// Cuts all connections, and ends new ones as they come.
    pub fn close(&self) {
        self.shared.state().closed = true;
        self.shared.cut();
    }

    /// Takes connections again.
    pub fn open(&self) {
        self.shared.state().closed = false;
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.state().dropped = true;
        self.shared.cut();
        // Wakes who waits for the next connection.
        let woken = TcpStream::connect(self.address).is_ok();
        if let Some(taking) = self.taking.take().filter(|_| woken) {
            // It has nothing to say.
            let _ = taking.join();
        }
    }
}

impl Cutting {
    /// Whether it ends before the interval does.
    fn has_ended(ended: &(Mutex<bool>, Condvar), interval: Duration) -> bool {
        let clock = SystemClock::new();
        let until = clock.now() + interval;
        let mut told = ended.0.lock().unwrap_or_else(PoisonError::into_inner);
        while !*told {
            let left = until.since(clock.now());
            if left.is_zero() {
                return false;
            }
            told = ended.1.wait_timeout(told, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

impl Drop for Cutting {
    fn drop(&mut self) {
        *self.ended.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.ended.1.notify_all();
        if let Some(cutting) = self.cutting.take() {
            let _ = cutting.join();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // Every update leaves a whole value behind, even if a holder of the lock panics.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cut(&self) {
        let mut state = self.state();
        state.cuts += state.links.len();
        // The threads that carry them see it; nobody else cuts them again.
        std::mem::take(&mut state.links).values().for_each(Link::cut);
        drop(state);
        self.changed.notify_all();
    }

    /// Takes connections until the relay is dropped; returns when none is carried any more.
    fn take(self: &Arc<Self>, listener: &TcpListener) {
        let mut carrying: Vec<JoinHandle<()>> = Vec::new();
        for client in listener.incoming() {
            carrying.retain(|thread| !thread.is_finished());
            if self.state().dropped {
                break;
            }
            // One that cannot be carried is ended.
            if let Ok(carried) = client.and_then(|client| self.carry(client)) {
                carrying.extend(carried);
            }
        }
        for thread in carrying {
            let _ = thread.join();
        }
    }

    /// Carries a connection in two threads, one for each way.
    fn carry(self: &Arc<Self>, client: TcpStream) -> io::Result<[JoinHandle<()>; 2]> {
        let server = TcpStream::connect_timeout(&self.server, PATIENCE)?;
        for end in [&client, &server] {
            end.set_nodelay(true)?;
        }
        let ways = [(client.try_clone()?, server.try_clone()?), (server.try_clone()?, client.try_clone()?)];
        let mut state = self.state();
        if state.closed || state.dropped || state.links.len() >= MOST {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let number = state.next;
        state.next += 1;
        state.links.insert(number, Link { client, server });
        drop(state);
        Ok(ways.map(|(from, to)| {
            let shared = Arc::clone(self);
            thread::spawn(move || {
                // How it ended, both sides see by themselves.
                let _ = shared.copy(number, &from, &to);
                // Neither TLS nor HTTP goes on when one way has ended.
                let link = shared.state().links.remove(&number);
                link.iter().for_each(Link::cut);
            })
        }))
    }

    /// Carries one way of a connection until it ends.
    fn copy(&self, number: u64, mut from: &TcpStream, mut to: &TcpStream) -> io::Result<()> {
        let mut chunk = vec![0; CHUNK];
        loop {
            let read = match from.read(&mut chunk) {
                Ok(0) => return Ok(()),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let mut state = self.state();
            while state.stalled && state.links.contains_key(&number) {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            if !state.links.contains_key(&number) {
                return Ok(());
            }
            drop(state);
            to.write_all(&chunk[..read])?;
        }
    }
}
