//! What nginx 1.22.1 tried, and in which order; `test-data/README.md` says how it was asked.

mod running;

use std::net::IpAddr;

use entourage_sharding::{ConsistentRing, Dialect, IpHash, NGINX_WALK, NginxHash, ShardId, ShardingFunction};

use crate::recorded::{digest, digit, digits, made, rows, servers};

/// One upstream with one method.
struct Upstream {
    name: String,
    function: Function,
    /// For each key, the servers in the order in which they were tried.
    tried: Vec<String>,
    /// Of the first of each of those keys that are made by number.
    digest: String,
}

impl Upstream {
    fn read(row: &[String]) -> Self {
        let [name, method, names, count, tried, digest] = row else { panic!("{row:?} has not six columns") };
        let function = Function::new(method, servers(names));
        let tried: Vec<_> = tried.split(' ').map(str::to_owned).collect();
        assert_eq!(count.parse(), Ok(tried.len()));
        Self { name: name.clone(), function, tried, digest: digest.clone() }
    }
}

/// How keys are placed on one upstream.
enum Function {
    Ring(ConsistentRing),
    Hash(NginxHash),
    Ip(IpHash),
}

impl Function {
    fn new(method: &str, servers: Vec<(String, u32)>) -> Self {
        match method {
            "consistent" => {
                let builder = ConsistentRing::builder().dialect(Dialect::Nginx);
                let ring =
                    servers.into_iter().fold(builder, |ring, (name, weight)| ring.server(name, weight));
                Self::Ring(ring.build().expect("the servers are sound"))
            }
            "plain" => Self::Hash(NginxHash::new(servers).expect("the servers are sound")),
            "ip_hash" => Self::Ip(IpHash::new(servers).expect("the servers are sound")),
            other => panic!("no method {other}"),
        }
    }

    /// The key of this number, as nginx hashes it.
    fn key(&self, number: u64) -> Vec<u8> {
        match self {
            Self::Ip(_) => match address(number) {
                IpAddr::V4(address) => address.octets().to_vec(),
                IpAddr::V6(address) => address.octets().to_vec(),
            },
            _ if number % 4 == 2 => {
                made(number).iter().flat_map(|b| format!("{b:02x}").into_bytes()).collect()
            }
            _ => made(number),
        }
    }

    fn shard(&self, key: &[u8]) -> ShardId {
        match self {
            Self::Ring(ring) => ring.shard(key),
            Self::Hash(hash) => hash.shard(key),
            Self::Ip(hash) => hash.shard(key),
        }
    }

    /// What nginx tries because of the key, before it goes round robin.
    fn tries(&self, key: &[u8]) -> Vec<ShardId> {
        match self {
            Self::Ring(ring) => {
                let mut tries = Vec::new();
                for shard in ring.walk(key).take(NGINX_WALK) {
                    if !tries.contains(&shard) {
                        tries.push(shard);
                    }
                }
                assert_eq!(tries, ring.replicas(key, tries.len()));
                tries
            }
            Self::Hash(hash) => hash.tries(key),
            Self::Ip(hash) => hash.tries(key),
        }
    }
}

/// The script's addresses: of version 4 and 6 in turn.
fn address(number: u64) -> IpAddr {
    if number.is_multiple_of(2) {
        let byte = |step: u64, shift: u32| (((number * step) >> shift) % 256) as u8;
        return [byte(7, 0), byte(31, 2), byte(101, 3), byte(13, 0)].into();
    }
    let steps = [8_193, 3, 257, 7_919, 1, 4_099, 65_521, 31_u64];
    steps.map(|step| ((number + 1) * step % 65_536) as u16).into()
}

fn upstreams() -> Vec<Upstream> {
    rows("nginx.tsv").iter().map(|row| Upstream::read(row)).collect()
}

#[test]
fn every_key_is_where_nginx_places_it_and_then_where_nginx_tries() {
    let upstreams = upstreams();
    assert_eq!(upstreams.len(), 28, "vectors are gone");
    for upstream in upstreams {
        for (number, tried) in (0..).zip(&upstream.tried) {
            let key = upstream.function.key(number);
            let ours = digits(&upstream.function.tries(&key));
            assert_eq!(ours.chars().next(), Some(digit(upstream.function.shard(&key).index())));
            // Behind what the key decides, nginx goes round robin.
            assert!(
                tried.starts_with(&ours),
                "upstream {}: for key {number} nginx tried {tried}, and not {ours}",
                upstream.name
            );
        }
    }
}

#[test]
fn four_thousand_more_keys_of_each_upstream_are_where_nginx_places_them() {
    for upstream in upstreams() {
        let place = |number| digit(upstream.function.shard(&upstream.function.key(number)).index());
        let places: String = (0..4_000).map(place).collect();
        assert_eq!(digest(&places), upstream.digest, "upstream {}: some would move", upstream.name);
    }
}

#[test]
fn most_keys_decide_more_than_the_first_try() {
    let (mut decided, mut tried) = (0, 0);
    for upstream in upstreams() {
        decided += (0..200)
            .map(|number| upstream.function.tries(&upstream.function.key(number)).len())
            .sum::<usize>();
        tried += upstream.tried.iter().map(String::len).sum::<usize>();
    }
    assert!(2 * decided > tried, "of {tried} tries, only {decided} are checked");
}

#[test]
fn of_an_address_of_version_4_the_last_byte_does_not_count() {
    let hash = IpHash::new([("a", 3), ("b", 4), ("c", 5)]).unwrap();
    for third in 0..=255 {
        let shard = |last| hash.shard_of_ip([192, 0, third, last].into());
        assert!((1..=255).all(|last| shard(last) == shard(0)));
        assert_eq!(hash.shard(&[192, 0, third, 9]), shard(0));
    }
}
