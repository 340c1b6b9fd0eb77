//! What speaks against the cause that was found: answers of the same check that do not agree with it.
//!
//! Rules look for what proves them. Where other probes of the same burst were answered in another way, the fault holds for a part of
//! them only, or is not what it seems: the finding says so in its title, and cites them.

use super::rules::local::{for_some, listens_at, passes_through};
use super::scene::{Scene, Sender, ids};
use crate::model::{Finding, Id, Observation, Origin, Outcome};

/// Says in a cause what speaks against it.
pub(super) fn tell(scene: &Scene<'_>, cause: &mut Finding) {
    let all = scene.burst.len();
    if cause.id == Id::PortClosed
        && scene.is_own()
        && let Some(listener) = listens_at(scene)
    {
        cause.title.push_str(" (disputed: a process listens there)");
        cause.explanation = format!(
            "{} But the kernel lists a socket that listens on {}: it began to listen meanwhile, or a rule of this machine resets the \
             connections, or the service's queue is full.",
            cause.explanation, listener.endpoint
        );
        return;
    }
    if matches!(cause.origin, Origin::Path | Origin::Destination) {
        cause.evidence.extend(passes_through(scene));
    }
    let against = against(scene, cause);
    if against.is_empty() {
        return;
    }
    let number = against.len();
    if cause.origin == Origin::Local {
        cause.title.push_str(&format!(
            " (disputed: {number} of {all} attempts were answered from the network)"
        ));
        cause.explanation = format!(
            "{} That does not agree with the answers that came from the network to other attempts: it held for a part of the time only, or \
             is not what it seems. Check again.",
            cause.explanation
        );
        let text = format!(
            "Against it speaks that {number} of {all} attempts were answered from the network."
        );
        *cause = cause.clone().fact(text, ids(&against));
    } else {
        cause.title.push_str(&format!(
            " ({number} of {all} attempts were answered otherwise)"
        ));
        cause.explanation = format!(
            "{} Other attempts were answered otherwise: they went another way, or one of the answers is not what it seems. Both have to be \
             looked at.",
            cause.explanation
        );
    }
}

/// The attempts of which the answers do not agree with a cause.
fn against<'a>(scene: &Scene<'a>, cause: &Finding) -> Vec<&'a Observation> {
    let from_network = |o: &Observation| {
        let own = |from| scene.sender(from) == Sender::ThisMachine;
        matches!(o.outcome, Outcome::Refused | Outcome::Ok)
            || (o.outcome.is_icmp() && o.icmp_from().is_some_and(|from| !own(from)))
    };
    let differs = |o: &Observation| match cause.id {
        Id::LocalSourceUnavailable
        | Id::LocalPortDenied
        | Id::LocalPortInUse
        | Id::LocalPortsExhausted
        | Id::LocalSocketsExhausted
        | Id::LocalInterfaceDown
        | Id::LocalNoRoute => from_network(o),
        // That others pass is a part of it.
        Id::LocalNeighbourUnresolved => from_network(o) && !for_some(scene),
        // A reset may be this machine's own doing; that is looked into by the rule.
        Id::LocalFirewall => from_network(o) && scene.resets_made_here().is_none(),
        Id::PortClosed => from_network(o) && o.outcome != Outcome::Refused,
        Id::PathProhibited
        | Id::PathNoRoute
        | Id::PathHostUnreachable
        | Id::PortFiltered
        | Id::EchoFiltered
        | Id::UdpClosed => from_network(o) && !cited(cause, o),
        _ => false,
    };
    let burst = scene.burst.iter().copied();
    burst.filter(|o| differs(o)).collect()
}

/// Whether the first facts of a finding, which are its proof, rest on an attempt; or whether one like it does.
fn cited(cause: &Finding, o: &Observation) -> bool {
    let proof = cause.evidence.first();
    let by = cause.address.as_ref();
    proof.is_some_and(|fact| fact.observations.contains(&o.id))
        || (o.icmp_from().is_some() && o.icmp_from() == by)
}
