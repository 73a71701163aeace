//! Lists and items as servers send them: bounded in memory, whatever is in them.
//!
//! Nothing is built but what is kept: unknown members are skipped as they come, however large,
//! and the data of an item stays the text that it was.

use std::fmt;

use bytes::Bytes;
use entourage_core::planted;
use serde_core::{
    Deserializer,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::source::listing::{Listing, ListingBuilder};

/// What is wrong with an answer, in a line of bounded length.
pub(super) type Wrong = String;

/// What a server's answer may be.
pub(super) enum Answer {
    /// `ItemList`.
    List(Listing),
    /// `Item`, with its data as JSON text.
    Item(Bytes),
}

/// The answer, whichever of the two it is.
pub(super) fn answer(text: &Bytes) -> Result<Answer, Wrong> {
    let mut json = serde_json::Deserializer::from_slice(text);
    let members = json.deserialize_map(Members::default());
    let members = members.and_then(|members| json.end().map(|()| members));
    let members = members.map_err(|error| shortened(&error.to_string()))?;
    let named = |name: &str, value: Option<String>| {
        value.ok_or_else(|| format!("it has no member {name:?}, so nobody knows what it is"))
    };
    let version = named("apiVersion", members.version)?;
    if version != "v1" {
        return Err(format!("its apiVersion is {}, and this program speaks \"v1\"", shown(&version)));
    }
    let kind = named("kind", members.kind)?;
    match (kind.as_str(), members.items, members.data) {
        ("ItemList", Some(mut items), _) => {
            for reason in members.missing {
                items.miss(reason);
            }
            Ok(Answer::List(items.build()))
        }
        ("ItemList", None, _) => Err("it has no member \"items\"".to_owned()),
        ("Item", _, Some(data)) if planted("source-data-understood") => {
            let understood: serde_json::Value = serde_json::from_str(data.get()).unwrap_or_default();
            Ok(Answer::Item(understood.to_string().into()))
        }
        ("Item", _, Some(data)) => Ok(Answer::Item(text.slice_ref(data.get().as_bytes()))),
        ("Item", _, None) => Err("it has no member \"data\"".to_owned()),
        (_, Some(items), _) if planted("source-ignores-kind") => Ok(Answer::List(items.build())),
        _ => Err(format!("its kind is {}", shown(&kind))),
    }
}

fn shown(text: &str) -> String {
    format!("{:?}", shortened(text))
}

fn shortened(text: &str) -> String {
    const MOST: usize = 160;
    let mut short: String = text.chars().take(MOST).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

#[derive(Default)]
struct Members<'a> {
    kind: Option<String>,
    version: Option<String>,
    items: Option<ListingBuilder>,
    data: Option<&'a RawValue>,
    missing: Vec<String>,
}

impl<'a> Visitor<'a> for Members<'a> {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with kind and apiVersion")
    }

    fn visit_map<M: MapAccess<'a>>(mut self, mut map: M) -> Result<Self, M::Error> {
        while let Some(member) = map.next_key_seed(Member)? {
            match member {
                "kind" => once(&mut self.kind, map.next_value_seed(Text("a kind"))?, "kind")?,
                "apiVersion" => {
                    once(&mut self.version, map.next_value_seed(Text("a version"))?, "apiVersion")?
                }
                "items" => once(&mut self.items, map.next_value_seed(Names(Listing::builder()))?, "items")?,
                "data" => once(&mut self.data, map.next_value::<&'a RawValue>()?, "data")?,
                "missing" => self.missing = reasons(map.next_value::<&'a RawValue>()?),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(self)
    }
}

/// Two programs would read a member that is there twice in two ways.
fn once<T, E: Error>(member: &mut Option<T>, value: T, name: &str) -> Result<(), E> {
    if member.replace(value).is_some() {
        return Err(E::custom(format_args!("the member {name:?} is there twice")));
    }
    Ok(())
}

/// The name of a member, as far as it is known.
struct Member;

impl<'a> DeserializeSeed<'a> for Member {
    type Value = &'static str;

    fn deserialize<D: Deserializer<'a>>(self, json: D) -> Result<&'static str, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for Member {
    type Value = &'static str;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member's name")
    }

    fn visit_str<E>(self, text: &str) -> Result<&'static str, E> {
        let known = ["kind", "apiVersion", "items", "data", "missing"];
        Ok(known.into_iter().find(|known| *known == text).unwrap_or_default())
    }
}

struct Text(&'static str);

impl<'a> DeserializeSeed<'a> for Text {
    type Value = String;

    fn deserialize<D: Deserializer<'a>>(self, json: D) -> Result<String, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for Text {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_str<E>(self, text: &str) -> Result<String, E> {
        Ok(shortened(text))
    }
}

/// The names of a list, each looked at as it comes.
struct Names(ListingBuilder);

impl<'a> DeserializeSeed<'a> for Names {
    type Value = ListingBuilder;

    fn deserialize<D: Deserializer<'a>>(self, json: D) -> Result<ListingBuilder, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'a> Visitor<'a> for Names {
    type Value = ListingBuilder;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of names")
    }

    /// An empty list of some languages.
    fn visit_unit<E>(self) -> Result<ListingBuilder, E> {
        Ok(self.0)
    }

    fn visit_seq<S: SeqAccess<'a>>(mut self, mut list: S) -> Result<ListingBuilder, S::Error> {
        while let Some(has_room) = list.next_element_seed(Offer(&mut self.0))? {
            if !has_room {
                while list.next_element::<IgnoredAny>()?.is_some() {}
            }
        }
        Ok(self.0)
    }
}

