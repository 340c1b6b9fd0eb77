//! `path-no-route`: a router on the way has no route to the destination.

use super::prohibited::rejected_by_device;
use crate::diagnose::scene::Scene;
use crate::diagnose::{Explain, Judge, Judgement, Rule};
use crate::model::{Id, Outcome};

/// The rule.
pub const RULE: Rule = Rule {
    id: Id::PathNoRoute,
    explain: Explain {
        meaning: "A router on the way has no route to the destination's network, and says so.",
        proof: "ICMP network unreachable (type 3 code 0 or 6; ICMPv6 type 1 code 0) came from a router, in answer to two different probes \
                or more. Its distance is known from its own answers to TTL-limited probes, where it gives any.",
        remedy: "Ask the owner of that router for a route to the destination's prefix, or find why it lost it (a routing protocol that \
                 is down, a withdrawn prefix, a missing static route, a VPN whose far side is not announced).",
        lookalikes: "A router that knows the network but can't reach the host says host unreachable: `path-host-unreachable`. \
                     This machine without a route: `local-no-route`.",
    },
    judge: Judge::Endpoint(judge),
};

fn judge(scene: &Scene<'_>) -> Judgement {
    rejected_by_device(
        scene,
        Id::PathNoRoute,
        &[Outcome::NetworkUnreachable],
        |by, host, _| format!("Router {by} has no route to {host}"),
        "The packets reach that router, and it does not know where to send them next. The destination was not reached, and what lies \
         behind the router was not seen.",
        |finding, by, address| {
            finding
                .action(format!("Ask the owner of {by} for a route to {address}, or why it has none."))
                .action("If the address itself is wrong (a typo, an old DNS record), no router will know it: compare it with the service's owner.")
        },
    )
}
