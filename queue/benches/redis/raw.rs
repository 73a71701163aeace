//! What the queue is set beside: Streams, without a client library.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
};

use entourage_core::{Clock, SystemClock};

use crate::{Load, Outcome, PAYLOAD, seconds};

/// One blocking connection, and nothing on top of it.
pub(crate) struct Raw {
    connection: BufReader<TcpStream>,
    stream: String,
    load: Load,
    published: usize,
    clock: SystemClock,
}

/// What the server says, as far as it is of interest.
enum Said {
    Text(Vec<u8>),
    List(Vec<Self>),
}

impl Raw {
    pub(crate) fn open(endpoint: &str, load: Load, waiting: usize) -> Outcome<Self> {
        let connection = TcpStream::connect(endpoint)?;
        connection.set_nodelay(true)?;
        let connection = BufReader::with_capacity(1 << 16, connection);
        let (stream, clock) = (format!("raw-{}-{}", load.keys, load.batch), SystemClock::new());
        let mut raw = Self { connection, stream, load, published: 0, clock };
        let mut create = Vec::new();
        let stream = raw.stream.clone();
        command(&mut create, &[b"XGROUP", b"CREATE", stream.as_bytes(), b"g", b"0", b"MKSTREAM"]);
        raw.send(&create)?;
        raw.read()?;
        for _ in 0..waiting / 100 {
            raw.publish(100)?;
        }
        Ok(raw)
    }

    fn publish(&mut self, items: usize) -> Outcome {
        let mut sent = Vec::with_capacity(1 << 15);
        let stream = self.stream.clone();
        for _ in 0..items {
            self.published += 1;
            let id = format!("item-{:08}", self.published);
            let key = format!("key-{}", self.published % self.load.keys.max(1));
            let (stream, id) = (stream.as_bytes(), id.as_bytes());
            let mut args: Vec<&[u8]> = vec![b"XADD", stream, b"*", b"id", id, b"payload", &PAYLOAD];
            if self.load.keys > 0 {
                args.extend([b"key", key.as_bytes()]);
            }
            command(&mut sent, &args);
        }
        self.send(&sent)?;
        for _ in 0..items {
            self.read()?;
        }
        Ok(())
    }

    fn receive(&mut self) -> Outcome<Vec<Vec<u8>>> {
        let mut sent = Vec::new();
        let stream = self.stream.clone();
        let (stream, count) = (stream.as_bytes(), self.load.batch.to_string());
        let args: [&[u8]; 9] =
            [b"XREADGROUP", b"GROUP", b"g", b"c", b"COUNT", count.as_bytes(), b"STREAMS", stream, b">"];
        command(&mut sent, &args);
        self.send(&sent)?;
        let mut ids = Vec::with_capacity(self.load.batch);
        let Said::List(mut streams) = self.read()? else { return Err("no list".into()) };
        let Some(Said::List(mut of)) = streams.pop() else { return Err("no stream".into()) };
        let Some(Said::List(entries)) = of.pop() else { return Err("no entries".into()) };
        for entry in entries {
            if let Said::List(entry) = entry
                && let Some(Said::Text(id)) = entry.into_iter().next()
            {
                ids.push(id);
            }
        }
        Ok(ids)
    }

    fn accept(&mut self, ids: &[Vec<u8>]) -> Outcome {
        let mut sent = Vec::new();
        let stream = self.stream.clone();
        let ids = || ids.iter().map(Vec::as_slice);
        command(
            &mut sent,
            &[&b"XACK"[..], stream.as_bytes(), b"g"].into_iter().chain(ids()).collect::<Vec<_>>(),
        );
        command(&mut sent, &[&b"XDEL"[..], stream.as_bytes()].into_iter().chain(ids()).collect::<Vec<_>>());
        self.send(&sent)?;
        self.read()?;
        self.read()?;
        Ok(())
    }

    pub(crate) fn publish_all(&mut self) -> Outcome<f64> {
        let begun = self.clock.now();
        for _ in 0..self.load.batches {
            self.publish(self.load.batch)?;
        }
        Ok(seconds(&self.clock, begun))
    }

    pub(crate) fn receive_all(&mut self) -> Outcome<f64> {
        let begun = self.clock.now();
        let mut left = self.load.batches * self.load.batch;
        while left > 0 {
            let ids = self.receive()?;
            left = left.saturating_sub(ids.len());
            self.accept(&ids)?;
        }
        Ok(seconds(&self.clock, begun))
    }

    fn send(&mut self, bytes: &[u8]) -> Outcome {
        Ok(self.connection.get_mut().write_all(bytes)?)
    }

    fn read(&mut self) -> Outcome<Said> {
        let mut line = Vec::new();
        self.connection.read_until(b'\n', &mut line)?;
        let rest = String::from_utf8_lossy(line.get(1..).unwrap_or_default()).trim_end().to_owned();
        match line.first() {
            Some(b'$') => {
                let mut text = vec![0; rest.parse::<usize>()? + 2];
                self.connection.read_exact(&mut text)?;
                text.truncate(text.len() - 2);
                Ok(Said::Text(text))
            }
            Some(b'*') => {
                let items = (0..rest.parse::<usize>()?).map(|_| self.read());
                Ok(Said::List(items.collect::<Outcome<_>>()?))
            }
            Some(b'-') => Err(rest.into()),
            _ => Ok(Said::Text(rest.into_bytes())),
        }
    }
}

/// One command as the server reads it.
fn command(bytes: &mut Vec<u8>, args: &[&[u8]]) {
    bytes.extend_from_slice(format!("*{}\r\n", args.len()).as_bytes());
    for arg in args {
        bytes.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
        bytes.extend_from_slice(arg);
        bytes.extend_from_slice(b"\r\n");
    }
}
