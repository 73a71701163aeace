//! What fuzzers see of the wire of Redis.

use bytes::Bytes;
use entourage_core::Moment;
use entourage_scatter_gather::Gathering;

use super::{
    args::{Args, Span},
    command::{Command, Everywhere, Keys, Refusal, Reply, Route},
    header, local,
    merge::Merge,
    scan,
    wire::{Bounds, Measure, Scan, Scanned},
};
use crate::{
    failure::Failure,
    fuzzing::{Measured, Requests, cuts},
    mux::Outbox,
    options::Partial,
    protocol::{Lie, Parting},
};

/// What a client may send: as much as by default, before its password, and very little.
const BOUNDS: [Bounds; 3] = [
    Bounds { arguments: 1_048_576, bytes: 64 * 1024 * 1024 },
    super::UNKNOWN_CLIENT,
    Bounds { arguments: 3, bytes: 64 },
];

/// The longest line that a reply may have, and what begins and ends it.
const LONGEST_LINE: usize = 64 * 1024 + 1;

/// As [`resp_request`](crate::fuzzing::resp_request).
pub(crate) fn requests(bytes: &[u8]) -> Requests {
    let [by_default, ..] = BOUNDS.map(|bounds| {
        let [whole, ones, some] = cuts(bytes).map(|ends| split(bytes, &ends, bounds));
        assert_eq!(whole, ones, "one by one");
        assert_eq!(whole, some, "cut at {:?}", cuts(bytes)[2]);
        if let Some(words) = &whole.parting {
            assert_one_reply(words);
        }
        whole
    });
    by_default
}

/// Requests that come in pieces with these ends.
fn split(bytes: &[u8], ends: &[usize], bounds: Bounds) -> Requests {
    let (mut scan, mut spans, mut made) = (Scan::default(), Vec::new(), Vec::new());
    let (mut requests, mut start) = (Requests::default(), 0);
    for &end in ends {
        while start < end {
            let input = &bytes[start..end];
            let (len, frame) = match scan.request(input, bounds, &mut spans, &mut made) {
                Ok(Scanned::Unfinished) => break,
                Ok(Scanned::Frame(len)) => {
                    assert!(len <= input.len(), "no request ends behind what was sent");
                    assert_is_written_so(&input[..len], &spans);
                    (len, &input[..len])
                }
                Ok(Scanned::Inline(len)) => {
                    assert_is_written_so(&made, &spans);
                    assert_eq!(input[len - 1], b'\n');
                    (len, &made[..])
                }
                Err(Parting(words)) => {
                    requests.parting = Some(words);
                    return requests;
                }
            };
            assert!(len > 0, "a request has bytes");
            let args = Args::new(frame, &spans);
            assert_eq!(args.iter().count(), args.len(), "arguments are in their frame");
            if ends.len() == 1 {
                understand(&args);
            }
            requests.whole.push((start..start + len, args.iter().map(<[u8]>::to_vec).collect()));
            start += len;
        }
    }
    requests
}

/// That a frame is what its arguments are written as; but for one without, which may say `*-7`.
fn assert_is_written_so(frame: &[u8], spans: &[Span]) {
    let args = Args::new(frame, spans);
    let mut written = Vec::new();
    header(&mut written, b'*', args.len());
    for arg in args.iter() {
        header(&mut written, b'$', arg.len());
        written.extend_from_slice(arg);
        written.extend_from_slice(b"\r\n");
    }
    let is_empty = args.len() == 0 && frame.starts_with(b"*-") && frame.ends_with(b"\r\n");
    assert!(written == frame || is_empty, "{} of {}", written.escape_ascii(), frame.escape_ascii());
}

