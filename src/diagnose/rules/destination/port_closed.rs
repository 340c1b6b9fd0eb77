//! `port-closed`: the host itself refuses; nothing listens.

use super::return_ttl::{Compared, compared};
use crate::diagnose::rules::local::listens_elsewhere;
use crate::diagnose::rules::path::{Reset, reset_before_the_host};
use crate::diagnose::scene::{Scene, Shape, ids};
use crate::diagnose::{Explain, Judge, Judgement, Need, Rule};
use crate::model::resolution::SourceKind;
use crate::model::text::escape;
use crate::model::{Finding, Id, Outcome, Severity};

/// The rule.
pub const RULE: Rule = Rule {
    id: Id::PortClosed,
    explain: Explain {
        meaning: "The host is up and refuses the connection: nothing listens on the port, at this address.",
        proof: "A TCP reset answered the SYN, and no ICMP error came with it. A firewall directly before the host that rejects with a reset \
                looks the same as the host, unless an open port of the same host is known (--control): then the TTL with which the reset \
                comes back is compared with that of the open port's answers, each on several flows, and the report says whether they are \
                the same or differ.",
        remedy: "On the host, see whether the service runs and on which address and port it listens (`ss -tlnp 'sport = :PORT'`; on macOS \
                 and the BSDs `lsof -nP -iTCP:PORT -sTCP:LISTEN`; on Windows `Get-NetTCPConnection -LocalPort PORT -State Listen`).",
        lookalikes: "An ICMP port unreachable reads as \"connection refused\" too, and comes from a firewall: `path-prohibited`, or \
                     `port-filtered` when the host itself sends it. On this machine, with a listener on another address: `local-listener-address`.",
    },
    judge: Judge::Endpoint(judge),
};

