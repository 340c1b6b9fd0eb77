//! Each sample as it is drawn, and pictures read back: what a reader can follow in one is what the report says, no more and no less.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::lanes::{Drawing, Line, Pen, draw};
use crate::model::topology::Path;
use crate::report::graph::{Graph, samples};
use crate::report::text::tests::compare;
use crate::report::{Style, Verbosity};

fn text(path: &Path, style: &Style) -> String {
    let mut report = samples::report(path);
    report.target.protocol = crate::model::target::Protocol::Trace;
    crate::report::text::render(&report, style)
}

#[test]
fn pictures_are_what_was_looked_at() {
    for (name, path) in samples::all() {
        for width in [60, 80, 120, 200] {
            let style = Style {
                width,
                ..Style::default()
            };
            compare(&format!("picture-{name}.{width}"), &text(&path, &style));
        }
        let ascii = Style {
            width: 80,
            ascii: true,
            ..Style::default()
        };
        let drawn = text(&path, &ascii);
        assert!(drawn.is_ascii(), "{drawn}");
        compare(&format!("picture-{name}.ascii"), &drawn);
        let verbose = Style {
            width: 120,
            verbosity: Verbosity::Verbose,
            ..Style::default()
        };
        compare(&format!("picture-{name}.verbose"), &text(&path, &verbose));
    }
}

/// What a character is joined to: above, below, to the left, to the right.
const fn joints(c: char) -> (bool, bool, bool, bool) {
    match c {
        '│' | '|' | '●' | '◆' | '*' | 'o' | '#' | '╳' | 'x' => (true, true, false, false),
        '─' | '-' => (false, false, true, true),
        '├' => (true, true, false, true),
        '┤' => (true, true, true, false),
        // ASCII corners join to whatever stands beside them.
        '┬' | '.' => (false, true, true, true),
        '┴' | '\'' => (true, false, true, true),
        '┼' | '+' => (true, true, true, true),
        '╭' => (false, true, false, true),
        '╮' => (false, true, true, false),
        '╰' => (true, false, false, true),
        '╯' => (true, false, true, false),
        _ => (false, false, false, false),
    }
}

/// Follows a drawing as a reader would, and tells which vertices it links.
fn read(drawing: &Drawing) -> BTreeSet<(usize, usize)> {
    let mut grid: Vec<Vec<char>> = Vec::new();
    let mut signs = Vec::new();
    for line in &drawing.lines {
        match line {
            Line::Vertex { at, lanes, .. } => {
                let column = lanes.chars().position(|c| "●◆*o#╳x".contains(c)).unwrap();
                signs.push((grid.len(), column, *at));
                grid.push(lanes.chars().collect());
            }
            // A row of words stands between: nothing is followed through it.
            Line::Between(lanes) => grid.push(lanes.chars().collect()),
            Line::Mark(_) => {}
        }
    }
    let at = |row: usize, column: usize| {
        grid.get(row)
            .and_then(|row| row.get(column))
            .copied()
            .unwrap_or(' ')
    };
    let sign = |row: usize, column: usize| {
        signs
            .iter()
            .find(|(r, c, _)| (*r, *c) == (row, column))
            .map(|(.., vertex)| *vertex)
    };
    let mut links = BTreeSet::new();
    for (row, column, from) in &signs {
        let mut seen = BTreeSet::new();
        // Each step is a cell and the direction from which it is entered.
        let mut ways = vec![(*row + 1, *column, 'd')];
        while let Some((row, column, way)) = ways.pop() {
            if !seen.insert((row, column, way)) {
                continue;
            }
            let c = at(row, column);
            let (up, down, left, right) = joints(c);
            match way {
                'd' if up => {
                    if let Some(to) = sign(row, column) {
                        links.insert((*from, to));
                        continue;
                    }
                    if down {
                        ways.push((row + 1, column, 'd'));
                    }
                    if left && column > 0 {
                        ways.push((row, column - 1, 'l'));
                    }
                    if right {
                        ways.push((row, column + 1, 'r'));
                    }
                }
                'l' | 'r' => {
                    let (entered, on) = if way == 'l' {
                        (right, left)
                    } else {
                        (left, right)
                    };
                    let next = if way == 'l' {
                        column.checked_sub(1)
                    } else {
                        Some(column + 1)
                    };
                    // A lane without arms interrupts a bar, and is not joined to it.
                    let crossing = up && down && !left && !right && sign(row, column).is_none();
                    if let (true, Some(next)) = (crossing || (entered && on), next) {
                        ways.push((row, next, way));
                    }
                    if entered && down {
                        ways.push((row + 1, column, 'd'));
                    }
                }
                _ => {}
            }
        }
    }
    links
}

