//! What the crate `redis-protocol` makes of the same bytes.
//!
//! It takes more than is taken here: numbers with a plus or zeros in front, any two bytes where a line
//! or a bulk should end, a newline amid a line. Of what it takes, exactly that is taken here which
//! is written as Redis writes it.

use std::ops::Range;

use redis_protocol::resp2::{decode::decode_range, types::RangeFrame};

/// The longest status or error that is taken here, its end included.
const LONGEST_LINE: usize = 64 * 1024;
/// It recurs with each array in an array.
const DEEPEST: usize = 200;

/// That these are the requests at the front of `bytes`, where `is_refused` says that what follows is none.
pub(crate) fn compare_requests(bytes: &[u8], whole: &[(Range<usize>, Vec<Vec<u8>>)], is_refused: bool) {
    if is_too_deep(bytes) {
        return;
    }
    for (place, arguments) in whole {
        let rest = &bytes[place.start..];
        // It knows no requests on one line; fewer arguments than none are an error to it.
        if rest[0] != b'*' || (arguments.is_empty() && rest[1] == b'-') {
            continue;
        }
        let Ok(Some((RangeFrame::Array(elements), len))) = decode_range(rest) else {
            panic!("it takes no array at the front of {}", rest.escape_ascii());
        };
        assert_eq!(len, place.len(), "{}", rest.escape_ascii());
        let theirs: Vec<_> = elements
            .iter()
            .map(|element| match element {
                RangeFrame::BulkString((start, end)) => &rest[*start..*end],
                other => panic!("{other:?} is no argument"),
            })
            .collect();
        assert_eq!(theirs, *arguments, "{}", rest.escape_ascii());
    }
    let rest = &bytes[whole.last().map_or(0, |(place, _)| place.end)..];
    if rest.first() != Some(&b'*') {
        return;
    }
    match decode_range(rest) {
        Ok(Some((RangeFrame::Array(elements), len))) => {
            let are_bulks = elements.iter().all(|element| matches!(element, RangeFrame::BulkString(_)));
            let is_request = are_bulks && is_strict(rest, &RangeFrame::Array(elements), len);
            assert!(!is_request, "it takes {}", rest[..len].escape_ascii());
        }
        Ok(_) => {}
        Err(error) => assert!(is_refused, "it says {error} to {}", rest.escape_ascii()),
    }
}

/// That this is the length of the reply at the front of `bytes`.
pub(crate) fn compare_reply(bytes: &[u8], measured: Result<Option<usize>, &'static str>) {
    if is_too_deep(bytes) {
        return;
    }
    match (decode_range(bytes), measured) {
        (Ok(Some((frame, len))), Ok(Some(ours))) => {
            assert_eq!(len, ours, "{}", bytes.escape_ascii());
            assert!(is_strict(bytes, &frame, len), "{} is not strict", bytes.escape_ascii());
        }
        (Ok(Some((frame, len))), ours) => {
            assert!(!is_strict(bytes, &frame, len), "{ours:?} to {}", bytes.escape_ascii());
        }
        (theirs, Ok(Some(_))) => panic!("it says {theirs:?} to {}", bytes.escape_ascii()),
        (Err(error), Ok(None)) => panic!("it says {error} to {}", bytes.escape_ascii()),
        (Ok(None), _) | (Err(_), Err(_)) => {}
    }
}

fn is_too_deep(bytes: &[u8]) -> bool {
    bytes.windows(2).filter(|pair| pair[0] == b'*').count() > DEEPEST
}

/// Whether these bytes are what Redis would write of this frame.
fn is_strict(bytes: &[u8], frame: &RangeFrame, len: usize) -> bool {
    let mut written = Vec::new();
    write(bytes, frame, &mut written) && written == bytes[..len]
}

/// Writes a frame as Redis does; says whether it would.
fn write(bytes: &[u8], frame: &RangeFrame, out: &mut Vec<u8>) -> bool {
    // It does not say of what there is none.
    let kind_of_null = bytes.get(out.len()).copied().unwrap_or_default();
    let mut line = |kind: u8, line: &[u8]| {
        out.push(kind);
        out.extend_from_slice(line);
        out.extend_from_slice(b"\r\n");
        line.len() + 2 <= LONGEST_LINE && !line.contains(&b'\n')
    };
    match frame {
        RangeFrame::SimpleString((start, end)) => line(b'+', &bytes[*start..*end]),
        RangeFrame::Error((start, end)) => line(b'-', &bytes[*start..*end]),
        RangeFrame::Integer(value) => line(b':', value.to_string().as_bytes()),
        RangeFrame::BulkString((start, end)) => {
            let is_line = line(b'$', (end - start).to_string().as_bytes());
            out.extend_from_slice(&bytes[*start..*end]);
            out.extend_from_slice(b"\r\n");
            is_line
        }
        RangeFrame::Array(elements) => {
            line(b'*', elements.len().to_string().as_bytes())
                && elements.iter().all(|element| write(bytes, element, out))
        }
        RangeFrame::Null => line(kind_of_null, b"-1"),
    }
}
