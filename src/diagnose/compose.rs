//! From what each rule says to one report: one cause, its consequences as evidence, the rest beside it.
//!
//! The choice is explicit: `chain` says in which order faults count and what each hides. Within one address the rules start from one
//! [shape](super::scene::Shape) of its burst, so that they exclude each other; should two still fire, the earlier in the chain stands and
//! the other becomes its evidence. Among the addresses of a name, some that work make the others a warning; where none works, one reason for all is one finding.

use std::collections::BTreeSet;

use super::chain;
use super::criteria::{self, State};
use super::fallback;
use super::rule::{Judge, Judgement, Need};
use super::scene::{Scene, Shape};
use super::{disputed, environment};
use super::{rules, summary};
use crate::model::evidence::{Ended, Evidence, NotMeasured, UnderTest};
use crate::model::finding::{Fact, Finding, Id, Origin, Severity};
use crate::model::options::Expect;
use crate::model::report::{EndpointReport, REPORT_SCHEMA, Report, Status, Tool, Verdict};
use crate::model::statistics::Probes;
use crate::model::target::Protocol;
use crate::model::{Endpoint, ExitStatus};

/// What the rules say of one address.
#[derive(Debug, Clone)]
pub(super) struct Judged<'a> {
    /// The address.
    pub subject: &'a UnderTest,
    /// Whether it works.
    pub status: Status,
    /// Its state in the words of `--expect`.
    pub state: State,
    /// Its probes, counted.
    pub probes: Probes,
    /// What is wrong: at most one error, first.
    pub findings: Vec<Finding>,
    /// What the network does not let be seen.
    pub unseen: Vec<NotMeasured>,
}

impl Judged<'_> {
    /// The error, if there is one.
    pub(super) fn error(&self) -> Option<&Finding> {
        self.findings
            .iter()
            .find(|finding| finding.severity == Severity::Error)
    }

    /// The address and port.
    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.subject.endpoint
    }
}

/// What would settle the rules that can't tell yet. Where an error is proven for an address, what later rules would need can no longer
/// change the answer, and is not asked for.
pub fn needs(evidence: &Evidence) -> BTreeSet<Need> {
    let mut wanted = BTreeSet::new();
    for rule in rules::all() {
        if let Judge::Check(judge) = rule.judge
            && let Judgement::Unknown(needs) = judge(evidence)
        {
            wanted.extend(needs);
        }
    }
    for subject in &evidence.endpoints {
        let scene = Scene::new(evidence, subject);
        wanted.extend(environment::needs(&scene));
        for rule in rules::all() {
            let Judge::Endpoint(judge) = rule.judge else {
                continue;
            };
            match judge(&scene) {
                Judgement::Unknown(needs) => wanted.extend(needs),
                Judgement::Fires(finding) if finding.severity == Severity::Error => break,
                Judgement::Refinable(finding, needs) => {
                    wanted.extend(needs);
                    if finding.severity == Severity::Error {
                        break;
                    }
                }
                _ => {}
            }
        }
    }
    wanted
}

