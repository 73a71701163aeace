use entourage_sharding::{ConsistentRing, ShardingFunction};
use proptest::{
    collection::vec,
    prelude::{Just, Strategy, TestCaseError, any, prop_assert, prop_assert_eq, proptest},
    sample::Index,
};

use crate::{cases, keys, names, ring, servers};

/// The servers of both rings, key by key.
fn homes<'a>(
    before: &'a ConsistentRing,
    after: &'a ConsistentRing,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    keys().map(|key| (before.server_of(&key).name(), after.server_of(&key).name()))
}

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn one_key_has_one_shard(key in vec(any::<u8>(), 0..300), servers in servers(1..=8)) {
        let (one, other) = (ring(&servers, 40), ring(&servers, 40));
        prop_assert_eq!(one.shard(&key), other.shard(&key));
        prop_assert_eq!(one.shard(&key), one.shard(&key));
        prop_assert!(one.shard(&key).number() < one.shards());
    }

    #[test]
    fn the_order_of_the_servers_does_not_matter(
        (sorted, shuffled) in servers(1..=8).prop_flat_map(|s| (Just(s.clone()), Just(s).prop_shuffle())),
    ) {
        prop_assert_eq!(ring(&sorted, 40), ring(&shuffled, 40));
    }

    #[test]
    fn a_new_server_takes_keys_and_no_other_gets_any(servers in servers(2..=9), new in any::<Index>()) {
        let after = ring(&servers, 160);
        let mut servers = servers;
        let (newcomer, _) = servers.remove(new.index(servers.len()));
        let before = ring(&servers, 160);
        for (was, is) in homes(&before, &after) {
            prop_assert!(was == is || is == newcomer, "{was:?} -> {is:?}");
        }
    }

    #[test]
    fn a_removed_server_gives_its_keys_and_no_other_loses_any(servers in servers(2..=9), old in any::<Index>()) {
        let before = ring(&servers, 160);
        let mut servers = servers;
        let (leaver, _) = servers.remove(old.index(servers.len()));
        let after = ring(&servers, 160);
        for (was, is) in homes(&before, &after) {
            prop_assert!(was == is || was == leaver, "{was:?} -> {is:?}");
        }
    }

    #[test]
    fn more_weight_for_one_server_moves_keys_to_it_alone(servers in servers(1..=8), which in any::<Index>()) {
        let before = ring(&servers, 160);
        let mut servers = servers;
        let which = which.index(servers.len());
        servers[which].1 += 1;
        let after = ring(&servers, 160);
        for (was, is) in homes(&before, &after) {
            prop_assert!(was == is || is == servers[which].0, "{was:?} -> {is:?}");
        }
    }

    // With fewer than 8 servers, chance may place the default's 160 points beyond the
    // 5 %: the crate page says how often. With 1,024 it does not.
    #[test]
    fn a_new_server_among_eight_or_more_takes_at_most_its_part_and_5_percent(names in names(9..=16)) {
        takes_at_most_its_part_and_5_percent(&names, 160)?;
    }

    #[test]
    fn a_new_server_among_few_takes_at_most_its_part_and_5_percent_with_more_points(names in names(2..=8)) {
        takes_at_most_its_part_and_5_percent(&names, 1_024)?;
    }

    #[test]
    fn replicas_are_distinct_and_begin_at_home(servers in servers(1..=8), key in vec(any::<u8>(), 0..40), n in 0_usize..10) {
        let ring = ring(&servers, 40);
        let replicas = ring.replicas(&key, n);
        prop_assert_eq!(replicas.len(), n.min(servers.len()));
        prop_assert!(replicas.first().is_none_or(|first| *first == ring.shard(&key)));
        let mut distinct = replicas.clone();
        distinct.sort();
        distinct.dedup();
        prop_assert_eq!(distinct.len(), replicas.len());
        // Fewer replicas are the first of more.
        prop_assert_eq!(&ring.replicas(&key, servers.len())[..replicas.len()], &replicas[..]);
    }

    #[test]
    fn without_its_first_replica_a_key_goes_to_the_next(servers in servers(2..=8), key in vec(any::<u8>(), 0..40)) {
        let whole = ring(&servers, 40);
        let preferred: Vec<_> = whole
            .replicas(&key, servers.len())
            .into_iter()
            .filter_map(|shard| whole.server(shard).map(|server| server.name().to_owned()))
            .collect();
        let rest: Vec<_> = servers.into_iter().filter(|(name, _)| *name != preferred[0]).collect();
        let without = ring(&rest, 40);
        let still: Vec<_> = without
            .replicas(&key, rest.len())
            .into_iter()
            .filter_map(|shard| without.server(shard).map(|server| server.name().to_owned()))
            .collect();
        prop_assert_eq!(&preferred[1..], &still[..]);
    }
}

/// A newcomer takes keys from the others and they none from each other (the promise
/// above), so what moves is what it has: its exact share.
fn takes_at_most_its_part_and_5_percent(names: &[String], points: u32) -> Result<(), TestCaseError> {
    let servers: Vec<_> = names.iter().map(|name| (name.clone(), 1)).collect();
    let ring = ring(&servers, points);
    let most = 1.0 / servers.len() as f64 + 0.05;
    for (name, shard) in names.iter().filter_map(|name| Some((name, ring.shard_of_server(name)?))) {
        let part = ring.share(shard);
        prop_assert!(part <= most, "{part:.3} of the keys move onto {name:?}, more than {most:.3}");
    }
    Ok(())
}

/// With the names most people have, and the default points, from the first server on.
#[test]
fn server_n_takes_at_most_its_part_and_5_percent() {
    for n in 1..=32_u32 {
        let name = |number| format!("server-{number}");
        let before = ConsistentRing::of((0..n).map(name)).unwrap();
        let after = ConsistentRing::of((0..=n).map(name)).unwrap();
        let moved = homes(&before, &after).filter(|(was, is)| was != is).count();
        let part = moved as f64 / keys().count() as f64;
        let most = 1.0 / f64::from(n + 1) + 0.05;
        assert!(part <= most, "n = {n}: {part:.3} of the keys move, more than {most:.3}");
    }
}
