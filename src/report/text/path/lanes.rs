//! The graph as lanes beside the rows of a table: one row for each vertex, and between two layers the bars that join them.
//!
//! ```text
//! ●
//! ├─┬─╮
//! ● │ │
//! │ ● │
//! │ │ ●
//! ├─┴─╯
//! ●
//! ```
//!
//! A bar joins all that stands above it to all that stands below it, and nothing else is drawn with one: no reader sees a link that is
//! not there. A lane that crosses a bar without being joined interrupts it: `─│─`. Where some links of a mesh are missing, each link gets
//! a lane of its own, so that one bar lets them out and another takes them in; a mesh of too many is listed instead.

use std::collections::{BTreeMap, BTreeSet};

use crate::report::graph::{Gap, Graph, Kind, Layers, Place};

/// A mesh that lacks some links is drawn with a lane for each link up to so many; no eye follows more.
const OWN_LANES: usize = 12;

/// How lanes look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pen {
    /// Only ASCII characters.
    pub ascii: bool,
    /// Columns from one lane to the next: 2, or 1 where room is short.
    pub pitch: usize,
}

/// A line of the drawing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line {
    /// A vertex.
    Vertex {
        /// Its position.
        at: usize,
        /// Its sign, and the lanes beside it.
        lanes: String,
        /// The lanes below it, for more lines of text about it.
        below: String,
    },
    /// Lanes alone.
    Between(String),
    /// Where the first vertex behind a distance comes next: the lanes there, those that lead to nothing cut.
    Mark(String),
}

/// The drawing, and the links that it leaves out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Drawing {
    /// From the nearest to the farthest.
    pub lines: Vec<Line>,
    /// What follows a vertex and is not drawn, by their positions.
    pub listed: BTreeSet<(usize, usize)>,
    /// Columns that the lanes take.
    pub width: usize,
}

/// Draws a graph with a mark behind a distance; none where it is too large.
pub(super) fn draw(graph: &Graph<'_>, pen: Pen, mark: Option<u8>) -> Option<Drawing> {
    let mut listed = BTreeSet::new();
    let mut opened = BTreeSet::new();
    loop {
        let links: Vec<(usize, usize)> = graph
            .links
            .iter()
            .copied()
            .filter(|link| !listed.contains(link))
            .collect();
        let layers = Layers::of(graph, &links, &opened)?;
        let placed = Lanes::new(&layers);
        match placed.bars(pen) {
            Ok(bars) => {
                let canvas = Canvas {
                    graph,
                    layers: &layers,
                    lanes: &placed,
                    pen,
                    ends: if mark.is_none() {
                        graph.hopeless()
                    } else {
                        Vec::new()
                    },
                };
                return Some(Drawing {
                    lines: canvas.lines(&bars, mark),
                    listed,
                    width: placed.count.saturating_sub(1) * pen.pitch + 1,
                });
            }
            // Each round opens a gap or leaves out a link: it ends.
            Err(undrawn) => {
                for (gap, pieces, links) in undrawn {
                    if !gap.half && pieces <= OWN_LANES {
                        opened.insert(gap.depth);
                    } else {
                        listed.extend(links);
                    }
                }
            }
        }
    }
}

/// A gap that bars can't show, how many pieces of links are in it, and which links they can't show.
type Undrawn = (Gap, usize, BTreeSet<(usize, usize)>);

/// Which lane each place of each layer has.
struct Lanes<'l> {
    layers: &'l Layers,
    columns: Vec<Vec<usize>>,
    count: usize,
}

/// What one bar joins: all lanes above to all below.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Bar {
    above: BTreeSet<usize>,
    below: BTreeSet<usize>,
    row: usize,
}

impl Bar {
    fn straight(&self) -> bool {
        self.above == self.below && self.above.len() == 1
    }

    fn left(&self) -> usize {
        self.above
            .iter()
            .chain(&self.below)
            .min()
            .copied()
            .unwrap_or(0)
    }

    fn right(&self) -> usize {
        self.above
            .iter()
            .chain(&self.below)
            .max()
            .copied()
            .unwrap_or(0)
    }
}

