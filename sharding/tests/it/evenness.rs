//! How evenly the functions without a ring spread keys.

use entourage_sharding::{Error, Jump, Maglev, Range, Rendezvous, ShardId, ShardingFunction};
use proptest::prelude::{prop_assert, proptest};

use crate::{cases, load, names};

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn rendezvous_spreads_within_a_fifth_of_the_mean(names in names(1..=10)) {
        let ratio = load(&Rendezvous::of(names).expect("sound names")).max_over_mean().expect("keys");
        prop_assert!(ratio <= 1.2, "largest over mean is {ratio:.3}");
    }

    #[test]
    fn maglev_gives_every_server_its_part_of_the_table(
        servers in proptest::collection::btree_map("\\PC{1,12}", 1_u32..50, 1..40),
    ) {
        let size = 65_537.0;
        let all: u32 = servers.values().sum();
        let maglev = Maglev::new(servers.clone()).expect("sound servers");
        for (name, weight) in servers {
            let shard = maglev.shard_of_server(&name).expect("its own server");
            let entries = maglev.share(shard) * size;
            let part = f64::from(weight) / f64::from(all);
            // Each is rounded to half an entry, and shares in what all others are rounded by.
            let most = 0.5 + part * maglev.servers().len() as f64 / 2.0 + 1e-6;
            let ideal = size * part;
            prop_assert!((entries - ideal).abs() <= most, "{name:?}: {entries} entries of {ideal}");
        }
    }
}

#[test]
fn maglev_gives_servers_of_equal_weight_the_same_number_of_entries_to_within_one() {
    for n in [1, 2, 3, 7, 100, 1_000] {
        let maglev = Maglev::of((0..n).map(|number| format!("server-{number}"))).unwrap();
        let mut entries = vec![0_u32; n];
        (0..n).for_each(|at| entries[at] = (maglev.share(ShardId::new(at as u32)) * 65_537.0).round() as u32);
        let (least, most) = (entries.iter().min().unwrap(), entries.iter().max().unwrap());
        assert!(most - least <= 1, "{n} servers: {least} to {most} entries");
    }
}

#[test]
fn jump_spreads_within_a_tenth_of_the_mean() {
    for shards in [2, 3, 8, 16] {
        let ratio = load(&Jump::new(shards).unwrap()).max_over_mean().unwrap();
        assert!(ratio <= 1.1, "{shards} shards: largest over mean is {ratio:.3}");
    }
}

#[test]
fn maglev_spreads_within_a_tenth_of_the_mean() {
    for servers in [2, 3, 8, 16] {
        let maglev = Maglev::of((0..servers).map(|number| format!("server-{number}"))).unwrap();
        let ratio = load(&maglev).max_over_mean().unwrap();
        assert!(ratio <= 1.1, "{servers} servers: largest over mean is {ratio:.3}");
    }
}

#[test]
fn rendezvous_follows_weights_however_far_apart() {
    let weights = [("a", 1), ("b", 2), ("c", 5), ("d", 200), ("e", 10_000)];
    let function = Rendezvous::new(weights).unwrap();
    let load = load(&function);
    for ((name, weight), keys) in weights.into_iter().zip(load.counts()) {
        // Five standard deviations, and one key for the very light.
        let ideal = 20_000.0 * f64::from(weight) / 10_208.0;
        let off = (*keys as f64 - ideal).abs();
        assert!(off <= 5.0 * ideal.sqrt() + 1.0, "{name}: {keys} keys, not {ideal:.1}");
    }
}

#[test]
fn servers_that_cannot_be_are_refused() {
    let twice = || [("a", 1), ("a", 2)];
    let same = Error::DuplicateServer { name: "a".to_owned() };
    assert_eq!(Rendezvous::new(twice()), Err(same.clone()));
    assert_eq!(Maglev::new(twice()), Err(same.clone()));
    assert_eq!(Range::below("m", "a").rest("a"), Err(same));
    assert_eq!(Maglev::of(Vec::<String>::new()), Err(Error::NoShards));
    assert_eq!(Rendezvous::of([""]), Err(Error::UnnamedServer { position: 0 }));
    assert_eq!(Range::below("m", "").rest("a"), Err(Error::UnnamedServer { position: 0 }));
    assert_eq!(Range::below("", "a").rest("b"), Err(Error::UnorderedBorder { position: 0 }));
    assert_eq!(Range::below("m", "a").below("m", "b").rest("c"), Err(Error::UnorderedBorder { position: 1 }));
    assert_eq!(Jump::new(0), Err(Error::NoShards));
}

#[test]
fn a_table_that_cannot_be_is_refused_before_it_is_made() {
    let of = |size| Maglev::with_table(size, [("a", 1), ("b", 1), ("c", 1)]);
    assert_eq!(of(65_536), Err(Error::TableNotPrime { size: 65_536 }));
    assert_eq!(of(u32::MAX), Err(Error::TableTooLarge { size: u32::MAX, limit: 1 << 24 }));
    assert_eq!(of(2), Err(Error::TooManyServers { servers: 3, limit: 2 }));
    assert_eq!(of(3).map(|table| table.shards()), Ok(3));
    let many = Maglev::with_table(131_071, (0..65_536).map(|number| (number.to_string(), 1)));
    assert_eq!(many, Err(Error::TooManyServers { servers: 65_536, limit: 65_535 }));
    // Weights of any size neither overflow nor take longer.
    let far_apart = Maglev::new([("light", 1), ("heavy", u32::MAX)]).unwrap();
    assert!((far_apart.share(ShardId::new(0)) - 1.0).abs() < f64::EPSILON);
}
