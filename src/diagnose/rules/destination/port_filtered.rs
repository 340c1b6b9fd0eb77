//! `port-filtered`: the host is up, and the port does not answer.

use crate::diagnose::rules::path::stops_before;
use crate::diagnose::rules::{local_not_ruled_out, route_back};
use crate::diagnose::scene::{Impostor, Rejection, Scene, Sender, Shape, ids};
use crate::diagnose::{Explain, Judge, Judgement, Need, Rule};
use crate::model::topology::Seen;
use crate::model::{Finding, Id, Operation, Outcome, Severity};

/// The rule.
pub const RULE: Rule = Rule {
    id: Id::PortFiltered,
    explain: Explain {
        meaning: "The host is up, and what is sent to this port is dropped or rejected by the host's own firewall or by the last device before it.",
        proof: "The port stays silent while the host answers something else (a control port, an echo request, a datagram, address \
                resolution), and no hop before it is proven to be where the probes stop; or the host itself answers with an ICMP error.",
        remedy: "On the host, allow the port in its firewall (`sudo nft list ruleset`, `sudo iptables-save`; on Windows \
                 `Get-NetFirewallRule`), in its security group, or in the device directly before it.",
        lookalikes: "A UDP port that stays silent is `udp-no-answer`, echo requests that are dropped are `echo-filtered`. When SYNs to the port stop at an earlier hop that others pass it is `path-filtered`. A host that answers nothing at all \
                     is `path-blackhole` or `host-down`. A reset is `port-closed`.",
    },
    judge: Judge::Endpoint(judge),
};

fn judge(scene: &Scene<'_>) -> Judgement {
    match scene.shape() {
        Shape::NotTried => Judgement::Unknown(vec![Need::Burst(scene.endpoint().clone())]),
        // An echo request has no port, port unreachable is what a closed port says to a datagram, and unreachable is what is said of
        // another host than the one that says it: those have findings of their own.
        Shape::Rejected(r) | Shape::RejectedOnce(r)
            if scene.probe() == Operation::Echo
                || closes(scene, &r)
                || r.of_behind_the_target() =>
        {
            Judgement::Clear
        }
        Shape::Rejected(r) if r.sender == Sender::Destination => {
            Judgement::fires(rejected_by_host(scene, &r))
        }
        Shape::RejectedOnce(r) if r.sender == Sender::Destination => {
            Judgement::Unknown(scene.heard_once())
        }
        // Silence is what UDP permits, and what echo requests meet has a finding of its own.
        Shape::Silent if scene.probe() == Operation::Connect => silent(scene),
        _ => Judgement::Clear,
    }
}

/// Whether the host says of a datagram that nothing listens on its port.
pub(crate) fn closes(scene: &Scene<'_>, rejection: &Rejection<'_>) -> bool {
    scene.probe() == Operation::Datagram
        && rejection.sender == Sender::Destination
        && rejection.outcome == Outcome::PortUnreachable
}

fn silent(scene: &Scene<'_>) -> Judgement {
    // Who answers on the control port may be a firewall, and the host off.
    if let Impostor::Unknown(needs) = scene.impostor() {
        return Judgement::Unknown(needs);
    }
    let Some(up) = scene.host_up() else {
        return if scene.asked_otherwise() {
            Judgement::Clear
        } else {
            Judgement::Unknown(scene.untried_controls())
        };
    };
    // What would place the drop on the way is asked for by the rule of that.
    if let Ok(Some(_)) = stops_before(scene) {
        return Judgement::Clear;
    }
    let service = scene.service();
    let port = scene.endpoint().port.unwrap_or_default();
    let silent = scene.with(Outcome::Timeout);
    let last = scene.last_router();
    let distance = scene
        .control_walk
        .arrival()
        .or_else(|| scene.datagram_walk.arrival());
    let local = scene.is_own();
    let before_it = match (last, distance) {
        _ if scene.on_link() => Some(None),
        (Some((ttl, router)), Some(distance)) if ttl + 1 >= distance => Some(Some((ttl, router))),
        (None, Some(1)) if !scene.hops_are_hidden() => Some(None),
        _ => None,
    };
    let by_address_resolution = up.observations.is_empty();
    let differs = scene.opens_from_another_source();
    let mut explanation = if differs {
        format!(
            "It answers connections from another address of this machine at the same time: what differs is the source. Answers to {} have \
             no way back, or a filter on the way or on the host refuses that source.",
            scene.source()
        )
    } else if local {
        format!(
            "The address is this machine's own: its firewall drops {service}, or the service is too busy to accept (its queue is full)."
        )
    } else {
        match before_it {
            Some(Some((ttl, router))) => format!(
                "SYNs to this port pass every hop up to {} (hop {ttl}), the last that is seen before the host, and get no answer. The \
                 host's own firewall drops them, or that last device does, or the service is too busy to accept them (its queue is full), or its \
                 answers are dropped on their way back: from here these look the same.",
                scene.device(router)
            ),
            Some(None) => format!(
                "{}: the host's own firewall drops {service}, or the service is too busy to accept (its queue is full).",
                scene.nothing_between()
            ),
            None if scene.hops_are_hidden() => format!(
                "Something drops {service} or the answers to it: the host's own firewall, or a device on the way there or back. Where can't \
                 be told: the host seems to answer a TTL of 1 already, though packets to it go by a gateway. Something on the way rewrites \
                 the TTL, or answers in the host's name, and hides what lies behind it."
            ),
            None => format!(
                "Something drops {service} or the answers to it: the host's own firewall, or a device on the way there or back. Where is \
                 not proven, because the hops that could tell do not answer."
            ),
        }
    };
    if by_address_resolution {
        explanation.push_str(
            " That it answers address resolution is all that shows it up: a gateway or a virtual network that answers for every address does \
             so for a host that is off, too.",
        );
    }
    let mut finding = Finding::new(
        Id::PortFiltered,
        Severity::Error,
        if differs {
            format!(
                "{} does not answer port {port} to {}",
                scene.host(),
                scene.source()
            )
        } else {
            format!(
                "{} is up, but port {port} does not answer: it is filtered",
                scene.host()
            )
        },
    )
    .explained(explanation)
    .fact(
        format!(
            "{} of {} attempts got no answer.",
            silent.len(),
            scene.burst.len()
        ),
        ids(&silent),
    )
    .fact(up.text, up.observations)
    .about(scene.endpoint())
    .at(None, Some(scene.address().clone()));
    if let Some((ttl, router)) = last {
        finding = finding.fact(
            format!(
                "SYNs to port {port} with a limited TTL are answered up to hop {ttl} ({}).",
                scene.device(router)
            ),
            scene.walk.observations_at(ttl),
        );
        if before_it.is_some() {
            finding.hop = Some(ttl);
            finding.address = Some(router.clone());
        }
    }
    if let Some(at) = handed_on_at(scene).filter(|_| !differs) {
        return Judgement::fires(behind_the_target(scene, finding, at));
    }
    if !local {
        finding = local_not_ruled_out(scene, finding);
    }
    Judgement::fires(route_back(scene, steps(scene, finding)))
}

