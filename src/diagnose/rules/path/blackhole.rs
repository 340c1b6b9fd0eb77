//! `path-blackhole`: nothing answers beyond a hop, whatever is sent.

use crate::diagnose::compose::decapitalise;
use std::collections::BTreeSet;

use super::filtered::{FLOWS, stops_before};
use crate::diagnose::rules::destination::last_router_proven;
use crate::diagnose::rules::{local_not_ruled_out, route_back};
use crate::diagnose::scene::{Impostor, Scene, Shape, ids};
use crate::diagnose::{Explain, Judge, Judgement, Need, Rule};
use crate::model::evidence::Ended;
use crate::model::local::{Neighbour, NeighbourState};
use crate::model::{Address, Finding, Icmp, Id, Outcome, Severity};

/// The rule.
pub const RULE: Rule = Rule {
    id: Id::PathBlackhole,
    explain: Explain {
        meaning: "Packets pass up to a hop, and nothing at all answers beyond it: the path breaks there, or the host is off, or it drops everything.",
        proof: "The port asked for, a control port, datagrams and, where allowed, echo requests all stay unanswered by the host, and no \
                TTL-limited probe of any kind is answered from beyond the hop named. Silent hops were asked again, the first of them \
                also after a pause of two seconds in which nothing was sent (over IPv4, and where other probes were rejected), because routers \
                limit their errors.",
        remedy: "Find out first whether the host is on: from its console, its hypervisor, or a machine on its own network. If it is, the \
                 owner of the hop named, or of what follows it, has to look for the break.",
        lookalikes: "When the host answers anything at all, it is `port-filtered` or `path-filtered`. When the hop is known to be the host's \
                     last router, it is `host-down`. A device that sends ICMP errors is named by them.",
    },
    judge: Judge::Endpoint(judge),
};

fn judge(scene: &Scene<'_>) -> Judgement {
    match nothing_answers(scene) {
        Judgement::Fires(_) | Judgement::Refinable(..) if last_router_proven(scene).is_some() => {
            Judgement::Clear
        }
        other => other,
    }
}

/// Whether nothing answers beyond a hop: the finding in its general form.
pub(crate) fn nothing_answers(scene: &Scene<'_>) -> Judgement {
    let endpoint = scene.endpoint();
    match scene.shape() {
        Shape::NotTried => return Judgement::Unknown(vec![Need::Burst(endpoint.clone())]),
        Shape::Silent | Shape::RejectedOnce(_) | Shape::Circles(_) => {}
        _ => return Judgement::Clear,
    }
    if super::r#loop::circles(scene) {
        return Judgement::Clear;
    }
    // A host that answers anything is not behind a black hole.
    if scene.host_up().is_some() || scene.next_hop().is_some_and(|hop| hop.state.unresolved()) {
        return Judgement::Clear;
    }
    if let Impostor::Unknown(needs) = scene.impostor() {
        return Judgement::Unknown(needs);
    }
    let mut needs = scene.untried_controls();
    if scene.evidence.options.path {
        if scene.walk.is_empty() {
            needs.push(Need::Trace(endpoint.clone()));
        }
        if scene.datagram_walk.is_empty() {
            needs.push(Need::DatagramTrace(endpoint.clone()));
        }
        if scene.control_walk.is_empty() {
            needs.push(Need::ControlTrace(endpoint.clone()));
        }
    }
    // A check that was cut short is judged by what it has, if it has anything.
    let cut_short = scene.evidence.ended != Ended::Complete;
    let enough = needs.is_empty()
        || (scene.asked_otherwise()
            && cut_short
            && (traced(scene) || !scene.evidence.options.path));
    if !enough {
        return Judgement::Unknown(needs);
    }
    // Where others get farther than what was asked for, something drops that before the hole.
    match stops_before(scene) {
        Ok(Some(_)) => return Judgement::Clear,
        Err(needs) if !cut_short && !asked_again(scene) => return Judgement::Unknown(needs),
        _ => {}
    }
    let mut looks = Vec::new();
    if scene.wants_a_pause() && !cut_short {
        looks.push(Need::QuietLook(endpoint.clone()));
    }
    if scene.needs_a_pause() && !cut_short {
        return Judgement::Unknown(looks);
    }
    // What is silent to strangers by design may be well behind a firewall that lets nothing else in: nothing is proven.
    if scene.silent_by_design().is_some() {
        return Judgement::Clear;
    }
    Judgement::refinable(finding(scene), looks)
}

