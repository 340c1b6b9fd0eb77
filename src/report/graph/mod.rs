//! A path as a graph that can be drawn: what every picture of it is made from.
//!
//! The report keeps what answered at each distance. A router at the end of arms of unequal length answers at several distances, and
//! stands there as several nodes; here it is one [`Vertex`], unless that would close a circle: then a flow met it twice, and it is
//! drawn twice. A run of silence is one vertex. Links are those of the path and no others.

mod ends;
mod figure;
mod merge;
mod order;
#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use crate::model::report::EndpointReport;
use crate::model::topology::{Node, Path, Rewritten};
use crate::model::{Address, Ms};

pub(super) use ends::{Break, break_of};
pub(super) use figure::{Arrow, Figure, Look, Stroke, figures, of_path};
pub(super) use order::{Gap, Layers, Place};
pub(super) use words::{remarks, summary};

/// One router, the destination, or silence.
#[derive(Debug, Clone)]
pub(super) struct Vertex<'p> {
    /// What it is in the report, nearest first; never empty.
    pub nodes: Vec<&'p Node>,
    /// The nearest distance at which it was met.
    pub first: u8,
    /// The farthest.
    pub last: u8,
    /// All distances at which it was met, in order.
    pub ttls: Vec<u8>,
    /// What it is.
    pub kind: Kind,
    /// The distance at which the same address stands already, as another vertex: a loop, or routes that changed.
    pub again: Option<u8>,
    /// The fate of the flows that pass here.
    pub fate: Fate,
    /// What is changed in the probe here that was not changed before.
    pub rewritten: Vec<Rewritten>,
}

/// What a vertex is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It answered on the way.
    Router,
    /// It is what was asked for, and it answered.
    Destination,
    /// Nothing answered here.
    Silent,
}

/// What became of the flows that pass a vertex, of those whose end is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Fate {
    /// So many arrived.
    pub arrived: usize,
    /// So many did not.
    pub lost: usize,
}

/// The graph.
#[derive(Debug, Clone)]
pub(super) struct Graph<'p> {
    /// By distance.
    pub vertices: Vec<Vertex<'p>>,
    /// Which vertices follow one another, by their positions: sorted, each once, and without a circle.
    pub links: Vec<(usize, usize)>,
    /// What the report says follows, and what does not lead onward: told and never drawn.
    pub backward: Vec<(usize, usize)>,
}

impl Vertex<'_> {
    /// Its node that was met first.
    pub fn node(&self) -> Option<&Node> {
        self.nodes.first().copied()
    }

    /// Its address; none where it is silent.
    pub fn address(&self) -> Option<&Address> {
        self.node()?.address.as_ref()
    }

    /// How it is named in the report: `3.1`.
    pub fn id(&self) -> &str {
        self.node().map_or("", |node| node.id.as_str())
    }

    /// The average round trip over all its answers.
    pub fn average(&self) -> Option<Ms> {
        let timed: Vec<(f64, f64)> = self
            .nodes
            .iter()
            .filter_map(|node| Some((node.avg_ms?.as_f64(), f64::from(node.answered.max(1)))))
            .collect();
        match timed.as_slice() {
            [] => None,
            [(one, _)] => Some(Ms::from_f64(*one)),
            several => {
                let weights: f64 = several.iter().map(|(_, weight)| weight).sum();
                let sum: f64 = several.iter().map(|(ms, weight)| ms * weight).sum();
                Some(Ms::from_f64(sum / weights))
            }
        }
    }

    /// The distances at which it was met: `3`, `3–5`, `3, 5`.
    pub fn distances(&self) -> String {
        let whole =
            self.kind == Kind::Silent || self.ttls.len() == usize::from(self.last - self.first) + 1;
        match (self.first == self.last, whole) {
            (true, _) => self.first.to_string(),
            (false, true) => format!("{}–{}", self.first, self.last),
            (false, false) => {
                let met: Vec<String> = self.ttls.iter().map(u8::to_string).collect();
                met.join(", ")
            }
        }
    }
}

impl Fate {
    /// Whether none arrives of those whose end is known.
    pub const fn dead(self) -> bool {
        self.arrived == 0 && self.lost > 0
    }
}

impl<'p> Graph<'p> {
    /// The graph of a path to an endpoint.
    pub fn of(path: &'p Path, endpoint: &EndpointReport) -> Self {
        let merged = merge::merged(path, endpoint);
        let mut graph = Self {
            vertices: merged.vertices,
            links: merged.links,
            backward: merged.backward,
        };
        graph.tell_fates(path, &merged.place);
        graph.tell_changes();
        graph.tell_repeats();
        graph
    }

