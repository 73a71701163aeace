//! The door between a socket and the HTTP library: every byte passes it, with a deadline.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use entourage_core::{Moment, planted};
use http::StatusCode;
use hyper::rt::{Read, ReadBufCursor, Write};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{
    alarm::Alarm,
    framing::{Bounds, Framing, Place},
    line::Line,
};
use crate::problem::Problem;

/// Bytes that are read at a time; what is left of them is the next, pipelined request's.
const PIECE: usize = 4 * 1024;

/// How long a new connection that has said nothing yet may still speak once a drain has begun.
const DRAIN_PATIENCE: Duration = Duration::from_secs(1);
/// The same for one that was served before: its next request may be in flight.
const DRAIN_SETTLING: Duration = Duration::from_millis(50);

/// One connection's bytes, framed and timed.
///
/// It hands out one request at a time, and the HTTP library asks for the next when the answer to
/// the last has left, so that a client that only sends costs one request of memory.
#[derive(Debug)]
pub(super) struct Gate<Io> {
    io: Io,
    line: Arc<Line>,
    framing: Framing,
    piece: Box<[u8]>,
    start: usize,
    end: usize,
    is_over: bool,
    /// When the wait for a first byte, or for the end of a head, is over.
    read_until: Option<Moment>,
    read_alarm: Alarm,
    drain_seen: Option<Moment>,
    is_stalled: bool,
    write_until: Option<Moment>,
    write_alarm: Alarm,
}

impl<Io: AsyncRead + AsyncWrite + Unpin> Gate<Io> {
    pub(super) fn new(io: Io, line: Arc<Line>) -> Self {
        let house = &line.house;
        let alarm = || Alarm::new(Arc::clone(&house.clock));
        let first_byte = house.clock.now() + house.limits.first_byte_time;
        let first_byte = if planted("http-first-byte-waits-for-ever") { Moment::NEVER } else { first_byte };
        Self {
            framing: Framing::new(Bounds::from(&house.limits)),
            piece: vec![0; PIECE].into_boxed_slice(),
            start: 0,
            end: 0,
            is_over: false,
            read_until: Some(first_byte),
            read_alarm: alarm(),
            drain_seen: None,
            is_stalled: false,
            write_until: None,
            write_alarm: alarm(),
            io,
            line,
        }
    }

    /// The socket itself, for last words.
    pub(super) const fn io(&mut self) -> &mut Io {
        &mut self.io
    }

    /// Whether an answer is on its way that the client has not taken.
    pub(super) const fn is_stalled(&self) -> bool {
        self.is_stalled
    }

    /// Whether bytes of a next request lie here that nobody will read.
    pub(super) const fn has_leftover(&self) -> bool {
        self.start < self.end
    }

    /// Hands out what was read, up to the end of the request.
    fn hand_out(&mut self, cursor: &mut ReadBufCursor<'_>) -> io::Result<()> {
        if self.framing.place() == Place::Between {
            if self.line.has_unread_body() {
                // Two readers disagree about where the body ends: the one thing that must not be.
                return Err(refused("the body ends at two places"));
            }
            self.line.request_begins();
            self.read_until = Some(self.read_alarm.now() + self.line.house.limits.head_time);
        } else if planted("http-head-time-starts-again") && self.framing.place() == Place::Head {
            self.read_until = Some(self.read_alarm.now() + self.line.house.limits.head_time);
        }
        let window = self.end.min(self.start + cursor.remaining());
        match self.framing.take(&self.piece[self.start..window]) {
            Ok(taken) => {
                cursor.put_slice(&self.piece[self.start..self.start + taken]);
                self.start += taken;
                match self.framing.place() {
                    Place::Head => {}
                    Place::Body | Place::Between => self.read_until = None,
                }
                Ok(())
            }
            Err(problem) => {
                self.line.refuse(problem);
                Err(refused("the request was refused"))
            }
        }
    }

    /// Nothing has come: how long is that to go on?
    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let limits = &self.line.house.limits;
        match self.framing.place() {
            // The body has a time of its own, with the service.
            Place::Body => Poll::Pending,
            Place::Between => {
                self.line.answer_is_written();
                let now = self.read_alarm.now();
                let mut until = *self.read_until.get_or_insert(now + limits.idle_time);
                if self.line.house.is_draining() && !planted("http-drain-waits-for-the-idle") {
                    let patience = if self.line.served() > 0 { DRAIN_SETTLING } else { DRAIN_PATIENCE };
                    until = until.min(*self.drain_seen.get_or_insert(now) + patience);
                }
                ready!(self.read_alarm.poll(cx, until));
                if !self.line.house.is_draining() {
                    self.line.house.counts.timeouts.increment();
                }
                self.is_over = true;
                Poll::Ready(Ok(()))
            }
            Place::Head => {
                let head_time = limits.head_time;
                let until = self.read_until.unwrap_or(Moment::NEVER);
                ready!(self.read_alarm.poll(cx, until));
                self.line.house.counts.timeouts.increment();
                self.line.refuse(Problem::new(
                    StatusCode::REQUEST_TIMEOUT,
                    format!("the head did not end within {head_time:?}; send it at once"),
                ));
                Poll::Ready(Err(refused("the head took too long")))
            }
        }
    }

    fn written(&mut self, cx: &mut Context<'_>, wrote: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        self.is_stalled = wrote.is_pending();
        if self.is_stalled {
            let time = self.line.house.limits.write_time;
            let until = *self.write_until.get_or_insert_with(|| self.write_alarm.now() + time);
            ready!(self.write_alarm.poll(cx, until));
            if planted("http-writes-wait-for-ever") {
                return Poll::Pending;
            }
            self.line.house.counts.timeouts.increment();
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        wrote
    }

    /// The HTTP library refuses what the framing let pass, such as a target that is no URI: it
    /// would answer with an empty body, so its words are taken and replaced.
    fn replaces_automatic_answer(&self) -> bool {
        if self.line.is_answered() {
            return false;
        }
        self.line.refuse(Problem::new(
            StatusCode::BAD_REQUEST,
            "the request's line or fields cannot be understood",
        ));
        true
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> Read for Gate<Io> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut cursor: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let gate = self.get_mut();
        loop {
            if gate.is_over || cursor.remaining() == 0 {
                return Poll::Ready(Ok(()));
            }
            if gate.start < gate.end {
                return Poll::Ready(gate.hand_out(&mut cursor));
            }
            let mut buffer = ReadBuf::new(&mut gate.piece);
            match Pin::new(&mut gate.io).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) => {
                    (gate.start, gate.end) = (0, buffer.filled().len());
                    gate.is_over = gate.end == 0;
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return gate.poll_silence(cx),
            }
        }
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> Write for Gate<Io> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let gate = self.get_mut();
        if gate.replaces_automatic_answer() {
            return Poll::Ready(Ok(bytes.len()));
        }
        let wrote = Pin::new(&mut gate.io).poll_write(cx, bytes);
        gate.written(cx, wrote)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let gate = self.get_mut();
        if gate.replaces_automatic_answer() {
            return Poll::Ready(Ok(slices.iter().map(|slice| slice.len()).sum()));
        }
        let wrote = Pin::new(&mut gate.io).poll_write_vectored(cx, slices);
        gate.written(cx, wrote)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let gate = self.get_mut();
        ready!(Pin::new(&mut gate.io).poll_flush(cx))?;
        gate.write_until = None;
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }
}

fn refused(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}
