//! Where keys go.

use std::fs;

use entourage_testkit::{Nutcracker, Program, Redis, Requirement, Scratch};

use super::{explained, lines, pool, ring};

/// Where a real nutcracker had put the keys of the other file.
const RECORDED: &str = include_str!("../../../../sharding/test-data/twemproxy.tsv");
const KEYS: &str = include_str!("../../../../sharding/test-data/keys.tsv");

#[test]
fn every_recorded_key_is_where_nutcracker_put_it() {
    let keys: Vec<_> = KEYS.lines().filter(|line| !line.starts_with('#')).collect();
    let input = keys.join("\n");
    let rows: Vec<Vec<_>> = RECORDED.lines().map(|line| line.split('\t').collect()).collect();
    for name in ["weights_ketama_fnv1a_64", "equal_modula_md5", "tag_", "port_11211", "sockets", "starved"] {
        let row = rows.iter().find(|row| row[0].starts_with(name) && !row[5].contains('!')).expect(name);
        let [_, hash, distribution, tag, names, configured, _, places, _] = row[..] else {
            panic!("{row:?} has nine columns")
        };
        let servers: Vec<_> = names.split(' ').map(|name| name.replace('=', "*")).collect();
        let dialect = if distribution == "ketama" { "twemproxy" } else { "modula" };
        let mut flags = vec!["explain", "--hex", "--dialect", dialect, "--hash", hash];
        servers.iter().for_each(|server| flags.extend(["--server", server]));
        let of_tag = if tag == "-" { String::new() } else { format!("  hash_tag: \"{tag}\"\n") };
        if tag != "-" {
            flags.extend(["--tag", tag]);
        }
        let scratch = Scratch::new();
        let file = scratch.join("nutcracker.yml");
        let more = format!("  hash: {hash}\n  distribution: {distribution}\n{of_tag}");
        let entries: Vec<_> = configured.split(" | ").collect();
        fs::write(&file, pool("alpha", &more, &entries)).expect("it can be written");
        let file = file.display().to_string();
        let by_flags = lines(&ring(&flags, input.as_bytes()).succeeded().stdout);
        let by_file = lines(&ring(["explain", "--hex", "-c", &file], input.as_bytes()).succeeded().stdout);
        assert_eq!((by_flags.len(), by_file.len()), (keys.len(), keys.len()), "{name}");
        for (place, key) in keys.iter().enumerate() {
            let digit = places.as_bytes()[place];
            let at = char::from(digit).to_digit(36).expect("a place is a digit") as usize;
            let wanted = servers[at].rsplit_once('*').expect("each has a weight").0;
            for said in [&by_flags[place], &by_file[place]] {
                assert_eq!((&said["key"], &said["server"]), (&(*key).into(), &wanted.into()), "{name}");
            }
        }
    }
}

#[test]
fn keys_are_where_a_running_nutcracker_puts_them() {
    let (redis, nutcracker) =
        (Requirement::from(Redis::available()), Requirement::from(Nutcracker::available()));
    if !redis.is_met("redis") || !nutcracker.is_met("nutcracker") {
        return;
    }
    let shards = Redis::shards::<2>();
    let entries: Vec<_> = shards.iter().map(|shard| format!("{}:1", shard.endpoint())).collect();
    let entries: Vec<_> = entries.iter().map(String::as_str).collect();
    let config = pool("alpha", "  redis: true\n  hash: murmur\n", &entries);
    let proxy = Nutcracker::start(&config.replace("127.0.0.1:22121", "{listen}"));
    let keys: Vec<_> = (0..40).map(|number| format!("größe:{number}")).collect();
    let (_, port) = proxy
        .endpoint()
        .rsplit_once(':')
        .map(|(host, port)| (host.to_owned(), port.to_owned()))
        .expect("it has a port");
    let mut pairs = vec!["-p".to_owned(), port, "MSET".to_owned()];
    keys.iter().for_each(|key| pairs.extend([key.clone(), "1".to_owned()]));
    let set = Program::new("redis-cli").args(&pairs).start().wait(super::PATIENCE).succeeded();
    assert_eq!(set.stdout.trim(), "OK");
    let scratch = Scratch::new();
    let file = scratch.join("nutcracker.yml");
    fs::write(&file, config).expect("it can be written");
    let explained = explained(&file, &keys.join("\n"));
    let on = shards.each_ref().map(|shard| shard.cli(["KEYS", "*"]).succeeded().stdout.lines().count());
    assert_eq!(on[0] + on[1], keys.len());
    for (key, said) in keys.iter().zip(&explained) {
        let shard =
            shards.iter().find(|shard| said["server"] == shard.endpoint()).expect("it is one of them");
        assert_eq!(shard.cli(["EXISTS", key]).succeeded().stdout.trim(), "1", "{said}");
    }
}

#[test]
fn an_object_tells_the_hash_the_point_the_part_that_counts_and_who_is_next() {
    let args = ["explain", "--dialect", "twemproxy", "--tag", "{}", "--replicas", "2"];
    let servers = ["--server", "a b*2", "--server", "c"];
    let said = ring(args.iter().chain(&servers), b"cart:{7}\n7\nn\xfc\n").succeeded().stdout;
    let said = lines(&said);
    assert_eq!(said[0]["hashed"], "7");
    assert_eq!((&said[0]["hash"], &said[0]["point"]), (&said[1]["hash"], &said[1]["point"]));
    assert_eq!(said[1].get("hashed"), None, "all of it counts");
    assert!(said[0]["point"].as_u64() >= said[0]["hash"].as_u64(), "{said:?}");
    assert_eq!(said[0]["replicas"][0], said[0]["server"]);
    assert_eq!(said[0]["replicas"].as_array().map(Vec::len), Some(2));
    assert_eq!(said[2]["key_hex"], "6efc");
}

#[test]
fn the_part_that_counts_is_said_to_the_byte() {
    let flags = ["explain", "--server", "a b", "--tag", "{}"];
    let said = lines(&ring(flags, b"{\xff}1\n").succeeded().stdout);
    assert_eq!((&said[0]["hashed"], &said[0]["hashed_hex"]), (&"\u{fffd}".into(), &"ff".into()));
    let said = lines(&ring(flags.iter().chain(&["--hex"]), b"7b787d31\n").succeeded().stdout);
    assert_eq!((&said[0]["key"], &said[0]["hashed"]), (&"7b787d31".into(), &"78".into()));
}

#[test]
fn an_address_is_where_nginx_puts_it_in_words_and_in_bytes() {
    let flags = ["explain", "--dialect", "nginx-ip", "--server", "stable*9", "--server", "experiment"];
    let words = lines(&ring(flags, b"192.0.2.7\n2001:db8::1\n").succeeded().stdout);
    let bytes = ring(flags.iter().chain(&["--hex"]), b"c0000207\n20010db8000000000000000000000001\n");
    let bytes = lines(&bytes.succeeded().stdout);
    for (word, byte) in words.iter().zip(&bytes) {
        assert_eq!((&word["server"], &word["hash"]), (&byte["server"], &byte["hash"]));
    }
    assert_eq!(words[0]["key"], "192.0.2.7");
}
