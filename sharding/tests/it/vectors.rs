//! Where keys went in release 0.1.0, and must go for ever.
//!
//! The files in `test-data/` were written by this module. `ENTOURAGE_MAKE_VECTORS=1`
//! writes those that do not exist; one that exists is never written again.

use std::{
    fmt::{Display, Write as _},
    fs,
    path::Path,
};

use entourage_sharding::{ConsistentRing, Modulo, ShardingFunction};
use xxhash_rust::xxh3::xxh3_64;

/// Each ring as it stands in the file: points per weight, then `name=weight`.
const RINGS: [&str; 6] = [
    "160 only=1",
    "160 cache-0=1 cache-1=1 cache-2=1 cache-3=1 cache-4=1",
    "160 small=1 middle=2 large=5",
    "40 10.0.0.1:6379=1 10.0.0.2:6379=1 10.0.0.3:6379=3",
    "1 a=1 b=1 c=1 d=1",
    "160 zürich=1 東京=2 são-paulo=1",
];

const MODULO: [u32; 5] = [1, 2, 7, 1_024, u32::MAX];

/// The hash has other code for each range of lengths: the borders, then plain text.
fn keys() -> Vec<Vec<u8>> {
    let lengths =
        [0, 1, 2, 3, 4, 5, 8, 9, 16, 17, 32, 33, 64, 65, 96, 97, 128, 129, 192, 240, 241, 512, 1_024, 1_025];
    let mut keys: Vec<Vec<u8>> = lengths
        .into_iter()
        .map(|length| (0..length).map(|at: u32| (at.wrapping_mul(167) % 256) as u8).collect())
        .collect();
    keys.extend(
        [&b"\xff\xfe\x80\x00\r\n"[..], "schlüssel".as_bytes(), b"{tag}rest", b"cache-0-17"]
            .map(<[u8]>::to_vec),
    );
    keys.extend((0..150).map(|number| format!("user:{number}").into_bytes()));
    keys
}

fn parse(definition: &str) -> ConsistentRing {
    let mut words = definition.split(' ');
    let points = words.next().and_then(|word| word.parse().ok()).expect("points come first");
    words
        .map(|word| word.split_once('=').expect("name=weight"))
        .fold(ConsistentRing::builder(), |builder, (name, weight)| {
            builder.server(name, weight.parse().expect("a weight"))
        })
        .points_per_weight(points)
        .build()
        .expect("the ring is sound")
}

fn hex(key: &[u8]) -> String {
    key.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a String does not fail");
        text
    })
}

fn line(text: &mut String, columns: &[&dyn Display]) {
    let columns: Vec<_> = columns.iter().map(ToString::to_string).collect();
    text.push_str(&columns.join("\t"));
    text.push('\n');
}

fn hashes() -> String {
    let mut text = String::from("# key (hex)\txxh3-64 (hex)\n");
    for key in keys() {
        line(&mut text, &[&hex(&key), &format_args!("{:016x}", xxh3_64(&key))]);
    }
    text
}

fn modulo() -> String {
    let mut text = String::from("# shards\tkey (hex)\tshard\n");
    for shards in MODULO {
        let modulo = Modulo::new(shards).expect("there are shards");
        for key in keys() {
            line(&mut text, &[&shards, &hex(&key), &modulo.shard(&key)]);
        }
    }
    text
}

fn rings() -> String {
    let mut text = String::from("# ring\tkey (hex)\tservers in order of preference\n");
    for definition in RINGS {
        let ring = parse(definition);
        for key in keys() {
            let replicas: Vec<_> = ring
                .replicas(&key, usize::MAX)
                .into_iter()
                .map(|shard| ring.server(shard).expect("its own shard").name())
                .collect();
            assert_eq!(replicas[0], ring.server_of(&key).name());
            assert_eq!(Some(ring.shard(&key)), ring.shard_of_server(replicas[0]));
            line(&mut text, &[&definition, &hex(&key), &replicas.join(" ")]);
        }
    }
    text
}

fn is_as_frozen(file: &str, now: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("test-data").join(file);
    if !path.exists() && std::env::var_os("ENTOURAGE_MAKE_VECTORS").is_some() {
        fs::write(&path, now).expect("the folder can be written to");
    }
    let frozen = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(frozen.lines().count(), now.lines().count(), "{file} has another number of vectors");
    for (number, (frozen, now)) in (1..).zip(frozen.lines().zip(now.lines())) {
        assert_eq!(
            frozen, now,
            "{file}:{number}: keys would move under everybody who is on an earlier release"
        );
    }
}

#[test]
fn the_hash_of_a_key_is_as_in_the_first_release() {
    is_as_frozen("hashes.tsv", &hashes());
}

#[test]
fn the_shard_of_a_key_modulo_is_as_in_the_first_release() {
    is_as_frozen("modulo.tsv", &modulo());
}

#[test]
fn the_servers_of_a_key_on_a_ring_are_as_in_the_first_release() {
    is_as_frozen("rings.tsv", &rings());
}
