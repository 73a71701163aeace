//! The same bytes to a real memcached and to a pool of real ones: the same answers.

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    time::Duration,
};

use entourage_testkit::{Memcached, Requirement, Rng};

use super::rig::{Rig, text};

/// How long a server may be silent, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long one server of several is listened to at a time, and how often.
const LOOK: Duration = Duration::from_millis(2);
const LOOKS: usize = 15_000;
/// Ends what is sent, and what is said; a value that is a little short swallows some of the ends of lines.
const TAIL: &str = "\r\n\r\n\r\nmg the-end O777\r\n";
const END: &[u8] = b"EN O777\r\n";

fn connect(server: &Memcached, patience: Duration) -> TcpStream {
    let stream = TcpStream::connect(server.endpoint()).expect("the server is there");
    stream.set_read_timeout(Some(patience)).expect("it is a socket");
    stream
}

/// What a server says itself.
fn direct(server: &Memcached, script: &[u8]) -> Vec<u8> {
    let mut stream = connect(server, PATIENCE);
    stream.write_all(script).expect("the server reads");
    let mut said = Vec::new();
    let mut chunk = [0; 64 * 1024];
    while !said.ends_with(END) {
        match stream.read(&mut chunk) {
            Ok(0) => break,
            Ok(read) => said.extend_from_slice(&chunk[..read]),
            // It may reset a connection that it closes while there is more to read.
            Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
            Err(error) => panic!("{error} after {:?}\n{:?}", text(&said), text(script)),
        }
    }
    said
}

/// What a pool of such servers says; that each of them answers to all that it is asked is part of it.
fn pooled(servers: &[Memcached], script: &[u8]) -> Vec<u8> {
    let mut rig = Rig::new(servers.len());
    let mut streams: Vec<_> = servers.iter().map(|server| connect(server, LOOK)).collect();
    let mut said = Vec::new();
    let mut chunk = [0; 64 * 1024];
    rig.send(script);
    loop {
        let mut is_asked = vec![false; servers.len()];
        for (server, stream) in streams.iter_mut().enumerate() {
            let asked = rig.asked(server);
            is_asked[server] = !asked.is_empty();
            stream.write_all(&asked).expect("the server reads");
        }
        let mut looks = 0;
        while rig.waits() {
            // All that is asked for is answered, whoever is first; what is read of one may wait.
            for (server, stream) in streams.iter_mut().enumerate().filter(|(server, _)| is_asked[*server]) {
                let read = match stream.read(&mut chunk) {
                    Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
                    read => read.expect("the server answers"),
                };
                assert!(read > 0 || looks < LOOKS, "no answer to all of {:?}", text(script));
                looks += 1;
                rig.reply(server, &chunk[..read])
                    .unwrap_or_else(|lie| panic!("{lie}: {:?}", text(&chunk[..read])));
            }
        }
        said.extend(rig.told());
        if !rig.go_on() && !rig.waits() {
            said.extend(rig.told());
            return said;
        }
    }
}

fn compare(alone: &Memcached, servers: &[Memcached], script: &[u8]) {
    let script = &[script, TAIL.as_bytes()].concat();
    let expected = direct(alone, script);
    let said = pooled(servers, script);
    assert!(
        said == expected,
        "asked {:?}\nsaid     {:?}\nexpected {:?}",
        text(script),
        text(&said),
        text(&expected)
    );
}

fn pick<'a>(rng: &mut Rng, from: &[&'a str]) -> &'a str {
    from[rng.between(0..from.len() as u64) as usize]
}

