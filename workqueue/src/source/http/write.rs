//! Lists and items as the book writes them, byte for byte.

use entourage_core::planted;
use serde_core::de::IgnoredAny;

use crate::source::{data::ItemData, listing::Listing, name::ItemName};

/// `{"kind":"ItemList","apiVersion":"v1","items":[…]}`.
///
/// A list that is not complete says so in a member `missing`, which other programs ignore.
pub(super) fn list(listing: &Listing) -> Vec<u8> {
    let head: &[u8] = if planted("source-list-out-of-form") {
        br#"{"apiVersion":"v1","kind":"ItemList","items":["#
    } else {
        br#"{"kind":"ItemList","apiVersion":"v1","items":["#
    };
    let mut text = Vec::with_capacity(64 + listing.names().len() * 16);
    text.extend_from_slice(head);
    texts(&mut text, listing.names().iter().map(ItemName::as_str));
    text.push(b']');
    if !listing.is_complete() {
        text.extend_from_slice(br#","missing":["#);
        texts(&mut text, listing.missing().iter().map(|missing| missing.reason.as_str()));
        text.push(b']');
    }
    text.push(b'}');
    text
}

/// `{"kind":"Item","apiVersion":"v1","data":…}`, or none if the data is no JSON.
pub(super) fn item(data: &ItemData) -> Option<Vec<u8>> {
    serde_json::from_slice::<IgnoredAny>(data.bytes()).ok()?;
    Some([br#"{"kind":"Item","apiVersion":"v1","data":"#, data.bytes().trim_ascii(), b"}"].concat())
}

fn texts<'a>(to: &mut Vec<u8>, texts: impl Iterator<Item = &'a str>) {
    for (at, text) in texts.enumerate() {
        if at > 0 {
            to.push(b',');
        }
        serde_json::to_writer(&mut *to, text).expect("a text is written into memory");
    }
}
