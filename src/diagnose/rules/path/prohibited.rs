//! `path-prohibited`: a device on the way rejects the flow and says so. And what all ICMP errors from devices have in common.

use crate::diagnose::scene::{Rejection, Scene, Sender, Shape};
use crate::diagnose::{Explain, Judge, Judgement, Need, Rule};
use crate::model::{Address, Finding, Id, Outcome, Severity};

/// The rule.
pub const RULE: Rule = Rule {
    id: Id::PathProhibited,
    explain: Explain {
        meaning: "A firewall or router on the way forbids this flow and answers in the destination's place with an ICMP error.",
        proof: "ICMP administratively prohibited (type 3 code 9, 10 or 13; ICMPv6 type 1 code 1, 5 or 6) or port unreachable (3/3; 1/4) \
                came from an address that is not the destination's, in answer to two different probes or more. The kernel reports port \
                unreachable as \"connection refused\", though it is a firewall's reject.",
        remedy: "Ask the owner of that device to allow the flow; give source, destination, protocol and port.",
        lookalikes: "The same error from the destination itself is its own firewall: `port-filtered`, or `echo-filtered`; port unreachable \
                     that answers a datagram is `udp-closed`. A reset without an ICMP error is `port-closed`. From this machine itself: `local-firewall`.",
    },
    judge: Judge::Endpoint(judge),
};

fn judge(scene: &Scene<'_>) -> Judgement {
    let service = scene.service();
    let source = scene.source();
    rejected_by_device(
        scene,
        Id::PathProhibited,
        &[
            Outcome::Prohibited,
            Outcome::PortUnreachable,
            Outcome::ProtocolUnreachable,
            Outcome::OtherIcmp,
        ],
        |by, host, _| format!("{by} forbids {service} to {host}"),
        "That device is not the destination: it is a firewall or a router on the way, and it answers in the destination's place.",
        |finding, by, address| {
            finding.action(format!(
                "Ask the owner of {by} to allow {service} from {source} to {address}."
            ))
        },
    )
}

/// The finding that an ICMP error from a device on the way makes, for one family of errors.
pub(super) fn rejected_by_device(
    scene: &Scene<'_>,
    id: Id,
    outcomes: &[Outcome],
    title: impl Fn(&str, &str, &Rejection<'_>) -> String,
    explanation: &str,
    steps: impl Fn(Finding, &str, &Address) -> Finding,
) -> Judgement {
    let rejection = match scene.shape() {
        Shape::Rejected(rejection) => rejection,
        Shape::RejectedOnce(rejection)
            if rejection.sender == Sender::Device && outcomes.contains(&rejection.outcome) =>
        {
            let mut needs = scene.heard_once();
            if scene.walk.is_empty() {
                needs.push(Need::Trace(scene.endpoint().clone()));
            }
            return Judgement::Unknown(needs);
        }
        Shape::NotTried => return Judgement::Unknown(vec![Need::Burst(scene.endpoint().clone())]),
        _ => return Judgement::Clear,
    };
    if rejection.sender != Sender::Device || !outcomes.contains(&rejection.outcome) {
        return Judgement::Clear;
    }
    if scene.walk.is_empty() && scene.evidence.options.path {
        return Judgement::Unknown(vec![Need::Trace(scene.endpoint().clone())]);
    }
    let by = scene.device(rejection.by);
    let hop = scene.distance(rejection.by);
    let placed = hop.map_or_else(|| by.clone(), |hop| format!("{by}, hop {hop},"));
    let heading = title(&placed, &scene.host(), &rejection);
    let mut finding = Finding::new(id, Severity::Error, heading)
        .explained(explanation)
        .about(scene.endpoint())
        .at(hop, Some(rejection.by.clone()));
    if scene.fares_differently(&rejection) {
        finding.explanation.push_str(" Other attempts met another end: flows may go different ways, and not all of them by that device.");
    }
    finding = scene.answered(finding, &rejection);
    if let Some(ttl) = scene.walk.distance_of(rejection.by) {
        finding = finding.fact(
            format!("{} answers probes with TTL {ttl} with time exceeded: it is the router at hop {ttl}.", rejection.by),
            scene.walk.observations_at(ttl),
        );
    } else if hop.is_none() && !scene.walk.is_empty() {
        finding = finding.fact(
            format!(
                "{} did not answer TTL-limited probes, and nothing answered just before it for the same flow: its distance is not proven.",
                rejection.by
            ),
            [],
        );
    }
    // It may have used up its errors on the burst: after a pause it answers the trace, too, and is placed. So may one that had its one word
    // for a probe with more hops than it needed, and was silent to those with fewer.
    let drawn = scene.walk.hops.iter().find(|(_, seen)| {
        let mut rejected = seen.rejected.iter();
        rejected.any(|answer| answer.from.ip() == rejection.by.ip())
    });
    let last = scene.walk.last_expired().map_or(0, |(ttl, _)| ttl);
    let silent_before = drawn.is_none_or(|(ttl, _)| *ttl > last.saturating_add(2));
    let needs = if scene.drawn_by_the_trace_alone(&rejection) && scene.paused().is_none() {
        scene.heard_once()
    } else if hop.is_none() && silent_before && scene.wants_a_pause() {
        vec![Need::QuietLook(scene.endpoint().clone())]
    } else {
        Vec::new()
    };
    Judgement::refinable(steps(finding, &by, scene.address()), needs)
}
