//! What every backend of this crate refuses, so that they all refuse the same.

use std::{collections::BTreeSet, time::Duration};

use entourage_core::Realm;

use crate::{
    ask::Ask,
    capabilities::Capabilities,
    delivery::Delivery,
    error::{Error, Result},
    item::{Group, Item, Publication, Topic},
    options::{SubscribeOptions, TopicOptions},
    step::Step,
};

/// How long a step's id is remembered after it was applied.
pub(crate) const STEP_WINDOW: Duration = Duration::from_secs(24 * 60 * 60);

/// How many step ids a group remembers at most; beyond it the oldest are forgotten early.
pub(crate) const STEP_IDS: u64 = 1_000_000;

/// Bytes of a dead letter's reason; the rest is cut off, because a long reason must not
/// keep an item from being given up.
const REASON_BYTES: usize = 4096;

const SHORTEST_LEASE: Duration = Duration::from_millis(10);

/// Refuses a name that no queue takes; `what` is its length with the unit.
fn check_name(what: &'static str, name: &str) -> Result<()> {
    if name.is_empty() {
        return Err(Error::Invalid(format!("{what} is 0; give it a name")));
    }
    check_size(what, name.len(), Capabilities::MAX_NAME_BYTES)
}

/// Refuses a topic that no queue takes.
pub(crate) fn check_topic_name(topic: &Topic) -> Result<()> {
    check_name("the topic's length in bytes", topic.as_str())
}

/// Refuses a group that no queue takes.
pub(crate) fn check_group_name(group: &Group) -> Result<()> {
    check_name("the group's length in bytes", group.as_str())
}

/// Refuses a state key that no queue takes.
pub(crate) fn check_state_key(key: &str) -> Result<()> {
    check_name("the state key's length in bytes", key)
}

/// Refuses options under which a topic could hold nothing.
pub(crate) fn check_topic(topic: &Topic, options: &TopicOptions) -> Result<()> {
    check_topic_name(topic)?;
    if options.capacity == 0 {
        return Err(Error::Invalid(format!("topic {topic} has no capacity; give it room for one item")));
    }
    Ok(())
}

/// Refuses a batch that a queue with these limits does not take.
pub(crate) fn check_publish(batch: &[Publication], limits: &Capabilities) -> Result<()> {
    check_size("the number of publications", batch.len(), limits.max_batch)?;
    for publication in batch {
        check_topic_name(&publication.topic)?;
        check_item(&publication.item, limits)?;
    }
    Ok(())
}

fn check_item(item: &Item, limits: &Capabilities) -> Result<()> {
    check_name("the item id's length in bytes", item.id().as_str())?;
    if let Some(key) = item.key() {
        check_name("the key's length in bytes", key.as_str())?;
    }
    if let Some(bundle) = item.bundle() {
        check_name("the bundle's length in bytes", bundle.as_str())?;
    }
    let headers = item.headers().iter().map(|(name, value)| name.len().saturating_add(value.len()));
    let bytes = headers.fold(item.payload().len(), usize::saturating_add);
    check_size("the payload with its headers in bytes", bytes, limits.max_payload_bytes)
}

/// Refuses a subscription that could never work.
pub(crate) fn check_subscribe(topics: &[Topic], group: &Group, options: &SubscribeOptions) -> Result<()> {
    check_group_name(group)?;
    if topics.is_empty() {
        return Err(Error::Invalid("a subscription has no topic; name at least one".to_owned()));
    }
    let mut named = BTreeSet::new();
    for topic in topics {
        check_topic_name(topic)?;
        if !named.insert(topic) {
            return Err(Error::Invalid(format!("topic {topic} is subscribed twice; name it once")));
        }
    }
    if options.lease < SHORTEST_LEASE {
        let lease = options.lease;
        return Err(Error::Invalid(format!("a lease of {lease:?} is too short; take at least 10 ms")));
    }
    if options.time_limit.is_zero() {
        return Err(Error::Invalid("the time limit is zero; give an attempt some time".to_owned()));
    }
    if options.delivery_limit == 0 {
        return Err(Error::Invalid("the delivery limit is zero; allow at least one delivery".to_owned()));
    }
    Ok(())
}

/// The ask as a backend with these limits can answer it, or a refusal.
pub(crate) fn check_ask(ask: Ask, limits: &Capabilities) -> Result<Ask> {
    let at_least = ask.at_least.max(1);
    if at_least > ask.max {
        let (most, fewest) = (ask.max, at_least);
        return Err(Error::Invalid(format!(
            "at most {most} and at least {fewest} items are asked for; ask for more, or for fewer at least"
        )));
    }
    check_size("the fewest items asked for", at_least, limits.max_batch)?;
    Ok(Ask { max: ask.max.min(limits.max_batch), at_least, ..ask })
}

