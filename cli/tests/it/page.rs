//! An operator who looks at the admin page, and reads Prometheus' text.

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use entourage_testkit::{Process, eventually};

const PATIENCE: Duration = Duration::from_secs(60);

/// Where a program says that it serves its page.
pub(crate) struct Page {
    address: String,
}

/// One answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

/// A name and its labels, unescaped.
pub(crate) type Series = (String, BTreeMap<String, String>);

impl Page {
    pub(crate) fn of(process: &Process) -> Self {
        let address = eventually(PATIENCE, "the page is served", || {
            let log = process.stderr();
            let line = log.lines().find(|line| line.contains("the admin page is served"))?;
            let (_, rest) = line.split_once("\"address\":\"")?;
            rest.split_once('"').map(|(address, _)| address.to_owned())
        });
        assert!(address.starts_with("127.0.0.1:"), "{address}: of this machine alone");
        Self { address }
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        let mut stream = TcpStream::connect(&self.address).expect("the page is served");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time is given");
        write!(stream, "GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").expect("it is sent");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("an answer comes, and ends");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        Answer { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
    }

    /// Waits until `/readyz` answers so, and returns its body.
    pub(crate) fn is_ready(&self, ready: bool) -> String {
        let status = if ready { 200 } else { 503 };
        eventually(PATIENCE, &format!("/readyz answers {status}"), || {
            let answer = self.get("/readyz");
            (answer.status == status).then_some(answer.body)
        })
    }

    /// Waits until `/readyz` answers that it is not ready, for this reason.
    pub(crate) fn is_unready(&self, why: &str) -> String {
        eventually(PATIENCE, &format!("/readyz answers 503 and {why}"), || {
            let answer = self.get("/readyz");
            (answer.status == 503 && answer.body.contains(why)).then_some(answer.body)
        })
    }

    /// The numbers of `/metrics`.
    pub(crate) fn metrics(&self) -> BTreeMap<Series, f64> {
        let answer = self.get("/metrics");
        assert_eq!(answer.status, 200);
        assert!(answer.head.contains("content-type: text/plain; version=0.0.4; charset=utf-8"), "{answer:?}");
        read(&answer.body)
    }

    /// One number of the page, of the node of this name.
    pub(crate) fn number(&self, name: &str, node: &str) -> f64 {
        let labels = BTreeMap::from([("node".to_owned(), node.to_owned())]);
        let metrics = self.metrics();
        *metrics
            .get(&(name.to_owned(), labels))
            .unwrap_or_else(|| panic!("no {name} of {node:?}: {metrics:?}"))
    }

    /// Waits until that number is there.
    pub(crate) fn shows(&self, name: &str, node: &str, wanted: f64) {
        eventually(PATIENCE, &format!("{name} of {node} is {wanted}"), || {
            (self.number(name, node) == wanted).then_some(())
        });
    }
}

/// Reads a page as Prometheus' text format 0.0.4 is described, and refuses what is not of it.
pub(crate) fn read(page: &str) -> BTreeMap<Series, f64> {
    assert!(page.ends_with('\n'), "the last line ends");
    let (mut samples, mut kinds) = (BTreeMap::new(), BTreeMap::new());
    let (mut present, mut helped) = (String::new(), String::new());
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').expect("a help has a name");
            assert!(!kinds.contains_key(name), "{name} is one family, in one place");
            assert!(!help.is_empty() && is_escaped(help), "{line}");
            name.clone_into(&mut helped);
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a type has a name");
            assert_eq!(name, helped, "its help stands before it");
            assert!(["counter", "gauge"].contains(&kind), "{line}");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
            assert_eq!(kinds.insert(name.to_owned(), kind.to_owned()), None, "{name} has one type");
            name.clone_into(&mut present);
        } else {
            assert!(!line.starts_with('#'), "nothing was left out: {line}");
            let (series, value) = sample(line);
            assert_eq!(series.0, present, "its type stands before it");
            assert_eq!(samples.insert(series, value), None, "once: {line}");
        }
    }
    samples
}

fn is_escaped(text: &str) -> bool {
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        if character == '\\' && !matches!(rest.next(), Some('\\' | 'n')) {
            return false;
        }
    }
    true
}

fn sample(line: &str) -> (Series, f64) {
    let (name, mut rest) = line.split_at(line.find(['{', ' ']).expect("a value follows"));
    let is_name = |text: &str| {
        text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') && !text.is_empty()
    };
    assert!(is_name(name), "{line}");
    let mut labels = BTreeMap::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        while !rest.starts_with('}') {
            let (label, quoted) = rest.split_once("=\"").expect("a label has a value in quotes");
            assert!(is_name(label), "{line}");
            let (value, after) = unquote(quoted);
            assert_eq!(labels.insert(label.to_owned(), value), None, "{label} is there once");
            rest = after.strip_prefix(',').unwrap_or(after);
        }
        rest = &rest[1..];
    }
    let value = rest.trim_start().parse().expect("a number, and no time");
    ((name.to_owned(), labels), value)
}

/// What stands before the closing quote, and what behind it.
fn unquote(quoted: &str) -> (String, &str) {
    let mut value = String::new();
    let mut rest = quoted.chars();
    loop {
        match rest.next().expect("a value ends in a quote") {
            '"' => return (value, rest.as_str()),
            '\\' => value.push(match rest.next() {
                Some('n') => '\n',
                Some(escaped @ ('"' | '\\')) => escaped,
                other => panic!("{other:?} is no escape"),
            }),
            character => value.push(character),
        }
    }
}
