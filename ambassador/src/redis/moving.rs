//! How a key moves to another server, with all that it has and its time to live.
//!
//! DUMP gives a value of whatever type; RESTORE takes it, and refuses where there is one unless it is told
//! to REPLACE that. PTTL goes before DUMP: what expires between them is dumped as nothing.

use std::time::Duration;

use bytes::Bytes;

use super::{
    command::Reply,
    expected::Expected,
    frame,
    wire::{Number, number},
};
use crate::protocol::{Fetched, Value};

/// Asks for a key: PTTL, then DUMP.
pub(super) fn fetch(key: &[u8], send: &mut dyn FnMut(Expected, &[u8])) {
    let mut request = Vec::new();
    frame(&mut request, &[b"PTTL", key]);
    send(Expected::of(Reply::INTEGER), &request);
    request.clear();
    frame(&mut request, &[b"DUMP", key]);
    send(Expected::of(Reply::BULK), &request);
}

/// What was fetched, by the replies to PTTL and DUMP.
pub(super) fn fetched(replies: &[Bytes]) -> Fetched {
    let [ttl, dump] = replies else { return Fetched::Amiss };
    let (Some(ttl), Some(value)) = (ttl.strip_prefix(b":"), dump.strip_prefix(b"$")) else {
        return Fetched::Amiss;
    };
    let Number::Is(len, line) = number(value) else { return Fetched::Amiss };
    let Ok(len) = usize::try_from(len) else { return Fetched::Nothing };
    let left = match number(ttl) {
        Number::Is(-1, _) => None,
        // 0 is about to end, and lives for a millisecond more: RESTORE calls 0 what lives for ever.
        Number::Is(left @ 0.., _) => Some(Duration::from_millis(left.max(1).unsigned_abs())),
        _ => return Fetched::Amiss,
    };
    let Some(value) = value.get(line..line + len) else { return Fetched::Amiss };
    Fetched::Value(Value { bytes: dump.slice_ref(value), flags: 0, left })
}

/// The request that stores a value.
pub(super) fn store(key: &[u8], value: &Value, replaces: bool) -> (Expected, Vec<u8>) {
    let ttl = value.left.map_or(0, |left| left.as_millis()).to_string();
    let args = [b"RESTORE", key, ttl.as_bytes(), &value.bytes, b"REPLACE"];
    let mut request = Vec::with_capacity(value.bytes.len() + key.len() + 80);
    frame(&mut request, if replaces { &args } else { &args[..4] });
    (Expected::of(Reply::STATUS), request)
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
        match fetched(&[Bytes::from(ttl), Bytes::from(dump)]) {
            Fetched::Value(value) => Some(String::from_utf8(store(b"k", &value, false).1).unwrap()),
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
    fn a_value_that_is_there_is_replaced_where_that_is_asked_for() {
        let value = Value { bytes: Bytes::from("abc"), flags: 0, left: None };
        let (_, request) = store(b"k", &value, true);
        let replace = "*5\r\n$7\r\nRESTORE\r\n$1\r\nk\r\n$1\r\n0\r\n$3\r\nabc\r\n$7\r\nREPLACE\r\n";
        assert_eq!(String::from_utf8(request).unwrap(), replace);
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
