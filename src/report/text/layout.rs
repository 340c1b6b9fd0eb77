//! Lines of text: wrapped at words to a width, indented, coloured. All text goes through [`Page::safe`], whoever it comes from.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style as Paint};
use unicode_width::UnicodeWidthStr as _;

use crate::model::text::deceives;
use crate::report::Style;

/// How far labels reach: what they name starts behind it.
pub const GUTTER: usize = 16;

/// What a piece of text is, which says how it is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    /// Running text.
    Plain,
    /// What is read first.
    Strong,
    /// The name of what follows.
    Label,
    /// What is seldom needed.
    Faint,
    /// It is as it should be.
    Good,
    /// It works, and something is wrong.
    Warn,
    /// It does not work.
    Bad,
    /// A command to paste.
    Command,
}

impl Ink {
    const fn paint(self) -> Paint {
        let paint = Paint::new();
        match self {
            Self::Plain => paint,
            Self::Strong => paint.bold(),
            Self::Label => Paint::new().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Cyan))),
            Self::Faint => paint.dimmed(),
            Self::Good => coloured_bold(AnsiColor::Green),
            Self::Warn => coloured_bold(AnsiColor::Yellow),
            Self::Bad => coloured_bold(AnsiColor::Red),
            Self::Command => Paint::new().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Green))),
        }
    }
}

const fn coloured_bold(colour: AnsiColor) -> Paint {
    Paint::new()
        .fg_color(Some(anstyle::Color::Ansi(colour)))
        .bold()
}

/// Text under construction.
pub struct Page<'s> {
    style: &'s Style,
    text: String,
}

impl<'s> Page<'s> {
    /// An empty page.
    pub const fn new(style: &'s Style) -> Self {
        Self {
            style,
            text: String::new(),
        }
    }

    /// Whether only ASCII is used.
    pub const fn ascii(&self) -> bool {
        self.style.ascii
    }

    /// The columns that may be used.
    pub const fn width(&self) -> usize {
        self.style.width
    }

    /// The text, each line ended.
    pub fn finish(self) -> String {
        self.text
    }

