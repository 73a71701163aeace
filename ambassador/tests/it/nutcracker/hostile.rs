//! Bytes of any kind: an answer, in bounded time, and never a panic.

use std::fmt::Write;

use entourage_ambassador::nutcracker::{Config, Problem};
use proptest::prelude::*;

/// The most bytes that are read.
const LONGEST: usize = 1024 * 1024;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
        let _ = Config::parse_bytes(&bytes);
    }

    #[test]
    fn any_words_of_yaml_are_answered(
        words in prop::collection::vec(
            prop::sample::select(&[
                "alpha", ":", " ", "\n", "\n ", "\n  ", "\n   - ", "- ", "? ", "listen", "servers", "timeout",
                "127.0.0.1:1", "127.0.0.1:1:1", "/a", "\"", "'", "|", ">", "#", "[", "]", "{", "}", ",", "&a", "*a",
                "!a", "%", "@", "\t", "---", "...", "\\", "\u{85}", "\u{feff}", "é", "\0", "\r", "<<", "=", "~",
            ][..]),
            0..64,
        ),
    ) {
        let text = words.concat();
        if let Err(invalid) = Config::parse(&text) {
            let lines = text.split('\n').count();
            prop_assert!((1..=lines).contains(&invalid.line()), "{}", invalid);
            prop_assert!(invalid.column() >= 1);
        }
    }

    #[test]
    fn any_server_and_address_are_answered(server in ".{0,40}", listen in "[/:.0-9a-z\\[\\] ]{0,40}") {
        let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
        let (listen, server) = (quoted(&listen), quoted(&server));
        if let Ok(config) = Config::parse(&format!("a:\n  listen: {listen}\n  servers:\n   - {server}\n")) {
            let server = &config.pools[0].servers[0];
            prop_assert!(!server.name.is_empty() && server.weight > 0);
        }
    }
}

/// One thing again and again, long enough that what takes time by the square is seen to.
fn much(of: &str) -> String {
    of.repeat(64 * 1024 / of.len())
}

#[test]
fn much_of_anything_is_answered_in_bounded_time() {
    // Not measured: with one that took time by the square this would take hours.
    let floods = [
        "[", "{", "- ", "? ", "- - ", "a: ", "\"", "'", "&a ", "*a ", "!", "|\n", ">\n ", "#", " ", "\n",
        "\t", "a", "a\n", "a:\n", "a\n:\n", "\n ", "[a, ", "{a: ", "é", "\"\\", "\\\n", "%a\n", "!<", "a b ",
        "- \n", "? \n", ", ",
    ];
    for flood in floods {
        let flood = much(flood);
        for before in [
            "",
            "alpha:\n  ",
            "alpha:\n  listen: ",
            "alpha:\n  servers:\n   - ",
            "alpha:\n  hash: \"",
            "alpha:\n  hash: |\n   ",
        ] {
            let _ = Config::parse(&format!("{before}{flood}"));
        }
    }
}

#[test]
fn a_value_may_stand_as_far_behind_its_key_as_a_file_is_long() {
    let far = "\t".repeat(100_000);
    let config = Config::parse(&format!("a:\n  listen:{far}h:1\n  servers:\n   - h:1:1\n"));
    assert_eq!(config.map(|config| config.pools[0].listen.to_string()), Ok("h:1".to_owned()));
}

#[test]
fn a_file_beyond_the_limit_is_refused_before_it_is_looked_at() {
    let invalid = Config::parse(&" ".repeat(LONGEST + 1)).expect_err("it is too long");
    assert!(matches!(invalid.problem(), Problem::TooLong { limit: LONGEST }), "{invalid}");
    assert_eq!(Config::parse_bytes(&vec![0xff; LONGEST + 1]), Err(invalid));
}

fn pool(name: usize, servers: usize) -> String {
    let mut pool = format!("pool-{name}:\n  listen: 127.0.0.1:{}\n  servers:\n", name + 1);
    for server in 0..servers {
        writeln!(pool, "   - h:{}:1", server + 1).expect("a string takes all");
    }
    pool
}

#[test]
fn as_many_pools_and_servers_as_are_promised_are_taken_and_not_one_more() {
    let pools = |count| (0..count).map(|name| pool(name, 1)).collect::<String>();
    assert_eq!(Config::parse(&pools(1_024)).expect("they are as many as may be").pools.len(), 1_024);
    let invalid = Config::parse(&pools(1_025)).expect_err("they are too many");
    assert_eq!((invalid.line(), invalid.key()), (1_024 * 4 + 1, None));
    assert!(matches!(invalid.problem(), Problem::TooMany { limit: 1_024, .. }), "{invalid}");

    let most = Config::parse(&pool(0, 4_096)).expect("they are as many as may be");
    assert_eq!(most.pools[0].servers.len(), 4_096);
    let invalid = Config::parse(&pool(0, 4_097)).expect_err("they are too many");
    assert_eq!(invalid.line(), 3 + 4_097);
    assert!(matches!(invalid.problem(), Problem::TooMany { limit: 4_096, .. }), "{invalid}");
}