struct Offer<'l>(&'l mut ListingBuilder);

impl<'a> DeserializeSeed<'a> for Offer<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'a>>(self, json: D) -> Result<bool, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for Offer<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an item's name")
    }

    fn visit_str<E>(self, text: &str) -> Result<bool, E> {
        Ok(self.0.offer(text))
    }
}

/// Why a list is not complete, or nothing where another program means something else by that.
fn reasons(missing: &RawValue) -> Vec<String> {
    Reasons.deserialize(&mut serde_json::Deserializer::from_str(missing.get())).unwrap_or_default()
}

/// A few short lines.
struct Reasons;

impl<'a> DeserializeSeed<'a> for Reasons {
    type Value = Vec<String>;

    fn deserialize<D: Deserializer<'a>>(self, json: D) -> Result<Vec<String>, D::Error> {
        json.deserialize_seq(self)
    }
}

impl<'a> Visitor<'a> for Reasons {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of reasons")
    }

    fn visit_seq<S: SeqAccess<'a>>(self, mut list: S) -> Result<Vec<String>, S::Error> {
        const MOST: usize = 64;
        let mut reasons = Vec::new();
        while let Some(reason) = list.next_element_seed(Text("a reason"))? {
            if reasons.len() < MOST {
                reasons.push(reason);
            }
        }
        Ok(reasons)
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::any, prop_assert_eq, proptest};

    use super::*;
    use crate::source::{data::ItemData, http::write};

    proptest! {
        #[test]
        fn what_is_written_is_read(texts in vec(any::<String>(), 0..20), reasons in vec("\\PC{1,40}", 0..3)) {
            let mut listing = Listing::builder();
            for text in &texts {
                listing.offer(text);
            }
            for reason in &reasons {
                listing.miss(reason.as_str());
            }
            let listing = listing.build();
            let Ok(Answer::List(read)) = answer(&write::list(&listing).into()) else {
                panic!("{texts:?} is no list");
            };
            prop_assert_eq!(read.names(), listing.names());
            prop_assert_eq!(read.missing(), listing.missing());
        }

        #[test]
        fn any_data_comes_back_as_it_was(text in any::<String>()) {
            let text = serde_json::Value::from(text);
            let data = ItemData::new(format!(r#"{{"b": [1.0e3 ,123456789012345678901],"a":{text} }}"#)).unwrap();
            let text = write::item(&data).unwrap();
            let Ok(Answer::Item(read)) = answer(&text.into()) else { panic!("{data:?} is no item") };
            prop_assert_eq!(&read, data.bytes());
        }

        #[test]
        fn whatever_comes_is_read_or_refused(text in vec(any::<u8>(), 0..200)) {
            let _ = answer(&text.into());
        }

        #[test]
        fn whatever_looks_like_json_is_read_or_refused(
            text in "(\\{|\\}|\\[|\\]|,|:|\"kind\"|\"items\"|\"data\"|\"apiVersion\"|\"v1\"|\"Item\"|1|null){0,24}",
        ) {
            let _ = answer(&text.into());
        }
    }
}
