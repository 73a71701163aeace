//! One request.

use std::fmt;

use bytes::Bytes;

use super::{
    InvalidFrame,
    buffer::{Buffer, CAPACITY, ROOM},
    spans::Spans,
};
use crate::{
    limits::Limits,
    redis::{
        args::{Args, Span},
        header,
        wire::{Bounds, Scan, Scanned},
    },
};

/// So much of a name is shown.
const SHOWN: usize = 32;

/// One command of Redis with its arguments: a frame of RESP2 that is ready to be sent.
///
/// It is written once, as it is built; to route it no byte is copied and nothing is
/// allocated. A clone of what was built copies the frame, one of what
/// [came as a frame](Self::from_frame) shares it.
///
/// ```
/// use entourage_ambassador::linked::Command;
///
/// let command = Command::new("SET").arg("user:7").arg("secret");
/// assert_eq!(command.frame(), b"*3\r\n$3\r\nSET\r\n$6\r\nuser:7\r\n$6\r\nsecret\r\n");
/// assert_eq!(command.to_string(), "SET with 2 arguments");
/// ```
#[derive(Clone)]
pub struct Command {
    buffer: Buffer,
    /// In the whole buffer.
    spans: Spans,
}

impl Command {
    /// A command of this name, in any case, without arguments.
    #[must_use]
    pub fn new(name: impl AsRef<[u8]>) -> Self {
        let name = name.as_ref();
        Self::with_room(name, CAPACITY.max(name.len() + ROOM + 16))
    }

    /// The same, with room for a frame of so many bytes.
    #[inline]
    pub(super) fn with_room(name: &[u8], room: usize) -> Self {
        let mut command = Self { buffer: Buffer::with_room(room), spans: Spans::new() };
        command.push(name);
        command
    }

    /// The command that this frame is, an array of bulk strings; no byte is copied.
    ///
    /// # Errors
    /// [`InvalidFrame`] where it is not exactly one command.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use entourage_ambassador::linked::{Command, InvalidFrame};
    ///
    /// let command = Command::from_frame(Bytes::from_static(b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"))?;
    /// assert_eq!(command.args().collect::<Vec<_>>(), [b"k"]);
    /// let cut = Command::from_frame(Bytes::from_static(b"*2\r\n$3\r\nGET\r\n$1\r\nk"));
    /// assert_eq!(cut.unwrap_err(), InvalidFrame::Unfinished);
    /// # Ok::<_, InvalidFrame>(())
    /// ```
    pub fn from_frame(frame: Bytes) -> Result<Self, InvalidFrame> {
        // The bytes are there already: only what a span can say bounds them here.
        let bounds = Bounds { arguments: u32::MAX, bytes: u32::MAX as usize };
        let mut spans = Vec::new();
        if !matches!(frame.first(), Some(b'*') | None) {
            return Err(InvalidFrame::Malformed);
        }
        match Scan::default().request(&frame, bounds, &mut spans, &mut Vec::new()) {
            Err(_) | Ok(Scanned::Inline(_)) => Err(InvalidFrame::Malformed),
            Ok(Scanned::Unfinished) => Err(InvalidFrame::Unfinished),
            Ok(Scanned::Frame(len)) if len < frame.len() => Err(InvalidFrame::More),
            Ok(Scanned::Frame(_)) if spans.is_empty() => Err(InvalidFrame::Empty),
            Ok(Scanned::Frame(_)) => Ok(Self { buffer: Buffer::Shared(frame), spans: spans.into() }),
        }
    }

