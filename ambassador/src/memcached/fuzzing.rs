//! What fuzzers see of the wire of memcached.

use bytes::Bytes;
use entourage_scatter_gather::Gathering;

use super::{
    line::{Words, end_of_line, without_end},
    merge::Merge,
    reply::{Expected, Header, Kind, Measure, is_error},
    request::{Ask, KEY, Request, Silence},
    split::{Bounds, Session},
};
use crate::{
    failure::Failure,
    fuzzing::{Measured, cuts},
    mux::Outbox,
    options::Partial,
    protocol::{Lie, Parting},
};

/// What a client may send: as much as by default, and little.
const BOUNDS: [Bounds; 2] =
    [Bounds { frame: 64 * 1024 * 1024, arguments: 1_048_576 }, Bounds { frame: 64, arguments: 3 }];

/// What is asked for, by the first byte of an input.
pub(super) const KINDS: [Kind; 14] = [
    Kind::Values { cas: false },
    Kind::Values { cas: true },
    Kind::Stored { set: true },
    Kind::Stored { set: false },
    Kind::Deleted,
    Kind::Touched,
    Kind::Number,
    Kind::MetaGet,
    Kind::MetaSet,
    Kind::MetaDelete,
    Kind::MetaNumber,
    Kind::MetaDebug,
    Kind::Version,
    Kind::Outgrown,
];

/// More than a line of a reply may have, its end included.
const LONGEST_LINE: usize = 2_048 + 2;

/// What is seen of a client's bytes.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    /// A request as it was understood, and how many bytes it has.
    Request(String, usize),
    /// So many bytes that nobody wants.
    Thrown(usize),
    /// Last words.
    Parting(Vec<u8>),
}

/// As [`memcached_request`](crate::fuzzing::memcached_request).
pub(crate) fn requests(bytes: &[u8]) {
    for bounds in BOUNDS {
        let [whole, ones, some] = cuts(bytes).map(|ends| split(bytes, &ends, bounds));
        assert_eq!(whole, ones, "one by one");
        assert_eq!(whole, some, "cut at {:?}", cuts(bytes)[2]);
    }
}

/// Requests that come in pieces with these ends.
fn split(bytes: &[u8], ends: &[usize], bounds: Bounds) -> Vec<Seen> {
    let (mut session, mut start, mut seen) = (Session::new(), 0, Vec::new());
    for &end in ends {
        while start < end {
            let input = &bytes[start..end];
            let len = match session.split(bounds, input) {
                Ok(None) => break,
                Ok(Some(len)) => len,
                Err(Parting(words)) => {
                    assert!(words.ends_with(b"\r\n") && is_error(&words));
                    seen.push(Seen::Parting(words));
                    return seen;
                }
            };
            assert!(0 < len && len <= input.len(), "no request ends behind what was sent");
            let request = session.request;
            start += len;
            match seen.last_mut() {
                _ if request.ask != Ask::Nothing || request.silence != Silence::None => {
                    assert_is_forwarded_whole(request, session.line, &input[..len]);
                    seen.push(Seen::Request(format!("{request:?} in {}", session.line), len));
                }
                Some(Seen::Thrown(thrown)) => *thrown += len,
                _ => seen.push(Seen::Thrown(len)),
            }
        }
    }
    seen
}

/// That what is forwarded is one request, with a reply, of the same key and with the same value.
fn assert_is_forwarded_whole(request: Request, line: usize, frame: &[u8]) {
    let value = request.value.map_or(0, |bytes| bytes as usize + 2);
    if matches!(request.ask, Ask::Outgrow(_)) || frame.len() != line + value {
        assert_eq!((line, request.value), (frame.len(), None), "the value is thrown away");
    }
    if !matches!(request.ask, Ask::Forward | Ask::Retrieve) {
        return;
    }
    let before = without_end(&frame[..line]);
    assert!(!before.iter().any(u8::is_ascii_control), "{:?} is forwarded", before.escape_ascii().to_string());
    let key = request.key.of(before);
    assert!((1..=KEY).contains(&key.len()) && !key.contains(&b' '));
    let words = Words::new(before).filter(|word| request.cut.is_empty() || *word != request.cut);
    let after = words.map(|word| word.of(before)).collect::<Vec<_>>().join(&b' ');
    let again = Request::parse(&after);
    let same = (again.ask, again.kind, again.keys, again.value, again.key.of(&after))
        == (request.ask, request.kind, request.keys, request.value, key);
    assert!(
        same && again.silence == Silence::None && again.cut.is_empty() && again.is_tidy,
        "{} is forwarded as {}, which is {again:?}",
        before.escape_ascii(),
        after.escape_ascii()
    );
}

