//! What a command says, bounded.

use std::{
    collections::VecDeque,
    convert::Infallible,
    fmt,
    fs::File,
    future::pending,
    io::{self, Read},
    os::fd::OwnedFd,
};

use entourage_core::planted;
use tokio::{net::unix::pipe, task::yield_now};

/// What a command wrote to one of its streams: the beginning, the end, and how much is missing.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Output {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    /// The most that each of the two holds.
    half: usize,
    written: u64,
}

impl Output {
    pub(super) fn new(limit: usize) -> Self {
        Self { half: limit / 2, ..Self::default() }
    }

    pub(super) fn take(&mut self, bytes: &[u8]) {
        self.written = self.written.saturating_add(bytes.len() as u64);
        let (head, rest) = bytes.split_at(bytes.len().min(self.half.saturating_sub(self.head.len())));
        self.head.extend_from_slice(head);
        let rest = &rest[rest.len().saturating_sub(self.half)..];
        let over = (self.tail.len() + rest.len()).saturating_sub(self.half);
        self.tail.drain(..over);
        self.tail.extend(rest);
    }

    /// How many bytes were written in all.
    #[must_use]
    pub const fn written(&self) -> u64 {
        self.written
    }

    /// How many bytes between the beginning and the end were not kept.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.written - (self.head.len() + self.tail.len()) as u64
    }

    /// The last line that says something, for a reason; at most 1,000 letters of it.
    #[must_use]
    pub fn last_line(&self) -> Option<String> {
        self.last_lines(1)
    }

    /// The last lines that say something, in their order and with ` | ` between them; at most 1,000
    /// letters of each.
    #[must_use]
    pub fn last_lines(&self, most: usize) -> Option<String> {
        const LETTERS: usize = 1000;
        let text = self.to_string();
        let lines = text.lines().rev().map(str::trim).filter(|line| !line.is_empty()).take(most);
        let legible = |line: &str| line.chars().filter(|letter| !letter.is_control()).take(LETTERS).collect();
        let mut lines: Vec<String> = lines.map(legible).collect();
        lines.reverse();
        (!lines.is_empty()).then(|| lines.join(" | "))
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut kept = self.head.clone();
        if self.left_out() > 0 {
            kept.extend_from_slice(format!("\n[{} bytes left out]\n", self.left_out()).as_bytes());
        }
        kept.extend(&self.tail);
        f.write_str(&String::from_utf8_lossy(&kept))
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output").field("written", &self.written).finish_non_exhaustive()
    }
}

/// One stream of a command that runs.
pub(super) struct Stream {
    pipe: pipe::Receiver,
    output: Output,
    buffer: Vec<u8>,
}

impl Stream {
    const BUFFER: usize = 16 * 1024;
    /// How often is read before others have their turn.
    const TURNS: u32 = 16;
    /// What a pipe can hold at most, unless root has raised it: what is read of it in the end.
    const PIPE: usize = 1024 * 1024;

    pub(super) fn new(pipe: impl Into<OwnedFd>, limit: usize) -> io::Result<Self> {
        let pipe = pipe::Receiver::from_owned_fd(pipe.into())?;
        Ok(Self { pipe, output: Output::new(limit), buffer: vec![0; Self::BUFFER] })
    }

    /// Reads as long as it is polled; a command that closes its streams has not ended by that.
    ///
    /// # Cancel safety
    /// What was read was taken.
    pub(super) async fn read(&mut self) -> Infallible {
        let mut turns = 0;
        loop {
            if planted("command-stops-reading") && self.output.left_out() > 0 {
                break;
            }
            let Ok(()) = self.pipe.readable().await else { break };
            match self.pipe.try_read(&mut self.buffer) {
                Ok(0) => break,
                Ok(length) => self.output.take(&self.buffer[..length]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => {
                    tracing::debug!(%error, "the output of a command can be read no further");
                    break;
                }
            }
            turns += 1;
            if turns % Self::TURNS == 0 {
                yield_now().await;
            }
        }
        pending().await
    }

    /// What there was, with what is still in the pipe: who has left the group may hold it open.
    pub(super) fn finish(mut self) -> Output {
        // Not through the runtime, which knows of new bytes only when it has had a turn.
        let Ok(fd) = self.pipe.into_nonblocking_fd() else { return self.output };
        let mut pipe = File::from(fd);
        let mut left = Self::PIPE;
        while let Ok(length @ 1..) = pipe.read(&mut self.buffer) {
            self.output.take(&self.buffer[..length]);
            let Some(less) = left.checked_sub(length) else { break };
            left = less;
        }
        self.output
    }
}

#[cfg(test)]
mod tests {
    use super::Output;

    #[test]
    fn the_beginning_and_the_end_are_kept_and_the_rest_is_counted() {
        for step in 1..=30 {
            let mut output = Output::new(10);
            let said: Vec<u8> = (b'a'..=b'z').collect();
            said.chunks(step).for_each(|chunk| output.take(chunk));
            assert_eq!(output.to_string(), "abcde\n[16 bytes left out]\nvwxyz", "in steps of {step}");
            assert_eq!((output.written(), output.left_out()), (26, 16));
        }
        let mut short = Output::new(10);
        short.take(b"abcdefghij");
        assert_eq!((short.to_string().as_str(), short.left_out()), ("abcdefghij", 0));
        let mut none = Output::new(0);
        none.take(b"abc");
        assert_eq!((none.written(), none.left_out(), none.to_string().contains("[3 bytes")), (3, 3, true));
    }

    #[test]
    fn the_last_line_is_the_last_that_says_something() {
        let mut output = Output::new(100);
        assert_eq!(output.last_line(), None);
        output.take(b"first\nno such\x1b[0m file\n  \n\n");
        assert_eq!(output.last_line().as_deref(), Some("no such[0m file"));
        assert_eq!(output.last_lines(2).as_deref(), Some("first | no such[0m file"));
        assert_eq!(output.last_lines(5), output.last_lines(2));
    }
}
