//! `path-reset`: a reset that the destination can't have sent.

use std::collections::BTreeSet;

use crate::diagnose::scene::{Scene, Shape, ids};
use crate::diagnose::{Explain, Judge, Judgement, Need, Rule};
use crate::model::local::RouteKind;
use crate::model::{Finding, Id, Observation, Outcome, Severity};

/// The rule.
pub const RULE: Rule = Rule {
    id: Id::PathReset,
    explain: Explain {
        meaning: "A device on the way resets the connection in the destination's name: the port looks closed, and the host has not seen the SYN.",
        proof: "SYNs with a TTL that is too small to reach the host are reset, from three source ports and more, without exception, while SYNs with \
                the same TTL to another port of the host expire before it, and that port answers from its full distance.",
        remedy: "Ask the owner of the device to allow the flow; give source, destination, protocol and port. Often it is a firewall that \
                 rejects with a reset, or an intrusion prevention system.",
        lookalikes: "A firewall directly before the host, or one that resets every port, can't be told from the host: then it is \
                     `port-closed`. A reset that this machine's own firewall makes is `local-firewall`.",
    },
    judge: Judge::Endpoint(judge),
};

/// Who refused, as far as TTL-limited probes tell.
pub(crate) enum Reset<'a> {
    /// The host, or what can't be told from it.
    Host,
    /// A device before it.
    Device {
        /// The smallest TTL that was reset.
        ttl: u8,
        /// The distance of the host.
        distance: u8,
        /// The probes that were reset with a TTL too small for the host.
        resets: Vec<&'a Observation>,
        /// The control probes with the same TTL, which did not arrive.
        controls: Vec<&'a Observation>,
    },
    /// These would tell.
    Unknown(Vec<Need>),
}

fn judge(scene: &Scene<'_>) -> Judgement {
    match scene.shape() {
        Shape::Refused => {}
        Shape::NotTried => return Judgement::Unknown(vec![Need::Burst(scene.endpoint().clone())]),
        _ => return Judgement::Clear,
    }
    if scene.resets_are_ours() {
        return Judgement::Clear;
    }
    let (ttl, distance, resets, controls) = match reset_before_the_host(scene) {
        Reset::Host => return Judgement::Clear,
        Reset::Unknown(needs) => return Judgement::Unknown(needs),
        Reset::Device {
            ttl,
            distance,
            resets,
            controls,
        } => (ttl, distance, resets, controls),
    };
    let refused = scene.with(Outcome::Refused);
    let before = ttl.checked_sub(1).filter(|hop| *hop > 0);
    let router = before
        .and_then(|hop| scene.walk.hops.get(&hop))
        .and_then(|seen| seen.expired.first())
        .map(|a| a.from.clone());
    let place = match (&router, before) {
        (Some(router), Some(hop)) => format!("at or after {}, hop {hop},", scene.device(router)),
        (None, Some(hop)) => format!("at or after hop {hop}"),
        _ => "before the first hop".to_owned(),
    };
    let port = scene.endpoint().port.unwrap_or_default();
    let control = super::filtered::control_name(scene);
    Judgement::fires(
        Finding::new(
            Id::PathReset,
            Severity::Error,
            format!("A device {place} resets {} to {}", scene.service(), scene.host()),
        )
        .explained(
            "The port looks closed, but the host can't have sent these resets: they answer packets that never got as far. A firewall on \
             the way refuses in the host's name.",
        )
        .fact(
            format!("{} of {} attempts were answered with a TCP reset.", refused.len(), scene.burst.len()),
            ids(&refused),
        )
        .fact(
            format!("SYNs to port {port} are reset already with TTL {ttl}, {} of {} with a TTL too small for the host.", resets.len(), resets.len()),
            ids(&resets),
        )
        .fact(
            format!(
                "The host is {distance} hops away: SYNs to {control} get an answer from it with TTL {distance}, and not with TTL {}.",
                distance.saturating_sub(1)
            ),
            ids(&controls),
        )
        .about(scene.endpoint())
        .at(before, router.clone())
        .action(format!(
            "Ask the owner of {}, or of what follows it, to allow {} from {} to {}.",
            router.as_ref().map_or_else(|| "the first device on the way".to_owned(), |router| scene.device(router)),
            scene.service(),
            scene.source(),
            scene.address()
        )),
    )
}

/// Whether resets come from before the host.
pub(crate) fn reset_before_the_host<'a>(scene: &Scene<'a>) -> Reset<'a> {
    let endpoint = scene.endpoint();
    let routed = scene
        .route()
        .is_none_or(|route| route.kind == RouteKind::Unicast);
    let behind_a_router = routed && !scene.on_link();
    if scene.is_own() || !behind_a_router || !scene.evidence.options.path {
        return Reset::Host;
    }
    if scene.walk.is_empty() {
        return Reset::Unknown(vec![Need::Trace(endpoint.clone())]);
    }
    let Some(ttl) = scene.walk.arrival() else {
        return Reset::Host;
    };
    if scene.control.is_empty() {
        return Reset::Unknown(vec![Need::Control(endpoint.clone())]);
    }
    let answers = scene
        .control
        .iter()
        .any(|o| matches!(o.outcome, Outcome::Ok | Outcome::Refused));
    if !answers {
        return Reset::Host;
    }
    if scene.control_walk.is_empty() {
        return Reset::Unknown(vec![Need::ControlTrace(endpoint.clone())]);
    }
    let Some(distance) = scene.control_walk.arrival() else {
        return Reset::Host;
    };
    if ttl >= distance {
        return Reset::Host;
    }
    let before = distance - 1;
    let at = |walk: &crate::model::topology::Walk<'a>| -> (Vec<&'a Observation>, usize) {
        let Some(seen) = walk.hops.get(&before) else {
            return (Vec::new(), 0);
        };
        let expired = seen
            .expired
            .iter()
            .map(|a| a.observation)
            .chain(seen.silent.iter().copied());
        (expired.collect(), seen.arrived.len())
    };
    let resets: Vec<&'a Observation> = scene
        .walk
        .hops
        .range(..=before)
        .flat_map(|(_, seen)| seen.arrived.iter().map(|answer| answer.observation))
        .filter(|o| o.outcome == Outcome::Refused)
        .collect();
    let (passed, _) = at(&scene.walk);
    let (controls, arrived) = at(&scene.control_walk);
    if controls.len() < 3 || resets.len() < 3 {
        // Asked already: then it stays untold.
        let asked = controls.len() + arrived > 2;
        return if asked {
            Reset::Host
        } else {
            Reset::Unknown(vec![Need::ResetLimit(endpoint.clone())])
        };
    }
    // Equal paths may differ in length: the same has to hold from several source ports.
    let ports = |seen: &[&Observation]| {
        seen.iter()
            .map(|o| o.source_port)
            .collect::<BTreeSet<_>>()
            .len()
    };
    if passed.is_empty() && arrived == 0 && ports(&resets) >= 3 && ports(&controls) >= 3 {
        Reset::Device {
            ttl,
            distance,
            resets,
            controls,
        }
    } else {
        Reset::Host
    }
}
