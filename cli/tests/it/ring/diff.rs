//! What a change moves.

use std::fs;

use entourage_testkit::Scratch;
use serde_json::Value;

use super::{lines, pool, ring};

fn fraction(of: &Value) -> f64 {
    of["moved_fraction"].as_f64().expect("it is a number")
}

/// The findings of these names, with whether they are of the old or the new side.
fn found<'v>(of: &'v Value, name: &str) -> Vec<(&'v str, &'v str)> {
    let findings = of["findings"].as_array().expect("they are a list").iter();
    let text = |value: &'v Value| value.as_str().unwrap_or_default();
    let named = findings.filter(|finding| finding["finding"] == name);
    named.map(|finding| (text(&finding["in"]), text(&finding["server"]))).collect()
}

#[test]
fn a_server_more_takes_its_part_and_nothing_else_moves() {
    let flags = ["diff", "--server", "a b c", "--new-server", "a b c d", "--generate", "20000"];
    let said = &lines(&ring(flags, b"").succeeded().stdout)[0];
    assert_eq!((&said["keys"], &said["keys_from"]), (&20_000.into(), &"generated".into()));
    assert!((0.2..0.3).contains(&fraction(said)), "{said}");
    let moves = said["moves"].as_array().expect("they are a list");
    assert!(moves.len() == 3 && moves.iter().all(|some| some["to"] == "d"), "{said}");
    let moved: u64 = moves.iter().filter_map(|some| some["keys"].as_u64()).sum();
    assert_eq!(said["moved"], moved);
    assert_eq!(said["new"].as_array().map(Vec::len), Some(4));
}

#[test]
fn a_hash_that_reaches_one_server_alone_is_told_and_so_is_who_starves() {
    let scratch = Scratch::new();
    let servers = ["10.0.0.1:6379:1 a", "10.0.0.2:6379:1 b", "10.0.0.3:6379:1 c"];
    let unequal = ["10.0.0.1:6379:1 a", "10.0.0.2:6379:1 b", "10.0.0.3:6379:1000 c"];
    let beta = pool("beta", "  distribution: random\n", &servers).replace("22121", "22122");
    let old = pool("alpha", "  hash: crc32\n", &servers) + &beta;
    let gamma = pool("gamma", "", &servers).replace("22121", "22123");
    let new = pool("alpha", "  hash: crc32a\n", &unequal) + &beta + &gamma;
    let [old, new] = [("old.yml", old), ("new.yml", new)].map(|(name, config)| {
        let file = scratch.join(name);
        fs::write(&file, config).expect("it can be written");
        file.display().to_string()
    });
    let said = lines(&ring(["diff", "-c", &old, "-c", &new, "--generate", "5000"], b"").succeeded().stdout);
    let names: Vec<_> = said.iter().map(|pool| pool["pool"].as_str().unwrap_or_default()).collect();
    assert_eq!(names, ["alpha", "beta", "gamma"]);
    let alpha = &said[0];
    assert_eq!(found(alpha, "degenerate"), [("old", "")], "{alpha}");
    assert_eq!(found(alpha, "starved").iter().filter(|(side, _)| *side == "old").count(), 2, "{alpha}");
    assert!(found(alpha, "starved").contains(&("new", "a")), "{alpha}");
    let warned = alpha["findings"].to_string();
    assert!(warned.contains("crc32 has 15 bits") && !warned.contains("random"), "{warned}");
    assert!(said[1]["not_compared"].is_string() && said[2]["only"] == "new", "{said:?}");
    let alone = ring(["diff", "-c", &old, "-c", &new, "--pool", "beta", "--generate"], b"");
    assert_eq!(alone.status.code(), Some(2), "{alone:?}");
}

#[test]
fn the_keys_of_standard_input_are_what_is_compared() {
    let flags = ["diff", "--dialect", "twemproxy", "--server", "a b c", "--new-tag", "{}"];
    let said = &lines(&ring(flags, b"plain\n{x}1\n{x}2\n{x}3\n{x}4\n{x}5\n").succeeded().stdout)[0];
    assert_eq!((&said["keys"], &said["keys_from"]), (&6.into(), &"stdin".into()));
    assert!(said["moved"].as_u64().is_some_and(|moved| (1..=5).contains(&moved)), "{said}");
    let none = ring(flags, b"");
    assert_eq!(none.status.code(), Some(1), "{none:?}");
    assert!(none.stderr.contains("--generate"), "{none:?}");
}
