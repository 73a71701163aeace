//! Where a lock's fence stands in its store, and whose it is.

use bytes::Bytes;

use crate::identity::Identity;

/// The key whose version is the epoch of the lock `name`: outside the queue's prefix `name/`, so
/// that neither waiters nor proposals nor foreign members touch it.
pub(crate) fn key_of(name: &str) -> String {
    format!("fence/{name}")
}

/// A fence key's value: who was granted, and with which key in the queue.
pub(crate) fn record(identity: &Identity, own: &str) -> Bytes {
    format!("{identity} {own}").into()
}

/// The same for another contender, whose key in the queue has this value: that of a lock says who
/// it is. An election's proposal need not, nor what a contender of another make writes there.
pub(crate) fn record_of(value: &[u8], own: &str) -> Option<Bytes> {
    let text = std::str::from_utf8(value).ok()?;
    let identity = Identity::new(text);
    (identity.as_str() == text).then(|| record(&identity, own))
}

/// The identity in a fence key's value: its first word, for an identity is one word.
pub(super) fn owner_of(value: &[u8]) -> Option<&str> {
    std::str::from_utf8(value).ok()?.split_whitespace().next()
}

#[cfg(test)]
mod tests {
    use super::{key_of, owner_of, record, record_of};
    use crate::identity::Identity;

    #[test]
    fn the_owner_is_the_first_word_of_the_value() {
        assert_eq!(owner_of(b"host-1/4f printer of mine/5a3"), Some("host-1/4f"));
        assert_eq!(owner_of("größe printer/5a3".as_bytes()), Some("größe"));
        let written = record(&Identity::new("host 1"), "printer of mine/5a3");
        assert_eq!(owner_of(&written), Some("host_1"));
        assert_eq!(owner_of(b""), None);
        assert_eq!(owner_of(b"\xff printer/5a3"), None);
    }

    #[test]
    fn another_is_named_by_its_key_if_that_has_an_identity() {
        let host = Identity::new("host 1");
        assert_eq!(record_of(b"host_1", "printer/5a3"), Some(record(&host, "printer/5a3")));
        for proposal in [&b""[..], b"host 1", b"{\"at\": 1}", b"\xff"] {
            assert_eq!(record_of(proposal, "printer/5a3"), None, "{proposal:?}");
        }
    }

    #[test]
    fn a_fence_key_is_outside_the_queue() {
        assert!(!key_of("printer").starts_with("printer/"));
    }
}
