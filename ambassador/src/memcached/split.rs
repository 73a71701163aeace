//! Where a client's request ends.

use super::{
    line::{end_of_line, without_end},
    meta::is_base64,
    reply::Kind,
    request::{Ask, Outgrown, Request, Silence},
    words,
};
use crate::protocol::Parting;

/// A line may have so many bytes; only that of `get` and `gets` may have more.
const LINE: usize = 2_048;

/// What every request of the binary protocol begins with, and no command of the text protocol.
const BINARY: u8 = 0x80;

/// So many spaces may stand before the name in a line that is longer.
const SPACES: usize = 100;

/// What is remembered of one client: how far its next request was scanned.
#[derive(Debug)]
pub(crate) struct Session {
    pub(super) request: Request,
    /// How many bytes the request's line has, its end included.
    pub(super) line: usize,
    /// How many the whole request has; 0 while its line has no end.
    whole: usize,
    /// Before this there is no newline.
    scanned: usize,
    /// How many bytes are thrown away before the next request begins.
    swallow: usize,
}

/// How much one request may have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) frame: usize,
    pub(super) arguments: u32,
}

impl Session {
    pub(super) const fn new() -> Self {
        Self { request: Request::NOTHING, line: 0, whole: 0, scanned: 0, swallow: 0 }
    }

    pub(super) fn split(&mut self, bounds: Bounds, input: &[u8]) -> Result<Option<usize>, Parting> {
        if self.swallow > 0 {
            let thrown = self.swallow.min(input.len());
            self.swallow -= thrown;
            (self.request, self.line) = (Request::NOTHING, thrown);
            return Ok(Some(thrown).filter(|thrown| *thrown > 0));
        }
        if self.whole == 0 {
            // The end of a line, which might never come, is not waited for.
            if input.first() == Some(&BINARY) {
                return Err(parting(words::NO_BINARY));
            }
            let Some(end) = end_of_line(input, self.scanned) else {
                self.scanned = input.len();
                return if is_too_long(input, input.len(), bounds) {
                    Err(parting(words::LINE_TOO_LONG))
                } else {
                    Ok(None)
                };
            };
            let line = input.get(..end).unwrap_or_default();
            if is_too_long(line, end - 1, bounds) {
                return Err(parting(words::LINE_TOO_LONG));
            }
            self.begin(bounds, line);
        }
        if input.len() < self.whole {
            return Ok(None);
        }
        self.scanned = 0;
        Ok(Some(std::mem::take(&mut self.whole)))
    }

    /// A request whose line is whole.
    fn begin(&mut self, bounds: Bounds, line: &[u8]) {
        let mut request = Request::parse(without_end(line));
        self.line = line.len();
        self.whole = line.len();
        if request.ask == Ask::Retrieve && request.keys > bounds.arguments {
            request = Request::say(words::TOO_MANY_KEYS);
        }
        if let Some(bytes) = request.value {
            let value = bytes as usize + 2;
            if self.whole + value <= bounds.frame {
                self.whole += value;
            } else {
                self.swallow = value;
                request = outgrown(request, without_end(line));
            }
        }
        self.request = request;
    }
}

/// What becomes of a value that is larger than a frame may be: what memcached makes of one that is
/// larger than an item may be.
fn outgrown(request: Request, line: &[u8]) -> Request {
    let told = Request { ask: Ask::Say(words::TOO_LARGE), value: None, ..request };
    match (request.ask, request.kind) {
        (Ask::Forward, Kind::Stored { set: true }) => Request { ask: Ask::Outgrow(Outgrown::Set), ..told },
        (Ask::Forward, Kind::MetaSet) => {
            let by = if is_base64(line, request.key) { Outgrown::MetaBinary } else { Outgrown::Meta };
            Request { ask: Ask::Outgrow(by), silence: Silence::None, ..told }
        }
        _ => told,
    }
}

/// Whether a line of which so many bytes are there, without its newline, may go on or be taken.
fn is_too_long(line: &[u8], len: usize, bounds: Bounds) -> bool {
    let spaces = line.iter().take(SPACES + 1).take_while(|&&byte| byte == b' ').count();
    let words = line.get(spaces..).unwrap_or_default();
    let may_be_long = spaces <= SPACES && (words.starts_with(b"get ") || words.starts_with(b"gets "));
    len > if may_be_long { bounds.frame } else { LINE }
}

fn parting(words: &str) -> Parting {
    Parting(format!("{words}\r\n").into_bytes())
}
