//! Text that Prometheus reads.

use std::collections::BTreeMap;

use entourage_blueprint::{Blueprint, Counters, Node};
use entourage_http::Exposition;
use proptest::{collection, prelude::proptest, prop_assert_eq};

/// One sample line, read as the format's page says: name, labels, value.
fn read(line: &str) -> (String, BTreeMap<String, String>, String) {
    let mut labels = BTreeMap::new();
    let Some((name, rest)) = line.split_once('{') else {
        let (name, value) = line.split_once(' ').unwrap();
        return (name.to_owned(), labels, value.to_owned());
    };
    let mut rest = rest.chars();
    loop {
        let label: String = rest.by_ref().take_while(|c| *c != '=').collect();
        assert_eq!(rest.next(), Some('"'));
        let mut value = String::new();
        loop {
            match rest.next().expect("the value ends with a quote") {
                '"' => break,
                '\\' => value.push(match rest.next() {
                    Some('n') => '\n',
                    Some(c @ ('"' | '\\')) => c,
                    other => panic!("no escape: {other:?}"),
                }),
                other => value.push(other),
            }
        }
        labels.insert(label, value);
        match rest.next() {
            Some(',') => {}
            Some('}') => break,
            other => panic!("after a label stands {other:?}"),
        }
    }
    (name.to_owned(), labels, rest.as_str().trim_start().to_owned())
}

#[test]
fn a_page_is_as_prometheus_wants_it() {
    let mut page = Exposition::new();
    page.counter(
        "b_total",
        "Back\\slash\nand line, \"quoted\".",
        &[("z", "1"), ("a", "x\\y\"z\nw")],
        u64::MAX,
    );
    page.counter("b_total", "Not shown: the first help stands.", &[], 1.5);
    page.gauge("a:seconds", "Fractions.", &[], f64::INFINITY);
    page.gauge("nan", "", &[], f64::NAN);
    page.gauge("low", "", &[], f64::NEG_INFINITY);
    assert_eq!(
        page.into_text(),
        "# HELP a:seconds Fractions.\n# TYPE a:seconds gauge\na:seconds +Inf\n\
         # HELP b_total Back\\\\slash\\nand line, \"quoted\".\n# TYPE b_total counter\nb_total 1.5\n\
         b_total{a=\"x\\\\y\\\"z\\nw\",z=\"1\"} 18446744073709551615\n\
         # HELP low \n# TYPE low gauge\nlow -Inf\n\
         # HELP nan \n# TYPE nan gauge\nnan NaN\n"
    );
}

#[test]
fn what_no_scraper_can_read_is_left_out_and_counted() {
    let mut page = Exposition::new();
    page.gauge("good", "", &[], 1_u64);
    for name in ["", "1a", "a-b", "a b", "ä", "a\n", "a{"] {
        page.gauge(name, "", &[], 1_u64);
    }
    for label in ["", "1a", "a-b", "a:b", "__name__", "ä", "a\"", "a\n"] {
        page.gauge("good", "", &[(label, "")], 1_u64);
    }
    page.gauge("good", "", &[("a", "1"), ("a", "2")], 1_u64);
    page.gauge("good", "", &[("a", &"x".repeat(257))], 1_u64);
    page.gauge("good", "", &[], 2_u64);
    page.counter("good_total", "", &[], 1_u64);
    page.gauge("good_total", "", &[], 1_u64);
    page.counter("bad", "", &[], 1_u64);
    let text = page.into_text();
    let lines: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(lines, ["entourage_exposition_refused 20", "good 1", "good_total 1"], "{text}");
    assert!(text.contains("# left out: metric name \"1a\" is none\n"), "{text}");
    // No comment may pass for help or type, nor break its line.
    assert!(text.lines().all(|line| !line.is_empty()), "{text}");
}

#[test]
fn the_page_is_bounded() {
    let mut page = Exposition::new();
    for number in 0..10_010 {
        page.gauge("series", "", &[("number", &number.to_string())], 1_u64);
    }
    let text = page.into_text();
    assert_eq!(text.lines().filter(|line| line.starts_with("series{")).count(), 10_000);
    assert!(text.contains("\nentourage_exposition_refused 10\n"));
}

#[test]
fn the_counters_of_a_blueprint_are_metrics() {
    let counters = Counters::new(&["items_total", "leases_open"]);
    counters.counter("items_total").add(3);
    let blueprint = Blueprint::new()
        .with_node(Node::new("scatter-gather", "a").with_counters(counters.clone()))
        .with_node(Node::new("scatter-gather", "b").with_counters(counters));
    let mut page = Exposition::new();
    page.blueprint(&blueprint);
    let text = page.into_text();
    assert!(
        text.contains(
            "# TYPE entourage_scatter_gather_items_total counter\n\
             entourage_scatter_gather_items_total{node=\"a\"} 3\n\
             entourage_scatter_gather_items_total{node=\"b\"} 3\n"
        ),
        "{text}"
    );
    assert!(text.contains("# TYPE entourage_scatter_gather_leases_open gauge\n"), "{text}");
}

proptest! {
    #[test]
    fn any_label_value_comes_back_as_it_was(
        labels in collection::btree_map("[a-zA-Z][a-zA-Z0-9_]{0,8}", "[\\\\\"\n\r{},= a-zäπ\u{0}-\u{1f}]{0,20}", 0..4),
        help in "[\\\\\"\n#a-z ]{0,20}",
        value: u64,
    ) {
        let mut page = Exposition::new();
        let pairs: Vec<_> = labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        page.gauge("metric", &help, &pairs, value);
        let text = page.into_text();
        let lines: Vec<_> = text.split_terminator('\n').collect();
        prop_assert_eq!(lines.len(), 3, "{}", text);
        prop_assert_eq!(read(lines[2]), ("metric".to_owned(), labels, value.to_string()));
    }
}
