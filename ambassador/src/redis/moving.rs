//! How a key moves to another server, with all that it has and its time to live.
//!
//! DUMP gives a value of whatever type; RESTORE takes it, and refuses where there is one. PTTL goes
//! before DUMP: what expires between them is dumped as nothing.

use bytes::Bytes;

use super::{
    command::Reply,
    expected::Expected,
    frame,
    wire::{Number, number},
};
use crate::protocol::Fetched;

/// Asks for a key: PTTL, then DUMP.
pub(super) fn fetch(key: &[u8], send: &mut dyn FnMut(Expected, &[u8])) {
    let mut request = Vec::new();
    frame(&mut request, &[b"PTTL", key]);
    send(Expected::of(Reply::INTEGER), &request);
    request.clear();
    frame(&mut request, &[b"DUMP", key]);
    send(Expected::of(Reply::BULK), &request);
}

/// The request that stores what was fetched.
pub(super) fn store(key: &[u8], replies: &[Bytes]) -> Fetched<Expected> {
    let [ttl, dump] = replies else { return Fetched::Amiss };
    let Some(dump) = dump.strip_prefix(b"$") else { return Fetched::Amiss };
    let (Number::Is(len, line), Some(ttl)) = (number(dump), ttl.strip_prefix(b":").map(number)) else {
        return Fetched::Amiss;
    };
    let Ok(len) = usize::try_from(len) else { return Fetched::Nothing };
    // -1 lives for ever, which RESTORE calls 0; 0 is about to end, and lives for a millisecond more.
    let ttl = match ttl {
        Number::Is(-1, _) => 0,
        Number::Is(ttl @ 0.., _) => ttl.max(1),
        _ => return Fetched::Amiss,
    };
    let Some(value) = dump.get(line..line + len) else { return Fetched::Amiss };
    let mut request = Vec::with_capacity(value.len() + key.len() + 64);
    frame(&mut request, &[b"RESTORE", key, ttl.to_string().as_bytes(), value]);
    Fetched::Store(Expected::of(Reply::STATUS), request)
}

/// Whether a key is where it was to be stored: now, or from before.
pub(super) fn is_stored(reply: &[u8]) -> bool {
    reply == b"+OK\r\n" || reply.starts_with(b"-BUSYKEY ")
}

/// The request that deletes a key.
pub(super) fn discard(key: &[u8]) -> (Expected, Vec<u8>) {
    let mut request = Vec::new();
    frame(&mut request, &[b"UNLINK", key]);
    (Expected::of(Reply::INTEGER), request)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(ttl: &'static str, dump: &'static str) -> Option<String> {
        match store(b"k", &[Bytes::from(ttl), Bytes::from(dump)]) {
            Fetched::Store(_, request) => Some(String::from_utf8(request).unwrap()),
            Fetched::Nothing => None,
            Fetched::Amiss => Some("amiss".to_owned()),
        }
    }

    #[test]
    fn a_key_is_stored_with_the_time_that_it_has_left() {
        let restore =
            |ttl: &str| format!("*4\r\n$7\r\nRESTORE\r\n$1\r\nk\r\n${}\r\n{ttl}\r\n$3\r\nabc\r\n", ttl.len());
        for (left, ttl) in [(":-1\r\n", "0"), (":0\r\n", "1"), (":1500\r\n", "1500")] {
            assert_eq!(stored(left, "$3\r\nabc\r\n"), Some(restore(ttl)), "{left}");
        }
    }

    #[test]
    fn what_is_not_there_or_ends_meanwhile_is_not_stored() {
        assert_eq!(stored(":-2\r\n", "$-1\r\n"), None);
        assert_eq!(stored(":5\r\n", "$-1\r\n"), None);
    }

    #[test]
    fn what_is_refused_to_be_told_is_not_taken_for_nothing() {
        assert_eq!(stored("-NOPERM no\r\n", "$3\r\nabc\r\n"), Some("amiss".to_owned()));
        assert_eq!(stored(":-1\r\n", "-NOPERM no\r\n"), Some("amiss".to_owned()));
        assert_eq!(stored(":-2\r\n", "$3\r\nabc\r\n"), Some("amiss".to_owned()));
    }
}
