//! Where the clients of a pool come in.

use std::{
    fs, io,
    net::SocketAddr,
    os::unix::fs::{FileTypeExt, PermissionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use entourage_core::{Clock, sleep};
use tokio::net::{TcpListener, TcpSocket, UnixListener, lookup_host};

use super::socket::Socket;
use crate::nutcracker::{Listen, Pool};

/// How long nobody is accepted after the process ran out of descriptors.
const PAUSE: Duration = Duration::from_millis(50);

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
    Unix(std::os::unix::net::UnixListener, PathBuf),
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
                let listener = unix(path)?;
                permit(path, *mode)?;
                Bound::Unix(listener, path.clone())
            }
        };
        Ok(Self { socket, listen: pool.listen.clone() })
    }

    /// Whether it is where this pool's clients come in.
    pub(super) fn serves(&self, pool: &Pool) -> bool {
        match (&self.listen, &pool.listen) {
            (Listen::Unix { path, .. }, Listen::Unix { path: other, .. }) => path == other,
            (listen, other) => listen == other,
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
            Bound::Unix(listener, _) => Ok(Listener::Unix(UnixListener::from_std(listener.try_clone()?)?)),
        }
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        if let Bound::Unix(_, path) = &self.socket {
            let _ = fs::remove_file(path);
        }
    }
}

fn permit(path: &Path, mode: Option<u32>) -> io::Result<()> {
    mode.map_or(Ok(()), |mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)))
}

/// Listens at a path; what a process that died has left there is taken away.
fn unix(path: &Path) -> io::Result<std::os::unix::net::UnixListener> {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
    if is_socket && std::os::unix::net::UnixStream::connect(path).is_err() {
        fs::remove_file(path)?;
    }
    let listener = std::os::unix::net::UnixListener::bind(path)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn tcp(pool: &Pool, address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(pool.reuse_port)?;
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
