//! A redacted report judged again comes to what the whole one came to: what the rules ask for survives.

use std::hash::RandomState;

use nwcheck::diagnose::diagnose;
use nwcheck::model::Report;
use nwcheck::model::saved::{self, Saved};
use nwcheck::report::redact::redact;

use crate::files;

/// What a report comes to, without names, addresses and words.
fn outcome(report: &Report) -> impl PartialEq + std::fmt::Debug + use<> {
    let findings: Vec<_> = report
        .findings
        .iter()
        .map(|f| (f.id, f.severity, f.hop, f.evidence.len(), f.actions.len()))
        .collect();
    let endpoints: Vec<_> = report.endpoints.iter().map(|e| e.status).collect();
    (
        (report.status, report.verdict, report.cause),
        findings,
        endpoints,
        report.exit_status,
    )
}

#[test]
fn a_redacted_report_is_judged_as_the_whole_one() {
    let mut failed = Vec::new();
    for case in files::all() {
        let whole = diagnose(&case.scenario.evidence);
        let mut redacted = whole.clone();
        redact(&mut redacted, &RandomState::new()).unwrap();
        let text = serde_json::to_string(&redacted).unwrap();
        let read = saved::read(&text).unwrap();
        let [Saved::Report(read)] = &read[..] else {
            panic!("{}", case.name)
        };
        assert_eq!(**read, redacted, "{}", case.name);
        let again = diagnose(&read.evidence());
        if outcome(&again) != outcome(&whole) {
            failed.push(format!(
                "{}:\n    {:?}\n    {:?}",
                case.name,
                outcome(&whole),
                outcome(&again)
            ));
        }
    }
    assert!(
        failed.is_empty(),
        "{} cases:\n{}",
        failed.len(),
        failed.join("\n")
    );
}
