//! The highest fence that a resource has let in.

use std::sync::{
    Mutex, OnceLock, PoisonError,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use entourage_core::{Fence, Realm, planted};

use super::{
    check::{FenceCheck, Refused},
    saved::Saved,
    table::Table,
};

/// Refuses every fence that is lower than one it has let in, from memory alone.
///
/// A check of a scope it knows takes no lock, allocates nothing and waits for nobody. It keeps
/// to one realm until [`adopt`](HighestSeen::adopt), and never forgets what it has seen of a
/// realm, also if that is adopted again later.
///
/// **It ends with the process.** A resource that forgets lets stale writes in until it is
/// sealed: [`save`](HighestSeen::save) what it knows together with the data that it guards and
/// [`recall`](HighestSeen::recall) it at start, or use [`StoredFences`](super::StoredFences).
///
/// # Examples
/// ```
/// use entourage_core::{Fence, Realm, Scope};
/// use entourage_election::fence::{HighestSeen, Saved};
///
/// let realm = Realm::new(7);
/// let fence = |epoch| Fence::new(realm, Scope::new("printer"), epoch);
/// let before = HighestSeen::new(realm);
/// before.check(&fence(41))?;
/// let text = before.save().to_string(); // Into the file that it guards.
///
/// let after = HighestSeen::new(realm);
/// after.recall(&text.parse::<Saved>()?)?;
/// assert!(after.check(&fence(40)).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct HighestSeen {
    /// One era for each realm that was ever taken, in the order of first adoption.
    eras: Box<[OnceLock<Era>]>,
    /// The era that is taken now, or [`HighestSeen::NONE`].
    current: AtomicUsize,
    adopting: Mutex<()>,
    scopes: usize,
}

#[derive(Debug)]
struct Era {
    realm: Realm,
    highest: Table<Highest>,
}

/// The highest epoch that was let in; zero before the first.
#[derive(Debug, Default)]
struct Highest(AtomicU64);

impl Highest {
    /// Lets `epoch` in, or tells the higher one that was let in before.
    fn admit(&self, epoch: u64) -> Result<(), u64> {
        // The usual case only reads, so that many threads share the cache line.
        let mut highest = self.0.load(Ordering::Acquire);
        if highest < epoch {
            highest = self.0.fetch_max(epoch, Ordering::AcqRel);
        }
        let slack = u64::from(planted("fence-off-by-one"));
        if highest <= epoch.saturating_add(slack) || planted("fence-unchecked") {
            Ok(())
        } else {
            Err(highest)
        }
    }
}

impl HighestSeen {
    /// Realms that one checker knows in its life; each costs 32 bytes a cell, two to four cells a
    /// scope.
    pub const MAX_REALMS: usize = 8;
    /// Scopes of a realm unless [`with_scopes`](HighestSeen::with_scopes) says otherwise.
    pub const SCOPES: usize = 1024;

    const NONE: usize = usize::MAX;

    /// A checker that has seen nothing and takes fences of `realm`.
    #[must_use]
    pub fn new(realm: Realm) -> Self {
        let seen = Self::trusting_first();
        seen.adopt(realm).expect("there is room for the first realm");
        seen
    }

    /// A checker that takes the realm of the first fence it sees, and then only that.
    ///
    /// For a resource that cannot be told its lock's realm. A late request from before a restore
    /// may be that first fence: then an operator adopts the right realm.
    #[must_use]
    pub fn trusting_first() -> Self {
        let eras = std::iter::repeat_with(OnceLock::new).take(Self::MAX_REALMS).collect();
        Self { eras, current: AtomicUsize::new(Self::NONE), adopting: Mutex::new(()), scopes: Self::SCOPES }
    }

    /// With room for this many scopes in each realm, at most about a million; what it has seen is kept.
    ///
    /// One more is refused: to make room by forgetting would let stale writes in.
    ///
    /// # Panics
    /// If it has seen more scopes than that.
    #[must_use]
    pub fn with_scopes(self, scopes: usize) -> Self {
        let roomier = Self { scopes, ..Self::trusting_first() };
        roomier.recall(&self.save()).expect("there is room for the scopes it has seen");
        roomier
    }

    /// Lets a write with this fence in, or refuses it.
    ///
    /// # Errors
    /// [`Refused`]: do not write.
    pub fn check(&self, fence: &Fence) -> Result<(), Refused> {
        let era = match self.era() {
            Some(era) => era,
            None => self.pin(fence.realm())?,
        };
        if era.realm != fence.realm() {
            return Err(Refused::ForeignRealm { fence: fence.clone(), expected: era.realm });
        }
        era.raise(fence)
    }