/// That a request is understood, or refused with a reply.
fn understand(args: &Args<'_>) {
    if args.len() == 0 {
        return;
    }
    let refused = |refusal: Refusal<'_>| {
        let mut out = Vec::new();
        refusal.write(&mut out);
        assert!(out.starts_with(b"-") && out.iter().filter(|byte| **byte == b'\n').count() == 1);
        assert_one_reply(&out);
    };
    let command = match Command::find(args) {
        Ok(command) => command,
        Err(refusal) => return refused(refusal),
    };
    let mut keys = 0;
    match command.places(args, &mut |at| {
        assert!((1..args.len()).contains(&at), "{} has no key at {at} of {}", command.name, args.len());
        keys += 1;
    }) {
        Ok(()) => assert_eq!(keys > 0, !matches!(command.keys, Keys::None), "{} has keys", command.name),
        Err(error) => refused(error.into()),
    }
    match command.route(args) {
        Route::Refused(reason) => refused(Refusal::Unserved(command.name, reason)),
        Route::Local(local) => {
            let mut session = local::Session::new(7, true);
            let facts = local::Facts {
                password: None,
                version: super::VERSION,
                process: 1,
                port: 1,
                started: Moment::ZERO,
                now: Moment::ZERO,
                clients: 1,
                connections: 1,
                commands: 1,
            };
            let mut out = Vec::new();
            let _ = local::answer(local, args, &mut session, &facts, &mut out);
            assert_one_reply(&out);
        }
        _ => {}
    }
}

fn assert_one_reply(bytes: &[u8]) {
    assert_eq!(Measure::default().reply(bytes), Ok(Some(bytes.len())), "{}", bytes.escape_ascii());
}

/// As [`resp_reply`](crate::fuzzing::resp_reply).
pub(crate) fn reply(bytes: &[u8]) -> Measured {
    let [whole, ones, some] = cuts(bytes).map(|ends| measure(bytes, &ends));
    assert_eq!(whole, ones, "one by one");
    assert_eq!(whole, some, "cut at {:?}", cuts(bytes)[2]);
    for ends in cuts(bytes) {
        assert_eq!(whole, measure_and_skip(bytes, &ends), "thrown away meanwhile");
    }
    let mut replies = Vec::new();
    let mut rest = bytes;
    while let (Ok(Some(len)), true) = (Measure::default().reply(rest), replies.len() < 4) {
        let (reply, behind) = rest.split_at(len);
        let mut relayed = Vec::new();
        scan::relay(1, 3, reply, &mut relayed);
        assert_one_reply(&relayed);
        replies.push(Bytes::copy_from_slice(reply));
        rest = behind;
        assert_are_merged(&replies);
    }
    whole
}

/// The reply at the front, of what comes in pieces with these ends.
fn measure(bytes: &[u8], ends: &[usize]) -> Measured {
    let mut measure = Measure::default();
    for &end in ends {
        match measure.reply(&bytes[..end]) {
            Ok(None) => {}
            Ok(Some(len)) => {
                assert!(0 < len && len <= end, "no reply ends behind what was sent");
                return Ok(Some(len));
            }
            Err(Lie(why)) => return Err(why),
        }
    }
    Ok(None)
}

/// The same where what is measured is thrown away after each piece.
fn measure_and_skip(bytes: &[u8], ends: &[usize]) -> Measured {
    let (mut measure, mut start) = (Measure::default(), 0);
    for &end in ends {
        match measure.reply(&bytes[start..end]) {
            Ok(None) => {
                start += measure.forget();
                assert!(end - start <= LONGEST_LINE, "{} bytes are kept of a reply", end - start);
            }
            Ok(Some(len)) => return Ok(Some(start + len)),
            Err(Lie(why)) => return Err(why),
        }
    }
    Ok(None)
}

