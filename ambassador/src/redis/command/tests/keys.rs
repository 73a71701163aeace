//! Keys, against what a real server says.

use entourage_testkit::Rng;

use super::{
    super::{Command, Route, integer},
    peer::{Peer, lines, redis},
};
use crate::redis::args::Written;

/// Argument lists of the commands whose keys are not where they always are.
const SHAPES: &str = "
    EVAL s 1 a | EVAL s 2 a b c d | EVALSHA s 3 a b a | EVAL_RO s 1 a 1 | EVALSHA_RO s 1 a |
    FCALL f 2 a b c | FCALL_RO f 1 a | ZUNION 2 a b WEIGHTS 1 2 | ZINTER 1 a |
    ZDIFF 3 a b c WITHSCORES | ZINTERCARD 2 a b LIMIT 1 | ZUNIONSTORE d 2 a b AGGREGATE MAX |
    ZINTERSTORE d 1 a | ZDIFFSTORE d 3 a b c | SINTERCARD 2 a b LIMIT 1 | LMPOP 2 a b LEFT COUNT 2 |
    ZMPOP 1 a MIN | XREAD STREAMS a 0 | XREAD COUNT 2 STREAMS a b c 0 0 0 |
    XREAD COUNT 2 STREAMS streams streams 0 0 | XREADGROUP GROUP g c STREAMS a > |
    XREADGROUP GROUP streams block COUNT 1 NOACK STREAMS a b > > | SORT a |
    SORT a BY nosort GET # STORE d | SORT a LIMIT 0 1 ALPHA STORE d | SORT a DESC STORE e |
    SORT a BY store ASC | SORT_RO a DESC ALPHA | GEORADIUS a 1 1 1 km | GEORADIUS a 1 1 1 km STORE d |
    GEORADIUS a 1 1 1 km COUNT 1 STOREDIST d ASC | GEORADIUSBYMEMBER a m 1 km STORE d STOREDIST e |
    GEORADIUSBYMEMBER_RO a m 1 km | MSET a 1 b 2 c 3 | MSETNX a 1 b 2 | BITOP AND d a b |
    MEMORY USAGE a SAMPLES 5 | OBJECT ENCODING a | XGROUP CREATE a g $ MKSTREAM |
    XINFO STREAM a FULL COUNT 1 | COPY a b REPLACE
";

/// Where our table finds keys, sorted; the server names a destination last.
fn ours(args: &[&str]) -> Option<Vec<String>> {
    let written = Written::new(args);
    let args = written.args();
    let mut keys = Vec::new();
    let command = Command::find(&args).unwrap_or_else(|error| panic!("{error:?}"));
    command.keys(&args, &mut |key| keys.push(String::from_utf8_lossy(key).into_owned())).ok()?;
    keys.sort_unstable();
    Some(keys)
}

fn assert_same(peer: &mut Peer, args: &[&str]) {
    let theirs = peer.ask(["COMMAND", "GETKEYS"].iter().chain(args));
    match ours(args) {
        // The server does not tell the key of this one, but takes it.
        Some(keys) if args[0] == "pfmerge" && args.len() == 2 => {
            assert_eq!(keys, args[1..]);
            assert!(!peer.ask(args).is_error(), "{args:?}");
        }
        Some(keys) => {
            assert!(!theirs.is_error(), "{args:?} has no keys: {theirs:?}");
            let mut theirs: Vec<_> = theirs.items().iter().map(super::Value::text).collect();
            theirs.sort_unstable();
            assert_eq!(keys, theirs, "{args:?}");
        }
        // Then it is refused by the server too, in the same words: see `refusals`.
        None => assert!(peer.ask(args).is_error(), "{args:?}"),
    }
}

