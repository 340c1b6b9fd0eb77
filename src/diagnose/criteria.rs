//! What the user demanded: `--expect` and the limits, measured.

use super::compose::Judged;
use super::scene::{Scene, Shape};
use crate::model::criteria::{Criterion, Quantity};
use crate::model::options::Expect;
use crate::model::statistics::Probes;
use crate::model::text::list;
use crate::model::{Evidence, Finding, Id, Ms, Outcome, Severity};

/// The state of a port in the words of `--expect`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// A connection was made.
    Open,
    /// A reset answered; a datagram the host's own port unreachable.
    Closed,
    /// Silence from a host that is up, or an ICMP error.
    Filtered,
    /// It could not be proven.
    Unproven,
}

impl State {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Filtered => "filtered",
            Self::Unproven => "unknown",
        }
    }

    const fn meets(self, expect: Expect) -> bool {
        match expect {
            Expect::Open => matches!(self, Self::Open),
            Expect::Closed => matches!(self, Self::Closed),
            Expect::Filtered => matches!(self, Self::Filtered),
            Expect::Blocked => matches!(self, Self::Closed | Self::Filtered),
        }
    }
}

/// The state of one port, as far as its findings prove it.
pub(super) fn state(scene: &Scene<'_>, findings: &[Finding]) -> State {
    let error = findings
        .iter()
        .find(|finding| finding.severity == Severity::Error)
        .map(|finding| finding.id);
    match (scene.shape(), error) {
        (Shape::Works | Shape::Mixed, _) => State::Open,
        // By this machine's own doing: a reset is one, silence and ICMP errors are, and a call that is refused says nothing of the port.
        (Shape::LocalError(_), _) => State::Unproven,
        (Shape::Refused, Some(Id::LocalFirewall))
        | (_, Some(Id::PortClosed | Id::UdpClosed | Id::LocalListenerAddress | Id::PathReset)) => {
            State::Closed
        }
        (
            _,
            Some(
                Id::PortFiltered
                | Id::EchoFiltered
                | Id::PathFiltered
                | Id::PathProhibited
                | Id::LocalFirewall,
            ),
        ) => State::Filtered,
        _ => State::Unproven,
    }
}