/// Judges the evidence.
pub fn diagnose(evidence: &Evidence) -> Report {
    let named = names(evidence);
    let judged: Vec<Judged<'_>> = evidence
        .endpoints
        .iter()
        .map(|subject| judge(evidence, subject))
        .collect();
    let mut findings = named;
    findings.extend(together(evidence, &judged));
    let mut status = overall(evidence, &judged, &findings);

    let expected = evidence
        .options
        .expect
        .filter(|expect| *expect != Expect::Open);
    let mut criteria = Vec::new();
    if let Some(expect) = expected {
        let (criterion, unmet) = criteria::expectation(expect, &judged);
        let soften = match criterion.met {
            // Not proven: neither a pass nor a failure.
            None => {
                status = Status::Indeterminate;
                Severity::Warning
            }
            Some(_) => Severity::Info,
        };
        for finding in &mut findings {
            finding.severity = finding.severity.min(soften);
        }
        findings.extend(unmet);
        criteria.push(criterion);
    } else if evidence.options.expect.is_some() {
        criteria.push(criteria::expectation(Expect::Open, &judged).0);
    }
    let failed_already = findings
        .iter()
        .any(|finding| finding.severity == Severity::Error);
    for (criterion, unmet) in criteria::thresholds(evidence, &judged, expected.is_some()) {
        criteria.push(criterion);
        findings.extend(unmet.filter(|_| !failed_already));
    }

    let broken = criteria
        .iter()
        .any(|criterion| criterion.met == Some(false));
    let worst = findings.iter().map(|finding| finding.severity).max();
    if evidence.ended == Ended::Interrupted && worst != Some(Severity::Error) {
        status = Status::Indeterminate;
    }
    let verdict = if worst == Some(Severity::Error) || broken {
        Verdict::Fail
    } else if status == Status::Indeterminate {
        Verdict::Indeterminate
    } else if worst == Some(Severity::Warning) {
        Verdict::Warn
    } else {
        Verdict::Pass
    };
    findings.sort_by_key(|f| (std::cmp::Reverse(f.severity), !explains(f, verdict), f.id));
    let cause = findings
        .first()
        .filter(|first| explains(first, verdict))
        .map(|first| first.id);
    let exit = match verdict {
        Verdict::Fail => ExitStatus::Failed,
        Verdict::Indeterminate => ExitStatus::CouldNotTell,
        Verdict::Warn if evidence.options.fail_on == Severity::Warning => ExitStatus::Failed,
        Verdict::Warn | Verdict::Pass => ExitStatus::Passed,
    };
    let mut local = evidence.local.clone();
    if let Some(first) = judged
        .iter()
        .find(|j| j.status != Status::Reachable)
        .or(judged.first())
    {
        let address = &first.endpoint().address;
        local.route = evidence.local.route_to(address).cloned();
        local.neighbour = evidence.local.next_hop(address).cloned();
        let name = local
            .route
            .as_ref()
            .and_then(|route| route.interface.clone());
        local.interface = name.and_then(|name| evidence.local.interface_named(&name).cloned());
    }
    let mut not_measured = evidence.not_measured.clone();
    for unseen in judged.iter().flat_map(|j| &j.unseen) {
        if !not_measured.iter().any(|known| known.what == unseen.what) {
            not_measured.push(unseen.clone());
        }
    }
    let summary = summary::summary(evidence, &judged, &findings, status, verdict);
    Report {
        schema: REPORT_SCHEMA.to_owned(),
        tool: Tool::this(),
        started_at: evidence.started_at,
        duration_ms: evidence.duration_ms,
        ended: evidence.ended,
        exit_status: exit.code(),
        redacted: false,
        options: evidence.options.clone(),
        source: evidence.source.clone(),
        target: evidence.target.clone(),
        status,
        verdict,
        cause,
        summary,
        findings,
        criteria,
        not_measured,
        resolution: evidence.resolution.clone(),
        endpoints: judged
            .into_iter()
            .map(|judged| EndpointReport {
                address: judged.subject.endpoint.address.clone(),
                port: judged.subject.endpoint.port,
                status: judged.status,
                probes: judged.probes,
                path: judged.subject.path.clone(),
            })
            .collect(),
        local,
        names: evidence.names.clone(),
        observations: evidence.observations.clone(),
    }
}

/// Whether a finding explains a verdict that is not pass. A warning of the name or of this machine stands beside what works,
/// and explains nothing of it; but that its interface loses packets explains that packets are lost.
fn explains(finding: &Finding, verdict: Verdict) -> bool {
    match verdict {
        Verdict::Pass => false,
        // Without an error a criterion is broken, and the worst that was found explains it.
        Verdict::Fail => finding.severity >= Severity::Warning,
        Verdict::Warn => {
            finding.severity == Severity::Warning
                && (finding.id == Id::LocalInterfaceErrors
                    || !matches!(finding.origin, Origin::Name | Origin::Local))
        }
        Verdict::Indeterminate => {
            let beside = matches!(
                finding.id,
                Id::DnsServerDown | Id::LocalCpuHigh | Id::LocalMemoryHigh
            );
            finding.severity == Severity::Warning && !beside
        }
    }
}

