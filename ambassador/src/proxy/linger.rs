//! How a connection is ended so that what was written to it arrives.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use entourage_core::{planted, timeout};
use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};

use super::{shared::Shared, socket::Socket};
use crate::protocol::Protocol;

/// How long the other side may take to read what is left, and to end its side.
const PATIENCE: Duration = Duration::from_millis(500);

/// Ends a connection to which everything was written, and waits for a while until the other side has
/// ended it too.
///
/// A socket that is closed while something is unread, or comes in later, is reset, and what
/// the kernel had not sent by then is lost (RFC 1122, section 4.2.2.13).
///
/// # Cancel safety
/// Dropped, it is closed at once.
pub(super) async fn linger<P: Protocol>(shared: &Shared<P>, mut socket: Socket) {
    if planted("proxy-slams-the-door") {
        return;
    }
    let ended = async {
        socket.shutdown().await?;
        poll_fn(|cx| poll_rest(shared, &mut socket, cx)).await
    };
    // If it failed, there is nothing to wait for.
    let _ = timeout(&shared.clock, PATIENCE, ended).await;
}

/// Throws away what comes, one buffer a turn; ready when no more does.
fn poll_rest<P: Protocol>(
    shared: &Shared<P>,
    socket: &mut Socket,
    cx: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    let mut chunk = shared.chunk.borrow_mut();
    let mut rest = ReadBuf::new(&mut chunk);
    ready!(Pin::new(socket).poll_read(cx, &mut rest))?;
    if rest.filled().is_empty() {
        return Poll::Ready(Ok(()));
    }
    cx.waker().wake_by_ref();
    Poll::Pending
}
