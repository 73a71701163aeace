//! DOT, for Graphviz.

use std::fmt::Write as _;

use super::{edge_words, id, node_lines, strangers};
use crate::Blueprint;

pub(super) fn text(blueprint: &Blueprint) -> String {
    let mut out = String::from("digraph blueprint {\n");
    line(&mut out, format_args!("rankdir=LR"));
    if let Some(name) = blueprint.name() {
        line(&mut out, format_args!("label=\"{}\"", escape(name)));
    }
    for node in blueprint.nodes() {
        let [name, kind] = node_lines(node);
        let shape = match (node.is_source(), node.is_sink()) {
            (true, _) => "ellipse",
            (false, true) => "box, peripheries=2",
            (false, false) => "box",
        };
        line(
            &mut out,
            format_args!(
                "{} [shape={shape}, label=\"{}\\n{}\"]",
                id(node.name()),
                escape(&name),
                escape(&kind)
            ),
        );
    }
    for name in strangers(blueprint) {
        line(
            &mut out,
            format_args!("{} [shape=hexagon, label=\"{}\\nnot described\"]", id(name), escape(name)),
        );
    }
    for edge in blueprint.edges() {
        let style = if edge.capacity().is_some() { "dashed" } else { "solid" };
        line(
            &mut out,
            format_args!(
                "{} -> {} [style={style}, label=\"{}\"]",
                id(edge.from()),
                id(edge.to()),
                escape(&edge_words(edge))
            ),
        );
    }
    out.push_str("}\n");
    out
}

fn line(out: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(out, "    {line}").expect("writing to a String does not fail");
}

/// Graphviz reads backslash escapes *and* HTML entities in a quoted label.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.replace("\r\n", "\n").chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '&' => out.push_str("&amp;"),
            '\n' | '\r' => out.push_str("\\n"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_cannot_leave_its_quotes() {
        assert_eq!(escape("a\"b\\"), "a\\\"b\\\\");
        assert_eq!(escape("a\nb&lt;\u{7}"), "a\\nb&amp;lt; ");
    }
}
