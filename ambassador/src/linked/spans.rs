use crate::redis::args::Span;

/// So many arguments cost no allocation: those of `SET key value EX 60`.
const INLINE: usize = 5;

/// Where the arguments of a command lie.
#[derive(Clone)]
pub(super) struct Spans {
    few: [Span; INLINE],
    len: usize,
    /// All of them, where they are more.
    many: Vec<Span>,
}

impl Spans {
    pub(super) const fn new() -> Self {
        Self { few: [Span::NOWHERE; INLINE], len: 0, many: Vec::new() }
    }

    #[inline]
    pub(super) fn push(&mut self, span: Span) {
        if let Some(place) = self.few.get_mut(self.len) {
            *place = span;
        } else {
            if self.many.is_empty() {
                self.many.extend_from_slice(&self.few);
            }
            self.many.push(span);
        }
        self.len += 1;
    }

    #[inline]
    pub(super) fn as_slice(&self) -> &[Span] {
        self.few.get(..self.len).unwrap_or(&self.many)
    }
}

impl From<Vec<Span>> for Spans {
    fn from(spans: Vec<Span>) -> Self {
        if spans.len() > INLINE {
            return Self { few: [Span::NOWHERE; INLINE], len: spans.len(), many: spans };
        }
        let mut few = Self::new();
        spans.into_iter().for_each(|span| few.push(span));
        few
    }
}
