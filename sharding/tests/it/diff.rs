//! What a change of function moves, what a survey finds, and why a key is where it is.

use entourage_sharding::{
    Comparison, ConsistentRing, Dialect, Diff, Error, Explain, Explanation, Finding, HashTag, IpHash, Jump,
    KeyHash, MAX_SURVEYED, Maglev, Modula, Modulo, NginxHash, Range, Rendezvous, ShardId, ShardingFunction,
    Survey,
};

use crate::keys;

fn twemproxy(hash: KeyHash, weights: &[u32]) -> ConsistentRing {
    let builder = ConsistentRing::builder().dialect(Dialect::Twemproxy(hash));
    let servers = weights.iter().enumerate();
    let ring = servers.fold(builder, |ring, (at, weight)| ring.server(format!("10.0.0.{at}:6379"), *weight));
    ring.build().expect("sound servers")
}

fn found(survey: &Survey) -> Vec<&'static str> {
    survey.findings.iter().map(Finding::name).collect()
}

#[test]
fn a_diff_counts_each_move() {
    let (old, new) =
        (Range::below("m", "one").rest("two").unwrap(), Range::below("t", "one").rest("three").unwrap());
    let diff = Diff::between(&old, &new, ["a", "b", "p", "q", "z"]).unwrap();
    let moves: Vec<_> = diff.moves.iter().map(|some| (&*some.from, &*some.to, some.keys)).collect();
    assert_eq!(moves, [("two", "one", 2), ("two", "three", 1)]);
    assert_eq!((diff.keys, diff.moved), (5, 3));
    assert!((diff.fraction() - 0.6).abs() < 1e-12);
    let counts = |survey: &Survey| -> Vec<_> {
        survey.servers.iter().map(|server| (server.server.clone(), server.keys)).collect()
    };
    assert_eq!(counts(&diff.old), [("one".to_owned(), 2), ("two".to_owned(), 3)]);
    assert_eq!(counts(&diff.new), [("one".to_owned(), 4), ("three".to_owned(), 1)]);
}

#[test]
fn a_shard_of_another_number_and_the_same_name_is_no_move() {
    // "a" comes first and pushes all other numbers up by one.
    let (old, new) = (Rendezvous::of(["b", "c"]).unwrap(), Rendezvous::of(["a", "b", "c"]).unwrap());
    let diff = Diff::between(&old, &new, keys()).unwrap();
    assert!(diff.moves.iter().all(|some| some.to == "a"), "{:?}", diff.moves);
    assert!((diff.fraction() - 1.0 / 3.0).abs() < 0.02);
    let none = Diff::between(&old, &old, Vec::<String>::new()).unwrap();
    assert_eq!((none.moved, none.fraction(), none.new.max_over_mean), (0, 0.0, None));
}

#[test]
fn a_server_that_gets_no_keys_is_found() {
    let survey = Survey::of(&twemproxy(KeyHash::Fnv1a64, &[1, 1, 1_000]), keys().take(50)).unwrap();
    let starved = |server: &str| Finding::Starved { server: server.to_owned() };
    assert_eq!(survey.findings, [starved("10.0.0.0:6379"), starved("10.0.0.1:6379")]);
    let table = Maglev::with_table(13, [("heavy", 100), ("light", 1)]).unwrap();
    assert_eq!(Survey::of(&table, keys().take(50)).unwrap().findings, [starved("light")]);
}

#[test]
fn a_server_beyond_the_range_of_a_hash_is_found_without_keys() {
    let found = |function: &dyn Explain| Survey::of(function, Vec::<String>::new()).unwrap().findings;
    let servers = |heavy| [("a", heavy), ("b", 1)];
    let starved = [Finding::Starved { server: "b".to_owned() }];
    // The largest hash, which is one below the sum of the weights, is the last server's.
    let ip_hash = |heavy| IpHash::new(servers(heavy)).unwrap();
    assert_eq!((found(&ip_hash(6_270)), &found(&ip_hash(6_271))[..]), (vec![], &starved[..]));
    let hash = |heavy| NginxHash::new(servers(heavy)).unwrap();
    assert_eq!((found(&hash(0x7fff)), &found(&hash(0x8000))[..]), (vec![], &starved[..]));
    let modula = |of, heavy| Modula::new(of, servers(heavy)).unwrap();
    assert_eq!(found(&modula(KeyHash::Crc32, 0x7fff)), []);
    assert_eq!(found(&modula(KeyHash::Crc32, 0x8000)), starved);
    assert_eq!(found(&modula(KeyHash::Crc32a, u32::MAX)), []);
}

#[test]
fn a_survey_takes_time_by_the_servers_and_not_by_their_square() {
    // Which would be 10¹⁰ additions of weights here, and minutes.
    let servers = || (0..100_000).map(|number| (number.to_string(), 1));
    for function in [
        Box::new(Rendezvous::new(servers()).unwrap()) as Box<dyn Explain>,
        Box::new(NginxHash::new(servers()).unwrap()),
    ] {
        let survey = Survey::of(&function, ["key"]).unwrap();
        assert!(survey.servers.iter().all(|server| server.ideal == Some(0.000_01)));
    }
}

#[test]
fn a_hash_that_does_not_fill_its_ring_is_found() {
    let survey = Survey::of(&twemproxy(KeyHash::Crc32, &[1; 5]), keys()).unwrap();
    assert_eq!(survey.findings[0], Finding::Degenerate { bits: 15, of: 32 });
    assert_eq!(found(&survey).iter().filter(|name| **name == "starved").count(), 4);
    assert!(found(&survey).contains(&"skewed"));
    // The same hash is sound where it is divided.
    let servers = (0..5).map(|at| (format!("10.0.0.{at}:6379"), 1));
    assert_eq!(found(&Survey::of(&Modula::new(KeyHash::Crc32, servers).unwrap(), keys()).unwrap()), [""; 0]);
}

