//! Mermaid, for pages that draw it themselves.

use std::fmt::Write as _;

use super::{edge_words, id, node_lines, strangers};
use crate::Blueprint;

pub(super) fn text(blueprint: &Blueprint) -> String {
    let mut out = String::from("flowchart LR\n");
    for node in blueprint.nodes() {
        let [name, kind] = node_lines(node);
        let (open, close) = match (node.is_source(), node.is_sink()) {
            (true, _) => ("([", "])"),
            (false, true) => ("[[", "]]"),
            (false, false) => ("[", "]"),
        };
        line(
            &mut out,
            format_args!("{}{open}\"{}<br/>{}\"{close}", id(node.name()), escape(&name), escape(&kind)),
        );
    }
    for name in strangers(blueprint) {
        line(&mut out, format_args!("{}{{{{\"{}<br/>not described\"}}}}", id(name), escape(name)));
    }
    for edge in blueprint.edges() {
        // A dotted arrow blocks its sender when it is full; a plain one never does.
        let arrow = if edge.capacity().is_some() { "-.->" } else { "-->" };
        line(
            &mut out,
            format_args!("{} {arrow}|\"{}\"| {}", id(edge.from()), escape(&edge_words(edge)), id(edge.to())),
        );
    }
    out
}

fn line(out: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(out, "    {line}").expect("writing to a String does not fail");
}

/// Lets through what no Mermaid rule looks at; all else becomes an entity code.
///
/// Among what must go: quotes end the label, a leading backtick starts Markdown, and
/// a colon before a code after the word `style` makes Mermaid cut the code's end.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let text = text.replace("\r\n", "\n");
    for c in text.chars() {
        match c {
            '\n' | '\r' => out.push_str("<br/>"),
            c if c.is_control() => out.push(' '),
            c if c.is_alphanumeric() || !c.is_ascii() || " -_.,/+".contains(c) => out.push(c),
            c => {
                let _ = write!(out, "#{};", u32::from(c));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_cannot_leave_its_quotes() {
        assert_eq!(escape("a\"b]c\nd"), "a#34;b#93;c<br/>d");
        assert_eq!(escape("<b>&#35;`{}|()"), "#60;b#62;#38;#35;35#59;#96;#123;#125;#124;#40;#41;");
        assert_eq!(escape("Zähler-7.x"), "Zähler-7.x");
        assert_eq!(escape("a\r\nb\tc"), "a<br/>b c");
    }
}
