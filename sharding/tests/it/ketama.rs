//! Where libmemcached 1.0.16 and libketama placed keys; `test-data/README.md` says how they were asked.

use entourage_sharding::{ConsistentRing, Dialect, ShardingFunction};

use crate::recorded::{digit, made, rows, servers};

/// Compares 500 keys with their places in the file.
fn is_as_recorded(pool: &str, dialect: Dialect, names: &str, count: &str, places: &str) {
    let builder = ConsistentRing::builder().dialect(dialect);
    let ring = servers(names).into_iter().fold(builder, |ring, (name, weight)| ring.server(name, weight));
    let ring = ring.build().expect("the servers are sound");
    // Bytes of all values are no keys for either.
    let keys = (0..).filter(|number| number % 4 != 2).take(500).map(made);
    let ours: String = keys.map(|key| digit(ring.shard(&key).index())).collect();
    assert_eq!(count.parse(), Ok(ours.len()));
    assert_eq!(ours, places, "pool {pool}: keys would move");
}

#[test]
fn every_key_is_where_libmemcacheds_weighted_ketama_places_it() {
    let rows = rows("libmemcached.tsv");
    assert_eq!(rows.len(), 54, "vectors are gone");
    for row in rows {
        let [pool, hash, names, count, places] = &row[..] else { panic!("{row:?} has not five columns") };
        let hash = hash.parse().expect("a hash that twemproxy knows");
        is_as_recorded(pool, Dialect::LibmemcachedWeighted(hash), names, count, places);
    }
}

#[test]
fn every_key_is_where_libketama_places_it() {
    let rows = rows("libketama.tsv");
    assert_eq!(rows.len(), 8, "vectors are gone");
    for row in rows {
        let [pool, names, count, places] = &row[..] else { panic!("{row:?} has not four columns") };
        is_as_recorded(pool, Dialect::Libketama, names, count, places);
    }
}
