//! The path: who answered at which distance, how the ways part and meet, where nothing answers, and where it breaks.
//!
//! A straight path is a table of hops. One that branches has lanes beside the rows (`lanes`); where those have no room, or a mesh has no
//! such form, the rows say with arrows what follows them.

mod lanes;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use unicode_width::UnicodeWidthStr as _;

use super::layout::{GUTTER, Ink, Page, gutter};
use super::table::Table;
use crate::model::report::EndpointReport;
use crate::model::target::Protocol;
use crate::model::text::escape;
use crate::model::topology::{Hop, Path};
use crate::model::{Ms, Report};
use crate::report::graph::{Break, Graph, Kind, Vertex, break_of, remarks, summary};
use lanes::{Drawing, Line, Pen};

/// A path that is as it should be is drawn whole up to so many rows; of a longer one the ends are shown.
const WHOLE: usize = 9;
/// So many rows at each end are shown of a long path.
const ENDS: usize = 3;
/// Columns that a round trip takes with the gap before it.
const TIME: usize = 10;

/// Where the columns of the table are.
const LANES: usize = 1;
const COLUMNS: usize = 10;

/// Puts a path on the page.
pub(super) fn show(
    page: &mut Page<'_>,
    report: &Report,
    endpoint: &EndpointReport,
    path: &Path,
    whole: bool,
    verbose: bool,
) {
    let mut table = if verbose {
        Table::new(&[
            "", "", "address", "name", "AS", "min", "avg", "max", "answered", "",
        ])
    } else {
        Table::new(&[""; COLUMNS])
    };
    table.right(&[0, 5, 6, 7, 8]);
    table.beneath(&[3, 4, 9]);
    let mark = break_of(report, endpoint, path);
    let whole = whole || mark.is_some() || report.target.protocol == Protocol::Trace;
    let mut rows = Rows {
        table,
        verbose,
        ascii: page.ascii(),
        room: page.width().saturating_sub(GUTTER),
        mark: mark.as_ref(),
    };
    for part in parts(path, whole) {
        match part {
            Part::Shown(part) => rows.put(&Graph::of(&part, endpoint)),
            Part::Left(hops) => rows.left(hops),
        }
    }
    let mut table = rows.table;
    if !path.complete && !path.reached {
        table.across(Ink::Faint, "the trace was not carried to its end");
    }
    let label = if report.endpoints.len() > 1 {
        page.field("path", &format!("to {}", endpoint.endpoint()));
        gutter("")
    } else {
        gutter("path")
    };
    table.show(page, GUTTER, &label);
    for said in summary(path, &Graph::of(path, endpoint), verbose) {
        page.field("", &said);
    }
}

/// A part of the path that is told in one go.
enum Part<'p> {
    /// It is drawn.
    Shown(std::borrow::Cow<'p, Path>),
    /// All is well, and it is left out.
    Left(&'p [Hop]),
}

/// The whole path, or its ends and what is left out between.
fn parts(path: &Path, whole: bool) -> Vec<Part<'_>> {
    let all = || vec![Part::Shown(std::borrow::Cow::Borrowed(path))];
    let rows = |hop: &Hop| hop.nodes.len();
    if whole || path.hops.iter().map(rows).sum::<usize>() <= WHOLE {
        return all();
    }
    let within = |hops: &mut dyn Iterator<Item = &Hop>| {
        let mut room = ENDS;
        hops.take_while(|hop| {
            let fits = rows(hop) <= room;
            room = room.saturating_sub(rows(hop));
            fits
        })
        .count()
    };
    let near = within(&mut path.hops.iter());
    let far = path.hops.len() - within(&mut path.hops.iter().rev());
    let shown = |hops: &[Hop]| {
        Part::Shown(std::borrow::Cow::Owned(Path {
            hops: hops.to_vec(),
            ..path.clone()
        }))
    };
    match (
        path.hops.get(..near),
        path.hops.get(near..far),
        path.hops.get(far..),
    ) {
        (Some(first), Some(left), Some(last)) if !left.is_empty() => {
            vec![shown(first), Part::Left(left), shown(last)]
        }
        _ => all(),
    }
}

/// The table under construction.
struct Rows<'m> {
    table: Table,
    verbose: bool,
    ascii: bool,
    /// Columns that the table may take.
    room: usize,
    /// What is still to be marked.
    mark: Option<&'m Break>,
}

