#![no_main]

use entourage_ambassador::fuzzing;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzzing::memcached_reply(bytes));