/// What the rules of the name say: at most one error. No name server can be reached because this machine has no route: then that is
/// the fault, and what the name's rules say is its consequence.
fn names(evidence: &Evidence) -> Vec<Finding> {
    let mut fired: Vec<Finding> = rules::all()
        .filter_map(|rule| match rule.judge {
            Judge::Check(judge) => judge(evidence).finding(),
            _ => None,
        })
        .collect();
    if let Some(first) = fired
        .iter()
        .position(|finding| finding.severity == Severity::Error)
    {
        let cause = fired.remove(first);
        let mut cause = super::unreachable::behind(evidence, &cause).unwrap_or(cause);
        if evidence.target.protocol != Protocol::Dns {
            say_hidden(
                &mut cause,
                &crate::model::text::escape(&evidence.target.label()),
            );
        }
        fired.retain(|finding| finding.severity != Severity::Error);
        fired.insert(0, cause);
    }
    fired
}

/// What the rules say of one address.
fn judge<'a>(evidence: &'a Evidence, subject: &'a UnderTest) -> Judged<'a> {
    let scene = Scene::new(evidence, subject);
    let mut findings: Vec<Finding> = rules::all()
        .filter_map(|rule| match rule.judge {
            Judge::Endpoint(judge) => judge(&scene).finding(),
            _ => None,
        })
        .collect();
    let error = |finding: &&Finding| finding.severity == Severity::Error;
    let cause = findings
        .iter()
        .filter(error)
        .map(|finding| finding.id)
        .min_by_key(|id| chain::place(*id));
    if let Some(cause) = cause {
        // That a datagram got no answer is what any fault before the port looks like.
        let (consequences, mut left): (Vec<Finding>, Vec<Finding>) =
            findings.into_iter().partition(|finding| {
                finding.id != cause
                    && (finding.severity == Severity::Error || finding.id == Id::UdpNoAnswer)
            });
        if let Some(cause) = left.iter_mut().find(|finding| finding.id == cause) {
            disputed::tell(&scene, cause);
            cause.evidence.extend(consequences.iter().map(consequence));
            if matches!(cause.origin, Origin::Path | Origin::Destination) {
                cause
                    .evidence
                    .extend(environment::translated_destination(&scene));
            }
            // Where an attempt got through, what lies behind the cause was seen.
            let seen = matches!(scene.shape(), Shape::Works | Shape::Mixed)
                && !environment::opens_everything(&scene);
            if evidence.target.protocol != Protocol::Trace && !seen {
                say_hidden(cause, &scene.service());
            }
        }
        findings = left;
    }
    findings.sort_by_key(|finding| (std::cmp::Reverse(finding.severity), finding.id));
    let worst = findings.first().map(|finding| finding.severity);
    let status = match scene.shape() {
        Shape::Mixed if worst >= Some(Severity::Warning) || scene.troubled().len() > 1 => {
            Status::Degraded
        }
        Shape::Works if worst == Some(Severity::Error) => Status::Degraded,
        Shape::Works | Shape::Mixed => Status::Reachable,
        _ if worst == Some(Severity::Error) => Status::Unreachable,
        _ => Status::Indeterminate,
    };
    let count = usize::try_from(evidence.options.count).unwrap_or(usize::MAX);
    let traced = evidence.target.protocol == Protocol::Trace;
    // What answers at every port does not show that this one is open.
    let doubted = environment::opens_everything(&scene);
    let unfinished = evidence.ended != Ended::Complete
        && !traced
        && scene.burst.len() < count
        && worst != Some(Severity::Error);
    let status = if unfinished || (doubted && worst != Some(Severity::Error)) {
        Status::Indeterminate
    } else {
        status
    };
    let probes = Probes::count(
        scene
            .burst
            .iter()
            .copied()
            .filter(|o| !traced && o.outcome != crate::model::Outcome::Cancelled),
    );
    Judged {
        subject,
        status,
        state: if doubted {
            State::Unproven
        } else {
            criteria::state(&scene, &findings)
        },
        unseen: environment::not_measured(&scene),
        probes,
        findings,
    }
}

