//! An item as a line of JSON: what is received is what can be published.

use std::time::Duration;

use entourage_queue::{Dead, Delivery, Item, Publication};
use serde_json::{Map, Value, json};

use super::base64;

/// What a line may leave out.
#[derive(Clone, Debug, Default)]
pub(super) struct Defaults {
    pub(super) key: Option<String>,
    pub(super) priority: u8,
    pub(super) delay: Duration,
    pub(super) headers: Vec<(String, String)>,
}

impl Defaults {
    /// An item with all of these.
    pub(super) fn publication(&self, topic: &str, id: String, payload: Vec<u8>) -> Publication {
        self.with(topic, id, payload, self.key.clone(), self.headers.clone())
    }

    fn with(
        &self,
        topic: &str,
        id: String,
        payload: Vec<u8>,
        key: Option<String>,
        headers: Vec<(String, String)>,
    ) -> Publication {
        let item = Item::new(id, payload).with_headers(headers);
        let item = match key {
            Some(key) => item.with_key(key),
            None => item,
        };
        Publication::new(topic, item).delayed(self.delay).priority(self.priority)
    }

    /// The item of a line; `id` is for one that has none of its own.
    ///
    /// # Errors
    /// What is wrong with the line.
    pub(super) fn read(
        &self,
        topic: &str,
        line: &[u8],
        id: impl FnOnce() -> String,
    ) -> Result<Publication, String> {
        let value: Value = serde_json::from_slice(line).map_err(|error| format!("it is no JSON: {error}"))?;
        let Value::Object(mut members) = value else { return Err("it is no object".to_owned()) };
        // What is told of a delivery says nothing of the item.
        for told in ["attempt", "fence"] {
            members.remove(told);
        }
        let payload = payload(&mut members)?;
        let id = text(&mut members, "id")?.unwrap_or_else(id);
        let key = text(&mut members, "key")?.or_else(|| self.key.clone());
        let bundle = text(&mut members, "bundle")?;
        let headers = match members.remove("headers") {
            Some(headers) => headers_of(headers)?,
            None => self.headers.clone(),
        };
        let priority = match members.remove("priority") {
            Some(priority) => {
                let number = priority.as_u64().and_then(|number| u8::try_from(number).ok());
                number.ok_or("its priority is no number from 0 to 255")?
            }
            None => self.priority,
        };
        let delay = match members.remove("delay") {
            Some(delay) => {
                let delay = delay.as_str().map(humantime::parse_duration);
                delay.and_then(Result::ok).ok_or("its delay is no time with a unit, such as \"5s\"")?
            }
            None => self.delay,
        };
        if let Some(unknown) = members.keys().next() {
            return Err(format!("it has the member {unknown:?}, which no item has"));
        }
        let mut publication =
            Self { delay, priority, ..Self::default() }.with(topic, id, payload, key, headers);
        if let Some(bundle) = bundle {
            publication.item = publication.item.with_bundle(bundle);
        }
        Ok(publication)
    }
}

fn text(members: &mut Map<String, Value>, name: &str) -> Result<Option<String>, String> {
    match members.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(format!("its {name} is no text")),
    }
}

/// The text of `payload`, the JSON that it is, or the bytes of `payload_base64`.
fn payload(members: &mut Map<String, Value>) -> Result<Vec<u8>, String> {
    match (members.remove("payload"), text(members, "payload_base64")?) {
        (Some(Value::String(text)), None) => Ok(text.into_bytes()),
        (Some(value), None) => Ok(value.to_string().into_bytes()),
        (None, Some(encoded)) => {
            base64::decode(&encoded).ok_or_else(|| "its payload_base64 is no Base64 with padding".to_owned())
        }
        (None, None) => Err("it has no payload".to_owned()),
        (Some(_), Some(_)) => Err("it has a payload and a payload_base64".to_owned()),
    }
}

/// Pairs in order, or an object.
fn headers_of(headers: Value) -> Result<Vec<(String, String)>, String> {
    let wrong = || "its headers are no object of texts, and no list of pairs".to_owned();
    let pair = |name: Value, value: Value| match (name, value) {
        (Value::String(name), Value::String(value)) => Ok((name, value)),
        _ => Err(wrong()),
    };
    match headers {
        Value::Object(headers) => headers.into_iter().map(|(name, value)| pair(name.into(), value)).collect(),
        Value::Array(headers) => headers
            .into_iter()
            .map(|header| {
                let header: [Value; 2] = serde_json::from_value(header).map_err(|_| wrong())?;
                let [name, value] = header;
                pair(name, value)
            })
            .collect(),
        _ => Err(wrong()),
    }
}

