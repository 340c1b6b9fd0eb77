//! `path-mtu-reduced`: a link on the way takes less than this machine's, and its router says so properly.

use crate::diagnose::scene::{Scene, Sender, Shape, ids};
use crate::diagnose::{Explain, Judge, Judgement, Need, Rule};
use crate::model::{Finding, Icmp, Id, Observation, Operation, Outcome, Severity};

/// The rule.
pub const RULE: Rule = Rule {
    id: Id::PathMtuReduced,
    explain: Explain {
        meaning: "A link on the way carries smaller packets than this machine's own: a tunnel, PPPoE, a VPN. Its router says so, as it \
                  should, and senders adapt: no fault by itself.",
        proof: "A datagram as large as the first link takes, which must not be broken up, was answered with “fragmentation needed” (ICMP \
                type 3 code 4) or “packet too big” (ICMPv6 type 2) by that router, and one of the largest size that it takes passed, as far as the host, or its last router, answers datagrams.",
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
    let first = asked.iter().filter_map(|o| o.size).max().unwrap_or(value);
    let said = asked.iter().copied().filter(|o| {
        let icmp = o.icmp.as_ref();
        o.outcome == Outcome::PacketTooBig
            && icmp
                .and_then(|icmp| icmp.from.as_ref())
                .is_some_and(|a| a.ip() == from.ip())
    });
    let said: Vec<&Observation> = said.collect();
    let Some(least) = said.iter().copied().min_by_key(|o| o.size) else {
        return Judgement::Clear;
    };
    let (too_big, icmp) = (least.size.unwrap_or(first), least.icmp.as_ref());
    let exact =
        too_big.checked_sub(1) == Some(value) || icmp.is_some_and(|icmp| icmp.mtu == Some(value));
    let size = if exact {
        format!("{value} bytes at most")
    } else {
        format!("{value} bytes, but not {too_big}")
    };
    let hop = scene.walk.distance_of(from);
    let who = match (scene.sender(from), hop) {
        (Sender::ThisMachine, _) => format!("this machine itself ({from})"),
        (_, Some(hop)) => format!("{}, hop {hop},", scene.device(from)),
        (_, None) => scene.device(from),
    };
    let interface = scene
        .route()
        .and_then(|route| route.interface.clone())
        .unwrap_or_else(|| "the first link".to_owned());
    let passed: Vec<&Observation> = asked
        .iter()
        .copied()
        .filter(|o| o.size == Some(value) && whole(o.outcome))
        .collect();
    let mut finding = Finding::new(
        Id::PathMtuReduced,
        Severity::Info,
        format!(
            "Packets to {} may have {size}: {who} says so; {interface} here takes {first}",
            scene.host()
        ),
    )
    .explained("A link behind that router is narrower than this machine's own. It is said as it should be, and senders adapt to it.")
    .fact(
        format!(
            "{from} answers a datagram of {too_big} bytes with {}.",
            icmp.map_or_else(String::new, Icmp::describe)
        ),
        said.iter().map(|o| o.id),
    );
    finding = match passed.iter().find_map(|o| o.ttl).filter(|_| passed.iter().all(|o| o.ttl.is_some())) {
        _ if passed.is_empty() => finding.fact(
            format!("Nothing answered a datagram of {value} bytes, and whether that passes is not known."),
            [],
        ),
        Some(ttl) => finding.fact(
            format!("One of {value} bytes comes as far as hop {ttl}; the host answers none."),
            ids(&passed),
        ),
        None => finding.fact(format!("One of {value} bytes arrives."), ids(&passed)),
    };
    Judgement::fires(
        finding
            .action("Nothing, as long as the messages of that router get through. If large transfers hang, see whether a firewall drops ICMP “fragmentation needed” or ICMPv6 “packet too big”.")
            .about(scene.endpoint())
            .at(hop, Some(from.clone())),
    )
}

/// Whether a datagram that ended so was seen to have come whole to where it ended.
fn whole(outcome: Outcome) -> bool {
    matches!(
        outcome,
        Outcome::Ok
            | Outcome::PortUnreachable
            | Outcome::ProtocolUnreachable
            | Outcome::TtlExceeded
    )
}