    /// An empty line; never two, and none at the top.
    pub fn blank(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    /// One line, never wrapped.
    pub fn line(&mut self, pieces: &[(Ink, &str)]) {
        for (ink, piece) in pieces {
            let safe = self.safe(piece);
            self.put(*ink, &safe);
        }
        self.end();
    }

    /// A label, and text that is wrapped behind it.
    pub fn hanging(&mut self, label: &[(Ink, &str)], text: &str) {
        self.hanging_in(label, Ink::Plain, text);
    }

    /// The same with the text in an ink.
    pub fn hanging_in(&mut self, label: &[(Ink, &str)], ink: Ink, text: &str) {
        let mut indent = 0;
        for (ink, piece) in label {
            let safe = self.safe(piece);
            indent += safe.width();
            self.put(*ink, &safe);
        }
        self.wrapped(indent, ink, text);
    }

    /// Text that is wrapped behind the same characters on each line.
    pub fn lined(&mut self, before: &str, text: &str) {
        let room = self.style.width.saturating_sub(before.width()).max(20);
        let safe = self.safe(text);
        for line in wrap(&safe, room) {
            self.text.push_str(before);
            self.put(Ink::Plain, &line);
            self.end();
        }
    }

    /// A paragraph.
    pub fn paragraph(&mut self, indent: usize, text: &str) {
        self.put(Ink::Plain, &" ".repeat(indent));
        self.wrapped(indent, Ink::Plain, text);
    }

    /// A label in the gutter, and text behind it.
    pub fn field(&mut self, label: &str, text: &str) {
        self.field_in(label, Ink::Label, text);
    }

    /// The same with the label in an ink.
    pub fn field_in(&mut self, label: &str, ink: Ink, text: &str) {
        let label = gutter(label);
        self.hanging(&[(ink, &label)], text);
    }

    /// A point of a list in the gutter's text: `1  text`, `-  text`.
    pub fn point(&mut self, label: &str, point: &str, text: &str) {
        let label = gutter(label);
        let point = format!("{point}  ");
        self.hanging(&[(Ink::Label, &label), (Ink::Faint, &point)], text);
    }

    /// A command: on a line of its own, never wrapped, so that it can be pasted.
    pub fn command(&mut self, indent: usize, command: &str) {
        let space = " ".repeat(indent);
        self.line(&[(Ink::Plain, &space), (Ink::Command, command)]);
    }

    /// Text as it can be shown: nothing in it moves the cursor, hides or turns; in ASCII where that is all there is.
    pub fn safe(&self, text: &str) -> String {
        let mut safe = String::with_capacity(text.len());
        for c in text.chars() {
            if deceives(c) || (self.style.ascii && !c.is_ascii()) {
                match plain(c).filter(|_| self.style.ascii) {
                    Some(ascii) => safe.push_str(ascii),
                    None => {
                        // Writing to a string can't fail.
                        let _ = write!(safe, "\\u{{{:x}}}", u32::from(c));
                    }
                }
            } else {
                safe.push(c);
            }
        }
        safe
    }

    fn wrapped(&mut self, indent: usize, ink: Ink, text: &str) {
        let safe = self.safe(text);
        let room = self.style.width.saturating_sub(indent).max(20);
        for (number, line) in wrap(&safe, room).iter().enumerate() {
            if number > 0 {
                self.text.push_str(&" ".repeat(indent));
            }
            self.put(ink, line);
            self.end();
        }
    }

    fn put(&mut self, ink: Ink, text: &str) {
        let paint = ink.paint();
        if self.style.colour && ink != Ink::Plain && !text.trim().is_empty() {
            // Spaces around stay plain: what is coloured is what is read.
            let body = text.trim();
            let (before, after) = text.split_once(body).unwrap_or((text, ""));
            let _ = write!(self.text, "{before}{paint}{body}{paint:#}{after}");
        } else {
            self.text.push_str(text);
        }
    }

    /// Ends the line, without spaces at its end.
    fn end(&mut self) {
        let end = self.text.trim_end_matches(' ').len();
        self.text.truncate(end);
        self.text.push('\n');
    }
}

/// A label, as wide as the gutter.
pub fn gutter(label: &str) -> String {
    format!("  {label:0$}", GUTTER - 2)
}

/// Lines of at most so many columns, broken between words. A word that is longer stands whole: nothing is cut off.
fn wrap(text: &str, room: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut columns = 0;
    for (before, word) in words(text) {
        let width = word.width();
        if !line.is_empty() && columns + before + width > room {
            lines.push(std::mem::take(&mut line));
            columns = 0;
        } else {
            line.push_str(&" ".repeat(before));
            columns += before;
        }
        line.push_str(word);
        columns += width;
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(line);
    }
    lines
}

/// Words, each with the number of spaces before it: several mean a column, and stay. A number and its unit are one word.
fn words(text: &str) -> Vec<(usize, &str)> {
    let mut words: Vec<(usize, usize, usize)> = Vec::new();
    let mut start = 0;
    for word in text.split(' ') {
        let end = start + word.len();
        if !word.is_empty() {
            match words.last_mut() {
                Some((_, _, last))
                    if *last + 1 == start && unit(word) && text[..*last].ends_with(digit) =>
                {
                    *last = end;
                }
                Some((_, _, last)) => {
                    let before = start - *last;
                    words.push((before, start, end));
                }
                None => words.push((start, start, end)),
            }
        }
        start = end + 1;
    }
    words
        .into_iter()
        .map(|(before, start, end)| (before, text.get(start..end).unwrap_or_default()))
        .collect()
}

fn unit(word: &str) -> bool {
    matches!(
        word.trim_end_matches(|c: char| ",.;:)".contains(c)),
        "ms" | "s" | "%"
    )
}

const fn digit(c: char) -> bool {
    c.is_ascii_digit()
}

/// What stands for a character where only ASCII is used.
const fn plain(c: char) -> Option<&'static str> {
    Some(match c {
        '→' => "->",
        '…' => "...",
        '–' | '—' | '‐' | '‑' | '╌' | '─' | '−' | '·' | '•' => "-",
        '×' | '✗' => "x",
        '≤' => "<=",
        '≥' => ">=",
        '±' => "+-",
        'µ' | 'μ' => "u",
        '‘' | '’' => "'",
        '“' | '”' => "\"",
        '\u{a0}' | '\u{202f}' => " ",
        '✓' => "ok",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::{Page, wrap};
    use crate::report::Style;

    #[test]
    fn words_are_kept_whole() {
        assert_eq!(wrap("a bb ccc", 4), ["a bb", "ccc"]);
        assert_eq!(wrap("a-very-long-word b", 4), ["a-very-long-word", "b"]);
        assert_eq!(wrap("a   b", 20), ["a   b"]);
        assert_eq!(wrap("", 20), [""]);
        assert_eq!(
            wrap("takes 3.1 ms, or not", 11),
            ["takes", "3.1 ms, or", "not"]
        );
        // Wide characters take two columns.
        assert_eq!(wrap("中文 中文", 8), ["中文", "中文"]);
    }

    #[test]
    fn nothing_from_the_network_moves_the_cursor() {
        let style = Style::default();
        let page = Page::new(&style);
        assert_eq!(page.safe("a\x1b[2Jb\u{202e}"), "a\\u{1b}[2Jb\\u{202e}");
        let style = Style {
            ascii: true,
            ..style
        };
        assert_eq!(Page::new(&style).safe("a → é…"), "a -> \\u{e9}...");
    }
}
