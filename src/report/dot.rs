//! The topology for Graphviz: one graph, a cluster for each path (<https://graphviz.org/doc/info/lang.html>).

use std::fmt::Write as _;

use super::Document;
use super::graph::{Figure, Look, Stroke, figures};

/// The graph of a document.
pub fn render(document: Document<'_>) -> String {
    let mut text = String::from(
        "digraph nwcheck {\n  graph [fontname=\"sans-serif\", labeljust=l];\n  node [shape=box, style=rounded, fontname=\"sans-serif\"];\n  edge [arrowsize=0.7];\n",
    );
    for (number, figure) in figures(document).iter().enumerate() {
        cluster(&mut text, number, figure);
    }
    text.push_str("}\n");
    text
}

fn cluster(text: &mut String, number: usize, figure: &Figure) {
    // Writing to a string can't fail.
    let _ = writeln!(
        text,
        "  subgraph cluster_{number} {{\n    label={};",
        quoted(std::slice::from_ref(&figure.title))
    );
    for (at, shape) in figure.shapes.iter().enumerate() {
        let look = match shape.look {
            Look::Source => ", shape=ellipse, style=solid",
            Look::Router => "",
            Look::Destination => ", style=\"rounded,bold\", peripheries=2",
            Look::Silent => ", style=\"rounded,dashed\"",
            Look::Broken => ", style=\"rounded,bold\", color=red, fontcolor=red",
        };
        let _ = writeln!(
            text,
            "    n{number}_{at} [label={}{look}];",
            quoted(&shape.lines)
        );
    }
    for arrow in &figure.arrows {
        let look = match arrow.line {
            Stroke::Whole => "",
            Stroke::Dashed => " [style=dashed]",
            Stroke::Cut => " [style=dashed, color=red, arrowhead=tee]",
        };
        let _ = writeln!(
            text,
            "    n{number}_{} -> n{number}_{}{look};",
            arrow.from, arrow.to
        );
    }
    text.push_str("  }\n");
}

/// Lines as one string: nothing in them ends it, escapes, or is read as an entity.
fn quoted(lines: &[String]) -> String {
    let safe: Vec<String> = lines
        .iter()
        .map(|line| {
            line.replace('\\', "\\\\")
                .replace('"', "\\\"")
                .replace('&', "&amp;")
        })
        .collect();
    format!("\"{}\"", safe.join("\\n"))
}

#[cfg(test)]
mod tests {
    use super::render;
    use crate::report::{Document, fixtures, graph::samples};

    /// The text with its strings taken out, and the strings: what a reader of the language sees.
    fn parsed(text: &str) -> (String, Vec<String>) {
        let mut strings = Vec::new();
        let mut rest = String::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            if c != '"' {
                rest.push(c);
                continue;
            }
            let mut string = String::new();
            loop {
                match chars.next().expect("a string has no end") {
                    '"' => break,
                    '\\' => {
                        string.push('\\');
                        string.push(chars.next().expect("a string has no end"));
                    }
                    c => string.push(c),
                }
            }
            rest.push_str("STRING");
            strings.push(string);
        }
        (rest, strings)
    }

    #[test]
    fn each_arrow_is_a_link_or_leads_from_here() {
        for (name, path) in samples::all() {
            let report = samples::report(&path);
            let text = render(Document::Report(&report));
            let (rest, _) = parsed(&text);
            let graph = super::super::graph::Graph::of(&path, &report.endpoints[0]);
            let first = graph.vertices.iter().filter(|v| v.first == 1).count();
            assert_eq!(
                rest.matches(" -> ").count(),
                graph.links.len() + first,
                "{name}: {text}"
            );
            assert_eq!(rest.matches('{').count(), rest.matches('}').count());
        }
    }

    #[test]
    fn a_hostile_name_stays_within_its_string() {
        for (name, report) in fixtures::all() {
            let (rest, strings) = parsed(&render(Document::Report(&report)));
            assert!(!rest.contains('<') && rest.is_ascii(), "{name}: {rest}");
            assert!(strings.iter().all(|s| !s.contains('\n')), "{name}");
        }
        let path = samples::flows(&["1.1 2.1!"])
            .with("1.1", |node| node.name = Some(samples::HOSTILE.to_owned()))
            .target(&["2.1"]);
        let (rest, strings) = parsed(&render(Document::Report(&samples::report(&path))));
        assert!(!rest.contains("script"), "{rest}");
        let label = strings.iter().find(|s| s.contains("script")).unwrap();
        assert!(
            label.contains("\\\"gw\\\"") && label.contains("\\\\N"),
            "{label}"
        );
    }

    #[test]
    fn a_fault_stands_at_the_host_that_has_it() {
        let all = fixtures::all();
        let (_, report) = all.iter().find(|(name, _)| *name == "port-closed").unwrap();
        let text = render(Document::Report(report));
        let broken: Vec<&str> = text
            .lines()
            .filter(|line| line.contains("color=red"))
            .collect();
        assert_eq!(broken.len(), 1, "{text}");
        assert!(
            broken[0].contains("192.0.2.7\\nhop 4") && broken[0].contains("port-closed"),
            "{broken:?}"
        );
    }

    #[test]
    fn several_targets_are_clusters_of_one_graph() {
        let batch = fixtures::batch();
        let (rest, strings) = parsed(&render(Document::Batch(&batch)));
        assert_eq!(
            rest.matches("subgraph cluster_").count(),
            batch.reports.len()
        );
        assert_eq!(rest.matches("digraph").count(), 1);
        assert!(
            strings.iter().any(|s| s.ends_with("TCP/5432 ends here")),
            "{strings:?}"
        );
    }
}
