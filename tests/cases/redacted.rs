//! A redacted report judged again comes to what the whole one came to: what the rules ask for survives.

use std::hash::RandomState;

use nwcheck::diagnose::diagnose;
use nwcheck::model::Report;
use nwcheck::model::saved::{self, Saved};
use nwcheck::report::redact::redact;
use nwcheck::report::{Document, Form, Style, Verbosity, render};

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

#[test]
fn no_form_of_a_redacted_report_tells_an_original() {
    for (name, whole) in crate::forms::reports() {
        let mut redacted = whole.clone();
        redact(&mut redacted, &RandomState::new()).unwrap();
        let routers = whole.endpoints.iter().filter_map(|e| e.path.as_ref());
        let nodes = routers
            .flat_map(|path| &path.hops)
            .flat_map(|hop| &hop.nodes);
        let mut originals: Vec<String> = nodes
            .filter_map(|node| node.address.as_ref())
            .chain(whole.endpoints.iter().map(|endpoint| &endpoint.address))
            .filter(|address| !address.ip().is_loopback() && !address.ip().is_unspecified())
            .map(ToString::to_string)
            .collect();
        originals.extend(Some(whole.target.host.clone()).filter(|host| host.contains(".example")));
        let style = Style {
            verbosity: Verbosity::Verbose,
            ..Style::default()
        };
        for (form, _, kind) in Form::ALL {
            let text = render(Document::Report(&redacted), *kind, &style).unwrap();
            for original in &originals {
                let found = text.match_indices(original.as_str()).any(|(at, _)| {
                    let part = |c: char| c.is_ascii_alphanumeric() || ".:-".contains(c);
                    let before = text[..at].ends_with(part);
                    // A colon ends an IPv4 address or a name, and a dot a sentence.
                    let after = &text[at + original.len()..];
                    let goes_on = after.starts_with(|c: char| c.is_ascii_alphanumeric())
                        || (after.starts_with(':') && original.contains(':'))
                        || after.strip_prefix('.').is_some_and(|rest| {
                            rest.starts_with(|c: char| c.is_ascii_alphanumeric())
                        });
                    !before && !goes_on
                });
                assert!(!found, "{name} as {form}: {original}\n{text}");
            }
        }
    }
}