/// Says what the cause hides.
fn say_hidden(cause: &mut Finding, asked: &str) {
    if let Some(hidden) = chain::hidden(cause, asked) {
        cause.explanation = format!("{} {hidden}", cause.explanation);
    }
}

fn consequence(finding: &Finding) -> Fact {
    let observations = finding
        .evidence
        .iter()
        .flat_map(|fact| fact.observations.iter().copied())
        .collect();
    Fact {
        text: format!("{}.", finding.title),
        observations,
    }
}

/// That another address has the same fault.
fn same_holds(judged: &Judged<'_>, finding: &Finding) -> Fact {
    let mut fact = consequence(finding);
    fact.text = format!(
        "The same holds for {}: {}",
        judged.endpoint(),
        decapitalise(&fact.text)
    );
    fact
}

/// What is to be said of all addresses together.
fn together(evidence: &Evidence, judged: &[Judged<'_>]) -> Vec<Finding> {
    // An open port whose service fails is of no more use to an application than one that is closed.
    let useless = |j: &Judged<'_>| {
        j.error()
            .is_some_and(|error| error.origin == Origin::Service)
    };
    let works =
        |j: &Judged<'_>| matches!(j.status, Status::Reachable | Status::Degraded) && !useless(j);
    let some_work = judged.iter().any(works);
    // Beside one that works, an address of which no probe was answered fails, whether or not the reason is proven.
    let unanswered = |j: &Judged<'_>| {
        let silent = j.status == Status::Indeterminate && j.probes.sent > 0 && j.probes.ok == 0;
        silent && some_work && evidence.ended == Ended::Complete
    };
    let failing: Vec<&Judged<'_>> = judged
        .iter()
        .filter(|j| j.status == Status::Unreachable || useless(j) || unanswered(j))
        .collect();
    let mut findings: Vec<Finding> = Vec::new();
    let told = |j: &&Judged<'_>| j.status != Status::Unreachable && !useless(j);
    for judged in judged.iter().filter(told) {
        for finding in &judged.findings {
            // UDP's silence is told once for all addresses; beside one that answers it is the evidence of what is told of all together.
            let silence = finding.id == Id::UdpNoAnswer;
            let known = findings.iter_mut().find(|f| silence && f.id == finding.id);
            match known {
                _ if silence && some_work && evidence.ended == Ended::Complete => {}
                Some(known) => known.evidence.push(same_holds(judged, finding)),
                None => findings.push(finding.clone()),
            }
        }
    }
    if failing.is_empty() {
        return findings;
    }
    if some_work {
        findings.push(partial(evidence, judged, &failing));
        return findings;
    }
    // None works: one reason for all is one finding.
    for judged in failing {
        let Some(error) = judged.error() else {
            continue;
        };
        match findings
            .iter_mut()
            .find(|known| known.id == error.id && known.severity == Severity::Error)
        {
            Some(known) => {
                known.evidence.push(same_holds(judged, error));
                if known.hop != error.hop {
                    known.hop = None;
                }
            }
            None => findings.push(error.clone()),
        }
        let beside = judged
            .findings
            .iter()
            .filter(|finding| finding.severity != Severity::Error);
        findings.extend(beside.cloned());
    }
    findings
}

