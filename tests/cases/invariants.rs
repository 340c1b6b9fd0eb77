//! What holds of every report, whatever was measured.

use nwcheck::diagnose::diagnose;
use nwcheck::model::finding::{Finding, Origin, Severity};
use nwcheck::model::options::Expect;
use nwcheck::model::report::{Status, Verdict};
use nwcheck::model::{Evidence, Id, Observation, Outcome, Report};

/// What does not hold, one line each.
pub fn broken(evidence: &Evidence, report: &Report) -> Vec<String> {
    let mut broken = Vec::new();
    for finding in &report.findings {
        broken.extend(of_finding(evidence, finding));
    }
    broken.extend(one_error_a_fault(report));
    broken.extend(controls(evidence, report));
    broken.extend(verdict(evidence, report));
    broken.extend(what_was_seen_is_not_called_unseen(report));
    broken.extend(replay(report));
    broken
}

fn of_finding(evidence: &Evidence, finding: &Finding) -> Vec<String> {
    let mut broken = Vec::new();
    let mut holds = |what: &str, is: bool| {
        if !is {
            broken.push(format!("{}: {what}", finding.id));
        }
    };
    let title = finding.title.as_str();
    holds(
        "its title is one line that is not empty",
        !title.is_empty() && !title.contains('\n'),
    );
    // The name is the user's own, and may alone be longer.
    let shown = title.replace(&evidence.target.host, "").chars().count();
    holds(
        &format!("its title has at most 160 characters beside the name: {title}"),
        shown <= 160,
    );
    holds("it is explained", !finding.explanation.is_empty());
    holds("it has evidence", !finding.evidence.is_empty());
    holds(
        "its facts say something",
        finding
            .evidence
            .iter()
            .all(|fact| !fact.text.trim().is_empty()),
    );
    holds(
        "its origin is that of its id",
        finding.origin == finding.id.origin(),
    );
    holds("a hop is 1 or more", finding.hop != Some(0));
    holds(
        "an error has a step to take",
        finding.severity != Severity::Error || !finding.actions.is_empty(),
    );
    let cited = || finding.evidence.iter().flat_map(|fact| &fact.observations);
    for id in cited() {
        holds(
            &format!("observation {id}, which it cites, is there"),
            evidence
                .observations
                .iter()
                .any(|observation| observation.id == *id),
        );
    }
    holds(
        "its endpoint is under test",
        finding.endpoint.as_ref().is_none_or(|endpoint| {
            evidence
                .endpoints
                .iter()
                .any(|subject| subject.endpoint == *endpoint)
        }),
    );
    broken
}

/// That something does not answer is told only beside something that does, or that could have: else the finding says that there was none.
fn controls(evidence: &Evidence, report: &Report) -> Vec<String> {
    let mut broken = Vec::new();
    for finding in &report.findings {
        let cited: Vec<_> = finding
            .evidence
            .iter()
            .flat_map(|fact| &fact.observations)
            .filter_map(|id| evidence.observations.iter().find(|o| o.id == *id))
            .collect();
        let says = |text: &str| {
            let mut facts = finding.evidence.iter();
            facts.any(|fact| fact.text.contains(text))
        };
        let answered = |o: &&Observation| {
            matches!(o.outcome, Outcome::Ok | Outcome::Refused) || o.outcome.is_icmp()
        };
        let has_control = match finding.id {
            Id::PortFiltered | Id::PathFiltered | Id::EchoFiltered => {
                cited.iter().any(answered) || says("address resolution")
            }
            Id::PathBlackhole | Id::HostDown => {
                cited.iter().any(|o| o.control) || says("Nothing else could be tried")
            }
            Id::DestinationIpv4Broken
            | Id::DestinationIpv6Broken
            | Id::DestinationAddressPartial => cited.iter().any(|o| o.outcome != Outcome::Timeout),
            _ => true,
        };
        if !has_control {
            broken.push(format!("{}: no control", finding.id));
        }
    }
    broken
}

/// Consequences of a fault are evidence, not findings. Of demands there may be several, and never beside a fault.
fn one_error_a_fault(report: &Report) -> Vec<String> {
    let mut broken = Vec::new();
    let errors: Vec<&Finding> = report
        .findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .collect();
    let (demands, faults): (Vec<&&Finding>, Vec<&&Finding>) = errors
        .iter()
        .partition(|finding| finding.origin == Origin::Policy);
    for fault in &faults {
        let about = faults
            .iter()
            .filter(|other| other.endpoint == fault.endpoint)
            .count();
        if about > 1 {
            broken.push(format!("{about} errors for {:?}", fault.endpoint));
        }
    }
    if !faults.is_empty() && !demands.is_empty() {
        broken.push("a fault and a broken demand beside it".to_owned());
    }
    broken
}

