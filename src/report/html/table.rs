//! Tables that can be read in order, and that a script may sort: each cell says what it is sorted by where its text does not.

use super::markup::Markup;
use crate::model::Ms;

/// A cell.
pub(super) struct Cell {
    text: String,
    look: Look,
    /// What it is sorted by: a number, where the text is not the number itself.
    key: Option<f64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    Text,
    /// Chosen by somebody else: a host name, say.
    Name,
    Number,
}

impl Cell {
    /// Words of ours.
    pub fn text(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            look: Look::Text,
            key: None,
        }
    }

    /// A name that somebody else chose.
    pub fn name(text: impl Into<String>) -> Self {
        Self {
            look: Look::Name,
            ..Self::text(text)
        }
    }

    /// A count.
    pub fn count(number: u32) -> Self {
        Self::number(number.to_string(), f64::from(number))
    }

    /// A number as it is shown, and what it is.
    pub fn number(text: impl Into<String>, number: f64) -> Self {
        Self {
            look: Look::Number,
            key: Some(number),
            ..Self::text(text)
        }
    }

    /// A time; nothing where there is none.
    pub fn time(ms: Option<Ms>) -> Self {
        ms.map_or_else(
            || Self::text(""),
            |ms| Self::number(ms.to_string(), ms.as_f64()),
        )
    }

    /// A share; nothing where there is none.
    pub fn percent(value: Option<f64>) -> Self {
        value.map_or_else(
            || Self::text(""),
            |value| Self::number(crate::report::text::measurements::percent(value), value),
        )
    }
}

/// A row: its id where something points at it, and its cells. The first of them names the row.
pub(super) struct Row {
    pub id: Option<String>,
    pub class: &'static str,
    pub cells: Vec<Cell>,
}

impl Row {
    /// A row that nothing points at.
    pub fn of(cells: Vec<Cell>) -> Self {
        Self {
            id: None,
            class: "",
            cells,
        }
    }
}

/// Puts a table. A column in which nothing stands is left out.
pub(super) fn put(markup: &mut Markup, id: &str, caption: &str, columns: &[&str], rows: &[Row]) {
    let used: Vec<(usize, &str)> = columns
        .iter()
        .copied()
        .enumerate()
        .filter(|(at, _)| {
            let mut cells = rows.iter().filter_map(|row| row.cells.get(*at));
            *at == 0 || cells.any(|cell| !cell.text.is_empty())
        })
        .collect();
    let numbers = |at: usize| {
        let mut cells = rows.iter().filter_map(|row| row.cells.get(at));
        cells.all(|cell| cell.look == Look::Number || cell.text.is_empty())
    };
    // What scrolls can be reached by the keyboard, and says what it is.
    let name = format!("{id}-name");
    let group = [
        ("class", "scroll"),
        ("role", "group"),
        ("aria-labelledby", name.as_str()),
        ("tabindex", "0"),
    ];
    markup.element("div", &group, |m| {
        m.element("table", &[("id", id), ("class", "sorts")], |m| {
            m.says("caption", &[("id", &name)], caption);
            m.element("thead", &[], |m| {
                m.element("tr", &[], |m| {
                    for (at, column) in &used {
                        let mut attributes = vec![("scope", "col")];
                        attributes.extend(numbers(*at).then_some(("class", "number")));
                        m.says("th", &attributes, column);
                    }
                });
            });
            m.element("tbody", &[], |m| {
                for row in rows {
                    line(m, row, &used);
                }
            });
        });
    });
}

fn line(markup: &mut Markup, row: &Row, used: &[(usize, &str)]) {
    let mut attributes = Vec::new();
    attributes.extend(row.id.as_deref().map(|id| ("id", id)));
    attributes.extend((!row.class.is_empty()).then_some(("class", row.class)));
    markup.element("tr", &attributes, |m| {
        for (at, _) in used {
            let Some(cell) = row.cells.get(*at) else {
                continue;
            };
            let key = cell.key.map(|key| key.to_string());
            let key = key.filter(|key| *key != cell.text);
            let mut attributes = Vec::new();
            attributes.extend((*at == 0).then_some(("scope", "row")));
            attributes.extend((cell.look == Look::Number).then_some(("class", "number")));
            attributes.extend(key.as_deref().map(|key| ("data-key", key)));
            let tag = if *at == 0 { "th" } else { "td" };
            m.element(tag, &attributes, |m| match cell.look {
                Look::Name if !cell.text.is_empty() => m.name(&cell.text),
                _ => m.text(&cell.text),
            });
        }
    });
}
