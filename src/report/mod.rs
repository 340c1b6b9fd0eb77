//! Pure: report → text, in every form that it can have. Colour, width and characters come in as values.
//!
//! One file per form; adding one is a file, a [`Form`] and a line in [`render`]. Nothing here reads a terminal, an environment or a
//! clock, looks up a name or decides what is wrong: it shows what stands in the report, and escapes it for whoever reads it.

pub mod azure;
pub mod diff;
pub mod dot;
pub mod github;
mod graph;
pub mod html;
pub mod json;
pub mod jsonl;
pub mod junit;
mod lines;
pub mod markdown;
pub mod mermaid;
pub mod nagios;
pub mod prometheus;
pub mod redact;
pub mod svg;
pub mod text;

#[cfg(test)]
pub(crate) mod fixtures;

use crate::model::Report;
use crate::model::report::Batch;

/// How much is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Verbosity {
    /// One line for each target.
    Quiet,
    /// What an engineer acts on.
    #[default]
    Normal,
    /// All that was measured.
    Verbose,
}

/// The form of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Form {
    /// For people.
    #[default]
    Text,
    /// One JSON document.
    Json,
    /// One report a line.
    Jsonl,
    /// For a ticket or a pull request.
    Markdown,
    /// For a browser: one file that stands for itself.
    Html,
    /// For CI: test cases.
    Junit,
    /// For a GitHub Actions run: annotations.
    Github,
    /// For Nagios, Icinga and others: a plugin's line, with performance data.
    Nagios,
    /// Metrics, for the textfile collector.
    Prometheus,
    /// In the shape of Azure Network Watcher's connectivity check.
    Azure,
    /// The topology for Graphviz.
    Dot,
    /// The topology for Mermaid.
    Mermaid,
    /// The topology as a picture.
    Svg,
}

impl Form {
    /// Every form, by the name that is typed and the extension of its files; what a program reads from stdout, or has another form's
    /// extension, has none.
    pub const ALL: &[(&str, Option<&str>, Self)] = &[
        ("text", Some("txt"), Self::Text),
        ("json", Some("json"), Self::Json),
        ("jsonl", Some("jsonl"), Self::Jsonl),
        ("markdown", Some("md"), Self::Markdown),
        ("html", Some("html"), Self::Html),
        ("junit", Some("xml"), Self::Junit),
        ("github", None, Self::Github),
        ("nagios", None, Self::Nagios),
        ("prometheus", Some("prom"), Self::Prometheus),
        ("azure", None, Self::Azure),
        ("dot", Some("dot"), Self::Dot),
        ("mermaid", Some("mmd"), Self::Mermaid),
        ("svg", Some("svg"), Self::Svg),
    ];
}

/// How text looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Columns that may be used.
    pub width: usize,
    /// Whether colour is used (ANSI escape sequences).
    pub colour: bool,
    /// Whether only ASCII characters are used.
    pub ascii: bool,
    /// How much is told.
    pub verbosity: Verbosity,
}

impl Default for Style {
    fn default() -> Self {
        Self {
            width: 100,
            colour: false,
            ascii: false,
            verbosity: Verbosity::Normal,
        }
    }
}

/// What was checked in one call.
#[derive(Debug, Clone, Copy)]
pub enum Document<'a> {
    /// One target.
    Report(&'a Report),
    /// Several.
    Batch(&'a Batch),
}

impl<'a> Document<'a> {
    /// The reports, in the order in which they were asked for.
    pub fn reports(self) -> &'a [Report] {
        match self {
            Self::Report(report) => std::slice::from_ref(report),
            Self::Batch(batch) => &batch.reports,
        }
    }
}

/// A document in a form.
///
/// # Errors
/// A number that JSON has no form for, such as an infinite one: a fault of the program.
pub fn render(document: Document<'_>, form: Form, style: &Style) -> serde_json::Result<String> {
    match (form, document) {
        (Form::Text, Document::Report(report)) => Ok(text::render(report, style)),
        (Form::Text, Document::Batch(batch)) => Ok(text::batch(batch, style)),
        (Form::Json, Document::Report(report)) => json::render(report),
        (Form::Json, Document::Batch(batch)) => json::render(batch),
        (Form::Html, document) => html::render(document),
        (Form::Markdown, document) => Ok(markdown::render(document, style)),
        (Form::Junit, document) => Ok(junit::render(document, style)),
        (Form::Github, document) => Ok(github::render(document, style)),
        (Form::Nagios, document) => Ok(nagios::render(document, style)),
        (Form::Prometheus, document) => Ok(prometheus::render(document, style)),
        (Form::Azure, document) => azure::render(document),
        (Form::Dot, document) => Ok(dot::render(document)),
        (Form::Mermaid, document) => Ok(mermaid::render(document)),
        (Form::Svg, document) => Ok(svg::render(document)),
        (Form::Jsonl, document) => document.reports().iter().map(jsonl::line).collect(),
    }
}