impl Rows<'_> {
    fn put(&mut self, graph: &Graph<'_>) {
        if graph.straight() {
            self.straight(graph);
        } else if let Some(drawing) = self.drawing(graph) {
            self.drawn(graph, &drawing);
        } else {
            self.listed(graph);
        }
        if let Some(mark) = self.mark.take_if(|mark| {
            let farthest = graph.vertices.iter().map(|vertex| vertex.last).max();
            farthest.is_none_or(|last| last >= mark.after)
        }) {
            self.across(mark);
        }
    }

    fn across(&mut self, mark: &Break) {
        self.table.across(Ink::Bad, format!("╌╌ {} ╌╌", mark.text));
    }

    /// Puts the mark before the first row behind its place.
    fn mark_before(&mut self, first: u8) {
        if let Some(mark) = self.mark.take_if(|mark| first > mark.after) {
            self.across(mark);
        }
    }

    /// One row for each hop.
    fn straight(&mut self, graph: &Graph<'_>) {
        for vertex in &graph.vertices {
            self.mark_before(vertex.first);
            if vertex.kind == Kind::Silent {
                self.table.spread(vertex.distances(), "*  no answer");
            } else {
                let cells = self.cells(vertex, vertex.distances(), false, None);
                self.table.row(Ink::Faint, cells);
            }
        }
    }

    /// The lanes, where there is room for them.
    fn drawing(&self, graph: &Graph<'_>) -> Option<Drawing> {
        let address = graph.vertices.iter().map(|v| address(v).width()).max();
        let address = address.unwrap_or(0);
        let first = Self::first(graph);
        let room = self.room.checked_sub(first + 4 + address + TIME)?;
        [2, 1].into_iter().find_map(|pitch| {
            let pen = Pen {
                ascii: self.ascii,
                pitch,
            };
            lanes::draw(graph, pen, self.mark.map(|mark| mark.after))
                .filter(|drawing| drawing.width <= room)
        })
    }

    /// Columns that the first column takes at most.
    fn first(graph: &Graph<'_>) -> usize {
        let all = graph.vertices.iter();
        all.map(|v| v.distances().width().max(label(v).width()))
            .max()
            .unwrap_or(0)
    }

    /// Rows with lanes.
    fn drawn(&mut self, graph: &Graph<'_>, drawing: &Drawing) {
        let named = !drawing.listed.is_empty() || !graph.backward.is_empty();
        let dead = graph.dead_ends();
        for line in &drawing.lines {
            match line {
                Line::Vertex { at, lanes, below } => {
                    let Some(vertex) = graph.vertices.get(*at) else {
                        continue;
                    };
                    let label = if named {
                        label(vertex)
                    } else {
                        vertex.distances()
                    };
                    let follows = arrows(graph, *at, drawing.listed.iter());
                    let mut cells = self.cells(vertex, label, dead.contains(at), follows);
                    if let Some(cell) = cells.get_mut(LANES) {
                        lanes.clone_into(cell);
                    }
                    let ink = if dead.contains(at) {
                        Ink::Bad
                    } else {
                        Ink::Faint
                    };
                    self.table.lanes(ink, cells, below.clone());
                }
                Line::Between(lanes) if lanes.is_empty() => {
                    let said = if named {
                        "(→ says what follows)"
                    } else {
                        "(no link was seen)"
                    };
                    self.table.between(Ink::Faint, "", said);
                }
                Line::Between(lanes) => self.table.between(Ink::Plain, lanes, ""),
                Line::Mark(lanes) => match self.mark.take() {
                    Some(mark) if lanes.is_empty() => self.across(mark),
                    Some(mark) => {
                        let said = format!("╌╌ {} ╌╌", mark.text);
                        let before = Self::first(graph) + 4 + drawing.width;
                        if before + said.width() <= self.room {
                            self.table.between(Ink::Bad, lanes, said);
                        } else {
                            self.table.between(Ink::Bad, lanes, "");
                            self.across(mark);
                        }
                    }
                    None => {}
                },
            }
        }
    }

    /// Rows that say what follows them.
    fn listed(&mut self, graph: &Graph<'_>) {
        let dead = graph.dead_ends();
        let (before, after) = (graph.predecessors(), graph.successors());
        for (at, vertex) in graph.vertices.iter().enumerate() {
            self.mark_before(vertex.first);
            // What is alone behind what is alone needs no arrow.
            let chained = after.get(at).is_some_and(|after| {
                after.as_slice() == [at + 1]
                    && before
                        .get(at + 1)
                        .is_some_and(|before| before.as_slice() == [at])
            });
            let links: &[(usize, usize)] = if chained { &[] } else { &graph.links };
            let follows = arrows(graph, at, links.iter());
            let cells = self.cells(vertex, label(vertex), dead.contains(&at), follows);
            let ink = if dead.contains(&at) {
                Ink::Bad
            } else {
                Ink::Faint
            };
            self.table.row(ink, cells);
        }
    }

    /// What is left out.
    fn left(&mut self, hops: &[Hop]) {
        let (Some(first), Some(last)) = (hops.first(), hops.last()) else {
            return;
        };
        let slowest: Option<Ms> = hops
            .iter()
            .flat_map(|hop| &hop.nodes)
            .filter_map(|node| node.avg_ms)
            .max();
        let most = slowest
            .map(|ms| format!(", up to {ms}"))
            .unwrap_or_default();
        let beside = hops.iter().map(|hop| hop.nodes.len()).max().unwrap_or(0);
        let wide = if beside > 1 {
            format!(", up to {beside} routers side by side")
        } else {
            String::new()
        };
        let range = if first.ttl == last.ttl {
            first.ttl.to_string()
        } else {
            format!("{}–{}", first.ttl, last.ttl)
        };
        self.table.spread(
            range,
            format!("{} more{wide}{most} (-v shows them)", hops.len()),
        );
    }

    fn cells(
        &self,
        vertex: &Vertex<'_>,
        label: String,
        dead: bool,
        follows: Option<String>,
    ) -> Vec<String> {
        let time = |ms: Option<Ms>| ms.map(|ms| ms.to_string()).unwrap_or_default();
        let Some(node) = vertex.node() else {
            return Vec::new();
        };
        let silent = vertex.kind == Kind::Silent;
        let system = node
            .autonomous_system
            .as_ref()
            .map(|system| match &system.name {
                Some(name) if self.verbose => format!("AS{} {}", system.number, escape(name)),
                _ => format!("AS{}", system.number),
            });
        let (sent, answered) =
            vertex
                .nodes
                .iter()
                .fold((0_u32, 0_u32), |(sent, answered), node| {
                    (
                        sent.saturating_add(node.sent),
                        answered.saturating_add(node.answered),
                    )
                });
        let mut said = Vec::new();
        if !self.verbose && label == vertex.id() && vertex.ttls.len() > 1 && !silent {
            said.push(format!("at hops {}", vertex.distances()));
        }
        said.extend(remarks(vertex, dead, self.verbose));
        said.extend(follows);
        vec![
            label,
            String::new(),
            address(vertex),
            node.name.as_deref().map(escape).unwrap_or_default(),
            system.unwrap_or_default(),
            time(
                vertex
                    .nodes
                    .iter()
                    .filter_map(|node| node.min_ms)
                    .min()
                    .filter(|_| self.verbose),
            ),
            time(vertex.average()),
            time(
                vertex
                    .nodes
                    .iter()
                    .filter_map(|node| node.max_ms)
                    .max()
                    .filter(|_| self.verbose),
            ),
            if self.verbose && !silent {
                format!("{answered}/{sent}")
            } else {
                String::new()
            },
            said.join("; "),
        ]
    }
}

