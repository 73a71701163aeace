//! Numbers as Prometheus reads them: its text format, version 0.0.4.

use std::{
    collections::BTreeMap,
    fmt::{self, Write},
};

use entourage_blueprint::{Blueprint, Counters};

/// Longer label values come from outside, not from a configuration.
const LABEL_BYTES: usize = 256;
/// Series of one page; a page of more is not scraped but downloaded.
const SERIES: usize = 10_000;

/// One page of counters and gauges.
///
/// What Prometheus could not read (a name that is none, a label given twice, one series twice, one
/// name of two kinds, a value that is too long) is left out, named in a comment, and counted by
/// `entourage_exposition_refused`: one wrong name does not cost the page.
///
/// ```
/// use entourage_http::Exposition;
///
/// let mut page = Exposition::new();
/// page.counter("orders_total", "Orders taken.", &[("shop", "a \"b\"")], 3_u64);
/// page.gauge("temperature_celsius", "Of the room.", &[], 21.5);
/// let text = page.into_text();
/// assert!(text.contains("# TYPE orders_total counter\norders_total{shop=\"a \\\"b\\\"\"} 3\n"));
/// assert!(text.contains("temperature_celsius 21.5\n"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Exposition {
    families: BTreeMap<String, Family>,
    series: usize,
    refused: Vec<String>,
    refused_count: u64,
}

#[derive(Clone, Debug)]
struct Family {
    help: String,
    kind: Kind,
    /// By the labels as they are written, so that none is there twice.
    samples: BTreeMap<String, Sample>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Counter,
    Gauge,
}

/// A number of a page: whole, so that no count is rounded, or not.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Sample {
    /// A whole number.
    Whole(u64),
    /// A fraction, an infinity, or no number.
    Float(f64),
}

impl From<u64> for Sample {
    fn from(value: u64) -> Self {
        Self::Whole(value)
    }
}

impl From<f64> for Sample {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(value) => value.fmt(f),
            Self::Float(value) if value.is_nan() => f.write_str("NaN"),
            Self::Float(f64::INFINITY) => f.write_str("+Inf"),
            Self::Float(f64::NEG_INFINITY) => f.write_str("-Inf"),
            Self::Float(value) => value.fmt(f),
        }
    }
}

impl Exposition {
    /// An empty page.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a number that only grows while the program runs; its name ends in `_total`.
    pub fn counter(&mut self, name: &str, help: &str, labels: &[(&str, &str)], value: impl Into<Sample>) {
        if name.ends_with("_total") {
            self.add(Kind::Counter, name, help, labels, value.into());
        } else {
            self.refuse(format!("counter {name:?} does not end in _total"));
        }
    }

    /// Adds a number that goes up and down.
    pub fn gauge(&mut self, name: &str, help: &str, labels: &[(&str, &str)], value: impl Into<Sample>) {
        self.add(Kind::Gauge, name, help, labels, value.into());
    }

    /// Adds a set of [`Counters`], each name behind `prefix` and an underscore.
    ///
    /// Those whose names end in `_total` are counters, the others gauges.
    pub fn counters(&mut self, prefix: &str, labels: &[(&str, &str)], counters: &Counters) {
        for (name, value) in counters.snapshot() {
            let kind = if name.ends_with("_total") { Kind::Counter } else { Kind::Gauge };
            let help = name.replace('_', " ");
            self.add(kind, &format!("{prefix}_{name}"), &help, labels, value.into());
        }
    }

    /// Adds the counters of every node, as `entourage_<pattern>_<name>{node="…"}`.
    pub fn blueprint(&mut self, blueprint: &Blueprint) {
        for node in blueprint.nodes() {
            let pattern = node.pattern().replace(['-', ' '], "_");
            self.counters(&format!("entourage_{pattern}"), &[("node", node.name())], node.counters());
        }
    }