#[test]
fn every_key_is_where_a_real_server_finds_it() {
    let Some(redis) = redis(&[]) else { return };
    let mut peer = Peer::of(&redis);
    let (mut asked, mut special) = (0, 0);
    for described in peer.commands() {
        let least = described.arity.unsigned_abs();
        let name: Vec<_> = described.name.split('|').collect();
        let shortest = filled(&name, usize::from(least));
        let written = Written::new(&shortest);
        let Ok(command) = Command::find(&written.args()) else { continue };
        if !matches!(command.route(&written.args()), Route::Keyed | Route::Split(_)) {
            continue;
        }
        if ours(&shortest).is_none() && !["mset", "msetnx"].contains(&command.name) {
            // Its numbers or words tell where the keys are.
            let name = &command.name;
            let is_shown = lines(SHAPES)
                .any(|shape| shape.split(' ').next().is_some_and(|s| s.eq_ignore_ascii_case(name)));
            assert!(is_shown, "{name} has no shape");
            special += 1;
            continue;
        }
        let most = if described.arity < 0 { least + 4 } else { least };
        for count in least..=most {
            assert_same(&mut peer, &filled(&name, usize::from(count)));
            asked += 1;
        }
    }
    for shape in lines(SHAPES) {
        assert_same(&mut peer, &shape.split(' ').collect::<Vec<_>>());
    }
    assert!(asked > 400 && special >= 16, "only {asked} and {special} were compared");
}

/// This command with arguments that are no numbers and no options, up to `count` in all.
fn filled<'a>(name: &[&'a str], count: usize) -> Vec<&'a str> {
    const OTHERS: &str = "k1 k2 k3 k4 k5 k6 k7 k8 k9 k10 k11 k12 k13 k14";
    name.iter().copied().chain(OTHERS.split(' ')).take(count.max(name.len())).collect()
}

#[test]
fn counted_keys_are_those_that_a_real_server_counts() {
    let Some(redis) = redis(&[]) else { return };
    let mut peer = Peer::of(&redis);
    for before in
        ["EVAL s", "FCALL f", "ZUNION", "ZUNIONSTORE d", "SINTERCARD", "LMPOP", "ZMPOP", "ZINTERCARD"]
    {
        for count in 1..=5 {
            for more in 0..3 {
                let number = count.to_string();
                let others = ["a", "b", "c", "d", "e", "x", "y"];
                let mut args: Vec<_> = before.split(' ').chain([number.as_str()]).collect();
                args.extend(&others[..count]);
                args.extend(&others[5..][..more]);
                let least = if before.ends_with("MPOP") { 4 } else { 0 };
                if args.len() >= least {
                    assert_same(&mut peer, &args);
                }
            }
        }
    }
}

#[test]
fn what_waits_is_refused_whatever_its_arguments_are_called() {
    let route = |line: &str| {
        let written = Written::new(line.split(' '));
        Command::find(&written.args()).expect("it is a command").route(&written.args())
    };
    for line in [
        "XREAD BLOCK 0 STREAMS a 0",
        "xread count 1 block 5 streams a $",
        "XREADGROUP GROUP g c BLOCK 0 STREAMS a >",
        "XREADGROUP GROUP block block NOACK block 1 STREAMS a >",
        "XREAD MAXCOUNT 5 BLOCK 0 STREAMS a $",
        "TS.READ a $ BLOCK 1000 1",
        "BLPOP a 0",
        "WAIT 1 0",
        "SORT a BY w_* GET #",
        "SORT a LIMIT 0 1 get v_*->f",
        "SORT_RO a by w_*",
        "COPY a b DB 1",
        "copy a b replace db 0",
    ] {
        assert!(matches!(route(line), Route::Refused(_)), "{line} is {:?}", route(line));
    }
    for line in [
        "XREAD STREAMS block 0",
        "XREADGROUP GROUP block block STREAMS a >",
        "SORT a BY nosort GET #",
        "SORT * LIMIT 0 1",
        "COPY db db REPLACE",
    ] {
        assert_eq!(route(line), Route::Keyed, "{line}");
    }
}

