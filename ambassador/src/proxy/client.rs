//! The loop of one client.

use std::{
    future::poll_fn,
    io,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use entourage_core::timeout;

use super::{
    descriptors::Permit,
    inbox::{Inbox, Read},
    linger::linger,
    shared::{End, Shared},
    socket::Socket,
    writing::Side,
};
use crate::{
    mux::{ClientEnd, ClientKey, Input, Taken},
    protocol::Protocol,
};

/// How often a client is read before others have their turn.
const READS: usize = 4;

/// Turns away a client for whom there is no descriptor.
pub(super) fn refuse<P: Protocol>(shared: &Shared<P>, socket: &Socket) {
    shared.mux.borrow_mut().refuse();
    tell_crowded(shared, socket);
}

/// Tells a client that it is one too many, where it can be told before it has spoken.
fn tell_crowded<P: Protocol>(shared: &Shared<P>, socket: &Socket) {
    if shared.terms().patience(socket).is_none() {
        socket.say(shared.mux.borrow().crowded());
    }
}

/// Serves a client until it is gone, which gives its permit back.
///
/// # Cancel safety
/// Dropped, its connection is closed, and what it is owed goes to nobody.
pub(super) async fn serve<P: Protocol>(
    shared: Rc<Shared<P>>,
    mut socket: Socket,
    peer: &str,
    _permit: Permit,
) {
    shared.tell_time();
    let joined = shared.mux.borrow_mut().join(peer);
    let Some(key) = joined else { return tell_crowded(&shared, &socket) };
    let patience = shared.terms().patience(&socket);
    let end = Rc::new(End::default());
    shared.enter_client(key, &end);
    if let Some(mut patience) = patience {
        if entourage_core::planted("tls-waits-for-the-stalled") {
            patience = Duration::from_secs(3600);
        }
        // It counts as a client from now on: those who never finish are bounded as all are.
        let made = timeout(&shared.clock, patience, secure(&shared, key, &end, socket)).await;
        socket = match made.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
            Ok(socket) => socket,
            Err(error) => {
                tracing::debug!(peer, %error, "a client has not spoken TLS");
                shared.mux.borrow_mut().leave(key, ClientEnd::Failed);
                return shared.leave_client(key);
            }
        };
    }
    *end.socket.borrow_mut() = Some(socket);
    let mut client = Client { shared, end, key, inbox: Inbox::default(), read_all: false, taken: Taken::All };
    if let Some(socket) = poll_fn(|cx| client.poll(cx)).await {
        let shared = Rc::clone(&client.shared);
        // What it has sent and nobody takes is not kept meanwhile.
        drop(client);
        Box::pin(linger(&shared, socket)).await;
    }
}

/// Makes a client's connection secure.
async fn secure<P: Protocol>(
    shared: &Shared<P>,
    key: ClientKey,
    end: &End,
    socket: Socket,
) -> io::Result<Socket> {
    let mut socket = shared.terms().of_client(socket)?;
    let made = poll_fn(|cx| {
        end.register(cx);
        if shared.mux.borrow_mut().standing(key).ending {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        socket.poll_ready(cx)
    });
    made.await?;
    Ok(socket)
}

/// One client's connection.
#[derive(Debug)]
struct Client<P: Protocol> {
    shared: Rc<Shared<P>>,
    end: Rc<End>,
    key: ClientKey,
    inbox: Inbox,
    /// It sends no more.
    read_all: bool,
    /// Why the last of what it sent was not taken.
    taken: Taken,
}

impl<P: Protocol> Client<P> {
    /// Reads and writes what can be; ready when the client is gone, or has all that it is to have: then
    /// its connection is to be ended with care.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Socket>> {
        self.end.register(cx);
        self.shared.tell_time();
        let side = Side::Client(self.key);
        let failed = self.shared.write(side, &self.end, cx).is_err() || self.read(cx).is_err();
        self.shared.write_soon();
        let standing = {
            let mut mux = self.shared.mux.borrow_mut();
            mux.hold(self.key, self.inbox.len());
            mux.standing(self.key)
        };
        let owed = standing.to_write > 0 || standing.waits;
        let end = if failed {
            ClientEnd::Failed
        } else if standing.is_unread {
            ClientEnd::Unread
        } else if (self.read_all && self.taken != Taken::Enough || standing.ending) && !owed {
            ClientEnd::Closed
        } else {
            // Whoever writes its replies has to say so where that may let it go on, or end.
            self.end.watched.set(self.taken != Taken::All || self.read_all || standing.ending);
            return Poll::Pending;
        };
        self.shared.mux.borrow_mut().leave(self.key, end);
        self.shared.leave_client(self.key);
        if end == ClientEnd::Unread
            && let Some(socket) = &*self.end.socket.borrow()
        {
            socket.forget_unsent();
        }
        let lingers = end == ClientEnd::Closed && !self.read_all;
        Poll::Ready(self.end.socket.borrow_mut().take().filter(|_| lingers))
    }

    /// Takes what it has sent, as much as it may have on its way.
    fn read(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let Self { shared, end, key, inbox, .. } = self;
        if self.taken == Taken::Enough {
            self.taken = inbox.again(|input| shared.mux.borrow_mut().take(*key, input));
        }
        let mut socket = end.socket.borrow_mut();
        let Some(socket) = &mut *socket else { return Ok(()) };
        let mut chunk = shared.chunk.borrow_mut();
        for _ in 0..READS {
            if self.read_all || self.taken != Taken::All {
                return Ok(());
            }
            let take = |input: &mut Input<'_>| shared.mux.borrow_mut().take(*key, input);
            match inbox.poll_read(socket, &mut chunk, cx, take)? {
                Poll::Pending => return Ok(()),
                Poll::Ready((Read::End, _)) => self.read_all = true,
                Poll::Ready((Read::Some, taken)) => self.taken = taken.unwrap_or(Taken::All),
            }
        }
        cx.waker().wake_by_ref();
        Ok(())
    }
}