impl<'l> Lanes<'l> {
    /// A lane goes straight on where it can: a vertex takes the lane of the first that it follows, or the next that is free.
    fn new(layers: &'l Layers) -> Self {
        let mut columns: Vec<Vec<usize>> = Vec::with_capacity(layers.rows.len());
        for (depth, row) in layers.rows.iter().enumerate() {
            let above = depth.checked_sub(1).and_then(|above| columns.get(above));
            let pieces = depth
                .checked_sub(1)
                .and_then(|above| layers.between.get(above));
            let mut wanted: Vec<Option<usize>> = vec![None; row.len()];
            for (from, to) in pieces.into_iter().flatten() {
                let lane = above.and_then(|above| above.get(*from)).copied();
                if let Some(wanted) = wanted.get_mut(*to) {
                    *wanted = match (*wanted, lane) {
                        (Some(old), Some(lane)) => Some(old.min(lane)),
                        (old, lane) => old.or(lane),
                    };
                }
            }
            let mut taken: BTreeSet<usize> = BTreeSet::new();
            let mut own = vec![0; row.len()];
            // What only passes keeps its lane before others choose.
            let passing = |place: &Place| matches!(place, Place::Passing(..));
            let mut turns: Vec<usize> = (0..row.len()).collect();
            turns.sort_by_key(|at| !row.get(*at).is_some_and(passing));
            for at in turns {
                let from = wanted.get(at).copied().flatten().unwrap_or(0);
                let lane = (from..=from + taken.len())
                    .find(|lane| !taken.contains(lane))
                    .unwrap_or(from);
                taken.insert(lane);
                if let Some(own) = own.get_mut(at) {
                    *own = lane;
                }
            }
            columns.push(own);
        }
        let count = columns
            .iter()
            .flatten()
            .max()
            .map_or(0, |farthest| farthest + 1);
        Self {
            layers,
            columns,
            count,
        }
    }

    fn column(&self, depth: usize, at: usize) -> usize {
        self.columns
            .get(depth)
            .and_then(|row| row.get(at))
            .copied()
            .unwrap_or(0)
    }

    /// The bars between each two layers, each with its row; else the links that no bars can show.
    fn bars(&self, pen: Pen) -> Result<Vec<Vec<Bar>>, Vec<Undrawn>> {
        let mut undrawn: Vec<Undrawn> = Vec::new();
        let mut all = Vec::with_capacity(self.layers.between.len());
        for (depth, pieces) in self.layers.between.iter().enumerate() {
            let mut bars = Vec::new();
            let mut left: BTreeSet<(usize, usize)> = BTreeSet::new();
            for joined in components(pieces) {
                let above: BTreeSet<usize> = joined.iter().map(|(from, _)| *from).collect();
                let below: BTreeSet<usize> = joined.iter().map(|(_, to)| *to).collect();
                if above.len() * below.len() == joined.len() {
                    bars.push(Bar {
                        above: above.iter().map(|at| self.column(depth, *at)).collect(),
                        below: below.iter().map(|at| self.column(depth + 1, *at)).collect(),
                        row: 0,
                    });
                } else {
                    left.extend(joined.iter().filter_map(|piece| self.link(depth, *piece)));
                }
            }
            let stuck = place(&mut bars, pen);
            for (from, to) in pieces {
                if stuck.contains(&self.column(depth, *from)) {
                    left.extend(self.link(depth, (*from, *to)));
                }
            }
            if let (false, Some(gap)) = (left.is_empty(), self.layers.gaps.get(depth)) {
                undrawn.push((*gap, pieces.len(), left));
            }
            all.push(bars);
        }
        if undrawn.is_empty() {
            Ok(all)
        } else {
            Err(undrawn)
        }
    }

    /// The link of which a piece is a part.
    fn link(&self, depth: usize, (from, to): (usize, usize)) -> Option<(usize, usize)> {
        let place = |depth: usize, at: usize| self.layers.rows.get(depth)?.get(at).copied();
        match (place(depth, from)?, place(depth + 1, to)?) {
            (Place::Passing(from, to), _)
            | (_, Place::Passing(from, to))
            | (Place::Vertex(from), Place::Vertex(to)) => Some((from, to)),
        }
    }
}

