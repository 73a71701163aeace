//! Small things as bytes: headers, ids in a row, what a step did.

use crate::{item::Published, step::Applied};

/// Appends a number in groups of seven bits, the lowest first (LEB128).
pub(super) fn put_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push((number & 0x7f) as u8);
}

/// Appends a text with its length before it.
pub(super) fn put_text(bytes: &mut Vec<u8>, text: &str) {
    put_number(bytes, text.len() as u64);
    bytes.extend_from_slice(text.as_bytes());
}

/// Reads what was appended; none where the bytes end or make no sense.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

impl<'a> Bytes<'a> {
    pub(super) fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    pub(super) fn text(&mut self) -> Option<&'a str> {
        let length = usize::try_from(self.number()?).ok()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        std::str::from_utf8(text).ok()
    }
}

/// Headers, or nothing for none.
pub(super) fn headers(headers: &[(String, String)]) -> Option<Vec<u8>> {
    if headers.is_empty() {
        return None;
    }
    let mut bytes = Vec::new();
    for (name, value) in headers {
        put_text(&mut bytes, name);
        put_text(&mut bytes, value);
    }
    Some(bytes)
}

/// The headers again.
pub(super) fn read_headers(bytes: &[u8]) -> Vec<(String, String)> {
    let mut bytes = Bytes(bytes);
    let mut headers = Vec::new();
    while let (Some(name), Some(value)) = (bytes.text(), bytes.text()) {
        headers.push((name.to_owned(), value.to_owned()));
    }
    headers
}

/// What a step did, or nothing if it only settled: a bit a publication, a number a record.
pub(super) fn applied(applied: &Applied) -> Option<Vec<u8>> {
    let Applied { published, state, .. } = applied;
    if published.is_empty() && state.is_empty() {
        return None;
    }
    let mut bytes = Vec::new();
    put_number(&mut bytes, published.len() as u64);
    for eight in published.chunks(8) {
        let bit = |(at, one): (usize, &Published)| u8::from(*one == Published::Accepted) << at;
        bytes.push(eight.iter().enumerate().map(bit).sum());
    }
    for version in state {
        put_number(&mut bytes, *version);
    }
    Some(bytes)
}

/// What a step did when it was applied first.
pub(super) fn read_applied(bytes: &[u8]) -> Applied {
    let mut bytes = Bytes(bytes);
    let mut applied = Applied { repeated: true, ..Applied::default() };
    let count = bytes.number().and_then(|count| usize::try_from(count).ok()).unwrap_or(0);
    let Some((bits, rest)) = bytes.0.split_at_checked(count.div_ceil(8)) else { return applied };
    bytes.0 = rest;
    let taken = |at: usize| bits[at / 8] >> (at % 8) & 1 == 1;
    let one = |at| if taken(at) { Published::Accepted } else { Published::Duplicate };
    applied.published = (0..count).map(one).collect();
    applied.state = std::iter::from_fn(|| bytes.number()).collect();
    applied
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_step_did_is_read_as_it_was_written() {
        let published: Vec<_> =
            (0..19).map(|n| if n % 3 == 0 { Published::Duplicate } else { Published::Accepted }).collect();
        for (published, state) in
            [(published.clone(), vec![1, 0, 300, u64::MAX]), (published, Vec::new()), (Vec::new(), vec![7])]
        {
            let first = Applied { published, state, repeated: false };
            let bytes = applied(&first).unwrap();
            assert_eq!(read_applied(&bytes), Applied { repeated: true, ..first });
        }
        assert_eq!(applied(&Applied::default()), None);
    }

    #[test]
    fn headers_are_read_as_they_were_written() {
        let given = vec![("a".to_owned(), String::new()), ("länge\0".to_owned(), "x".repeat(300))];
        assert_eq!(read_headers(&headers(&given).unwrap()), given);
        assert_eq!(headers(&[]), None);
    }

    #[test]
    fn torn_bytes_end_the_reading_and_nothing_else() {
        let bytes = headers(&[("name".to_owned(), "value".to_owned())]).unwrap();
        for end in 0..bytes.len() {
            assert_eq!(read_headers(&bytes[..end]), []);
        }
        assert_eq!(Bytes(&[0xff; 11]).number(), None);
    }
}