    /// The same with one more argument: any bytes.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<[u8]>) -> Self {
        self.push(argument.as_ref());
        self
    }

    #[inline]
    pub(super) fn push(&mut self, argument: &[u8]) {
        let bytes = self.buffer.written(&mut self.spans);
        header(bytes, b'$', argument.len());
        let at = bytes.len();
        bytes.extend_from_slice(argument);
        bytes.extend_from_slice(b"\r\n");
        // What no span can say is longer than any router lets through.
        self.spans.push(Span::new(at..at + argument.len()).unwrap_or(Span::NOWHERE));
        self.buffer.count(self.spans.as_slice().len());
    }

    /// The name, as it was given.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        self.parts().1.get(0).unwrap_or_default()
    }

    /// The arguments behind the name.
    pub fn args(&self) -> impl Iterator<Item = &[u8]> {
        self.parts().1.iter().skip(1)
    }

    /// The command as it is sent.
    #[must_use]
    pub fn frame(&self) -> &[u8] {
        match &self.buffer {
            Buffer::Written { bytes, start } => bytes.get(*start..).unwrap_or_default(),
            Buffer::Shared(frame) => frame,
        }
    }

    /// The same, to be kept or sent without a copy.
    #[must_use]
    pub fn into_frame(self) -> Bytes {
        match self.buffer {
            Buffer::Written { bytes, start } => Bytes::from(bytes).slice(start..),
            Buffer::Shared(frame) => frame,
        }
    }

    /// The arguments as the table of commands reads them, in the buffer that they lie in.
    #[inline]
    pub(super) fn parts(&self) -> (&[u8], Args<'_>) {
        let buffer = match &self.buffer {
            Buffer::Written { bytes, .. } => bytes,
            Buffer::Shared(frame) => &frame[..],
        };
        (buffer, Args::new(buffer, self.spans.as_slice()))
    }

    /// A command whose frame was written here.
    pub(super) fn written(frame: Vec<u8>) -> Self {
        let frame = Self::from_frame(frame.into());
        frame.expect("what is written here is one command")
    }

    /// Whether it is as long as it may be, and no longer.
    #[inline]
    pub(super) fn is_within(&self, limits: &Limits) -> bool {
        let longest = limits.frame.min(u32::MAX as usize - ROOM);
        self.frame().len() <= longest && self.spans.as_slice().len() <= limits.arguments.get() as usize
    }
}

/// Two commands are equal that are sent as the same bytes.
impl PartialEq for Command {
    fn eq(&self, other: &Self) -> bool {
        self.frame() == other.frame()
    }
}

impl Eq for Command {}

/// The name and how many arguments there are: keys and values may be secret.
impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name();
        let arguments = self.spans.as_slice().len() - 1;
        let plural = if arguments == 1 { "" } else { "s" };
        write!(f, "{} with {arguments} argument{plural}", name.get(..SHOWN).unwrap_or(name).escape_ascii())
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Command({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(words: &[String]) -> String {
        let bulk = |word: &String| format!("${}\r\n{word}\r\n", word.len());
        format!("*{}\r\n{}", words.len(), words.iter().map(bulk).collect::<String>())
    }

    #[test]
    fn however_it_is_made_a_command_is_one_frame_and_has_its_arguments() {
        for count in [1, 2, 5, 6, 9, 10, 11, 99, 100, 1_001] {
            let words: Vec<_> = (0..count).map(|number| format!("word{number}")).collect();
            let built = words[1..].iter().fold(Command::new(&words[0]), Command::arg);
            let expected = frame(&words);
            assert_eq!(built.frame(), expected.as_bytes());
            assert!(built.args().eq(words[1..].iter().map(String::as_bytes)), "{count}");
            let read = Command::from_frame(Bytes::from(expected.clone())).unwrap();
            assert_eq!((read.name(), &read), (words[0].as_bytes(), &built));
            assert!(read.args().eq(built.args()), "{count}");
            // What came as a frame may be gone on with, and is then its own.
            let longer = [words, vec!["more".to_owned()]].concat();
            let more = read.clone().arg("more");
            assert_eq!((more.frame(), read.frame()), (frame(&longer).as_bytes(), expected.as_bytes()));
            assert!(more.args().eq(longer[1..].iter().map(String::as_bytes)), "{count}");
            assert_eq!(more.into_frame(), frame(&longer).as_bytes());
        }
    }

    #[test]
    fn what_is_not_exactly_one_command_is_refused() {
        let read = |frame: &'static [u8]| Command::from_frame(Bytes::from_static(frame)).map(|_| ());
        assert_eq!(read(b""), Err(InvalidFrame::Unfinished));
        assert_eq!(read(b"*1\r\n$4\r\nPI"), Err(InvalidFrame::Unfinished));
        assert_eq!(read(b"*1\r\n$1\r\na\r\n*1"), Err(InvalidFrame::More));
        assert_eq!(read(b"*0\r\n"), Err(InvalidFrame::Empty));
        assert_eq!(read(b"PING\r\n"), Err(InvalidFrame::Malformed));
        assert_eq!(read(b"*1\r\n:1\r\n"), Err(InvalidFrame::Malformed));
    }

    #[test]
    fn what_is_printed_of_a_command_has_neither_keys_nor_values() {
        let command = Command::new("GET\n").arg("secret");
        assert_eq!(format!("{command} {command:?}"), r"GET\n with 1 argument Command(GET\n with 1 argument)");
        let long = Command::new([b'x'; 40]);
        assert_eq!(long.to_string(), format!("{} with 0 arguments", "x".repeat(SHOWN)));
    }
}
