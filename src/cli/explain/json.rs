//! For scripts: `{"schema": "nwcheck.findings/1", "tool", "findings": [...]}`, of one finding as of all.

use serde::Serialize;

use super::{origin, paragraphs, severity};
use crate::diagnose::Rule;
use crate::model::report::Tool;

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    tool: Tool,
    findings: Vec<Entry>,
}

#[derive(Serialize)]
struct Entry {
    id: &'static str,
    /// All that it may have.
    severities: Vec<&'static str>,
    origin: &'static str,
    meaning: String,
    proof: String,
    remedy: String,
    lookalikes: String,
}

pub(super) fn render(rules: &[&Rule]) -> String {
    let findings = rules.iter().map(|rule| entry(rule)).collect();
    let document = Document {
        schema: "nwcheck.findings/1",
        tool: Tool::this(),
        findings,
    };
    // Strings in structs have a form in JSON.
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}

fn entry(rule: &Rule) -> Entry {
    let text = |text| paragraphs(text).join("\n\n");
    Entry {
        id: rule.id.as_str(),
        severities: severity(rule.id).split(" or ").collect(),
        origin: origin(rule.id),
        meaning: text(rule.explain.meaning),
        proof: text(rule.explain.proof),
        remedy: text(rule.explain.remedy),
        lookalikes: text(rule.explain.lookalikes),
    }
}