/// A request as clients make them, and as they make them wrongly. What it leaves out is what ours is
/// stricter in: numbers with a plus or beyond their bits, control characters, a deleted `noreply`; what
/// depends on the time or on how many servers count; and a `get` of a key that is too long, for which memcached forgets what it has
/// not sent yet of the replies before.
fn request(rng: &mut Rng) -> Vec<u8> {
    let long = "k".repeat(250);
    let longer = "k".repeat(251);
    let keys = ["a", "b", "c", "d", "sch\u{f6}n", &long, &longer, "noreply", "0"];
    // Of a value that is no number memcached may read what lies behind it.
    let counters = ["n", "n", "n", "absent", &longer];
    let mut words = vec![];
    let (mut value, mut is_cut) = (None, false);
    let name = pick(
        rng,
        &[
            "get",
            "get",
            "gat",
            "set",
            "set",
            "set",
            "add",
            "replace",
            "append",
            "prepend",
            "cas",
            "delete",
            "incr",
            "decr",
            "touch",
            "mg",
            "mg",
            "ms",
            "ms",
            "md",
            "ma",
            "mn",
            "mx",
            "getx",
            "SET",
            "x",
            "verbosity",
        ],
    );
    words.push(name.to_owned());
    let number = |rng: &mut Rng| pick(rng, &["0", "0", "0", "0", "1", "-1", "x", "1x"]).to_owned();
    let exptime = |rng: &mut Rng| pick(rng, &["0", "0", "0", "0", "1000", "-1", "x", "1x"]).to_owned();
    let some_keys = |rng: &mut Rng, most: u64| -> Vec<String> {
        (0..rng.between(0..most + 1)).map(|_| pick(rng, &keys[..6]).to_owned()).collect()
    };
    match name {
        "get" => words.extend(some_keys(rng, 6)),
        "gat" => {
            words.push(pick(rng, &["0", "0", "0", "x"]).to_owned());
            words.extend(some_keys(rng, 4));
        }
        "set" | "add" | "replace" | "append" | "prepend" | "cas" | "ms" => {
            let data = pick(rng, &["", "v", "12", "get a\r\n", "mn", "\r\n\r\n"]);
            let declared =
                (data.len() as u64 + rng.between(0..8)).saturating_sub(5).min(data.len() as u64 + 1);
            let declared = if rng.between(0..3) > 0 { data.len() as u64 } else { declared };
            is_cut = declared != data.len() as u64;
            words.push(pick(rng, &keys).to_owned());
            if name != "ms" {
                words.extend([number(rng), exptime(rng)]);
            }
            let is_odd = rng.between(0..8) == 0;
            words.push(if is_odd { number(rng) } else { declared.to_string() });
            is_cut |= is_odd;
            if name == "cas" {
                words.push(pick(rng, &["99999999", "x"]).to_owned());
            }
            value = Some(format!("{data}\r\n"));
        }
        "delete" | "verbosity" => words.push(pick(rng, &["a", "b", "0", "c"]).to_owned()),
        "incr" | "decr" => words.extend([pick(rng, &counters).to_owned(), number(rng)]),
        "ma" => words.push(pick(rng, &counters).to_owned()),
        "touch" => words.extend([pick(rng, &keys).to_owned(), exptime(rng)]),
        _ => words.push(pick(rng, &keys).to_owned()),
    }
    if matches!(name, "mg" | "ms" | "md" | "ma") {
        let flags = "N0 q v k Oabc f s T0 M ME MZ MA MI I b D5 u \u{e9} qq F7 C999999999 R30 h";
        let flags: Vec<_> = flags.split(' ').collect();
        // An `ma` that creates is not silent in older servers, in spite of `q`.
        let flags = &flags[usize::from(name == "ma")..];
        // What is wrong with a flag is said before what is wrong with a value, and by the server.
        let sound = ["q", "v", "k", "Oabc", "f", "s", "T0", "ME"];
        match is_cut {
            true => words.push(pick(rng, &sound).to_owned()),
            false => words.extend((0..rng.between(0..4)).map(|_| pick(rng, flags).to_owned())),
        }
    } else if rng.between(0..4) == 0 && !matches!(name, "get" | "gat") {
        words.extend((0..=rng.between(0..2)).map(|_| pick(rng, &["noreply", "0", "extra"]).to_owned()));
    }
    if words.as_slice() == ["delete", "noreply"] {
        words.push("0".to_owned());
    }
    let space = if rng.between(0..10) == 0 { "  " } else { " " };
    let end = if rng.between(0..10) == 0 { "\n" } else { "\r\n" };
    let front = if rng.between(0..20) == 0 { " " } else { "" };
    format!("{front}{}{end}{}", words.join(space), value.unwrap_or_default()).into_bytes()
}

#[test]
fn a_pool_answers_as_one_memcached_does() {
    if !Requirement::from(Memcached::available()).is_met("memcached") {
        return;
    }
    let mut rng = Rng::from_env();
    let alone = Memcached::start();
    let one = [Memcached::start()];
    let three: Vec<_> = (0..3).map(|_| Memcached::start()).collect();
    let three_alone = Memcached::start();
    for _ in 0..200 {
        let mut script = b"set n 0 0 2\r\n12\r\n".to_vec();
        script.extend((0..20).flat_map(|_| request(&mut rng)));
        // What silence hides shows in what is there afterwards.
        script.extend_from_slice(b"\r\n\r\n\r\nget n a b c d sch\xc3\xb6n noreply 0\r\n");
        compare(&alone, &one, &script);
        compare(&three_alone, &three, &script);
    }
}

#[test]
fn a_value_that_is_too_large_for_a_server_is_answered_as_the_server_does() {
    if !Requirement::from(Memcached::available()).is_met("memcached") {
        return;
    }
    let (alone, one) = (Memcached::start(), [Memcached::start()]);
    let large = "x".repeat(1_500_000);
    let script = format!(
        "set k 0 0 1\r\nv\r\nset k 0 0 {len}\r\n{large}\r\nget k\r\nms k {len} q\r\n{large}\r\nadd k 0 0 {len} noreply\r\n{large}\r\nmn\r\n",
        len = large.len()
    );
    compare(&alone, &one, script.as_bytes());
}

#[test]
fn large_values_come_back_whole() {
    if !Requirement::from(Memcached::available()).is_met("memcached") {
        return;
    }
    let (alone, three) = (Memcached::start(), [Memcached::start(), Memcached::start(), Memcached::start()]);
    let large = |fill: &str| fill.repeat(100_000);
    let stores: String = ["a", "b", "c", "d", "e"]
        .map(|key| format!("set {key} 7 0 {} noreply\r\n{}\r\n", 5 * 100_000, large("END\r\n")))
        .concat();
    compare(&alone, &three, format!("{stores}get e a x b c d a\r\nmn\r\n").as_bytes());
}