fn judge(scene: &Scene<'_>) -> Judgement {
    match scene.shape() {
        Shape::Refused => {}
        Shape::NotTried => return Judgement::Unknown(vec![Need::Burst(scene.endpoint().clone())]),
        _ => return Judgement::Clear,
    }
    // A reset that this machine's own firewall made has a finding of its own.
    if scene.resets_are_ours() {
        return Judgement::Clear;
    }
    // What would tell a reset from before the host apart is asked for by the rule of that.
    if matches!(reset_before_the_host(scene), Reset::Device { .. }) {
        return Judgement::Clear;
    }
    let port = scene.endpoint().port.unwrap_or_default();
    if scene.is_own() && listens_elsewhere(scene).is_some() {
        return Judgement::Clear;
    }
    let refused = scene.with(Outcome::Refused);
    let fastest = refused
        .iter()
        .filter_map(|o| o.rtt_ms.or(o.elapsed_ms))
        .min();
    let within = fastest.map_or_else(String::new, |ms| format!(", the fastest in {ms}"));
    let near = scene.is_own() || scene.on_link();
    let handed_on = scene.handed_on();
    let from = compared(scene);
    let needs = match &from {
        Compared::Unknown(needs) => needs.clone(),
        _ => Vec::new(),
    };
    let elsewhere = matches!(&from, Compared::Both { reset, open, .. } if reset != open);
    let title = match &from {
        Compared::Both { port: open, .. } if elsewhere => format!(
            "The connection to port {port} of {} is refused, and not from where its port {open} answers",
            scene.host()
        ),
        _ if !handed_on.is_empty() => format!(
            "{} forwards TCP/{port}, and what is behind it refuses the connection",
            scene.host()
        ),
        _ if near => format!(
            "Nothing listens on port {port} of {}: it refuses the connection",
            scene.host()
        ),
        _ => format!(
            "Port {port} of {} is closed: the connection is refused",
            scene.host()
        ),
    };
    let explanation = match &from {
        Compared::Both { .. } if elsewhere => {
            "A reset answers at once, but it comes back over another distance than the answers of an open port of the same address. Either a \
             device on the way refuses in the host's name, or the two ports are served by different machines (a port forward, a load \
             balancer). Which of them, and where it stands, is not proven."
        }
        Compared::Both { .. } => {
            "The packets get there, and the host answers at once that nothing listens on this port: its reset comes back over the same \
             distance as the answers of an open port of the same address."
        }
        _ if !handed_on.is_empty() => {
            "The path up to that address works. The address hands the packets on to another host (a port forward, a load balancer, an \
             address translation), and there nothing listens on the port that it hands them to."
        }
        _ if near => "The host is up and answers at once that nothing listens on this port.",
        _ => {
            "The packets get there, and the host, or the device directly before it, answers at once that \
             nothing listens on this port."
        }
    };
    let mut finding = Finding::new(Id::PortClosed, Severity::Error, title)
        .explained(explanation)
        .fact(
            format!(
                "{} of {} attempts were answered with a TCP reset{within}.",
                refused.len(),
                scene.burst.len()
            ),
            ids(&refused),
        )
        .about(scene.endpoint())
        .at(
            scene.walk.arrival().filter(|_| !elsewhere),
            Some(scene.address().clone()),
        );
    if let Compared::Both {
        reset,
        open,
        port: control,
        observations,
    } = from
    {
        let ttl = if scene.address().is_ipv6() {
            "hop limit"
        } else {
            "TTL"
        };
        finding = finding.fact(
            if elsewhere {
                format!("The reset comes back with {ttl} {reset}, the answer of the open port {control} with {ttl} {open}.")
            } else {
                format!("The reset and the answer of the open port {control} come back with the same {ttl}, {reset}.")
            },
            observations,
        );
    }
    finding = scene.beside(finding, &refused, false);
    if let Some(distance) = scene
        .walk
        .arrival()
        .filter(|distance| *distance > 1 && !elsewhere)
    {
        finding = finding.fact(
            format!(
                "The reset comes from a distance of {distance} hops; the path before it is clear."
            ),
            scene.walk.observations_at(distance),
        );
    }
    if !handed_on.is_empty() {
        let finding = finding
            .fact(
                format!(
                    "{} answers TTL-limited probes with time exceeded: packets to it are handed on.",
                    scene.address()
                ),
                handed_on,
            )
            .action(format!(
                "On the device that has the address {}, see where it forwards TCP/{port} to, and whether the service runs there and listens \
                 on that port.",
                scene.address()
            ));
        return Judgement::refinable(finding, needs);
    }
    let whose = if scene.is_own() {
        "this machine".to_owned()
    } else {
        scene.address().to_string()
    };
    if let Some(why) = no_host(scene) {
        finding.explanation = format!("{} {why}", finding.explanation);
        finding = finding.command(
            "See who gives this address for the name, and what each name server says:",
            format!("nwcheck dns {}", escape(&scene.evidence.target.host)),
        );
    }
    let finding = finding
        .command(
            format!("On {whose}, see whether the service runs, and on which address and port it listens:"),
            format!("ss -tlnp 'sport = :{port}'"),
        )
        .action(format!("If it listens there, a firewall of that host, or directly before it, resets connections from {}.", scene.source()))
        .action("If it does not, start it, or correct the port in the client's configuration.");
    Judgement::refinable(finding, needs)
}

/// That a name was given an address which stands for this machine itself, as a filter does; none for a name that is to have one.
fn no_host(scene: &Scene<'_>) -> Option<String> {
    let ip = scene.address().ip();
    let target = &scene.evidence.target;
    let name = target.host.trim_end_matches('.').to_ascii_lowercase();
    let resolution = scene.evidence.resolution.as_ref()?;
    let given = [SourceKind::Option, SourceKind::Provider].map(|kind| resolution.source(kind));
    if target.address().is_some()
        || given.iter().any(Option::is_some)
        || name == "localhost"
        || scene.evidence.source.host.as_deref() == Some(name.as_str())
        || name.ends_with(".localhost")
    {
        return None;
    }
    if ip.is_unspecified() {
        Some(format!(
            "But {ip} is no host's address: filters and block lists answer so for names that they block, and a connection to it goes to this \
             machine itself. The host that is meant was not asked."
        ))
    } else if ip.is_loopback() {
        Some(format!(
            "But {ip} is this machine itself: if {} is to be another host, a filter or an entry in the hosts file gives this address in \
             its place, and the host that is meant was not asked.",
            escape(&target.host)
        ))
    } else {
        None
    }
}
