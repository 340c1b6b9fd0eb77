//! `path-filtered`: a device on the way drops the port asked for, and lets others pass.

use std::collections::BTreeSet;

use crate::diagnose::rules::local_not_ruled_out;
use crate::diagnose::scene::{Impostor, Scene, Shape, ids};
use crate::diagnose::{Explain, Judge, Judgement, Need, Rule};
use crate::model::{Address, Finding, Id, ObservationId, Operation, Outcome, Severity};

/// The rule.
pub const RULE: Rule = Rule {
    id: Id::PathFiltered,
    explain: Explain {
        meaning: "A firewall or router on the way drops packets to this port without a word, and lets packets of the same protocol to \
                  another port of the same host pass.",
        proof: "TTL-limited SYNs to the port are answered up to a hop and no further, while SYNs to a control port of the same host are \
                answered by hops beyond it; there the port was asked again, from several source ports, after the control had passed and \
                before it passed once more. \
                The drop is at the hop named or between it and the next: a router looks at the TTL before it looks at its rules.",
        remedy: "Ask the owner of the hop named, or of what follows it, to allow the flow; give source, destination, protocol and port.",
        lookalikes: "When all hops before the host pass the probes it is `port-filtered`: the host or the last device before it. With echo \
                     as the only control the place stays unknown, because many routers answer echo probes and not TCP ones.",
    },
    judge: Judge::Endpoint(judge),
};

/// From so many source ports the port has to stay silent where the control passes: on two equal paths chance sends all of them the other
/// way once in 64 times.
pub(super) const FLOWS: usize = 6;

/// Where probes to the port stop though a control passes: the last hop that answered for the port, and a hop beyond it that
/// answered for the control.
pub(crate) struct Stop<'a> {
    /// The last distance that answered for the port; zero when not even the first did.
    pub last: u8,
    /// Who answered there.
    pub router: Option<&'a Address>,
    /// A distance beyond it that answered for the control.
    pub beyond: u8,
    /// Who answered there.
    pub witness: Address,
    /// What shows it.
    pub observations: Vec<ObservationId>,
}

fn judge(scene: &Scene<'_>) -> Judgement {
    if scene.shape() == Shape::NotTried {
        return Judgement::Unknown(vec![Need::Burst(scene.endpoint().clone())]);
    }
    if scene.shape() != Shape::Silent {
        return Judgement::Clear;
    }
    if let Impostor::Unknown(needs) = scene.impostor() {
        return Judgement::Unknown(needs);
    }
    let stop = match stops_before(scene) {
        Ok(Some(stop)) => stop,
        Ok(None) => return Judgement::Clear,
        Err(needs) => return Judgement::Unknown(needs),
    };
    let up = scene.host_up();
    let service = scene.service();
    let control = match scene.datagram.first() {
        Some(first) if scene.probe() == Operation::Datagram => {
            let port = first.endpoint.as_ref().and_then(|e| e.port);
            format!("UDP/{}", port.unwrap_or_default())
        }
        _ => control_name(scene),
    };
    let host = if up.is_some() {
        "The host itself is up, and has not seen these packets, unless it is their answers that the device drops (a firewall that does \
         not know the connection drops both the answers and the errors about it)."
    } else {
        "Nothing was heard of the host itself: whether it is up was not seen."
    };
    let silent = scene.with(Outcome::Timeout);
    let place = match stop.router {
        Some(router) => format!("{}, hop {}", scene.device(router), stop.last),
        None => "this machine's link".to_owned(),
    };
    let title = match stop.router {
        Some(_) => format!(
            "{service} to {} is dropped at or after {place}",
            scene.host()
        ),
        None => format!(
            "{service} to {} is dropped at the first hop or before it",
            scene.host()
        ),
    };
    let mut finding = Finding::new(Id::PathFiltered, Severity::Error, title)
        .explained(format!(
            "A device on the way drops {service} in silence and lets {control} pass. It is the one at hop {}, or what stands between it \
             and hop {}. {host}",
            stop.last, stop.beyond
        ))
        .fact(format!("{} of {} attempts got no answer.", silent.len(), scene.burst.len()), ids(&silent))
        .fact(
            format!(
                "{} are answered up to hop {} and no further; those to {control} are answered beyond it, by {} at hop {}.",
                scene.limited_probes(),
                stop.last,
                stop.witness,
                stop.beyond,
            ),
            stop.observations,
        )
        .about(scene.endpoint())
        .at((stop.last > 0).then_some(stop.last), stop.router.cloned())
        .action(format!(
            "Ask the owner of {place}, or of what follows it, to allow {service} from {} to {}.",
            scene.source(),
            scene.address()
        ));
    if let Some(up) = up {
        finding = finding.fact(up.text, up.observations);
    }
    if stop.last == 0 {
        finding = local_not_ruled_out(scene, finding);
    }
    Judgement::fires(finding)
}

/// The control in a sentence: `TCP/1`.
pub(crate) fn control_name(scene: &Scene<'_>) -> String {
    let port = scene.evidence.control_of(scene.endpoint()).port;
    format!("TCP/{}", port.unwrap_or_default())
}

/// Whether probes to the port stop at a hop that probes to the control port pass. An error says what would settle it.
pub(crate) fn stops_before<'a>(scene: &Scene<'a>) -> Result<Option<Stop<'a>>, Vec<Need>> {
    let endpoint = scene.endpoint();
    let options = &scene.evidence.options;
    if !options.path {
        return Ok(None);
    }
    let control_walk = match scene.comparison() {
        Ok(other) => other.walk,
        // How far the protocol gets is told by the routers, though the host does not answer it.
        Err(needs) if needs.is_empty() => match scene.other_walk() {
            Some(walk) => walk,
            None => return Ok(None),
        },
        Err(needs) => return Err(needs),
    };
    let (last, router) = scene
        .last_router()
        .map_or((0, None), |(ttl, router)| (ttl, Some(router)));
    let end = control_walk.arrival().unwrap_or(u8::MAX);
    let Some(from) = last.checked_add(1).filter(|from| *from < end) else {
        return Ok(None);
    };
    let mut waiting = false;
    for (ttl, control) in control_walk.hops.range(from..end) {
        let Some(witness) = control.expired.first() else {
            continue;
        };
        // The port must have been asked at this very distance after the control had passed it, and have stayed silent.
        let passed = control
            .expired
            .iter()
            .map(|a| a.observation.at_ms)
            .min()
            .unwrap_or_default();
        // And the control must have been answered there once more after that: a router that limits its errors may have had none left.
        let still = control
            .expired
            .iter()
            .map(|a| a.observation.at_ms)
            .max()
            .unwrap_or_default();
        let silent = scene
            .walk
            .hops
            .get(ttl)
            .map(|seen| seen.silent.clone())
            .unwrap_or_default();
        let flows: BTreeSet<_> = silent
            .iter()
            .filter(|o| o.at_ms > passed && o.at_ms < still)
            .map(|o| o.source_port)
            .collect();
        if flows.len() >= FLOWS {
            let mut observations = if last > 0 {
                scene.walk.observations_at(last)
            } else {
                Vec::new()
            };
            observations.extend(silent.iter().map(|o| o.id));
            observations.extend(control.expired.iter().map(|a| a.observation.id));
            return Ok(Some(Stop {
                last,
                router,
                beyond: *ttl,
                witness: witness.from.clone(),
                observations,
            }));
        }
        waiting = true;
    }
    if waiting {
        Err(vec![Need::Reask(endpoint.clone())])
    } else {
        Ok(None)
    }
}
