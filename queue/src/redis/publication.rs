//! Publications, as a script is given them.

use std::{
    borrow::Cow,
    collections::HashSet,
    mem,
    sync::atomic::{AtomicU64, Ordering},
};

use entourage_core::planted;
use entourage_engine::redis::Call;

use crate::{
    item::{Item, Key, Publication, Published, Topic},
    redis::{
        codec::{self, Envelope},
        entry, span,
    },
};

/// The place of a publication whose id an earlier one of the same batch has.
const DOUBLE: u8 = u8::MAX;

/// Beyond it an envelope gets no further item: it is read, moved and freed as a whole.
const ENVELOPE_BYTES: usize = 16 * 1024;

/// A batch by its topics, each id once.
#[derive(Debug)]
pub(super) struct Parcel {
    sections: Vec<Section>,
    /// Of each publication its place among the scripts' answers, or [`DOUBLE`].
    pub(super) places: Vec<u8>,
}

/// What goes to one topic.
#[derive(Debug)]
struct Section {
    topic: Topic,
    items: usize,
    /// The ids, each as `cmsgpack` reads it.
    ids: Vec<u8>,
    /// Those that are full, with how many items they have.
    sealed: Vec<(usize, Vec<u8>)>,
    open: Envelope,
    /// The keys of all items, as the ids; empty until one has any.
    keys: Vec<u8>,
    /// Of each item that has more than a key three elements, each as `cmsgpack` reads it.
    odd: Vec<u8>,
    odds: usize,
}

impl Parcel {
    pub(super) fn of(batch: &[Publication]) -> Self {
        let mut sections: Vec<Section> = Vec::new();
        let mut seen = HashSet::with_capacity(batch.len());
        let mut at = Vec::with_capacity(batch.len());
        for publication in batch {
            let topic = &publication.topic;
            let section = sections.iter().rposition(|section| section.topic == *topic).unwrap_or_else(|| {
                sections.push(Section::of(topic, batch));
                sections.len() - 1
            });
            at.push(seen.insert((section, publication.item.id().as_str())).then(|| {
                sections[section].push(publication);
                (section, sections[section].items - 1)
            }));
        }
        let mut before = 0;
        let mut firsts = Vec::with_capacity(sections.len());
        for section in &mut sections {
            section.seal();
            firsts.push(before);
            before += section.items;
        }
        // A batch has at most a hundred.
        let place = |(section, nth): (usize, usize)| u8::try_from(firsts[section] + nth).unwrap_or(DOUBLE);
        let places = at.into_iter().map(|at| at.map_or(DOUBLE, place)).collect();
        Self { sections, places }
    }

    pub(super) fn topics(&self) -> impl Iterator<Item = &Topic> {
        self.sections.iter().map(|section| &section.topic)
    }

    /// Moves the arguments into the call; `numbers` are the topics', in their order.
    pub(super) fn pack(&mut self, mut call: Call<'static>, numbers: &[u64]) -> Call<'static> {
        call = call.number(self.sections.len() as u64);
        for (section, number) in self.sections.iter_mut().zip(numbers) {
            call = call.number(*number).number(section.items as u64).owned(mem::take(&mut section.ids));
            call = call.number(section.sealed.len() as u64);
            for (items, envelope) in section.sealed.drain(..) {
                call = call.number(items as u64).owned(envelope);
            }
            call = call.owned(mem::take(&mut section.keys)).owned(mem::take(&mut section.odd));
        }
        call
    }

    /// The topic of this number.
    pub(super) fn named(&self, numbers: &[u64], number: u64) -> Option<&Topic> {
        numbers.iter().position(|one| *one == number).map(|at| &self.sections[at].topic)
    }
}

impl Section {
    /// An empty one, with room for the first of what is published together.
    fn of(topic: &Topic, batch: &[Publication]) -> Self {
        let bytes = batch.first().map_or(0, |first| codec::body_len(&first.item));
        let mut ids = Vec::with_capacity(3 + batch.len() * 24);
        codec::pack_count(&mut ids, 0);
        Self {
            topic: topic.clone(),
            items: 0,
            ids,
            sealed: Vec::new(),
            open: Envelope::with_capacity(batch.len(), (bytes * batch.len()).min(ENVELOPE_BYTES)),
            keys: Vec::new(),
            odd: Vec::new(),
            odds: 0,
        }
    }

