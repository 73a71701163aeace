//! Items as bytes, which the server keeps and mostly does not read.

use bytes::Bytes;

use crate::item::{Item, ItemId};

/// How long [`put_body`] makes it.
pub(super) fn body_len(item: &Item) -> usize {
    let maybe = |name: Option<&str>| 1 + name.map_or(0, |name| 4 + name.len());
    let names =
        maybe(item.key().map(|key| key.as_str())) + maybe(item.bundle().map(|bundle| bundle.as_str()));
    let headers: usize = item.headers().iter().map(|(name, value)| 8 + name.len() + value.len()).sum();
    4 + 4 + item.id().as_str().len() + names + headers + item.payload().len()
}

/// Appends an item as the server keeps it: the length of its head, the head, the payload.
///
/// The length stands first because a script that counts bytes must know the payload's.
pub(super) fn put_body(bytes: &mut Vec<u8>, item: &Item) {
    put_length(bytes, body_len(item) - 4 - item.payload().len());
    put(bytes, item.id().as_str());
    put_maybe(bytes, item.key().map(|key| key.as_str()));
    put_maybe(bytes, item.bundle().map(|bundle| bundle.as_str()));
    for (name, value) in item.headers() {
        put(bytes, name);
        put(bytes, value);
    }
    bytes.extend_from_slice(item.payload());
}

/// The item again, which shares the bytes of its payload; none where they make no sense.
pub(super) fn item(body: &Bytes) -> Option<Item> {
    let mut rest = &body[..];
    let length = take_length(&mut rest)?;
    let (mut head, payload) = rest.split_at_checked(length)?;
    let id = ItemId::from(take(&mut head)?);
    let (key, bundle) = (take_maybe(&mut head)?, take_maybe(&mut head)?);
    let mut item = Item::new(id, body.slice_ref(payload));
    if !head.is_empty() {
        let mut headers = Vec::new();
        while !head.is_empty() {
            headers.push((take(&mut head)?.to_owned(), take(&mut head)?.to_owned()));
        }
        item = item.with_headers(headers);
    }
    if let Some(key) = key {
        item = item.with_key(key);
    }
    if let Some(bundle) = bundle {
        item = item.with_bundle(bundle);
    }
    Some(item)
}

/// The bodies of items that were published together, which are kept in one piece.
///
/// How many (1 byte), where each of them ends (4 bytes each), and the bodies.
#[derive(Debug, Default)]
pub(super) struct Envelope {
    ends: Vec<usize>,
    bodies: Vec<u8>,
}

