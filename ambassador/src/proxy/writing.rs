//! What waits is written: once a turn of the loop, and by a connection's own task where that was not enough.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::AsyncWrite;

use super::{
    shared::{End, Shared},
    socket::{Socket, cause},
};
use crate::{
    failure::Cause,
    mux::{ClientKey, Mux},
    protocol::Protocol,
};

/// How many pieces are written with one call.
const PIECES: usize = 16;

/// Whose connection is written to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Side {
    Client(ClientKey),
    Line(usize),
}

impl Side {
    fn waiting<'a, P: Protocol>(self, mux: &'a Mux<P>, slices: &mut [IoSlice<'a>]) -> usize {
        match self {
            Self::Client(key) => mux.for_client(key, slices),
            Self::Line(line) => mux.for_server(line, slices),
        }
    }

    fn wrote<P: Protocol>(self, mux: &mut Mux<P>, count: usize) {
        match self {
            Self::Client(key) => mux.wrote_to_client(key, count),
            Self::Line(line) => mux.sent(line, count),
        }
    }
}

impl<P: Protocol> Shared<P> {
    /// Has what is listed written, once every task that can run now has run.
    ///
    /// So what many clients sent in one turn of the loop leaves with one call for each server.
    pub(super) fn write_soon(&self) {
        if self.mux.borrow().is_listed()
            && let Some(writer) = &*self.writer.borrow()
        {
            writer.wake_by_ref();
        }
    }

    /// Writes what is listed, turn after turn. Never ends.
    pub(super) fn poll_write(&self, cx: &Context<'_>) -> Poll<()> {
        let mut writer = self.writer.borrow_mut();
        if !writer.as_ref().is_some_and(|writer| writer.will_wake(cx.waker())) {
            *writer = Some(cx.waker().clone());
        }
        drop(writer);
        let (mut lines, mut clients) = (Vec::new(), Vec::new());
        while self.mux.borrow().is_listed() {
            self.mux.borrow_mut().listed_lines(&mut lines);
            lines.drain(..).for_each(|line| self.write_line(line));
            self.mux.borrow_mut().listed_clients(&mut clients);
            clients.drain(..).for_each(|key| self.write_client(key));
        }
        Poll::Pending
    }

    /// Writes for the task of a connection what was not written for it; that goes on when it can.
    ///
    /// # Errors
    /// The connection is no good any more.
    pub(super) fn write(&self, side: Side, end: &End, cx: &mut Context<'_>) -> io::Result<()> {
        let mut socket = end.socket.borrow_mut();
        let Some(socket) = &mut *socket else { return Ok(()) };
        let poured = self.pour(side, |slices| Pin::new(&mut *socket).poll_write_vectored(cx, slices));
        let flushed = match poured {
            Poll::Ready(Ok(())) => Pin::new(&mut *socket).poll_flush(cx),
            unfinished => unfinished,
        };
        match flushed {
            Poll::Ready(outcome) => outcome,
            Poll::Pending => Ok(()),
        }
    }

    fn write_client(&self, key: ClientKey) {
        let Some(end) = self.client(key) else { return };
        let mut socket = end.socket.borrow_mut();
        let Some(socket) = &mut *socket else { return };
        // Its task waits until it can be written to, or finds what is wrong; or it may go on, or has to end.
        if !self.try_pour(Side::Client(key), socket)
            || end.watched.get()
            || self.mux.borrow_mut().standing(key).is_unread
        {
            end.wake();
        }
    }

    fn write_line(&self, line: usize) {
        let Some(end) = self.line(line) else { return };
        let wants = self.mux.borrow().wants(line);
        let mut socket = end.socket.borrow_mut();
        let is_written = match &mut *socket {
            _ if wants.reset || wants.ended => false,
            None => !wants.is_asked,
            Some(socket) => {
                let unasked = if wants.is_quiet { self.unasked(socket) } else { None };
                if let Some(cause) = unasked {
                    self.mux.borrow_mut().lose(line, cause);
                }
                unasked.is_none() && self.try_pour(Side::Line(line), socket)
            }
        };
        if !is_written {
            end.wake();
        }
    }

    /// Writes what waits without taking the place of the task that polls; says whether that was all.
    fn try_pour(&self, side: Side, socket: &mut Socket) -> bool {
        let poured = self.pour(side, |slices| Poll::Ready(socket.try_write(slices)));
        matches!(poured, Poll::Ready(Ok(())))
    }

    /// Writes what waits for this side, for as long as `write` takes some of it; ready when that is all.
    fn pour(
        &self,
        side: Side,
        mut write: impl FnMut(&[IoSlice<'_>]) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<()>> {
        loop {
            let mut mux = self.mux.borrow_mut();
            let mut slices = [IoSlice::new(&[]); PIECES];
            let count = side.waiting(&mux, &mut slices);
            if count == 0 {
                return Poll::Ready(Ok(()));
            }
            let written = ready!(write(&slices[..count]))?;
            side.wrote(&mut mux, written);
        }
    }

    /// What a server has done that was asked nothing: said something, or gone.
    ///
    /// What it said would be taken for the reply to what is about to be sent; and what is sent to one
    /// that has gone is lost, where it could still go over another connection.
    fn unasked(&self, socket: &mut Socket) -> Option<Cause> {
        let mut chunk = self.chunk.borrow_mut();
        match socket.try_read(&mut chunk[..1]) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
            Ok(0) => Some(Cause::Lost),
            Err(error) => Some(cause(&error)),
            Ok(_) => Some(Cause::Lied),
        }
    }
}
