//! A client of Redis that can do what this example needs.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Nothing that is asked here has a longer answer.
const LONGEST: usize = 1024 * 1024;

/// A connection, to a server or to the proxy: it cannot tell which.
#[derive(Debug)]
pub struct Client(BufReader<TcpStream>);

/// What was answered; an error is the `Err` of who asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    Status(String),
    Number(u64),
    Text(Option<String>),
    Array(Vec<Self>),
}

impl Client {
    pub fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)
            .with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self(BufReader::new(stream)))
    }

    /// Sends one command and waits for its answer.
    pub fn ask<W: AsRef<str>>(&mut self, words: impl IntoIterator<Item = W>) -> Result<Reply> {
        self.0.get_mut().write_all(&request(words)).context("cannot send")?;
        reply(&mut self.0)
    }

    /// The value of a key.
    pub fn value(&mut self, key: &str) -> Result<Option<String>> {
        match self.ask(["GET", key])? {
            Reply::Text(value) => Ok(value),
            other => bail!("GET was answered {other:?}"),
        }
    }

    /// A number, such as that of the keys.
    pub fn number<W: AsRef<str>>(&mut self, words: impl IntoIterator<Item = W>) -> Result<u64> {
        match self.ask(words)? {
            Reply::Number(number) => Ok(number),
            other => bail!("{other:?} is no number"),
        }
    }
}

/// One command in RESP2.
fn request<W: AsRef<str>>(words: impl IntoIterator<Item = W>) -> Vec<u8> {
    let words: Vec<W> = words.into_iter().collect();
    let mut request = format!("*{}\r\n", words.len()).into_bytes();
    for word in words.iter().map(AsRef::as_ref) {
        request.extend_from_slice(format!("${}\r\n{word}\r\n", word.len()).as_bytes());
    }
    request
}

/// One answer in RESP2.
fn reply(from: &mut impl BufRead) -> Result<Reply> {
    let mut line = String::new();
    from.take(LONGEST as u64).read_line(&mut line).context("no answer")?;
    let Some(line) = line.strip_suffix("\r\n") else { bail!("the connection was closed") };
    let (kind, rest) = line.split_at_checked(1).context("an empty line is no answer")?;
    match kind {
        "+" => Ok(Reply::Status(rest.to_owned())),
        "-" => bail!("{rest}"),
        ":" => Ok(Reply::Number(rest.parse()?)),
        "$" if rest == "-1" => Ok(Reply::Text(None)),
        "$" => {
            let len: usize = rest.parse()?;
            ensure!(len <= LONGEST, "an answer of {len} bytes is too long");
            let mut text = vec![0; len + 2];
            from.read_exact(&mut text).context("half an answer")?;
            text.truncate(len);
            Ok(Reply::Text(Some(String::from_utf8(text)?)))
        }
        "*" => {
            let len: usize = rest.parse()?;
            ensure!(len <= LONGEST, "an answer of {len} parts is too long");
            (0..len).map(|_| reply(from)).collect::<Result<_>>().map(Reply::Array)
        }
        _ => bail!("{line:?} is no answer of Redis"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Reply, reply, request};

    #[test]
    fn a_request_is_in_bytes_not_in_characters() {
        assert_eq!(request(["GET", "ß"]), "*2\r\n$3\r\nGET\r\n$2\r\nß\r\n".as_bytes());
    }

    #[test]
    fn an_error_is_one_and_so_is_half_an_answer() {
        let of = |bytes: &str| reply(&mut bytes.as_bytes());
        let parts = vec![Reply::Text(None), Reply::Number(7), Reply::Status("OK".to_owned())];
        assert_eq!(of("*3\r\n$-1\r\n:7\r\n+OK\r\n").unwrap(), Reply::Array(parts));
        assert_eq!(of("-ERR no\r\n").unwrap_err().to_string(), "ERR no");
        for bad in ["", "+OK", "$5\r\nab\r\n", "$99999999\r\n", "*-1\r\n", "?\r\n", "\r\n", ":x\r\n"] {
            assert!(of(bad).is_err(), "{bad:?}");
        }
    }
}
