//! Tables: columns aligned by what is seen, nothing wrapped within a cell, nothing cut off. Where there is not room for all columns,
//! those that may go stand on lines of their own beneath their row.

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ContentArrangement};
use unicode_width::UnicodeWidthStr as _;

use super::layout::{Ink, Page};

/// Columns between two columns.
const GAP: usize = 2;

/// Rows and columns. A column in which nothing stands is left out.
pub(super) struct Table {
    header: Vec<&'static str>,
    rows: Vec<Row>,
    right: &'static [usize],
    beneath: &'static [usize],
}

enum Row {
    /// Cells, the first of them in an ink; the lanes of a graph that go on below it, where its second cell holds lanes.
    Cells(Ink, Vec<String>, Option<String>),
    /// Lanes alone in the second column, in an ink, and text behind them.
    Between(Ink, String, String),
    /// The first cell, and text across all other columns.
    Spread(String, String),
    /// A line across all columns.
    Across(Ink, String),
}

/// Which columns stand side by side, and which beneath their row.
struct Plan {
    beside: Vec<usize>,
    beneath: Vec<usize>,
    /// How wide the first column is.
    first: usize,
    /// How wide the second column is, where it holds lanes.
    lanes: usize,
}

impl Table {
    pub(super) fn new(header: &[&'static str]) -> Self {
        Self {
            header: header.to_vec(),
            rows: Vec::new(),
            right: &[],
            beneath: &[],
        }
    }

    /// The columns that are aligned to the right.
    pub(super) const fn right(&mut self, columns: &'static [usize]) {
        self.right = columns;
    }

    /// The columns that may stand beneath their row where there is not room for all, the last of them first.
    pub(super) const fn beneath(&mut self, columns: &'static [usize]) {
        self.beneath = columns;
    }

    /// A row, its first cell in an ink.
    pub(super) fn row(&mut self, ink: Ink, cells: Vec<String>) {
        self.rows.push(Row::Cells(ink, cells, None));
    }

    /// A row whose second cell holds the lanes of a graph, and the lanes that go on below it.
    pub(super) fn lanes(&mut self, ink: Ink, cells: Vec<String>, below: String) {
        self.rows.push(Row::Cells(ink, cells, Some(below)));
    }

    /// Lanes between two rows, in an ink, and text behind them.
    pub(super) fn between(&mut self, ink: Ink, lanes: impl Into<String>, text: impl Into<String>) {
        self.rows.push(Row::Between(ink, lanes.into(), text.into()));
    }

    /// A row of a first cell, and text that needs no columns.
    pub(super) fn spread(&mut self, first: impl Into<String>, text: impl Into<String>) {
        self.rows.push(Row::Spread(first.into(), text.into()));
    }

    /// A line between the rows.
    pub(super) fn across(&mut self, ink: Ink, text: impl Into<String>) {
        self.rows.push(Row::Across(ink, text.into()));
    }

    /// Puts the table on the page, from a column on, with a label before its first line.
    pub(super) fn show(&self, page: &mut Page<'_>, indent: usize, label: &str) {
        let plan = self.plan(page, page.width().saturating_sub(indent));
        let mut table = comfy_table::Table::new();
        table.load_style(NOTHING);
        table.set_content_arrangement(ContentArrangement::Disabled);
        let headed = self.header.iter().any(|name| !name.is_empty());
        if headed {
            let names = plan.beside.iter();
            table
                .add_row(names.map(|column| self.header.get(*column).copied().unwrap_or_default()));
        }
        for row in &self.rows {
            match row {
                Row::Cells(_, cells, _) => {
                    let cell = |column: &usize| cells.get(*column).map_or("", String::as_str);
                    table.add_row(plan.beside.iter().map(|column| page.safe(cell(column))));
                }
                Row::Spread(first, _) => {
                    table.add_row([page.safe(first)]);
                }
                Row::Across(..) | Row::Between(..) => {}
            }
        }
        for (position, column) in plan.beside.iter().enumerate() {
            let Some(shown) = table.column_mut(position) else {
                continue;
            };
            shown.set_padding((0, 2));
            if self.right.contains(column) {
                shown.set_cell_alignment(CellAlignment::Right);
            }
        }
        let lines = table.lines().map(|line| line.trim_end().to_owned());
        self.lines(page, indent, label, &plan, headed, lines);
    }

    fn lines(
        &self,
        page: &mut Page<'_>,
        indent: usize,
        label: &str,
        plan: &Plan,
        headed: bool,
        mut lines: impl Iterator<Item = String>,
    ) {
        let mut label = Some(label.to_owned());
        let mut before = || label.take().unwrap_or_else(|| " ".repeat(indent));
        if headed && let Some(line) = lines.next() {
            page.line(&[(Ink::Label, &before()), (Ink::Faint, &line)]);
        }
        for row in &self.rows {
            match row {
                Row::Across(ink, text) => page.line(&[(Ink::Label, &before()), (*ink, text)]),
                Row::Spread(_, text) => {
                    let first =
                        format!("{:1$}", lines.next().unwrap_or_default(), plan.first + GAP);
                    page.line(&[
                        (Ink::Label, &before()),
                        (Ink::Faint, &first),
                        (Ink::Faint, text),
                    ]);
                }
                Row::Between(ink, drawn, text) => {
                    let space = " ".repeat(plan.first + GAP);
                    // Words that stand for lanes stand in their place.
                    let behind = !drawn.is_empty() && !text.is_empty();
                    let drawn = format!("{drawn:0$}", if behind { plan.lanes } else { 0 });
                    let gap = " ".repeat(if behind { GAP } else { 0 });
                    let text_ink = if *ink == Ink::Plain { Ink::Faint } else { *ink };
                    page.line(&[
                        (Ink::Label, &before()),
                        (Ink::Plain, &space),
                        (*ink, &drawn),
                        (Ink::Plain, &gap),
                        (text_ink, text),
                    ]);
                }
                Row::Cells(ink, cells, below) => {
                    let line = lines.next().unwrap_or_default();
                    first(page, &before(), *ink, cells, &line);
                    for column in &plan.beneath {
                        let text = cells.get(*column).map_or("", String::as_str);
                        if !text.is_empty() {
                            let mut space = " ".repeat(indent + plan.first + GAP);
                            if let Some(below) = below {
                                space.push_str(&format!("{below:0$}", plan.lanes + GAP));
                            }
                            page.lined(&space, text);
                        }
                    }
                }
            }
        }
    }

    /// Side by side what has room.
    fn plan(&self, page: &Page<'_>, room: usize) -> Plan {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| match row {
                Row::Cells(_, cells, _) => cells.get(column).map(String::as_str),
                Row::Spread(first, _) if column == 0 => Some(first.as_str()),
                Row::Between(_, lanes, _) if column == 1 => Some(lanes.as_str()),
                Row::Spread(..) | Row::Across(..) | Row::Between(..) => None,
            });
            cells.map(|cell| page.safe(cell).width()).max().unwrap_or(0)
        };
        let named = |column: usize| self.header.get(column).map_or(0, |name| name.width());
        let mut beside: Vec<usize> = (0..self.header.len())
            .filter(|column| width(*column) > 0)
            .collect();
        let mut beneath = Vec::new();
        for column in self.beneath.iter().rev() {
            let all: usize = beside
                .iter()
                .map(|column| width(*column).max(named(*column)) + GAP)
                .sum();
            if all.saturating_sub(GAP) > room
                && let Some(position) = beside.iter().position(|kept| kept == column)
            {
                beside.remove(position);
                beneath.insert(0, *column);
            }
        }
        Plan {
            first: width(0).max(named(0)),
            lanes: width(1),
            beside,
            beneath,
        }
    }
}

/// A row, its first cell in the row's ink.
fn first(page: &mut Page<'_>, before: &str, ink: Ink, cells: &[String], line: &str) {
    let first = cells
        .first()
        .map(|cell| page.safe(cell))
        .unwrap_or_default();
    match line.split_once(first.as_str()) {
        Some((space, rest)) if !first.is_empty() => page.line(&[
            (Ink::Label, before),
            (Ink::Plain, space),
            (ink, &first),
            (Ink::Plain, rest),
        ]),
        _ => page.line(&[(Ink::Label, before), (Ink::Plain, line)]),
    }
}
