//! HTML and SVG under construction: every element is closed by whoever opened it, every attribute is quoted, and all text goes through
//! one place that makes it safe.

use crate::model::text::deceives;
use crate::report::svg::noncharacter;

/// Names and values. The names are ours; a value may come from the network.
pub(super) type Attributes<'a> = &'a [(&'a str, &'a str)];

/// Elements behind which a line ends, so that the file can be read as text and compared line by line.
const BLOCKS: &[&str] = &[
    "head",
    "meta",
    "title",
    "style",
    "script",
    "body",
    "header",
    "nav",
    "main",
    "footer",
    "section",
    "article",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "p",
    "ul",
    "ol",
    "li",
    "dl",
    "dt",
    "dd",
    "table",
    "caption",
    "thead",
    "tbody",
    "tr",
    "div",
    "figure",
    "figcaption",
    "details",
    "summary",
    "pre",
    "svg",
];
/// Elements of HTML that have no content and no end.
const VOID: &[&str] = &["meta"];

/// A piece of a document.
pub(super) struct Markup {
    text: String,
}

impl Markup {
    /// What a document begins with.
    pub fn begun(with: &str) -> Self {
        Self {
            text: with.to_owned(),
        }
    }

    /// The whole of it.
    pub fn finish(self) -> String {
        self.text
    }

    /// An element and what stands in it.
    pub fn element(
        &mut self,
        tag: &str,
        attributes: Attributes<'_>,
        content: impl FnOnce(&mut Self),
    ) {
        self.tag(tag, attributes);
        self.text.push('>');
        content(self);
        self.text.push_str("</");
        self.text.push_str(tag);
        self.text.push('>');
        self.end_line(tag);
    }

    /// An element without content.
    pub fn empty(&mut self, tag: &str, attributes: Attributes<'_>) {
        self.tag(tag, attributes);
        // SVG closes it so; HTML does not.
        self.text
            .push_str(if VOID.contains(&tag) { ">" } else { "/>" });
        self.end_line(tag);
    }

    /// An element with text.
    pub fn says(&mut self, tag: &str, attributes: Attributes<'_>, text: &str) {
        self.element(tag, attributes, |markup| markup.text(text));
    }

    /// An element with text where no markup may stand: a title, a part of a picture.
    pub fn says_plainly(&mut self, tag: &str, attributes: Attributes<'_>, text: &str) {
        self.element(tag, attributes, |markup| safe(text, &mut markup.text));
    }

    /// Text. A word in letters that run from right to left is set apart, so that it turns nothing round it.
    pub fn text(&mut self, text: &str) {
        for piece in text.split_inclusive(' ') {
            let word = piece.trim_end_matches(' ');
            if word.chars().any(runs_left) {
                self.name(word);
                self.text.push_str(piece.get(word.len()..).unwrap_or(""));
            } else {
                safe(piece, &mut self.text);
            }
        }
    }

    /// A name that somebody else chose: set apart, whichever way its letters run.
    pub fn name(&mut self, name: &str) {
        self.text.push_str("<bdi>");
        safe(name, &mut self.text);
        self.text.push_str("</bdi>");
    }

    /// A command, whole: a click selects all of it.
    pub fn command(&mut self, command: &str) {
        self.element("pre", &[("class", "command")], |markup| {
            markup.says_plainly("code", &[], command);
        });
    }

    /// What is markup already, and ours.
    pub fn raw(&mut self, markup: &str) {
        self.text.push_str(markup);
    }

    fn tag(&mut self, tag: &str, attributes: Attributes<'_>) {
        self.text.push('<');
        self.text.push_str(tag);
        for (name, value) in attributes {
            self.text.push(' ');
            self.text.push_str(name);
            self.text.push_str("=\"");
            safe(value, &mut self.text);
            self.text.push('"');
        }
    }

    fn end_line(&mut self, tag: &str) {
        if BLOCKS.contains(&tag) {
            self.text.push('\n');
        }
    }
}

/// Puts text where HTML and XML read it as text and nothing else: what would be markup is an entity; what moves the cursor, turns the
/// direction or can't be seen is written out; what neither form allows is replaced.
fn safe(text: &str, into: &mut String) {
    for c in text.chars() {
        match c {
            '&' => into.push_str("&amp;"),
            '<' => into.push_str("&lt;"),
            '>' => into.push_str("&gt;"),
            '"' => into.push_str("&quot;"),
            '\'' => into.push_str("&#39;"),
            c if noncharacter(c) => into.push('\u{fffd}'),
            c if deceives(c) => into.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
            c => into.push(c),
        }
    }
}

/// Whether a letter runs from right to left (the blocks of Unicode whose default is so: DerivedBidiClass.txt).
const fn runs_left(c: char) -> bool {
    matches!(c, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}'
        | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
}

#[cfg(test)]
mod tests {
    use super::Markup;

    fn made(make: impl FnOnce(&mut Markup)) -> String {
        let mut markup = Markup::begun("");
        make(&mut markup);
        markup.finish()
    }

    #[test]
    fn text_and_attributes_stay_text() {
        let said = made(|m| {
            m.says(
                "p",
                &[("title", "\"><b>'")],
                "</p><script>&\u{202e}\0\u{ffff}",
            );
        });
        assert_eq!(
            said,
            "<p title=\"&quot;&gt;&lt;b&gt;&#39;\">&lt;/p&gt;&lt;script&gt;&amp;\\u{202e}\\u{0}\u{fffd}</p>\n"
        );
    }

    #[test]
    fn a_word_that_runs_from_right_to_left_turns_nothing_round_it() {
        let said = made(|m| m.text("to שרת.example 10 of 10"));
        assert_eq!(said, "to <bdi>שרת.example</bdi> 10 of 10");
        assert_eq!(made(|m| m.text("a  b ")), "a  b ");
    }
}