/// Some addresses work and some do not.
fn partial(evidence: &Evidence, judged: &[Judged<'_>], failing: &[&Judged<'_>]) -> Finding {
    let host = crate::model::text::escape(&evidence.target.host);
    let v6 = |j: &Judged<'_>| j.endpoint().address.is_ipv6();
    let (six, four): (Vec<_>, Vec<_>) = judged.iter().partition(|j| v6(j));
    let fails = |judged: &Judged<'_>| failing.iter().any(|j| j.endpoint() == judged.endpoint());
    let broken = |group: &[&Judged<'_>]| !group.is_empty() && group.iter().all(|j| fails(j));
    let working = |group: &[&Judged<'_>]| !group.is_empty() && !group.iter().any(|j| fails(j));
    let (id, title, explanation) = if broken(&six) && working(&four) {
        (
            Id::DestinationIpv6Broken,
            format!("{host} works over IPv4 and not over IPv6"),
            "Clients that try the next address soon (RFC 8305) lose up to a quarter of a second to it. Those that try one address after the \
             other wait for the failure first.",
        )
    } else if broken(&four) && working(&six) {
        (
            Id::DestinationIpv4Broken,
            format!("{host} works over IPv6 and not over IPv4"),
            "Clients without IPv6 can't reach it at all; those that try IPv4 first wait for the failure.",
        )
    } else {
        (
            Id::DestinationAddressPartial,
            format!(
                "{} of {} addresses of {host} {} not work",
                failing.len(),
                judged.len(),
                if failing.len() == 1 { "does" } else { "do" }
            ),
            "Which address a client gets decides whether it works: some fail at once, some only after a time-out.",
        )
    };
    let addresses: Vec<&Endpoint> = failing.iter().map(|judged| judged.endpoint()).collect();
    let measured =
        fallback::cost(evidence, &addresses).filter(|_| id != Id::DestinationAddressPartial);
    let (cost, rests_on) = measured.unzip();
    let explanation = match cost {
        None => explanation.to_owned(),
        Some(cost) if id == Id::DestinationIpv6Broken => cost,
        Some(cost) => format!("Clients without IPv6 can't reach it at all. {cost}"),
    };
    let mut finding = Finding::new(id, Severity::Warning, title).explained(explanation);
    finding.evidence.extend(rests_on);
    for judged in judged {
        let text = match judged.error().filter(|_| fails(judged)) {
            Some(error) => format!(
                "{}: {} ({}).",
                judged.endpoint(),
                decapitalise(&error.title),
                error.id
            ),
            None if fails(judged) => format!(
                "{}: none of {} probes answered as asked; why is not proven.",
                judged.endpoint(),
                judged.probes.sent
            ),
            None => format!(
                "{}: {} of {} probes answered.",
                judged.endpoint(),
                judged.probes.ok,
                judged.probes.sent
            ),
        };
        let seen = evidence
            .burst(judged.endpoint())
            .map(|o| o.id)
            .collect::<Vec<_>>();
        finding = finding.fact(text, seen);
    }
    if let Some(first) = failing.first().and_then(|j| j.error()) {
        finding.actions.clone_from(&first.actions);
        if failing.len() == 1 {
            finding.endpoint.clone_from(&first.endpoint);
            finding.hop = first.hop;
            finding.address.clone_from(&first.address);
        }
    }
    finding.action(format!(
        "Or take the addresses that fail out of the records of {host} until they are repaired."
    ))
}

/// What is so, over all addresses.
fn overall(evidence: &Evidence, judged: &[Judged<'_>], findings: &[Finding]) -> Status {
    let resolved = evidence
        .resolution
        .as_ref()
        .is_some_and(|r| !r.addresses.is_empty());
    if evidence.target.protocol == Protocol::Dns && resolved {
        return Status::Reachable;
    }
    if judged.is_empty() {
        let failed = findings
            .iter()
            .any(|finding| finding.severity == Severity::Error);
        return if failed {
            Status::Unreachable
        } else {
            Status::Indeterminate
        };
    }
    let all = |status: Status| judged.iter().all(|j| j.status == status);
    let works = judged
        .iter()
        .any(|j| matches!(j.status, Status::Reachable | Status::Degraded));
    if all(Status::Reachable) {
        Status::Reachable
    } else if all(Status::Unreachable) {
        Status::Unreachable
    } else if works
        && !(evidence.ended != Ended::Complete
            && judged.iter().any(|j| j.status == Status::Indeterminate))
    {
        Status::Degraded
    } else {
        Status::Indeterminate
    }
}

/// A sentence that goes on after a colon: an ordinary first word loses its capital, a name or an address keeps it.
pub(super) fn decapitalise(text: &str) -> String {
    let word = text.split(' ').next().unwrap_or_default();
    let ordinary = word.len() > 1
        && word.chars().next().is_some_and(char::is_uppercase)
        && word.chars().skip(1).all(char::is_lowercase);
    let article = word == "A";
    let mut characters = text.chars();
    match characters.next() {
        Some(first) if ordinary || article => first.to_lowercase().chain(characters).collect(),
        _ => text.to_owned(),
    }
}
