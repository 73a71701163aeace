use entourage_blueprint::{Blueprint, Counters, Delivery, Describe, Edge, Format, Gives, Needs, Node, Sink};
use serde_json::{Value, json};

use crate::pipeline;

fn json_of(blueprint: &Blueprint) -> Value {
    serde_json::from_str(&blueprint.render(Format::Json)).expect("the rendering is JSON")
}

#[test]
fn mermaid_shows_every_node_and_edge() {
    let blueprint = Blueprint::new()
        .with_node(Node::new("source", "disk").source())
        .with_node(Node::new("queue", "pages").with_backend("sqlite"))
        .with_node(Node::new("sink", "report").sink(Sink::default()))
        .with_edge(Edge::new("disk", "pages", "put").with_capacity(64))
        .with_edge(Edge::new("pages", "report", "take").with_delivery(Delivery::EffectivelyOnce));
    assert_eq!(
        blueprint.render(Format::Mermaid),
        r#"flowchart LR
    n_disk(["disk<br/>source"])
    n_pages["pages<br/>queue · sqlite"]
    n_report[["report<br/>sink"]]
    n_disk -.->|"put · at most 64 · at least once"| n_pages
    n_pages -->|"take · unbounded · effectively once"| n_report
"#
    );
}

#[test]
fn dot_shows_every_node_and_edge() {
    let blueprint = Blueprint::new()
        .with_name("copy")
        .with_node(Node::new("source", "disk").source())
        .with_node(Node::new("sink", "re\"port").with_backend("sqlite").sink(Sink::default()))
        .with_edge(Edge::new("disk", "re\"port", "files").with_capacity(64));
    assert_eq!(
        blueprint.render(Format::Dot),
        r#"digraph blueprint {
    rankdir=LR
    label="copy"
    n_disk [shape=ellipse, label="disk\nsource"]
    n_re_22port [shape=box, peripheries=2, label="re\"port\nsink · sqlite"]
    n_disk -> n_re_22port [style=dashed, label="files · at most 64 · at least once"]
}
"#
    );
}

#[test]
fn a_hostile_name_stays_inside_its_label() {
    let name = "x\"]\n    n_evil[\"owned\"] %% `; --> |{(";
    let blueprint = Blueprint::new()
        .with_node(Node::new(name.to_owned(), name).with_backend(name.to_owned()).source())
        .with_edge(Edge::new(name, name, name));
    let mermaid = blueprint.render(Format::Mermaid);
    assert_eq!(mermaid.lines().count(), 3, "{mermaid}");
    assert!(!mermaid.contains("\"]\n    n_evil"), "{mermaid}");
    for line in mermaid.lines().skip(1) {
        assert_eq!(line.matches('"').count(), 2, "{line}");
    }
    let dot = blueprint.render(Format::Dot);
    assert_eq!(dot.lines().count(), 5, "{dot}");
}

#[test]
fn an_id_does_not_depend_on_other_nodes() {
    let line = |blueprint: &Blueprint| {
        let mermaid = blueprint.render(Format::Mermaid);
        mermaid.lines().find(|line| line.contains("report<br/>")).map(str::to_owned)
    };
    let alone = Blueprint::new().with_node(pipeline().node("report").expect("it is there").clone());
    assert_eq!(line(&alone), line(&pipeline()));
    assert!(line(&alone).is_some());
}

#[test]
fn a_node_that_only_edges_speak_of_is_drawn_as_not_described() {
    let blueprint = pipeline().with_edge(Edge::new("count", "morgue", "dead"));
    for format in [Format::Mermaid, Format::Dot] {
        let text = blueprint.render(format);
        assert_eq!(text.matches("not described").count(), 1, "{text}");
    }
}

#[test]
fn json_has_exactly_the_three_keys() {
    let document = json_of(&pipeline().with_name("wordcount"));
    let keys: Vec<_> = document.as_object().expect("an object").keys().collect();
    assert_eq!(keys, ["contentDescriptor", "links", "nodes"]);
    assert_eq!(document["contentDescriptor"]["name"], "wordcount");
    assert_eq!(document["contentDescriptor"]["provider"], "entourage-blueprint");
    assert_eq!(document["contentDescriptor"]["providerFormatVersion"], 1);
    assert_eq!(document["contentDescriptor"]["providerVersion"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn json_has_every_fact() {
    let blueprint = Blueprint::new()
        .with_node(Node::new("source", "disk").source().gives(Gives::Fence).retries())
        .with_node(
            Node::new("reduce", "sum")
                .with_backend("sqlite")
                .reduces()
                .with_output("dead")
                .sink(Sink::needs(Needs::Fenced)),
        )
        .with_edge(
            Edge::new("disk", "sum", "pages")
                .with_capacity(64)
                .with_delivery(Delivery::EffectivelyOnce)
                .gives(Gives::Idempotence)
                .hands_over(),
        );
    let document = json_of(&blueprint);
    assert_eq!(
        document["nodes"],
        json!([
            {
                "name": "disk", "pattern": "source", "backend": null, "source": true, "sink": false,
                "needs": null, "gives": ["fence"], "reduces": false, "retries": true, "outputs": [],
                "counters": {},
            },
            {
                "name": "sum", "pattern": "reduce", "backend": "sqlite", "source": false, "sink": true,
                "needs": "fenced", "gives": [], "reduces": true, "retries": false, "outputs": ["dead"],
                "counters": {},
            },
        ])
    );
    assert_eq!(
        document["links"],
        json!([{
            "from": "disk", "to": "sum", "topic": "pages", "capacity": 64,
            "delivery": "effectively-once", "gives": ["idempotence"], "handsOver": true,
        }])
    );
}

#[test]
fn json_shows_the_counters_of_the_moment() {
    let counters = Counters::new(&["items_total", "leases_open"]);
    let items = counters.counter("items_total");
    let blueprint = Blueprint::new().with_node(Node::new("source", "disk").source().with_counters(counters));
    assert_eq!(json_of(&blueprint)["nodes"][0]["counters"]["items_total"], 0);
    items.add(41);
    items.increment();
    let shown = json_of(&blueprint);
    assert_eq!(shown["nodes"][0]["counters"], json!({ "items_total": 42, "leases_open": 0 }));
}

#[test]
fn describing_twice_changes_nothing() {
    struct Pipeline;
    impl Describe for Pipeline {
        fn describe(&self, blueprint: &mut Blueprint) {
            let described = pipeline();
            described.nodes().iter().cloned().for_each(|node| drop(blueprint.add_node(node)));
            described.edges().iter().cloned().for_each(|edge| drop(blueprint.add_edge(edge)));
        }
    }
    let mut blueprint = Blueprint::of(&Pipeline);
    let once = blueprint.render(Format::Json);
    let shared: std::sync::Arc<dyn Describe> = std::sync::Arc::new(Pipeline);
    shared.describe(&mut blueprint);
    assert_eq!(blueprint.render(Format::Json), once);
}