    /// The page as text, families and series in the order of their names.
    #[must_use]
    pub fn into_text(mut self) -> String {
        if self.refused_count > 0 {
            let refused = self.refused_count;
            let help = "Samples left out of this page because no scraper could read them.";
            // Beyond the limit on series: this one says that there is one.
            self.family(Kind::Gauge, "entourage_exposition_refused", help)
                .map(|family| family.samples.insert(String::new(), Sample::Whole(refused)));
        }
        let mut text = String::new();
        for (name, family) in &self.families {
            let kind = match family.kind {
                Kind::Counter => "counter",
                Kind::Gauge => "gauge",
            };
            // Writing to a string cannot fail.
            let _ = writeln!(text, "# HELP {name} {}\n# TYPE {name} {kind}", help_text(&family.help));
            for (labels, value) in &family.samples {
                let _ = writeln!(text, "{name}{labels} {value}");
            }
        }
        for refused in &self.refused {
            let _ = writeln!(text, "# left out: {}", help_text(refused));
        }
        text
    }

    fn add(&mut self, kind: Kind, name: &str, help: &str, labels: &[(&str, &str)], value: Sample) {
        if !is_metric_name(name) {
            return self.refuse(format!("metric name {name:?} is none"));
        }
        let labels = match label_text(labels) {
            Ok(labels) => labels,
            Err(why) => return self.refuse(format!("{name}: {why}")),
        };
        if self.series >= SERIES {
            return self.refuse(format!("{name}: the page has {SERIES} series already"));
        }
        let Some(family) = self.family(kind, name, help) else {
            return self.refuse(format!("{name} is a counter and a gauge"));
        };
        if family.samples.contains_key(&labels) {
            return self.refuse(format!("{name}{labels} is there twice"));
        }
        family.samples.insert(labels, value);
        self.series += 1;
    }

    /// The family of that name; none if it is of the other kind.
    fn family(&mut self, kind: Kind, name: &str, help: &str) -> Option<&mut Family> {
        let family = self.families.entry(name.to_owned()).or_insert_with(|| Family {
            help: help.to_owned(),
            kind,
            samples: BTreeMap::new(),
        });
        (family.kind == kind).then_some(family)
    }

    fn refuse(&mut self, why: String) {
        self.refused_count += 1;
        // The first few tell it all.
        if self.refused.len() < 10 {
            self.refused.push(why);
        }
    }
}

fn label_text(labels: &[(&str, &str)]) -> Result<String, String> {
    if labels.is_empty() {
        return Ok(String::new());
    }
    let mut labels: Vec<_> = labels.to_vec();
    labels.sort_unstable();
    if let Some(twice) = labels.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        return Err(format!("label {:?} is there twice", twice[0].0));
    }
    let mut text = String::from("{");
    for (at, (name, value)) in labels.iter().enumerate() {
        if !is_label_name(name) {
            return Err(format!("label name {name:?} is none"));
        }
        if value.len() > LABEL_BYTES {
            return Err(format!("the value of label {name:?} has more than {LABEL_BYTES} bytes"));
        }
        if at > 0 {
            text.push(',');
        }
        text.push_str(name);
        text.push_str("=\"");
        escape(value, true, &mut text);
        text.push('"');
    }
    text.push('}');
    Ok(text)
}

fn help_text(help: &str) -> String {
    let mut text = String::with_capacity(help.len());
    escape(help, false, &mut text);
    text
}

/// A backslash and a line feed are escaped everywhere, a quote in label values alone.
fn escape(value: &str, quotes: bool, text: &mut String) {
    for character in value.chars() {
        match character {
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '"' if quotes => text.push_str("\\\""),
            other => text.push(other),
        }
    }
}

fn is_metric_name(name: &str) -> bool {
    is_name(name, |byte| byte == b':')
}

/// Names with two underscores in front are Prometheus' own.
fn is_label_name(name: &str) -> bool {
    is_name(name, |_| false) && !name.starts_with("__")
}

fn is_name(name: &str, also: impl Fn(u8) -> bool) -> bool {
    !name.is_empty()
        && !name.as_bytes()[0].is_ascii_digit()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || also(byte))
}
