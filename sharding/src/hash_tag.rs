//! The part of a key that says where it goes.

use std::str::FromStr;

use crate::{Error, Result};

/// Two bytes between which a key has the part that is hashed, so that keys may go together.
///
/// Twemproxy's rule: from the first `open` to the first `close` after it, where both are there
/// and something is between them; else the whole key.
///
/// ```
/// use entourage_sharding::HashTag;
///
/// let tag: HashTag = "{}".parse()?;
/// assert_eq!(tag.of(b"{user:7}.cart"), b"user:7");
/// assert_eq!(tag.of(b"cart.{user:7}"), b"user:7");
/// assert_eq!(tag.of(b"{}{user:7}"), b"{}{user:7}");
/// assert_eq!(tag.of(b"user:7"), b"user:7");
/// # Ok::<_, entourage_sharding::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HashTag {
    open: u8,
    close: u8,
}

impl HashTag {
    /// Between these bytes, which may be the same.
    #[must_use]
    pub const fn new(open: u8, close: u8) -> Self {
        Self { open, close }
    }

    /// The part of the key that is hashed.
    ///
    /// ```
    /// use entourage_sharding::HashTag;
    ///
    /// assert_eq!(HashTag::new(b'|', b'|').of(b"a|b|c"), b"b");
    /// ```
    #[must_use]
    pub fn of<'k>(&self, key: &'k [u8]) -> &'k [u8] {
        let find = |from: &[u8], byte| from.iter().position(|&found| found == byte);
        let Some(open) = find(key, self.open) else { return key };
        let inside = &key[open + 1..];
        match find(inside, self.close) {
            None | Some(0) => key,
            Some(close) => &inside[..close],
        }
    }
}

impl FromStr for HashTag {
    type Err = Error;

    /// Of exactly two bytes, as a `nutcracker.yml` has them.
    ///
    /// # Errors
    /// [`Error::NotATag`] for any other number.
    fn from_str(text: &str) -> Result<Self> {
        match *text.as_bytes() {
            [open, close] => Ok(Self::new(open, close)),
            _ => Err(Error::NotATag { text: text.to_owned() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_between_two_bytes_is_the_whole_key() {
        let tag = HashTag::new(b'{', b'}');
        for key in [&b""[..], b"{", b"}", b"{}", b"}{", b"a}b{c", b"{open", b"{}x}"] {
            assert_eq!(tag.of(key), key);
        }
    }

    #[test]
    fn the_first_close_after_the_first_open_counts() {
        let tag = HashTag::new(b'{', b'}');
        assert_eq!(tag.of(b"}{a}{b}"), b"a");
        assert_eq!(tag.of(b"{{a}}"), b"{a");
    }

    #[test]
    fn a_tag_has_exactly_two_bytes() {
        for text in ["", "{", "{}}", "日"] {
            assert_eq!(text.parse::<HashTag>(), Err(Error::NotATag { text: text.to_owned() }));
        }
        // One character of two bytes: nutcracker takes it too.
        assert_eq!("é".parse(), Ok(HashTag::new(0xc3, 0xa9)));
    }
}
