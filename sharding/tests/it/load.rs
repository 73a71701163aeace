//! What each shard has to do, and which keys make it.

use std::collections::BTreeMap;

use entourage_sharding::{Error, HeavyKeys, LONGEST_KEY, ShardId, ShardLoad};
use proptest::{
    collection::vec,
    prelude::{prop_assert, prop_assert_eq, proptest},
};

use crate::cases;

proptest! {
    #![proptest_config(cases(128))]

    #[test]
    fn a_count_is_never_too_low_and_too_high_by_its_error_at_most(
        stream in vec((0_u32..60, 1_u64..5), 0..600),
        capacity in 1_usize..40,
    ) {
        let mut heavy = HeavyKeys::new(capacity).unwrap();
        let mut exact = BTreeMap::new();
        for (number, count) in stream {
            // The lower numbers are asked for far more often than the upper.
            let key = (number * number / 60).to_be_bytes();
            heavy.add(&key, count);
            *exact.entry(key).or_insert(0_u64) += count;
        }
        let total: u64 = exact.values().sum();
        prop_assert_eq!(heavy.total(), total);
        let top = heavy.top(usize::MAX);
        prop_assert!(top.len() <= capacity);
        prop_assert_eq!(top.iter().map(|key| key.count).sum::<u64>(), total);
        prop_assert!(top.windows(2).all(|pair| pair[0].count >= pair[1].count));
        for key in &top {
            let own = exact[&key.key[..]];
            prop_assert!(key.count - key.error <= own && own <= key.count, "{key:?} is {own}");
            prop_assert!(key.error <= total / capacity as u64, "{key:?} of {total}");
        }
        for (key, own) in exact.iter().filter(|(_, own)| **own > total / capacity as u64) {
            prop_assert!(top.iter().any(|found| found.key[..] == key[..]), "{key:?}, {own} of {total}, is not found");
        }
    }

    #[test]
    fn with_a_counter_for_each_key_counts_are_exact(stream in vec(0_u8..20, 0..300)) {
        let mut heavy = HeavyKeys::new(20).unwrap();
        stream.iter().for_each(|key| heavy.add(&[*key], 1));
        for found in heavy.top(20) {
            let own = stream.iter().filter(|key| **key == found.key[0]).count();
            prop_assert_eq!((found.count, found.error), (own as u64, 0));
        }
    }
}

#[test]
fn a_key_of_any_length_takes_bounded_memory() {
    let mut heavy = HeavyKeys::new(2).unwrap();
    heavy.add(&vec![7; 1 << 20], 1);
    heavy.add(&vec![7; LONGEST_KEY], 1);
    heavy.add(b"", 1);
    let top = heavy.top(2);
    assert_eq!((top[0].key.len(), top[0].count, top[1].key.len()), (LONGEST_KEY, 2, 0));
    heavy.clear();
    assert_eq!((heavy.top(2), heavy.total()), (Vec::new(), 0));
    assert!(matches!(HeavyKeys::new(0), Err(Error::NoCounters)));
}

#[test]
fn the_same_calls_find_the_same_keys() {
    let run = || {
        let mut heavy = HeavyKeys::new(8).unwrap();
        (0..5_000_u32).for_each(|number| heavy.add(&(number * number % 97).to_be_bytes(), 1));
        heavy.top(8)
    };
    assert_eq!(run(), run());
}

#[test]
fn load_is_counted_by_shard() {
    let mut load = ShardLoad::new(4);
    assert_eq!((load.busiest(), load.max_over_mean(), load.total()), (None, None, 0));
    for (shard, count) in [(3, 5), (1, 5), (0, 2)] {
        assert!(load.add(ShardId::new(shard), count));
    }
    assert!(!load.add(ShardId::new(4), 1), "there is no such shard");
    assert_eq!(load.counts(), [2, 5, 0, 5]);
    assert_eq!((load.busiest(), load.total()), (Some(ShardId::new(1)), 12));
    assert!(load.max_over_mean().is_some_and(|ratio| (ratio - 5.0 / 3.0).abs() < 1e-12));
    load.clear();
    assert_eq!(load.max_over_mean(), None);
}
