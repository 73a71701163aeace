//! What holds on the rings of other programs, and what does not.

use entourage_sharding::{Chars, ConsistentRing, Dialect, Error, KeyHash, ShardId, ShardingFunction};
use proptest::{
    collection::vec,
    prelude::{Just, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest},
    sample::{Index, select},
};

use crate::{cases, names};

fn build(dialect: Dialect, servers: &[(String, u32)]) -> ConsistentRing {
    servers
        .iter()
        .fold(ConsistentRing::builder(), |builder, (name, weight)| builder.server(name, *weight))
        .dialect(dialect)
        .build()
        .expect("the servers are sound")
}

fn equal(dialect: Dialect, names: &[String]) -> ConsistentRing {
    build(dialect, &names.iter().map(|name| (name.clone(), 1)).collect::<Vec<_>>())
}

/// Those of other programs, with all hashes.
fn dialects() -> impl Strategy<Value = Dialect> {
    let hashes = || select(&KeyHash::ALL[..]);
    prop_oneof![
        hashes().prop_map(Dialect::Twemproxy),
        hashes().prop_map(Dialect::LibmemcachedWeighted),
        Just(Dialect::Libketama),
        Just(Dialect::Nginx),
    ]
}

fn some_keys() -> impl Iterator<Item = Vec<u8>> {
    (0..2_000).map(|number| format!("user:{number}").into_bytes())
}

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn one_key_has_one_shard_in_every_dialect(
        dialect in dialects(), names in names(1..=6), weights in vec(1_u32..2_000, 6), key in vec(any::<u8>(), 0..100),
    ) {
        prop_assert!(weights.len() >= names.len());
        let light = if dialect == Dialect::Nginx { 100 } else { 1 };
        let servers: Vec<_> = names.into_iter().zip(weights.iter().map(|weight| weight.div_ceil(light))).collect();
        let (one, other) = (build(dialect, &servers), build(dialect, &servers));
        prop_assert_eq!(&one, &other);
        prop_assert_eq!(one.shard(&key), other.shard(&key));
        prop_assert!(one.shard(&key).number() < one.shards());
        prop_assert_eq!(one.walk(&key).next(), Some(one.shard(&key)));
        let replicas = one.replicas(&key, usize::MAX);
        prop_assert_eq!(replicas[0], one.shard(&key));
        prop_assert_eq!(replicas.len() + one.starved().len(), servers.len());
        let sum: f64 = one.shares().iter().sum();
        prop_assert!((sum - 1.0).abs() < 1e-9, "{sum}");
    }

    #[test]
    fn a_hash_keeps_to_its_range_and_of_ascii_a_sign_does_not_matter(
        key in vec(any::<u8>(), 0..60), ascii in "[ -~]{0,60}",
    ) {
        for hash in KeyHash::ALL {
            for chars in [Chars::Signed, Chars::Unsigned] {
                prop_assert!(hash.hash_as(chars, &key) <= hash.max(), "{hash}");
                prop_assert_eq!(hash.hash_as(chars, ascii.as_bytes()), hash.hash(ascii.as_bytes()), "{}", hash);
            }
        }
    }

    #[test]
    fn on_a_ketama_ring_of_equal_servers_a_new_one_takes_keys_and_no_other_gets_any(
        hash in select(&KeyHash::ALL[..]), names in names(2..=9), new in any::<Index>(),
    ) {
        for dialect in [Dialect::Twemproxy(hash), Dialect::Libketama, Dialect::Nginx] {
            let after = equal(dialect, &names);
            let mut names = names.clone();
            let newcomer = names.remove(new.index(names.len()));
            let before = equal(dialect, &names);
            for key in some_keys() {
                let (was, is) = (before.server_of(&key).name(), after.server_of(&key).name());
                prop_assert!(was == is || is == newcomer, "{was:?} -> {is:?}");
            }
        }
    }

    #[test]
    fn of_equal_servers_none_has_more_than_1_6_times_the_mean(
        dialect in select(&[Dialect::Twemproxy(KeyHash::Md5), Dialect::Libketama, Dialect::Nginx][..]), names in names(2..=60),
    ) {
        let largest = equal(dialect, &names).shares().into_iter().fold(0.0, f64::max) * names.len() as f64;
        prop_assert!(largest <= 1.6, "largest over mean is {largest:.3}");
    }
}

#[test]
fn equal_servers_have_160_points_each_but_where_a_float_falls_short() {
    for n in 1..=100_u32 {
        let names: Vec<_> = (0..n).map(|n| format!("10.0.0.{n}:6379")).collect();
        let points = |dialect| equal(dialect, &names).walk(b"").count();
        let short = [25, 47, 50, 55, 61, 71, 94, 100].contains(&n);
        assert_eq!(
            points(Dialect::Twemproxy(KeyHash::Md5)),
            n as usize * if short { 156 } else { 160 },
            "{n}"
        );
        assert_eq!(points(Dialect::Libketama), n as usize * if n == 61 { 156 } else { 160 }, "{n}");
    }
}

