//! The file's YAML: pools of keys, whose values are text or lists of text.
//!
//! nutcracker reads YAML 1.1 and takes little of it: one document of block maps, without markers,
//! directives, flow collections, anchors, aliases and tags. What is refused here, it refuses.

use saphyr_parser::{Event, Marker, Parser, ScanError, Span, StrInput};

use super::{
    invalid::{Excerpt, Invalid, Place, Problem},
    lines::{self, may_stand},
};

/// The most bytes of a file; a pool of 100 servers has some 3,000.
pub(super) const LONGEST: usize = 1024 * 1024;
/// The most pools of a file.
const POOLS: usize = 1_024;
/// The most keys of a pool, and a good deal more than there are.
const KEYS: usize = 64;
/// The most servers of a pool.
const SERVERS: usize = 4_096;

/// One pool, unread.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) name: Text,
    pub(super) entries: Vec<Entry>,
}

/// One key of it, and its value.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: Text,
    pub(super) value: Value,
}

#[derive(Debug)]
pub(super) enum Value {
    Text(Text),
    List(Place, Vec<Text>),
}

/// A name, a key or a value.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) text: String,
    pub(super) at: Place,
    /// Whether it takes more than a line: what follows may not belong to it.
    pub(super) is_long: bool,
}

impl Text {
    pub(super) fn excerpt(&self) -> Excerpt {
        if self.is_long { Excerpt::withheld() } else { Excerpt::of(&self.text) }
    }
}

/// The pools of a text, in its order.
pub(super) fn read(text: &str) -> Result<Vec<Section>, Invalid> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    lines::check(text)?;
    let text = lines::without_tabs_after_keys(text);
    Document { events: Parser::new_from_str(&text), lines: text.lines().collect() }.pools()
}

pub(super) fn too_long() -> Invalid {
    Invalid::new(Place { line: 1, column: 1 }, Problem::TooLong { limit: LONGEST })
}

struct Document<'t> {
    events: Parser<'t, StrInput<'t>>,
    lines: Vec<&'t str>,
}

impl<'t> Document<'t> {
    fn pools(mut self) -> Result<Vec<Section>, Invalid> {
        let wanted = "a map of pools: a name and a colon, and its keys below it, indented";
        // The start of the stream and of the document.
        let (mut event, mut span) = self.next()?;
        while matches!(event, Event::StreamStart | Event::DocumentStart(_)) {
            (event, span) = self.next()?;
        }
        match event {
            Event::MappingStart(..) => {}
            Event::StreamEnd => return Err(Invalid::new(self.place(span.start), Problem::Empty)),
            other => return Err(self.misplaced(&other, span, wanted)),
        }
        let mut pools = Vec::new();
        while let Some(name) = self.key("the name of a pool")? {
            if pools.len() == POOLS {
                return Err(Invalid::new(name.at, Problem::TooMany { what: "pools", limit: POOLS }));
            }
            let entries =
                self.entries().map_err(|invalid| Invalid { pool: Some(name.excerpt()), ..invalid })?;
            pools.push(Section { name, entries });
        }
        match self.next()? {
            (Event::DocumentEnd, _) => {}
            (other, span) => return Err(self.misplaced(&other, span, "nothing more")),
        }
        match self.next()? {
            (Event::StreamEnd, _) => Ok(pools),
            (_, span) => {
                let (what, instead) = ("a second document", "remove it: a file is one document");
                Err(Invalid::new(self.place(span.start), Problem::Disallowed { what, instead }))
            }
        }
    }

    /// The keys of a pool.
    fn entries(&mut self) -> Result<Vec<Entry>, Invalid> {
        match self.next()? {
            (Event::MappingStart(..), _) => {}
            (other, span) => {
                return Err(self.misplaced(&other, span, "the pool's keys below its name, indented"));
            }
        }
        let mut entries = Vec::new();
        while let Some(key) = self.key("a key of the pool")? {
            if entries.len() == KEYS {
                return Err(Invalid::new(key.at, Problem::TooMany { what: "keys", limit: KEYS }));
            }
            let value = match self.next()? {
                (Event::Scalar(text, ..), span) => Value::Text(self.text(&text, span)?),
                (Event::SequenceStart(..), span) => Value::List(self.place(span.start), self.list()?),
                (other, span) => return Err(self.misplaced(&other, span, "a value, or a list of servers")),
            };
            entries.push(Entry { key, value });
        }
        Ok(entries)
    }

