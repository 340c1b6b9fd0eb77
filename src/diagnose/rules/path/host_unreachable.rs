//! `path-host-unreachable`: the last router can't reach the host.

use super::prohibited::rejected_by_device;
use crate::diagnose::scene::{Rejection, Scene, Shape};
use crate::diagnose::{Explain, Judge, Judgement, Rule};
use crate::model::{Finding, Id, Outcome, Severity};

/// The rule.
pub const RULE: Rule = Rule {
    id: Id::PathHostUnreachable,
    explain: Explain {
        meaning: "A router reports that it can't reach the host: the host does not answer address resolution on its network (it is off, \
                  removed, or elsewhere), or the router has a route that says unreachable.",
        proof: "ICMP host unreachable (type 3 code 1 or 7; ICMPv6 type 1 code 3) came from a router, in answer to two different probes or \
                more. An answer about three seconds late is that router's address resolution giving up. When the target's own address \
                says host or network unreachable, it forwards the port, and reports of what is behind it.",
        remedy: "See whether the host is on and has this address; then ask the owner of the router whether it sees the host on its link.",
        lookalikes: "The same report from this machine itself is `local-neighbour-unresolved`. A router without any route: `path-no-route`. \
                     A host whose own firewall says prohibited or port unreachable is `port-filtered`; one that says host unreachable \
                     at once can't be told from a port forward.",
    },
    judge: Judge::Endpoint(judge),
};

fn judge(scene: &Scene<'_>) -> Judgement {
    match scene.shape() {
        Shape::Rejected(r) if r.of_behind_the_target() => {
            return Judgement::fires(behind_the_target(scene, &r));
        }
        Shape::RejectedOnce(r) if r.of_behind_the_target() => {
            return Judgement::Unknown(scene.heard_once());
        }
        Shape::Rejected(r) | Shape::RejectedOnce(r) if beyond_scope(&r) => {
            return out_of_scope(scene);
        }
        _ => {}
    }
    rejected_by_device(
        scene,
        Id::PathHostUnreachable,
        &[Outcome::HostUnreachable],
        |by, host, _| format!("Router {by} can't reach {host}"),
        "The packets reach that router, and it reports the host itself as unreachable: the host is off, does not have this address, or \
         the router has a route that says so.",
        |finding, by, address| {
            finding
                .action(format!("See whether the host is on and really has the address {address}."))
                .action(format!("If it is, ask the owner of {by} whether it sees {address} on its link (ARP or neighbour table, VLAN, an unreachable route){}.", if address.is_ipv6() { ", and see that packet rules of the host let neighbour discovery pass (ICMPv6 types 135 and 136)" } else { "" }))
        },
    )
}

/// Whether routers say that packets from this source address may not go so far (ICMPv6 type 1 code 2, RFC 4443 section 3.1).
fn beyond_scope(rejection: &Rejection<'_>) -> bool {
    let mut icmp = rejection.answers.iter().filter_map(|o| o.icmp.as_ref());
    rejection.by.is_ipv6() && icmp.all(|icmp| (icmp.kind, icmp.code) == (1, 2))
}

/// It is this machine's source address that is not good enough, and not the host that is off.
fn out_of_scope(scene: &Scene<'_>) -> Judgement {
    let source = scene.source();
    let interface = scene
        .route()
        .and_then(|route| route.interface.clone())
        .unwrap_or_else(|| "the interface".to_owned());
    rejected_by_device(
        scene,
        Id::PathHostUnreachable,
        &[Outcome::HostUnreachable],
        |by, host, _| {
            format!(
                "Router {by} does not send on to {host} what comes from {source}: the scope of that address ends before it"
            )
        },
        "This machine sends from an address that is good on its own link or site alone, and a router may not pass that on. This machine has no \
         other that it could use: none was given to it, or the one that it has is not usable (tentative, or a duplicate of another \
         machine's). The fault is here, and nothing is said of the host.",
        |finding, _, _| {
            finding
                .command(
                    format!("See which addresses {interface} has, and whether they can be used (tentative, dadfailed):"),
                    format!("ip -6 address show dev {interface}"),
                )
                .action(format!(
                    "Give {interface} an address that is routed: by the router's advertisements (SLAAC), DHCPv6, or by hand; if its own is a \
                     duplicate, take it from the other machine first."
                ))
        },
    )
}

/// The target's own address reports that something can't be reached: what it forwards to.
fn behind_the_target<'a>(scene: &Scene<'a>, rejection: &Rejection<'a>) -> Finding {
    let (host, service) = (scene.host(), scene.service());
    let passed_on = scene.handed_on();
    let proven = rejection.late() || !passed_on.is_empty();
    let title = if proven {
        format!("{host} forwards {service}, and what is behind it can't be reached")
    } else {
        format!("{host} says of {service} that what is behind it can't be reached")
    };
    let explanation = if proven {
        "The path up to that address works. The address hands the packets on to another host (a port forward, a load balancer, an address \
         translation), and the answer is that this other host can't be reached: it is off, has lost its address, or has no route to it."
    } else {
        "The path up to that address works. Most likely it hands the packets on to another host (a port forward, a load balancer, an \
         address translation) that can't be reached. A host whose own firewall rejects in these words looks the same."
    };
    let mut finding = Finding::new(Id::PathHostUnreachable, Severity::Error, title)
        .explained(explanation)
        .about(scene.endpoint())
        .at(
            scene
                .walk
                .distance_of(rejection.by)
                .or_else(|| scene.distance(rejection.by)),
            Some(rejection.by.clone()),
        );
    finding = scene.answered(finding, rejection);
    if !passed_on.is_empty() {
        finding = finding.fact(
            format!(
                "{} answers TTL-limited probes with time exceeded: packets to it are handed on.",
                rejection.by
            ),
            passed_on,
        );
    }
    finding = finding.action(format!(
        "On the device that has the address {}, see where it forwards {service} to, and whether that host is on and has this address.",
        rejection.by
    ));
    if proven {
        return finding;
    }
    finding.command(
        format!(
            "If it forwards nothing, see whether its own firewall rejects {service} from {}:",
            scene.source()
        ),
        "sudo nft list ruleset",
    )
}
