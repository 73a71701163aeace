//! What a server answered.

use ::redis::Value;

use super::fault::{Fault, Result};

/// What a server answered to a command, or a script to its caller.
///
/// Payloads are moved out of what was read, never copied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Answer {
    /// Nothing: an absent key, or `false` of a script.
    #[default]
    Nil,
    /// A number.
    Int(i64),
    /// Bytes, or a word of the server such as `OK`.
    Bytes(Vec<u8>),
    /// Several of them.
    Items(Vec<Self>),
}

impl Answer {
    /// Itself, unless it is [`Answer::Nil`].
    #[must_use]
    pub fn some(self) -> Option<Self> {
        (self != Self::Nil).then_some(self)
    }

    /// A number that is not negative, also where it comes as text.
    ///
    /// # Errors
    /// [`Fault::Garbled`] for anything else.
    pub fn number(self) -> Result<u64> {
        let number = match &self {
            Self::Int(number) => u64::try_from(*number).ok(),
            Self::Bytes(text) => std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()),
            Self::Nil | Self::Items(_) => None,
        };
        number.ok_or_else(|| self.is_no("a number"))
    }

    /// Bytes.
    ///
    /// # Errors
    /// [`Fault::Garbled`] for anything else.
    pub fn bytes(self) -> Result<Vec<u8>> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            other => Err(other.is_no("bytes")),
        }
    }

    /// Text.
    ///
    /// # Errors
    /// [`Fault::Garbled`] for anything else, and for bytes that are no UTF-8.
    pub fn text(self) -> Result<String> {
        String::from_utf8(self.bytes()?).map_err(|error| Self::Bytes(error.into_bytes()).is_no("text"))
    }

    /// Several answers, in their order; none where a script answered with an empty table.
    ///
    /// # Errors
    /// [`Fault::Garbled`] for anything else.
    pub fn items(self) -> Result<Vec<Self>> {
        match self {
            Self::Items(items) => Ok(items),
            other => Err(other.is_no("a list")),
        }
    }

    /// So many answers.
    ///
    /// # Errors
    /// [`Fault::Garbled`] for anything else, and for more or fewer.
    pub fn tuple<const N: usize>(self) -> Result<[Self; N]> {
        let items = self.items()?;
        <[Self; N]>::try_from(items).map_err(|items| Self::Items(items).is_no("a list of that length"))
    }

    fn is_no(&self, expected: &'static str) -> Fault {
        let found = match self {
            Self::Nil => "nothing".to_owned(),
            Self::Int(number) => format!("the number {number}"),
            Self::Bytes(bytes) => format!("{} bytes", bytes.len()),
            Self::Items(items) => format!("a list of {}", items.len()),
        };
        Fault::Garbled { expected, found }
    }
}

/// What the client read, without the errors that a server reports as values.
pub(super) fn read(value: Value) -> Result<Answer, ::redis::ServerError> {
    Ok(match value {
        Value::Nil => Answer::Nil,
        Value::Int(number) => Answer::Int(number),
        Value::Boolean(is_true) => Answer::Int(i64::from(is_true)),
        Value::BulkString(bytes) | Value::BigNumber(bytes) => Answer::Bytes(bytes),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => Answer::Bytes(text.into_bytes()),
        Value::Okay => Answer::Bytes(b"OK".to_vec()),
        Value::Double(number) => Answer::Bytes(number.to_string().into_bytes()),
        Value::Array(items) | Value::Set(items) | Value::Push { data: items, .. } => {
            Answer::Items(items.into_iter().map(read).collect::<Result<_, _>>()?)
        }
        Value::Map(pairs) => {
            let items = pairs.into_iter().flat_map(|(key, value)| [key, value]);
            Answer::Items(items.map(read).collect::<Result<_, _>>()?)
        }
        Value::Attribute { data, .. } => read(*data)?,
        Value::ServerError(error) => return Err(error),
        // The enum may grow; what is not known to us is nothing that we asked for.
        _ => Answer::Nil,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Answer {
        Answer::Bytes(text.into())
    }

    #[test]
    fn an_answer_is_what_was_expected_or_garbled() {
        assert_eq!(Answer::Int(7).number().unwrap(), 7);
        assert_eq!(text("1800000000000000").number().unwrap(), 1_800_000_000_000_000);
        assert_eq!(text("a").text().unwrap(), "a");
        assert!(Answer::Items(vec![]).items().unwrap().is_empty());
        assert_eq!(Answer::Nil.some(), None);
        for garbled in [Answer::Int(-1), text("1.8e+15"), Answer::Nil, Answer::Items(vec![])] {
            assert!(matches!(garbled.clone().number(), Err(Fault::Garbled { .. })), "{garbled:?}");
        }
        assert!(matches!(Answer::Bytes(vec![0xff]).text(), Err(Fault::Garbled { .. })));
        assert!(matches!(Answer::Items(vec![Answer::Nil]).tuple::<2>(), Err(Fault::Garbled { .. })));
    }

    #[test]
    fn a_payload_is_moved_and_not_copied() {
        let payload = vec![7; 100];
        let place = payload.as_ptr();
        let answer = read(Value::Array(vec![Value::BulkString(payload)])).unwrap();
        let [payload] = answer.tuple().unwrap();
        let payload = payload.bytes().unwrap();
        assert_eq!(payload.as_ptr(), place);
    }
}
