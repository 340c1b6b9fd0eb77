//! Evidence → findings, as data: what each kind of evidence must come to.
//!
//! A case is a file `NAME.case`: what was measured, line by line, then what it must come to. `tests/cases/FAMILY/ID/` holds the cases
//! of one finding, and the first word of a file's name says what its rule must make of it: `fires`, `clear` (the nearest look-alike)
//! or `unknown`. `tests/cases/adversarial/` holds what once fooled somebody, or might. The words are explained in `scenario.rs` and
//! `expected.rs`; `tests/cases/text/` belongs to the text renderer.

// All of this is a test; clippy knows only the functions that are marked as one. What is skipped is said.
#![allow(clippy::unwrap_used, clippy::missing_panics_doc, clippy::print_stdout)]

mod expected;
mod files;
mod forms;
mod hostile;
mod invariants;
mod random;
mod redacted;
mod scenario;
#[path = "../../src/report/html/strict.rs"]
mod strict;

use std::collections::BTreeSet;

use nwcheck::diagnose::{Judge, Judgement, Need, diagnose, rules};
use nwcheck::model::{Evidence, Id};

use crate::expected::Stance;
use crate::files::Case;

/// What the rule of an id makes of evidence, and what it asks for.
#[must_use]
pub fn stance(evidence: &Evidence, id: Id) -> (Stance, BTreeSet<Need>) {
    let rule = rules::of(id).unwrap();
    let mut asked = BTreeSet::new();
    let mut stance = Stance::Clear;
    let mut take = |judgement: Judgement| match judgement {
        Judgement::Fires(_) => stance = Stance::Fires,
        Judgement::Refinable(_, needs) => {
            asked.extend(needs);
            stance = Stance::Fires;
        }
        Judgement::Unknown(needs) => {
            asked.extend(needs);
            if stance == Stance::Clear {
                stance = Stance::Unknown;
            }
        }
        Judgement::Clear => {}
    };
    match rule.judge {
        Judge::Check(judge) => take(judge(evidence)),
        Judge::Endpoint(judge) => {
            for subject in &evidence.endpoints {
                take(judge(&nwcheck::diagnose::Scene::new(evidence, subject)));
            }
        }
        Judge::Composed => {
            let report = diagnose(evidence);
            let unknown = report.verdict == nwcheck::model::report::Verdict::Indeterminate;
            stance = if report.findings.iter().any(|finding| finding.id == id) {
                Stance::Fires
            } else if unknown
                || report
                    .criteria
                    .iter()
                    .any(|criterion| criterion.met.is_none())
            {
                Stance::Unknown
            } else {
                Stance::Clear
            };
        }
    }
    (stance, asked)
}

/// What a case shows that it must not, one line each.
fn faults(case: &Case) -> Vec<String> {
    let scenario = &case.scenario;
    let report = diagnose(&scenario.evidence);
    let mut faults = scenario.expected.compare(&scenario.evidence, &report);
    if let Some((id, wanted)) = case.subject {
        let (found, asked) = stance(&scenario.evidence, id);
        if found != wanted {
            faults.push(format!("{id} is {found:?}, and must be {wanted:?}"));
        }
        faults.extend(scenario.expected.asked(&asked));
    }
    faults.extend(invariants::broken(&scenario.evidence, &report));
    faults
}

#[test]
fn every_case_comes_out_as_it_is_written() {
    let mut failed = Vec::new();
    for case in files::all() {
        let faults = faults(&case);
        match (&case.scenario.expected.disputed, faults.is_empty()) {
            (None, true) | (Some(_), false) => {}
            (None, false) => failed.push(format!(
                "{}\n    {}\n  it comes to:\n{}",
                case.name,
                faults.join("\n    "),
                expected::as_it_is(&case.scenario.evidence),
            )),
            (Some(why), true) => failed.push(format!(
                "{}: comes out as it should; take out its line `disputed {why}`",
                case.name
            )),
        }
    }
    assert!(
        failed.is_empty(),
        "{} cases:\n\n{}",
        failed.len(),
        failed.join("\n")
    );
}

#[test]
fn every_id_has_a_case_in_which_it_fires_one_in_which_it_is_clear_and_one_in_which_it_can_t_be_told()
 {
    let known: BTreeSet<_> = files::all()
        .into_iter()
        .filter_map(|case| case.subject)
        .collect();
    let missing: Vec<String> = Id::ALL
        .iter()
        .flat_map(|id| [Stance::Fires, Stance::Clear, Stance::Unknown].map(|stance| (*id, stance)))
        .filter(|wanted| !known.contains(wanted))
        .map(|(id, stance)| format!("{id} {stance:?}"))
        .collect();
    assert!(missing.is_empty(), "no case for: {}", missing.join(", "));
}

#[test]
fn every_report_agrees_with_the_schema() {
    use nwcheck::cli::schema::{Of, text};
    let path = files::root().join("../../schema/report.schema.json");
    let committed = std::fs::read_to_string(&path).unwrap();
    let of_today = text(Of::Report);
    if committed != of_today {
        println!(
            "{} is of another model and was not used, but today's; `cargo run -- schema > schema/report.schema.json` makes it anew",
            path.display()
        );
    }
    let schema: serde_json::Value = serde_json::from_str(&of_today).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for case in files::all() {
        let report = serde_json::to_value(diagnose(&case.scenario.evidence)).unwrap();
        let errors: Vec<String> = validator
            .iter_errors(&report)
            .map(|error| format!("{error} at {}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{}: {}", case.name, errors.join("; "));
    }
}
