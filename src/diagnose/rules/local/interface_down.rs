//! `local-interface-down`: the way out is an interface that is down or has no carrier.

use crate::diagnose::scene::{Scene, Sender, Shape, ids};
use crate::diagnose::{Explain, Judge, Judgement, Rule};
use crate::model::local::Interface;
use crate::model::{Finding, Id, Outcome, Severity};

/// The rule.
pub const RULE: Rule = Rule {
    id: Id::LocalInterfaceDown,
    explain: Explain {
        meaning: "The interface through which the destination or its gateway is reached is down, or its cable, link or peer is gone.",
        proof: "The route's interface lacks the kernel's UP or LOWER_UP flag; or there is no route, and an interface that is down has \
                the prefix that holds the destination.",
        remedy: "Bring the interface up (`sudo ip link set NAME up`), or see to its cable, switch port, virtual network or tunnel peer. \
                 On macOS and the BSDs: `ifconfig NAME up`; on Windows: `Enable-NetAdapter -Name NAME`.",
        lookalikes: "An interface that is up while the neighbour does not answer is `local-neighbour-unresolved`. Routes that are missing \
                     though all interfaces are up are `local-no-route`.",
    },
    judge: Judge::Endpoint(judge),
};

fn judge(scene: &Scene<'_>) -> Judgement {
    let failed = match scene.shape() {
        Shape::NotTried => {
            return Judgement::Unknown(vec![crate::diagnose::Need::Burst(
                scene.endpoint().clone(),
            )]);
        }
        Shape::LocalError(
            Outcome::NoRoute | Outcome::InterfaceDown | Outcome::AddressUnavailable,
        )
        | Shape::Silent => true,
        Shape::Rejected(r) | Shape::RejectedOnce(r) => r.sender == Sender::ThisMachine,
        _ => false,
    };
    let Some(interface) = downed_interface(scene).filter(|_| failed) else {
        return Judgement::Clear;
    };
    // Routers or the host answered meanwhile: it was down for a moment, and not when the probes were lost.
    let passed = scene.farthest().is_some() || scene.answers_this_way().is_some();
    if passed && matches!(scene.shape(), Shape::Silent) {
        return Judgement::Clear;
    }
    let name = &interface.name;
    let how = if interface.up {
        "has no carrier"
    } else {
        "is down"
    };
    let finding = Finding::new(
        Id::LocalInterfaceDown,
        Severity::Error,
        format!("Interface {name}, the way to {}, {how}", scene.host()),
    )
    .explained(if interface.up {
        "The interface is set up, but nothing is connected at its other end: a cable, a switch port, a virtual peer or the wireless \
         network is missing. No packet can leave by it."
    } else {
        "The interface is switched off on this machine, and its routes are gone with it. No packet can leave by it."
    })
    .fact(
        format!(
            "The kernel reports {name} as {}{}.",
            if interface.up { "up without carrier" } else { "administratively down" },
            interface.state.as_ref().map_or_else(String::new, |state| format!(" (operational state: {state})")),
        ),
        [],
    )
    .about(scene.endpoint());
    let finding = match interface
        .addresses
        .iter()
        .find(|p| p.0.contains(&scene.address().ip()))
    {
        Some(prefix) => finding.fact(
            format!(
                "{name} has the prefix {prefix}, which holds {}.",
                scene.address()
            ),
            [],
        ),
        None => finding,
    };
    let finding = finding.fact(
        format!(
            "No probe was answered: {}.",
            scene
                .burst
                .first()
                .map_or("none was sent", |o| o.outcome.phrase())
        ),
        ids(&scene.burst),
    );
    Judgement::fires(if interface.up {
        finding
            .action(format!(
                "Check what {name} is plugged into: cable, switch port, virtual network or peer."
            ))
            .command(
                "See the state of the link:",
                format!("ip -s link show dev {name}"),
            )
    } else {
        finding.command(
            "Bring the interface up:",
            format!("sudo ip link set dev {name} up"),
        )
    })
}

/// The interface that should carry the packets and can't: the route's own, or one that is down and holds the destination.
pub fn downed_interface<'a>(scene: &Scene<'a>) -> Option<&'a Interface> {
    let local = &scene.evidence.local;
    let usable = |interface: &&Interface| !(interface.up && interface.carrier);
    let routed = scene
        .route()
        .filter(|route| super::no_route::forwards(route.kind));
    if let Some(name) = routed.and_then(|route| route.interface.as_ref()) {
        return local.interface_named(name).filter(usable);
    }
    let ip = scene.address().ip();
    let named = scene
        .evidence
        .options
        .interface
        .as_deref()
        .or(scene.address().zone());
    local.interfaces.iter().filter(usable).find(|interface| {
        named == Some(interface.name.as_str())
            || interface
                .addresses
                .iter()
                .any(|p| p.0.prefix_len() > 0 && p.0.contains(&ip))
    })
}