/// Whether the drawing and the list beside it are the links, and no sign is drawn twice or forgotten.
fn true_to(path: &Path, ascii: bool, pitch: usize, mark: Option<u8>) -> Result<(), TestCaseError> {
    let endpoint = samples::endpoint();
    let graph = Graph::of(path, &endpoint);
    let Some(drawing) = draw(&graph, Pen { ascii, pitch }, mark) else {
        return Ok(());
    };
    let links: BTreeSet<(usize, usize)> = graph.links.iter().copied().collect();
    let told: BTreeSet<(usize, usize)> = read(&drawing).union(&drawing.listed).copied().collect();
    prop_assert_eq!(&told, &links, "{:#?}", drawing);
    let drawn: Vec<usize> = drawing
        .lines
        .iter()
        .filter_map(|line| match line {
            Line::Vertex { at, .. } => Some(*at),
            _ => None,
        })
        .collect();
    let unique: BTreeSet<usize> = drawn.iter().copied().collect();
    prop_assert_eq!(drawn.len(), graph.vertices.len());
    prop_assert_eq!(unique.len(), graph.vertices.len());
    Ok(())
}

#[test]
fn each_sample_can_be_read_back() {
    for (name, path) in samples::all() {
        for (ascii, pitch) in [(false, 2), (false, 1), (true, 2), (true, 1)] {
            true_to(&path, ascii, pitch, None).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }
}

#[test]
fn what_is_a_diamond_is_drawn_and_not_listed() {
    for path in [
        samples::diamond(2),
        samples::diamond(16),
        samples::diamond(32),
        samples::mesh(&[]),
    ] {
        let graph_endpoint = samples::endpoint();
        let graph = Graph::of(&path, &graph_endpoint);
        let drawing = draw(
            &graph,
            Pen {
                ascii: false,
                pitch: 2,
            },
            None,
        )
        .unwrap();
        assert!(drawing.listed.is_empty(), "{drawing:#?}");
    }
}

/// Flows through up to eight hops of up to six nodes, silence among them.
fn any_path() -> impl Strategy<Value = Path> {
    let flow = prop::collection::vec(0_u32..6, 1..9);
    (
        prop::collection::vec(flow, 0..24),
        prop::collection::vec((1_u8..9, 1_u32..6, 1_u8..9, 1_u32..6), 0..4),
    )
        .prop_map(|(chosen, alike)| {
            let written: Vec<String> = chosen
                .iter()
                .map(|flow| {
                    let ids: Vec<String> = (1..)
                        .zip(flow)
                        .map(|(ttl, n)| format!("{ttl}.{n}"))
                        .collect();
                    format!("{}!", ids.join(" "))
                })
                .collect();
            let written: Vec<&str> = written.iter().map(String::as_str).collect();
            let sample = samples::flows(&written);
            let sample = alike.iter().fold(sample, |sample, (ttl, n, other, m)| {
                let (one, two) = (format!("{ttl}.{n}"), format!("{other}.{m}"));
                sample.alike(&[&one, &two], &format!("10.200.{ttl}.{other}"))
            });
            sample.path
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_picture_shows_the_links_and_no_others(path in any_path(), ascii: bool, pitch in 1_usize..3, mark in prop::option::of(0_u8..9)) {
        true_to(&path, ascii, pitch, mark)?;
    }

    #[test]
    fn no_line_is_wider_than_the_page(path in any_path(), width in prop::sample::select(vec![60_usize, 80, 120, 200])) {
        let drawn = text(&path, &Style { width, ..Style::default() });
        for line in drawn.lines() {
            prop_assert!(unicode_width::UnicodeWidthStr::width(line) <= width, "{}", line);
        }
    }
}
