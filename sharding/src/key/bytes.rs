//! Keys that are bytes already.

use super::{KeyOf, Missing};
use crate::HashTag;

/// All bytes of a key: a request that is its own key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Whole;

impl<R: AsRef<[u8]> + ?Sized> KeyOf<R> for Whole {
    fn write(&self, request: &R, key: &mut Vec<u8>) -> Result<(), Missing> {
        key.extend_from_slice(request.as_ref());
        Ok(())
    }
}

/// Always the same bytes, whatever the request: what stands in for a part that is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fixed {
    bytes: Vec<u8>,
}

impl Fixed {
    /// These bytes.
    #[must_use]
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self { bytes: bytes.into() }
    }
}

impl<R: ?Sized> KeyOf<R> for Fixed {
    fn write(&self, _request: &R, key: &mut Vec<u8>) -> Result<(), Missing> {
        key.extend_from_slice(&self.bytes);
        Ok(())
    }
}

/// What a hash tag cuts out of another key: all of it, where it has no tag.
///
/// ```
/// use entourage_sharding::{HashTag, key::{KeyOf, Tagged, Whole}};
///
/// let tagged = Tagged::new(HashTag::new(b'{', b'}'), Whole);
/// let mut key = Vec::new();
/// tagged.write("cart:{user:7}", &mut key)?;
/// assert_eq!(key, b"user:7");
/// # Ok::<_, entourage_sharding::key::Missing>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tagged<K> {
    tag: HashTag,
    key: K,
}

impl<K> Tagged<K> {
    /// What this tag cuts out of that key.
    #[must_use]
    pub const fn new(tag: HashTag, key: K) -> Self {
        Self { tag, key }
    }
}

impl<R: ?Sized, K: KeyOf<R>> KeyOf<R> for Tagged<K> {
    fn write(&self, request: &R, key: &mut Vec<u8>) -> Result<(), Missing> {
        let start = key.len();
        self.key.write(request, key)?;
        let written = &key[start..];
        let tag = self.tag.of(written);
        // A tag is a part of what was written: this far from its start, this long.
        let from = start + (tag.as_ptr().addr() - written.as_ptr().addr());
        let length = tag.len();
        key.copy_within(from..from + length, start);
        key.truncate(start + length);
        Ok(())
    }
}
