//! How a key moves to another server, with its flags and its time to live.
//!
//! The meta commands give both; `ms` in mode `E` refuses where there is a value, and in mode `S` replaces it. A key that has more
//! than 30 days left has 30 at its new server: a server takes more seconds than these for a date.

use std::time::Duration;

use bytes::Bytes;

use super::{
    line::{Few, Words, end_of_line, number, signed, without_end},
    meta::is_base64,
    reply::{Expected, Kind},
    request::{Ask, Silence},
    split::Session,
};
use crate::protocol::{Fetched, Value};

/// A key that has never been asked for lives for ever so.
const FOR_EVER: i64 = -1;

/// The most seconds that are a time to live, as memcached's `protocol.txt` has it.
const LONGEST: i64 = 60 * 60 * 24 * 30;

const fn expected(kind: Kind) -> Expected {
    Expected { kind, silence: Silence::None, most: 1 }
}

/// Calls `each` with every key of a request. A key in base64 does not move: it is another's name.
pub(super) fn keys(session: &Session, frame: &[u8], each: &mut dyn FnMut(&[u8])) {
    let line = without_end(frame.get(..session.line).unwrap_or_default());
    let request = session.request;
    match request.ask {
        Ask::Retrieve => {
            let words = Words::from(line, request.key.start()).map(|word| word.of(line));
            words.take(request.keys as usize).for_each(each);
        }
        Ask::Forward if !request.kind.is_meta() || !is_base64(line, request.key) => {
            each(request.key.of(line));
        }
        _ => {}
    }
}

/// Asks for a key's value, flags and time to live.
pub(super) fn fetch(key: &[u8], send: &mut dyn FnMut(Expected, &[u8])) {
    send(expected(Kind::MetaGet), &[b"mg ", key, b" v f t\r\n"].concat());
}

/// What was fetched, by the reply.
pub(super) fn fetched(replies: &[Bytes]) -> Fetched {
    let [reply] = replies else { return Fetched::Amiss };
    if reply.starts_with(b"EN\r\n") {
        return Fetched::Nothing;
    }
    value(reply).map_or(Fetched::Amiss, Fetched::Value)
}

/// From `VA 5 f7 t60` and the value.
fn value(reply: &Bytes) -> Option<Value> {
    let end = end_of_line(reply, 0)?;
    let line = without_end(reply.get(..end)?);
    let words = Few::of(line);
    let word = |at| words.word(at).of(line);
    let bytes = number(word(1))?;
    let flags = number(word(2).strip_prefix(b"f")?)?;
    let left = signed(word(3).strip_prefix(b"t")?)?;
    // 0 is about to end, and as a time to live it would be for ever.
    let left = (left != FOR_EVER).then(|| Duration::from_secs(left.clamp(1, LONGEST).unsigned_abs()));
    let value = reply.get(end..).filter(|value| value.len() as u64 == bytes + 2)?;
    let value = reply.slice_ref(value.strip_suffix(b"\r\n")?);
    (word(0) == b"VA").then_some(Value { bytes: value, flags, left })
}

/// The request that stores a value: `ms KEY 5 F7 T60 ME` and the value, or `MS` where it replaces another.
pub(super) fn store(key: &[u8], value: &Value, replaces: bool) -> (Expected, Vec<u8>) {
    let (left, mode) = (value.left.map_or(0, |left| left.as_secs()), if replaces { 'S' } else { 'E' });
    let line = format!(" {} F{} T{left} M{mode}\r\n", value.bytes.len(), value.flags);
    (expected(Kind::MetaSet), [b"ms ", key, line.as_bytes(), &value.bytes, b"\r\n"].concat())
}

/// Whether a key is where it was to be stored: now, or from before.
pub(super) fn is_stored(reply: &[u8]) -> bool {
    matches!(reply.get(..2), Some(b"HD" | b"NS"))
}

/// The request that deletes a key.
pub(super) fn discard(key: &[u8]) -> (Expected, Vec<u8>) {
    (expected(Kind::MetaDelete), [b"md ", key, b"\r\n"].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_stored_with_its_flags_and_the_time_that_it_has_left() {
        for (reply, stored) in [
            ("VA 3 f7 t-1\r\nabc\r\n", "ms k 3 F7 T0 ME\r\nabc\r\n"),
            ("VA 0 f0 t60\r\n\r\n", "ms k 0 F0 T60 ME\r\n\r\n"),
            ("VA 1 f0 t0\r\nx\r\n", "ms k 1 F0 T1 ME\r\nx\r\n"),
            ("VA 1 f0 t2592000\r\nx\r\n", "ms k 1 F0 T2592000 ME\r\nx\r\n"),
            ("VA 1 f0 t2592001\r\nx\r\n", "ms k 1 F0 T2592000 ME\r\nx\r\n"),
        ] {
            let Fetched::Value(value) = fetched(&[Bytes::from(reply)]) else { panic!("{reply}") };
            assert_eq!(String::from_utf8(store(b"k", &value, false).1).unwrap(), stored);
            let replacing = stored.replace(" ME\r", " MS\r");
            assert_eq!(String::from_utf8(store(b"k", &value, true).1).unwrap(), replacing);
        }
    }

    #[test]
    fn what_is_not_there_is_not_stored_and_what_is_amiss_is_not_taken_for_that() {
        assert!(matches!(fetched(&[Bytes::from("EN\r\n")]), Fetched::Nothing));
        for reply in [
            "SERVER_ERROR out of memory\r\n",
            "HD f0 t1\r\n",
            "VA 3 f0\r\nabc\r\n",
            "VA 9 f0 t1\r\nabc\r\n",
            "VA 3 f0 t1\r\nabcde",
        ] {
            assert!(matches!(fetched(&[Bytes::from(reply)]), Fetched::Amiss), "{reply}");
        }
    }
}