#[test]
fn a_server_that_gets_too_much_is_found() {
    // Fnv1_64 spreads keys that are alike badly over a ring.
    let survey =
        Survey::of(&twemproxy(KeyHash::Fnv1_64, &[1; 5]), (0..20_000).map(|n| format!("key-{n}"))).unwrap();
    let worst = survey.max_over_mean.unwrap();
    assert_eq!(worst > 1.5, found(&survey).contains(&"skewed"), "{worst}");
    let builder = ConsistentRing::builder().dialect(Dialect::Twemproxy(KeyHash::Fnv1_64));
    let ring = (1..=5).fold(builder, |ring, n| ring.server(format!("cache-{n}"), 1)).build().unwrap();
    let survey = Survey::of(&ring, (0..20_000).map(|n| format!("key-{n}"))).unwrap();
    assert!(survey.max_over_mean.unwrap() > 1.7 && found(&survey).contains(&"skewed"));
}

#[test]
fn sound_functions_raise_no_alarm() {
    let servers = || ["a", "b", "c", "d"].into_iter().zip([1, 2, 3, 4]);
    let ring = servers().fold(ConsistentRing::builder(), |ring, (name, weight)| ring.server(name, weight));
    let functions: [Box<dyn Explain>; 9] = [
        Box::new(ring.build().unwrap()),
        Box::new(twemproxy(KeyHash::Murmur, &[1; 4])),
        Box::new(Rendezvous::new(servers()).unwrap()),
        Box::new(Maglev::new(servers()).unwrap()),
        Box::new(Jump::new(4).unwrap()),
        Box::new(Modulo::new(4).unwrap()),
        Box::new(Modula::new(KeyHash::Murmur, servers()).unwrap()),
        Box::new(NginxHash::new(servers()).unwrap()),
        Box::new(Range::below("user:2", "a").below("user:5", "b").rest("c").unwrap()),
    ];
    for function in functions {
        for count in [0, 1, 10, 100, 20_000] {
            let survey = Survey::of(&function, keys().take(count)).unwrap();
            assert_eq!(survey.findings, [], "{function:?} with {count} keys");
        }
    }
}

#[test]
fn new_keys_that_only_ever_land_on_the_last_shard_are_found() {
    let patents = Range::below("1950", "paper").below("2001", "scanned").rest("digital").unwrap();
    let years = || (1900..2026).map(|year| year.to_string());
    let survey = Survey::of(&patents, years()).unwrap();
    assert_eq!(survey.findings, [Finding::GrowsAtTheEnd { server: "digital".to_owned() }]);
    // Not where keys come in no order, nor where they are hashed, nor before the last shard.
    let mixed = (0..126).map(|at| 1900 + at * 71 % 126).map(|year| year.to_string());
    assert_eq!(Survey::of(&patents, mixed).unwrap().findings, []);
    assert_eq!(Survey::of(&Jump::new(3).unwrap(), years()).unwrap().findings, []);
    assert_eq!(Survey::of(&patents, (1900..1999).map(|year| year.to_string())).unwrap().findings, []);
}

#[test]
fn a_tag_counts_for_the_function_that_has_it() {
    let function = Rendezvous::of(["a", "b", "c", "d"]).unwrap();
    let tag = HashTag::new(b'{', b'}');
    let mut comparison = Comparison::new(&function, &function).unwrap().with_tags(None, Some(tag));
    (0..400).for_each(|number| comparison.add(format!("{{user:7}}:{number}").as_bytes()));
    let diff = comparison.finish();
    let home = Explanation::of(&function, Some(tag), b"{user:7}:0", 1).server;
    assert!(diff.moves.iter().all(|some| some.to == home));
    assert!((200..400).contains(&diff.moved), "{} moved", diff.moved);
}

#[test]
fn a_survey_of_too_many_shards_is_refused() {
    let (servers, limit) = (u32::MAX as usize, MAX_SURVEYED as usize);
    let refused = Survey::of(&Jump::new(u32::MAX).unwrap(), ["key"]);
    assert_eq!(refused, Err(Error::TooManyServers { servers, limit }));
}

#[test]
fn an_explanation_says_what_places_the_key() {
    let ring = twemproxy(KeyHash::Fnv1a32, &[1; 3]);
    let told = Explanation::of(&ring, None, b"user:7", 2);
    assert_eq!(told.hash, Some(KeyHash::Fnv1a32.hash(b"user:7").into()));
    // The first point at or after the hash, or the first of all.
    assert!(told.point >= told.hash || told.hash > Some(0xf000_0000));
    assert_eq!(
        (told.shard, &told.server),
        (ring.shard(b"user:7"), &ring.server_of(b"user:7").name().to_owned())
    );
    assert_eq!(told.replicas.len(), 2);

    let jump = Explanation::of(&Jump::new(9).unwrap(), None, b"user:7", 3);
    assert_eq!((jump.server, jump.point), (jump.shard.to_string(), None));
    let range = Explanation::of(&Range::below("m", "one").rest("two").unwrap(), None, b"user:7", 9);
    assert_eq!((range.hash, range.replicas), (None, vec!["two".to_owned(), "one".to_owned()]));
    let address = Explanation::of(&IpHash::new([("a", 1), ("b", 1)]).unwrap(), None, &[192, 0, 2, 7], 1);
    assert_eq!(address.hash, Some([192, 0, 2].iter().fold(89_u64, |hash, byte| (hash * 113 + byte) % 6271)));
    assert_eq!(Modulo::new(3).unwrap().server_name(ShardId::new(7)), "7");
}
