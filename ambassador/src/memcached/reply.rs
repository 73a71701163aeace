//! Where a server's reply ends, and whether it can be one to what was asked.

use entourage_core::planted;

use super::{
    line::{Few, Words, end_of_line, number, without_end},
    request::{KEY, Silence},
    words,
};
use crate::protocol::Lie;

/// No line of a server is longer: a key of 250 bytes in base64, an opaque, and numbers.
const LINE: usize = 2_048;

/// What memcached says when it has run out of memory amid a `get`. It has then thrown away what was
/// ready of the replies *before*, too: whose reply is whose cannot be known any more.
const FORGETS: &[u8] = b"SERVER_ERROR out of memory writing get response";

/// What a request asks a server for, by which its reply is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing of a server.
    Line,
    /// `VALUE`s up to an `END`.
    Values {
        /// Each has its unique number.
        cas: bool,
    },
    Stored {
        /// By `set`, which deletes what it cannot replace.
        set: bool,
    },
    Deleted,
    Touched,
    Number,
    MetaGet,
    MetaSet,
    MetaDelete,
    MetaNumber,
    MetaDebug,
    Version,
    /// A deletion in the place of a value that is too large; the client is told of the value.
    Outgrown,
}

impl Kind {
    /// Whether it is of a meta command.
    pub(super) const fn is_meta(self) -> bool {
        matches!(self, Self::MetaGet | Self::MetaSet | Self::MetaDelete | Self::MetaNumber | Self::MetaDebug)
    }
}

/// What is remembered of a request in flight.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expected {
    pub(super) kind: Kind,
    pub(super) silence: Silence,
    /// How many values it has at most.
    pub(super) most: u32,
}

/// How far the reply at the front was measured.
#[derive(Debug, Default)]
pub(crate) struct Measure {
    /// Where the next line begins; or the end of a value, if there is one to be looked at.
    at: usize,
    /// Before this there is no newline at `at` or behind it.
    scanned: usize,
    in_value: bool,
    values: u32,
}

/// What a line of a reply is.
enum Line {
    /// The last of it.
    Last,
    /// So many bytes of value follow.
    Value(usize),
}

impl Measure {
    pub(super) fn reply(&mut self, expected: Expected, input: &[u8]) -> Result<Option<usize>, Lie> {
        loop {
            if self.in_value {
                match input.get(self.at..).and_then(|rest| rest.get(..2)) {
                    None => return Ok(None),
                    Some(b"\r\n") => {}
                    Some(_) => return Err(Lie("a value does not end where the server said")),
                }
                self.at += 2;
                self.scanned = self.at;
                self.in_value = false;
                if !matches!(expected.kind, Kind::Values { .. }) {
                    return Ok(Some(self.at));
                }
            }
            let found = end_of_line(input, self.scanned);
            let scanned = self.scanned.max(input.len());
            self.scanned = found.map_or(scanned, |end| end - 1);
            if self.scanned.saturating_sub(self.at) > LINE {
                return Err(Lie("a line of a reply has no end"));
            }
            let Some(end) = found else { return Ok(None) };
            let line = input.get(self.at..end).unwrap_or_default();
            if !line.ends_with(b"\r\n") {
                return Err(Lie("a line of a reply does not end as lines do"));
            }
            match self.line(expected, without_end(line))? {
                Line::Last => return Ok(Some(end)),
                Line::Value(bytes) => {
                    self.at = end + bytes;
                    self.in_value = true;
                }
            }
        }
    }

    /// Forgets what is measured, which is thrown away; how much that is.
    pub(super) fn skip(&mut self, input: &[u8]) -> usize {
        let measured = self.at.min(input.len());
        self.at -= measured;
        self.scanned = self.scanned.saturating_sub(measured);
        measured
    }

