//! How a connection to a server is made.

use std::{
    future::poll_fn,
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
    protocol::Protocol,
};

/// The process has as many descriptors as it may, or the machine.
const MFILE: i32 = rustix::io::Errno::MFILE.raw_os_error();
const NFILE: i32 = rustix::io::Errno::NFILE.raw_os_error();

/// The longest answer to a greeting.
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

/// Connects to a server, and says the password and the database.
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
    greet(shared, &mut socket).await?;
    Ok(socket)
}

/// Asks a server what a healthy one answers at once, over a connection for this alone.
pub(super) async fn probe<P: Protocol>(shared: &Shared<P>, target: &Target) -> Result<(), Cause> {
    let mut socket = connect(shared, target).await?;
    let question = shared.mux.borrow().protocol().probe().0;
    let answer = ask(shared, &mut socket, question, 1, &mut Vec::new()).await?;
    match answer.first() {
        Some(answer) if !is_refusal(shared, answer) => Ok(()),
        _ => Err(Cause::Rejected),
    }
}

fn is_refusal<P: Protocol>(shared: &Shared<P>, answer: &[u8]) -> bool {
    let mux = shared.mux.borrow();
    mux.protocol().is_refusal(mux.protocol().probe().1, answer)
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

/// Says what a connection begins with, and hears whether that is accepted.
async fn greet<P: Protocol>(shared: &Shared<P>, socket: &mut Socket) -> Result<(), Cause> {
    let (greeting, replies) = shared.mux.borrow().protocol().greeting();
    if replies == 0 {
        return Ok(());
    }
    let mut held = Vec::new();
    let answers = ask(shared, socket, &greeting, replies, &mut held).await?;
    if !held.is_empty() {
        return Err(Cause::Lied);
    }
    for (n, answer) in answers.iter().enumerate() {
        if let Err(words) = shared.mux.borrow().protocol().greeted(n, answer) {
            tracing::error!(words, "a server does not let this proxy in");
            return Err(Cause::Rejected);
        }
    }
    Ok(())
}

/// Sends a question, and reads so many replies; what comes behind them is left in `held`.
async fn ask<P: Protocol>(
    shared: &Shared<P>,
    socket: &mut Socket,
    question: &[u8],
    replies: usize,
    held: &mut Vec<u8>,
) -> Result<Vec<Vec<u8>>, Cause> {
    let failed = |error: io::Error| cause(&error);
    socket.write_all(question).await.map_err(failed)?;
    socket.flush().await.map_err(failed)?;
    let mut answers = Vec::new();
    while answers.len() < replies {
        let measured = {
            let mux = shared.mux.borrow();
            let (_, expected) = mux.protocol().probe();
            mux.protocol().measure(&mut P::Measure::default(), expected, held)
        };
        match measured {
            Ok(Some(len)) if len > 0 => answers.push(held.drain(..len).collect()),
            Ok(_) if held.len() < LONGEST_ANSWER => match socket.read_buf(held).await {
                Ok(1..) => {}
                Ok(0) => return Err(Cause::Lost),
                Err(error) => return Err(cause(&error)),
            },
            _ => return Err(Cause::Lied),
        }
    }
    Ok(answers)
}
