//! What waits to be written to one socket.

use std::{collections::VecDeque, io::IoSlice};

use bytes::{Buf, Bytes};

use crate::frame::{Frame, SHARED};

/// The bytes that wait to be written to one socket, in order.
///
/// What is short is copied behind what is there; what is long keeps its own buffer.
#[derive(Debug)]
pub(crate) struct Outbox {
    /// An emptied buffer that is larger is given back: a quiet connection keeps little.
    kept: usize,
    /// Before the tail; never empty pieces.
    pieces: VecDeque<Bytes>,
    tail: Vec<u8>,
    /// How much of the tail is written.
    written: usize,
    /// How much of the pieces is not.
    piled: usize,
}

impl Outbox {
    /// Nothing waits; a buffer of up to `kept` bytes stays when it is empty again.
    pub(crate) const fn new(kept: usize) -> Self {
        Self { kept, pieces: VecDeque::new(), tail: Vec::new(), written: 0, piled: 0 }
    }

    /// How many bytes wait.
    pub(crate) fn len(&self) -> usize {
        self.piled + self.tail.len() - self.written
    }

    /// Appends a copy of these bytes.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.tail.extend_from_slice(bytes);
    }

    /// The end of what waits, to be written to.
    pub(crate) fn tail(&mut self) -> &mut Vec<u8> {
        &mut self.tail
    }

    /// Appends a frame, without a copy where it is long and can be shared.
    pub(crate) fn frame(&mut self, frame: Frame<'_>) {
        match frame {
            Frame::Owned(bytes) if bytes.len() >= SHARED => self.share(bytes.clone()),
            _ => self.bytes(&frame),
        }
    }

    /// Appends bytes that have a buffer of their own.
    pub(crate) fn share(&mut self, bytes: Bytes) {
        if bytes.len() < SHARED {
            return self.bytes(&bytes);
        }
        if self.tail.len() > self.written {
            let mut before = Bytes::from(std::mem::take(&mut self.tail));
            before.advance(self.written);
            self.piled += before.len();
            self.pieces.push_back(before);
        }
        self.tail.clear();
        self.written = 0;
        self.piled += bytes.len();
        self.pieces.push_back(bytes);
    }

    /// What waits, as far as these slices reach; how many are filled.
    pub(crate) fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        self.slices_up_to(usize::MAX, slices)
    }

    /// The same, no more than `most` bytes of it.
    pub(crate) fn slices_up_to<'a>(&'a self, mut most: usize, slices: &mut [IoSlice<'a>]) -> usize {
        let tail = &self.tail[self.written..];
        let waiting = self.pieces.iter().map(|piece| &piece[..]).chain([tail]).map(|bytes| {
            let allowed = &bytes[..bytes.len().min(most)];
            most -= allowed.len();
            allowed
        });
        let waiting = waiting.take_while(|bytes| !bytes.is_empty());
        slices.iter_mut().zip(waiting).map(|(slice, bytes)| *slice = IoSlice::new(bytes)).count()
    }

    /// Forgets so many bytes at the front: they are written.
    pub(crate) fn advance(&mut self, mut count: usize) {
        while let Some(piece) = self.pieces.front_mut() {
            let step = count.min(piece.len());
            piece.advance(step);
            self.piled -= step;
            count -= step;
            if !piece.is_empty() {
                return;
            }
            self.pieces.pop_front();
        }
        self.written += count;
        debug_assert!(self.written <= self.tail.len(), "no more is written than waits");
        if self.written == self.tail.len() {
            self.clear();
        }
    }

    /// Forgets all that waits.
    pub(crate) fn clear(&mut self) {
        if self.tail.capacity() > self.kept {
            self.tail = Vec::new();
        }
        if self.pieces.capacity() > 16 {
            self.pieces = VecDeque::new();
        }
        self.tail.clear();
        self.pieces.clear();
        (self.written, self.piled) = (0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(outbox: &mut Outbox, at_once: usize) -> Vec<u8> {
        let mut written = Vec::new();
        while outbox.len() > 0 {
            let mut slices = [IoSlice::new(&[]); 2];
            let filled = outbox.slices(&mut slices);
            let mut step = Vec::new();
            slices[..filled].iter().for_each(|slice| step.extend_from_slice(slice));
            step.truncate(at_once);
            outbox.advance(step.len());
            written.extend(step);
        }
        written
    }

    #[test]
    fn what_is_written_is_what_was_put_in_whatever_the_pieces() {
        for at_once in [1, 7, 4_096, 5_000, 100_000] {
            let mut outbox = Outbox::new(4_096);
            let long = Bytes::from(vec![b'x'; SHARED + 1]);
            let mut whole = Vec::new();
            for round in 0..5_u8 {
                outbox.bytes(&[round; 3]);
                outbox.share(long.clone());
                outbox.frame(Frame::Owned(&long));
                outbox.frame(Frame::Lent(b"lent"));
                whole.extend([[round; 3].as_slice(), &long, &long, b"lent"].concat());
            }
            assert_eq!(outbox.len(), whole.len());
            assert_eq!(drain(&mut outbox, at_once), whole, "{at_once} at once");
            assert_eq!(outbox.len(), 0);
        }
    }

    #[test]
    fn a_long_piece_behind_a_half_written_tail_keeps_the_order() {
        let mut outbox = Outbox::new(4_096);
        outbox.bytes(b"abc");
        outbox.advance(2);
        outbox.share(Bytes::from(vec![b'x'; SHARED]));
        outbox.bytes(b"d");
        let mut written = drain(&mut outbox, 9);
        assert_eq!((written.remove(0), written.pop(), written.len()), (b'c', Some(b'd'), SHARED));
    }

    #[test]
    fn an_emptied_outbox_keeps_no_large_buffer() {
        let mut outbox = Outbox::new(4_096);
        outbox.bytes(&vec![0; 1 << 20]);
        outbox.advance(1 << 20);
        assert!(outbox.tail.capacity() <= 4_096);
    }
}
