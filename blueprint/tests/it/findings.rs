use entourage_blueprint::{Blueprint, Delivery, Edge, Finding, Gives, Needs, Node, Sink};

use crate::{pipeline, pipeline_with_edge};

fn strings(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn a_sound_composition_has_no_findings() {
    assert_eq!(pipeline().check(), []);
    assert_eq!(Blueprint::new().check(), []);
}

mod cycle {
    use super::*;

    #[test]
    fn through_bounded_edges_is_found_with_its_path() {
        let findings = pipeline_with_edge("report", "count", "again").check();
        let path = strings(&["count", "report", "count"]);
        assert_eq!(findings, [Finding::Cycle { path }]);
        let message = findings[0].to_string();
        assert!(message.contains(r#""count" -> "report" -> "count""#), "{message}");
    }

    #[test]
    fn of_one_node_is_found() {
        let findings = pipeline_with_edge("count", "count", "again").check();
        assert_eq!(findings[0].nodes(), ["count", "count"]);
    }

    #[test]
    fn through_a_stage_that_accepts_more_than_it_publishes_is_fine() {
        let blueprint = pipeline_with_edge("count", "count", "partials")
            .with_node(Node::new("reduce", "count").reduces());
        assert_eq!(blueprint.check(), []);
        let blueprint =
            pipeline_with_edge("report", "count", "again").with_node(Node::new("reduce", "count").reduces());
        assert_eq!(blueprint.check(), []);
    }

    #[test]
    fn with_one_unbounded_edge_is_fine() {
        let blueprint = pipeline().with_edge(Edge::new("report", "count", "again"));
        assert_eq!(blueprint.check(), []);
    }

    #[test]
    fn beside_a_reducing_stage_is_still_found() {
        // The reducing stage hangs on the cycle and is not a part of it.
        let blueprint = pipeline_with_edge("report", "count", "again")
            .with_edge(Edge::new("count", "sum", "partials").with_capacity(8))
            .with_edge(Edge::new("sum", "count", "sums").with_capacity(8))
            .with_node(Node::new("reduce", "sum").reduces());
        assert_eq!(blueprint.check().len(), 1);
    }

    #[test]
    fn is_not_seen_in_two_ways_to_one_node() {
        let blueprint = pipeline_with_edge("disk", "report", "names");
        assert_eq!(blueprint.check(), []);
    }

    #[test]
    fn is_named_once_for_each_knot() {
        let knot = |name: &str| Edge::new(name, name, "again").with_capacity(1);
        let blueprint = pipeline().with_edge(knot("count")).with_edge(knot("report"));
        assert_eq!(blueprint.check().len(), 2);
    }
}

mod input {
    use super::*;

    #[test]
    fn that_is_missing_is_found() {
        let blueprint = pipeline().with_node(Node::new("source", "disk"));
        let findings = blueprint.check();
        let node = "disk".to_owned();
        assert_eq!(findings, [Finding::NoInput { node, missing: None }]);
        assert!(findings[0].to_string().contains("\"disk\" has no input"));
    }

    #[test]
    fn of_a_source_may_be_missing() {
        assert_eq!(pipeline().check(), []);
    }

    #[test]
    fn from_a_stranger_is_found_with_its_topic() {
        let findings = pipeline().with_edge(Edge::new("tape", "count", "old-pages")).check();
        let missing = Some(("old-pages".to_owned(), "tape".to_owned()));
        let node = "count".to_owned();
        assert_eq!(findings, [Finding::NoInput { node, missing }]);
        assert!(findings[0].to_string().contains("\"tape\", which is not in the blueprint"));
    }

    #[test]
    fn from_a_node_that_is_added_later_is_fine() {
        let blueprint = Blueprint::new()
            .with_edge(Edge::new("disk", "report", "pages"))
            .with_node(Node::new("sink", "report").sink(Sink::default()))
            .with_node(Node::new("source", "disk").source());
        assert_eq!(blueprint.check(), []);
    }
}

mod output {
    use super::*;

    #[test]
    fn that_nobody_reads_is_found() {
        let findings = pipeline().with_node(Node::new("worker", "report")).check();
        let (topic, missing) = (None, None);
        let node = "report".to_owned();
        assert_eq!(findings, [Finding::Unread { node, topic, missing }]);
        assert!(findings[0].to_string().contains("nobody reads the output of \"report\""));
    }

    #[test]
    fn of_a_sink_may_be_unread() {
        assert_eq!(pipeline().check(), []);
    }

    #[test]
    fn to_a_stranger_is_found_once() {
        let findings = pipeline()
            .with_node(Node::new("worker", "count").with_output("dead"))
            .with_edge(Edge::new("count", "morgue", "dead"))
            .check();
        let (topic, missing) = (Some("dead".to_owned()), Some("morgue".to_owned()));
        let node = "count".to_owned();
        assert_eq!(findings, [Finding::Unread { node, topic, missing }]);
    }

    #[test]
    fn that_is_declared_and_on_no_edge_is_found_beside_one_that_is_read() {
        let count = || Node::new("worker", "count").with_output("words").with_output("dead");
        let findings = pipeline().with_node(count()).check();
        let (topic, missing) = (Some("dead".to_owned()), None);
        let node = "count".to_owned();
        assert_eq!(findings, [Finding::Unread { node, topic, missing }]);

        let emptied = pipeline().with_node(count()).with_edge(Edge::new("count", "report", "dead"));
        assert_eq!(emptied.check(), []);
    }
}

mod protection {
    use super::*;

    fn sink(needs: Needs) -> Node {
        Node::new("sink", "report").sink(Sink::needs(needs))
    }

    #[test]
    fn of_a_fenced_sink_is_missed_with_its_path() {
        let findings = pipeline().with_node(sink(Needs::Fenced)).check();
        let path = strings(&["disk", "count", "report"]);
        let (sink, needs) = ("report".to_owned(), Needs::Fenced);
        assert_eq!(findings, [Finding::Unprotected { sink, needs, path }]);
        let message = findings[0].to_string();
        assert!(
            message.contains(r#"needs a fence, and the path "disk" -> "count" -> "report""#),
            "{message}"
        );
    }

    #[test]
    fn is_given_by_any_node_upstream_or_by_an_edge() {
        let from_node = pipeline()
            .with_node(Node::new("source", "disk").source().gives(Gives::Fence))
            .with_node(sink(Needs::Fenced));
        assert_eq!(from_node.check(), []);
        let from_edge = pipeline()
            .with_node(sink(Needs::Fenced))
            .with_edge(Edge::new("count", "report", "words").gives(Gives::Fence));
        assert_eq!(from_edge.check(), []);
    }

    #[test]
    fn of_one_path_does_not_cover_another() {
        let findings = pipeline()
            .with_node(Node::new("worker", "count").gives(Gives::Fence))
            .with_node(sink(Needs::Fenced))
            .with_edge(Edge::new("disk", "report", "names"))
            .check();
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].nodes(), ["disk", "report"]);
    }

    #[test]
    fn by_idempotence_is_no_fence_and_a_fence_no_idempotence() {
        for (needs, gives) in [(Needs::Fenced, Gives::Idempotence), (Needs::Idempotent, Gives::Fence)] {
            let blueprint =
                pipeline().with_node(Node::new("worker", "count").gives(gives)).with_node(sink(needs));
            assert_eq!(blueprint.check().len(), 1, "{needs:?} {gives:?}");
        }
    }

    #[test]
    fn of_an_idempotent_sink_is_missed_where_items_may_come_twice() {
        let findings = pipeline().with_node(sink(Needs::Idempotent)).check();
        assert_eq!(findings[0].nodes(), ["disk", "count", "report"]);
        assert!(findings[0].to_string().contains("needs idempotence"));
    }

    #[test]
    fn of_an_idempotent_sink_is_given_by_stable_ids_or_by_a_way_without_repeats() {
        let ids = pipeline()
            .with_node(Node::new("source", "disk").source().gives(Gives::Idempotence))
            .with_node(sink(Needs::Idempotent));
        assert_eq!(ids.check(), []);
        for delivery in [Delivery::EffectivelyOnce, Delivery::AtMostOnce] {
            let way = pipeline()
                .with_node(sink(Needs::Idempotent))
                .with_edge(Edge::new("disk", "count", "pages").with_delivery(delivery))
                .with_edge(Edge::new("count", "report", "words").with_delivery(delivery));
            assert_eq!(way.check(), [], "{delivery:?}");
        }
    }

    #[test]
    fn is_spoilt_by_one_edge_that_repeats() {
        let blueprint = pipeline()
            .with_node(sink(Needs::Idempotent))
            .with_edge(Edge::new("count", "report", "words").with_delivery(Delivery::EffectivelyOnce));
        assert_eq!(blueprint.check().len(), 1);
    }

    #[test]
    fn is_spoilt_by_a_retry_over_an_edge_that_delivers_at_most_once() {
        let way = |node: Node| {
            pipeline()
                .with_node(node)
                .with_node(sink(Needs::Idempotent))
                .with_edge(Edge::new("disk", "count", "pages").with_delivery(Delivery::AtMostOnce))
                .with_edge(Edge::new("count", "report", "words").with_delivery(Delivery::AtMostOnce))
        };
        assert_eq!(way(Node::new("worker", "count")).check(), []);
        assert_eq!(way(Node::new("retry", "count").retries()).check().len(), 1);
    }

    #[test]
    fn is_spoilt_by_a_sink_that_retries_its_own_effect() {
        let way = |node: Node| {
            pipeline()
                .with_node(node)
                .with_edge(Edge::new("disk", "count", "pages").with_delivery(Delivery::EffectivelyOnce))
                .with_edge(Edge::new("count", "report", "words").with_delivery(Delivery::EffectivelyOnce))
        };
        assert_eq!(way(sink(Needs::Idempotent)).check(), []);
        assert_eq!(way(sink(Needs::Idempotent).retries()).check().len(), 1);
    }

    #[test]
    fn is_not_asked_of_a_sink_that_needs_none() {
        assert_eq!(pipeline().with_node(sink(Needs::Any)).check(), []);
    }

    #[test]
    fn is_judged_also_where_the_path_has_a_cycle() {
        let looped = |gives: Option<Gives>| {
            let node = Node::new("worker", "count");
            pipeline()
                .with_node(gives.into_iter().fold(node, Node::gives))
                .with_node(sink(Needs::Fenced))
                .with_edge(Edge::new("count", "count", "again"))
        };
        assert_eq!(looped(None).check().len(), 1);
        assert_eq!(looped(Some(Gives::Fence)).check(), []);
    }

    #[test]
    fn of_a_source_that_writes_by_itself_is_missed() {
        let blueprint =
            Blueprint::new().with_node(Node::new("job", "nightly").source().sink(Sink::needs(Needs::Fenced)));
        assert_eq!(blueprint.check()[0].nodes(), ["nightly"]);
    }
}

mod retry {
    use super::*;

    #[test]
    fn upon_retry_is_found_once_with_both_names() {
        let findings = pipeline()
            .with_node(Node::new("retry", "count").retries())
            .with_node(Node::new("client", "report").sink(Sink::default()).retries())
            .with_edge(Edge::new("count", "report", "more-words"))
            .check();
        let (outer, inner) = ("count".to_owned(), "report".to_owned());
        assert_eq!(findings, [Finding::RetryUponRetry { outer, inner }]);
        assert!(findings[0].to_string().contains("\"count\" retries what \"report\" retries"));
    }

    #[test]
    fn before_or_behind_a_node_that_does_not_is_fine() {
        let outer = pipeline().with_node(Node::new("retry", "count").retries());
        assert_eq!(outer.check(), []);
        let both_ends = pipeline()
            .with_node(Node::new("source", "disk").source().retries())
            .with_node(Node::new("client", "report").sink(Sink::default()).retries());
        assert_eq!(both_ends.check(), []);
    }

    #[test]
    fn behind_a_hand_over_is_fine() {
        let blueprint = pipeline()
            .with_node(Node::new("retry", "count").retries())
            .with_node(Node::new("client", "report").sink(Sink::default()).retries())
            .with_edge(Edge::new("count", "report", "words").hands_over());
        assert_eq!(blueprint.check(), []);
    }
}

#[test]
fn findings_come_grouped_by_kind() {
    let findings = Blueprint::new()
        .with_node(Node::new("retry", "a").retries())
        .with_node(Node::new("worker", "b").retries())
        .with_node(Node::new("sink", "c").sink(Sink::needs(Needs::Fenced)))
        .with_edge(Edge::new("a", "b", "calls"))
        .with_edge(Edge::new("a", "c", "writes"))
        .with_node(Node::new("worker", "d"))
        .with_edge(Edge::new("d", "d", "again").with_capacity(1))
        .check();
    assert!(
        matches!(
            &findings[..],
            [
                Finding::Cycle { .. },
                Finding::NoInput { .. },
                Finding::Unread { .. },
                Finding::Unprotected { .. },
                Finding::RetryUponRetry { .. },
            ]
        ),
        "{findings:#?}"
    );
}
