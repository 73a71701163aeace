//! What a line asks for.

use entourage_core::planted;

use super::{
    line::{Few, Span, Words, number, signed},
    meta::{meta, meta_debug, meta_set},
    reply::Kind,
    words,
};

/// A key may have so many bytes.
pub(super) const KEY: usize = 250;

/// What a line asks for, and what of it the proxy needs to know.
///
/// What is let through is understood by every server in the same way, and above all in the same
/// length: a line that one server takes for the beginning of a value and another refuses would turn
/// the value into requests of their own, on a connection that all clients share.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    pub(super) ask: Ask,
    /// What a server's reply to it looks like.
    pub(super) kind: Kind,
    /// Which replies the client does not want to see.
    pub(super) silence: Silence,
    /// The key, or the first of them.
    pub(super) key: Span,
    /// How many keys there are.
    pub(super) keys: u32,
    /// The word that is left out when it is forwarded, because it would silence the server: what a
    /// server does not say cannot be told from what it has not said yet.
    pub(super) cut: Span,
    /// Its words stand at the front and one space apart, as every server reads them.
    pub(super) is_tidy: bool,
    /// How many bytes of value follow the line, without the end of it.
    pub(super) value: Option<u32>,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// Nothing: these bytes are thrown away.
    Nothing,
    /// To say these words.
    Say(&'static str),
    /// To fetch keys, which may be on several servers.
    Retrieve,
    /// To hand it to the server of its key.
    Forward,
    /// To store a value that is larger than allowed: what the key has is deleted, as memcached does.
    Outgrow(Outgrown),
    /// To hand it to any server.
    Anywhere,
    /// To end the connection.
    End,
}

/// What stores a value, as far as its key is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outgrown {
    Set,
    Meta,
    /// The key is base64.
    MetaBinary,
}

/// Which replies a client does not want to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Silence {
    /// None of them.
    None,
    /// `q`: the one that is to be expected.
    Nominal,
    /// `noreply`: all of them, errors too.
    All,
}

impl Request {
    /// Bytes that ask for nothing.
    pub(super) const NOTHING: Self = Self::new(Ask::Nothing, Kind::Line, Span::START);

    pub(super) const fn new(ask: Ask, kind: Kind, key: Span) -> Self {
        Self {
            ask,
            kind,
            silence: Silence::None,
            key,
            keys: 1,
            cut: Span::START,
            is_tidy: false,
            value: None,
        }
    }

    pub(super) const fn say(words: &'static str) -> Self {
        Self::new(Ask::Say(words), Kind::Line, Span::START)
    }

    /// Understands a line, which is without its end.
    pub(super) fn parse(line: &[u8]) -> Self {
        let name = Words::new(line).next().unwrap_or_default();
        let parse: fn(&[u8]) -> Self = match name.of(line) {
            b"get" => |line| retrieve(line, false, false),
            b"gets" => |line| retrieve(line, true, false),
            b"gat" => |line| retrieve(line, false, true),
            b"gats" => |line| retrieve(line, true, true),
            b"set" => |line| by_words(line, |few| store(line, few, 5, true)),
            b"add" | b"replace" | b"append" | b"prepend" => {
                |line| by_words(line, |few| store(line, few, 5, false))
            }
            b"cas" => |line| by_words(line, |few| store(line, few, 6, false)),
            b"mg" => |line| by_words(line, |few| meta(line, few, Kind::MetaGet)),
            b"ms" => |line| by_words(line, |few| meta_set(line, few)),
            b"md" => |line| by_words(line, |few| meta(line, few, Kind::MetaDelete)),
            b"ma" => |line| by_words(line, |few| meta(line, few, Kind::MetaNumber)),
            b"me" => |line| by_words(line, meta_debug),
            b"mn" => |_| Self::say(words::NOTHING_DONE),
            b"delete" => |line| by_words(line, |few| delete(line, few)),
            b"incr" | b"decr" => |line| by_words(line, |few| short(line, few, Kind::Number)),
            b"touch" => |line| by_words(line, |few| short(line, few, Kind::Touched)),
            b"version" => |_| Self::new(Ask::Anywhere, Kind::Version, Span::START),
            b"verbosity" => |line| by_words(line, |few| verbosity(line, few)),
            b"quit" => |_| Self::new(Ask::End, Kind::Line, Span::START),
            b"flush_all" => |line| by_words(line, |few| told(line, few, 3, words::EMPTIES_ALL)),
            b"stats" | b"slabs" | b"lru" | b"lru_crawler" | b"watch" | b"cache_memlimit" | b"shutdown"
            | b"extstore" | b"refresh_certs" => {
                |line| by_words(line, |few| told(line, few, usize::MAX, words::CONCERNS_ONE))
            }
            _ => return unknown(line, name),
        };
        if line.iter().any(u8::is_ascii_control) {
            // Some servers take it, and with it the value: that is no request of its own.
            return Self { ask: Ask::Say(words::BAD_FORMAT), ..parse(line) };
        }
        parse(line)
    }

    /// A `noreply` at the end is noticed, and left out.
    fn silenced(mut self, line: &[u8], few: Few) -> Self {
        let last = few.last();
        if last.of(line) == b"noreply" {
            self.silence = Silence::All;
            self.cut = last;
        }
        self
    }
}

/// What a line asks for that has few words.
fn by_words(line: &[u8], parse: impl FnOnce(Few) -> Request) -> Request {
    let few = Few::of(line);
    Request { is_tidy: few.tidy_len() == line.len(), ..parse(few) }
}

