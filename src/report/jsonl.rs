//! One report a line: it can be written as soon as its check ends.

use crate::model::Report;

/// The report on one line, with its line break.
///
/// # Errors
/// A number that JSON has no form for: a fault of the program.
pub fn line(report: &Report) -> serde_json::Result<String> {
    let mut text = serde_json::to_string(report)?;
    text.push('\n');
    Ok(text)
}
