//! What a line of the meta commands asks for.

use super::{
    line::{Few, Span, Words, number},
    reply::Kind,
    request::{Ask, KEY, Request, Silence, value_len},
    words,
};

/// A meta command may have so many words, its name included.
const META_WORDS: usize = 19;

/// `mg key flag…`, `md key flag…`, `ma key flag…`: what is wrong with a flag the server says.
pub(super) fn meta(line: &[u8], few: Few, kind: Kind) -> Request {
    let is_get = kind == Kind::MetaGet;
    match few.count() {
        0 | 1 => Request::say(words::ERROR),
        _ if few.word(1).len() > KEY => Request::say(words::BAD_FORMAT),
        count if count > META_WORDS => {
            Request::say(if is_get { words::MANY_GET_OPTIONS } else { words::TOO_MANY_OPTIONS })
        }
        _ => {
            let request = Request::new(Ask::Forward, kind, few.word(1));
            let doubled = if is_get { words::DUPLICATE_FLAG } else { words::BAD_FLAG };
            quieted(request, line, few.word(1).end(), doubled)
        }
    }
}

/// `ms key bytes flag…`
pub(super) fn meta_set(line: &[u8], few: Few) -> Request {
    let bytes = number(few.word(2).of(line)).and_then(value_len);
    match (few.count(), bytes) {
        (0 | 1, _) => Request::say(words::ERROR),
        _ if few.word(1).len() > KEY => Request::say(words::BAD_FORMAT),
        (2, _) => Request::say(words::BAD_FORMAT),
        (count, _) if count > META_WORDS => Request::say(words::TOO_MANY_OPTIONS),
        (_, None) => Request::say(words::BAD_FORMAT),
        (_, value) => {
            // The one flag of which a server says no more than that the line is wrong, as it says of a
            // line whose value it will not read.
            let mut flags = Words::from(line, few.word(2).end()).map(|flag| flag.of(line));
            let is_sound = |word| number(word).is_some_and(|flags| u32::try_from(flags).is_ok());
            if !flags.all(|flag| flag.strip_prefix(b"F").is_none_or(is_sound)) {
                return Request { value, ..Request::say(words::BAD_FORMAT) };
            }
            let request = Request { value, ..Request::new(Ask::Forward, Kind::MetaSet, few.word(1)) };
            quieted(request, line, few.word(2).end(), words::DUPLICATE_FLAG)
        }
    }
}

/// `me key [b]`
pub(super) fn meta_debug(few: Few) -> Request {
    if few.count() < 2 || few.word(1).len() > KEY {
        return Request::say(words::BAD_FORMAT);
    }
    Request::new(Ask::Forward, Kind::MetaDebug, few.word(1))
}

/// Whether the key of a meta command is in base64.
pub(super) fn is_base64(line: &[u8], key: Span) -> bool {
    Words::from(line, key.end()).any(|flag| flag.of(line).starts_with(b"b"))
}

/// The flag `q` is noticed, and left out; where it is there twice, that is said.
fn quieted(mut request: Request, line: &[u8], flags: usize, doubled: &'static str) -> Request {
    for flag in Words::from(line, flags) {
        if flag.of(line).starts_with(b"q") {
            if request.silence == Silence::Nominal {
                return Request { ask: Ask::Say(doubled), silence: Silence::None, ..request };
            }
            request.silence = Silence::Nominal;
            request.cut = flag;
        }
    }
    request
}