/// Pieces that hang together.
fn components(pieces: &[(usize, usize)]) -> Vec<Vec<(usize, usize)>> {
    let mut parts: Vec<Vec<(usize, usize)>> = Vec::new();
    let mut by_above: BTreeMap<usize, Vec<(usize, usize)>> = BTreeMap::new();
    let mut by_below: BTreeMap<usize, Vec<(usize, usize)>> = BTreeMap::new();
    for piece in pieces {
        by_above.entry(piece.0).or_default().push(*piece);
        by_below.entry(piece.1).or_default().push(*piece);
    }
    let mut seen: BTreeSet<(usize, usize)> = BTreeSet::new();
    for piece in pieces {
        if !seen.insert(*piece) {
            continue;
        }
        let mut part = vec![*piece];
        let mut at = 0;
        while let Some((from, to)) = part.get(at).copied() {
            at += 1;
            // Each list is read once: what it holds is in the part from then on.
            let above = by_above.remove(&from).unwrap_or_default();
            let below = by_below.remove(&to).unwrap_or_default();
            part.extend(
                above
                    .into_iter()
                    .chain(below)
                    .filter(|next| seen.insert(*next)),
            );
        }
        parts.push(part);
    }
    parts
}

/// Gives each bar its row: one that leaves a lane comes before one that ends in it, and no two overlap. The lanes above bars that wait for
/// one another are returned: they have no row.
fn place(bars: &mut [Bar], pen: Pen) -> BTreeSet<usize> {
    // Corners of ASCII say nothing of left and right: without gaps between lanes two bars in a row read as one.
    let alone = pen.pitch == 1 && pen.ascii;
    let mut leaves: BTreeMap<usize, usize> = BTreeMap::new();
    for (number, bar) in bars.iter().enumerate() {
        leaves.extend(bar.above.iter().map(|lane| (*lane, number)));
    }
    let mut waiting: Vec<usize> = (0..bars.len())
        .filter(|at| bars.get(*at).is_some_and(|bar| !bar.straight()))
        .collect();
    let mut placed: BTreeSet<usize> = BTreeSet::new();
    while !waiting.is_empty() {
        let mut left = Vec::new();
        let before = placed.len();
        for at in waiting {
            let Some(bar) = bars.get(at) else { continue };
            let earlier: Vec<usize> = bar
                .below
                .iter()
                .filter_map(|lane| leaves.get(lane).copied())
                .filter(|other| *other != at)
                .collect();
            if earlier.iter().any(|other| !placed.contains(other)) {
                left.push(at);
                continue;
            }
            let row_of = |at: &usize| bars.get(*at).map_or(0, |bar| bar.row);
            let first = earlier.iter().map(|at| row_of(at) + 1).max().unwrap_or(0);
            let free = |row: usize| {
                placed.iter().filter_map(|at| bars.get(*at)).all(|other| {
                    other.row != row
                        || (!alone && (other.right() < bar.left() || bar.right() < other.left()))
                })
            };
            let row = (first..=first + placed.len())
                .find(|row| free(*row))
                .unwrap_or(first);
            if let Some(bar) = bars.get_mut(at) {
                bar.row = row;
            }
            placed.insert(at);
        }
        if placed.len() == before {
            let stuck = left.iter().filter_map(|at| bars.get(*at));
            return stuck.flat_map(|bar| bar.above.iter().copied()).collect();
        }
        waiting = left;
    }
    BTreeSet::new()
}

/// What puts characters to lanes.
struct Canvas<'c, 'p> {
    graph: &'c Graph<'p>,
    layers: &'c Layers,
    lanes: &'c Lanes<'c>,
    pen: Pen,
    /// Silence from which nothing that answers is reached, where no mark says so.
    ends: Vec<bool>,
}