/// Where an attempt got through, nobody says that what lies behind the cause was not seen.
fn what_was_seen_is_not_called_unseen(report: &Report) -> Vec<String> {
    let seen = |finding: &&Finding| {
        report.endpoints.iter().any(|of| {
            Some(&of.address) == finding.endpoint.as_ref().map(|about| &about.address)
                && matches!(of.status, Status::Reachable | Status::Degraded)
        })
    };
    report
        .findings
        .iter()
        .filter(|finding| finding.explanation.contains("at the host was not seen"))
        .filter(seen)
        .map(|finding| format!("{}: {}", finding.id, finding.explanation))
        .collect()
}

/// CONTRACT: what verdict and exit status follow from findings, criteria and status.
fn verdict(evidence: &Evidence, report: &Report) -> Vec<String> {
    let mut broken = Vec::new();
    let worst = report.findings.iter().map(|finding| finding.severity).max();
    let unmet = report
        .criteria
        .iter()
        .any(|criterion| criterion.met == Some(false));
    let wanted = if worst == Some(Severity::Error) || unmet {
        Verdict::Fail
    } else if report.status == Status::Indeterminate {
        Verdict::Indeterminate
    } else if worst == Some(Severity::Warning) {
        Verdict::Warn
    } else {
        Verdict::Pass
    };
    if report.verdict != wanted {
        broken.push(format!(
            "the verdict is {:?}, and follows to be {wanted:?}",
            report.verdict
        ));
    }
    let strict = evidence.options.fail_on == Severity::Warning;
    let exit = match wanted {
        Verdict::Fail => 1,
        Verdict::Indeterminate => 3,
        Verdict::Warn => u8::from(strict),
        Verdict::Pass => 0,
    };
    if report.exit_status != exit {
        broken.push(format!(
            "the exit status is {}, and follows to be {exit}",
            report.exit_status
        ));
    }
    let first = report.findings.first();
    if report.cause.is_some() && report.cause != first.map(|finding| finding.id) {
        broken.push("the cause is not the first finding".to_owned());
    }
    if report.verdict == Verdict::Pass && report.cause.is_some() {
        broken.push("what passes has a cause".to_owned());
    }
    if worst == Some(Severity::Error) && report.cause.is_none() {
        broken.push("an error, and no cause".to_owned());
    }
    // Of several addresses one is not open, which is a warning: `adversarial/expect-open-of-two-one-refused`.
    let open = evidence.options.expect == Some(Expect::Open);
    if report.verdict == Verdict::Fail && report.cause.is_none() && !open {
        broken.push("it fails, and has no cause".to_owned());
    }
    let explaining = |finding: &&Finding| {
        finding.severity == Severity::Warning
            && (finding.id == Id::LocalInterfaceErrors
                || !matches!(finding.origin, Origin::Name | Origin::Local))
    };
    let explained = report.findings.iter().find(explaining);
    if report.verdict == Verdict::Warn && report.cause != explained.map(|finding| finding.id) {
        broken.push("the first warning that explains the verdict is not the cause".to_owned());
    }
    if report.status == Status::Unreachable && worst.is_none() {
        broken.push("unreachable, and nothing says why".to_owned());
    }
    if report.summary.is_empty() || report.summary.contains('\n') {
        broken.push("the summary is one sentence".to_owned());
    }
    broken
}

/// A report reads back as itself, and is judged again as it was judged.
fn replay(report: &Report) -> Vec<String> {
    let mut broken = Vec::new();
    let text = serde_json::to_string(report).unwrap();
    match serde_json::from_str::<Report>(&text) {
        Ok(read) if read == *report => {}
        Ok(_) => broken.push("read back from JSON it is another report".to_owned()),
        Err(wrong) => broken.push(format!("it can't be read back from JSON: {wrong}")),
    }
    let again = diagnose(&report.evidence());
    if again != *report {
        let ids = |report: &Report| {
            report
                .findings
                .iter()
                .map(|f| f.id.to_string())
                .collect::<Vec<_>>()
                .join(", ")
        };
        broken.push(format!(
            "judged again it differs: [{}], then [{}]",
            ids(report),
            ids(&again)
        ));
    }
    broken
}