/// As [`memcached_reply`](crate::fuzzing::memcached_reply).
pub(crate) fn reply(bytes: &[u8]) {
    let Some((&first, bytes)) = bytes.split_first() else { return };
    let (kind, most) = (KINDS[usize::from(first) % KINDS.len()], u32::from(first) / 64 + 1);
    let expected = Expected { kind, silence: Silence::None, most };
    let [whole, ones, some] = cuts(bytes).map(|ends| measure(expected, bytes, &ends, false));
    assert_eq!(whole, ones, "one by one, to {kind:?}");
    assert_eq!(whole, some, "to {kind:?}, cut at {:?}", cuts(bytes)[2]);
    for ends in cuts(bytes) {
        assert_eq!(whole, measure(expected, bytes, &ends, true), "thrown away meanwhile, to {kind:?}");
    }
    let Ok(Some(len)) = whole else { return };
    let reply = &bytes[..len];
    assert!(reply.ends_with(b"\r\n"));
    if matches!(kind, Kind::Values { .. }) {
        assert_is_its_own_merge(reply, most);
    }
}

/// The reply at the front, of what comes in pieces with these ends; with what is measured thrown away or
/// kept.
fn measure(expected: Expected, bytes: &[u8], ends: &[usize], skips: bool) -> Measured {
    let (mut measure, mut start) = (Measure::default(), 0);
    for &end in ends {
        match measure.reply(expected, &bytes[start..end]) {
            Ok(None) if skips => {
                start += measure.skip(&bytes[start..end]);
                assert!(start <= end && end - start <= LONGEST_LINE, "{} bytes are kept", end - start);
            }
            Ok(None) => {}
            Ok(Some(len)) => {
                assert!(0 < len && start + len <= end, "no reply ends behind what was sent");
                return Ok(Some(start + len));
            }
            Err(Lie(why)) => return Err(why),
        }
    }
    Ok(None)
}

/// That the one part of an answer is that answer.
fn assert_is_its_own_merge(reply: &[u8], most: u32) {
    let (mut keys, mut at) = (Vec::new(), 0);
    while let Some(end) = end_of_line(reply, at) {
        let Some(header) = Header::parse(without_end(&reply[at..end])) else { break };
        keys.push(header.key);
        at = end + header.bytes + 2;
    }
    assert!(keys.len() <= most as usize, "no more values than keys");
    let merge = Merge { keys: keys.join(&b' ').into(), parts: vec![0; keys.len()].into() };
    let mut gathering = Gathering::new(1);
    gathering.answer(0, Bytes::copy_from_slice(reply)).expect("it is told once");
    let mut out = Outbox::new(0);
    merge.write(gathering.finish(|_| Failure::unheard()), Partial::Error, &mut out);
    let mut written = Vec::new();
    while out.len() > 0 {
        let mut slices = [std::io::IoSlice::new(&[]); 4];
        let filled = out.slices(&mut slices);
        let before = written.len();
        slices[..filled].iter().for_each(|slice| written.extend_from_slice(slice));
        out.advance(written.len() - before);
    }
    assert!(written == reply, "{} of {}", written.escape_ascii(), reply.escape_ascii());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_scanned_of_a_line_is_not_looked_at_again_before_all_of_it_is_there() {
        let whole = [b"get ".as_slice(), &b"k ".repeat(1_000), b"\r\n"].concat();
        for ends in cuts(&whole) {
            let (mut session, mut kept) = (Session::new(), Vec::new());
            for &end in &ends[..ends.len() - 1] {
                kept.extend_from_slice(&whole[kept.len()..end]);
                assert_eq!(session.split(BOUNDS[0], &kept), Ok(None), "to {end}");
                // It would be the end of the line; the name at the front says how long that may be.
                kept.iter_mut().skip(4).for_each(|byte| *byte = b'\n');
            }
            assert_eq!(session.split(BOUNDS[0], &whole), Ok(Some(whole.len())));
        }
    }
}
