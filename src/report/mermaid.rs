//! The topology for Mermaid, which tickets and documents draw: one flow chart, a subgraph for each path
//! (<https://mermaid.js.org/syntax/flowchart.html>).

use std::fmt::Write as _;

use super::Document;
use super::graph::{Figure, Look, Stroke, figures};

/// The flow chart of a document.
pub fn render(document: Document<'_>) -> String {
    let mut text = String::from("flowchart TD\n");
    let mut looks: [(&str, Look, Vec<String>); 3] = [
        (
            "destination stroke-width:3px",
            Look::Destination,
            Vec::new(),
        ),
        ("silent stroke-dasharray:4 4", Look::Silent, Vec::new()),
        (
            "broken stroke:#d1242f,stroke-width:3px,color:#d1242f,fill:#fff",
            Look::Broken,
            Vec::new(),
        ),
    ];
    for (number, figure) in figures(document).iter().enumerate() {
        subgraph(&mut text, number, figure);
        for (at, shape) in figure.shapes.iter().enumerate() {
            for (_, look, places) in &mut looks {
                if *look == shape.look {
                    places.push(format!("n{number}_{at}"));
                }
            }
        }
    }
    for (class, _, places) in looks {
        if !places.is_empty() {
            let name = class.split(' ').next().unwrap_or_default();
            // Writing to a string can't fail.
            let _ = writeln!(
                text,
                "  classDef {class}\n  class {} {name}",
                places.join(",")
            );
        }
    }
    text
}

fn subgraph(text: &mut String, number: usize, figure: &Figure) {
    let _ = writeln!(
        text,
        "  subgraph s{number}[{}]",
        quoted(std::slice::from_ref(&figure.title))
    );
    for (at, shape) in figure.shapes.iter().enumerate() {
        let (open, close) = match shape.look {
            Look::Source | Look::Destination => ("([", "])"),
            Look::Router | Look::Silent | Look::Broken => ("[", "]"),
        };
        let _ = writeln!(
            text,
            "    n{number}_{at}{open}{}{close}",
            quoted(&shape.lines)
        );
    }
    for arrow in &figure.arrows {
        let line = match arrow.line {
            Stroke::Whole => "-->",
            Stroke::Dashed => "-.->",
            Stroke::Cut => "-.-x",
        };
        let _ = writeln!(
            text,
            "    n{number}_{} {line} n{number}_{}",
            arrow.from, arrow.to
        );
    }
    text.push_str("  end\n");
}

/// Lines as one string: all but letters, digits and what is harmless is written as the number of its character, which Mermaid shows as
/// that character and never reads as its own signs, as Markdown or as HTML.
fn quoted(lines: &[String]) -> String {
    // Mermaid looks for style statements with a pattern of its own, also within strings; it needs a colon.
    let styled = lines
        .iter()
        .any(|line| line.contains("style") || line.contains("classDef"));
    let harmless = if styled { " .,%/()-" } else { " .,:%/()-" };
    let mut text = String::from("\"");
    for (number, line) in lines.iter().enumerate() {
        if number > 0 {
            text.push_str("<br/>");
        }
        for c in line.chars() {
            if c.is_alphanumeric() || harmless.contains(c) {
                text.push(c);
            } else {
                let _ = write!(text, "#{};", u32::from(c));
            }
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use super::{quoted, render};
    use crate::report::{Document, fixtures, graph::samples};

    #[test]
    fn each_arrow_is_a_link_or_leads_from_here() {
        for (name, path) in samples::all() {
            let report = samples::report(&path);
            let text = render(Document::Report(&report));
            let graph = super::super::graph::Graph::of(&path, &report.endpoints[0]);
            let first = graph.vertices.iter().filter(|v| v.first == 1).count();
            let arrows = text
                .lines()
                .filter(|line| {
                    [" --> ", " -.-> ", " -.-x "]
                        .iter()
                        .any(|a| line.contains(a))
                })
                .count();
            assert_eq!(arrows, graph.links.len() + first, "{name}: {text}");
        }
    }

    #[test]
    fn a_hostile_name_stays_text() {
        let name = quoted(&[crate::model::text::escape(samples::HOSTILE)]);
        let inner = name.trim_matches('"');
        for sign in [
            "\"", "<", ">", "`", "|", "[", "]", "&", "\\", "#quot", "--&",
        ] {
            assert!(!inner.contains(sign), "{sign}: {inner}");
        }
        assert!(inner.contains("#60;script#62;alert(1)"), "{inner}");
        let styled = quoted(&["style n0 fill:#fff;".to_owned()]);
        assert!(!styled.contains(':'), "{styled}");
        for (name, report) in fixtures::all() {
            let text = render(Document::Report(&report));
            for line in text.lines() {
                assert!(line.matches('"').count() % 2 == 0, "{name}: {line}");
                assert!(
                    !line.chars().any(crate::model::text::deceives),
                    "{name}: {line}"
                );
            }
        }
    }

    #[test]
    fn several_targets_are_subgraphs_of_one_chart() {
        let batch = fixtures::batch();
        let text = render(Document::Batch(&batch));
        assert_eq!(text.matches("  subgraph ").count(), batch.reports.len());
        assert_eq!(
            text.lines().filter(|line| *line == "  end").count(),
            batch.reports.len()
        );
        assert!(
            text.starts_with("flowchart TD\n") && text.contains("class n1_3 broken\n"),
            "{text}"
        );
    }
}
