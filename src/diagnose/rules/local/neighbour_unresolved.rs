//! `local-neighbour-unresolved`: the next hop on the link does not answer address resolution.

use super::interface_down::downed_interface;
use crate::diagnose::scene::{Scene, Sender, Shape, ids};
use crate::diagnose::{Explain, Judge, Judgement, Need, Rule};
use crate::model::local::NeighbourState;
use crate::model::{Finding, Id, Ms, Observation, Outcome, Severity};

/// The rule.
pub const RULE: Rule = Rule {
    id: Id::LocalNeighbourUnresolved,
    explain: Explain {
        meaning: "The next device on this machine's own link, the gateway or the destination itself, does not answer when its hardware \
                  address is asked for. It is off, on another network or VLAN, or its address is wrong.",
        proof: "The kernel's neighbour entry is INCOMPLETE or FAILED after the probes were sent, or the kernel itself reports host \
                unreachable from its own address, about three seconds after the attempt. No probe was answered; or others to the host were, \
                and then these alone go by another next hop.",
        remedy: "See whether the neighbour is on and on this link; check the address, the prefix length and the VLAN. \
                 `ip neigh show to ADDRESS` shows the entry; on macOS, the BSDs and Windows `arp -a` (IPv6: `ndp -a`, `netsh interface ipv6 show neighbors`).",
        lookalikes: "Host unreachable from a router is `path-host-unreachable`: there the last router can't resolve the host. \
                     An interface without carrier is `local-interface-down`.",
    },
    judge: Judge::Endpoint(judge),
};

fn judge(scene: &Scene<'_>) -> Judgement {
    let own_report = match scene.shape() {
        Shape::NotTried => return Judgement::Unknown(vec![Need::Burst(scene.endpoint().clone())]),
        Shape::Silent => Vec::new(),
        // On some kernels the error comes without an entry in the queue.
        Shape::LocalError(Outcome::NoRoute) => scene
            .burst
            .iter()
            .copied()
            .filter(|o| o.elapsed_ms.is_some_and(|ms| ms > Ms::from_millis(500)))
            .collect(),
        Shape::Rejected(r) | Shape::RejectedOnce(r)
            if r.sender == Sender::ThisMachine && r.outcome == Outcome::HostUnreachable =>
        {
            r.answers
                .into_iter()
                .filter(|o| o.elapsed_ms.is_some_and(|ms| ms > Ms::from_millis(500)))
                .collect()
        }
        Shape::Mixed if for_some(scene) => return Judgement::fires(one_of_several(scene)),
        _ => return Judgement::Clear,
    };
    let entry = scene.next_hop().filter(|hop| hop.state.unresolved());
    // Where something answered from beyond the link, the next hop was there.
    let passed = scene.farthest().is_some() || scene.answers_this_way().is_some();
    let unproven = own_report.is_empty() && (entry.is_none() || passed);
    if unproven || downed_interface(scene).is_some() {
        return Judgement::Clear;
    }
    if passed {
        return Judgement::fires(by_another_way(scene, &own_report));
    }
    let route = scene.route();
    let gateway = route.and_then(|route| route.gateway.as_ref());
    let next = gateway.unwrap_or(scene.address());
    let interface = entry
        .map(|e| e.interface.clone())
        .or_else(|| route.and_then(|route| route.interface.clone()))
        .unwrap_or_else(|| "the link".to_owned());
    let asking = if next.is_ipv6() {
        "neighbour discovery"
    } else {
        "ARP"
    };
    let title = match gateway {
        Some(gateway) => format!("The gateway {gateway} on {interface} does not answer {asking}"),
        None => format!(
            "{} is not on {interface}: it does not answer {asking}",
            scene.host()
        ),
    };
    let mut finding = Finding::new(Id::LocalNeighbourUnresolved, Severity::Error, title)
        .explained(match gateway {
            Some(_) => "Every packet to this destination goes to that gateway first, and its hardware address can't be found on the link. \
                        The gateway is off, its address here is wrong, or this machine is on another network or VLAN than it should be.",
            None => "By this machine's routing table the destination is on its own link, and its hardware address can't be found there. \
                     The host is off, has another address, or is on another network or VLAN.",
        })
        .about(scene.endpoint())
        .at(None, Some(next.clone()));
    if let Some(entry) = entry {
        let state = if entry.state == NeighbourState::Failed {
            "FAILED"
        } else {
            "INCOMPLETE"
        };
        finding = finding.fact(
            format!("The kernel's neighbour entry for {next} on {interface} is {state}."),
            [],
        );
    }
    if let Some(first) = own_report.first() {
        let after = first
            .elapsed_ms
            .map_or_else(String::new, |ms| format!(" after {ms}"));
        finding = finding.fact(
            format!("This machine itself reports host unreachable{after}: its own address resolution gave up."),
            ids(&own_report),
        );
    }
    let unanswered: Vec<_> = scene
        .burst
        .iter()
        .copied()
        .filter(|o| o.outcome == Outcome::Timeout)
        .collect();
    if !unanswered.is_empty() {
        finding = finding.fact(
            format!(
                "{} of {} attempts got no answer.",
                unanswered.len(),
                scene.burst.len()
            ),
            ids(&unanswered),
        );
    }
    if let Some(prefix) = route
        .and_then(|route| route.prefix)
        .filter(|_| gateway.is_none())
    {
        finding = finding.fact(
            format!("The route says that {prefix} is directly on {interface}."),
            [],
        );
    }
    if next.is_ipv6() {
        finding.explanation.push_str(
            " Packet rules that drop ICMPv6, on this machine or over there, do the same: neighbour discovery is made of it.",
        );
        finding = finding.command(
            "See whether this machine's own rules let neighbour discovery in and out (ICMPv6 types 135 and 136):",
            "sudo nft list ruleset",
        );
    }
    Judgement::fires(
        finding
            .action(match gateway {
                Some(gateway) => format!("See whether {gateway} is on, and whether {interface} is connected to its network (cable, VLAN, virtual network)."),
                None => format!("See whether {} is on, and on the same network as {interface} (cable, VLAN, virtual network).", scene.address()),
            })
            .command("See the entry, and whether it changes:", format!("ip neigh show to {} dev {interface}", next.ip()))
            .command("Check this machine's address and prefix length:", format!("ip address show dev {interface}")),
    )
}

