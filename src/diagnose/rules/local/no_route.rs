//! `local-no-route`: the kernel's own look-up ends without a way out.

use super::interface_down::downed_interface;
use crate::diagnose::scene::{Scene, Shape, ids};
use crate::diagnose::{Explain, Judge, Judgement, Need, Rule};
use crate::model::local::{Route, RouteKind};
use crate::model::{Finding, Id, Operation, Outcome, Severity};

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
            None if forwards(route.kind) => {
                format!("The kernel's route look-up for {address} finds a way")
            }
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
    finding = match refusal(route) {
        Refusal::Missing => finding.command(
            format!(
                "See which routes there are; a default route, or one for {address}, is missing:"
            ),
            format!("ip {flag}route show table all"),
        ),
        Refusal::Route(route) => {
            let table = route.table.filter(|table| *table != 254);
            let table = table.map_or_else(String::new, |table| format!(" table {table}"));
            finding.command(
                "If this route is not meant, remove it:",
                format!(
                    "sudo ip {flag}route del {}{table}",
                    route.text.as_deref().unwrap_or_default()
                ),
            )
        }
        Refusal::Rule(rule) => finding.command(
            "If this rule is not meant, remove it:",
            format!(
                "sudo ip {flag}rule del priority {}",
                rule.replacen(": ", " ", 1)
            ),
        ),
        Refusal::Unknown | Refusal::Elsewhere => finding.command(
            "Find the route or the rule that refuses it, and remove it if it is not meant:",
            format!("ip {flag}rule show; ip {flag}route show table all"),
        ),
    };
    Judgement::fires(finding.command(
        "Ask the kernel again after the change:",
        format!("ip {flag}route get {}", asked_for(scene, route)),
    ))
}

/// The flow as `ip route get` takes it, with what the rule that decides goes by.
fn asked_for(scene: &Scene<'_>, route: Option<&Route>) -> String {
    let mut flow = scene.address().ip().to_string();
    let rule = route.and_then(|route| route.rule.as_deref());
    let Some(rule) = rule.filter(|rule| !rule.ends_with("lookup main")) else {
        return flow;
    };
    if let Some(source) = route.and_then(|route| route.source.as_ref())
        && !rule.contains(" from all")
    {
        flow.push_str(&format!(" from {}", source.ip()));
    }
    if let Some(port) = scene.endpoint().port
        && (rule.contains(" ipproto ") || rule.contains(" dport "))
    {
        let protocol = match scene.probe() {
            Operation::Datagram => "udp",
            _ => "tcp",
        };
        flow.push_str(&format!(" ipproto {protocol} dport {port}"));
    }
    flow
}

/// Whether the kernel sends packets on by such a route.
pub fn forwards(kind: RouteKind) -> bool {
    matches!(
        kind,
        RouteKind::Unicast | RouteKind::Local | RouteKind::Other
    )
}

/// What refuses the destination, as far as it is known.
enum Refusal<'a> {
    /// Nothing does: there is no route
    Missing,
    /// This route
    Route(&'a Route),
    /// This rule itself, and no route
    Rule(&'a str),
    /// A route or a rule, by the error of the look-up
    Unknown,
    /// Something that the look-up does not come by: it finds a way
    Elsewhere,
}

fn refusal(route: Option<&Route>) -> Refusal<'_> {
    let Some(route) = route else {
        return Refusal::Missing;
    };
    match (route.kind, &route.text, &route.rule) {
        (RouteKind::Unreachable | RouteKind::Prohibit | RouteKind::Blackhole, Some(_), _) => {
            Refusal::Route(route)
        }
        (RouteKind::Unreachable | RouteKind::Prohibit | RouteKind::Blackhole, None, Some(rule)) => {
            Refusal::Rule(rule)
        }
        (kind, ..) if forwards(kind) && route.errno.is_none() => Refusal::Elsewhere,
        // What the kernel says where there is no route, and only there (`fib_props`, `net/ipv4/fib_semantics.c`).
        (RouteKind::None | RouteKind::Throw, ..) => match route.errno.as_deref() {
            None | Some("ENETUNREACH") => Refusal::Missing,
            Some(_) => Refusal::Unknown,
        },
        _ => Refusal::Unknown,
    }
}

fn title(scene: &Scene<'_>, route: Option<&Route>) -> String {
    let host = scene.host();
    let what = match refusal(route) {
        Refusal::Missing => return format!("This machine has no route to {host}"),
        Refusal::Unknown | Refusal::Elsewhere => {
            return format!("This machine's own routing refuses {host}");
        }
        Refusal::Route(_) => "route",
        Refusal::Rule(_) => "routing rule",
    };
    match route.map(|route| route.kind) {
        Some(RouteKind::Prohibit) => format!("A {what} of this machine prohibits {host}"),
        Some(RouteKind::Blackhole) => {
            format!("A blackhole {what} of this machine swallows packets to {host}")
        }
        _ => format!("A {what} of this machine makes {host} unreachable"),
    }
}

fn explanation(route: Option<&Route>, family: &str) -> String {
    let why = match refusal(route) {
        Refusal::Missing => format!(
            "Neither a default route nor one that covers this address is there for {family}."
        ),
        Refusal::Route(_) => {
            "The routing table of this machine has an entry that refuses this destination.".to_owned()
        }
        Refusal::Rule(rule) => format!(
            "One of this machine's rules, which choose the routing table, refuses this destination instead.{}",
            if rule.contains(" uidrange ") {
                " It is for some users of this machine alone: others may get through."
            } else {
                ""
            }
        ),
        Refusal::Unknown => {
            "By the error it is a route or a rule of this machine that refuses this destination, and no missing route. Which one can't be \
             told: a rule before it chooses by what is not understood here, or is not shown."
                .to_owned()
        }
        Refusal::Elsewhere => {
            "The kernel refuses the socket, and its route look-up for the same flow finds a way: a rule decides that goes by what the \
             look-up does not carry (a firewall mark, a control group), or the routes have changed meanwhile."
                .to_owned()
        }
    };
    format!(
        "{why} No packet left the machine; neither the network nor the destination is involved."
    )
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
