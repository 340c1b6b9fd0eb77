//! No name server can be asked, because of this machine: what explains a name's failure comes before it.

use super::rules::local::{forbidden, forwards};
use super::rules::name::unreachable_servers;
use crate::model::local::{Interface, Route};
use crate::model::resolution::ServerAnswer;
use crate::model::{Evidence, Finding, Id, Outcome, Severity};

/// The local fault behind a name that can't be resolved: no question to any of its servers left this machine, all for one reason.
pub(super) fn behind(evidence: &Evidence, symptom: &Finding) -> Option<Finding> {
    if symptom.id != Id::DnsTimeout {
        return None;
    }
    let asked = &evidence.resolution.as_ref()?.servers;
    let stayed = unreachable_servers(evidence);
    let first = *stayed.first()?;
    if stayed.len() < asked.len() || stayed.iter().any(|answer| answer.outcome != first.outcome) {
        return None;
    }
    let server = &first.address.address;
    let route = evidence.local.route_to(server);
    let refused = route.filter(|route| !forwards(route.kind));
    let mut finding = match first.outcome {
        Outcome::NoRoute | Outcome::InterfaceDown => match downed(evidence, first, route) {
            Some(interface) => interface_down(first, interface),
            None => no_route(first, refused),
        },
        // EACCES is what a prohibit route says, too.
        Outcome::Denied if refused.is_some() => no_route(first, refused),
        Outcome::Denied => forbidden(evidence, &first.address),
        Outcome::SocketsExhausted => Finding::new(
            Id::LocalSocketsExhausted,
            Severity::Error,
            format!(
                "This machine has no socket left to ask its name server {}",
                first.address
            ),
        )
        .command(
            "See what the limit is, and who uses up the sockets:",
            "ulimit -n; ss -s",
        ),
        _ => return None,
    };
    "The name can't be resolved because no question leaves this machine for any of the configured name servers. Whether the name exists is \
     not known."
        .clone_into(&mut finding.explanation);
    let seen = symptom
        .evidence
        .iter()
        .flat_map(|fact| fact.observations.iter().copied());
    Some(
        finding
            .fact(format!("{}.", symptom.title), seen.collect::<Vec<_>>())
            .at(None, Some(server.clone())),
    )
}

fn no_route(first: &ServerAnswer, route: Option<&Route>) -> Finding {
    let server = &first.address;
    let mut finding = Finding::new(
        Id::LocalNoRoute,
        Severity::Error,
        format!("This machine has no route to its name server {server}"),
    );
    if let Some(text) = route.and_then(|route| route.text.as_ref()) {
        finding = finding.fact(
            format!("The kernel's route look-up for it ends at `{text}`."),
            [],
        );
    }
    let flag = if server.address.is_ipv6() { "-6 " } else { "" };
    finding
        .command(
            "See which routes there are; a default route is missing:",
            format!("ip {flag}route show table all"),
        )
        .command(
            "Ask the kernel again after the change:",
            format!("ip {flag}route get {}", server.address.ip()),
        )
}

/// The interface that can't be used and should carry the questions: the route's own, or one whose prefix holds the server.
fn downed<'a>(
    evidence: &'a Evidence,
    first: &ServerAnswer,
    route: Option<&Route>,
) -> Option<&'a Interface> {
    let local = &evidence.local;
    let unusable = |interface: &&Interface| !(interface.up && interface.carrier);
    let routed = route.filter(|route| forwards(route.kind));
    if let Some(name) = routed.and_then(|route| route.interface.as_ref()) {
        return local.interface_named(name).filter(unusable);
    }
    let ip = first.address.address.ip();
    let holds = |interface: &&Interface| {
        let mut prefixes = interface.addresses.iter();
        prefixes.any(|prefix| prefix.0.prefix_len() > 0 && prefix.0.contains(&ip))
    };
    local.interfaces.iter().filter(unusable).find(holds)
}

fn interface_down(first: &ServerAnswer, interface: &Interface) -> Finding {
    let (name, how) = (
        &interface.name,
        if interface.up {
            "has no carrier"
        } else {
            "is down"
        },
    );
    let finding = Finding::new(
        Id::LocalInterfaceDown,
        Severity::Error,
        format!(
            "Interface {name}, the way to the name server {}, {how}",
            first.address
        ),
    );
    if interface.up {
        finding.action(format!(
            "Check what {name} is plugged into: cable, switch port, virtual network or peer."
        ))
    } else {
        finding.command(
            "Bring the interface up:",
            format!("sudo ip link set dev {name} up"),
        )
    }
}
