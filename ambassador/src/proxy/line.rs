//! The loop of one connection to a server.

use std::{
    future::poll_fn,
    io,
    rc::Rc,
    task::{Context, Poll},
};

use entourage_core::{sleep, timeout};
use tokio::task::JoinSet;

use super::{
    connect::{Target, connect, patience},
    inbox::{Inbox, Read},
    moved::moved,
    shared::{End, Shared},
    socket::{Socket, cause},
    tasks::pass_on,
    writing::Side,
};
use crate::{failure::Cause, mux::Input, protocol::Protocol};

/// Keeps one connection to a server for as long as it is of the pool.
///
/// It is made when there is something to be sent, and made anew after it is lost, or once the server's
/// name has another address.
///
/// # Cancel safety
/// Dropped, the connection is closed; whoever waits for a reply over it hears nothing of that.
pub(super) async fn keep<P: Protocol>(shared: Rc<Shared<P>>, mut line: usize, target: Target) {
    let mut left = JoinSet::new();
    let mut made = None;
    while let Some(Moved { to, by, from }) = hold(&shared, line, &target, made).await {
        left.spawn_local(finish(Rc::clone(&shared), from));
        (line, made) = (to, Some(by));
    }
    while let Some(ended) = left.join_next().await {
        pass_on(ended);
    }
}

/// A connection, while it is up.
#[derive(Debug)]
struct Connection {
    line: usize,
    end: Rc<End>,
    inbox: Inbox,
}

/// A server is now elsewhere.
#[derive(Debug)]
struct Moved {
    /// What takes the connection's place, and is connected by this.
    to: usize,
    by: Socket,
    /// What is left of it: it is owed replies.
    from: Connection,
}

/// Keeps a connection until it is no longer of the pool, or its server is elsewhere.
async fn hold<P: Protocol>(
    shared: &Rc<Shared<P>>,
    line: usize,
    target: &Target,
    mut made: Option<Socket>,
) -> Option<Moved> {
    let end = Rc::new(End::default());
    shared.enter_line(line, &end);
    let mut eager = shared.pool().preconnect;
    loop {
        let ended = poll_fn(|cx| {
            end.register(cx);
            let wants = shared.mux.borrow().wants(line);
            if wants.ended {
                Poll::Ready(true)
            } else if wants.is_asked || eager || made.is_some() {
                Poll::Ready(false)
            } else {
                Poll::Pending
            }
        });
        if ended.await {
            break;
        }
        eager = false;
        shared.mux.borrow_mut().renewed(line);
        let made = match made.take() {
            Some(socket) => Ok(socket),
            None => {
                let patience = patience(&shared.pool());
                let made = timeout(&shared.clock, patience, connect(&**shared, target)).await;
                made.unwrap_or(Err(Cause::TimedOut))
            }
        };
        shared.tell_time();
        let mut leaves_alone = None;
        match made {
            Ok(socket) => {
                let peer = socket.peer();
                *end.socket.borrow_mut() = Some(socket);
                shared.mux.borrow_mut().connected(line);
                shared.write_soon();
                let mut connection = Connection { line, end: Rc::clone(&end), inbox: Inbox::default() };
                let cause = loop {
                    tokio::select! {
                        biased;
                        cause = poll_fn(|cx| connection.poll(shared, cx)) => break cause,
                        by = moved(&**shared, target, peer) => {
                            let to = shared.mux.borrow_mut().replace(line);
                            if let Some(to) = to {
                                return Some(Moved { to, by, from: connection });
                            }
                        }
                    }
                };
                *end.socket.borrow_mut() = None;
                if let Some(cause) = cause {
                    leaves_alone = shared.mux.borrow_mut().lose(line, cause).then_some(cause);
                }
            }
            Err(cause) => {
                shared.mux.borrow_mut().lose(line, cause);
                leaves_alone = Some(cause);
            }
        }
        shared.mux.borrow_mut().shut(line, leaves_alone);
        shared.write_soon();
        if leaves_alone.is_some() {
            sleep(&shared.clock, shared.options.reconnect).await;
            shared.mux.borrow_mut().shut(line, None);
        }
    }
    shared.leave_line(line);
    shared.mux.borrow_mut().forget(line);
    None
}

/// Serves a connection to where a server was, until nobody waits for a reply over it.
async fn finish<P: Protocol>(shared: Rc<Shared<P>>, mut left: Connection) {
    let cause = poll_fn(|cx| left.poll(&shared, cx)).await.unwrap_or(Cause::Lost);
    *left.end.socket.borrow_mut() = None;
    shared.tell_time();
    shared.leave_line(left.line);
    shared.mux.borrow_mut().give_up(left.line, cause);
    shared.mux.borrow_mut().forget(left.line);
    shared.write_soon();
}

impl Connection {
    /// Reads and writes what can be; ready when the connection is done with, and why, if nobody knows yet.
    fn poll<P: Protocol>(&mut self, shared: &Shared<P>, cx: &mut Context<'_>) -> Poll<Option<Cause>> {
        let line = self.line;
        self.end.register(cx);
        shared.tell_time();
        let wants = shared.mux.borrow().wants(line);
        if wants.reset || wants.ended {
            return Poll::Ready(None);
        }
        let gone = match self.read(shared, cx) {
            Ok(None) => shared.write(Side::Line(line), &self.end, cx).err().map(|error| cause(&error)),
            Ok(gone) => gone,
            Err(error) => Some(cause(&error)),
        };
        shared.write_soon();
        match gone {
            Some(cause) => Poll::Ready(Some(cause)),
            // The last reply that it was owed may just have come.
            None if shared.mux.borrow().wants(line).ended => Poll::Ready(None),
            None => Poll::Pending,
        }
    }

    /// Brings what the server sent to whoever waits for it; says why that is the end, if it is.
    fn read<P: Protocol>(&mut self, shared: &Shared<P>, cx: &mut Context<'_>) -> io::Result<Option<Cause>> {
        let Self { line, end, inbox } = self;
        let mut socket = end.socket.borrow_mut();
        let Some(socket) = &mut *socket else { return Ok(None) };
        let mut chunk = shared.chunk.borrow_mut();
        loop {
            let take = |input: &mut Input<'_>| shared.mux.borrow_mut().reply(*line, input);
            match inbox.poll_read(socket, &mut chunk, cx, take)? {
                Poll::Pending => return Ok(None),
                Poll::Ready((Read::End, _)) => return Ok(Some(Cause::Lost)),
                Poll::Ready((Read::Some, Some(Err(lie)))) => {
                    tracing::warn!(line, lie, "a server sent what is no reply; the connection is closed");
                    return Ok(Some(Cause::Lied));
                }
                Poll::Ready((Read::Some, _)) => {}
            }
        }
    }
}
