#![no_main]

use entourage_ambassador::fuzzing;

#[expect(dead_code, reason = "the other target compares replies")]
#[path = "../../ambassador/src/fuzzing/peer.rs"]
mod peer;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let requests = fuzzing::resp_request(bytes);
    peer::compare_requests(bytes, &requests.whole, requests.parting.is_some());
});
