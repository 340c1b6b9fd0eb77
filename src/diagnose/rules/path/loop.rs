//! `path-loop`: routers send the packets in a circle.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnose::scene::{Scene, Shape, ids};
use crate::diagnose::{Explain, Judge, Judgement, Need, Rule};
use crate::model::text::list;
use crate::model::{Address, Finding, Id, Operation, Outcome, Severity};

/// The rule.
pub const RULE: Rule = Rule {
    id: Id::PathLoop,
    explain: Explain {
        meaning: "Two routers or more send the packets round in a circle until their TTL runs out: their routes point at each other.",
        proof: "On one flow the same two or more routers answer again and again, in the same order, as the TTL grows, and the destination \
                is not reached. Probes with a full TTL come back as time exceeded.",
        remedy: "Ask the owner of the routers named: a route of one points to the other, and the other has a default or summary route back. \
                 Often the destination's own network is down and its discard route is missing.",
        lookalikes: "One router that answers at two distances in a row is no loop (some forward a packet whose TTL is zero, some sit before \
                     an address translation). Time exceeded from the target's own address is a port forward.",
    },
    judge: Judge::Endpoint(judge),
};

fn judge(scene: &Scene<'_>) -> Judgement {
    let circling = match scene.shape() {
        Shape::NotTried => return Judgement::Unknown(vec![Need::Burst(scene.endpoint().clone())]),
        Shape::Circles(answers) => answers,
        Shape::Silent => Vec::new(),
        _ => return Judgement::Clear,
    };
    if scene.walk.arrival().is_some() {
        return Judgement::Clear;
    }
    let Some((first, cycle)) = cycle(scene, circling.len() >= 2) else {
        return if scene.walk.is_empty() && scene.evidence.options.path {
            Judgement::Unknown(vec![Need::Trace(scene.endpoint().clone())])
        } else {
            Judgement::Clear
        };
    };
    let mut routers: Vec<String> = cycle.iter().map(|address| scene.device(address)).collect();
    let owners = list(&routers);
    if routers.len() == 1 {
        routers.push("a router that does not answer".to_owned());
    }
    let seen: Vec<_> = scene
        .walk
        .hops
        .range(first..)
        .flat_map(|(_, seen)| seen.expired.iter().map(|answer| answer.observation.id))
        .collect();
    let last = scene.walk.last_expired().map_or(first, |(ttl, _)| ttl);
    let head = cycle.first().cloned();
    let mut finding = Finding::new(
        Id::PathLoop,
        Severity::Error,
        format!("Packets to {} circle between {}, from hop {first} on", scene.host(), list(&routers)),
    )
    .explained("These routers send the packets back to each other until their time to live runs out. The destination is never reached.")
    .fact(format!("With TTL {first} to {last} the same routers are met again and again: {}.", list(&routers)), seen)
    .about(scene.endpoint())
    .at(Some(first), head);
    if !circling.is_empty() {
        finding = finding.fact(
            format!(
                "{} of {} attempts with a full TTL came back as time exceeded.",
                circling.len(),
                scene.burst.len()
            ),
            ids(&circling),
        );
    }
    Judgement::fires(
        finding
            .action(format!("Ask the owner of {owners} which route there is for {}: it points back.", scene.address()))
            .action("See whether the destination's own network is up: a loop often forms when it is not, and a summary route remains."),
    )
}

/// Whether a loop is proven.
pub(crate) fn circles(scene: &Scene<'_>) -> bool {
    let circling = scene
        .burst
        .iter()
        .filter(|o| o.outcome == Outcome::TtlExceeded)
        .count();
    scene.walk.arrival().is_none() && cycle(scene, circling >= 2).is_some()
}

/// The routers that repeat on one flow, in order, and the distance of the first: two at least, each seen twice at least; where probes
/// with a full TTL came back, too, one that was seen again is enough.
fn cycle(scene: &Scene<'_>, circling: bool) -> Option<(u8, Vec<Address>)> {
    let mut flows: BTreeMap<Option<u32>, BTreeMap<u8, &Address>> = BTreeMap::new();
    for (ttl, seen) in &scene.walk.hops {
        for answer in &seen.expired {
            // The source port is the flow, but for datagrams of which each needs a port of its own.
            let observation = answer.observation;
            let number = match observation.operation {
                Operation::TraceTcp => None,
                _ => observation.flow,
            };
            let number = number.or(observation.source_port.map(u32::from));
            let flow = flows.entry(number).or_default();
            flow.insert(*ttl, answer.observation.icmp_from()?);
        }
    }
    // The flow that shows most of the circle; a proof that needs no full TTL comes first.
    let best = |circling| {
        let cycles = flows.values().filter_map(|flow| cycle_of(flow, circling));
        cycles.max_by_key(|(first, circle)| (circle.len(), std::cmp::Reverse(*first)))
    };
    best(false).or_else(|| circling.then(|| best(true)).flatten())
}

fn cycle_of(flow: &BTreeMap<u8, &Address>, circling: bool) -> Option<(u8, Vec<Address>)> {
    for period in 2..=8_u8 {
        for first in flow.keys() {
            // All that is known from there on has to agree with the period; silent distances say nothing.
            let mut members: BTreeMap<u8, &Address> = BTreeMap::new();
            let mut again: BTreeSet<&Address> = BTreeSet::new();
            let agrees = flow.range(first..).all(|(ttl, address)| {
                let place = (ttl - first) % period;
                match members.get(&place) {
                    None => members.insert(place, *address).is_none(),
                    Some(known) => {
                        again.insert(*address);
                        known == address
                    }
                }
            });
            let distinct: BTreeSet<_> = members.values().collect();
            let enough = if circling { 1 } else { 2 };
            if agrees && distinct.len() >= 2 && again.len() >= enough {
                // What was seen once may lie before the circle: it begins with a router that was seen again.
                let begin = flow
                    .range(first..)
                    .find(|(_, address)| again.contains(*address))?;
                let mut circle: Vec<Address> = Vec::new();
                for (_, address) in flow.range(begin.0..) {
                    if again.contains(*address) && !circle.contains(*address) {
                        circle.push((*address).clone());
                    }
                }
                return Some((*begin.0, circle));
            }
        }
    }
    None
}
