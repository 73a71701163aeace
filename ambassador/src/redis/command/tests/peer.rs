//! A real server, to compare with.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    time::Duration,
};

use entourage_testkit::{Redis, Requirement};

/// How long an answer may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server of its own, if this machine has one.
pub(in crate::redis) fn redis(flags: &[&str]) -> Option<Redis> {
    Requirement::from(Redis::available()).is_met("redis").then(|| Redis::start_with(flags))
}

/// The lines of a text, which a bar or a new line ends.
pub(in crate::redis) fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split(['|', '\n']).map(str::trim).filter(|line| !line.is_empty())
}

/// What a server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::redis) enum Value {
    /// A status, an error or an integer, with what tells which.
    Line(String),
    Bulk(Option<Vec<u8>>),
    Array(Option<Vec<Self>>),
}

impl Value {
    pub(in crate::redis) fn first(&self) -> u8 {
        match self {
            Self::Line(line) => line.as_bytes()[0],
            Self::Bulk(_) => b'$',
            Self::Array(_) => b'*',
        }
    }

    pub(in crate::redis) fn items(&self) -> &[Self] {
        let Self::Array(Some(items)) = self else { panic!("{self:?} is no array") };
        items
    }

    /// What a bulk string, a status or an error says.
    pub(in crate::redis) fn text(&self) -> String {
        match self {
            Self::Line(line) => line[1..].to_owned(),
            Self::Bulk(Some(bytes)) => String::from_utf8_lossy(bytes).into_owned(),
            other => panic!("{other:?} is no text"),
        }
    }

    pub(in crate::redis) fn is_error(&self) -> bool {
        self.first() == b'-'
    }

    /// What an error says.
    pub(in crate::redis) fn text_of_error(&self) -> Option<String> {
        self.is_error().then(|| self.text())
    }

    /// Reads one.
    pub(in crate::redis) fn read(from: &mut impl BufRead) -> Self {
        let mut line = String::new();
        from.read_line(&mut line).expect("a server answers");
        let line = line.strip_suffix("\r\n").unwrap_or_else(|| panic!("{line:?} is no line"));
        let (kind, rest) = line.split_at(1);
        let length = || usize::try_from(rest.parse::<i64>().expect("a length is a number")).ok();
        match kind {
            "$" => Self::Bulk(length().map(|length| {
                let mut bytes = vec![0; length + 2];
                from.read_exact(&mut bytes).expect("a server sends what it says");
                bytes.truncate(length);
                bytes
            })),
            "*" => Self::Array(length().map(|length| (0..length).map(|_| Self::read(from)).collect())),
            _ => Self::Line(line.to_owned()),
        }
    }
}

/// A connection to a real server.
#[derive(Debug)]
pub(in crate::redis) struct Peer(BufReader<TcpStream>);

impl Peer {
    pub(in crate::redis) fn of(redis: &Redis) -> Self {
        let stream = TcpStream::connect(redis.endpoint()).expect("the server is ready");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket takes a time-out");
        stream.set_nodelay(true).expect("a socket sends at once");
        Self(BufReader::new(stream))
    }

    /// Sends one command and waits for its answer.
    pub(in crate::redis) fn ask<A: AsRef<[u8]>>(&mut self, args: impl IntoIterator<Item = A>) -> Value {
        let (mut body, mut count) = (Vec::new(), 0);
        for arg in args {
            let arg = arg.as_ref();
            body.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
            body.extend_from_slice(arg);
            body.extend_from_slice(b"\r\n");
            count += 1;
        }
        let mut frame = format!("*{count}\r\n").into_bytes();
        frame.append(&mut body);
        self.0.get_mut().write_all(&frame).expect("the server takes it");
        Value::read(&mut self.0)
    }

    /// The same with words between spaces.
    pub(in crate::redis) fn line(&mut self, line: &str) -> Value {
        self.ask(line.split(' '))
    }

    /// Every command that the server has, and the sub-commands of containers.
    pub(super) fn commands(&mut self) -> Vec<Described> {
        let mut all = Vec::new();
        for command in self.line("COMMAND").items() {
            all.push(Described::new(command));
            all.extend(command.items()[9].items().iter().map(Described::new));
        }
        all
    }
}

/// How a server describes one of its commands.
#[derive(Clone, Debug)]
pub(super) struct Described {
    pub(super) name: String,
    pub(super) arity: i16,
    /// Its flags, and the categories of its access list.
    pub(super) flags: Vec<String>,
}

impl Described {
    fn new(command: &Value) -> Self {
        let fields = command.items();
        let flags = fields[2].items().iter().chain(fields[6].items()).map(Value::text).collect();
        let arity = fields[1].text_of_integer().parse().expect("an arity is small");
        Self { name: fields[0].text(), arity, flags }
    }
}

impl Value {
    fn text_of_integer(&self) -> String {
        assert_eq!(self.first(), b':', "{self:?}");
        self.text()
    }
}
