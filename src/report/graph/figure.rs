//! The topology alone, as the forms for tickets and documents show it: shapes with lines of text, and arrows between them.

use std::collections::BTreeSet;

use super::{Break, Graph, Kind, Layers, Vertex, break_of, remarks};
use crate::model::Report;
use crate::model::finding::Severity;
use crate::model::report::EndpointReport;
use crate::model::text::{count, escape};
use crate::model::topology::Path;
use crate::report::Document;

/// A path to one address, or the word that there is none. Its text is safe for a terminal; each form escapes it for its own readers.
pub(in crate::report) struct Figure {
    /// Whose path it is, and what came of the check.
    pub title: String,
    /// This machine first, then what stands in the graph, in its order.
    pub shapes: Vec<Shape>,
    /// Which shapes follow one another.
    pub arrows: Vec<Arrow>,
    /// Where what stands in the graph is put, by its positions; none where it is too large to be laid out.
    pub layers: Option<Layers>,
}

/// A box.
pub(in crate::report) struct Shape {
    /// What stands in it.
    pub lines: Vec<String>,
    /// How it looks.
    pub look: Look,
}

/// How a box looks; what it means stands in its text, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::report) enum Look {
    /// This machine.
    Source,
    /// It answered on the way.
    Router,
    /// The target.
    Destination,
    /// Nothing answered.
    Silent,
    /// It breaks here.
    Broken,
}

/// Two shapes that follow one another, by their positions.
pub(in crate::report) struct Arrow {
    /// The nearer.
    pub from: usize,
    /// The farther.
    pub to: usize,
    /// How sure it is.
    pub line: Stroke,
}

/// How an arrow looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::report) enum Stroke {
    /// Both ends answered.
    Whole,
    /// One end is silent.
    Dashed,
    /// Nothing that answers is reached by it.
    Cut,
}

/// A figure for each path, in the order of the reports.
pub(in crate::report) fn figures(document: Document<'_>) -> Vec<Figure> {
    document.reports().iter().flat_map(of_report).collect()
}

fn of_report(report: &Report) -> Vec<Figure> {
    let traced: Vec<(&EndpointReport, &Path)> = report
        .endpoints
        .iter()
        .filter_map(|endpoint| Some((endpoint, endpoint.path.as_ref()?)))
        .filter(|(_, path)| !path.hops.is_empty())
        .collect();
    if traced.is_empty() {
        return vec![Figure {
            title: escape(&report.summary),
            shapes: vec![source(report)],
            arrows: Vec::new(),
            layers: Some(Layers {
                rows: Vec::new(),
                between: Vec::new(),
                gaps: Vec::new(),
            }),
        }];
    }
    let several = report.endpoints.len() > 1;
    traced
        .into_iter()
        .map(|(endpoint, path)| {
            let title = if several {
                format!(
                    "{} is {}; {}",
                    endpoint.endpoint(),
                    endpoint.status.as_str(),
                    escape(&report.summary)
                )
            } else {
                escape(&report.summary)
            };
            of_path(report, endpoint, path, title)
        })
        .collect()
}