fn finding(scene: &Scene<'_>) -> Finding {
    let host = scene.host();
    let others = scene.other_rejections();
    let rejecter = others.iter().find_map(|o| o.icmp_from());
    let farthest = scene.farthest();
    let silent = scene.with(Outcome::Timeout);
    let gateway = scene.route().and_then(|route| route.gateway.clone());
    let (title, explanation) = match &farthest {
        Some((ttl, router)) => (
            format!("Nothing answers beyond {}, hop {ttl}, on the way to {host}", scene.device(router)),
            format!(
                "Packets get as far as hop {ttl}, and nothing that was sent to {host} got any answer from beyond it.{} Either the path \
                 breaks at or after that hop, or answers are lost on their way back, or the host is off or drops everything. From here \
                 these look the same.",
                stops_earlier(scene, *ttl)
            ),
        ),
        None if !traced(scene) => (
            format!("Nothing answers from {host}"),
            "No probe of any kind was answered by the host. The path was not traced: whether it breaks, and where, on the way there or back, \
             or whether the host is off or drops everything, can't be told."
                .to_owned(),
        ),
        None => (
            match &gateway {
                Some(gateway) => format!("Nothing answers on the way to {host}: not even the first hop, {gateway}"),
                None => format!("Nothing answers from {host}"),
            },
            "No probe of any kind was answered, by the host or by any router before it. The path breaks early, or answers find no way back, \
             or its routers are silent and the host is off or drops everything. From here these look the same."
                .to_owned(),
        ),
    };
    let (title, explanation) = match rejecter {
        Some(by) => rejected_otherwise(scene, by),
        None => (title, explanation),
    };
    let mut finding = Finding::new(Id::PathBlackhole, Severity::Error, title)
        .explained(explanation)
        .fact(
            format!(
                "{} of {} attempts got no answer.",
                silent.len(),
                scene.burst.len()
            ),
            ids(&silent),
        )
        .about(scene.endpoint())
        .at(
            farthest.map(|(ttl, _)| ttl),
            farthest
                .map(|(_, router)| router.clone())
                .or(gateway.filter(|_| traced(scene))),
        );
    finding = scene.beside(finding, &silent, false);
    finding = controls(scene, finding);
    if let Impostor::Proven(proof) = scene.impostor() {
        finding = finding.fact(
            format!(
                "{} is answered with TTL {} already, with which {} still expire at {}: a device before the host answers it in the host's \
                 name, and says nothing of the host.",
                super::filtered::control_name(scene),
                proof.ttl,
                decapitalise(&scene.limited_probes()),
                proof.router,
            ),
            ids(&proof.observations),
        );
    }
    if let Some((by, first)) = rejecter.zip(others.first()) {
        let what = first.icmp.as_ref().map_or_else(String::new, Icmp::describe);
        finding = finding.fact(
            format!(
                "{by} answered other probes to {} with {what}.",
                scene.address()
            ),
            ids(&others),
        );
    } else if let Some((ttl, router)) = farthest {
        let mut seen = scene.walk.observations_at(ttl);
        seen.extend(scene.control_walk.observations_at(ttl));
        seen.extend(scene.datagram_walk.observations_at(ttl));
        finding = finding.fact(
            format!("{router} at hop {ttl} is the last that answers probes of any kind; hops beyond it were asked again and stayed silent."),
            seen,
        );
    }
    finding = finding.action(format!(
        "Find out whether {} is on: from its console, its hypervisor or cloud, or a machine on its own network.",
        scene.address()
    ));
    if let Some(by_hand) = set_by_hand(scene).filter(|_| farthest.is_none()) {
        finding = finding
            .fact(
                format!(
                    "The hardware address of {} on {} is set by hand on this machine ({}): whether it is right was not asked of the link.",
                    by_hand.address,
                    by_hand.interface,
                    by_hand.link_address.as_deref().unwrap_or("PERMANENT"),
                ),
                [],
            )
            .command(
                format!(
                    "See whether that hardware address is still right; without the entry this machine asks {} itself:",
                    by_hand.address
                ),
                format!("ip neigh show to {} dev {}", by_hand.address.ip(), by_hand.interface),
            );
    }
    if let Some(asked) = being_asked(scene).filter(|_| farthest.is_none()) {
        finding = finding
            .fact(
                format!(
                    "This machine is just asking whether {} on {} is still there, and has no answer yet (its neighbour entry is {}).",
                    asked.address,
                    asked.interface,
                    if asked.state == NeighbourState::Probe { "PROBE" } else { "DELAY" },
                ),
                [],
            )
            .action(format!(
                "Repeat the check in ten seconds: if {} is gone, this machine knows it by then.",
                asked.address
            ));
    }
    finding = match farthest {
        Some((ttl, router)) => finding.action(format!(
            "If it is, ask the owner of {} (hop {ttl}), or of what follows it, where packets to {} go.",
            scene.device(router),
            scene.address()
        )),
        None => finding.command(
            "See whether this machine reaches anything else the same way:",
            format!("ip route get {}", scene.address().ip()),
        ),
    };
    if let Some(pause) = scene.paused().filter(|pause| pause.outcome == Outcome::Ok) {
        let waited = pause
            .elapsed_ms
            .map_or_else(String::new, |ms| format!(" after {ms} without any probe"));
        return ending(
            scene,
            finding.fact(
                format!("The first silent hop was asked once more{waited}, and stayed silent."),
                ids(&[pause]),
            ),
        );
    }
    finding = finding.action(
        "If another check went this way moments ago, wait ten seconds and repeat it: routers limit their error messages, and one that has \
         used them up looks like a black hole.",
    );
    ending(scene, finding)
}