#[test]
fn an_integer_is_taken_as_a_server_takes_it() {
    let Some(redis) = redis(&[]) else { return };
    let mut peer = Peer::of(&redis);
    let plain = "0 -0 1 -1 +1 01 -01 - 1.0 0x1 1e3 9223372036854775807 9223372036854775808 -9223372036854775808 \
                 -9223372036854775809 99999999999999999999999";
    for text in plain.split(' ').chain(["", " 1", "1 "]) {
        let _ = peer.ask(["DEL", "n"]);
        let taken = !peer.ask(["INCRBY", "n", text]).is_error();
        assert_eq!(integer(text.as_bytes()).is_some(), taken, "{text:?}");
    }
}

#[test]
fn the_keys_of_random_arguments_are_those_that_a_real_server_finds() {
    let Some(redis) = redis(&[]) else { return };
    /// How many of the words are no options.
    const PLAIN: u64 = 9;
    let (mut peer, mut rng) = (Peer::of(&redis), Rng::from_env());
    let names = "EVAL EVALSHA_RO FCALL ZUNION ZINTERSTORE ZINTERCARD SINTERCARD LMPOP ZMPOP XREAD XREADGROUP SORT \
                 SORT_RO GEORADIUS GEORADIUSBYMEMBER MSETNX MGET BITOP SDIFFSTORE COPY LCS";
    let words = "a b c 0 1 2 3 -1 x STORE STOREDIST BY GET LIMIT COUNT STREAMS NOACK GROUP WEIGHTS ASC ALPHA km streams";
    let (names, words): (Vec<_>, Vec<_>) = (names.split_whitespace().collect(), words.split(' ').collect());
    let mut same = 0;
    for _ in 0..4_000 {
        let mut args = vec![names[rng.between(0..names.len() as u64) as usize]];
        for _ in 0..rng.between(1..10) {
            // An option for a value is told wrong by the server itself.
            let takes_value = ["STORE", "STOREDIST", "BY", "GET"].contains(&args[args.len() - 1]);
            let choice = if takes_value { 0..PLAIN } else { 0..words.len() as u64 };
            args.push(words[rng.between(choice) as usize]);
        }
        let written = Written::new(&args);
        let Ok(command) = Command::find(&written.args()) else { continue };
        if matches!(command.route(&written.args()), Route::Refused(_)) {
            continue;
        }
        let theirs = peer.ask(["COMMAND", "GETKEYS"].iter().chain(&args));
        let theirs: Option<Vec<_>> =
            (!theirs.is_error()).then(|| theirs.items().iter().map(super::Value::text).collect());
        // Of several destinations a server names one; a key that is named too much moves nothing.
        let has_all = theirs.zip(ours(&args)).is_some_and(|(theirs, ours)| {
            same += u32::from(theirs.len() == ours.len());
            theirs.iter().all(|key| ours.contains(key))
        });
        // Where one of them cannot tell the keys, the server must refuse it all.
        assert!(has_all || peer.ask(&args).is_error(), "{args:?}: {:?}", ours(&args));
    }
    assert!(same > 500, "only {same} were compared");
}

#[test]
fn no_arguments_make_the_table_look_where_there_are_none() {
    let mut rng = Rng::from_env();
    let names: Vec<_> = super::super::table::COMMANDS.iter().map(|command| command.name).collect();
    let words = "a 0 1 2 3 -1 9223372036854775807 -9223372036854775808 18446744073709551616 STORE BY GET LIMIT STREAMS BLOCK GROUP DB *";
    let words: Vec<_> = words.split(' ').chain(["", "\0", "\u{e9}"]).collect();
    for _ in 0..100_000 {
        let mut args = vec![names[rng.between(0..names.len() as u64) as usize]];
        for _ in 0..rng.between(0..8) {
            args.push(words[rng.between(0..words.len() as u64) as usize]);
        }
        let written = Written::new(&args);
        let asked = written.args();
        let Ok(command) = Command::find(&asked) else { continue };
        let _ = command.route(&asked);
        let mut places = Vec::new();
        if command.places(&asked, &mut |at| places.push(at)).is_ok() {
            assert!(places.iter().all(|at| (1..args.len()).contains(at)), "{args:?}: {places:?}");
            assert!(command.keys == super::super::Keys::None || !places.is_empty(), "{args:?} has no key");
        }
    }
}