fn rejected_by_host<'a>(scene: &Scene<'a>, rejection: &Rejection<'a>) -> Finding {
    let finding = Finding::new(
        Id::PortFiltered,
        Severity::Error,
        format!("{} itself rejects {}", scene.host(), scene.service()),
    )
    .explained(if scene.probe() == Operation::Connect {
        "The host answers with an ICMP error instead of a TCP reset: a firewall on the host, or an address translation that answers in its \
         name, rejects the connection. The path up to it works."
    } else {
        "The host answers with an ICMP error that says more than that nothing listens: a firewall on the host, or an address translation \
         that answers in its name, rejects the datagrams. The path up to it works."
    })
    .about(scene.endpoint())
    .at(scene.walk.first_rejected().map(|(ttl, _)| ttl), Some(rejection.by.clone()));
    scene
        .answered(finding, rejection)
        .command(
            format!("On {}, find the rule that rejects {} from {}:", scene.address(), scene.service(), scene.source()),
            "sudo nft list ruleset",
        )
        .action("If it is a node of Kubernetes, see whether the service has endpoints that are ready: one that has none is rejected so.")
}

/// At which distance the target's own address answers these probes as a router, and others as their destination. Routers that borrow the
/// target's address do so before that distance.
fn handed_on_at(scene: &Scene<'_>) -> Option<u8> {
    let own = |(ttl, seen): (&u8, &Seen<'_>)| {
        let mut expired = seen.expired.iter();
        expired
            .any(|answer| answer.from.ip() == scene.address().ip())
            .then_some(*ttl)
    };
    let first = scene.walk.hops.iter().find_map(own);
    let others = [&scene.control_walk, &scene.datagram_walk];
    first.filter(|first| others.iter().any(|walk| walk.arrival() == Some(*first)))
}

/// The target's own address hands the packets on, and nothing comes back from there.
fn behind_the_target(scene: &Scene<'_>, finding: Finding, at: u8) -> Finding {
    let (host, service, address) = (scene.host(), scene.service(), scene.address());
    let mut finding = finding.explained(
        "The path up to that address works. The address hands the packets on to another host (a port forward, a load balancer, a container), \
         and nothing comes back: that host is off or drops them, the device itself drops them on their way there, or the answers find no way \
         back. From here these look the same.",
    );
    finding.title = format!("{host} forwards {service}, and what is behind it does not answer");
    (finding.hop, finding.address) = (Some(at), Some(address.clone()));
    finding
        .fact(
            format!("{address} answers TTL-limited probes with time exceeded: packets to it are handed on."),
            scene.handed_on(),
        )
        .action(format!(
            "On the device that has the address {address}, see where it forwards {service} to, whether its own rules let that through, and \
             whether that host is on, lets it in, and has its way back by that device."
        ))
}

fn steps(scene: &Scene<'_>, finding: Finding) -> Finding {
    let whose = if scene.is_own() {
        "this machine".to_owned()
    } else {
        scene.address().to_string()
    };
    finding
        .command(
            format!("On {whose}, see whether its firewall drops {} from {}:", scene.service(), scene.source()),
            "sudo nft list ruleset",
        )
        .command(
            "See whether a service listens there, and whether its queue is full (Recv-Q above Send-Q):",
            format!(
                "ss -{}ln 'sport = :{}'",
                if scene.probe() == Operation::Datagram { "u" } else { "t" },
                scene.endpoint().port.unwrap_or_default()
            ),
        )
        .action("If neither, ask the owner of the device directly before it (security group, load balancer, virtual switch).")
}
