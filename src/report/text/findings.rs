//! A finding: what it is, what proves it, what to do.

use super::layout::{GUTTER, Ink, Page, gutter};
use crate::model::finding::{Action, Fact, Finding, Severity};
use crate::model::{ObservationId, Report};
use crate::report::{Style, Verbosity};

/// Puts a finding on the page.
pub(super) fn show(page: &mut Page<'_>, report: &Report, finding: &Finding, style: &Style) {
    let (label, ink) = label(report, finding);
    page.hanging_in(&[(ink, &gutter(label))], Ink::Strong, finding.id.as_str());
    // The headline says the cause already.
    if !report.summary.contains(finding.title.trim_end_matches('.')) {
        page.field("", &finding.title);
    }
    if !finding.explanation.is_empty() && finding.explanation != finding.title {
        page.field("", &finding.explanation);
    }
    for (number, fact) in finding.evidence.iter().enumerate() {
        let label = if number == 0 { "proof" } else { "" };
        page.point(label, "-", &told(fact, style));
    }
    for (number, action) in finding.actions.iter().enumerate() {
        let label = if number == 0 { "what to do" } else { "" };
        let point = (number + 1).to_string();
        step(page, label, &point, action);
    }
}

/// What the finding is in this report.
fn label(report: &Report, finding: &Finding) -> (&'static str, Ink) {
    let cause = report
        .cause_finding()
        .is_some_and(|cause| std::ptr::eq(cause, finding));
    match finding.severity {
        Severity::Error if cause => ("cause", Ink::Bad),
        Severity::Warning if cause => ("cause", Ink::Warn),
        Severity::Error => ("error", Ink::Bad),
        Severity::Warning => ("warning", Ink::Warn),
        Severity::Info => ("note", Ink::Label),
    }
}

/// A fact; with the numbers of what it rests on where all is told.
fn told(fact: &Fact, style: &Style) -> String {
    if style.verbosity < Verbosity::Verbose || fact.observations.is_empty() {
        return fact.text.clone();
    }
    format!("{} [{}]", fact.text, numbers(&fact.observations))
}

fn step(page: &mut Page<'_>, label: &str, point: &str, action: &Action) {
    match &action.command {
        None => page.point(label, point, &action.text),
        Some(command) => {
            let text = action.text.trim_end_matches(['.', ':']);
            page.point(label, point, &format!("{text}:"));
            page.command(GUTTER + point.len() + 2, command);
        }
    }
}

/// `1-4, 7`: numbers of observations, runs drawn together.
pub(super) fn numbers(ids: &[ObservationId]) -> String {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    let mut runs: Vec<(ObservationId, ObservationId)> = Vec::new();
    for id in ids {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == id => *last = id,
            _ => runs.push((id, id)),
        }
    }
    let runs: Vec<String> = runs
        .iter()
        .map(|(first, last)| {
            if first == last {
                first.to_string()
            } else {
                format!("{first}-{last}")
            }
        })
        .collect();
    format!("#{}", runs.join(", #"))
}

#[cfg(test)]
mod tests {
    use super::numbers;

    #[test]
    fn runs_of_numbers_are_drawn_together() {
        assert_eq!(numbers(&[7, 1, 2, 3, 9, 10]), "#1-3, #7, #9-10");
    }
}