    /// Closes the resource to every former owner, before anything is written.
    ///
    /// # Errors
    /// [`Refused`]: the fence is itself behind; do not write.
    pub fn seal(&self, fence: &Fence) -> Result<(), Refused> {
        self.check(fence)
    }

    /// Takes fences of `realm` from now on, and of no other: an operator's decision, after a
    /// store was restored or replaced on purpose.
    ///
    /// What was seen of `realm` before, if anything, still counts.
    ///
    /// # Errors
    /// [`Refused::Full`] after [`HighestSeen::MAX_REALMS`] realms.
    pub fn adopt(&self, realm: Realm) -> Result<(), Refused> {
        let _adopting = self.adopting.lock().unwrap_or_else(PoisonError::into_inner);
        let (place, _) = self.settle(realm)?;
        self.current.store(place, Ordering::Release);
        Ok(())
    }

    /// The realm whose fences are taken; `None` before the first of a checker that trusts it.
    #[must_use]
    pub fn realm(&self) -> Option<Realm> {
        self.era().map(|era| era.realm)
    }

    /// All that must survive a restart.
    ///
    /// Fences that are let in while it runs may be in it or not: save before the effect is
    /// acknowledged.
    #[must_use]
    pub fn save(&self) -> Saved {
        let mut fences = Vec::new();
        for era in self.eras.iter().filter_map(OnceLock::get) {
            for (scope, highest) in era.highest.iter() {
                fences.push(Fence::new(era.realm, scope.clone(), highest.0.load(Ordering::Acquire)));
            }
        }
        Saved::new(self.realm(), fences)
    }

    /// Remembers what was saved, beside what was seen since: of each scope the higher.
    ///
    /// The realm that is taken stays; a checker that trusts the first takes the saved one.
    ///
    /// # Errors
    /// [`Refused::Full`] if there is no room for all of it; a part of it is remembered then.
    pub fn recall(&self, saved: &Saved) -> Result<(), Refused> {
        let _adopting = self.adopting.lock().unwrap_or_else(PoisonError::into_inner);
        for fence in saved.fences() {
            let (_, era) = self.settle(fence.realm())?;
            // Nothing is let in here: what was seen since may well be higher.
            if let Err(full @ Refused::Full { .. }) = era.raise(fence) {
                return Err(full);
            }
        }
        if let Some(realm) = saved.realm().filter(|_| self.era().is_none()) {
            let (place, _) = self.settle(realm)?;
            self.current.store(place, Ordering::Release);
        }
        Ok(())
    }

    fn era(&self) -> Option<&Era> {
        self.eras.get(self.current.load(Ordering::Acquire))?.get()
    }

    /// Takes `realm` unless one is taken.
    #[cold]
    fn pin(&self, realm: Realm) -> Result<&Era, Refused> {
        let _adopting = self.adopting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(era) = self.era() {
            return Ok(era);
        }
        let (place, era) = self.settle(realm)?;
        self.current.store(place, Ordering::Release);
        Ok(era)
    }

    /// The era of `realm`, which is opened if it is new. For the holder of `adopting`.
    fn settle(&self, realm: Realm) -> Result<(usize, &Era), Refused> {
        for (place, cell) in self.eras.iter().enumerate() {
            match cell.get() {
                Some(era) if era.realm == realm && !planted("fence-adopt-forgets") => {
                    return Ok((place, era));
                }
                Some(_) => {}
                None => {
                    let open = || Era { realm, highest: Table::new(self.scopes) };
                    return Ok((place, cell.get_or_init(open)));
                }
            }
        }
        Err(Refused::Full { what: "realm", limit: Self::MAX_REALMS })
    }
}

impl Era {
    fn raise(&self, fence: &Fence) -> Result<(), Refused> {
        let Some(highest) = self.highest.entry(fence.scope()) else {
            return Err(Refused::Full { what: "scope", limit: self.highest.limit() });
        };
        highest.admit(fence.epoch()).map_err(|current| Refused::Stale { fence: fence.clone(), current })
    }
}

#[async_trait::async_trait]
impl FenceCheck for HighestSeen {
    /// Always: it looks at the epoch, which has one owner only.
    fn known(&self, fence: &Fence, _: Option<&str>) -> Option<Result<(), Refused>> {
        Some(self.check(fence))
    }

    async fn check(&self, fence: &Fence, _: Option<&str>) -> Result<(), Refused> {
        Self::check(self, fence)
    }
}
