//! What becomes of a request: it is forwarded, scattered or answered.

use entourage_core::planted;

use super::{
    Memcached, Merge,
    line::{Span, Words, without_end},
    meta::is_base64,
    reply::{Expected, Kind},
    request::{Ask, Outgrown, Request, Silence},
    split::Session,
    words,
};
use crate::{
    failure::{Cause, Failure},
    frame::{Frame, SHARED},
    mux::{Desk, Outbox},
};

impl Memcached {
    pub(super) fn decide(&mut self, session: &Session, frame: Frame<'_>, desk: &mut Desk<'_, Self>) {
        let request = session.request;
        let whole = frame.get(..session.line).unwrap_or_default();
        let line = without_end(whole);
        let expected = Expected { kind: request.kind, silence: request.silence, most: request.keys };
        match request.ask {
            Ask::Nothing => {}
            Ask::Say(words) => answer(desk, request.silence != Silence::All, words),
            // A value that is wrong is thrown away with its request.
            _ if request.value.is_some() && !frame.ends_with(b"\r\n") => {
                answer(desk, request.silence != Silence::All, words::BAD_CHUNK);
            }
            Ask::Retrieve if request.keys > 1 => self.retrieve(request, expected, frame, line, desk),
            Ask::Retrieve | Ask::Forward => {
                let key = request.key.of(line);
                match desk.server(key) {
                    Err(failure) if failure.cause == Cause::Missed && request.kind == Kind::MetaGet => {
                        missed(request, line, desk);
                    }
                    Err(failure) => desk.fail(expected, failure),
                    Ok(server) if is_plain(request, whole) => desk.forward(server, expected, frame),
                    Ok(server) => {
                        let value = Span::new(session.line..frame.len());
                        desk.send(server, expected, frame.len(), |out| {
                            rewritten(request, line, out);
                            append(frame, value, out);
                        });
                    }
                }
            }
            Ask::Outgrow(by) => {
                let expected = Expected { kind: Kind::Outgrown, ..expected };
                let key = request.key.of(line);
                let (name, flag): (&[u8], &[u8]) = match by {
                    Outgrown::Set => (b"delete ", b" 0\r\n"),
                    Outgrown::Meta => (b"md ", b"\r\n"),
                    Outgrown::MetaBinary => (b"md ", b" b\r\n"),
                };
                match desk.server(key) {
                    Ok(server) => desk.send(server, expected, key.len() + 16, |out| {
                        [name, key, flag].iter().for_each(|bytes| out.bytes(bytes));
                    }),
                    Err(_) => answer(desk, request.silence != Silence::All, words::TOO_LARGE),
                }
            }
            Ask::Anywhere => match desk.any_server() {
                Ok(server) => desk.send(server, expected, 16, |out| out.bytes(b"version\r\n")),
                Err(failure) => desk.fail(expected, failure),
            },
            Ask::End => desk.end(),
        }
    }

    /// Several keys, which may be on several servers.
    fn retrieve(
        &mut self,
        request: Request,
        expected: Expected,
        frame: Frame<'_>,
        line: &[u8],
        desk: &mut Desk<'_, Self>,
    ) {
        let plan = &mut self.plan;
        plan.clear(desk.servers());
        let first = request.key.start();
        for word in Words::from(line, first) {
            let to = desk.server(word.of(line));
            let is_missed = matches!(&to, Err(Failure { cause: Cause::Missed, .. }));
            if is_missed {
                plan.skip(word);
            } else if plan.add(word, to).is_none() {
                return answer(desk, true, words::TOO_MANY_KEYS);
            }
        }
        match plan.only().map(|part| part.to.clone()) {
            Some(Ok(server)) if is_plain(request, &frame) => {
                return desk.forward(server, expected, frame);
            }
            Some(Err(failure)) => return desk.fail(expected, failure),
            None if plan.parts().is_empty() => return answer(desk, true, words::END),
            _ => {}
        }
        let keys = match frame {
            Frame::Owned(bytes) => bytes.slice(first.min(line.len())..line.len()),
            Frame::Lent(_) => bytes::Bytes::copy_from_slice(line.get(first..).unwrap_or_default()),
        };
        let merge = Merge { keys, parts: plan.part_of_each() };
        let scatter = desk.scatter(plan.parts().len(), merge);
        for (number, part) in plan.parts().iter().enumerate() {
            let server = match &part.to {
                Ok(server) => *server,
                Err(failure) => {
                    desk.fail_part(scatter, number, failure.clone());
                    continue;
                }
            };
            let expected = Expected { most: part.keys, ..expected };
            desk.part(scatter, number, server, expected, part.bytes + 32, |out| {
                let before = Words::new(line).take_while(|word| word.start() < first);
                spaced(before.chain(plan.keys_of(part)), line, out);
                out.bytes(b"\r\n");
            });
        }
    }
}

/// Whether every server reads it, as it came, as it was read here.
fn is_plain(request: Request, line: &[u8]) -> bool {
    (request.is_tidy && line.ends_with(b"\r\n") && request.cut.is_empty())
        || planted("memcached-forwards-noreply")
}

/// Writes a line anew: its words one space apart, without the one that is left out.
fn rewritten(request: Request, line: &[u8], out: &mut Outbox) {
    spaced(Words::new(line).filter(|word| request.cut.is_empty() || *word != request.cut), line, out);
    out.bytes(b"\r\n");
}

fn spaced(words: impl Iterator<Item = Span>, line: &[u8], out: &mut Outbox) {
    for (number, word) in words.enumerate() {
        if number > 0 {
            out.bytes(b" ");
        }
        out.bytes(word.of(line));
    }
}

/// Writes a part of a frame, without a copy where it is long and can be shared.
fn append(frame: Frame<'_>, part: Span, out: &mut Outbox) {
    match frame {
        Frame::Owned(bytes) if part.len() >= SHARED => out.share(bytes.slice(part.start()..part.end())),
        _ => out.bytes(part.of(&frame)),
    }
}

/// A key whose server is ejected, read as missing: what the server would say of one that it has not.
fn missed(request: Request, line: &[u8], desk: &mut Desk<'_, Memcached>) {
    if request.silence != Silence::None {
        return;
    }
    desk.answer(|out| {
        out.extend_from_slice(b"EN");
        for flag in Words::from(line, request.key.end()).map(|flag| flag.of(line)) {
            match flag.first() {
                Some(b'O') => {
                    out.push(b' ');
                    out.extend_from_slice(flag);
                }
                Some(b'k') => {
                    out.extend_from_slice(b" k");
                    out.extend_from_slice(request.key.of(line));
                    if is_base64(line, request.key) {
                        out.extend_from_slice(b" b");
                    }
                }
                _ => {}
            }
        }
        out.extend_from_slice(b"\r\n");
    });
}

fn answer(desk: &mut Desk<'_, Memcached>, says: bool, words: &str) {
    if says {
        desk.answer(|out| {
            out.extend_from_slice(words.as_bytes());
            out.extend_from_slice(b"\r\n");
        });
    }
}
