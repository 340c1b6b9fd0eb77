//! Layers: which vertices stand beside one another, and in which order, so that few links cross.
//!
//! A vertex stands below all that it follows; a link over several layers passes those between at a place of its own. The order within
//! a layer is by the average place of the neighbours, swept down and up (Sugiyama, Tagawa and Toda 1981).

use std::collections::{BTreeMap, BTreeSet};

use super::{Graph, Kind};

/// Links that pass so many places in all are not laid out: no reader could follow them.
const MOST: usize = 20_000;
/// How often the order is swept down and up.
const SWEEPS: usize = 4;

/// What stands at a place of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// A vertex, by its position.
    Vertex(usize),
    /// A link passes, from a vertex to another.
    Passing(usize, usize),
}

/// The layers from the nearest to the farthest, and what joins each to the next.
#[derive(Debug, Clone)]
pub(crate) struct Layers {
    /// Each layer, in order.
    pub rows: Vec<Vec<Place>>,
    /// The pieces of links between a layer and the next: positions within the upper and the lower.
    pub between: Vec<Vec<(usize, usize)>>,
    /// What each gap between a layer and the next is called, whatever layers are put between.
    pub gaps: Vec<Gap>,
}

/// The gap between the layers of two depths, and whether a layer of links alone was put into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Gap {
    /// The depth of the vertices above.
    pub depth: usize,
    /// Whether it is one of the two halves of a gap with such a layer.
    pub half: bool,
}

impl Layers {
    /// The layers of a graph with some of its links; none where it is too large to be drawn. Below the depths in `opened` a layer is put in
    /// at which each link has a place of its own.
    pub fn of(
        graph: &Graph<'_>,
        links: &[(usize, usize)],
        opened: &BTreeSet<usize>,
    ) -> Option<Self> {
        let depths = depths(graph);
        let above = |depth: usize| opened.range(..depth).count();
        let layer: Vec<usize> = depths.iter().map(|depth| depth + above(*depth)).collect();
        let deepest = layer.iter().max().map_or(0, |deepest| deepest + 1);
        let gaps = (0..depths.iter().max().copied().unwrap_or(0))
            .flat_map(|depth| {
                let half = opened.contains(&depth);
                std::iter::repeat_n(Gap { depth, half }, 1 + usize::from(half))
            })
            .collect();
        let mut rows: Vec<Vec<Place>> = vec![Vec::new(); deepest];
        for (at, depth) in layer.iter().enumerate() {
            rows.get_mut(*depth)?.push(Place::Vertex(at));
        }
        let span = |(from, to): &(usize, usize)| Some((*layer.get(*from)?, *layer.get(*to)?));
        let passed: usize = links
            .iter()
            .filter_map(span)
            .map(|(from, to)| to.saturating_sub(from))
            .sum();
        if passed > MOST {
            return None;
        }
        let mut pieces: Vec<Vec<(Place, Place)>> = vec![Vec::new(); deepest.saturating_sub(1)];
        for link @ (from, to) in links {
            let (upper, lower) = span(link)?;
            let mut above = Place::Vertex(*from);
            for depth in upper + 1..=lower {
                let below = if depth == lower {
                    Place::Vertex(*to)
                } else {
                    let passing = Place::Passing(*from, *to);
                    rows.get_mut(depth)?.push(passing);
                    passing
                };
                pieces.get_mut(depth - 1)?.push((above, below));
                above = below;
            }
        }
        let mut layers = Self {
            rows,
            between: Vec::new(),
            gaps,
        };
        layers.sweep(&pieces);
        layers.between = pieces
            .iter()
            .enumerate()
            .map(|(depth, pieces)| {
                let (upper, lower) = (layers.places(depth), layers.places(depth + 1));
                let mut between: Vec<(usize, usize)> = pieces
                    .iter()
                    .filter_map(|(from, to)| Some((*upper.get(from)?, *lower.get(to)?)))
                    .collect();
                between.sort_unstable();
                between
            })
            .collect();
        Some(layers)
    }

    fn places(&self, depth: usize) -> BTreeMap<Place, usize> {
        let row = self.rows.get(depth).map_or(&[][..], Vec::as_slice);
        row.iter()
            .enumerate()
            .map(|(at, place)| (*place, at))
            .collect()
    }

    fn sweep(&mut self, pieces: &[Vec<(Place, Place)>]) {
        for _ in 0..SWEEPS {
            for depth in (0..pieces.len()).rev() {
                let turned: Vec<(Place, Place)> = pieces
                    .get(depth)
                    .into_iter()
                    .flatten()
                    .map(|(from, to)| (*to, *from))
                    .collect();
                self.settle(depth, depth + 1, &turned);
            }
            for (depth, pieces) in pieces.iter().enumerate() {
                self.settle(depth + 1, depth, pieces);
            }
        }
    }

    /// Orders one layer by the places of its neighbours in another.
    fn settle(&mut self, depth: usize, by: usize, pieces: &[(Place, Place)]) {
        let fixed = self.places(by);
        let mut neighbours: BTreeMap<Place, (usize, usize)> = BTreeMap::new();
        for (from, to) in pieces {
            if let Some(at) = fixed.get(from) {
                let (sum, count) = neighbours.entry(*to).or_default();
                *sum += at;
                *count += 1;
            }
        }
        let Some(row) = self.rows.get_mut(depth) else {
            return;
        };
        let mut keyed: Vec<(f64, usize, Place)> = row
            .iter()
            .enumerate()
            .map(|(at, place)| {
                let key = neighbours
                    .get(place)
                    .map_or(at as f64, |(sum, count)| *sum as f64 / *count as f64);
                (key, at, *place)
            })
            .collect();
        keyed.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        *row = keyed.into_iter().map(|(_, _, place)| place).collect();
    }
}

/// How deep each vertex stands: below all that it follows, and beside what is as far away.
fn depths(graph: &Graph<'_>) -> Vec<usize> {
    // A router at the end of unequal arms stands below the longest; a run of silence begins where it begins.
    let mut depth: Vec<usize> = graph
        .vertices
        .iter()
        .map(|vertex| {
            usize::from(if vertex.kind == Kind::Silent {
                vertex.first
            } else {
                vertex.last
            })
        })
        .collect();
    let after = graph.successors();
    for at in graph.onward() {
        let own = depth.get(at).copied().unwrap_or_default();
        for next in after.get(at).into_iter().flatten() {
            if let Some(next) = depth.get_mut(*next) {
                *next = (*next).max(own + 1);
            }
        }
    }
    let mut used: Vec<usize> = depth.clone();
    used.sort_unstable();
    used.dedup();
    depth
        .iter()
        .map(|depth| used.binary_search(depth).unwrap_or_default())
        .collect()
}
