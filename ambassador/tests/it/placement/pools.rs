//! Random pools: every key is where nutcracker puts it.

use std::env;

use entourage_testkit::{Redis, Rng, Scratch};

use super::{Client, Pair, are_installed, client::request, door::Door};

const HASHES: [&str; 12] = [
    "one_at_a_time",
    "md5",
    "crc16",
    "crc32",
    "crc32a",
    "fnv1_64",
    "fnv1a_64",
    "fnv1_32",
    "fnv1a_32",
    "hsieh",
    "murmur",
    "jenkins",
];
const TAGS: [&str; 6] = ["", "", "{}", "$$", "()", "ab"];
const WEIGHTS: [u64; 8] = [1, 1, 1, 2, 3, 10, 77, 1_000];
const NAMES: [&str; 8] = ["a", "b", "aa", "shard-10", "shard-9", "été", "127.0.0.1", "Z"];

/// How many requests are sent before their replies are read.
const PIPELINE: usize = 100;

/// Five servers, reached in every way that a file can say.
struct Shards {
    servers: Vec<Redis>,
    /// As in the file, before the weight.
    places: Vec<String>,
    _door: Door,
    _scratch: Scratch,
}

impl Shards {
    fn start() -> Self {
        let scratch = Scratch::new();
        let socket = scratch.join("redis.sock").display().to_string();
        let mut servers = Vec::from(Redis::shards::<4>());
        servers.push(Redis::start_with(&["--unixsocket", &socket]));
        let door = Door::to(&servers[3].endpoint());
        let mut places: Vec<_> = servers.iter().map(Redis::endpoint).collect();
        (places[3], places[4]) = (door.address().to_string(), socket);
        Self { servers, places, _door: door, _scratch: scratch }
    }

    /// How many keys each has.
    fn sizes(&self) -> Vec<String> {
        self.each("DBSIZE")
    }

    fn empty(&self) {
        self.each("FLUSHALL");
    }

    fn each(&self, command: &str) -> Vec<String> {
        self.servers.iter().map(|server| Client::new(&server.endpoint()).told(command)).collect()
    }

    /// A pool of some of them, but for its name.
    fn pool(&self, rng: &mut Rng) -> String {
        let mut pool = "  listen: {listen}\n  redis: true\n  timeout: 20000\n".to_owned();
        let hash = pick(rng, &HASHES);
        let distribution = pick(rng, &["ketama", "ketama", "modula"]);
        pool += &format!("  hash: {hash}\n  distribution: {distribution}\n");
        let tag = pick(rng, &TAGS);
        if !tag.is_empty() {
            pool += &format!("  hash_tag: \"{tag}\"\n");
        }
        pool += "  servers:\n";
        let (mut places, mut names) = (self.places.clone(), NAMES.to_vec());
        let (is_named, is_weighted) = (rng.between(0..3) == 0, rng.between(0..2) == 0);
        for _ in 0..pick(rng, &[1, 2, 3, 4, 5, 5, 5]) {
            let place = take(rng, &mut places);
            let weight = if is_weighted { pick(rng, &WEIGHTS) } else { 1 };
            let name = if is_named { format!(" {}", take(rng, &mut names)) } else { String::new() };
            pool += &format!("    - {place}:{weight}{name}\n");
        }
        pool
    }
}

/// A key of any sort.
fn key(rng: &mut Rng, number: usize) -> Vec<u8> {
    let mut key = match rng.between(0..8) {
        0 | 1 => format!("user:{number}").into_bytes(),
        2 => format!("schlüssel-{number}-ключ-鍵").into_bytes(),
        3 => {
            let [open, close] = pick(rng, &[*b"{}", *b"$$", *b"()", *b"ab"]);
            let tag = format!("tag{}", rng.between(0..40)).into_bytes();
            [format!("{number}:").as_bytes(), &[open], &tag, &[close], b":tail"].concat()
        }
        // Tags that are none, or of nothing.
        4 => format!(
            "{}{number}",
            pick(rng, &["{}", "{", "}{", "a{b", "$$", "$", "()(x)", "ba", "{{x}}", "{x"])
        )
        .into_bytes(),
        5 => vec![0xff; 1 + number % 300],
        _ => (0..rng.between(1..40)).map(|_| rng.next_u64() as u8).collect(),
    };
    // No two keys of one number, and none without bytes.
    key.extend_from_slice(format!(".{number}").as_bytes());
    key.truncate(400);
    if rng.between(0..2) == 0 { key.into_iter().rev().collect() } else { key }
}

/// Asks for all of them, some at a time; calls `each` with the replies.
fn ask_all(client: &mut Client, requests: &[Vec<u8>], mut each: impl FnMut(usize, Vec<u8>)) {
    for (number, some) in requests.chunks(PIPELINE).enumerate() {
        client.send(&some.concat());
        for at in 0..some.len() {
            each(number * PIPELINE + at, client.reply().expect("the connection goes on"));
        }
    }
}

#[test]
fn every_key_is_where_nutcracker_puts_it() {
    if !are_installed() {
        return;
    }
    // The same ones every day, and others when there is time to look at what is found.
    let is_long = env::var_os("ENTOURAGE_LONG").is_some();
    let mut rng =
        if is_long || env::var_os("ENTOURAGE_SEED").is_some() { Rng::from_env() } else { Rng::new(1) };
    let (pools, keys) = if is_long { (500, 1_000) } else { (40, 200) };
    let shards = Shards::start();
    let texts: Vec<_> = (0..pools).map(|_| shards.pool(&mut rng)).collect();
    let file: String = (0..).zip(&texts).map(|(number, pool)| format!("pool{number}:\n{pool}")).collect();
    let pair = Pair::start(&file);
    let mut spreads = 0;
    for (number, text) in texts.iter().enumerate() {
        let (mut theirs, mut ours) = (pair.theirs(number), pair.ours(number));
        let keys: Vec<_> = (0..keys).map(|number| key(&mut rng, number)).collect();
        let sets: Vec<_> = keys.iter().map(|key| request(&[b"SET", &key[..], key])).collect();
        let gets: Vec<_> = keys.iter().map(|key| request(&[b"GET", &key[..]])).collect();
        let mut sizes = Vec::new();
        for is_ours in [true, false] {
            let (writer, reader) = if is_ours { (&mut ours, &mut theirs) } else { (&mut theirs, &mut ours) };
            shards.empty();
            ask_all(writer, &sets, |at, reply| {
                assert_eq!(reply, b"+OK\r\n", "{} in\n{text}", keys[at].escape_ascii());
            });
            sizes.push(shards.sizes());
            ask_all(reader, &gets, |at, reply| {
                let (key, found) = (keys[at].escape_ascii(), reply.escape_ascii());
                let expected = [format!("${}\r\n", keys[at].len()).as_bytes(), &keys[at], b"\r\n"].concat();
                assert!(reply == expected, "{found} of {key}, in\n{text}");
            });
        }
        assert_eq!(sizes[0], sizes[1], "keys of each server, in\n{text}");
        spreads += usize::from(sizes[0].iter().filter(|size| *size != ":0\r\n").count() > 1);
    }
    assert!(spreads > pools / 2, "only {spreads} of {pools} pools have keys on several servers: no test");
}

fn pick<T: Copy>(rng: &mut Rng, of: &[T]) -> T {
    of[usize::try_from(rng.between(0..of.len() as u64)).expect("it is below a usize")]
}

fn take<T>(rng: &mut Rng, of: &mut Vec<T>) -> T {
    of.swap_remove(usize::try_from(rng.between(0..of.len() as u64)).expect("it is below a usize"))
}
