//! The one answer to keys that were on several servers.

use bytes::Bytes;
use entourage_core::planted;
use entourage_scatter_gather::Gathered;

use super::{
    line::{Words, end_of_line, without_end},
    plan::NOBODY,
    reply::{Header, is_error},
    words,
};
use crate::{failure::Failure, frame::SHARED, mux::Outbox, options::Partial};

/// How the parts of a retrieval become one answer: the values in the order of the keys.
#[derive(Debug)]
pub(crate) struct Merge {
    /// The line, from its first key on.
    pub(super) keys: Bytes,
    /// Which part each key is in.
    pub(super) parts: Box<[u16]>,
}

impl Merge {
    /// How many bytes it takes.
    pub(super) fn held(&self) -> usize {
        self.keys.len() + size_of_val(&*self.parts)
    }

    /// Writes the answer.
    pub(super) fn write(
        self,
        gathered: Gathered<Vec<Option<Bytes>>, Failure>,
        partial: Partial,
        out: &mut Outbox,
    ) {
        let (replies, _, failures) = gathered.into_parts();
        if let Some(failure) = failures.first().filter(|_| partial == Partial::Error) {
            return said(out, &format!("SERVER_ERROR {}", failure.reason()));
        }
        let mut parts: Vec<_> = replies.into_iter().map(Part::new).collect();
        let counts = |error: &[u8]| partial == Partial::Error || !error.starts_with(b"SERVER_ERROR");
        // What went wrong from the start is said alone.
        if let Some(part) = parts.iter().find(|part| is_error(part.rest()) && counts(part.rest())) {
            return out.bytes(part.rest());
        }
        let keys: &[u8] = &self.keys;
        for (key, &part) in Words::new(keys).zip(&self.parts) {
            let Some(part) = parts.get_mut(usize::from(part)).filter(|_| part != NOBODY) else { continue };
            part.write_if(key.of(keys), out);
        }
        // What is left of a part is its end; or what went wrong in the middle; or what nobody asked for.
        let amiss = parts
            .iter()
            .map(Part::rest)
            .find(|rest| *rest != b"END\r\n" && (!is_error(rest) || counts(rest)));
        match amiss {
            None => said(out, words::END),
            Some(error) if is_error(error) => out.bytes(error),
            Some(_) if planted("memcached-believes-any-key") => said(out, words::END),
            Some(_) => said(out, words::UNASKED_KEY),
        }
    }
}

/// One server's reply, and how far it was used.
#[derive(Debug)]
struct Part {
    reply: Bytes,
    at: usize,
}

impl Part {
    /// What did not come has no values.
    fn new(reply: Option<Bytes>) -> Self {
        Self { reply: reply.unwrap_or_else(|| Bytes::from_static(b"END\r\n")), at: 0 }
    }

    /// What of it is not used.
    fn rest(&self) -> &[u8] {
        self.reply.get(self.at..).unwrap_or_default()
    }

    /// Writes the next value, if it is this key's.
    fn write_if(&mut self, key: &[u8], out: &mut Outbox) {
        let Some(end) = end_of_line(&self.reply, self.at) else { return };
        let line = without_end(self.reply.get(self.at..end).unwrap_or_default());
        let Some(header) = Header::parse(line).filter(|header| header.key == key) else { return };
        let block = self.at..(end + header.bytes + 2).min(self.reply.len());
        self.at = block.end;
        if block.len() >= SHARED {
            out.share(self.reply.slice(block));
        } else {
            out.bytes(self.reply.get(block).unwrap_or_default());
        }
    }
}

/// Writes a line.
pub(super) fn said(out: &mut Outbox, words: &str) {
    out.bytes(words.as_bytes());
    out.bytes(b"\r\n");
}