    fn push(&mut self, publication: &Publication) {
        let Publication { item, delay, priority, .. } = publication;
        // What is delayed would keep its neighbours' bodies until it is due.
        let is_alone = !delay.is_zero();
        if is_alone || self.open.bytes() + codec::body_len(item) > ENVELOPE_BYTES {
            self.seal_open();
        }
        self.open.push(item);
        self.items += 1;
        codec::pack(&mut self.ids, id_of(item).as_bytes());
        let key = item.key().filter(|_| delay.is_zero() || !planted("queue-delay-forgets-key"));
        if key.is_some() || !self.keys.is_empty() {
            if self.keys.is_empty() {
                codec::pack_count(&mut self.keys, 0);
                (1..self.items).for_each(|_| codec::pack(&mut self.keys, b""));
            }
            codec::pack(&mut self.keys, key.map_or("", Key::as_str).as_bytes());
        }
        if item.bundle().is_some() || !delay.is_zero() || *priority > 0 {
            codec::pack_number(&mut self.odd, self.items as u64);
            codec::pack_number(&mut self.odd, span(*delay));
            codec::pack(&mut self.odd, &entry::rest_of(*priority, key, item.bundle()));
            self.odds += 1;
        }
        if is_alone {
            self.seal_open();
        }
    }

    fn seal_open(&mut self) {
        if self.open.len() > 0 {
            let open = mem::take(&mut self.open);
            self.sealed.push((open.len(), open.sealed()));
        }
    }

    /// When everything is in it: the counts before what is counted.
    fn seal(&mut self) {
        self.seal_open();
        let mut count = Vec::with_capacity(3);
        codec::pack_count(&mut count, self.items);
        self.ids[..3].copy_from_slice(&count);
        if !self.keys.is_empty() {
            self.keys[..3].copy_from_slice(&count);
        }
        if self.odds > 0 {
            count.clear();
            codec::pack_count(&mut count, 3 * self.odds);
            count.append(&mut self.odd);
            self.odd = count;
        }
    }
}

/// What became of each publication, from the digits of those that were asked for.
pub(super) fn published(places: &[u8], digits: &[u8]) -> Vec<Published> {
    let one = |place: &u8| match digits.get(usize::from(*place)) {
        _ if *place == DOUBLE => Published::Duplicate,
        Some(b'0') => Published::Duplicate,
        // No digit at all: everything was taken.
        _ => Published::Accepted,
    };
    places.iter().map(one).collect()
}

/// The name by which the server remembers an item.
fn id_of(item: &Item) -> Cow<'_, str> {
    if planted("queue-forgets-ids") {
        static NEVER_THE_SAME: AtomicU64 = AtomicU64::new(0);
        return Cow::Owned(format!("{} {}", NEVER_THE_SAME.fetch_add(1, Ordering::Relaxed), item.id()));
    }
    Cow::Borrowed(item.id().as_str())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn envelopes(batch: &[Publication]) -> Vec<usize> {
        let parcel = Parcel::of(batch);
        parcel.sections[0].sealed.iter().map(|(items, _)| *items).collect()
    }

    fn one(id: usize, bytes: usize) -> Publication {
        Publication::new("t", Item::new(id.to_string(), vec![0; bytes]))
    }

    #[test]
    fn an_envelope_is_cut_at_its_size_and_what_is_larger_or_delayed_has_its_own() {
        let small: Vec<_> = (0..100).map(|id| one(id, 100)).collect();
        assert_eq!(envelopes(&small), [100]);
        let kilos: Vec<_> = (0..40).map(|id| one(id, 1000)).collect();
        assert_eq!(envelopes(&kilos), [16, 16, 8]);
        assert_eq!(envelopes(&[one(0, 1), one(1, 1_000_000), one(2, 1), one(3, 1)]), [1, 1, 2]);
        let delayed = one(1, 1).delayed(Duration::from_secs(1));
        assert_eq!(envelopes(&[one(0, 1), delayed, one(2, 1), one(3, 1)]), [1, 1, 2]);
    }

    #[test]
    fn an_id_that_stands_twice_is_sent_once() {
        let parcel =
            Parcel::of(&[one(1, 1), one(2, 1), one(1, 1), Publication::new("u", Item::new("1", ""))]);
        assert_eq!(parcel.places, [0, 1, DOUBLE, 2]);
        assert_eq!(
            published(&parcel.places, b"010").iter().filter(|one| **one == Published::Accepted).count(),
            1
        );
    }
}