/// This machine reports of its own that a neighbour does not answer, and other packets to the host pass by the next hop that the look-up names.
fn by_another_way(scene: &Scene<'_>, own_report: &[&Observation]) -> Finding {
    let (service, address) = (scene.service(), scene.address());
    let after = own_report
        .first()
        .and_then(|o| o.elapsed_ms)
        .map_or_else(String::new, |ms| format!(" after {ms}"));
    let route = scene.route();
    let gateway = route.and_then(|route| route.gateway.as_ref());
    let mut finding = Finding::new(
        Id::LocalNeighbourUnresolved,
        Severity::Error,
        format!("The next hop that {service} to {} takes does not answer on this machine's link", scene.host()),
    )
    .explained(
        "This machine gives up finding the hardware address of a next hop, while other packets to the same host get through. So either a \
         rule of this machine sends just these another way (by a firewall mark, a port or a user), to a neighbour that is not there; or the \
         next hop was away for that moment.",
    )
    .about(scene.endpoint())
    .at(None, None)
    .fact(
        format!(
            "This machine itself reports host unreachable{after}, for {} of {} attempts: its own address resolution gave up.",
            own_report.len(),
            scene.burst.len()
        ),
        ids(own_report),
    );
    if let Some(up) = scene.answers_this_way() {
        finding = finding.fact(up.text, up.observations);
    }
    if let Some(gateway) = gateway {
        finding = finding.fact(
            format!("The kernel's look-up for this flow leads by {gateway}."),
            [],
        );
    }
    let flag = if address.is_ipv6() { "-6 " } else { "" };
    finding
        .command(
            "See which neighbours do not answer (FAILED, INCOMPLETE):",
            format!("ip {flag}neigh show"),
        )
        .command(
            "See which rules choose another routing table, and what that leads to:",
            format!("ip {flag}rule show; ip {flag}route show table all"),
        )
        .command(
            "See whether a packet rule marks what goes out (`meta mark set`, MARK):",
            "sudo nft list ruleset",
        )
}

/// What this machine itself reports as unreachable.
fn given_up<'a>(scene: &Scene<'a>) -> Vec<&'a Observation> {
    let own = |o: &&Observation| {
        let from = o.icmp_from();
        o.outcome == Outcome::HostUnreachable
            && from.is_some_and(|from| scene.sender(from) == Sender::ThisMachine)
    };
    scene.burst.iter().copied().filter(own).collect()
}

/// Whether all attempts that fail do so because this machine's own address resolution gives up, while others open: it has several next hops,
/// and one of them is not there. What was sent shortly before it gave up ends with it, after a moment.
pub(crate) fn for_some(scene: &Scene<'_>) -> bool {
    let well = |o: &&&Observation| matches!(o.outcome, Outcome::Ok | Outcome::Refused);
    let late = |o: &&Observation| o.elapsed_ms.is_some_and(|ms| ms > Ms::from_millis(500));
    let given_up = given_up(scene);
    given_up.len() >= 2
        && given_up.iter().any(late)
        && scene.burst.iter().filter(well).count() + given_up.len() == scene.burst.len()
}

fn one_of_several(scene: &Scene<'_>) -> Finding {
    let own_report = given_up(scene);
    let (service, address) = (scene.service(), scene.address());
    let after = own_report
        .iter()
        .filter_map(|o| o.elapsed_ms)
        .max()
        .map_or_else(String::new, |ms| format!(" after {ms}"));
    let flag = if address.is_ipv6() { "-6 " } else { "" };
    Finding::new(
        Id::LocalNeighbourUnresolved,
        Severity::Error,
        format!(
            "A next hop of this machine does not answer for {} of {} attempts to {}",
            own_report.len(),
            scene.burst.len(),
            scene.host()
        ),
    )
    .explained(format!(
        "Some of what is sent to {service} goes to a next hop whose hardware address can't be found on this machine's own link, and the rest \
         gets through. Most likely its route has several next hops, by which it spreads flows, and one of them is not there; or the next hop \
         went away, or came back, meanwhile."
    ))
    .about(scene.endpoint())
    .at(None, None)
    .fact(
        format!(
            "This machine itself reports host unreachable{after}, for {} of {} attempts: its own address resolution gave up.",
            own_report.len(),
            scene.burst.len()
        ),
        ids(&own_report),
    )
    .command("See which next hops the route has:", format!("ip {flag}route show table all"))
    .command("See which of them do not answer (FAILED, INCOMPLETE):", format!("ip {flag}neigh show"))
    .action("Repair that next hop, or take it out of the route.")
}