impl Canvas<'_, '_> {
    fn lines(&self, bars: &[Vec<Bar>], mark: Option<u8>) -> Vec<Line> {
        let mut lines = Vec::new();
        let marked = mark.and_then(|after| self.first_behind(after));
        for (depth, row) in self.layers.rows.iter().enumerate() {
            if let Some(above) = depth.checked_sub(1) {
                let bars = bars.get(above).map_or(&[][..], Vec::as_slice);
                if marked == Some(depth) {
                    lines.push(Line::Mark(self.cut(above)));
                }
                self.between(&mut lines, above, bars);
            }
            self.layer(&mut lines, depth, row);
        }
        if mark.is_some() && marked.is_none() {
            lines.push(Line::Mark(String::new()));
        }
        lines
    }

    /// The first layer that has a vertex behind a distance, and none before it.
    fn first_behind(&self, after: u8) -> Option<usize> {
        let nearest = |row: &Vec<Place>| {
            row.iter()
                .filter_map(|place| match place {
                    Place::Vertex(at) => self.graph.vertices.get(*at),
                    Place::Passing(..) => None,
                })
                .map(|vertex| vertex.first)
                .min()
        };
        let behind = |row| nearest(row).is_some_and(|first| first > after);
        self.layers
            .rows
            .iter()
            .position(behind)
            .filter(|depth| *depth > 0)
    }

    /// The lanes that leave a layer and those that enter it.
    fn live(&self, depth: usize) -> (BTreeSet<usize>, BTreeSet<usize>) {
        let pieces = |between: Option<usize>| {
            let pieces = between.and_then(|depth| self.layers.between.get(depth));
            pieces.into_iter().flatten()
        };
        let out = pieces(Some(depth)).map(|(from, _)| self.lanes.column(depth, *from));
        let into = pieces(depth.checked_sub(1)).map(|(_, to)| self.lanes.column(depth, *to));
        (out.collect(), into.collect())
    }

    /// The vertices of a layer, a row each from left to right.
    fn layer(&self, lines: &mut Vec<Line>, depth: usize, row: &[Place]) {
        let (out, into) = self.live(depth);
        let mut standing: Vec<(usize, usize)> = row
            .iter()
            .enumerate()
            .filter_map(|(at, place)| match place {
                Place::Vertex(vertex) => Some((self.lanes.column(depth, at), *vertex)),
                Place::Passing(..) => None,
            })
            .collect();
        standing.sort_unstable();
        // Before its row a lane comes from above, behind it it goes on below; what passes does both.
        let lane = |column: usize, turn: usize| {
            let own = standing.binary_search_by_key(&column, |(column, _)| *column);
            let live = match own {
                Ok(own) if own <= turn => out.contains(&column),
                Ok(_) => into.contains(&column),
                Err(_) => out.contains(&column) && into.contains(&column),
            };
            if live { self.line() } else { ' ' }
        };
        for (turn, (column, at)) in standing.iter().enumerate() {
            let sign = self.sign(*at);
            let beside = |c: usize| if c == *column { sign } else { lane(c, turn) };
            lines.push(Line::Vertex {
                at: *at,
                lanes: self.row(beside, |_| false),
                below: self.row(|column| lane(column, turn), |_| false),
            });
        }
    }

    /// The bars below a layer.
    fn between(&self, lines: &mut Vec<Line>, depth: usize, bars: &[Bar]) {
        let bent = bars.iter().filter(|bar| !bar.straight());
        let rows = bent.clone().map(|bar| bar.row + 1).max().unwrap_or(0);
        let rows = if rows == 0 && self.touch(depth) {
            1
        } else {
            rows
        };
        for row in 0..rows {
            let on = |column: usize| {
                bars.iter().find(|bar| {
                    !bar.straight()
                        && bar.row == row
                        && (bar.left()..=bar.right()).contains(&column)
                })
            };
            let passes = |column: usize| {
                bars.iter().any(|bar| {
                    (bar.straight() && bar.above.contains(&column))
                        || (!bar.straight() && bar.row > row && bar.above.contains(&column))
                        || (!bar.straight() && bar.row < row && bar.below.contains(&column))
                })
            };
            let glyph = |column: usize| match on(column) {
                Some(bar) => {
                    let (up, down) = (bar.above.contains(&column), bar.below.contains(&column));
                    if up || down {
                        self.joint([up, down, column > bar.left(), column < bar.right()])
                    } else if passes(column) {
                        self.line()
                    } else {
                        self.across()
                    }
                }
                None if passes(column) => self.line(),
                None => ' ',
            };
            let covered = |column: usize| on(column).is_some_and(|bar| column < bar.right());
            lines.push(Line::Between(self.row(glyph, covered)));
        }
    }

