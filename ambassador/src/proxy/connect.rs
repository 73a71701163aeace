//! How a connection to a server is made.

use std::{
    future::poll_fn,
    hash::{BuildHasher, RandomState},
    io,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream, UnixStream},
};

use super::{
    shared::Shared,
    socket::{Socket, cause},
};
use crate::{
    failure::Cause,
    nutcracker::{Address, Pool},
    protocol::{Asked, Greeted, Greeting, Protocol},
};

/// The process has as many descriptors as it may, or the machine.
const MFILE: i32 = rustix::io::Errno::MFILE.raw_os_error();
const NFILE: i32 = rustix::io::Errno::NFILE.raw_os_error();

/// The longest reply to what is asked before a connection is used.
const LONGEST_ANSWER: usize = 64 * 1024;

/// How long making a connection may take where no time-out is configured.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long making a connection to a server of this pool may take.
pub(super) fn patience(pool: &Pool) -> Duration {
    pool.timeout.unwrap_or(PATIENCE)
}

/// Where a server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) address: Address,
    pub(super) keepalive: bool,
}

impl Target {
    /// That of a pool, by its place.
    pub(super) fn of(pool: &Pool, server: usize) -> Self {
        Self { address: pool.servers[server].address.clone(), keepalive: pool.tcp_keepalive }
    }
}

/// Connects to a server, says the password and the database, and has it prove that its replies are to
/// what it is asked.
///
/// Its name is looked up each time, so that a server may move.
///
/// # Cancel safety
/// Dropped, what was made is closed.
pub(super) async fn connect<P: Protocol>(shared: &Shared<P>, target: &Target) -> Result<Socket, Cause> {
    let mut socket = match &target.address {
        Address::Tcp { host, port } => {
            let stream = tcp(shared, host, *port, target.keepalive).await?;
            secure(shared, Socket::Tcp(stream), host).await?
        }
        Address::Unix(path) => Socket::Unix(unix(path).await?),
    };
    greet(shared, &mut socket, target).await?;
    Ok(socket)
}

/// Asks a server what a healthy one answers at once, over a connection for this alone.
pub(super) async fn probe<P: Protocol>(shared: &Shared<P>, target: &Target) -> Result<(), Cause> {
    let mut socket = connect(shared, target).await?;
    let (question, expected) = shared.mux.borrow().protocol().probe();
    let mut talk = Talk::new(shared, &mut socket, expected);
    talk.say(question).await?;
    let answer = talk.hear().await?;
    talk.end()?;
    match shared.mux.borrow().protocol().is_refusal(expected, &answer) {
        false => Ok(()),
        true => Err(Cause::Rejected),
    }
}

/// Makes a connection secure, where it has to be.
async fn secure<P: Protocol>(shared: &Shared<P>, socket: Socket, host: &str) -> Result<Socket, Cause> {
    let insecure = |error: io::Error| match error.kind() {
        io::ErrorKind::InvalidData => {
            tracing::error!(host, %error, "a server cannot be spoken to in TLS, and is not used");
            Cause::Rejected
        }
        _ => {
            tracing::debug!(host, %error, "a server has ended the handshake");
            Cause::Lost
        }
    };
    let mut socket = shared.terms().of_server(socket, host).map_err(insecure)?;
    poll_fn(|cx| socket.poll_ready(cx)).await.map_err(insecure)?;
    Ok(socket)
}

async fn addresses<P: Protocol>(shared: &Shared<P>, host: &str, port: u16) -> Result<Vec<SocketAddr>, Cause> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let terms = shared.terms();
    terms.resolver.look_up(host, port).await.map_err(|error| {
        tracing::warn!(host, %error, "the name of a server has no address");
        Cause::Unresolved
    })
}

async fn tcp<P: Protocol>(
    shared: &Shared<P>,
    host: &str,
    port: u16,
    keepalive: bool,
) -> Result<TcpStream, Cause> {
    let addresses = addresses(shared, host, port).await?;
    let mut cause = Cause::Unresolved;
    for address in addresses {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() };
        let made = async {
            let socket = socket?;
            socket.set_nodelay(true)?;
            socket.set_keepalive(keepalive)?;
            socket.connect(address).await
        };
        match made.await {
            Ok(stream) => return Ok(stream),
            Err(error) => {
                tracing::debug!(%address, %error, "a server cannot be connected to");
                cause = refused(&error);
            }
        }
    }
    Err(cause)
}

