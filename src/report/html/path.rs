//! The path to one address: as a picture in which each hop leads to its row, and as a table that has all numbers.

use super::markup::Markup;
use super::table::{self, Cell, Row};
use crate::model::Report;
use crate::model::report::EndpointReport;
use crate::model::text::escape;
use crate::model::topology::Path;
use crate::report::graph::{Break, Graph, Kind, Vertex, break_of, of_path, remarks, summary};
use crate::report::svg::{self, Around, Note};
use crate::report::text::path::{arrows, label};

/// Puts a path. Ids in it begin with the prefix.
pub(super) fn put(
    markup: &mut Markup,
    prefix: &str,
    report: &Report,
    endpoint: &EndpointReport,
    path: &Path,
) {
    let graph = Graph::of(path, endpoint);
    let broken = break_of(report, endpoint, path);
    let to = endpoint.endpoint().to_string();
    if let Some(broken) = &broken {
        markup.element("p", &[("class", "broken")], |m| m.text(&told(broken)));
    }
    picture(markup, prefix, report, endpoint, path, &graph, &to);
    let dead = graph.dead_ends();
    let rows: Vec<Row> = graph
        .vertices
        .iter()
        .enumerate()
        .filter_map(|(at, _)| row(prefix, &graph, at, dead.contains(&at), broken.as_ref()))
        .collect();
    let columns = [
        "hop", "address", "name", "AS", "sent", "answered", "min", "avg", "max", "remarks",
    ];
    let caption = format!("The hops to {to}");
    table::put(markup, &format!("{prefix}hops"), &caption, &columns, &rows);
    let mut said = summary(path, &graph, true);
    if !path.complete && !path.reached {
        said.push("the trace was not carried to its end".to_owned());
    }
    if !said.is_empty() {
        markup.element("ul", &[], |m| {
            for one in &said {
                m.says("li", &[], one);
            }
        });
    }
}

/// Where it breaks, in words.
fn told(broken: &Break) -> String {
    let at = broken
        .address
        .as_ref()
        .map(|address| format!(" ({address})"))
        .unwrap_or_default();
    format!("At hop {}{at}: {}.", broken.after, broken.text)
}

fn picture(
    markup: &mut Markup,
    prefix: &str,
    report: &Report,
    endpoint: &EndpointReport,
    path: &Path,
    graph: &Graph<'_>,
    to: &str,
) {
    let figure = of_path(report, endpoint, path, String::new());
    let mut notes = vec![Note {
        text: figure
            .shapes
            .first()
            .map(|shape| shape.lines.join("; "))
            .unwrap_or_default(),
        leads_to: None,
    }];
    notes.extend(graph.vertices.iter().enumerate().map(|(at, vertex)| Note {
        text: numbers(vertex),
        leads_to: Some(format!("{prefix}v{at}")),
    }));
    let around = Around {
        prefix,
        notes: &notes,
    };
    let (body, width, height) = svg::part(&figure, &around);
    markup.element("figure", &[("class", "topology")], |m| {
        let name = format!("{prefix}path");
        m.element("figcaption", &[("id", &name)], |m| {
            m.text(&format!(
                "The path to {to}, from above: each box leads to its row in the table below"
            ));
        });
        let group = [
            ("class", "scroll tall"),
            ("role", "group"),
            ("aria-labelledby", name.as_str()),
            ("tabindex", "0"),
        ];
        m.element("div", &group, |m| {
            let (w, h) = (width.to_string(), height.to_string());
            let view = format!("0 0 {width} {height}");
            let svg = [("viewBox", view.as_str()), ("width", &w), ("height", &h)];
            m.element("svg", &svg, |m| m.raw(&body));
        });
    });
}

/// What a box tells to who points at it, beside what stands in it.
fn numbers(vertex: &Vertex<'_>) -> String {
    let (sent, answered) = counts(vertex);
    let mut told = vec![format!("hop {}", vertex.distances())];
    told.push(match vertex.address() {
        Some(address) => format!("{address}: {answered} of {sent} answered"),
        None => format!("no answer to {sent}"),
    });
    let (min, max) = extremes(vertex);
    if let (Some(min), Some(max)) = (min, max) {
        told.push(format!("{min} to {max}"));
    }
    told.join("; ")
}

fn counts(vertex: &Vertex<'_>) -> (u32, u32) {
    vertex
        .nodes
        .iter()
        .fold((0, 0), |(sent, answered): (u32, u32), node| {
            (
                sent.saturating_add(node.sent),
                answered.saturating_add(node.answered),
            )
        })
}

fn extremes(vertex: &Vertex<'_>) -> (Option<crate::model::Ms>, Option<crate::model::Ms>) {
    let all = || vertex.nodes.iter();
    (
        all().filter_map(|node| node.min_ms).min(),
        all().filter_map(|node| node.max_ms).max(),
    )
}

fn row(
    prefix: &str,
    graph: &Graph<'_>,
    at: usize,
    dead: bool,
    broken: Option<&Break>,
) -> Option<Row> {
    let vertex = graph.vertices.get(at)?;
    let node = vertex.node();
    let silent = vertex.kind == Kind::Silent;
    let breaks = broken.filter(|broken| {
        let whose = broken.address.as_ref();
        !silent
            && vertex.ttls.contains(&broken.after)
            && whose.is_none_or(|address| vertex.address() == Some(address))
    });
    let (sent, answered) = counts(vertex);
    let (min, max) = extremes(vertex);
    let system = node
        .and_then(|node| node.autonomous_system.as_ref())
        .map(|system| {
            let name = system.name.as_deref().map(escape).unwrap_or_default();
            format!("AS{} {name}", system.number).trim_end().to_owned()
        });
    let mut said: Vec<String> = breaks
        .map(|broken| broken.text.clone())
        .into_iter()
        .collect();
    said.extend(remarks(vertex, dead, true));
    // Of a straight path the order of the rows says what follows.
    if !graph.straight() {
        let links = graph.links.iter();
        said.extend(arrows(graph, at, links));
    }
    let hop = if graph.straight() {
        vertex.distances()
    } else {
        label(vertex)
    };
    Some(Row {
        id: Some(format!("{prefix}v{at}")),
        class: if breaks.is_some() || dead {
            "bad"
        } else if silent {
            "silent"
        } else {
            ""
        },
        cells: vec![
            Cell::number(hop, at as f64 + 1.0),
            match vertex.address() {
                Some(address) => Cell::name(address.to_string()),
                None => Cell::text("no answer"),
            },
            Cell::name(
                node.and_then(|node| node.name.as_deref())
                    .map(escape)
                    .unwrap_or_default(),
            ),
            Cell::name(system.unwrap_or_default()),
            Cell::count(sent),
            Cell::count(answered),
            Cell::time(min),
            Cell::time(vertex.average()),
            Cell::time(max),
            Cell::text(said.join("; ")),
        ],
    })
}
