//! `path-host-unreachable`: the last router can't reach the host.

use super::prohibited::rejected_by_device;
use crate::diagnose::scene::Scene;
use crate::diagnose::{Explain, Judge, Judgement, Rule};
use crate::model::{Id, Outcome};

/// The rule.
pub const RULE: Rule = Rule {
    id: Id::PathHostUnreachable,
    explain: Explain {
        meaning: "A router reports that it can't reach the host: the host does not answer address resolution on its network (it is off, \
                  removed, or elsewhere), or the router has a route that says unreachable.",
        proof: "ICMP host unreachable (type 3 code 1 or 7; ICMPv6 type 1 code 3) came from a router, in answer to two different probes or \
                more. An answer about three seconds late is that router's address resolution giving up.",
        remedy: "See whether the host is on and has this address; then ask the owner of the router whether it sees the host on its link.",
        lookalikes: "The same report from this machine itself is `local-neighbour-unresolved`. A router without any route: `path-no-route`.",
    },
    judge: Judge::Endpoint(judge),
};

fn judge(scene: &Scene<'_>) -> Judgement {
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
                .action(format!("If it is, ask the owner of {by} whether it sees {address} on its link (ARP or neighbour table, VLAN, an unreachable route)."))
        },
    )
}