/// Whether every address is in the state expected, and the finding that says that it is not.
pub(super) fn expectation(expect: Expect, judged: &[Judged<'_>]) -> (Criterion, Option<Finding>) {
    let mut states: Vec<&str> = judged.iter().map(|j| j.state.as_str()).collect();
    states.dedup();
    let other: Vec<&Judged<'_>> = judged
        .iter()
        .filter(|j| j.state != State::Unproven && !j.state.meets(expect))
        .collect();
    let unproven = judged.is_empty() || judged.iter().any(|j| j.state == State::Unproven);
    let met = if !other.is_empty() {
        Some(false)
    } else if unproven {
        None
    } else {
        Some(true)
    };
    let criterion = Criterion {
        name: "expect".to_owned(),
        limit: Quantity::Word(expect.as_str().to_owned()),
        measured: (!judged.is_empty()).then(|| Quantity::Word(list(&states))),
        met,
    };
    let finding = other.first().map(|first| {
        let mut finding = Finding::new(
            Id::ExpectationUnmet,
            Severity::Error,
            format!("{} is {}, and was expected to be {}", first.endpoint(), first.state.as_str(), expect.as_str()),
        )
        .explained(match first.state {
            State::Open => "It can be reached from here, and by your --expect it should not be.",
            State::Closed => "The packets get through to the host, which refuses them; by your --expect they should not get an answer.",
            _ => "The packets are stopped; by your --expect the host itself should refuse them.",
        })
        .about(first.endpoint());
        for judged in &other {
            let observations = judged.findings.first().and_then(|f| f.evidence.first()).map(|fact| fact.observations.clone());
            finding = finding.fact(
                format!(
                    "{} is {}: {} of {} probes ok, {} refused, {} lost, {} ended with an error.",
                    judged.endpoint(),
                    judged.state.as_str(),
                    judged.probes.ok,
                    judged.probes.sent,
                    judged.probes.refused,
                    judged.probes.lost,
                    judged.probes.error,
                ),
                observations.unwrap_or_default(),
            );
        }
        finding
            .action("Look at the rules that should produce that state, on the host and on the firewalls before it.")
            .action("Or correct --expect, if the state is as it should be.")
    });
    (criterion, finding)
}

/// One figure of a burst's latency.
type Latency = fn(&Probes) -> Option<Ms>;

/// The limits that were set, each measured at the worst address, with the finding where one is broken.
pub(super) fn thresholds(
    evidence: &Evidence,
    judged: &[Judged<'_>],
    turned: bool,
) -> Vec<(Criterion, Option<Finding>)> {
    let options = &evidence.options;
    let worst = |value: &dyn Fn(&Probes) -> Option<f64>| {
        judged
            .iter()
            .filter(|_| !turned)
            .filter_map(|j| value(&j.probes).map(|value| (value, j)))
            .max_by(|(a, _), (b, _)| a.total_cmp(b))
    };
    let mut limits = Vec::new();
    if let Some(limit) = options.max_loss_percent {
        let measured = worst(&|probes| probes.failed_percent);
        limits.push(one("max_loss_percent", limit, measured, |value, j| {
            Finding::new(
                Id::ThresholdLoss,
                Severity::Error,
                format!(
                    "{value:.0} % of the probes to {} failed, {limit} % are allowed",
                    j.endpoint()
                ),
            )
            .explained("More probes failed than --max-loss allows.")
            .fact(
                format!(
                    "{} of {} probes failed: {} refused, {} lost, {} ended with an error.",
                    j.probes.failed, j.probes.sent, j.probes.refused, j.probes.lost, j.probes.error
                ),
                failed(evidence, j),
            )
            .action("See in the report what became of the probes that failed.")
            .action("Raise the limit, if such a share is usual for this destination.")
        }));
    }
    let times: [(&str, Option<Ms>, &str, Latency); 2] = [
        ("max_avg_ms", options.max_avg_ms, "on average", |probes| {
            probes.avg_ms
        }),
        (
            "max_p95_ms",
            options.max_p95_ms,
            "at the 95th percentile",
            |probes| probes.p95_ms,
        ),
    ];
    for (name, limit, how, value) in times {
        let Some(limit) = limit else { continue };
        let measured = worst(&|probes| value(probes).map(Ms::as_f64));
        limits.push(one(name, limit.as_f64(), measured, |value, j| {
            latency(
                evidence,
                j,
                format!(
                    "The round trip to {} takes {} {how}, {limit} are allowed",
                    j.endpoint(),
                    Ms::from_f64(value)
                ),
            )
        }));
    }
    if let Some(limit) = options.max_connect_ms {
        let longest = |j: &Judged<'_>| {
            evidence
                .burst(j.endpoint())
                .filter(|o| o.outcome == Outcome::Ok)
                .filter_map(|o| o.elapsed_ms)
                .max()
        };
        let measured = judged
            .iter()
            .filter(|_| !turned)
            .filter_map(|j| longest(j).map(|ms| (ms.as_f64(), j)))
            .max_by(|(a, _), (b, _)| a.total_cmp(b));
        limits.push(one(
            "max_connect_ms",
            limit.as_f64(),
            measured,
            |value, j| {
                latency(
                    evidence,
                    j,
                    format!(
                        "A connection to {} took {} to open, {limit} are allowed",
                        j.endpoint(),
                        Ms::from_f64(value)
                    ),
                )
            },
        ));
    }
    limits
}

fn one<'j, 'a>(
    name: &str,
    limit: f64,
    measured: Option<(f64, &'j Judged<'a>)>,
    finding: impl FnOnce(f64, &'j Judged<'a>) -> Finding,
) -> (Criterion, Option<Finding>) {
    let met = measured.map(|(value, _)| value <= limit);
    let criterion = Criterion {
        name: name.to_owned(),
        limit: Quantity::Number(limit),
        measured: measured.map(|(value, _)| Quantity::Number(value)),
        met,
    };
    let finding = measured
        .filter(|_| met == Some(false))
        .map(|(value, judged)| {
            finding(value, judged)
                .about(judged.endpoint())
                .at(None, Some(judged.endpoint().address.clone()))
        });
    (criterion, finding)
}

fn failed(evidence: &Evidence, judged: &Judged<'_>) -> Vec<u32> {
    evidence
        .burst(judged.endpoint())
        .filter(|o| o.outcome != Outcome::Ok)
        .map(|o| o.id)
        .collect()
}

fn latency(evidence: &Evidence, judged: &Judged<'_>, title: String) -> Finding {
    let show = |ms: Option<Ms>| ms.map_or_else(|| "-".to_owned(), |ms| ms.to_string());
    let ok: Vec<u32> = evidence
        .burst(judged.endpoint())
        .filter(|o| o.outcome == Outcome::Ok)
        .map(|o| o.id)
        .collect();
    Finding::new(Id::ThresholdLatency, Severity::Error, title)
        .explained("It works, and takes longer than the limit you set.")
        .fact(
            format!(
                "Round trips of {} probes: {} at least, {} on average, {} at most.",
                judged.probes.ok,
                show(judged.probes.min_ms),
                show(judged.probes.avg_ms),
                show(judged.probes.max_ms),
            ),
            ok,
        )
        .action("See the path for the hop at which the time grows.")
        .action("Raise the limit, if such a time is usual for this destination.")
}
