//! What every backend of this crate refuses, and how it judges a condition.

use std::collections::BTreeSet;

use entourage_core::{Fence, Realm, Scope, planted};

use crate::{
    capabilities::Capabilities,
    entry::Entry,
    error::{Error, Result},
    listing::{Order, What},
    session::SessionId,
    txn::{Condition, Operation, Test, Txn},
};

/// Refuses a key that no store takes.
pub(crate) fn check_key(key: &str) -> Result<()> {
    if key.is_empty() {
        return Err(Error::Invalid("a key is empty; name it with at least one byte".to_owned()));
    }
    check_size("the key in bytes", key.len(), Capabilities::MAX_KEY_BYTES)
}

/// Refuses a transaction that a store with these limits does not take.
pub(crate) fn check_txn(txn: &Txn, limits: &Capabilities, realm: Realm) -> Result<()> {
    let asked = txn.conditions.len().saturating_add(txn.operations.len());
    check_size("the number of conditions and operations", asked, limits.max_operations)?;
    for condition in &txn.conditions {
        match condition {
            Condition::Key { key, .. } => check_key(key)?,
            Condition::Holds(fence) => check_realm(realm, fence.realm())?,
        }
    }
    let mut written = BTreeSet::new();
    for operation in &txn.operations {
        let key = operation.key();
        check_key(key)?;
        if !written.insert(key) {
            return Err(Error::Invalid(format!(
                "{key:?} is written twice in one transaction; write it once"
            )));
        }
        if let Operation::Put { value, session, .. } = operation {
            check_size("the value in bytes", value.len(), limits.max_value_bytes)?;
            if let Some(session) = session {
                check_realm(realm, session.realm)?;
            }
        }
    }
    Ok(())
}

/// Refuses a listing that no store can give.
pub(crate) fn check_what(what: &What) -> Result<()> {
    if what.start_after().is_some() && what.order() != Order::Key {
        return Err(Error::Invalid("a listing goes on after a key only in the order of keys".to_owned()));
    }
    Ok(())
}

/// Refuses what another incarnation of the store granted.
pub(crate) fn check_realm(expected: Realm, found: Realm) -> Result<()> {
    let is_ours = found == expected || planted("store-takes-any-realm");
    if is_ours { Ok(()) } else { Err(Error::ForeignRealm { expected, found }) }
}

fn check_size(what: &'static str, given: usize, limit: usize) -> Result<()> {
    if given <= limit {
        return Ok(());
    }
    // A usize has at most 64 bits wherever this crate compiles.
    Err(Error::TooLarge { what, given: given as u64, limit: limit as u64 })
}

/// Whether what stands under a key passes a condition's test.
pub(crate) fn passes(test: &Test, found: Option<&Entry>) -> bool {
    if planted("store-ignores-versions") && matches!(test, Test::Version(_)) {
        return true;
    }
    test.passes(found)
}

/// The first text that sorts after every key with this prefix; `None` if there is none.
#[cfg(feature = "sqlite")]
pub(crate) fn end_of(prefix: &str) -> Option<String> {
    let mut end = prefix.to_owned();
    while let Some(last) = end.pop() {
        // `char` order is the byte order of UTF-8; the surrogates are no characters.
        let next = match last {
            '\u{d7ff}' => Some('\u{e000}'),
            _ => char::from_u32(u32::from(last).saturating_add(1)),
        };
        if let Some(next) = next {
            end.push(next);
            return Some(end);
        }
    }
    None
}

/// What a session's store-side record grants to an incarnation of its holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    pub(crate) number: u64,
    pub(crate) epoch: u64,
    pub(crate) ttl: std::time::Duration,
}

impl Grant {
    pub(crate) const fn id(&self, realm: Realm) -> SessionId {
        SessionId { realm, number: self.number }
    }

    pub(crate) fn fence(&self, realm: Realm) -> Fence {
        Fence::new(realm, Scope::new(format!("session/{}", self.number)), self.epoch)
    }
}

/// The number of the session that a fence was granted to; `None` for a fence of another kind.
pub(crate) fn session_of(fence: &Fence) -> Option<u64> {
    let text = fence.scope().as_str().strip_prefix("session/")?;
    // One number has one text: a sink that compares scopes must not take another for it.
    let is_plain = !text.starts_with(['+', '0']) || text == "0";
    if is_plain { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const REALM: Realm = Realm::new(7);

    fn check(txn: &Txn) -> Result<()> {
        check_txn(txn, &Capabilities::new().with_max_operations(3).with_max_value_bytes(2), REALM)
    }

    #[test]
    fn limits_are_inclusive_and_one_more_is_refused() {
        assert!(check(&Txn::new().put("a", "12").delete("b").when("c", Test::Absent)).is_ok());
        let four = Txn::new().delete("a").delete("b").delete("c").delete("d");
        assert!(matches!(check(&four), Err(Error::TooLarge { given: 4, limit: 3, .. })));
        assert!(matches!(
            check(&Txn::new().put("a", "123")),
            Err(Error::TooLarge { given: 3, limit: 2, .. })
        ));
        assert!(check_key(&"k".repeat(Capabilities::MAX_KEY_BYTES)).is_ok());
        assert!(check_key(&"k".repeat(Capabilities::MAX_KEY_BYTES + 1)).is_err());
        assert!(matches!(check_key(""), Err(Error::Invalid(_))));
    }

    #[test]
    fn a_key_is_written_once_in_a_transaction() {
        assert!(matches!(check(&Txn::new().put("a", "1").delete("a")), Err(Error::Invalid(_))));
        assert!(check(&Txn::new().when("a", Test::Absent).delete("a")).is_ok(), "a test is no write");
    }

    #[test]
    fn fences_and_sessions_of_another_realm_are_refused() {
        let grant = Grant { number: 3, epoch: 4, ttl: Duration::ZERO };
        let foreign = Realm::new(8);
        assert!(matches!(
            check(&Txn::new().when_held(grant.fence(foreign))),
            Err(Error::ForeignRealm { .. })
        ));
        let put = Txn::new().put_with("a", "1", grant.id(foreign));
        assert!(matches!(check(&put), Err(Error::ForeignRealm { .. })));
        assert!(check(&Txn::new().when_held(grant.fence(REALM))).is_ok());
    }

    #[test]
    fn a_fence_names_its_session_and_no_other_kind_does() {
        let grant = Grant { number: 3, epoch: 4, ttl: Duration::ZERO };
        assert_eq!(session_of(&grant.fence(REALM)), Some(3));
        assert_eq!(session_of(&Fence::new(REALM, Scope::new("printer"), 4)), None);
        for other in ["session/x", "session/", "session/+3", "session/03", "session/3 ", "session/-3"] {
            assert_eq!(session_of(&Fence::new(REALM, Scope::new(other), 4)), None, "{other}");
        }
    }

    #[cfg(feature = "sqlite")]
    #[test]
    fn a_prefix_ends_where_no_key_has_it_any_more() {
        assert_eq!(end_of("ab").as_deref(), Some("ac"));
        assert_eq!(end_of(""), None);
        assert_eq!(end_of("a\u{10ffff}").as_deref(), Some("b"));
        assert_eq!(end_of("\u{10ffff}"), None);
        assert_eq!(end_of("\u{d7ff}").as_deref(), Some("\u{e000}"));
        let end = end_of("é").unwrap();
        assert!("é\u{10ffff}" < end.as_str() && "é" < end.as_str());
    }
}
