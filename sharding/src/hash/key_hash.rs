//! The hashes of keys that twemproxy knows.

use std::{fmt, str::FromStr};

use entourage_core::planted;

use super::{Chars, bytewise, crc, lookup3, md5, murmur};
use crate::{Error, Result};

/// A hash of keys as twemproxy has it, with all that its C makes of it.
///
/// The names are those of a `nutcracker.yml`, and the values those of nutcracker 0.5.0, also
/// where it differs from what the name says. For a new ring take none of them, but
/// [`Dialect::Entourage`](crate::Dialect::Entourage).
///
/// ```
/// use entourage_sharding::KeyHash;
///
/// let hash: KeyHash = "fnv1a_64".parse()?;
/// assert_eq!(hash, KeyHash::Fnv1a64);
/// assert_eq!(hash.to_string(), "fnv1a_64");
/// assert_eq!(KeyHash::Crc32a.hash(b"123456789"), 0xcbf4_3926);
/// # Ok::<_, entourage_sharding::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyHash {
    /// `one_at_a_time`: Bob Jenkins', of `char`s.
    OneAtATime,
    /// `md5`: the first four bytes of the MD5, the low one first.
    Md5,
    /// `crc16`: of CRC-16/XMODEM's table, but 32 bits wide, and so not Redis Cluster's slot.
    Crc16,
    /// `crc32`: 15 bits of the CRC-32, which all fall before the first points of a ring.
    Crc32,
    /// `crc32a`: the CRC-32.
    Crc32a,
    /// `fnv1_64`: the low 32 bits, of `char`s.
    Fnv1_64,
    /// `fnv1a_64`: the low 32 bits, of `char`s. Twemproxy's default.
    Fnv1a64,
    /// `fnv1_32`: of `char`s.
    Fnv1_32,
    /// `fnv1a_32`: of `char`s.
    Fnv1a32,
    /// `hsieh`: SuperFastHash, of which one byte at the end may be a `char`.
    Hsieh,
    /// `murmur`: MurmurHash2 with a seed of the length.
    Murmur,
    /// `jenkins`: lookup3 with the initial value 13.
    Jenkins,
}

impl KeyHash {
    /// All of them, in the order of twemproxy's page.
    pub const ALL: [Self; 12] = [
        Self::OneAtATime,
        Self::Md5,
        Self::Crc16,
        Self::Crc32,
        Self::Crc32a,
        Self::Fnv1_64,
        Self::Fnv1a64,
        Self::Fnv1_32,
        Self::Fnv1a32,
        Self::Hsieh,
        Self::Murmur,
        Self::Jenkins,
    ];

    /// The hash of a key where C's `char` is signed, as on x86. Of the empty key it is 0.
    #[must_use]
    pub fn hash(self, key: &[u8]) -> u32 {
        self.hash_as(Chars::Signed, key)
    }

    /// The hash of a key, with C's `char` as told. Of the empty key it is 0.
    ///
    /// ```
    /// use entourage_sharding::{Chars, KeyHash};
    ///
    /// let (ascii, other) = (b"user:7", "schlüssel".as_bytes());
    /// let of = |chars, key| KeyHash::Fnv1a64.hash_as(chars, key);
    /// assert_eq!(of(Chars::Signed, ascii), of(Chars::Unsigned, ascii));
    /// assert_ne!(of(Chars::Signed, other), of(Chars::Unsigned, other));
    /// ```
    #[must_use]
    pub fn hash_as(self, chars: Chars, key: &[u8]) -> u32 {
        if key.is_empty() {
            return 0;
        }
        let chars = if planted("chars-unsigned") { Chars::Unsigned } else { chars };
        match self {
            Self::OneAtATime => bytewise::one_at_a_time(chars, key),
            Self::Md5 => md5::words(key)[0],
            Self::Crc16 => crc::crc16(key),
            Self::Crc32 => crc::crc32(key),
            Self::Crc32a => crc32fast::hash(key),
            Self::Fnv1_64 => bytewise::fnv1_64(chars, key),
            Self::Fnv1a64 => bytewise::fnv1a_64(chars, key),
            Self::Fnv1_32 => bytewise::fnv1_32(chars, key),
            Self::Fnv1a32 => bytewise::fnv1a_32(chars, key),
            Self::Hsieh => bytewise::hsieh(chars, key),
            Self::Murmur => murmur::murmur(key),
            Self::Jenkins => lookup3::jenkins(key),
        }
    }

    /// The largest value that it gives: `0x7fff` for [`Crc32`](Self::Crc32), else [`u32::MAX`].
    #[must_use]
    pub const fn max(self) -> u32 {
        match self {
            Self::Crc32 => 0x7fff,
            _ => u32::MAX,
        }
    }

    /// Twemproxy's name for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OneAtATime => "one_at_a_time",
            Self::Md5 => "md5",
            Self::Crc16 => "crc16",
            Self::Crc32 => "crc32",
            Self::Crc32a => "crc32a",
            Self::Fnv1_64 => "fnv1_64",
            Self::Fnv1a64 => "fnv1a_64",
            Self::Fnv1_32 => "fnv1_32",
            Self::Fnv1a32 => "fnv1a_32",
            Self::Hsieh => "hsieh",
            Self::Murmur => "murmur",
            Self::Jenkins => "jenkins",
        }
    }
}

impl fmt::Display for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for KeyHash {
    type Err = Error;

    /// Of twemproxy's name, in lower case.
    ///
    /// # Errors
    /// [`Error::UnknownHash`].
    fn from_str(name: &str) -> Result<Self> {
        let known = Self::ALL.into_iter().find(|hash| hash.name() == name);
        known.ok_or_else(|| Error::UnknownHash { name: name.to_owned() })
    }
}