/// What nobody knows; what looks like HTTP is ended without a word.
fn unknown(line: &[u8], name: Span) -> Request {
    let is_http = Words::new(line).last().is_some_and(|last| last.of(line).starts_with(b"HTTP/"));
    // memcached looks for it only where no name of its own begins with the same letter.
    let looks = !matches!(
        name.of(line),
        [b'g' | b's' | b'a' | b'c' | b'i' | b'd' | b't', _, ..] | [b'm', _] | [] | [_]
    );
    if is_http && looks {
        Request::new(Ask::End, Kind::Line, Span::START)
    } else {
        Request::say(words::ERROR)
    }
}

/// `get key…`, `gat exptime key…`
fn retrieve(line: &[u8], cas: bool, touch: bool) -> Request {
    let mut rest = Words::new(line);
    rest.next();
    let Some(first) = rest.next() else { return Request::say(words::ERROR) };
    let first = if touch {
        if signed(first.of(line)).is_none() {
            return Request::say(words::BAD_EXPTIME);
        }
        match rest.next() {
            Some(key) => key,
            None => return Request::say(words::END),
        }
    } else {
        first
    };
    let (mut keys, mut end) = (0_u32, first.start());
    let mut is_tidy = Words::new(line).take(if touch { 3 } else { 2 }).map(Span::len).sum::<usize>()
        + if touch { 2 } else { 1 }
        == first.end();
    for key in std::iter::once(first).chain(rest) {
        if key.len() > KEY {
            return Request::say(words::BAD_FORMAT);
        }
        is_tidy &= key.start() <= end + 1;
        end = key.end();
        keys = keys.saturating_add(1);
    }
    is_tidy &= end == line.len();
    Request { keys, is_tidy, ..Request::new(Ask::Retrieve, Kind::Values { cas }, first) }
}

/// `set key flags exptime bytes [noreply]`, `cas key flags exptime bytes unique [noreply]`
fn store(line: &[u8], few: Few, least: usize, is_set: bool) -> Request {
    if few.count() != least && few.count() != least + 1 {
        return Request::say(words::ERROR);
    }
    let word = |at| few.word(at).of(line);
    let bytes = number(word(4)).and_then(value_len);
    let is_sound = few.word(1).len() <= KEY
        && number(word(2)).is_some_and(|flags| u32::try_from(flags).is_ok())
        && signed(word(3)).is_some_and(|exptime| i32::try_from(exptime).is_ok())
        && (least == 5 || number(word(5)).is_some());
    let mut request = match bytes {
        Some(_) if is_sound || planted("memcached-trusts-a-line") => {
            Request::new(Ask::Forward, Kind::Stored { set: is_set }, few.word(1))
        }
        _ => Request::say(words::BAD_FORMAT),
    };
    request.value = bytes.filter(|_| request.ask == Ask::Forward);
    request.silenced(line, few)
}

/// The bytes of a value, which memcached counts in 31 bits, the value's end included.
pub(super) fn value_len(bytes: u64) -> Option<u32> {
    i32::try_from(bytes).ok().filter(|bytes| *bytes <= i32::MAX - 2)?.try_into().ok()
}

/// `delete key [0] [noreply]`
fn delete(line: &[u8], few: Few) -> Request {
    if !(2..=4).contains(&few.count()) {
        return Request::say(words::ERROR);
    }
    let request = Request::new(Ask::Forward, Kind::Deleted, few.word(1)).silenced(line, few);
    let is_quiet = request.silence == Silence::All;
    let is_zero = few.word(2).of(line) == b"0";
    let is_sound = match few.count() {
        2 => true,
        3 => is_zero || is_quiet,
        _ => is_zero && is_quiet,
    };
    match request {
        _ if !is_sound => Request { ask: Ask::Say(words::BAD_DELETE), ..request },
        _ if request.key.len() > KEY => Request { ask: Ask::Say(words::BAD_FORMAT), ..request },
        // A key of this name alone, which newer servers take for the word, and say nothing.
        _ if few.count() <= 3 && is_quiet && request.key.of(line) == b"noreply" => {
            Request::say(words::DELETES_NOREPLY)
        }
        _ => request,
    }
}

/// `incr key delta [noreply]`, `touch key exptime [noreply]`: what is wrong with it the server says.
fn short(line: &[u8], few: Few, kind: Kind) -> Request {
    if !(3..=4).contains(&few.count()) {
        return Request::say(words::ERROR);
    }
    let mut request = Request::new(Ask::Forward, kind, few.word(1)).silenced(line, few);
    let is_amiss = request.silence == Silence::All && few.word(2).of(line) == b"noreply";
    if request.key.len() > KEY {
        request.ask = Ask::Say(words::BAD_FORMAT);
    } else if is_amiss {
        // The word is where the number should be, and silences the complaint.
        request.ask = Ask::Nothing;
    }
    request
}

/// `verbosity level [noreply]`: nothing of a server's is changed by a client of a proxy.
fn verbosity(line: &[u8], few: Few) -> Request {
    if !(2..=3).contains(&few.count()) {
        return Request::say(words::ERROR);
    }
    let is_sound = number(few.word(1).of(line)).is_some_and(|level| u32::try_from(level).is_ok());
    Request::say(if is_sound { words::OK } else { words::BAD_FORMAT }).silenced(line, few)
}

/// What is refused, with the reason, if it has at most so many words.
fn told(line: &[u8], few: Few, most: usize, reason: &'static str) -> Request {
    match few.count() {
        1 => Request::say(reason),
        count if count <= most => Request::say(reason).silenced(line, few),
        _ => Request::say(words::ERROR),
    }
}
