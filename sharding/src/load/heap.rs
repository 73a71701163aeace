//! Counters in an order in which the least is at hand.

/// Numbered counters and a heap over them, the least on top.
///
/// It compares counts alone: what happens is a function of the order of calls.
#[derive(Clone, Debug, Default)]
pub(super) struct LeastFirst {
    counts: Vec<u64>,
    /// Numbers of counters; each is not above those at twice its place and one, or two, further.
    heap: Vec<usize>,
    /// Where in the heap each counter is.
    places: Vec<usize>,
}

impl LeastFirst {
    pub(super) const fn len(&self) -> usize {
        self.counts.len()
    }

    pub(super) fn count(&self, counter: usize) -> u64 {
        self.counts[counter]
    }

    /// The counter with the least count, if there is a counter.
    pub(super) fn least(&self) -> Option<usize> {
        self.heap.first().copied()
    }

    /// A new counter, whose number is how many there were.
    pub(super) fn push(&mut self, count: u64) {
        let (counter, place) = (self.counts.len(), self.heap.len());
        self.counts.push(count);
        self.heap.push(counter);
        self.places.push(place);
        self.rise(place);
    }

    /// Raises a counter; it stays within 64 bits.
    pub(super) fn add(&mut self, counter: usize, count: u64) {
        self.counts[counter] = self.counts[counter].saturating_add(count);
        self.sink(self.places[counter]);
    }

    pub(super) fn clear(&mut self) {
        self.counts.clear();
        self.heap.clear();
        self.places.clear();
    }

    fn at(&self, place: usize) -> u64 {
        self.counts[self.heap[place]]
    }

    fn swap(&mut self, one: usize, other: usize) {
        self.heap.swap(one, other);
        self.places[self.heap[one]] = one;
        self.places[self.heap[other]] = other;
    }

    fn rise(&mut self, mut place: usize) {
        while place > 0 {
            let above = (place - 1) / 2;
            if self.at(above) <= self.at(place) {
                break;
            }
            self.swap(above, place);
            place = above;
        }
    }

    fn sink(&mut self, mut place: usize) {
        loop {
            let below = [2 * place + 1, 2 * place + 2].into_iter().filter(|below| *below < self.heap.len());
            let Some(least) = below.min_by_key(|below| self.at(*below)) else { break };
            if self.at(place) <= self.at(least) {
                break;
            }
            self.swap(place, least);
            place = least;
        }
    }
}
