//! A finding as plain lines, for the forms that put lines of their own around them. Nothing is escaped yet: each form knows its reader.

use crate::model::Report;
use crate::model::finding::{Finding, Severity};

/// What it means, its proof and what to do.
pub(super) fn of(finding: &Finding) -> Vec<String> {
    let mut lines = Vec::new();
    if !finding.explanation.is_empty() && finding.explanation != finding.title {
        lines.push(finding.explanation.clone());
    }
    if !finding.evidence.is_empty() {
        lines.push("Proof:".to_owned());
        lines.extend(
            finding
                .evidence
                .iter()
                .map(|fact| format!("- {}", fact.text)),
        );
    }
    if !finding.actions.is_empty() {
        lines.push("What to do:".to_owned());
        for (number, action) in (1_usize..).zip(&finding.actions) {
            lines.push(match &action.command {
                None => format!("{number}. {}", action.text),
                Some(command) => {
                    let text = action.text.trim_end_matches(['.', ':']);
                    format!("{number}. {text}: {command}")
                }
            });
        }
    }
    lines
}

/// The finding for which a check failed, or could not be told: the cause, else the first error, else the first warning. None where no
/// finding says it, as of a check that was interrupted.
pub(super) fn reason(report: &Report) -> Option<&Finding> {
    let of = |severity| report.findings.iter().find(move |f| f.severity == severity);
    report
        .cause_finding()
        .or_else(|| of(Severity::Error))
        .or_else(|| of(Severity::Warning))
}

/// Whether the summary says already what the finding's title says, perhaps after a colon, where its first letter is a small one.
pub(super) fn is_summed_up(report: &Report, finding: &Finding) -> bool {
    let mut title = finding.title.trim_end_matches('.').chars();
    title.next();
    report.summary.contains(title.as_str())
}
