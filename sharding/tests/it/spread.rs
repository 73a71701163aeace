use entourage_sharding::{ConsistentRing, Modulo, ShardId, ShardingFunction};
use proptest::prelude::{prop_assert, proptest};

use crate::{cases, keys, load, names, ring};

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
    for (number, load) in (0..).zip(load(&ring).counts()) {
        let part = *load as f64 / keys().count() as f64;
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
        let ratio = load(&Modulo::new(shards).unwrap()).max_over_mean().unwrap();
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