#[test]
fn real_keys_land_as_the_shares_of_each_dialect_say() {
    let servers =
        [("10.0.0.1:6379".to_owned(), 1), ("10.0.0.2:6379".to_owned(), 2), ("10.0.0.3:6379".to_owned(), 5)];
    let even = [KeyHash::Md5, KeyHash::Crc32a, KeyHash::Murmur, KeyHash::Jenkins].map(Dialect::Twemproxy);
    for dialect in even.into_iter().chain([Dialect::Entourage, Dialect::Libketama, Dialect::Nginx]) {
        let ring = build(dialect, &servers);
        let mut loads = [0_u32; 3];
        (0..20_000).for_each(|n| loads[ring.shard(format!("user:{n}").as_bytes()).index()] += 1);
        for (number, load) in (0..).zip(loads) {
            let (part, share) = (f64::from(load) / 20_000.0, ring.share(ShardId::new(number)));
            assert!(
                (part - share).abs() < 0.02,
                "{dialect:?} {number}: {part:.3} of the keys for {share:.3}"
            );
        }
    }
}

/// The figures of the crate page, in tenths of a per cent.
#[test]
fn fnv_of_64_bits_is_uneven_for_keys_that_differ_at_their_end() {
    let names: Vec<_> = (1..=5).map(|n| format!("10.0.0.{n}:6379")).collect();
    for hash in KeyHash::ALL.into_iter().filter(|hash| *hash != KeyHash::Crc32) {
        let ring = equal(Dialect::Twemproxy(hash), &names);
        let mut loads = [0_u32; 5];
        (0..20_000).for_each(|n| loads[ring.shard(format!("key-{n}").as_bytes()).index()] += 1);
        let (least, most) = (loads.iter().min().unwrap() / 20, loads.iter().max().unwrap() / 20);
        match hash {
            KeyHash::Fnv1_64 => assert_eq!((least, most), (95, 264)),
            KeyHash::Fnv1a64 => assert_eq!((least, most), (164, 241)),
            _ => assert!(170 <= least && most <= 220, "{hash}: {least} to {most}"),
        }
    }
}

/// An old fault of twemproxy, which is kept, because keys are where it put them.
#[test]
fn crc32_sends_every_key_to_one_server_of_a_ring_and_that_shows() {
    let names: Vec<_> = (1..=5).map(|n| format!("10.0.0.{n}:6379")).collect();
    let ring = equal(Dialect::Twemproxy(KeyHash::Crc32), &names);
    let first = ring.shard(b"");
    assert!(some_keys().all(|key| ring.shard(&key) == first));
    assert_eq!((ring.reachable(), ring.share(first)), (1, 1.0));
    assert!(ring.starved().is_empty());
}

#[test]
fn servers_that_no_point_is_left_for_are_named() {
    let servers = [("a".to_owned(), 1), ("b".to_owned(), 1), ("c".to_owned(), 1_000)];
    for dialect in [Dialect::Twemproxy(KeyHash::Fnv1a64), Dialect::Libketama] {
        let ring = build(dialect, &servers);
        assert_eq!(ring.starved(), ["a", "b"], "{dialect:?}");
        assert_eq!((ring.reachable(), ring.shards()), (1, 3));
        assert_eq!(ring.replicas(b"key", 3).len(), 1);
    }
    for dialect in [Dialect::Entourage, Dialect::Nginx] {
        let ring = build(dialect, &servers);
        assert!(ring.starved().is_empty());
        assert_eq!(ring.reachable(), 3);
    }
}

#[test]
fn the_number_of_points_is_part_of_another_programs_dialect() {
    for dialect in [Dialect::Twemproxy(KeyHash::Md5), Dialect::Libketama, Dialect::Nginx] {
        let ring = ConsistentRing::builder().server("a", 1).dialect(dialect).points_per_weight(160).build();
        assert_eq!(ring, Err(Error::FixedPoints { dialect }));
    }
}

#[test]
fn a_ring_of_nginx_with_too_many_points_is_refused_before_they_are_made() {
    let ring = ConsistentRing::builder().server("a", u32::MAX).dialect(Dialect::Nginx).build();
    assert!(matches!(ring, Err(Error::TooManyPoints { .. })));
    // Ketama's number of points does not grow with the weight.
    let ring = ConsistentRing::builder().server("a", u32::MAX).dialect(Dialect::Libketama).build();
    assert!(ring.is_ok());
}

#[test]
fn a_hash_is_known_by_twemproxys_name_alone() {
    for hash in KeyHash::ALL {
        assert_eq!(hash.to_string().parse(), Ok(hash));
    }
    for name in ["", "md4", "MD5", "crc32 ", "default"] {
        assert_eq!(name.parse::<KeyHash>(), Err(Error::UnknownHash { name: name.to_owned() }));
    }
}
