use entourage_sharding::{ConsistentRing, Modulo, ShardId, ShardingFunction};
use proptest::prelude::{prop_assert, proptest};

use crate::{cases, keys, names, ring};

/// The largest part of the keys on one shard, over the mean part.
fn largest_over_mean(function: &dyn ShardingFunction) -> f64 {
    let mut loads = vec![0_u32; function.shards() as usize];
    let mut total = 0;
    for key in keys() {
        loads[function.shard(&key).index()] += 1;
        total += 1;
    }
    let largest = loads.iter().max().copied().unwrap_or_default();
    f64::from(largest) * f64::from(function.shards()) / f64::from(total)
}

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn no_server_has_more_than_one_and_a_half_times_the_mean(names in names(1..=100)) {
        let ring = ConsistentRing::of(names).expect("the names are sound");
        let largest = (0..ring.shards()).map(|number| ring.share(ShardId::new(number))).fold(0.0, f64::max);
        let ratio = largest * f64::from(ring.shards());
        prop_assert!(ratio <= 1.5, "largest over mean is {ratio:.3}");
    }

    #[test]
    fn with_1024_points_no_server_has_more_than_one_and_a_fifth_times_the_mean(names in names(1..=20)) {
        let servers: Vec<_> = names.into_iter().map(|name| (name, 1)).collect();
        let ring = ring(&servers, 1_024);
        let largest = (0..ring.shards()).map(|number| ring.share(ShardId::new(number))).fold(0.0, f64::max);
        let ratio = largest * f64::from(ring.shards());
        prop_assert!(ratio <= 1.2, "largest over mean is {ratio:.3}");
    }

    #[test]
    fn shares_are_all_of_the_keys(names in names(1..=20)) {
        let ring = ConsistentRing::of(names).expect("the names are sound");
        let sum: f64 = (0..ring.shards()).map(|number| ring.share(ShardId::new(number))).sum();
        prop_assert!((sum - 1.0).abs() < 1e-9, "{sum}");
    }
}

#[test]
fn real_keys_land_as_the_shares_say() {
    let servers = [("a".to_owned(), 1), ("b".to_owned(), 2), ("c".to_owned(), 5)];
    let ring = ring(&servers, 160);
    let mut loads = [0_u32; 3];
    keys().for_each(|key| loads[ring.shard(&key).index()] += 1);
    for (number, load) in (0..).zip(loads) {
        let part = f64::from(load) / keys().count() as f64;
        let share = ring.share(ShardId::new(number));
        assert!(
            (part - share).abs() < 0.02,
            "shard {number}: {part:.3} of the keys for a share of {share:.3}"
        );
    }
}

#[test]
fn a_share_follows_the_weight() {
    let servers = [("a".to_owned(), 1), ("b".to_owned(), 2), ("c".to_owned(), 5)];
    let ring = ring(&servers, 160);
    for (number, weight) in (0..).zip([1.0, 2.0, 5.0]) {
        let (share, ideal) = (ring.share(ShardId::new(number)), weight / 8.0);
        assert!((share / ideal - 1.0).abs() < 0.25, "shard {number} has {share:.3}, of {ideal:.3}");
    }
}

#[test]
fn modulo_spreads_within_a_tenth_of_the_mean() {
    for shards in [2, 3, 8, 16] {
        let ratio = largest_over_mean(&Modulo::new(shards).unwrap());
        assert!(ratio <= 1.1, "{shards} shards: largest over mean is {ratio:.3}");
    }
}

#[test]
fn consecutive_numbers_fill_shards_to_within_one() {
    let modulo = Modulo::new(7).unwrap();
    let mut loads = [0_u32; 7];
    (0..1_000).for_each(|number| loads[modulo.of_number(number).index()] += 1);
    assert!(loads.iter().all(|load| (142..=143).contains(load)), "{loads:?}");
}
