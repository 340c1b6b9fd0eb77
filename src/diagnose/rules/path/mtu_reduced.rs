//! `path-mtu-reduced`: a link on the way takes less than this machine's, and its router says so properly.

use crate::diagnose::scene::{Scene, Shape};
use crate::diagnose::{Explain, Judge, Judgement, Need, Rule};
use crate::model::{Finding, Id, Observation, Operation, Outcome, Severity};

/// The rule.
pub const RULE: Rule = Rule {
    id: Id::PathMtuReduced,
    explain: Explain {
        meaning: "A link on the way carries smaller packets than this machine's own: a tunnel, PPPoE, a VPN. Its router says so, as it \
                  should, and senders adapt: no fault by itself.",
        proof: "A datagram as large as the first link takes, which must not be broken up, was answered with “fragmentation needed” (ICMP \
                type 3 code 4) or “packet too big” (ICMPv6 type 2) by that router, and one of the size that it named passed.",
        remedy: "None is needed while the messages of that router get through. Where some firewall drops them, large packets vanish: then \
                 set this MTU on the interface or the route, or clamp the MSS on the router.",
        lookalikes: "Large datagrams or echo requests that vanish without such a message are dropped by many hosts as a policy, and prove \
                     nothing by themselves.",
    },
    judge: Judge::Endpoint(judge),
};

fn judge(scene: &Scene<'_>) -> Judgement {
    let works = matches!(scene.shape(), Shape::Works | Shape::Mixed);
    if !works || !scene.evidence.options.path || scene.is_own() {
        return Judgement::Clear;
    }
    let Some(path) = &scene.subject.path else {
        return Judgement::Unknown(vec![Need::Trace(scene.endpoint().clone())]);
    };
    let asked: Vec<&Observation> = scene
        .evidence
        .observations
        .iter()
        .filter(|o| {
            o.operation == Operation::Mtu
                && o.endpoint
                    .as_ref()
                    .is_some_and(|e| e.address == *scene.address())
        })
        .collect();
    if asked.is_empty() && path.mtu.is_none() {
        return Judgement::Unknown(vec![Need::Mtu(scene.endpoint().clone())]);
    }
    let Some((value, from)) = path
        .mtu
        .as_ref()
        .and_then(|mtu| Some((mtu.value, mtu.from.as_ref()?)))
    else {
        return Judgement::Clear;
    };
    let said: Vec<&Observation> = asked
        .iter()
        .copied()
        .filter(|o| o.outcome == Outcome::PacketTooBig)
        .collect();
    let first = asked.iter().filter_map(|o| o.size).max().unwrap_or(value);
    let hop = scene.walk.distance_of(from);
    let placed = hop.map_or_else(
        || scene.device(from),
        |hop| format!("{}, hop {hop},", scene.device(from)),
    );
    let interface = scene
        .route()
        .and_then(|route| route.interface.clone())
        .unwrap_or_else(|| "the first link".to_owned());
    let passed: Vec<&Observation> = asked
        .iter()
        .copied()
        .filter(|o| o.size == Some(value) && o.outcome != Outcome::PacketTooBig)
        .collect();
    Judgement::fires(
        Finding::new(
            Id::PathMtuReduced,
            Severity::Info,
            format!("Packets to {} may have {value} bytes at most: {placed} says so; {interface} here takes {first}", scene.host()),
        )
        .explained("A link behind that router is narrower than this machine's own. It is said as it should be, and senders adapt to it.")
        .fact(
            format!("{} answers a datagram of {first} bytes with {}.", from, said.first().and_then(|o| o.icmp.as_ref()).map_or_else(String::new, crate::model::Icmp::describe)),
            said.iter().map(|o| o.id),
        )
        .fact(format!("One of {value} bytes passes."), passed.iter().map(|o| o.id))
        .action("Nothing, as long as the messages of that router get through. If large transfers hang, see whether a firewall drops ICMP “fragmentation needed” or ICMPv6 “packet too big”.")
        .about(scene.endpoint())
        .at(hop, Some(from.clone())),
    )
}