async fn unix(path: &PathBuf) -> Result<UnixStream, Cause> {
    UnixStream::connect(path).await.map_err(|error| {
        tracing::debug!(path = %path.display(), %error, "a server cannot be connected to");
        refused(&error)
    })
}

fn refused(error: &io::Error) -> Cause {
    match error.raw_os_error() {
        Some(MFILE | NFILE) => Cause::NoDescriptor,
        _ if error.kind() == io::ErrorKind::TimedOut => Cause::TimedOut,
        _ => Cause::Refused,
    }
}

/// Says what a connection begins with, and hears whether the server lets it in and answers what it is asked.
async fn greet<P: Protocol>(shared: &Shared<P>, socket: &mut Socket, target: &Target) -> Result<(), Cause> {
    let greeted = answers(shared, socket, target).await;
    if let Err(Cause::Lied) = greeted {
        let server = &target.address;
        tracing::warn!(%server, "a server said what is no reply to a greeting; the connection is closed");
    }
    greeted
}

async fn answers<P: Protocol>(shared: &Shared<P>, socket: &mut Socket, target: &Target) -> Result<(), Cause> {
    // What a server, or whoever is there in its place, cannot have said before it was asked.
    let word = format!("{:016x}", RandomState::new().hash_one(()));
    let Greeting { bytes, requests, expected } = shared.mux.borrow().protocol().greeting(&word);
    let judge = |asked, reply: &[u8]| match shared.mux.borrow().protocol().greeted(&word, asked, reply) {
        Greeted::Fine => Ok(None),
        Greeted::Ask(question) => Ok(Some(question)),
        Greeted::Refused(words) => {
            tracing::error!(server = %target.address, words, "a server does not let this proxy in");
            Err(Cause::Rejected)
        }
        Greeted::Lie(_) => Err(Cause::Lied),
    };
    let mut talk = Talk::new(shared, socket, expected);
    talk.say(&bytes).await?;
    for _ in 1..requests {
        judge(Asked::Entry, &talk.hear().await?)?;
    }
    let again = judge(Asked::Proof, &talk.hear().await?)?;
    if let Some(question) = again {
        talk.say(&question).await?;
        judge(Asked::Again, &talk.hear().await?)?;
    }
    talk.end()
}

/// What is said over a connection before it is used for requests.
#[derive(Debug)]
struct Talk<'a, P: Protocol> {
    shared: &'a Shared<P>,
    socket: &'a mut Socket,
    /// What each reply looks like.
    expected: P::Expected,
    /// What came behind the last reply.
    held: Vec<u8>,
}

impl<'a, P: Protocol> Talk<'a, P> {
    const fn new(shared: &'a Shared<P>, socket: &'a mut Socket, expected: P::Expected) -> Self {
        Self { shared, socket, expected, held: Vec::new() }
    }

    /// Sends requests, to which all before have been answered.
    async fn say(&mut self, requests: &[u8]) -> Result<(), Cause> {
        self.end()?;
        let sent = async {
            self.socket.write_all(requests).await?;
            self.socket.flush().await
        };
        match sent.await.map_err(|error| cause(&error)) {
            // A server that lets nobody in says so and closes: that may still be read.
            Ok(()) | Err(Cause::Lost) => Ok(()),
            Err(cause) => Err(cause),
        }
    }

    /// Reads the next reply.
    async fn hear(&mut self) -> Result<Vec<u8>, Cause> {
        loop {
            let measured = {
                let mux = self.shared.mux.borrow();
                mux.protocol().measure(&mut P::Measure::default(), self.expected, &self.held)
            };
            match measured {
                Ok(Some(len)) if len > 0 => return Ok(self.held.drain(..len).collect()),
                Ok(_) if self.held.len() < LONGEST_ANSWER => match self.socket.read_buf(&mut self.held).await
                {
                    Ok(1..) => {}
                    Ok(0) => return Err(Cause::Lost),
                    Err(error) => return Err(cause(&error)),
                },
                _ => return Err(Cause::Lied),
            }
        }
    }

    /// Whether nothing came that was not asked for.
    fn end(&self) -> Result<(), Cause> {
        if self.held.is_empty() { Ok(()) } else { Err(Cause::Lied) }
    }
}
