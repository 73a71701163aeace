//! A connection in TLS, which several tasks may write to.

use std::{
    io::{self, IoSlice, Read, Write},
    pin::Pin,
    task::{Context, Poll, Waker, ready},
};

use rustls::Connection;
use tokio::{
    io::{AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// A connection in TLS.
///
/// One task polls it, and is woken for it. Others may [try](Self::try_write) in between: they take
/// nobody's place, and what they leave half done that task is woken to finish.
#[derive(Debug)]
pub(crate) struct Stream {
    socket: TcpStream,
    session: Connection,
    /// The task that polls.
    task: Option<Waker>,
}

impl Stream {
    pub(super) const fn new(socket: TcpStream, session: Connection) -> Self {
        Self { socket, session, task: None }
    }

    /// What is below it.
    pub(crate) const fn socket(&self) -> &TcpStream {
        &self.socket
    }

    /// Makes the handshake; nothing is read or written before.
    pub(crate) fn poll_handshake(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.poll_flush(cx))?;
            if !self.session.is_handshaking() {
                return Poll::Ready(Ok(()));
            }
            match self.receive() {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
                Ok(_) => {}
                Err(error) if is_early(&error) => ready!(self.socket.poll_read_ready(cx))?,
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    /// Writes what can be written now.
    ///
    /// # Errors
    /// `WouldBlock` if nothing can, or why nothing ever will.
    pub(crate) fn try_write(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        // What was encrypted before goes before: of no more than one buffer is the rest kept.
        self.send()?;
        let taken = self.session.writer().write_vectored(slices)?;
        self.send_or_wake()?;
        Ok(taken)
    }

    /// Reads what is there, if the reactor has heard of anything; asks the kernel only then.
    ///
    /// # Errors
    /// `WouldBlock` if there is nothing, or why there never will be.
    pub(crate) fn try_read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut read = 0;
        while read < into.len() {
            match self.session.reader().read(&mut into[read..]) {
                // The other side has said that it ends.
                Ok(0) => break,
                Ok(more) => {
                    read += more;
                    continue;
                }
                // It has ended without a word. What is cut off by that is no whole request or reply.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
                Err(error) if is_early(&error) => {}
                Err(error) => return Err(error),
            }
            match self.receive() {
                Ok(_) => self.send_or_wake()?,
                // It comes again at the next call.
                Err(_) if read > 0 => break,
                Err(error) => return Err(error),
            }
        }
        Ok(read)
    }

    /// The same as a poll.
    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.register(cx);
        loop {
            match self.try_read(into.initialize_unfilled()) {
                Ok(read) => {
                    into.advance(read);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if is_early(&error) => ready!(self.socket.poll_read_ready(cx))?,
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    /// Takes what can be taken, and has some of it written; the rest by [`poll_flush`](Self::poll_flush).
    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.register(cx);
        loop {
            match self.try_write(slices) {
                Err(error) if is_early(&error) => ready!(self.socket.poll_write_ready(cx))?,
                written => return Poll::Ready(written),
            }
        }
    }

    /// Writes what was taken.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.register(cx);
        loop {
            match self.send() {
                Err(error) if is_early(&error) => ready!(self.socket.poll_write_ready(cx))?,
                flushed => return Poll::Ready(flushed),
            }
        }
    }

    /// Writes what was taken, and that this was all.
    pub(crate) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.session.send_close_notify();
        ready!(self.poll_flush(cx))?;
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }

    /// Takes note of the task that is running.
    fn register(&mut self, cx: &Context<'_>) {
        if !self.task.as_ref().is_some_and(|task| task.will_wake(cx.waker())) {
            self.task = Some(cx.waker().clone());
        }
    }

    /// Reads from the socket once, and decrypts what is whole; how much was read.
    fn receive(&mut self) -> io::Result<usize> {
        let read = self.session.read_tls(&mut Raw(&self.socket))?;
        if let Err(error) = self.session.process_new_packets() {
            // The other side is told why, if it can be.
            let _ = self.send();
            return Err(io::Error::new(io::ErrorKind::InvalidData, error));
        }
        Ok(read)
    }

    /// Writes what is encrypted, all of it, or says that the socket is full.
    fn send(&mut self) -> io::Result<()> {
        while self.session.wants_write() {
            if self.session.write_tls(&mut Raw(&self.socket))? == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
        }
        Ok(())
    }

    /// Writes what is encrypted, or has the task do it that polls.
    fn send_or_wake(&mut self) -> io::Result<()> {
        match self.send() {
            Err(error) if is_early(&error) => {
                if !entourage_core::planted("tls-leaves-half-written")
                    && let Some(task) = &self.task
                {
                    task.wake_by_ref();
                }
                Ok(())
            }
            sent => sent,
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // So that what came before is known to be all, where there is room to say it.
        self.session.send_close_notify();
        let _ = self.send();
    }
}

fn is_early(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}

/// The socket without anybody's waker.
struct Raw<'a>(&'a TcpStream);

impl Read for Raw<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(into)
    }
}

impl Write for Raw<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.try_write_vectored(slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