impl Envelope {
    pub(super) fn with_capacity(items: usize, bytes: usize) -> Self {
        Self { ends: Vec::with_capacity(items), bodies: Vec::with_capacity(bytes) }
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Of all its bodies.
    pub(super) fn bytes(&self) -> usize {
        self.bodies.len()
    }

    pub(super) fn push(&mut self, item: &Item) {
        put_body(&mut self.bodies, item);
        self.ends.push(self.bodies.len());
    }

    pub(super) fn sealed(self) -> Vec<u8> {
        let head = 1 + 4 * self.ends.len();
        let mut sealed = Vec::with_capacity(head + self.bodies.len());
        // A batch has at most a hundred.
        sealed.push(u8::try_from(self.ends.len()).unwrap_or(u8::MAX));
        for end in self.ends {
            put_length(&mut sealed, head + end);
        }
        sealed.extend_from_slice(&self.bodies);
        sealed
    }
}

/// The body at a place of an envelope, not copied; none where there is none.
pub(super) fn body_at(envelope: &Bytes, place: usize) -> Option<Bytes> {
    let end_of = |place: usize| take_length(&mut envelope.get(1 + 4 * place..5 + 4 * place)?);
    let items = usize::from(*envelope.first()?);
    let from = if place == 0 { 1 + 4 * items } else { end_of(place - 1)? };
    let to = end_of(place)?;
    (place < items && from < to && to <= envelope.len()).then(|| envelope.slice(from..to))
}

/// Appends a number of elements, as `cmsgpack` reads an array of them.
pub(super) fn pack_count(packed: &mut Vec<u8>, elements: usize) {
    packed.push(0xdc);
    packed.extend_from_slice(&u16::try_from(elements).unwrap_or(u16::MAX).to_be_bytes());
}

/// Appends a text of at most 64 KiB.
pub(super) fn pack(packed: &mut Vec<u8>, text: &[u8]) {
    packed.push(0xda);
    packed.extend_from_slice(&u16::try_from(text.len()).unwrap_or(u16::MAX).to_be_bytes());
    packed.extend_from_slice(text);
}

/// Appends a number.
pub(super) fn pack_number(packed: &mut Vec<u8>, number: u64) {
    packed.push(0xcf);
    packed.extend_from_slice(&number.to_be_bytes());
}

fn put_length(bytes: &mut Vec<u8>, length: usize) {
    // The limits keep it far below.
    bytes.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
}

fn put(bytes: &mut Vec<u8>, text: &str) {
    put_length(bytes, text.len());
    bytes.extend_from_slice(text.as_bytes());
}

fn put_maybe(bytes: &mut Vec<u8>, text: Option<&str>) {
    bytes.push(u8::from(text.is_some()));
    if let Some(text) = text {
        put(bytes, text);
    }
}

fn take_length(bytes: &mut &[u8]) -> Option<usize> {
    let (length, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    usize::try_from(u32::from_be_bytes(*length)).ok()
}

fn take<'a>(bytes: &mut &'a [u8]) -> Option<&'a str> {
    let length = take_length(bytes)?;
    let (text, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    std::str::from_utf8(text).ok()
}

/// Of the outer none: the bytes make no sense.
fn take_maybe<'a>(bytes: &mut &'a [u8]) -> Option<Option<&'a str>> {
    let (is_some, rest) = bytes.split_first()?;
    *bytes = rest;
    if *is_some == 0 { Some(None) } else { take(bytes).map(Some) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> Item {
        let headers = [("a".to_owned(), String::new()), ("länge\0".to_owned(), "x".repeat(300))];
        Item::new("id", vec![0, 255, 7]).with_key("k").with_bundle("b").with_headers(headers)
    }

    fn sealed(items: &[Item]) -> Bytes {
        let mut envelope = Envelope::default();
        for item in items {
            envelope.push(item);
        }
        envelope.sealed().into()
    }

    #[test]
    fn an_item_is_read_out_of_its_envelope_as_it_was_written() {
        let written = [Item::new("id", vec![0, 255, 7]), full(), Item::new("", "")];
        let envelope = sealed(&written);
        for (place, written) in written.iter().enumerate() {
            let body = body_at(&envelope, place).expect("it is there");
            assert_eq!(body.len(), body_len(written));
            assert_eq!(item(&body).as_ref(), Some(written));
        }
        assert_eq!(body_at(&envelope, written.len()), None);
    }

    #[test]
    fn a_payload_is_a_piece_of_its_envelope_and_no_copy() {
        let envelope = sealed(&[full()]);
        let read = body_at(&envelope, 0).as_ref().and_then(item).expect("it is there");
        assert!(envelope.as_ptr_range().contains(&read.payload().as_ptr()));
    }

    #[test]
    fn torn_bytes_are_no_item() {
        let envelope =
            sealed(&[Item::new("id", "").with_key("k").with_headers([("a".to_owned(), "b".to_owned())])]);
        for end in 0..envelope.len() {
            assert_eq!(body_at(&envelope.slice(..end), 0), None, "{end}");
        }
        let body = body_at(&envelope, 0).expect("it is there");
        for end in 0..body.len() {
            assert_eq!(item(&body.slice(..end)), None, "{end}");
        }
    }
}