/// A delivery as a line.
pub(super) fn of_delivery(delivery: &Delivery) -> Value {
    let fence = delivery.fence();
    let mut members = of_item(delivery.item());
    members.insert("attempt".to_owned(), delivery.attempt().into());
    members.insert(
        "fence".to_owned(),
        json!({"epoch": fence.epoch(), "scope": fence.scope().as_str(), "realm": fence.realm().to_string()}),
    );
    members.into()
}

/// A dead letter as a line.
pub(super) fn of_dead(dead: &Dead) -> Value {
    let mut members = of_item(&dead.item);
    members.insert("attempts".to_owned(), dead.attempts.into());
    members.insert("reason".to_owned(), dead.reason.as_str().into());
    members.into()
}

fn of_item(item: &Item) -> Map<String, Value> {
    let mut members = Map::new();
    members.insert("id".to_owned(), item.id().as_str().into());
    if let Some(key) = item.key() {
        members.insert("key".to_owned(), key.as_str().into());
    }
    if let Some(bundle) = item.bundle() {
        members.insert("bundle".to_owned(), bundle.as_str().into());
    }
    if !item.headers().is_empty() {
        let headers = item.headers().iter().map(|(name, value)| json!([name, value]));
        members.insert("headers".to_owned(), headers.collect());
    }
    match std::str::from_utf8(item.payload()) {
        Ok(text) => members.insert("payload".to_owned(), text.into()),
        Err(_) => members.insert("payload_base64".to_owned(), base64::encode(item.payload()).into()),
    };
    members
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Publication, String> {
        let headers = vec![("a".to_owned(), "b".to_owned())];
        let defaults = Defaults { key: Some("k".into()), priority: 3, delay: Duration::ZERO, headers };
        defaults.read("t", line.as_bytes(), || "minted".to_owned())
    }

    #[test]
    fn what_is_written_of_an_item_is_read() {
        let headers = [("a", "b"), ("a", "c")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        let item = Item::new("id\n", &b"\xff\0"[..]).with_key("key").with_bundle("all").with_headers(headers);
        let line = Value::from(of_item(&item)).to_string();
        assert_eq!(read(&line).unwrap().item, item);
        let plain = Item::new("1", "{\"a\": 1}");
        let dead = Dead { item: plain.clone(), reason: "why".into(), attempts: 2 };
        let mut members = of_dead(&dead);
        assert_eq!((&members["reason"], &members["attempts"]), (&"why".into(), &2.into()));
        members.as_object_mut().unwrap().retain(|name, _| name == "id" || name == "payload");
        assert_eq!(read(&members.to_string()).unwrap().item.payload(), plain.payload());
    }

    #[test]
    fn a_line_has_what_it_says_and_the_rest_from_the_flags() {
        let Publication { item, delay, priority, .. } = read(r#"{"payload":[1, 2]}"#).unwrap();
        assert_eq!((item.id().as_str(), item.key().unwrap().as_str(), priority), ("minted", "k", 3));
        assert_eq!((&item.payload()[..], item.headers().len(), delay), (&b"[1,2]"[..], 1, Duration::ZERO));
        let line =
            r#"{"payload":"x","id":"i","priority":0,"delay":"5s","headers":{},"attempt":1,"fence":{}}"#;
        let Publication { item, delay, priority, .. } = read(line).unwrap();
        assert_eq!((item.id().as_str(), priority, delay.as_secs()), ("i", 0, 5));
        assert!(item.headers().is_empty());
    }

    #[test]
    fn what_is_no_item_says_why() {
        for (line, why) in [
            ("", "no JSON"),
            ("[]", "no object"),
            ("{}", "no payload"),
            (r#"{"payload":"","payload_base64":""}"#, "and a payload_base64"),
            (r#"{"payload_base64":"?"}"#, "Base64"),
            (r#"{"payload":"","id":7}"#, "id is no text"),
            (r#"{"payload":"","priority":256}"#, "255"),
            (r#"{"payload":"","delay":5}"#, "5s"),
            (r#"{"payload":"","headers":[["a"]]}"#, "pairs"),
            (r#"{"payload":"","prioritty":1}"#, "prioritty"),
        ] {
            let refused = read(line).unwrap_err();
            assert!(refused.contains(why), "{line}: {refused}");
        }
    }
}
