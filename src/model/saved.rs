//! Saved reports, read back: one report, a batch, or several documents one after the other, as `-o jsonl` and `cat` make them.
//!
//! Who wrote the text is not known: its length is the caller's to bound, its depth is bounded by the parser, and nothing of it is trusted
//! beyond its form. Keys that are not known are ignored, and those that an earlier version did not write have their defaults.

use serde::Deserialize;
use serde_json::Value;

use super::Ms;
use super::exit::ExitStatus;
use super::report::{BATCH_SCHEMA, Batch, REPORT_SCHEMA, Report, Tool};
use super::text::escape;

/// What begins the JSON in a page that `-o html` wrote; `</script>` ends it.
pub const EMBEDDED: &str = "<script type=\"application/json\" id=\"nwcheck-report\">";

/// One document of a file.
#[derive(Debug, Clone, PartialEq)]
pub enum Saved {
    /// The report of one target.
    Report(Box<Report>),
    /// The reports of several.
    Batch(Batch),
}

impl Saved {
    /// Its reports, in their order.
    pub fn reports(&self) -> &[Report] {
        match self {
            Self::Report(report) => std::slice::from_ref(report),
            Self::Batch(batch) => &batch.reports,
        }
    }

    /// Its reports, to be changed.
    pub fn reports_mut(&mut self) -> &mut [Report] {
        match self {
            Self::Report(report) => std::slice::from_mut(report),
            Self::Batch(batch) => &mut batch.reports,
        }
    }

    /// The exit status that it stands for: its report's own, or the worst of them.
    pub fn exit(&self) -> ExitStatus {
        worst(self.reports())
    }
}

/// The worst exit status of some reports.
pub fn worst(reports: &[Report]) -> ExitStatus {
    reports
        .iter()
        .map(Report::exit)
        .fold(ExitStatus::Passed, ExitStatus::worst)
}

/// Several documents as one: one alone stays what it is, several become a batch, whose duration is the sum of theirs. None of nothing.
pub fn joined(documents: Vec<Saved>) -> Option<Saved> {
    let mut documents = documents;
    if documents.len() < 2 {
        return documents.pop();
    }
    let duration = documents.iter().fold(Ms::ZERO, |sum, one| match one {
        Saved::Report(report) => sum + report.duration_ms,
        Saved::Batch(batch) => sum + batch.duration_ms,
    });
    let reports: Vec<Report> = documents
        .into_iter()
        .flat_map(|one| match one {
            Saved::Report(report) => vec![*report],
            Saved::Batch(batch) => batch.reports,
        })
        .collect();
    let started_at = reports.iter().map(|report| report.started_at).min()?;
    Some(Saved::Batch(Batch {
        schema: BATCH_SCHEMA.to_owned(),
        tool: Tool::this(),
        started_at,
        duration_ms: duration,
        exit_status: worst(&reports).code(),
        reports,
    }))
}

/// Why a text is no saved report: where, and what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotAReport {
    /// The line, from 1, and the column, where one can be named.
    pub place: Option<(usize, usize)>,
    /// What is wrong, safe to show.
    pub what: String,
}

/// What tells one document from another.
#[derive(Deserialize)]
struct Header {
    schema: Option<Value>,
    tool: Option<Value>,
}

/// Reads all documents of a text, in their order: JSON, or a page that has it within.
///
/// # Errors
/// There is none, or one of them is no report: nothing of the text is used then.
pub fn read(text: &str) -> Result<Vec<Saved>, NotAReport> {
    // Some editors and shells put it before every text.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let embedded = text.split_once(EMBEDDED);
    if let Some((_, json)) = embedded.filter(|_| text.trim_start().starts_with('<')) {
        // Within it no text has a `<`.
        let json = json.split_once('<').map_or(json, |(json, _)| json);
        // A place in it is none in the file.
        return read(json).map_err(|fault| NotAReport {
            place: None,
            ..fault
        });
    }
    let mut headers = serde_json::Deserializer::from_str(text).into_iter::<Header>();
    let mut documents = Vec::new();
    loop {
        let rest = text.get(headers.byte_offset()..).unwrap_or_default();
        let start = text.len() - rest.trim_start().len();
        match headers.next() {
            None => break,
            Some(Err(error)) => return Err(no_json(text, start, &error)),
            Some(Ok(header)) => {
                let document = text.get(start..headers.byte_offset()).unwrap_or_default();
                documents.push(one(document, &header).map_err(|fault| fault.after(text, start))?);
            }
        }
    }
    if documents.is_empty() {
        return Err(NotAReport {
            place: None,
            what: "it is empty".to_owned(),
        });
    }
    Ok(documents)
}

