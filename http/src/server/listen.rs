//! Where connections come from.

use std::{
    fmt, io,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
};

use super::line::Peer;

/// A socket that a server can listen on: of TCP or of Unix.
///
/// Sealed, so that TLS and others can come without breaking anybody.
pub trait Listen: sealed::Sealed + fmt::Debug + Send + 'static {
    /// One connection's bytes.
    type Io: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// The next connection, and who it is from.
    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(Self::Io, Peer)>>;
}

mod sealed {
    #[expect(unnameable_types, reason = "that is what seals")]
    pub trait Sealed {}
}

impl sealed::Sealed for TcpListener {}
impl sealed::Sealed for UnixListener {}

impl Listen for TcpListener {
    type Io = TcpStream;

    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, Peer)>> {
        let (stream, address) = ready!(Self::poll_accept(self, cx))?;
        // Answers are small and written whole: waiting to send more of them helps nobody.
        stream.set_nodelay(true)?;
        Poll::Ready(Ok((stream, Peer { address: Some(address) })))
    }
}

impl Listen for UnixListener {
    type Io = UnixStream;

    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(UnixStream, Peer)>> {
        let (stream, _) = ready!(Self::poll_accept(self, cx))?;
        Poll::Ready(Ok((stream, Peer { address: None })))
    }
}
