//! A report as text that an engineer can act on at a glance: the verdict in one sentence; then the cause, its proof and what to do;
//! then what was measured, and the path; then what was not measured, and why.

pub(in crate::report) mod findings;
pub mod layout;
pub(in crate::report) mod measurements;
pub(in crate::report) mod name;
pub mod observation;
mod path;
mod probes;
mod table;

use crate::model::Report;
use crate::model::evidence::Ended;
use crate::model::report::{Batch, Verdict};
use crate::model::text::count;

use super::{Style, Verbosity};
use layout::{Ink, Page};

/// One report.
pub fn render(report: &Report, style: &Style) -> String {
    let mut page = Page::new(style);
    one(&mut page, report, style);
    page.finish()
}

/// Several reports: a summary first, then each in the order given.
pub fn batch(batch: &Batch, style: &Style) -> String {
    let mut page = Page::new(style);
    if style.verbosity > Verbosity::Quiet {
        summary(&mut page, batch, style);
    }
    for report in &batch.reports {
        if style.verbosity > Verbosity::Quiet {
            page.blank();
        }
        one(&mut page, report, style);
    }
    page.finish()
}

fn one(page: &mut Page<'_>, report: &Report, style: &Style) {
    headline(page, report);
    if style.verbosity == Verbosity::Quiet {
        return;
    }
    for finding in &report.findings {
        page.blank();
        findings::show(page, report, finding, style);
    }
    page.blank();
    if report.redacted {
        page.field(
            "redacted",
            "names and addresses are replaced; what was equal still is",
        );
    }
    measurements::show(page, report, style);
}

/// The verdict in one sentence, behind its sign.
fn headline(page: &mut Page<'_>, report: &Report) {
    let (sign, ink) = sign(report.verdict, page.ascii());
    let label = format!("{sign} ");
    page.hanging_in(&[(ink, &label)], Ink::Strong, &report.summary);
}

/// The sign of a verdict; it never stands without words.
const fn sign(verdict: Verdict, ascii: bool) -> (&'static str, Ink) {
    match (verdict, ascii) {
        (Verdict::Pass, false) => ("✓", Ink::Good),
        (Verdict::Pass, true) => ("[ok]", Ink::Good),
        (Verdict::Warn, false) => ("!", Ink::Warn),
        (Verdict::Warn, true) => ("[warn]", Ink::Warn),
        (Verdict::Fail, false) => ("✗", Ink::Bad),
        (Verdict::Fail, true) => ("[fail]", Ink::Bad),
        (Verdict::Indeterminate, false) => ("?", Ink::Warn),
        (Verdict::Indeterminate, true) => ("[?]", Ink::Warn),
    }
}

/// A line for each target, and how many passed.
fn summary(page: &mut Page<'_>, batch: &Batch, style: &Style) {
    let all = batch.reports.len();
    let of = |verdict| {
        batch
            .reports
            .iter()
            .filter(|report| report.verdict == verdict)
            .count()
    };
    let told: Vec<String> = [
        (Verdict::Pass, "passed"),
        (Verdict::Warn, "with a warning"),
        (Verdict::Fail, "failed"),
        (Verdict::Indeterminate, "could not be told"),
    ]
    .iter()
    .filter(|(verdict, _)| of(*verdict) > 0)
    .map(|(verdict, word)| format!("{} {word}", of(*verdict)))
    .collect();
    let line = format!("{}: {}", count(all as u64, "target"), told.join(", "));
    page.line(&[(Ink::Strong, &line)]);
    page.blank();
    let mut table = table::Table::new(&["", "target", "status", "probes ok", "avg", "cause"]);
    table.right(&[3, 4]);
    table.beneath(&[5]);
    for report in &batch.reports {
        let (sign, ink) = sign(report.verdict, style.ascii);
        let ok: u32 = report.endpoints.iter().map(|e| e.probes.ok).sum();
        let sent: u32 = report.endpoints.iter().map(|e| e.probes.sent).sum();
        let avg = report
            .endpoints
            .iter()
            .find_map(|endpoint| endpoint.probes.avg_ms);
        table.row(
            ink,
            vec![
                sign.to_owned(),
                report.target.label(),
                report.status.as_str().to_owned(),
                if sent == 0 {
                    "none sent".to_owned()
                } else {
                    format!("{ok} of {sent}")
                },
                avg.map(|ms| ms.to_string()).unwrap_or_default(),
                report.cause.map(|id| id.to_string()).unwrap_or_default(),
            ],
        );
    }
    table.show(page, 2, "  ");
}

/// Why the check is not whole.
fn cut_short(report: &Report) -> Option<String> {
    match report.ended {
        Ended::Complete => None,
        Ended::Deadline => Some(format!(
            "the deadline of {} came before everything was measured",
            report.options.deadline_ms
        )),
        Ended::Interrupted => Some(format!(
            "interrupted after {}: this is what was measured until then",
            report.duration_ms
        )),
    }
}

#[cfg(test)]
pub(in crate::report) mod tests;
