//! Entries: what a line of the server keeps of an item, as `entries.lua` describes it.

use crate::item::{Bundle, Key};

/// Of each envelope, how many sequences there are: its items have those of the first of them.
pub(super) const PLACES: u64 = 100;

/// An entry as a receiver reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) sequence: u64,
    /// How many items in a row it stands for.
    pub(super) items: usize,
    pub(super) retries: u32,
    pub(super) lapses: u32,
}

const DIGITS: usize = 16;

impl Entry {
    /// None where the bytes make no sense.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let (digits, rest) = bytes.split_at_checked(DIGITS)?;
        let sequence = std::str::from_utf8(digits).ok()?.parse().ok()?;
        let plain = Self { sequence, items: 1, retries: 0, lapses: 0 };
        match rest {
            [] => Some(plain),
            [items] => Some(Self { items: usize::from(*items), ..plain }),
            [b'=', ..] => Some(plain),
            [b'+', _, rest @ ..] => {
                let (retries, rest) = rest.split_first_chunk()?;
                let (lapses, _) = rest.split_first_chunk()?;
                let (retries, lapses) = (u32::from_be_bytes(*retries), u32::from_be_bytes(*lapses));
                Some(Self { retries, lapses, ..plain })
            }
            _ => None,
        }
    }
}

/// What stands behind the digits of an item that has more than a key and was never leased.
///
/// When it is due the script writes, which knows the time.
pub(super) fn rest_of(priority: u8, key: Option<&Key>, bundle: Option<&Bundle>) -> Vec<u8> {
    let (key, bundle) = (key.map_or("", Key::as_str), bundle.map_or("", Bundle::as_str));
    let mut rest = Vec::with_capacity(22 + key.len() + bundle.len());
    rest.extend_from_slice(&[b'+', priority]);
    rest.extend_from_slice(&[0; 16]);
    for name in [key, bundle] {
        // A name has at most 1,024 bytes, and at least one.
        rest.extend_from_slice(&u16::try_from(name.len()).unwrap_or(u16::MAX).to_be_bytes());
    }
    rest.extend_from_slice(key.as_bytes());
    rest.extend_from_slice(bundle.as_bytes());
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_one_item_or_several_plain_ones_or_one_with_its_counts() {
        let plain = Entry { sequence: 129, items: 1, retries: 0, lapses: 0 };
        assert_eq!(Entry::read(b"0000000000000129"), Some(plain));
        assert_eq!(Entry::read(b"0000000000000129\x64"), Some(Entry { items: 100, ..plain }));
        assert_eq!(Entry::read(b"0000000000000129=key"), Some(plain));
        let mut odd = b"0000000000000129".to_vec();
        odd.extend(rest_of(3, Some(&"key".into()), None));
        assert_eq!(odd.len(), 16 + 22 + 3);
        assert_eq!(Entry::read(&odd), Some(plain));
        (odd[21], odd[25]) = (2, 1);
        assert_eq!(Entry::read(&odd), Some(Entry { retries: 2, lapses: 1, ..plain }));
    }

    #[test]
    fn torn_bytes_are_no_entry() {
        for torn in
            ["", "000000000000012", "00000000000001x9", "0000000000000129+\0\0\0", "0000000000000129?key"]
        {
            assert_eq!(Entry::read(torn.as_bytes()), None, "{torn:?}");
        }
    }
}
