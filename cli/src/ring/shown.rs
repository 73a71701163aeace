//! Results as JSON lines, for a reader that may leave.

use std::io::{self, BufWriter, Write};

use serde_json::{Map, Value};

/// Writes a JSON object a line, its fields in the order in which they were added.
pub(super) struct Shown<W: Write> {
    out: BufWriter<W>,
}

/// One object.
#[derive(Debug)]
pub(super) struct Object(String);

impl Object {
    pub(super) fn new() -> Self {
        Self(String::from("{"))
    }

    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.0.push_str(&Value::from(name).to_string());
        self.0.push(':');
        self.0.push_str(&value.into().to_string());
        self
    }

    /// The same, if there is a value.
    pub(super) fn with_some(self, name: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// Bytes: as text, as hex digits if that is how keys are given, or as both where they are no text.
    pub(super) fn with_bytes(self, name: &str, bytes: &[u8], is_hex: bool) -> Self {
        match std::str::from_utf8(bytes) {
            _ if is_hex => self.with(name, hex(bytes)),
            Ok(text) => self.with(name, text),
            Err(_) => {
                let text = String::from_utf8_lossy(bytes).into_owned();
                self.with(name, text).with(&format!("{name}_hex"), hex(bytes))
            }
        }
    }
}

impl<W: Write> Shown<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out: BufWriter::with_capacity(64 * 1024, out) }
    }

    pub(super) fn object(&mut self, object: Object) -> io::Result<()> {
        self.out.write_all(object.0.as_bytes())?;
        self.out.write_all(b"}\n")
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// An object among others.
pub(super) fn map(fields: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    Value::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>())
}

fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or_default();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_comes_back_as_it_was_given() {
        let shown = |key: &[u8], is_hex| Object::new().with_bytes("key", key, is_hex).with("server", "a").0;
        assert_eq!(shown(b"k\"1", false), r#"{"key":"k\"1","server":"a""#);
        assert_eq!(shown(b"key", true), r#"{"key":"6b6579","server":"a""#);
        assert_eq!(shown(b"\xff", false), "{\"key\":\"\u{fffd}\",\"key_hex\":\"ff\",\"server\":\"a\"");
    }
}
