//! What nutcracker takes is taken, and what it refuses is refused, but for what is said here.

use std::{env, fs};

use entourage_ambassador::nutcracker::Config;
use entourage_testkit::{Nutcracker, Requirement, Rng};

use super::{
    corpus::files,
    mutation::{is_stricter, mutate},
};

/// Files that are taken although nutcracker 0.5.0 refuses them, and why.
const TAKEN: [(&str, &str); 2] = [
    ("listen-ipv6-in-brackets", "its resolver knows no brackets; they are the usual way to write it"),
    ("reuseport", "the key came after 0.5.0"),
];

/// Files that are refused although nutcracker takes them, and why.
const REFUSED: [(&str, &str); 20] = [
    ("list-of-hashes", "any key may be the list there, and `servers` then is none"),
    ("listen-port-that-wraps", "numbers wrap at 32 bits there"),
    ("listen-socket-with-a-space", "the second half of the path is taken for permissions"),
    ("listen-socket-with-permission-in-words", "what is not octal is taken for none"),
    ("listen-socket-with-permission-of-nine", "what is not octal is cut off"),
    ("old-line-ends", "no system has written them for twenty years"),
    ("server-address-of-five-numbers", "that host is never resolved"),
    ("server-address-of-large-numbers", "that host is never resolved"),
    ("server-host-with-two-dots", "that host is never resolved"),
    ("server-brackets-open", "that host is never resolved"),
    ("server-host-with-a-space", "that host is never resolved"),
    ("server-name-of-nothing", "that name is nobody's"),
    ("server-port-that-wraps", "numbers wrap at 32 bits there"),
    ("server-port-twice", "that host is never resolved"),
    ("server-socket-too-long", "that socket is never connected to"),
    ("server-weight-that-wraps", "numbers wrap at 32 bits there"),
    ("server-without-host", "that host is never resolved"),
    ("socket-twice", "the second pool fails when it listens"),
    ("timeout-that-wraps", "numbers wrap at 32 bits there"),
    ("utf16", "the rest of the world writes UTF-8"),
];

#[test]
fn nutcracker_takes_and_refuses_the_same_files_but_for_stated_exceptions() {
    if !Requirement::from(Nutcracker::available()).is_met("nutcracker") {
        return;
    }
    for (folder, is_taken, exceptions) in [("valid", true, &TAKEN[..]), ("invalid", false, &REFUSED[..])] {
        let files = files(folder);
        for (name, _) in exceptions {
            assert!(files.contains_key(*name), "there is no {folder}/{name}.yml to except");
        }
        for (name, path) in files {
            let accepts = Nutcracker::accepts(fs::read(&path).expect("it can be read"));
            let is_exception = exceptions.iter().any(|(exception, _)| *exception == name);
            assert_eq!(
                accepts != is_taken,
                is_exception,
                "{folder}/{name}.yml: nutcracker takes it: {accepts}"
            );
        }
    }
}

#[test]
fn nutcracker_takes_and_refuses_the_same_mutations() {
    if !Requirement::from(Nutcracker::available()).is_met("nutcracker") {
        return;
    }
    // The same ones every day, and others when there is time to look at what is found.
    let is_long = ["ENTOURAGE_LONG", "ENTOURAGE_SEED"].into_iter().any(|name| env::var_os(name).is_some());
    let (rounds, mut rng) = if is_long { (5_000, Rng::from_env()) } else { (400, Rng::new(1)) };
    let excepted = |name: &String| TAKEN.iter().any(|(exception, _)| exception == name);
    let seeds: Vec<String> = files("valid")
        .into_iter()
        .filter(|(name, _)| !excepted(name))
        .map(|(_, path)| fs::read_to_string(path).expect("it is text"))
        .collect();
    let (mut taken, mut refused) = (0, 0);
    for _ in 0..rounds {
        let mutation = mutate(&mut rng, &seeds);
        let ours = Config::parse(&mutation);
        let theirs = Nutcracker::accepts(&mutation);
        match (&ours, theirs) {
            (Ok(_), true) => taken += 1,
            (Err(_), false) => refused += 1,
            (Err(invalid), true) if is_stricter(invalid) => {}
            _ => panic!("nutcracker takes it: {theirs}, we say {ours:?}\n{mutation}"),
        }
    }
    assert!(taken > rounds / 20 && refused > rounds / 20, "{taken} taken, {refused} refused: no test");
}