    fn line(&mut self, expected: Expected, line: &[u8]) -> Result<Line, Lie> {
        if line == FORGETS && !planted("memcached-believes-who-forgets") {
            return Err(Lie("a server that is out of memory forgets replies"));
        }
        if is_error(line) {
            let had_value = matches!(expected.kind, Kind::Stored { .. } | Kind::MetaSet);
            return match had_value
                && (line == words::ERROR.as_bytes() || line == words::BAD_FORMAT.as_bytes())
            {
                true => Err(Lie("a server refused a line, and takes its value for requests")),
                false => Ok(Line::Last),
            };
        }
        let is_reply = match expected.kind {
            Kind::Values { cas } => return self.value(expected, cas, line),
            Kind::MetaGet | Kind::MetaNumber if code(line) == b"VA" => {
                let bytes = value_len(Few::of(line).word(1).of(line));
                return bytes.map(Line::Value).ok_or(Lie("a value has no length"));
            }
            Kind::MetaGet | Kind::MetaSet | Kind::MetaDelete | Kind::MetaNumber => {
                matches!(code(line), b"HD" | b"EN" | b"NF" | b"NS" | b"EX" | b"OK")
            }
            Kind::MetaDebug => matches!(code(line), b"ME" | b"EN"),
            Kind::Stored { .. } => matches!(line, b"STORED" | b"NOT_STORED" | b"EXISTS" | b"NOT_FOUND"),
            Kind::Deleted => matches!(line, b"DELETED" | b"NOT_FOUND"),
            Kind::Outgrown => {
                matches!(line, b"DELETED" | b"NOT_FOUND") || matches!(code(line), b"HD" | b"NF")
            }
            Kind::Touched => matches!(line, b"TOUCHED" | b"NOT_FOUND"),
            Kind::Number => line == b"NOT_FOUND" || number(line).is_some(),
            Kind::Version => line.starts_with(b"VERSION "),
            Kind::Line => false,
        };
        if is_reply { Ok(Line::Last) } else { Err(Lie("a reply is not one to what was asked")) }
    }

    fn value(&mut self, expected: Expected, cas: bool, line: &[u8]) -> Result<Line, Lie> {
        if line == b"END" {
            return Ok(Line::Last);
        }
        let header = Header::parse(line).filter(|header| header.cas == cas);
        let Some(header) = header else { return Err(Lie("a reply is not one to what was asked")) };
        self.values += 1;
        if self.values > expected.most {
            return Err(Lie("a reply has more values than keys were asked for"));
        }
        Ok(Line::Value(header.bytes))
    }
}

/// The line before a value: `VALUE key flags bytes [unique]`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header<'a> {
    pub(super) key: &'a [u8],
    pub(super) bytes: usize,
    cas: bool,
}

impl<'a> Header<'a> {
    pub(super) fn parse(line: &'a [u8]) -> Option<Self> {
        let mut words = Words::new(line).map(|word| word.of(line));
        if words.next()? != b"VALUE" {
            return None;
        }
        let key = words.next().filter(|key| key.len() <= KEY)?;
        number(words.next()?)?;
        let bytes = value_len(words.next()?)?;
        let cas = match words.next() {
            Some(unique) => number(unique).map(|_| true)?,
            None => false,
        };
        words.next().is_none().then_some(Self { key, bytes, cas })
    }
}

fn value_len(word: &[u8]) -> Option<usize> {
    number(word).and_then(|bytes| i32::try_from(bytes).ok()).and_then(|bytes| bytes.try_into().ok())
}

/// The word at the front of a meta reply, which has two letters.
fn code(line: &[u8]) -> &[u8] {
    match line {
        [_, _] | [_, _, b' ', ..] => line.get(..2).unwrap_or_default(),
        _ => b"",
    }
}

/// Whether it says that something is wrong; every request may be answered so.
pub(super) fn is_error(line: &[u8]) -> bool {
    let first = line.split(|byte| matches!(byte, b' ' | b'\r')).next().unwrap_or_default();
    matches!(first, b"ERROR" | b"CLIENT_ERROR" | b"SERVER_ERROR")
}

/// Whether a client that asked for silence is not to see this reply.
pub(super) fn is_silenced(expected: Expected, reply: &[u8]) -> bool {
    let code = reply.get(..2).unwrap_or_default();
    match expected.silence {
        Silence::None => false,
        Silence::All => true,
        Silence::Nominal => match expected.kind {
            Kind::MetaGet => code == b"EN",
            Kind::MetaNumber => matches!(code, b"HD" | b"VA"),
            _ => matches!(code, b"HD" | b"OK"),
        },
    }
}