    /// Whether without a row between two would seem joined that are not.
    fn touch(&self, depth: usize) -> bool {
        let columns = |depth: usize| {
            let count = self.layers.rows.get(depth).map_or(0, Vec::len);
            (0..count).map(move |at| self.lanes.column(depth, at))
        };
        let upper: BTreeSet<usize> = columns(depth).collect();
        let (out, _) = self.live(depth);
        let both = columns(depth + 1).filter(|column| upper.contains(column));
        both.into_iter().any(|column| !out.contains(&column))
    }

    /// The lanes below a layer, those that lead to nothing but silence cut.
    fn cut(&self, depth: usize) -> String {
        let hopeless = self.graph.hopeless();
        let dead = self.graph.dead_ends();
        let leads: Vec<(usize, bool)> = self
            .layers
            .between
            .get(depth)
            .into_iter()
            .flatten()
            .filter_map(|piece| {
                let (_, to) = self.lanes.link(depth, *piece)?;
                let hopeless = hopeless.get(to).copied().unwrap_or_default();
                Some((
                    self.lanes.column(depth, piece.0),
                    hopeless || dead.contains(&to),
                ))
            })
            .collect();
        let glyph = |column: usize| {
            let mut leads = leads.iter().filter(|(from, _)| *from == column).peekable();
            if leads.peek().is_none() {
                ' '
            } else if leads.all(|(_, ends)| *ends) {
                if self.pen.ascii { 'x' } else { '╳' }
            } else {
                self.line()
            }
        };
        self.row(glyph, |_| false)
    }

    /// A row of characters, one for each lane; what is between two lanes is part of a bar or empty.
    fn row(&self, glyph: impl Fn(usize) -> char, covered: impl Fn(usize) -> bool) -> String {
        let mut row = String::new();
        for column in 0..self.lanes.count {
            row.push(glyph(column));
            for _ in 1..self.pen.pitch {
                row.push(if covered(column) { self.across() } else { ' ' });
            }
        }
        row.truncate(row.trim_end().len());
        row
    }

    fn sign(&self, at: usize) -> char {
        let kind = self.graph.vertices.get(at).map(|vertex| vertex.kind);
        if self.ends.get(at) == Some(&true) {
            return if self.pen.ascii { 'x' } else { '╳' };
        }
        match (kind, self.pen.ascii) {
            (Some(Kind::Destination), false) => '◆',
            (Some(Kind::Destination), true) => '#',
            (Some(Kind::Silent) | None, _) => '*',
            (Some(Kind::Router), false) => '●',
            (Some(Kind::Router), true) => 'o',
        }
    }

    const fn line(&self) -> char {
        if self.pen.ascii { '|' } else { '│' }
    }

    const fn across(&self) -> char {
        if self.pen.ascii { '-' } else { '─' }
    }

    /// A bar's character where lanes are joined to it: whether above, below, and whether the bar goes on to the left, to the right. In ASCII a stop joins what is below, an apostrophe what is above, a plus both.
    const fn joint(&self, [up, down, left, right]: [bool; 4]) -> char {
        if self.pen.ascii {
            return match (up, down) {
                (true, true) => '+',
                (false, _) => '.',
                (true, false) => '\'',
            };
        }
        match (up, down, left, right) {
            (true, true, true, true) => '┼',
            (true, true, false, true) => '├',
            (true, true, true, false) => '┤',
            (true, true, false, false) => '│',
            (true, false, true, true) => '┴',
            (true, false, false, _) => '╰',
            (true, false, true, false) => '╯',
            (false, _, true, true) => '┬',
            (false, _, false, _) => '╭',
            (false, _, true, false) => '╮',
        }
    }
}
