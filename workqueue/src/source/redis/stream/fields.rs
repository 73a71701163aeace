//! The fields of an entry as JSON.

use std::fmt::Write;

use serde_json::{Map, Value};

/// The fields of an entry as a JSON object, in the order of their names.
///
/// A value is a string. A field that is there several times has an array of its values, in their
/// order. A value that is no UTF-8 is `{"hex":"00ff"}`, and the name of a field that is none is
/// `hex:00ff`.
pub(super) fn to_json(fields: Vec<(Vec<u8>, Vec<u8>)>) -> String {
    let mut object = Map::new();
    for (name, value) in fields {
        let name = String::from_utf8(name).unwrap_or_else(|error| format!("hex:{}", hex(error.as_bytes())));
        let value = match String::from_utf8(value) {
            Ok(text) => Value::String(text),
            Err(error) => Value::Object(Map::from_iter([("hex".to_owned(), hex(error.as_bytes()).into())])),
        };
        match object.get_mut(&name) {
            None => drop(object.insert(name, value)),
            Some(Value::Array(values)) => values.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
        }
    }
    Value::Object(object).to_string()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes everything");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::to_json;

    fn json(fields: &[(&[u8], &[u8])]) -> String {
        to_json(fields.iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect())
    }

    #[test]
    fn fields_are_strings_repeated_ones_arrays_and_bytes_hexadecimal() {
        assert_eq!(json(&[]), "{}");
        assert_eq!(
            json(&[(b"b", b"1"), (b"a", "\u{e9}\"".as_bytes())]),
            "{\"a\":\"\u{e9}\\\"\",\"b\":\"1\"}"
        );
        assert_eq!(json(&[(b"a", b"1"), (b"a", b"2"), (b"a", b"")]), r#"{"a":["1","2",""]}"#);
        assert_eq!(json(&[(b"a", b"\x00\xff"), (b"\xfe", b"1")]), r#"{"a":{"hex":"00ff"},"hex:fe":"1"}"#);
        // What stays text is told from what does not.
        assert_eq!(json(&[(b"a", br#"{"hex":"00"}"#)]), r#"{"a":"{\"hex\":\"00\"}"}"#);
        assert_eq!(json(&[(b"", b"\0")]), "{\"\":\"\\u0000\"}");
    }
}
