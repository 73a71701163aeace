//! What a guarded resource let in, and what it refused and why.

use entourage_blueprint::{Counter, Counters};

use super::respond::Rejection;

/// Each [code](Rejection::code) of an answer, and the number that counts it.
const REFUSED: [(&str, &str); 10] = [
    ("sealed", "requests_sealed_total"),
    ("malformed", "requests_malformed_total"),
    ("missing", "requests_missing_total"),
    ("stale", "requests_stale_total"),
    ("not-granted", "requests_not_granted_total"),
    ("not-owner", "requests_not_owner_total"),
    ("foreign-realm", "requests_foreign_realm_total"),
    ("other-scope", "requests_other_scope_total"),
    ("full", "requests_full_total"),
    ("unavailable", "requests_unavailable_total"),
];

/// The numbers of one layer, over all of its services.
#[derive(Debug)]
pub(super) struct Tally {
    pub(super) all: Counters,
    pub(super) passed: Counter,
    pub(super) unstamped: Counter,
    refused: [Counter; REFUSED.len()],
}

impl Tally {
    pub(super) fn new() -> Self {
        let all = Counters::new(&[
            "requests_passed_total",
            "requests_unstamped_total",
            "requests_sealed_total",
            "requests_malformed_total",
            "requests_missing_total",
            "requests_stale_total",
            "requests_not_granted_total",
            "requests_not_owner_total",
            "requests_foreign_realm_total",
            "requests_other_scope_total",
            "requests_full_total",
            "requests_unavailable_total",
        ]);
        Self {
            passed: all.counter("requests_passed_total"),
            unstamped: all.counter("requests_unstamped_total"),
            refused: REFUSED.map(|(_, name)| all.counter(name)),
            all,
        }
    }

    /// Counts what the service did not see.
    pub(super) fn answered(&self, rejection: &Rejection) {
        let code = rejection.code();
        for ((known, _), counter) in REFUSED.iter().zip(&self.refused) {
            if *known == code {
                counter.increment();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use entourage_core::{Fence, Realm, Scope};

    use super::*;
    use crate::fence::{
        check::Refused,
        header::{FENCE, Malformed},
    };

    #[test]
    fn each_rejection_is_counted_once_and_by_a_number_of_its_own() {
        let (scope, expected) = (Scope::new("printer"), Realm::new(1));
        let fence = || Fence::new(expected, scope.clone(), 1);
        let (presented, owner) = ("a".to_owned(), "b".to_owned());
        let refused = [
            Refused::Stale { fence: fence(), current: 2 },
            Refused::NotGranted { fence: fence() },
            Refused::NotOwner { fence: fence(), presented, owner },
            Refused::ForeignRealm { fence: fence(), expected },
            Refused::OtherScope { fence: fence(), expected: scope.clone() },
            Refused::Full { what: "scope", limit: 1 },
            Refused::Unavailable("cut".into()),
        ];
        let malformed = Rejection::Malformed(Malformed::new(&FENCE, "is no number"));
        let others = [Rejection::Sealed, malformed, Rejection::Missing];
        let rejections = others.into_iter().chain(refused.map(Rejection::Refused));
        let mut counted: Vec<_> = rejections
            .flat_map(|rejection| {
                let tally = Tally::new();
                tally.answered(&rejection);
                let wanted = format!("requests_{}_total", rejection.code().replace('-', "_"));
                let seen: Vec<_> = tally.all.snapshot().into_iter().filter(|(_, times)| *times > 0).collect();
                assert_eq!(seen.iter().map(|seen| (seen.0, seen.1)).collect::<Vec<_>>(), [(&*wanted, 1)]);
                seen
            })
            .collect();
        counted.dedup();
        assert_eq!(counted.len(), REFUSED.len());
    }
}
