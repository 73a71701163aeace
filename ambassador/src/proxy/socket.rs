//! A connection, whatever it runs over.

use std::{
    io::{self, IoSlice},
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use rustix::net::{SendFlags, send, sockopt::set_socket_linger};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, UnixStream},
};

use crate::failure::Cause;

/// A connection, whatever it runs over.
///
/// One task polls it, and is woken for it. Others may [try](Self::try_write) to write in between:
/// that takes nobody's place.
#[derive(Debug)]
pub(super) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
    #[cfg(feature = "tls")]
    Tls(Box<crate::tls::Stream>),
}

/// What the error of a connection to a server means for those who wait.
pub(super) fn cause(error: &io::Error) -> Cause {
    match error.kind() {
        // No socket says so of itself: one side does not believe the other, or does not speak TLS.
        io::ErrorKind::InvalidData => {
            tracing::error!(%error, "a connection to a server is not secure, and is not used");
            Cause::Rejected
        }
        _ => Cause::Lost,
    }
}

impl Socket {
    /// Ready when it can be read and written.
    pub(super) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let _ = cx;
        match self {
            Self::Tcp(_) | Self::Unix(_) => Poll::Ready(Ok(())),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.poll_handshake(cx),
        }
    }

    /// The address of the other side, if it has one.
    pub(super) fn peer(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(socket) => socket.peer_addr().ok(),
            Self::Unix(_) => None,
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.socket().peer_addr().ok(),
        }
    }

    /// Has the kernel give back what it has not sent, once this is closed: whoever does not read would
    /// have it keep that for minutes.
    pub(super) fn forget_unsent(&self) {
        // What has failed already keeps nothing.
        let _ = match self {
            Self::Tcp(socket) => set_socket_linger(socket, Some(Duration::ZERO)),
            Self::Unix(_) => Ok(()),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => set_socket_linger(stream.socket(), Some(Duration::ZERO)),
        };
    }

    /// Says a few bytes over a connection that is new, whether the reactor has heard of it or not; to whom
    /// expects TLS nothing can be said yet.
    pub(super) fn say(&self, bytes: &[u8]) {
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        // Who has gone already misses nothing.
        let _ = match self {
            Self::Tcp(socket) => send(socket, bytes, flags),
            Self::Unix(socket) => send(socket, bytes, flags),
            #[cfg(feature = "tls")]
            Self::Tls(_) => Ok(0),
        };
    }

    /// Writes what can be written now.
    ///
    /// # Errors
    /// `WouldBlock` if nothing can, or why nothing ever will.
    pub(super) fn try_write(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match (self, slices) {
            (Self::Tcp(socket), [bytes]) => socket.try_write(bytes),
            (Self::Tcp(socket), slices) => socket.try_write_vectored(slices),
            (Self::Unix(socket), slices) => socket.try_write_vectored(slices),
            #[cfg(feature = "tls")]
            (Self::Tls(stream), slices) => stream.try_write(slices),
        }
    }

    /// Reads what is there, if the reactor has heard of anything; asks the kernel only then.
    ///
    /// # Errors
    /// `WouldBlock` if there is nothing, or why there never will be.
    pub(super) fn try_read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => socket.try_read(into),
            Self::Unix(socket) => socket.try_read(into),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.try_read(into),
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(socket) => Pin::new(socket).poll_read(cx, into),
            Self::Unix(socket) => Pin::new(socket).poll_read(cx, into),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.poll_read(cx, into),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(socket) => Pin::new(socket).poll_write(cx, bytes),
            Self::Unix(socket) => Pin::new(socket).poll_write(cx, bytes),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.poll_write(cx, &[IoSlice::new(bytes)]),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(socket) => Pin::new(socket).poll_write_vectored(cx, slices),
            Self::Unix(socket) => Pin::new(socket).poll_write_vectored(cx, slices),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.poll_write(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let _ = cx;
        match self.get_mut() {
            Self::Tcp(_) | Self::Unix(_) => Poll::Ready(Ok(())),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(socket) => Pin::new(socket).poll_shutdown(cx),
            Self::Unix(socket) => Pin::new(socket).poll_shutdown(cx),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.poll_shutdown(cx),
        }
    }
}