    /// What follows each vertex.
    pub fn successors(&self) -> Vec<Vec<usize>> {
        let mut all = vec![Vec::new(); self.vertices.len()];
        for (from, to) in &self.links {
            if let Some(list) = all.get_mut(*from) {
                list.push(*to);
            }
        }
        all
    }

    /// What each vertex follows.
    pub fn predecessors(&self) -> Vec<Vec<usize>> {
        let mut all = vec![Vec::new(); self.vertices.len()];
        for (from, to) in &self.links {
            if let Some(list) = all.get_mut(*to) {
                list.push(*from);
            }
        }
        all
    }

    /// Whether it is one line: at each distance one vertex, each followed by the next at most.
    pub fn straight(&self) -> bool {
        self.backward.is_empty()
            && self
                .vertices
                .windows(2)
                .all(|pair| matches!(pair, [near, far] if near.last < far.first))
            && self.links.iter().all(|(from, to)| from + 1 == *to)
    }

    /// Where hope ends: silence from which nothing that answers is reached.
    pub fn hopeless(&self) -> Vec<bool> {
        let after = self.successors();
        let mut hopeless: Vec<bool> = vec![false; self.vertices.len()];
        for at in self.onward().into_iter().rev() {
            let silent = self
                .vertices
                .get(at)
                .is_some_and(|vertex| vertex.kind == Kind::Silent);
            let all = after.get(at).is_none_or(|after| {
                after
                    .iter()
                    .all(|next| hopeless.get(*next).copied().unwrap_or_default())
            });
            if let Some(known) = hopeless.get_mut(at) {
                *known = silent && all;
            }
        }
        hopeless
    }

    /// The vertices that begin a part of the path whose flows never arrive, though others do.
    pub fn dead_ends(&self) -> Vec<usize> {
        if !self.vertices.iter().any(|vertex| vertex.fate.arrived > 0) {
            return Vec::new();
        }
        let dead = |at: usize| {
            self.vertices
                .get(at)
                .is_some_and(|vertex| vertex.fate.dead())
        };
        let before = self.predecessors();
        (0..self.vertices.len())
            .filter(|at| dead(*at))
            .filter(|at| {
                before
                    .get(*at)
                    .is_none_or(|before| !before.iter().any(|before| dead(*before)))
            })
            .collect()
    }

    /// The vertices so that each stands behind what it follows.
    fn onward(&self) -> Vec<usize> {
        merge::onward(self.vertices.len(), &self.links).unwrap_or_default()
    }

    fn tell_fates(&mut self, path: &Path, place: &BTreeMap<&str, usize>) {
        for flow in &path.flows {
            let passed: BTreeSet<usize> = flow
                .nodes
                .iter()
                .filter_map(|id| place.get(id.as_str()).copied())
                .collect();
            for at in passed {
                if let Some(vertex) = self.vertices.get_mut(at) {
                    match flow.arrived {
                        Some(true) => vertex.fate.arrived += 1,
                        Some(false) => vertex.fate.lost += 1,
                        None => {}
                    }
                }
            }
        }
    }

    /// A change stands where it is first seen: all nodes behind it quote it, too.
    fn tell_changes(&mut self) {
        let before = self.predecessors();
        let mut known: Vec<BTreeSet<Rewritten>> = vec![BTreeSet::new(); self.vertices.len()];
        for at in self.onward() {
            let seen: BTreeSet<Rewritten> = before
                .get(at)
                .into_iter()
                .flatten()
                .filter_map(|before| known.get(*before))
                .flatten()
                .copied()
                .collect();
            let Some(vertex) = self.vertices.get_mut(at) else {
                continue;
            };
            let own: BTreeSet<Rewritten> = vertex
                .nodes
                .iter()
                .flat_map(|node| &node.rewritten)
                .copied()
                .collect();
            vertex.rewritten = own.difference(&seen).copied().collect();
            if let Some(known) = known.get_mut(at) {
                *known = own.union(&seen).copied().collect();
            }
        }
    }

    fn tell_repeats(&mut self) {
        let mut met: BTreeMap<Address, u8> = BTreeMap::new();
        for vertex in &mut self.vertices {
            if let Some(address) = vertex.address().cloned() {
                vertex.again = met.get(&address).copied();
                met.entry(address).or_insert(vertex.first);
            }
        }
    }
}
