#![no_main]

use entourage_ambassador::fuzzing;

#[expect(dead_code, reason = "the other target compares requests")]
#[path = "../../ambassador/src/fuzzing/peer.rs"]
mod peer;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| peer::compare_reply(bytes, fuzzing::resp_reply(bytes)));
