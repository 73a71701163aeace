//! The corpus, and what is nearly in it.
//!
//! `ENTOURAGE_LONG=1` mutates for a minute a target, `ENTOURAGE_SEED` says which mutations.

use std::{
    env, fs,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    path::Path,
    time::Duration,
};

use entourage_core::{Clock, SystemClock};
use entourage_testkit::Rng;

use super::{
    memcached_reply, memcached_request,
    mutation::mutate,
    nutcracker_yml,
    peer::{compare_reply, compare_requests},
    resp_reply, resp_request,
};

/// Every file of a folder, which is given from the crate's.
fn files(folder: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut paths: Vec<_> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("it is there").path())
        .collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("it can be read")).collect()
}

/// Calls `target` with every file of its corpus, then with mutations.
fn replay(folders: &[&str], target: fn(&[u8])) {
    let seeds: Vec<_> = folders.iter().flat_map(|folder| files(folder)).collect();
    assert!(seeds.len() > 10, "there is no corpus");
    seeds.iter().for_each(|seed| call(target, seed));

    let is_long = env::var_os("ENTOURAGE_LONG").is_some();
    let mut rng = match is_long || env::var_os("ENTOURAGE_SEED").is_some() {
        true => Rng::from_env(),
        false => Rng::new(1),
    };
    let clock = SystemClock::new();
    let end = clock.now() + if is_long { Duration::from_secs(60) } else { Duration::from_secs(1) };
    let mut mutations = 0;
    while clock.now() < end {
        call(target, &mutate(&mut rng, &seeds));
        mutations += 1;
    }
    eprintln!("{mutations} mutations of {} files", seeds.len());
    assert!(mutations > 0);
}

/// Says which bytes it was, where they are at fault.
fn call(target: fn(&[u8]), bytes: &[u8]) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| target(bytes))) {
        eprintln!("of b\"{}\"", bytes.escape_ascii());
        resume_unwind(panic);
    }
}

#[test]
fn requests_to_redis_are_read_alike_in_all_pieces_and_as_a_peer_reads_them() {
    replay(&["../fuzz/corpus/resp_request"], |bytes| {
        let requests = resp_request(bytes);
        compare_requests(bytes, &requests.whole, requests.parting.is_some());
    });
}

#[test]
fn replies_of_redis_are_measured_alike_in_all_pieces_and_as_a_peer_measures_them() {
    replay(&["../fuzz/corpus/resp_reply"], |bytes| compare_reply(bytes, resp_reply(bytes)));
}

#[test]
fn requests_to_memcached_are_read_alike_in_all_pieces_and_forwarded_as_one_request() {
    replay(&["../fuzz/corpus/memcached_request"], memcached_request);
}

#[test]
fn replies_of_memcached_are_measured_alike_in_all_pieces_and_merged_to_themselves() {
    replay(&["../fuzz/corpus/memcached_reply"], memcached_reply);
}

#[test]
fn files_are_read_or_refused_in_a_line_of_theirs() {
    replay(
        &["../fuzz/corpus/nutcracker_yml", "tests/configs/valid", "tests/configs/invalid"],
        nutcracker_yml,
    );
}
