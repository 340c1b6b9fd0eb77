//! A report, or a batch of them, as one JSON document: the contract with scripts.

use serde::Serialize;

/// The document, indented, with a line break at its end.
///
/// # Errors
/// A number that JSON has no form for: a fault of the program.
pub fn render(document: &impl Serialize) -> serde_json::Result<String> {
    let mut text = serde_json::to_string_pretty(document)?;
    text.push('\n');
    Ok(text)
}
