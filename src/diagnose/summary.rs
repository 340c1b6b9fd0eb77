//! The verdict in one sentence.

use super::compose::{Judged, decapitalise};
use crate::model::evidence::{Ended, Evidence};
use crate::model::finding::{Finding, Severity};
use crate::model::options::Expect;
use crate::model::report::{Status, Verdict};
use crate::model::text::escape;

/// The verdict in one sentence, with the target's own name.
pub(super) fn summary(
    evidence: &Evidence,
    judged: &[Judged<'_>],
    findings: &[Finding],
    status: Status,
    verdict: Verdict,
) -> String {
    let label = escape(&evidence.target.label());
    let first = findings.first().map(|finding| decapitalise(&finding.title));
    let because = |lead: &str| {
        first
            .as_ref()
            .map_or_else(|| lead.to_owned(), |title| format!("{lead}: {title}"))
    };
    if let Some(expect) = evidence
        .options
        .expect
        .filter(|expect| *expect != Expect::Open)
    {
        return match verdict {
            Verdict::Pass | Verdict::Warn => {
                let info = findings
                    .iter()
                    .find(|finding| finding.severity == Severity::Info);
                let how = info.map_or_else(String::new, |finding| {
                    format!(": {}", decapitalise(&finding.title))
                });
                format!("{label} is {}, as expected{how}", expect.as_str())
            }
            Verdict::Fail => because(&format!("{label} is not as expected")),
            Verdict::Indeterminate => {
                because(&format!("Can't prove that {label} is {}", expect.as_str()))
            }
        };
    }
    match (verdict, status) {
        (Verdict::Indeterminate, _) => match evidence.ended {
            Ended::Interrupted => {
                format!("Interrupted before it could be told whether {label} works")
            }
            Ended::Deadline => {
                format!("The deadline came before it could be told whether {label} works")
            }
            Ended::Complete => because(&format!("Can't tell whether {label} works")),
        },
        (_, Status::Unreachable) => because(&format!("{label} is unreachable")),
        (_, Status::Degraded) => because(&format!("{label} works in part")),
        (Verdict::Fail, _) => because(&format!("{label} is reachable, but not as demanded")),
        (Verdict::Warn, _) => format!(
            "{}, but {}",
            works(&label, judged),
            first.unwrap_or_default()
        ),
        (Verdict::Pass, _) => works(&label, judged),
    }
}

/// `db.example:5432 is reachable: 10 of 10 connections opened, 4.1 ms on average`.
fn works(label: &str, judged: &[Judged<'_>]) -> String {
    let ok: u32 = judged.iter().map(|j| j.probes.ok).sum();
    let sent: u32 = judged.iter().map(|j| j.probes.sent).sum();
    let addresses = if judged.len() > 1 {
        format!(" at {} addresses", judged.len())
    } else {
        String::new()
    };
    let slowest = judged.iter().filter_map(|j| j.probes.avg_ms).max();
    let among = if judged.len() > 1 {
        " at the slowest"
    } else {
        ""
    };
    let average = slowest.map_or_else(String::new, |ms| format!(", {ms} on average{among}"));
    format!("{label} is reachable: {ok} of {sent} connections opened{addresses}{average}")
}
