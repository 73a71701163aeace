//! Where nutcracker 0.5.0 placed keys; `test-data/README.md` says how it was asked.

use entourage_sharding::{
    Chars, ConsistentRing, Dialect, HashTag, KeyHash, Modula, Server, ShardId, ShardingFunction,
};

use crate::recorded::{digest, digit_of, made, rows, servers, unhex};

/// A pool of the file, as its row tells.
struct Pool {
    name: String,
    hash: KeyHash,
    tag: Option<HashTag>,
    servers: Vec<(String, u32)>,
    function: Function,
    /// Of each key that is listed.
    places: String,
    /// Of those that are made by number.
    digest: String,
}

enum Function {
    Ring(ConsistentRing),
    Modula(Modula),
}

impl Function {
    fn server(&self, key: &[u8]) -> &str {
        match self {
            Self::Ring(ring) => ring.server_of(key).name(),
            Self::Modula(modula) => modula.server_of(key).name(),
        }
    }
}

impl Pool {
    fn read(row: &[String]) -> Self {
        let [name, hash, distribution, tag, names, entries, count, places, digest] = row else {
            panic!("{row:?} has not nine columns")
        };
        let hash = hash.parse().expect("a hash that twemproxy knows");
        let servers = servers(names);
        // Those that were dead are marked, and twemproxy had left them out.
        let alive = entries.split(" | ").map(|entry| !entry.starts_with('!'));
        let living: Vec<_> =
            servers.iter().zip(alive).filter(|(_, lives)| *lives).map(|(one, _)| one).collect();
        let function = match distribution.as_str() {
            "ketama" => Function::Ring(ring(Dialect::Twemproxy(hash), &living)),
            "modula" => Function::Modula(modula(hash, &living)),
            other => panic!("no distribution {other}"),
        };
        assert_eq!(count.parse(), Ok(places.len()));
        let tag = (tag != "-").then(|| tag.parse().expect("two bytes"));
        let (places, digest) = (places.clone(), digest.clone());
        Self { name: name.clone(), hash, tag, servers, function, places, digest }
    }

    fn place(&self, key: &[u8]) -> char {
        let key = self.tag.map_or(key, |tag| tag.of(key));
        digit_of(&self.servers, self.function.server(key))
    }
}

fn ring(dialect: Dialect, servers: &[&(String, u32)]) -> ConsistentRing {
    servers
        .iter()
        .fold(ConsistentRing::builder(), |builder, (name, weight)| builder.server(name, *weight))
        .dialect(dialect)
        .build()
        .expect("the servers are sound")
}

fn modula(hash: KeyHash, servers: &[&(String, u32)]) -> Modula {
    Modula::new(hash, servers.iter().map(|(name, weight)| (name, *weight))).expect("the servers are sound")
}

fn pools() -> Vec<Pool> {
    rows("twemproxy.tsv").iter().map(|row| Pool::read(row)).collect()
}

/// Those of a file that the environment names, else those that are kept.
fn drawn_pools() -> Vec<Pool> {
    let file = std::env::var("ENTOURAGE_VECTORS").unwrap_or_else(|_| "drawn.tsv".to_owned());
    rows(&file).iter().map(|row| Pool::read(row)).collect()
}

fn places(pool: &Pool, keys: &[Vec<u8>]) -> String {
    keys.iter().map(|key| pool.place(key)).collect()
}

fn keys() -> Vec<Vec<u8>> {
    rows("keys.tsv").iter().map(|row| unhex(&row[0])).collect()
}

#[test]
fn every_key_is_where_nutcracker_places_it() {
    let (pools, keys) = (pools(), keys());
    assert_eq!((pools.len(), keys.len()), (104, 400), "vectors are gone");
    for pool in &pools {
        for (key, place) in keys.iter().zip(pool.places.chars()) {
            let escaped = key.escape_ascii();
            assert_eq!(pool.place(key), place, "pool {}: keys would move, as \"{escaped}\" does", pool.name);
        }
    }
}

#[test]
fn twenty_thousand_more_keys_of_each_pool_are_where_nutcracker_places_them() {
    let more: Vec<_> = (0..20_000).map(made).collect();
    for pool in pools() {
        assert_eq!(digest(&places(&pool, &more)), pool.digest, "pool {}: some would move", pool.name);
    }
}

#[test]
fn pools_that_were_drawn_by_chance_are_as_nutcracker_has_them() {
    let (keys, more): (_, Vec<_>) = (keys(), (0..20_000).map(made).collect());
    let pools = drawn_pools();
    assert!(!pools.is_empty(), "vectors are gone");
    for pool in pools {
        assert_eq!(places(&pool, &keys), pool.places, "pool {}", pool.name);
        assert_eq!(digest(&places(&pool, &more)), pool.digest, "pool {}", pool.name);
    }
}

#[test]
fn every_hash_of_twemproxy_has_both_distributions_among_the_vectors() {
    let pools = pools();
    for hash in KeyHash::ALL {
        let with = pools.iter().filter(|pool| pool.hash == hash);
        let rings = with.clone().filter(|pool| matches!(pool.function, Function::Ring(_))).count();
        assert!(rings >= 2 && with.count() - rings >= 2, "{hash}");
    }
}

#[test]
fn a_char_that_is_not_signed_moves_keys_that_are_not_ascii_and_no_others() {
    let builder = |chars| {
        let builder = ConsistentRing::builder().dialect(Dialect::Twemproxy(KeyHash::Fnv1a64)).chars(chars);
        (1..=5).fold(builder, |ring, n| ring.server(format!("10.0.0.{n}:6379"), 1)).build()
    };
    let (signed, unsigned) = (builder(Chars::Signed).unwrap(), builder(Chars::Unsigned).unwrap());
    let moved = |key: &[u8]| signed.server_of(key) != unsigned.server_of(key);
    assert!(!(0..1_000).any(|n| moved(format!("user:{n}").as_bytes())));
    let moves = (0..1_000).filter(|n| moved(format!("schlüssel:{n}").as_bytes())).count();
    assert!((600..=950).contains(&moves), "{moves} of 1,000");
}

#[test]
fn shards_are_numbered_by_the_lengths_of_names_first() {
    let servers = [("cache-10", 1), ("cache-9", 1), ("cache-1", 1)];
    let names = ["cache-1", "cache-9", "cache-10"];
    let of = |servers: &[Server]| servers.iter().map(|server| server.name().to_owned()).collect::<Vec<_>>();
    let modula = Modula::new(KeyHash::Md5, servers).unwrap();
    assert_eq!(of(modula.servers()), names);
    let builder = ConsistentRing::builder().dialect(Dialect::Twemproxy(KeyHash::Md5));
    let ring = servers.into_iter().fold(builder, |ring, (name, weight)| ring.server(name, weight)).build();
    let ring = ring.unwrap();
    assert_eq!(of(ring.servers()), names);
    for (number, name) in (0..).zip(names) {
        assert_eq!(ring.shard_of_server(name), Some(ShardId::new(number)));
        assert_eq!(ring.server(ShardId::new(number)).map(Server::name), Some(name));
    }
    assert_eq!(modula.shards(), 3);
    assert_eq!(modula.server(ShardId::new(3)), None);
}

#[test]
fn a_weight_beyond_measure_takes_no_memory_from_modula() {
    let modula = Modula::new(KeyHash::Fnv1a64, [("a", u32::MAX), ("b", u32::MAX), ("c", 1)]).unwrap();
    // The hash is below the first server's weight but for its largest value.
    assert_eq!(modula.server_of(b"key").name(), "a");
}
