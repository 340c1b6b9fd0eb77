//! What was found, what was demanded, and what it all comes to.

use super::{Both, destination, difference, ranked};
use crate::model::criteria::Quantity;
use crate::model::diff::{Change, Difference};
use crate::model::report::Verdict;
use crate::model::{Finding, Origin, Report, Severity};

/// What differs in what was found.
pub(super) fn differences(both: &Both<'_>) -> Vec<Difference> {
    let (a, b) = (all(both, both.a), all(both, both.b));
    let mut found = Vec::new();
    for finding in &b {
        let known = a.iter().find(|known| known.id == finding.id);
        let text = |word: &str| format!("{word} {}: {}", finding.id, finding.title);
        match known {
            None => found.push(difference(
                match finding.severity {
                    Severity::Info => Change::Changed,
                    _ => Change::Worse,
                },
                finding.endpoint.as_ref(),
                text("new:"),
            )),
            Some(known) if known.severity != finding.severity => found.push(difference(
                ranked(known.severity, finding.severity),
                finding.endpoint.as_ref(),
                format!(
                    "{} was {}, and is {}: {}",
                    finding.id,
                    severity(known.severity),
                    severity(finding.severity),
                    finding.title
                ),
            )),
            Some(known) if moved(both, known, finding) => found.push(difference(
                Change::Changed,
                finding.endpoint.as_ref(),
                format!(
                    "{} was {}, and is {}",
                    finding.id,
                    place(known),
                    place(finding)
                ),
            )),
            Some(_) => {}
        }
    }
    for finding in &a {
        if !b.iter().any(|other| other.id == finding.id) {
            found.push(difference(
                match finding.severity {
                    Severity::Info => Change::Changed,
                    _ => Change::Better,
                },
                finding.endpoint.as_ref(),
                format!("gone: {}: {}", finding.id, finding.title),
            ));
        }
    }
    found
}

/// The findings that can be compared: where other demands were made, not those that come of demands. Of several with one id the worst.
fn all<'r>(both: &Both<'_>, report: &'r Report) -> Vec<&'r Finding> {
    let mut kept: Vec<&Finding> = Vec::new();
    for finding in &report.findings {
        if finding.origin == Origin::Policy && !both.one_demand {
            continue;
        }
        match kept.iter_mut().find(|known| known.id == finding.id) {
            Some(known) if known.severity < finding.severity => *known = finding,
            Some(_) => {}
            None => kept.push(finding),
        }
    }
    kept
}

/// Whether the same fault is at another place now.
fn moved(both: &Both<'_>, a: &Finding, b: &Finding) -> bool {
    both.one_machine
        && both.one_world
        && (a.hop, &a.address) != (b.hop, &b.address)
        && a.address.is_some()
        && b.address.is_some()
}

fn place(finding: &Finding) -> String {
    let who = finding.address.as_ref().map(ToString::to_string);
    let who = who.unwrap_or_else(|| "nobody".to_owned());
    match finding.hop {
        Some(hop) => format!("at {who}, hop {hop}"),
        None => format!("at {who}"),
    }
}

const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "a note",
        Severity::Warning => "a warning",
        Severity::Error => "an error",
    }
}

/// What differs in what was demanded: criteria that both have, met in one alone.
pub(super) fn criteria(both: &Both<'_>) -> Vec<Difference> {
    let mut found = Vec::new();
    for b in &both.b.criteria {
        let mut known = both.a.criteria.iter();
        let Some(a) = known.find(|a| a.name == b.name && a.limit == b.limit) else {
            continue;
        };
        let change = match (a.met, b.met) {
            (Some(before), Some(now)) => ranked(!before, !now),
            (None, None) => Change::Same,
            _ => Change::Unknown,
        };
        if change != Change::Same {
            let met = |met| match met {
                Some(true) => "met",
                Some(false) => "not met",
                None => "not told",
            };
            found.push(difference(
                change,
                None,
                format!(
                    "{} {}: was {} ({}), and is {} ({})",
                    b.name,
                    value(&b.limit),
                    met(a.met),
                    a.measured.as_ref().map_or("not measured".to_owned(), value),
                    met(b.met),
                    b.measured.as_ref().map_or("not measured".to_owned(), value),
                ),
            ));
        }
    }
    found
}

fn value(quantity: &Quantity) -> String {
    match quantity {
        Quantity::Number(number) => number.to_string(),
        Quantity::Word(word) => word.clone(),
    }
}

/// What the verdict became; where other demands were made, the status.
pub(super) fn verdict(both: &Both<'_>) -> Vec<Difference> {
    let (a, b) = (both.a, both.b);
    let mut found = Vec::new();
    if both.one_demand {
        if a.verdict != b.verdict {
            let rank = |verdict| match verdict {
                Verdict::Pass => Some(0),
                Verdict::Warn => Some(1),
                Verdict::Fail => Some(2),
                Verdict::Indeterminate => None,
            };
            let change = match (rank(a.verdict), rank(b.verdict)) {
                (Some(a), Some(b)) => ranked(a, b),
                _ => Change::Unknown,
            };
            let text = format!("{} → {}", a.verdict.as_str(), b.verdict.as_str());
            found.push(difference(change, None, text));
        }
    } else if a.status != b.status {
        let text = format!(
            "{} → {} (other demands were made: the verdicts are not compared)",
            a.status.as_str(),
            b.status.as_str()
        );
        found.push(difference(
            destination::status(a.status, b.status),
            None,
            text,
        ));
    }
    if let (Some(before), Some(now)) = (a.cause, b.cause)
        && before != now
    {
        let text = format!("its cause was {before}, and is {now}");
        found.push(difference(Change::Changed, None, text));
    }
    found
}