/// What is wrong with one document, its place within it.
struct Fault {
    place: Option<(usize, usize)>,
    what: String,
}

impl Fault {
    fn new(what: String) -> Self {
        Self { place: None, what }
    }

    /// The same, its place within the whole text.
    fn after(self, text: &str, start: usize) -> NotAReport {
        let before = text.get(..start).unwrap_or_default();
        let lines = before.matches('\n').count();
        let column = before.len() - before.rfind('\n').map_or(0, |at| at + 1);
        let place = match self.place {
            Some((1, of_one)) => (lines + 1, column + of_one),
            Some((line, of_one)) => (lines + line, of_one),
            None => (lines + 1, column + 1),
        };
        NotAReport {
            // A single document needs no place unless there is one within it.
            place: (self.place.is_some() || start > 0).then_some(place),
            what: self.what,
        }
    }
}

fn no_json(text: &str, start: usize, error: &serde_json::Error) -> NotAReport {
    let what = match error.classify() {
        serde_json::error::Category::Eof => "it ends in the middle".to_owned(),
        serde_json::error::Category::Data => {
            return Fault::new("it is no JSON object".to_owned()).after(text, start);
        }
        _ => format!("it is no JSON: {}", plain(error)),
    };
    NotAReport {
        place: Some((error.line(), error.column())),
        what,
    }
}

fn one(document: &str, header: &Header) -> Result<Saved, Fault> {
    let broken = |error: serde_json::Error| Fault {
        place: Some((error.line(), error.column())),
        what: format!("it is no report: {}{}", plain(&error), newer(header)),
    };
    let saved = match header.schema.as_ref().and_then(Value::as_str) {
        Some(REPORT_SCHEMA) => {
            Saved::Report(Box::new(serde_json::from_str(document).map_err(broken)?))
        }
        Some(BATCH_SCHEMA) => Saved::Batch(serde_json::from_str(document).map_err(broken)?),
        Some(other) => {
            let other = escape(other);
            return Err(Fault::new(format!(
                "its `schema` is `{other}`, and this version reads {REPORT_SCHEMA} and {BATCH_SCHEMA}"
            )));
        }
        None => return Err(Fault::new("it has no `schema`".to_owned())),
    };
    if saved.reports().is_empty() {
        return Err(Fault::new("it holds no report".to_owned()));
    }
    let status = saved.reports().iter().map(|report| report.exit_status);
    match status
        .into_iter()
        .find(|status| !matches!(status, 0 | 1 | 3))
    {
        Some(status) => Err(Fault::new(format!(
            "its `exit_status` is {status}, and a check has 0, 1 or 3"
        ))),
        None => Ok(saved),
    }
}

/// The parser's words without the place, which is told apart, and without the whole list of what would have been known.
fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text
        .rsplit_once(" at line ")
        .map_or(text.as_str(), |(text, _)| text);
    let text = text
        .split_once(", expected one of ")
        .map_or(text, |(text, _)| text);
    escape(text)
}

/// A word about the version, where another wrote it: it may know what this one does not.
fn newer(header: &Header) -> String {
    let version = header.tool.as_ref().and_then(|tool| tool.get("version"));
    match version.and_then(Value::as_str) {
        Some(version) if version != Tool::this().version => format!(
            " (nwcheck {} wrote it, and this is {})",
            escape(version),
            Tool::this().version
        ),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests;
