//! A password.

use std::{fmt, hint::black_box};

/// A password, which prints as `***` and is compared in constant time.
///
/// ```
/// use entourage_ambassador::nutcracker::Secret;
///
/// let secret = Secret::new("opensesame");
/// assert_eq!(format!("{secret} {secret:?}"), "*** ***");
/// assert!(secret.matches(b"opensesame") && !secret.matches(b"open"));
/// ```
#[derive(Clone)]
pub struct Secret(Box<[u8]>);

impl Secret {
    /// Keeps these bytes from being printed.
    pub fn new(secret: impl AsRef<[u8]>) -> Self {
        Self(secret.as_ref().into())
    }

    /// Whether `given` is the same.
    ///
    /// The time that this takes depends on the length of `given` and of nothing else, so that
    /// nobody learns the password byte by byte.
    #[must_use]
    pub fn matches(&self, given: &[u8]) -> bool {
        let mut differs = u8::from(given.len() != self.0.len());
        for (at, byte) in given.iter().enumerate() {
            // Past its end the password is compared with its beginning again, in vain.
            let own = self.0.get(at % self.0.len().max(1)).copied().unwrap_or(0);
            differs |= black_box(byte ^ own);
        }
        black_box(differs) == 0
    }

    /// The bytes themselves, for whom they are meant: a server that wants them.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.matches(&other.0)
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn a_secret_matches_itself_and_nothing_shorter_longer_or_repeated() {
        let secret = Secret::new("abab");
        assert!(secret.matches(b"abab"));
        for other in ["", "a", "ab", "aba", "ababa", "abababab", "abac", "bbab"] {
            assert!(!secret.matches(other.as_bytes()), "{other}");
        }
        assert!(Secret::new("").matches(b"") && !Secret::new("").matches(b"\0"));
    }
}
