//! The arguments of a request, as slices of its frame.

use std::ops::Range;

/// Where an argument lies in its frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    /// Nothing, at the beginning.
    pub(crate) const NOWHERE: Self = Self { start: 0, end: 0 };

    /// `None` for what no frame is allowed to hold: 4 GiB and more.
    pub(crate) fn new(range: Range<usize>) -> Option<Self> {
        Some(Self { start: u32::try_from(range.start).ok()?, end: u32::try_from(range.end).ok()? })
    }

    pub(crate) const fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// The arguments of one request, the command's name first: slices of its frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Args<'a> {
    frame: &'a [u8],
    spans: &'a [Span],
}

impl<'a> Args<'a> {
    /// These parts of this frame.
    pub(crate) const fn new(frame: &'a [u8], spans: &'a [Span]) -> Self {
        Self { frame, spans }
    }

    /// How many there are, the name included.
    pub(crate) const fn len(&self) -> usize {
        self.spans.len()
    }

    /// The argument at this place; the command's name is at 0.
    pub(crate) fn get(&self, at: usize) -> Option<&'a [u8]> {
        self.frame.get(self.spans.get(at)?.range())
    }

    /// All of them, the name first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let frame = self.frame;
        self.spans.iter().filter_map(move |span| frame.get(span.range()))
    }

    /// Where the argument at this place lies in the frame.
    pub(crate) fn span(&self, at: usize) -> Option<Span> {
        self.spans.get(at).copied()
    }
}

/// A request as tests write it down.
#[cfg(test)]
#[derive(Debug)]
pub(crate) struct Written {
    frame: Vec<u8>,
    spans: Vec<Span>,
}

#[cfg(test)]
impl Written {
    pub(crate) fn new<A: AsRef<[u8]>>(arguments: impl IntoIterator<Item = A>) -> Self {
        let (mut frame, mut spans) = (Vec::new(), Vec::new());
        for argument in arguments {
            let start = frame.len();
            frame.extend_from_slice(argument.as_ref());
            spans.push(Span::new(start..frame.len()).expect("a test's frame is small"));
        }
        Self { frame, spans }
    }

    pub(crate) fn args(&self) -> Args<'_> {
        Args::new(&self.frame, &self.spans)
    }
}
