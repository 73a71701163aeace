//! Commands of many keys, each key at its own shard.

use super::{
    Redis,
    args::Args,
    command::{Command, Refusal, Split},
    expected::Expected,
    header,
    merge::Merge,
};
use crate::{failure::Failure, frame::Frame, mux::Desk};

/// No key follows.
const LAST: u32 = u32::MAX;

/// Sorts the keys of one request by their shards; its vectors are used again and again.
///
/// A key has no shard for a reason `F`.
#[derive(Debug)]
pub(crate) struct Splitter<F> {
    /// Which part has each key.
    part_of: Vec<u16>,
    /// The next key of the same part.
    next: Vec<u32>,
    parts: Vec<Part<F>>,
    /// The part of each server, if it has one.
    at: Vec<Option<u16>>,
}

/// The keys of one shard, or those that have none for the same reason.
#[derive(Debug)]
pub(crate) struct Part<F> {
    pub(crate) server: Result<usize, F>,
    first: u32,
    last: u32,
    keys: u32,
    /// At least so many bytes has the request for them.
    pub(crate) bytes: usize,
}

impl<F> Default for Splitter<F> {
    fn default() -> Self {
        Self { part_of: Vec::new(), next: Vec::new(), parts: Vec::new(), at: Vec::new() }
    }
}

impl Splitter<Failure> {
    /// Sends each key of this request to its server; what comes back is merged.
    ///
    /// Where all are at one server the request goes there as it is.
    pub(super) fn scatter<'a>(
        &mut self,
        split: Split,
        command: &'static Command,
        frame: Frame<'_>,
        args: &Args<'a>,
        desk: &mut Desk<'_, Redis>,
    ) -> Result<(), Refusal<'a>> {
        self.sort(split, args, desk.servers(), |key| desk.server(key))?;
        match &self.parts[..] {
            [Part { server: Ok(server), .. }] => {
                desk.forward(*server, Expected::to(command), frame);
                return Ok(());
            }
            // As of any command; but a value that MGET asks for may have to be said to be missing.
            [Part { server: Err(failure), keys: 1, .. }] if split != Split::Mget => {
                desk.fail(Expected::to(command), failure.clone());
                return Ok(());
            }
            _ => {}
        }
        let scatter = desk.scatter(self.parts.len(), self.merge(split));
        for (number, part) in self.parts.iter().enumerate() {
            let server = match &part.server {
                Ok(server) => *server,
                Err(failure) => {
                    desk.fail_part(scatter, number, failure.clone());
                    continue;
                }
            };
            desk.part(scatter, number, server, Expected::of(command.reply), part.bytes, |out| {
                self.write(part, split, command.name, &frame, args, out.tail());
            });
        }
        Ok(())
    }
}

impl<F> Splitter<F> {
    /// The parts of the request that was sorted last, in the order of their first keys.
    pub(crate) fn parts(&self) -> &[Part<F>] {
        &self.parts
    }

    /// How the replies to the parts become one.
    pub(crate) fn merge(&self, split: Split) -> Merge {
        match split {
            Split::Mget => Merge::Values(self.part_of.as_slice().into()),
            Split::Mset => Merge::Done,
            Split::Del | Split::Unlink | Split::Touch | Split::Exists => Merge::Sum,
        }
    }

    /// Writes the request for one part, a command of this name.
    pub(crate) fn write(
        &self,
        part: &Part<F>,
        split: Split,
        name: &str,
        frame: &[u8],
        args: &Args<'_>,
        out: &mut Vec<u8>,
    ) {
        let step = step(split);
        header(out, b'*', 1 + part.keys as usize * step);
        header(out, b'$', name.len());
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"\r\n");
        let mut key = part.first;
        while key != LAST {
            out.extend_from_slice(words(frame, args, 1 + key as usize * step, step));
            key = self.next[key as usize];
        }
    }

    /// Where the arguments of one part are in the request.
    pub(crate) fn places(&self, part: &Part<F>, split: Split) -> impl Iterator<Item = usize> {
        let (mut key, step) = (part.first, step(split));
        let keys = std::iter::from_fn(move || {
            let at = key as usize;
            (key != LAST).then(|| key = self.next[at]).map(|()| 1 + at * step)
        });
        keys.flat_map(move |at| at..at + step)
    }

    /// Finds the server of each key, and chains those of one server.
    ///
    /// # Errors
    /// Not every key has what belongs to it.
    #[inline]
    pub(crate) fn sort<'a>(
        &mut self,
        split: Split,
        args: &Args<'a>,
        servers: usize,
        mut server: impl FnMut(&'a [u8]) -> Result<usize, F>,
    ) -> Result<(), Refusal<'a>>
    where
        F: PartialEq,
    {
        let step = step(split);
        if !(args.len() - 1).is_multiple_of(step) {
            return Err(Refusal::WrongNumber("mset"));
        }
        self.part_of.clear();
        self.next.clear();
        self.parts.clear();
        self.at.clear();
        self.at.resize(servers, None);
        for (key, at) in (1..args.len()).step_by(step).enumerate() {
            let key = u32::try_from(key).unwrap_or(LAST);
            let server = server(args.get(at).unwrap_or_default());
            let known = match &server {
                Ok(server) => self.at[*server],
                Err(_) => {
                    let same = self.parts.iter().position(|part| part.server == server);
                    same.and_then(|part| u16::try_from(part).ok())
                }
            };
            let bytes =
                (at..at + step).filter_map(|at| args.get(at)).map(|arg| arg.len() + 16).sum::<usize>();
            let number = known.unwrap_or_else(|| {
                let number = u16::try_from(self.parts.len()).unwrap_or(u16::MAX);
                if let Ok(server) = server {
                    self.at[server] = Some(number);
                }
                self.parts.push(Part { server, first: key, last: LAST, keys: 0, bytes: 32 });
                number
            });
            let part = &mut self.parts[usize::from(number)];
            if part.last != LAST {
                self.next[part.last as usize] = key;
            }
            (part.last, part.keys, part.bytes) = (key, part.keys + 1, part.bytes + bytes);
            self.next.push(LAST);
            self.part_of.push(number);
        }
        Ok(())
    }
}

/// How many arguments belong to each key: MSET has a value with it.
const fn step(split: Split) -> usize {
    if matches!(split, Split::Mset) { 2 } else { 1 }
}

/// The bytes of `count` arguments from the one at `at`, as they came, with their lengths.
fn words<'a>(frame: &'a [u8], args: &Args<'_>, at: usize, count: usize) -> &'a [u8] {
    let before = args.span(at - 1).map_or(0, |span| span.range().end + 2);
    let end = args.span(at + count - 1).map_or(before, |span| span.range().end + 2);
    frame.get(before..end).unwrap_or_default()
}
