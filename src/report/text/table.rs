//! Tables: columns aligned by what is seen, only those wrapped that may be, nothing cut off.

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement};

use unicode_width::UnicodeWidthStr as _;

use super::layout::{Ink, Page};

/// Rows and columns. A column in which nothing stands is left out.
pub(super) struct Table {
    header: Vec<&'static str>,
    rows: Vec<Row>,
    right: &'static [usize],
    flexible: &'static [usize],
}

enum Row {
    /// Cells, the first of them in an ink.
    Cells(Ink, Vec<String>),
    /// A line across all columns.
    Across(Ink, String),
}

impl Table {
    pub(super) fn new(header: &[&'static str]) -> Self {
        Self {
            header: header.to_vec(),
            rows: Vec::new(),
            right: &[],
            flexible: &[],
        }
    }

    /// The columns that are aligned to the right.
    pub(super) const fn right(&mut self, columns: &'static [usize]) {
        self.right = columns;
    }

    /// The columns that may be wrapped where there is not room for all.
    pub(super) const fn flexible(&mut self, columns: &'static [usize]) {
        self.flexible = columns;
    }

    pub(super) fn row(&mut self, ink: Ink, cells: Vec<String>) {
        self.rows.push(Row::Cells(ink, cells));
    }

    pub(super) fn across(&mut self, ink: Ink, text: impl Into<String>) {
        self.rows.push(Row::Across(ink, text.into()));
    }

    /// Puts the table on the page, from a column on; the first line stands behind what is already on its line.
    pub(super) fn show(&self, page: &mut Page<'_>, indent: usize) {
        self.show_behind(page, indent, &" ".repeat(indent));
    }

    /// The same with a label before the first line.
    pub(super) fn show_behind(&self, page: &mut Page<'_>, indent: usize, label: &str) {
        let headed = self.header.iter().any(|name| !name.is_empty());
        let kept: Vec<usize> = (0..self.columns())
            .filter(|column| self.cells().any(|(_, cells)| filled(cells, *column)))
            .collect();
        let mut table = comfy_table::Table::new();
        table.load_style(NOTHING);
        table.set_content_arrangement(ContentArrangement::Dynamic);
        let room = page.width().saturating_sub(indent).max(20);
        table.set_width(u16::try_from(room).unwrap_or(u16::MAX));
        if headed {
            table.add_row(kept.iter().map(|column| self.header.get(*column).copied().unwrap_or_default()));
        }
        for (_, cells) in self.cells() {
            table.add_row(kept.iter().map(|column| {
                let cell = cells.get(*column).map(String::as_str).unwrap_or_default();
                page.safe(cell)
            }));
        }
        for (position, column) in kept.iter().enumerate() {
            let Some(shown) = table.column_mut(position) else {
                continue;
            };
            let last = position + 1 == kept.len();
            shown.set_padding((0, if last { 0 } else { 2 }));
            if self.right.contains(column) {
                shown.set_cell_alignment(CellAlignment::Right);
            }
            if !self.flexible.contains(column) {
                shown.set_constraint(ColumnConstraint::ContentWidth);
            }
        }
        self.lines(page, indent, label, headed, &table);
    }

    fn lines(
        &self,
        page: &mut Page<'_>,
        indent: usize,
        label: &str,
        headed: bool,
        table: &comfy_table::Table,
    ) {
        let space = " ".repeat(indent);
        let mut label = Some(label.to_owned());
        let mut before = || label.take().unwrap_or_else(|| space.clone());
        let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
        let mut lines = lines.iter().map(String::as_str).peekable();
        if headed && let Some(line) = lines.next() {
            page.line(&[(Ink::Label, &before()), (Ink::Faint, line)]);
        }
        // A row never begins with an empty cell: where the first column is empty, a row is wrapped to a further line.
        let first = self.cells().filter_map(|(_, cells)| cells.first());
        let first = first.map(|cell| page.safe(cell).width()).max().unwrap_or(0);
        let continues = |line: &str| line.chars().take(first).all(|c| c == ' ');
        for row in &self.rows {
            match row {
                Row::Across(ink, text) => page.line(&[(Ink::Label, &before()), (*ink, text)]),
                Row::Cells(ink, cells) => {
                    let Some(line) = lines.next() else { continue };
                    self.first(page, &before(), *ink, cells, line);
                    // Lines that a row is wrapped to have nothing where a row begins.
                    while lines.peek().is_some_and(|line| continues(line)) {
                        let line = lines.next().unwrap_or_default();
                        page.line(&[(Ink::Plain, &before()), (Ink::Plain, line)]);
                    }
                }
            }
        }
    }

    /// The first line of a row, its first cell in the row's ink.
    fn first(&self, page: &mut Page<'_>, before: &str, ink: Ink, cells: &[String], line: &str) {
        let first = cells.first().map(|cell| page.safe(cell)).unwrap_or_default();
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

    fn columns(&self) -> usize {
        self.header.len()
    }

    fn cells(&self) -> impl Iterator<Item = (Ink, &[String])> {
        self.rows.iter().filter_map(|row| match row {
            Row::Cells(ink, cells) => Some((*ink, cells.as_slice())),
            Row::Across(..) => None,
        })
    }
}

fn filled(cells: &[String], column: usize) -> bool {
    cells.get(column).is_some_and(|cell| !cell.is_empty())
}