/// The title and the explanation where a device on the way answers other probes with an error, but none of those asked for.
fn rejected_otherwise(scene: &Scene<'_>, by: &Address) -> (String, String) {
    let (host, service) = (scene.host(), scene.service());
    (
        format!("Nothing answers {service} to {host}, and {by} rejects other probes"),
        format!(
            "{by} is not the destination: it stands on the way, and does not let everything pass. It said nothing of {service}: either it \
             drops that without a word, or something beyond it does, or the host is off. From here these look the same."
        ),
    )
}

/// The next hop, where its hardware address was not asked for but given.
fn set_by_hand<'a>(scene: &Scene<'a>) -> Option<&'a Neighbour> {
    scene
        .next_hop()
        .filter(|hop| hop.state == NeighbourState::Permanent)
}

/// The next hop, where the kernel is not sure that it is still there: it asks after five seconds, and gives up three seconds later
/// (`delay_first_probe_time`, `ucast_solicit`; Linux `Documentation/networking/ip-sysctl.rst`).
fn being_asked<'a>(scene: &Scene<'a>) -> Option<&'a Neighbour> {
    let unsure = [NeighbourState::Delay, NeighbourState::Probe];
    scene.next_hop().filter(|hop| unsure.contains(&hop.state))
}

/// Adds what is left to do.
fn ending(scene: &Scene<'_>, finding: Finding) -> Finding {
    route_back(scene, local_not_ruled_out(scene, finding)).action(format!(
        "Run the check from the other side, towards {}: it shows which direction breaks.",
        scene.source()
    ))
}

/// That the probes asked for are answered up to an earlier hop than others, as a sentence of its own.
fn stops_earlier(scene: &Scene<'_>, farthest: u8) -> String {
    let probes = scene.limited_probes();
    match scene.last_router() {
        _ if scene.walk.is_empty() => String::new(),
        Some((ttl, _)) if ttl < farthest => {
            format!(
                " {probes} are answered up to hop {ttl} only, other probes up to hop {farthest}."
            )
        }
        Some(_) => String::new(),
        None => format!(" {probes} are answered by no hop, other probes up to hop {farthest}."),
    }
}

/// Whether the distances that others pass were asked again: then what is told of them is all that can be.
fn asked_again(scene: &Scene<'_>) -> bool {
    let Some(other) = scene.other_walk() else {
        return true;
    };
    let last = scene.last_router().map_or(0, |(ttl, _)| ttl);
    let farther = other
        .hops
        .iter()
        .find(|(ttl, seen)| **ttl > last && !seen.expired.is_empty());
    farther.is_none_or(|(ttl, _)| {
        let silent = scene.walk.hops.get(ttl).map(|seen| seen.silent.as_slice());
        let ports = silent.unwrap_or_default().iter().map(|o| o.source_port);
        ports.collect::<BTreeSet<_>>().len() >= FLOWS
    })
}

/// Whether the path was traced.
fn traced(scene: &Scene<'_>) -> bool {
    !(scene.walk.is_empty() && scene.control_walk.is_empty() && scene.datagram_walk.is_empty())
}

/// Adds what else was tried and stayed unanswered: the controls that could have succeeded.
fn controls(scene: &Scene<'_>, finding: Finding) -> Finding {
    let mut tried = Vec::new();
    let mut seen = Vec::new();
    if let Some(port) = scene
        .control
        .iter()
        .find(|o| o.outcome == Outcome::Timeout)
        .and_then(|o| o.endpoint.as_ref())
        .and_then(|e| e.port)
    {
        tried.push(format!("TCP port {port}"));
        seen.extend(ids(&scene.control));
    }
    if scene.echo.iter().any(|o| o.outcome == Outcome::Timeout) {
        tried.push("echo requests".to_owned());
        seen.extend(ids(&scene.echo));
    }
    if scene.datagram.iter().any(|o| o.outcome == Outcome::Timeout) {
        tried.push("UDP datagrams".to_owned());
        seen.extend(ids(&scene.datagram));
    }
    if tried.is_empty() {
        return finding.fact(
            "Nothing else could be tried, so that the host may still be up.",
            [],
        );
    }
    finding.fact(
        format!(
            "The host left unanswered, too: {}.",
            crate::model::text::list(&tried)
        ),
        seen,
    )
}