    fn key(&mut self, wanted: &'static str) -> Result<Option<Text>, Invalid> {
        match self.next()? {
            (Event::Scalar(text, ..), span) => self.text(&text, span).map(Some),
            (Event::MappingEnd, _) => Ok(None),
            (other, span) => Err(self.misplaced(&other, span, wanted)),
        }
    }

    fn list(&mut self) -> Result<Vec<Text>, Invalid> {
        let mut list = Vec::new();
        loop {
            match self.next()? {
                (Event::Scalar(text, ..), span) if list.len() < SERVERS => list.push(self.text(&text, span)?),
                (Event::Scalar(..), span) => {
                    let problem = Problem::TooMany { what: "servers", limit: SERVERS };
                    return Err(Invalid::new(self.place(span.start), problem));
                }
                (Event::SequenceEnd, _) => return Ok(list),
                (other, span) => {
                    return Err(self.misplaced(&other, span, "a server as `host:port:weight name`"));
                }
            }
        }
    }

    /// The next event, if it is of a kind that may stand in such a file at all.
    fn next(&mut self) -> Result<(Event<'t>, Span), Invalid> {
        let (event, span) = match self.events.next_event() {
            Some(Ok(next)) => next,
            Some(Err(error)) => return Err(self.refusal(&error)),
            None => (Event::StreamEnd, Span::default()),
        };
        let disallowed = match &event {
            Event::Alias(_) => {
                Some(("an alias", "write the value out, or in quotes where the `*` belongs to it"))
            }
            Event::Scalar(_, _, anchor, tag) if *anchor != 0 || tag.is_some() => Some(DECORATED),
            Event::SequenceStart(anchor, tag) | Event::MappingStart(anchor, tag)
                if *anchor != 0 || tag.is_some() =>
            {
                Some(DECORATED)
            }
            Event::SequenceStart(..) if self.char_at(span.start) == Some('[') => Some((
                "a list in brackets",
                "write one entry a line, each after a dash, or put the value in quotes",
            )),
            Event::MappingStart(..) if self.char_at(span.start) == Some('{') => {
                Some(("a map in braces", "write one key a line, or put the value in quotes"))
            }
            _ => None,
        };
        match disallowed {
            None => Ok((event, span)),
            Some((what, instead)) => {
                Err(Invalid::new(self.place(span.start), Problem::Disallowed { what, instead }))
            }
        }
    }

    fn text(&self, text: &str, span: Span) -> Result<Text, Invalid> {
        let at = self.place(span.start);
        // Written as an escape, as it has been found in no line.
        match text.chars().find(|c| !may_stand(*c) && *c != '\n') {
            Some(found) => Err(Invalid::new(at, Problem::Character(found))),
            None => Ok(Text { text: text.to_owned(), at, is_long: span.start.line() != span.end.line() }),
        }
    }

    fn misplaced(&self, event: &Event<'_>, span: Span, wanted: &'static str) -> Invalid {
        let found = match event {
            Event::Scalar(text, ..) if text.is_empty() => "nothing",
            Event::Scalar(..) => "a plain value",
            Event::SequenceStart(..) => "a list",
            Event::MappingStart(..) => "a map",
            _ => "the end",
        };
        Invalid::new(self.place(span.start), Problem::Shape { found, wanted })
    }

    fn refusal(&self, error: &ScanError) -> Invalid {
        let mark = error.marker();
        let (line, problem) = lines::explain(error.info(), mark.line(), &self.lines);
        let column = if line == mark.line() { mark.col() + 1 } else { 1 };
        Invalid::new(Place { line, column }, problem)
    }

    /// Where a mark is; at the end of the file, its last line.
    fn place(&self, mark: Marker) -> Place {
        let last = self.lines.len().max(1);
        match mark.line() {
            line if line > last => Place { line: last, column: 1 },
            line => Place { line: line.max(1), column: mark.col() + 1 },
        }
    }

    fn char_at(&self, mark: Marker) -> Option<char> {
        self.lines.get(mark.line().checked_sub(1)?)?.chars().nth(mark.col())
    }
}

const DECORATED: (&str, &str) =
    ("an anchor or a tag", "remove it, or put the value in quotes where the `&` or `!` belongs to it");