/// The figure of one path: what stands in [`Graph::of`] it, behind this machine.
pub(in crate::report) fn of_path(
    report: &Report,
    endpoint: &EndpointReport,
    path: &Path,
    title: String,
) -> Figure {
    let graph = Graph::of(path, endpoint);
    let broken = break_of(report, endpoint, path).or_else(|| fault_of(report, endpoint));
    let at_break = broken
        .as_ref()
        .map(|broken| breaks_at(&graph, broken))
        .unwrap_or_default();
    let hopeless = graph.hopeless();
    let dead = graph.dead_ends();
    let mut shapes = vec![source(report)];
    for (at, vertex) in graph.vertices.iter().enumerate() {
        let mark = broken
            .as_ref()
            .filter(|_| at_break.contains(&at))
            .map(|broken| broken.text.as_str());
        let mut lines = lines(vertex, dead.contains(&at));
        let back = graph.backward.iter().filter(|(from, _)| *from == at);
        lines.extend(
            back.filter_map(|(_, to)| graph.vertices.get(*to))
                .map(|to| format!("leads back to hop {}", to.distances())),
        );
        lines.extend(mark.map(str::to_owned));
        shapes.push(Shape {
            lines,
            look: if mark.is_some() || dead.contains(&at) {
                Look::Broken
            } else {
                match vertex.kind {
                    Kind::Router => Look::Router,
                    Kind::Destination => Look::Destination,
                    Kind::Silent => Look::Silent,
                }
            },
        });
    }
    // The first hop is one hop from here, whatever answers there.
    let first = graph
        .vertices
        .iter()
        .enumerate()
        .filter(|(_, vertex)| vertex.first == 1)
        .map(|(at, _)| (0, at + 1));
    let links = graph.links.iter().map(|(from, to)| (from + 1, to + 1));
    let arrows = first
        .chain(links)
        .map(|(from, to)| {
            let silent = |at: usize| {
                at.checked_sub(1)
                    .and_then(|at| graph.vertices.get(at))
                    .is_some_and(|vertex| vertex.kind == Kind::Silent)
            };
            Arrow {
                from,
                to,
                line: if hopeless.get(to - 1) == Some(&true) {
                    Stroke::Cut
                } else if silent(from) || silent(to) {
                    Stroke::Dashed
                } else {
                    Stroke::Whole
                },
            }
        })
        .collect();
    Figure {
        title,
        shapes,
        arrows,
        layers: Layers::of(&graph, &graph.links, &BTreeSet::new()),
    }
}

/// What is wrong at a place to which the path itself leads: a host that refuses, say.
fn fault_of(report: &Report, endpoint: &EndpointReport) -> Option<Break> {
    let finding = report.cause_finding()?;
    let here = finding.endpoint.as_ref();
    if finding.severity == Severity::Info || here.is_some_and(|here| *here != endpoint.endpoint()) {
        return None;
    }
    Some(Break {
        after: finding.hop?,
        // What it says in words is the title of the figure.
        text: finding.id.to_string(),
        ends: false,
        address: finding.address.clone(),
    })
}

/// The vertices at which a path breaks: of the address that the finding names, else all that answered at that distance.
fn breaks_at(graph: &Graph<'_>, broken: &Break) -> Vec<usize> {
    let there: Vec<usize> = (0..graph.vertices.len())
        .filter(|at| {
            graph.vertices.get(*at).is_some_and(|vertex| {
                vertex.kind != Kind::Silent && vertex.ttls.contains(&broken.after)
            })
        })
        .collect();
    let named: Vec<usize> = there
        .iter()
        .copied()
        .filter(|at| {
            broken.address.is_some()
                && graph.vertices.get(*at).and_then(Vertex::address) == broken.address.as_ref()
        })
        .collect();
    if named.is_empty() { there } else { named }
}

fn source(report: &Report) -> Shape {
    let mut lines = vec!["this machine".to_owned()];
    lines.extend(report.source.host.as_deref().map(escape));
    lines.extend(report.source.address.as_ref().map(ToString::to_string));
    Shape {
        lines,
        look: Look::Source,
    }
}

fn lines(vertex: &Vertex<'_>, dead: bool) -> Vec<String> {
    let mut lines = Vec::new();
    let node = vertex.node();
    lines.extend(node.and_then(|node| node.name.as_deref()).map(escape));
    lines.push(
        vertex
            .address()
            .map_or("no answer".to_owned(), ToString::to_string),
    );
    let hops = if vertex.ttls.len() == 1 {
        "hop"
    } else {
        "hops"
    };
    let time = vertex
        .average()
        .map(|ms| format!(", {ms}"))
        .unwrap_or_default();
    lines.push(format!("{hops} {}{time}", vertex.distances()));
    if vertex.kind == Kind::Silent {
        let sent: u32 = vertex
            .nodes
            .iter()
            .fold(0, |sum, node| sum.saturating_add(node.sent));
        lines.push(format!("{} unanswered", count(sent, "probe")));
    }
    if let Some(system) = node.and_then(|node| node.autonomous_system.as_ref()) {
        let name = system.name.as_deref().map(escape).unwrap_or_default();
        lines.push(format!("AS{} {name}", system.number).trim_end().to_owned());
    }
    lines.extend(remarks(vertex, dead, false));
    lines
}