/// What stands in the column of addresses.
fn address(vertex: &Vertex<'_>) -> String {
    vertex
        .address()
        .map_or("no answer".to_owned(), ToString::to_string)
}

/// How a vertex is called where others point at it.
pub(in crate::report) fn label(vertex: &Vertex<'_>) -> String {
    if vertex.kind == Kind::Silent && vertex.first != vertex.last {
        vertex.distances()
    } else {
        escape(vertex.id())
    }
}

/// What follows a vertex, of some links and all those that lead back: `→ 3.1, 3.2`.
pub(in crate::report) fn arrows<'l>(
    graph: &'l Graph<'_>,
    at: usize,
    links: impl Iterator<Item = &'l (usize, usize)>,
) -> Option<String> {
    let next: BTreeSet<usize> = links
        .chain(&graph.backward)
        .filter(|(from, _)| *from == at)
        .map(|(_, to)| *to)
        .collect();
    let called: Vec<String> = next
        .iter()
        .filter_map(|to| graph.vertices.get(*to))
        .map(label)
        .collect();
    let run = next
        .first()
        .zip(next.last())
        .is_some_and(|(first, last)| last - first + 1 == next.len());
    match called.as_slice() {
        [] => None,
        [first, .., last] if run && called.len() > 3 => Some(format!("→ {first} to {last}")),
        several => Some(format!("→ {}", several.join(", "))),
    }
}
