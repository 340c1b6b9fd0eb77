//! A finding: what it is, what proves it, what to do.

use super::layout::{GUTTER, Ink, Page, gutter};
use super::observation;
use crate::model::finding::{Action, Fact, Finding, Severity};
use crate::model::{Observation, ObservationId, Report};
use crate::report::{Style, Verbosity, lines};

/// So many attempts are shown beneath a fact: as many as a burst has.
const SHOWN: usize = 10;

/// Puts a finding on the page.
pub(super) fn show(page: &mut Page<'_>, report: &Report, finding: &Finding, style: &Style) {
    let (label, ink) = label(report, finding);
    page.hanging_in(&[(ink, &gutter(label))], Ink::Strong, finding.id.as_str());
    // The headline says the cause already.
    if !lines::is_summed_up(report, finding) {
        page.field("", &finding.title);
    }
    if !finding.explanation.is_empty() && finding.explanation != finding.title {
        page.field("", &finding.explanation);
    }
    for (number, fact) in finding.evidence.iter().enumerate() {
        let label = if number == 0 { "proof" } else { "" };
        page.point(label, "-", &told(fact, style));
        if style.verbosity == Verbosity::Verbose {
            observed(page, report, fact);
        }
    }
    for (number, action) in finding.actions.iter().enumerate() {
        let label = if number == 0 { "what to do" } else { "" };
        let point = (number + 1).to_string();
        step(page, label, &point, action);
    }
}

/// What the finding is in this report.
pub(in crate::report) fn label(report: &Report, finding: &Finding) -> (&'static str, Ink) {
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

/// The attempts that a fact rests on, the first of them where they are many.
fn observed(page: &mut Page<'_>, report: &Report, fact: &Fact) {
    let cited = |id: &ObservationId| report.observations.iter().find(|o| o.id == *id);
    let all: Vec<&Observation> = fact.observations.iter().filter_map(cited).collect();
    let label = [(Ink::Plain, &*gutter("")), (Ink::Plain, "   ")];
    for observation in all.iter().take(SHOWN) {
        page.hanging_in(&label, Ink::Faint, &observation::line(observation));
    }
    if all.len() > SHOWN {
        let more = format!("and {} more like these, in the JSON", all.len() - SHOWN);
        page.hanging_in(&label, Ink::Faint, &more);
    }
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
pub(in crate::report) fn numbers(ids: &[ObservationId]) -> String {
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
