//! Random answers and failures, against a map that keeps the first of each.

use std::collections::BTreeMap;

use entourage_scatter_gather::Gathering;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    /// Against a map that keeps the first word of each part.
    #[test]
    fn the_first_word_of_each_part_stands_and_nothing_else(
        asked in 0usize..6,
        words in prop::collection::vec((0usize..8, any::<Result<u8, u8>>()), 0..20),
    ) {
        let mut gathering = Gathering::new(asked);
        let mut model = BTreeMap::new();
        for (part, word) in words {
            let is_first = part < asked && !model.contains_key(&part);
            let taken = match word {
                Ok(answer) => gathering.answer(part, answer),
                Err(reason) => gathering.fail(part, Some(reason)),
            };
            prop_assert_eq!(taken.is_ok(), is_first);
            if is_first {
                model.insert(part, word);
            }
            prop_assert_eq!(gathering.outstanding(), asked - model.len());
        }
        let (value, coverage, failures) = gathering.finish(|_| None).into_parts();
        prop_assert_eq!(value.len(), asked);
        prop_assert_eq!(coverage.answered() + failures.len(), asked);
        let mut reasons: BTreeMap<_, _> =
            failures.into_iter().map(|failure| (failure.part(), failure.into_reason())).collect();
        for (part, answer) in value.into_iter().enumerate() {
            let expected = match model.get(&part) {
                Some(Ok(answer)) => (Some(*answer), None),
                Some(Err(reason)) => (None, Some(Some(*reason))),
                None => (None, Some(None)),
            };
            prop_assert_eq!((answer, reasons.remove(&part)), expected);
        }
        prop_assert!(reasons.is_empty());
    }
}
