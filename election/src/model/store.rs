//! The store of the model: sessions, the queue, the fence, and the transactions on them.

use bytes::Bytes;
use entourage_store::{Change, Entry, Version};

use super::fault::Fault;
use crate::place::{Place, Queue};

pub(super) const CONTENDERS: usize = 3;
/// A session lives for so many ticks after the store took a renewal in.
pub(super) const TTL: u8 = 4;

/// A contender's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) who: usize,
    pub(super) created: u8,
    /// The fence of its session: which life of the contender goes on with it.
    pub(super) life: u8,
}

/// What the store holds, of which each transaction is one step.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Store {
    version: u8,
    /// When each contender's session ends; zero for none.
    sessions: [u8; CONTENDERS],
    keys: Vec<Key>,
    /// When the fence was written last.
    fence: u8,
    /// Whom it names.
    named: usize,
    /// When whoever was first went last, as a watch shows it.
    vacated: u8,
}

fn name(who: usize) -> String {
    format!("n/{who}")
}

fn version(number: u8) -> Version {
    Version::new(number.into())
}

impl Store {
    pub(super) const fn new() -> Self {
        Self { version: 1, sessions: [0; CONTENDERS], keys: Vec::new(), fence: 0, named: 0, vacated: 0 }
    }

    /// The shipped queue. A watch that is behind is a contender that is slow.
    fn queue(&self) -> Queue {
        let entry = |key: &Key| {
            let version = version(key.created);
            Entry { key: name(key.who), value: Bytes::new(), version, created: version }
        };
        Queue::of(self.keys.iter().map(entry).collect(), version(self.version))
    }

    pub(super) fn is_first(&self, key: Key) -> bool {
        self.queue().place(&name(key.who), version(key.created)) == Place::First
    }

    /// Whether this key stands, and with it the session, which no later life has taken over.
    pub(super) fn stands(&self, key: Key) -> bool {
        self.keys.contains(&key)
    }

    pub(super) const fn is_vacant(&self) -> bool {
        self.keys.is_empty()
    }

    pub(super) const fn fence(&self) -> u8 {
        self.fence
    }

    /// Whether the fence has this epoch, and names who has it.
    pub(super) const fn grants(&self, epoch: u8, who: usize) -> bool {
        self.fence == epoch && self.named == who
    }

    /// Ends the sessions whose time has come, with their keys.
    pub(super) fn expire(&mut self, now: u8) {
        for who in 0..CONTENDERS {
            if self.sessions[who] != 0 && self.sessions[who] <= now {
                self.sessions[who] = 0;
                self.delete(who);
            }
        }
    }

    fn key_of(&self, who: usize) -> Option<Key> {
        self.keys.iter().copied().find(|key| key.who == who)
    }

    /// Deletes the contender's key, if there is one.
    fn delete(&mut self, who: usize) {
        if self.key_of(who).is_some() {
            let mut queue = self.queue();
            self.version += 1;
            queue.apply(Change::Delete { key: name(who), version: version(self.version) });
            if queue.vacated() == version(self.version) {
                self.vacated = self.version;
            }
            self.keys.retain(|key| key.who != who);
        }
    }

    pub(super) const fn open_session(&mut self, who: usize, now: u8) {
        self.sessions[who] = now + TTL;
    }

    /// Says whether there was a session to renew.
    pub(super) const fn renew(&mut self, who: usize, now: u8) -> bool {
        let lives = self.sessions[who] != 0;
        if lives {
            self.open_session(who, now);
        }
        lives
    }

    /// Closes the session if no key is tied to it; whether there is none then.
    pub(super) fn close_idle(&mut self, who: usize) -> bool {
        let is_idle = self.key_of(who).is_none();
        if is_idle {
            self.sessions[who] = 0;
        }
        is_idle
    }

    /// Puts a key under the session, if there is none.
    pub(super) fn enqueue(&mut self, who: usize) -> Option<Key> {
        if self.sessions[who] == 0 || self.key_of(who).is_some() {
            return None;
        }
        self.version += 1;
        let key = Key { who, created: self.version, life: 0 };
        self.keys.push(key);
        Some(key)
    }

    /// As [`Store::enqueue`], with the fence written in the same commit if it is as it was seen.
    pub(super) fn enqueue_at_once(&mut self, fault: Fault, who: usize, seen: u8) -> Option<Key> {
        if self.fence != seen && fault != Fault::AtOnceWithoutFence {
            return None;
        }
        let key = self.enqueue(who)?;
        self.fence = key.created;
        self.named = who;
        Some(key)
    }

    /// Takes the session over, with the key: no earlier life's transaction applies from now on.
    pub(super) fn resume(&mut self, who: usize, now: u8) -> Option<Key> {
        self.renew(who, now);
        let key = self.keys.iter_mut().find(|key| key.who == who)?;
        key.life += 1;
        Some(*key)
    }

    /// Writes the fence for who has this key; its epoch.
    pub(super) fn claim(&mut self, fault: Fault, from: Key) -> Option<u8> {
        if !self.stands(from) && fault != Fault::ClaimWithoutOwnKey {
            return None;
        }
        if fault != Fault::RepeatedEpoch || self.fence == 0 {
            self.version += 1;
            self.fence = self.version;
        }
        self.named = from.who;
        Some(self.fence)
    }

    /// Who is next after this contender, if that is first.
    pub(super) fn next_after(&self, key: Key) -> Option<Key> {
        let queue = self.queue();
        let (heir, _) = queue.next_after(&name(key.who), version(key.created))?;
        self.keys.iter().copied().find(|key| name(key.who) == *heir)
    }

    /// Deletes the key and writes the fence for the heir, in one commit.
    pub(super) fn hand_over(&mut self, fault: Fault, from: Key, heir: Key) {
        let found = self.key_of(from.who);
        let has_key = match fault {
            Fault::HandOverWithoutOwnKey => true,
            Fault::HandOverOfAnyKey => found.is_some(),
            Fault::HandOverOfAnyLife => found.is_some_and(|found| found.created == from.created),
            _ => self.stands(from),
        };
        // A later life of the heir has its place too.
        let has_heir = self.key_of(heir.who).is_some_and(|found| found.created == heir.created);
        if has_key && (has_heir || fault == Fault::HandOverToNobody) {
            let commit = self.version + 1;
            self.delete(from.who);
            // Without its own key as a condition there may be nothing to delete.
            self.version = commit;
            self.fence = commit;
            self.named = heir.who;
        }
    }

    /// Deletes the key if it is the one that was created then.
    pub(super) fn withdraw(&mut self, fault: Fault, from: Key) {
        if self.stands(from) || fault == Fault::WithdrawOfAnyKey {
            self.delete(from.who);
        }
    }

    /// The epoch that was handed over to who is first now, as a look finds it.
    pub(super) fn inherited(&self, fault: Fault, own: Key) -> Option<u8> {
        if self.vacated <= own.created {
            return None;
        }
        match fault {
            Fault::InheritAnyFence => Some(self.fence),
            Fault::InheritBlindly => Some(self.vacated),
            _ => (self.stands(own) && self.fence == self.vacated).then_some(self.vacated),
        }
    }
}
