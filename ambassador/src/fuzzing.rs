//! What fuzzers and replayed corpora call: each function takes any bytes and panics where a promise of
//! a parser is broken.
//!
//! For all of them: no bytes make a parser panic, and bytes that come in pieces, whichever, are read as
//! those that come at once. `fuzz/` has a target for each, and `cargo test fuzzing` replays its corpus.

#![doc(hidden)]

use std::ops::Range;

use crate::{memcached, nutcracker::Config};

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod mutation;
#[cfg(test)]
mod peer;
#[cfg(test)]
mod replay;

/// What a client's bytes are, as requests of Redis.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requests {
    /// Where each whole request is, and its arguments.
    pub whole: Vec<(Range<usize>, Vec<Vec<u8>>)>,
    /// The last words to the client, if what follows them is no request.
    pub parting: Option<Vec<u8>>,
}

impl Requests {
    /// Where what is no whole request begins.
    #[must_use]
    pub fn end(&self) -> usize {
        self.whole.last().map_or(0, |(place, _)| place.end)
    }
}

/// What a server's bytes are: the length of the reply at the front, if it is whole.
pub type Measured = Result<Option<usize>, &'static str>;

/// A client's bytes, to Redis: what they are as requests.
///
/// # Panics
/// Where requests depend on how they were cut; where a request is not what its arguments are written
/// as; where an argument is taken for a key that is none; where what the client is told is not one reply.
#[must_use]
pub fn resp_request(bytes: &[u8]) -> Requests {
    crate::redis::fuzzing::requests(bytes)
}

/// A server's bytes, of Redis: what they are as a reply.
///
/// # Panics
/// Where the reply depends on how it was cut, or on how much of it was thrown away meanwhile; where
/// more than a line has to be kept to go on; where what is merged of such replies is not one reply.
pub fn resp_reply(bytes: &[u8]) -> Measured {
    crate::redis::fuzzing::reply(bytes)
}

/// A client's bytes, to memcached.
///
/// # Panics
/// Where requests depend on how they were cut; where what would be forwarded is not one request with
/// one reply, of the same key and the same length.
pub fn memcached_request(bytes: &[u8]) {
    memcached::fuzzing::requests(bytes);
}

/// A server's bytes, of memcached, behind one byte that says what it was asked for.
///
/// # Panics
/// As [`resp_reply`].
pub fn memcached_reply(bytes: &[u8]) {
    memcached::fuzzing::reply(bytes);
}

/// A file, as `nutcracker.yml`.
///
/// # Panics
/// Where the same file is read in two ways; where a configuration has no pools or no servers; where a
/// refusal is of no line of the file, or is not one line that can be printed.
pub fn nutcracker_yml(bytes: &[u8]) {
    let read = Config::parse_bytes(bytes);
    if let Ok(text) = str::from_utf8(bytes) {
        assert_eq!(Config::parse(text), read, "bytes and text");
        // What ends lines is no part of them.
        if !text.contains('\r') && text.len() < 512 * 1024 {
            let windows = Config::parse(&text.replace('\n', "\r\n"));
            assert_eq!(
                windows.is_ok(),
                read.is_ok(),
                "{windows:?} with other line ends, {read:?} with these"
            );
        }
    }
    match read {
        Ok(config) => {
            assert!(!config.pools.is_empty());
            for pool in &config.pools {
                assert!(!pool.servers.is_empty() && pool.ring_servers().len() == pool.servers.len());
                assert_eq!(config.pool(&pool.name), Some(pool), "pools have names of their own");
            }
            assert!(config.warnings().is_sorted_by_key(|warning| warning.line()));
        }
        Err(invalid) => {
            let lines = bytes.split(|byte| *byte == b'\n').count();
            assert!((1..=lines).contains(&invalid.line()), "{invalid} of {lines} lines");
            assert!(invalid.column() >= 1);
            assert!(!invalid.to_string().contains(char::is_control), "{invalid:?}");
        }
    }
}

/// The ends of the pieces in which bytes come: all at once, one by one, and as they themselves decide.
pub(crate) fn cuts(bytes: &[u8]) -> [Vec<usize>; 3] {
    let len = bytes.len();
    let step = len / 4_096 + 1;
    let ones = (0..len).step_by(step).skip(1).chain([len]).collect();
    // FNV-1a, and from there as any generator of numbers.
    let mut state = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
    });
    let (mut some, mut at) = (Vec::new(), 0);
    while at < len {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        at += 1 + (state >> 33) as usize % (2 * step + 16);
        some.push(at.min(len));
    }
    [vec![len], ones, some]
}
