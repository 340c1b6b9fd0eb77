//! `local-no-route`: the kernel's own look-up ends without a way out.

use super::interface_down::downed_interface;
use crate::diagnose::scene::{Scene, Shape, ids};
use crate::diagnose::{Explain, Judge, Judgement, Need, Rule};
use crate::model::local::{Route, RouteKind};
use crate::model::{Finding, Id, Outcome, Severity};

/// The rule.
pub const RULE: Rule = Rule {
    id: Id::LocalNoRoute,
    explain: Explain {
        meaning: "This machine's own routing table has no way to the destination, or has a route that forbids it. No packet left.",
        proof: "The socket call fails at once (ENETUNREACH, EHOSTUNREACH, EACCES or EINVAL) with nothing in the error queue, and the \
                kernel's route look-up for this very flow ends the same way. The route or the rule that decided is quoted.",
        remedy: "Add the missing route or the default gateway, remove the unreachable, prohibit or blackhole route, or choose another \
                 source address, interface or routing table. See `ip route get ADDRESS`, `ip rule` and `ip route show table all`. \
                 On macOS and the BSDs: `route -n get ADDRESS`; on Windows: `Find-NetRoute -RemoteIPAddress ADDRESS`.",
        lookalikes: "A router further on that has no route answers with an ICMP error and is `path-no-route`. An interface that is down \
                     takes its routes with it: `local-interface-down`. A firewall of this machine gives EPERM: `local-firewall`.",
    },
    judge: Judge::Endpoint(judge),
};

fn judge(scene: &Scene<'_>) -> Judgement {
    let route = scene.route();
    let refused_by_route = route.is_some_and(|route| !forwards(route.kind));
    match scene.shape() {
        Shape::LocalError(Outcome::NoRoute) => {}
        // EACCES is a prohibit route's error too, and EINVAL a blackhole's: only the look-up tells.
        Shape::LocalError(Outcome::Denied) if refused_by_route => {}
        Shape::NotTried => return Judgement::Unknown(vec![Need::Burst(scene.endpoint().clone())]),
        _ => return Judgement::Clear,
    }
    if downed_interface(scene).is_some() {
        return Judgement::Clear;
    }
    let address = scene.address();
    let family = if address.is_ipv6() { "IPv6" } else { "IPv4" };
    let attempts: Vec<_> = scene
        .burst
        .iter()
        .copied()
        .filter(|o| o.outcome.is_local())
        .collect();
    let errno = attempts
        .first()
        .and_then(|o| o.errno.clone())
        .unwrap_or_else(|| "an error".to_owned());
    let mut finding = Finding::new(Id::LocalNoRoute, Severity::Error, title(scene, route))
        .explained(explanation(route, family))
        .fact(
            format!(
                "The attempt failed at once with {errno}, and nothing came back from the network."
            ),
            ids(&attempts),
        )
        .about(scene.endpoint())
        .at(None, None);
    if let Some(route) = route {
        let mut text = match &route.errno {
            Some(errno) => format!("The kernel's route look-up for {address} ends with {errno}"),
            None => format!("The kernel's route look-up for {address} finds no way out"),
        };
        if let Some(quoted) = &route.text {
            text.push_str(&format!(": `{quoted}`"));
        }
        if let Some(table) = route.table {
            text.push_str(&format!(" in table {}", table_name(table)));
        }
        if let Some(rule) = &route.rule {
            text.push_str(&format!(", by the rule `{rule}`"));
        }
        finding = finding.fact(format!("{text}."), []);
    }
    for interface in scene
        .evidence
        .local
        .interfaces
        .iter()
        .filter(|i| !i.up || !i.carrier)
    {
        let how = if interface.up {
            "has no carrier"
        } else {
            "is down"
        };
        finding = finding.fact(
            format!(
                "Interface {} {how}: routes through it are not used.",
                interface.name
            ),
            [],
        );
    }
    let flag = if address.is_ipv6() { "-6 " } else { "" };
    finding = match route.map(|route| route.kind) {
        Some(RouteKind::Unreachable | RouteKind::Prohibit | RouteKind::Blackhole) => {
            let quoted = route.and_then(|r| r.text.clone()).unwrap_or_default();
            let table = route.and_then(|r| r.table).filter(|table| *table != 254);
            let table = table.map_or_else(String::new, |table| format!(" table {table}"));
            if quoted.is_empty() {
                finding.command(
                    "Find the route that forbids it, and remove it if it is not meant:",
                    format!("ip {flag}route show table all"),
                )
            } else {
                finding.command(
                    "If this route is not meant, remove it:",
                    format!("sudo ip {flag}route del {quoted}{table}"),
                )
            }
        }
        _ => finding.command(
            format!(
                "See which routes there are; a default route, or one for {address}, is missing:"
            ),
            format!("ip {flag}route show table all"),
        ),
    };
    Judgement::fires(finding.command(
        "Ask the kernel again after the change:",
        format!("ip {flag}route get {}", address.ip()),
    ))
}

/// Whether the kernel sends packets on by such a route.
pub fn forwards(kind: RouteKind) -> bool {
    matches!(
        kind,
        RouteKind::Unicast | RouteKind::Local | RouteKind::Other
    )
}

fn title(scene: &Scene<'_>, route: Option<&Route>) -> String {
    let host = scene.host();
    match route.map(|route| route.kind) {
        Some(RouteKind::Unreachable) => format!("A route of this machine makes {host} unreachable"),
        Some(RouteKind::Prohibit) => format!("A route of this machine prohibits {host}"),
        Some(RouteKind::Blackhole) => {
            format!("A blackhole route of this machine swallows packets to {host}")
        }
        _ => format!("This machine has no route to {host}"),
    }
}

fn explanation(route: Option<&Route>, family: &str) -> String {
    match route.map(|route| route.kind) {
        Some(RouteKind::Unreachable | RouteKind::Prohibit | RouteKind::Blackhole) => {
            "The routing table of this machine has an entry that refuses this destination. No packet left the machine; \
             neither the network nor the destination is involved."
                .to_owned()
        }
        _ => format!(
            "Neither a default route nor one that covers this address is there for {family}. No packet left the machine; \
             neither the network nor the destination is involved."
        ),
    }
}

/// The names that `ip route` knows tables by.
pub fn table_name(table: u32) -> String {
    match table {
        253 => "default".to_owned(),
        254 => "main".to_owned(),
        255 => "local".to_owned(),
        other => other.to_string(),
    }
}
