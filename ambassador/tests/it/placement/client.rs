//! A client that knows where replies end, and when it is closed.

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
};

use super::PATIENCE;

/// A connection to something that speaks RESP.
pub(super) struct Client {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Client {
    pub(super) fn new(address: &str) -> Self {
        let stream = TcpStream::connect(address).expect("somebody listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("it is a socket");
        stream.set_nodelay(true).expect("it is a socket");
        Self { stream, unread: Vec::new() }
    }

    /// Sends a request; one that is closed notices when it reads.
    pub(super) fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    /// One request, and its reply as it came; `None` if the connection is closed instead.
    pub(super) fn ask(&mut self, arguments: &[impl AsRef<[u8]>]) -> Option<Vec<u8>> {
        self.send(&request(arguments));
        self.reply()
    }

    /// The same, to be read.
    pub(super) fn told(&mut self, line: &str) -> String {
        let reply = self.ask(&line.split(' ').collect::<Vec<_>>());
        reply.map_or_else(|| "closed".to_owned(), |reply| String::from_utf8_lossy(&reply).into_owned())
    }

    /// The next reply as it came.
    pub(super) fn reply(&mut self) -> Option<Vec<u8>> {
        let (mut at, mut left) = (0, 1_usize);
        while left > 0 {
            left -= 1;
            let end = self.line(at)?;
            let text = str::from_utf8(&self.unread[at + 1..end - 2]).unwrap_or_default();
            let number = text.parse::<i64>().ok();
            match (self.unread[at], number) {
                (b'$', Some(len)) => {
                    at = end + usize::try_from(len).map_or(0, |len: usize| len + 2);
                    self.fill(at)?;
                }
                (b'*', Some(count)) => (at, left) = (end, left + usize::try_from(count).unwrap_or(0)),
                (b'+' | b'-' | b':', _) => at = end,
                _ => panic!("{} is no reply", self.unread.escape_ascii()),
            }
        }
        Some(self.unread.drain(..at).collect())
    }

    /// Where the line that begins here ends, its end included.
    fn line(&mut self, start: usize) -> Option<usize> {
        let mut from = start;
        loop {
            if let Some(end) = self.unread[from..].windows(2).position(|end| end == b"\r\n") {
                return Some(from + end + 2);
            }
            from = self.unread.len().saturating_sub(1).max(start);
            self.fill(self.unread.len() + 1)?;
        }
    }

    fn fill(&mut self, len: usize) -> Option<()> {
        let mut chunk = [0; 64 * 1024];
        while self.unread.len() < len {
            match self.stream.read(&mut chunk) {
                Ok(0) => return None,
                Ok(read) => self.unread.extend_from_slice(&chunk[..read]),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("{error}, after {}", self.unread.escape_ascii()),
            }
        }
        Some(())
    }
}

/// A request of these arguments.
pub(super) fn request(arguments: &[impl AsRef<[u8]>]) -> Vec<u8> {
    let mut request = format!("*{}\r\n", arguments.len()).into_bytes();
    for argument in arguments.iter().map(AsRef::as_ref) {
        request.extend_from_slice(format!("${}\r\n", argument.len()).as_bytes());
        request.extend_from_slice(argument);
        request.extend_from_slice(b"\r\n");
    }
    request
}
