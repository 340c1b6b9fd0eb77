//! What a terminal shows, as an SVG: for README.md, whose picture is a real run and stays one (`cases::readme`).
//!
//! Reads the text and the graphic renditions that nwcheck itself writes (ECMA-48, SGR: bold, faint, four colours), and refuses
//! any other control sequence.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr as _;

/// Width of a cell and height of a line, in pixels, of a monospaced font of 14 pixels.
const CELL: f64 = 8.43;
const LINE: usize = 18;
const MARGIN: usize = 16;

/// Text of one rendition.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Piece {
    column: usize,
    classes: Vec<&'static str>,
    text: String,
}

/// What is printed, line by line, as an SVG; `spoken` is what is read aloud in its place.
pub(crate) fn svg(printed: &str, spoken: &str) -> Result<String, String> {
    let lines = lines(printed)?;
    let columns = lines
        .iter()
        .filter_map(|line| line.last())
        .map(|piece| piece.column + piece.text.width())
        .max()
        .unwrap_or(0);
    let width = pixels(columns).ceil() + 2.0 * MARGIN as f64;
    let height = lines.len() * LINE + 2 * MARGIN;
    let mut svg = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" aria-labelledby="title">
<title id="title">{spoken}</title>
<style>
text {{ font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; white-space: pre; fill: #1f2328 }}
.page {{ fill: #f6f8fa; stroke: #d1d9e0 }}
.bold {{ font-weight: 700 }} .faint {{ fill: #59636e }}
.red {{ fill: #b3121d }} .green {{ fill: #116329 }} .yellow {{ fill: #7d4e00 }} .cyan {{ fill: #0b5394 }}
@media (prefers-color-scheme: dark) {{
text {{ fill: #e6edf3 }} .page {{ fill: #0d1117; stroke: #3d444d }} .faint {{ fill: #9198a1 }}
.red {{ fill: #ff7b72 }} .green {{ fill: #56d364 }} .yellow {{ fill: #e3b341 }} .cyan {{ fill: #79c0ff }}
}}
</style>
<rect class="page" x="0.5" y="0.5" width="{}" height="{}" rx="6"/>
"#,
        width - 1.0,
        height - 1,
        spoken = escape(spoken),
    );
    for (number, line) in lines.iter().enumerate() {
        let y = MARGIN + number * LINE + 13;
        for piece in line.iter().filter(|piece| !piece.text.trim().is_empty()) {
            let class = match &piece.classes[..] {
                [] => String::new(),
                classes => format!(r#" class="{}""#, classes.join(" ")),
            };
            // The length keeps the columns where a reader's font is wider.
            let _ = writeln!(
                svg,
                r#"<text x="{:.1}" y="{y}" textLength="{:.1}"{class} xml:space="preserve">{}</text>"#,
                MARGIN as f64 + pixels(piece.column),
                pixels(piece.text.width()),
                escape(&piece.text)
            );
        }
    }
    svg.push_str("</svg>\n");
    Ok(svg)
}

/// The texts of a picture that begin in this column, from top to bottom.
pub(crate) fn at_column(svg: &str, column: usize) -> Vec<String> {
    let place = format!(r#"<text x="{:.1}" "#, MARGIN as f64 + pixels(column));
    svg.lines()
        .filter(|line| line.starts_with(&place))
        .filter_map(|line| {
            let (_, text) = line.split_once("\"preserve\">")?;
            Some(text.strip_suffix("</text>")?.trim().to_owned())
        })
        .collect()
}

/// Parts lines at the changes of rendition, and at wide gaps, so that no piece is stretched over a column's edge.
fn lines(printed: &str) -> Result<Vec<Vec<Piece>>, String> {
    let mut classes: Vec<&'static str> = Vec::new();
    let mut lines = Vec::new();
    for printed in printed.lines() {
        let mut line: Vec<Piece> = Vec::new();
        let mut column = 0;
        let mut rest = printed;
        while !rest.is_empty() {
            let (text, after) = rest
                .find('\u{1b}')
                .map_or((rest, ""), |at| rest.split_at(at));
            for text in at_gaps(text) {
                line.push(Piece {
                    column,
                    classes: classes.clone(),
                    text: text.to_owned(),
                });
                column += text.width();
            }
            rest = after;
            if let Some(sequence) = after.strip_prefix("\u{1b}[") {
                let (codes, after) = sequence
                    .split_once('m')
                    .ok_or_else(|| format!("an unfinished rendition: {after:?}"))?;
                for code in codes.split(';') {
                    match code {
                        "" | "0" => classes.clear(),
                        "1" => classes.push("bold"),
                        "2" => classes.push("faint"),
                        "31" => classes.push("red"),
                        "32" => classes.push("green"),
                        "33" => classes.push("yellow"),
                        "36" => classes.push("cyan"),
                        _ => return Err(format!("no rendition that nwcheck writes: {codes:?}")),
                    }
                }
                rest = after;
            } else if !after.is_empty() {
                return Err(format!("a control sequence: {after:?}"));
            }
        }
        lines.push(line);
    }
    Ok(lines)
}

/// Parts a text before what follows two or more spaces; the spaces stay with what is before them.
fn at_gaps(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut spaces) = (0, 0);
    for (at, c) in text.char_indices() {
        if c == ' ' {
            spaces += 1;
        } else {
            if spaces >= 2 {
                parts.push(&text[start..at]);
                start = at;
            }
            spaces = 0;
        }
    }
    parts.push(&text[start..]);
    parts.retain(|part| !part.is_empty());
    parts
}

fn pixels(columns: usize) -> f64 {
    columns as f64 * CELL
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
