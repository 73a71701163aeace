use std::{fmt::Display, io::Write};

/// Writes replies in RESP2.
#[derive(Debug)]
pub(super) struct Writer<'a>(pub(super) &'a mut Vec<u8>);

impl Writer<'_> {
    pub(super) fn status(&mut self, text: &str) {
        self.line('+', text);
    }

    /// An error, its code first; on one line, whatever it quotes of a client.
    pub(super) fn error(&mut self, text: &str) {
        self.line('-', text.replace(['\r', '\n'], " "));
    }

    pub(super) fn integer(&mut self, number: i64) {
        self.line(':', number);
    }

    pub(super) fn bulk(&mut self, bytes: &[u8]) {
        self.line('$', bytes.len());
        self.0.extend_from_slice(bytes);
        self.0.extend_from_slice(b"\r\n");
    }

    /// What is not there.
    pub(super) fn null(&mut self) {
        self.line('$', -1);
    }

    /// The beginning of so many replies that are one.
    pub(super) fn array(&mut self, of: usize) {
        self.line('*', of);
    }

    fn line(&mut self, kind: char, text: impl Display) {
        write!(self.0, "{kind}{text}\r\n").expect("a vector takes every byte");
    }
}