/// Refuses a step that a queue with these limits does not take.
pub(crate) fn check_step(step: &Step, limits: &Capabilities, realm: Realm) -> Result<()> {
    match &step.id {
        Some(id) => check_name("the step id's length in bytes", id.as_str())?,
        None if step.deliveries().next().is_none() => {
            return Err(Error::Invalid(
                "a step that settles nothing could not be recognised when repeated; name it with Step::named"
                    .to_owned(),
            ));
        }
        None => {}
    }
    check_size("the number of deliveries settled", step.deliveries().count(), limits.max_batch)?;
    for delivery in step.deliveries() {
        check_realm(realm, delivery.fence().realm())?;
    }
    check_once(step)?;
    check_publish(&step.publish, limits)?;
    check_size("the number of state writes", step.state.len(), limits.max_batch)?;
    let keys = || step.state.iter().map(|write| &*write.key);
    // In order, none is there twice.
    let is_sorted = keys().is_sorted_by(|one, next| one < next);
    let mut written = BTreeSet::new();
    for write in &step.state {
        check_state_key(&write.key)?;
        let bytes = write.value.as_ref().map_or(0, |value| value.len());
        check_size("the state value in bytes", bytes, limits.max_state_bytes)?;
        if !is_sorted && !written.insert(&*write.key) {
            let key = &write.key;
            return Err(Error::Invalid(format!("state {key:?} is written twice in one step; write it once")));
        }
    }
    Ok(())
}

/// Refuses a step that settles one attempt twice.
fn check_once(step: &Step) -> Result<()> {
    let epoch = |delivery: &Delivery| delivery.receipt().epoch;
    // As they were leased they are in order, and none is there twice.
    if step.deliveries().map(epoch).is_sorted_by(|one, next| one < next) {
        return Ok(());
    }
    let mut settled = BTreeSet::new();
    match step.deliveries().find(|delivery| !settled.insert(epoch(delivery))) {
        None => Ok(()),
        Some(twice) => {
            let id = twice.id();
            Err(Error::Invalid(format!("item {id:?} is settled twice in one step; settle each attempt once")))
        }
    }
}

/// Refuses what another incarnation of the queue issued.
pub(crate) fn check_realm(expected: Realm, found: Realm) -> Result<()> {
    if found == expected { Ok(()) } else { Err(Error::ForeignRealm { expected, found }) }
}

/// What a step is told whose consumer has left: all that it held was given back.
pub(crate) fn left(step: &Step) -> Error {
    let ids: Vec<_> = step.deliveries().map(|delivery| delivery.id().clone()).collect();
    if ids.is_empty() { Error::Closed } else { Error::Stale { ids } }
}

/// The reason as it is kept with a dead letter.
pub(crate) fn reason(given: &str) -> &str {
    let mut end = given.len().min(REASON_BYTES);
    while !given.is_char_boundary(end) {
        end -= 1;
    }
    &given[..end]
}

fn check_size(what: &'static str, given: usize, limit: usize) -> Result<()> {
    if given <= limit {
        return Ok(());
    }
    // A usize has at most 64 bits wherever this crate compiles.
    Err(Error::TooLarge { what, given: given as u64, limit: limit as u64 })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Capabilities = Capabilities::new();

    fn item(id: &str) -> Item {
        Item::new(id, "")
    }

    #[test]
    fn an_ask_is_cut_to_the_largest_batch_and_its_fewest_is_not() {
        let ask = check_ask(Ask::up_to(usize::MAX).at_least(0), &LIMITS).unwrap();
        assert_eq!((ask.max, ask.at_least), (LIMITS.max_batch, 1));
        let ask = Ask::up_to(usize::MAX).at_least(LIMITS.max_batch + 1);
        assert!(matches!(check_ask(ask, &LIMITS), Err(Error::TooLarge { given: 1001, limit: 1000, .. })));
        assert!(matches!(check_ask(Ask::up_to(1).at_least(2), &LIMITS), Err(Error::Invalid(_))));
        assert!(matches!(check_ask(Ask::up_to(0), &LIMITS), Err(Error::Invalid(_))));
    }

    #[test]
    fn a_payload_counts_with_its_headers() {
        let limits = Capabilities { max_payload_bytes: 4, ..LIMITS };
        let fits = Item::new("1", "12").with_headers([("a".to_owned(), "b".to_owned())]);
        assert!(check_publish(&[Publication::new("t", fits.clone())], &limits).is_ok());
        let larger = fits.with_headers([("a".to_owned(), "bc".to_owned())]);
        let refused = check_publish(&[Publication::new("t", larger)], &limits);
        assert_eq!(
            refused.unwrap_err().to_string(),
            "the payload with its headers in bytes is 5, and this queue takes at most 4"
        );
    }

    #[test]
    fn a_name_has_at_least_one_byte_and_at_most_the_limit() {
        let publish = |id: &str| check_publish(&[Publication::new("t", item(id))], &LIMITS);
        assert!(publish(&"i".repeat(Capabilities::MAX_NAME_BYTES)).is_ok());
        assert!(matches!(
            publish(&"i".repeat(Capabilities::MAX_NAME_BYTES + 1)),
            Err(Error::TooLarge { .. })
        ));
        assert!(matches!(publish(""), Err(Error::Invalid(_))));
    }

    #[test]
    fn a_state_key_is_written_once_in_a_step() {
        let step = Step::new().named("s").write("a", 0, "1").write("a", 1, "2");
        assert!(
            matches!(check_step(&step, &LIMITS, Realm::new(1)), Err(Error::Invalid(why)) if why.contains("twice"))
        );
    }

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        assert_eq!(reason("no"), "no");
        let long = "é".repeat(REASON_BYTES);
        assert_eq!(reason(&format!("x{long}")).len(), REASON_BYTES - 1);
    }
}
