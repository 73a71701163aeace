//! Where the clients of a pool come in.

use std::{
    fs, io,
    net::SocketAddr,
    os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use entourage_core::{Clock, planted, sleep};
use tokio::net::{TcpListener, TcpSocket, UnixListener, lookup_host};

use super::socket::Socket;
use crate::{
    error::Error,
    nutcracker::{Listen, Pool},
};

/// How long nobody is accepted after the process ran out of descriptors.
const PAUSE: Duration = Duration::from_millis(50);

/// How much the kernel is asked to hold for a client that does not read, which is more than it takes to
/// keep a near one busy; Linux takes twice that. Unasked, it lets each grow to `tcp_wmem`, 4 MiB, which no
/// bound of the pool counts.
const SEND_BUFFER: u32 = 256 * 1024;

/// A place where clients come in, which can be handed to the threads that accept there.
#[derive(Debug)]
pub(super) struct Door {
    socket: Bound,
    /// What it was opened for.
    listen: Listen,
}

#[derive(Debug)]
enum Bound {
    Tcp(std::net::TcpListener),
    // The file first: it is compared before the listener is closed, which keeps its number from others.
    Unix(SocketFile, std::os::unix::net::UnixListener),
}

/// The file of a socket at its path, where others may have put theirs since.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    /// Its device and its number there.
    bound: (u64, u64),
}

/// The same, on the thread that accepts.
#[derive(Debug)]
pub(super) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// A client that has come.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) socket: Socket,
    pub(super) peer: String,
}

impl Door {
    /// Listens where this pool says.
    ///
    /// # Errors
    /// The name has no address, or the address is taken or not of this machine.
    pub(super) async fn open(pool: &Pool) -> io::Result<Self> {
        let socket = match &pool.listen {
            Listen::Tcp { host, port } => {
                let mut bound = Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
                for address in lookup_host((host.as_str(), *port)).await? {
                    bound = tcp(pool, address);
                    if bound.is_ok() {
                        break;
                    }
                }
                Bound::Tcp(bound?)
            }
            Listen::Unix { path, mode } => {
                let (file, listener) = unix(path)?;
                permit(path, *mode)?;
                Bound::Unix(file, listener)
            }
        };
        Ok(Self { socket, listen: pool.listen.clone() })
    }

    /// Whether it is where this pool's clients come in, and they still find it.
    pub(super) fn serves(&self, pool: &Pool) -> bool {
        match (&self.socket, &pool.listen) {
            (Bound::Unix(file, _), Listen::Unix { path, .. }) => file.path == *path && file.is_there(),
            (Bound::Tcp(_), listen) => self.listen == *listen,
            (Bound::Unix(..), Listen::Tcp { .. }) => false,
        }
    }

    /// Lets in whom this pool lets in, where that is said.
    ///
    /// # Errors
    /// The socket's file is gone, or is not ours.
    pub(super) fn permit(&self, pool: &Pool) -> io::Result<()> {
        match &pool.listen {
            Listen::Unix { path, mode } => permit(path, *mode),
            Listen::Tcp { .. } => Ok(()),
        }
    }

    /// Where clients connect, if that is a port.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        match &self.socket {
            Bound::Tcp(listener) => listener.local_addr().ok(),
            Bound::Unix(..) => None,
        }
    }

    /// The door as the thread that calls this accepts at it.
    ///
    /// # Errors
    /// The process is out of descriptors.
    pub(super) fn listener(&self) -> io::Result<Listener> {
        match &self.socket {
            Bound::Tcp(listener) => Ok(Listener::Tcp(TcpListener::from_std(listener.try_clone()?)?)),
            Bound::Unix(_, listener) => Ok(Listener::Unix(UnixListener::from_std(listener.try_clone()?)?)),
        }
    }
}

impl SocketFile {
    /// Whether what is at its path is still it.
    fn is_there(&self) -> bool {
        identity(&self.path).is_ok_and(|found| found == self.bound)
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if self.is_there() {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    fs::symlink_metadata(path).map(|file| (file.dev(), file.ino()))
}

/// That clients of this pool cannot come in where it says.
pub(super) fn unheard(pool: &Pool, source: io::Error) -> Error {
    Error::Listen { pool: pool.name.clone(), listen: pool.listen.to_string(), source }
}

fn permit(path: &Path, mode: Option<u32>) -> io::Result<()> {
    mode.map_or(Ok(()), |mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)))
}

/// Listens at a path; what a process that died has left there is taken away.
fn unix(path: &Path) -> io::Result<(SocketFile, std::os::unix::net::UnixListener)> {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
    if is_socket && is_left_behind(path) {
        fs::remove_file(path)?;
    }
    let listener = std::os::unix::net::UnixListener::bind(path)?;
    let file = SocketFile { path: path.to_owned(), bound: identity(path)? };
    listener.set_nonblocking(true)?;
    Ok((file, listener))
}

/// Whether nobody has this socket any more; where it cannot be connected to for another reason, somebody
/// may.
fn is_left_behind(path: &Path) -> bool {
    let connected = std::os::unix::net::UnixStream::connect(path);
    connected.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

fn tcp(pool: &Pool, address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(pool.reuse_port)?;
    if !planted("proxy-lets-the-kernel-hoard") {
        // Whom it accepts inherits it. A socket of a path has as little of itself.
        socket.set_send_buffer_size(SEND_BUFFER)?;
    }
    socket.bind(address)?;
    socket.listen(pool.backlog)?.into_std()
}

impl Listener {
    /// Where clients connect; 0 where that is not a port.
    pub(super) fn port(&self) -> u16 {
        match self {
            Self::Tcp(listener) => listener.local_addr().map_or(0, |address| address.port()),
            Self::Unix(_) => 0,
        }
    }

    /// The next client, whose connection the kernel probes in silence if `keepalive`.
    ///
    /// # Cancel safety
    /// Dropped, no client is lost: who was not returned waits to be accepted.
    pub(super) async fn accept(&self, clock: &dyn Clock, keepalive: bool) -> Incoming {
        loop {
            match self.try_accept(keepalive).await {
                Ok(incoming) => return incoming,
                Err(error) if is_of_one(&error) => {}
                Err(error) => {
                    tracing::error!(%error, "no client can be accepted");
                    sleep(clock, PAUSE).await;
                }
            }
        }
    }

    async fn try_accept(&self, keepalive: bool) -> io::Result<Incoming> {
        match self {
            Self::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                stream.set_nodelay(true)?;
                if keepalive {
                    rustix::net::sockopt::set_socket_keepalive(&stream, true)?;
                }
                Ok(Incoming { socket: Socket::Tcp(stream), peer: peer.to_string() })
            }
            Self::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                Ok(Incoming { socket: Socket::Unix(stream), peer: "unix:0".to_owned() })
            }
        }
    }
}

/// Whether it went wrong with one client, who is gone, and not with all.
fn is_of_one(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, InvalidInput, NotConnected};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | InvalidInput | NotConnected)
}

#[cfg(test)]
mod tests;