/// That the one answer made of these is one reply.
fn assert_are_merged(replies: &[Bytes]) {
    let owner = |at: usize| u16::try_from(at % replies.len()).expect("they are few");
    let merges: [(Reply, &dyn Fn() -> Merge); 6] = [
        (Reply::ARRAY, &|| Merge::Values((0..replies.len() * 2).map(owner).collect())),
        (Reply::INTEGER, &|| Merge::Sum),
        (Reply::STATUS, &|| Merge::Done),
        (Reply::INTEGER, &|| Merge::Everywhere(Everywhere::Sum)),
        (Reply::ANY, &|| Merge::Everywhere(Everywhere::Same)),
        (Reply::ARRAY, &|| Merge::Everywhere(Everywhere::And)),
    ];
    for (of, merge) in merges {
        // Others are a lie before they are a part.
        if !replies.iter().all(|reply| of.allows(reply[0])) {
            continue;
        }
        for partial in [Partial::Error, Partial::PerKey, Partial::Miss] {
            for lost in [None, Some(0)] {
                let mut gathering = Gathering::new(replies.len());
                for (part, reply) in replies.iter().enumerate() {
                    let told = match lost == Some(part) {
                        true => gathering.fail(part, Failure::unheard()),
                        false => gathering.answer(part, reply.clone()),
                    };
                    told.expect("each part is told once");
                }
                let mut out = Outbox::new(0);
                merge().write(partial, &gathering.finish(|_| Failure::unheard()), &mut out);
                let written = std::mem::take(out.tail());
                assert_eq!(
                    Measure::default().reply(&written),
                    Ok(Some(written.len())),
                    "{} of {replies:?} by {of:?} and {partial:?}",
                    written.escape_ascii()
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use entourage_testkit::Rng;

    use super::*;

    /// Frames that come in pieces, where what was scanned before is overwritten with `trap`: it would be
    /// noticed if it were looked at again.
    fn drip(whole: &[u8], ends: &[usize], trap: impl Fn(&mut [u8], usize)) -> Result<Scanned, Parting> {
        let (mut scan, mut spans, mut made) = (Scan::default(), Vec::new(), Vec::new());
        let mut kept = Vec::new();
        for &end in &ends[..ends.len() - 1] {
            kept.extend_from_slice(&whole[kept.len()..end]);
            let scanned = scan.request(&kept, BOUNDS[0], &mut spans, &mut made);
            assert_eq!(scanned, Ok(Scanned::Unfinished), "to {end} of {}", whole.escape_ascii());
            trap(&mut kept, end);
        }
        // All of it is looked at when all of it is there.
        scan.request(whole, BOUNDS[0], &mut spans, &mut made)
    }

    #[test]
    fn what_is_scanned_of_a_request_is_not_looked_at_again_before_all_of_it_is_there() {
        let mut rng = Rng::new(1);
        for _ in 0..200 {
            let (mut whole, mut starts) = (Vec::new(), Vec::new());
            let count = rng.between(1..20) as usize;
            header(&mut whole, b'*', count);
            for _ in 0..count {
                starts.push(whole.len());
                let argument = vec![b'a'; rng.between(0..50) as usize];
                header(&mut whole, b'$', argument.len());
                whole.extend_from_slice(&argument);
                whole.extend_from_slice(b"\r\n");
            }
            for ends in cuts(&whole) {
                let last = drip(&whole, &ends, |kept, end| {
                    // All but the first byte, that of the request, up to the argument that is not whole.
                    let begun = starts.iter().copied().rfind(|start| *start <= end);
                    if let Some(begun) = begun {
                        kept[1..begun].fill(b'!');
                    }
                });
                assert_eq!(last, Ok(Scanned::Frame(whole.len())));
            }
        }
    }

    #[test]
    fn what_is_scanned_of_a_line_is_not_looked_at_again_before_all_of_it_is_there() {
        let whole = [b"set k ".as_slice(), &[b'v'; 2_000], b"\r\n"].concat();
        for ends in cuts(&whole) {
            let last = drip(&whole, &ends, |kept, _| kept[1..].fill(b'\n'));
            assert_eq!(last, Ok(Scanned::Inline(whole.len())));
        }
    }
}
