//! What a handle knows of the prefix that it has opened.

use std::sync::{
    OnceLock,
    atomic::{AtomicU64, Ordering},
};

use entourage_core::{Realm, planted};
use rustix::rand::{GetRandomFlags, getrandom};

use super::{
    answer::Answer,
    call::Tail,
    fault::{Fault, Result},
    script::Script,
};

/// Learns the realm of a prefix, and gives one to a prefix that has none; on a full server too,
/// which only those who have opened it can empty.
pub(super) static OPEN: Script = Script::freeing("open", include_str!("open.lua"));

/// The realm that a handle has opened, and the highest version that it has seen there.
///
/// Every script is told both. It refuses another realm, which is there once the data was
/// emptied or replaced, and a counter below that version, which is there once a failover or a
/// restart has lost what was acknowledged.
#[derive(Debug)]
pub(super) struct Meta {
    realm: Realm,
    seen: AtomicU64,
    /// The server went back: nothing more is asked of it with what this handle knows, even if
    /// the counter passes what was seen again.
    went_back: OnceLock<Fault>,
}

impl Meta {
    /// From what [`OPEN`] answered.
    pub(super) fn opened(answer: Answer) -> Result<Self> {
        let [counter, realm] = answer.tuple()?;
        let (seen, text) = (counter.number()?, realm.text()?);
        let realm = u128::from_str_radix(&text, 16)
            .map_err(|_| Fault::Garbled { expected: "a realm", found: format!("{} bytes", text.len()) })?;
        Ok(Self { realm: Realm::new(realm), seen: AtomicU64::new(seen), went_back: OnceLock::new() })
    }

    pub(super) const fn realm(&self) -> Realm {
        self.realm
    }

    /// What a script is told; `now` of tests alone.
    pub(super) fn tail(&self, now: String) -> Result<Tail> {
        if let Some(went_back) = self.went_back.get() {
            return Err(went_back.clone());
        }
        let realm = if planted("redis-takes-any-realm") { String::new() } else { self.realm.to_string() };
        let seen = if planted("redis-counter-may-go-back") { 0 } else { self.seen.load(Ordering::Acquire) };
        Ok(Tail { realm, seen: seen.to_string(), now })
    }

    /// What a script answered, without the counter, which is remembered.
    pub(super) fn heard(&self, answer: Result<Answer>) -> Result<Answer> {
        if let Err(fault @ Fault::WentBack { .. }) = &answer {
            let _ = self.went_back.set(fault.clone());
        }
        let [counter, answer] = answer?.tuple()?;
        self.seen.fetch_max(counter.number()?, Ordering::AcqRel);
        Ok(answer)
    }
}

/// A realm that no other prefix has.
pub(super) fn random_realm() -> Result<Realm> {
    let mut id = [0; 16];
    let mut filled = 0;
    while filled < id.len() {
        let drawn = getrandom(&mut id[filled..], GetRandomFlags::empty());
        filled += drawn.map_err(|error| Fault::unavailable(std::io::Error::from(error)))?;
    }
    Ok(Realm::new(u128::from_be_bytes(id)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(counter: i64) -> Result<Answer> {
        Ok(Answer::Items(vec![Answer::Int(counter), Answer::Nil]))
    }

    fn meta() -> Meta {
        let realm = Answer::Bytes(b"0000000000000000000000000000000a".to_vec());
        Meta::opened(Answer::Items(vec![Answer::Int(5), realm])).unwrap()
    }

    #[test]
    fn a_handle_tells_the_realm_and_the_highest_version_that_it_has_seen() {
        let meta = meta();
        assert_eq!(meta.heard(answered(9)).unwrap(), Answer::Nil);
        assert_eq!(meta.heard(answered(7)).unwrap(), Answer::Nil, "an answer that was overtaken");
        let tail = meta.tail(String::new()).unwrap();
        assert_eq!((tail.realm, tail.seen.as_str()), (Realm::new(10).to_string(), "9"));
    }

    #[test]
    fn a_handle_that_saw_its_server_go_back_asks_nothing_more() {
        let meta = meta();
        let went_back = || Fault::WentBack { prefix: "{p}".into(), seen: 5, found: 4 };
        assert!(meta.heard(Err(went_back())).is_err());
        assert!(matches!(meta.tail(String::new()), Err(Fault::WentBack { seen: 5, found: 4, .. })));
    }
}
