//! `path-partial`: of several equal paths some are dead, and which.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnose::rules::local::for_some;
use crate::diagnose::scene::{Scene, Shape, ids};
use crate::diagnose::{Explain, Judge, Judgement, Need, Rule};
use crate::model::text::list;
use crate::model::topology::{Flow, Path};
use crate::model::{
    Address, Finding, Id, Observation, ObservationId, Operation, Outcome, Severity,
};

/// The rule.
pub const RULE: Rule = Rule {
    id: Id::PathPartial,
    explain: Explain {
        meaning: "Routers spread flows over several equal paths, and one of them (or more) is dead: whoever's flow is put there gets nothing \
                  through, everybody else notices nothing. Which flow goes where depends on its ports, so it looks like chance.",
        proof: "Flows from different source ports were followed hop by hop and asked at the destination several times each. Those that never \
                arrive, and no others, pass certain links. How likely chance alone would divide them so is computed (all ways in which as many \
                flows could have failed path by path, among all ways in which as many flows could have failed), and is at most 5 %.",
        remedy: "Have the owner of the router named take the dead member out of its group of equal paths (ECMP, or a link aggregate), or \
                 repair it. Until then a new attempt from another source port may get through.",
        lookalikes: "Loss that hits all flows alike is `path-loss`. Flows that fail though they pass the same routers as those that arrive \
                     point to a balancer before the service with a dead backend, or to the way back: `destination-intermittent`.",
    },
    judge: Judge::Endpoint(judge),
};

/// A claim needs to be so unlikely by chance.
const CHANCE_MAX: f64 = 0.05;
/// So many flows whose fate is known find one dead path of eight with 95 % (Veitch et al. 2009 for one of eight missed).
const ENOUGH: usize = 23;

fn judge(scene: &Scene<'_>) -> Judgement {
    match partial(scene) {
        Partial::No => Judgement::Clear,
        Partial::Unknown(needs) => Judgement::Unknown(needs),
        Partial::Dead(dead) => Judgement::fires(finding(scene, &dead)),
    }
}

/// Whether some of several paths are dead.
pub(crate) enum Partial<'a> {
    /// Not as far as is known, or it does not apply.
    No,
    /// It can't be told yet.
    Unknown(Vec<Need>),
    /// They are.
    Dead(Dead<'a>),
}

/// Paths that are dead.
pub(crate) struct Dead<'a> {
    failing: Vec<&'a Flow>,
    arriving: usize,
    /// The first link of each failing flow that no arriving flow passes, by the names of its ends.
    links: BTreeSet<(&'a str, Option<&'a str>)>,
    /// Whether several routers were seen to answer at one distance: there are several paths.
    parts: bool,
    /// How likely chance would divide them so.
    chance: f64,
    /// The last hop that answered for the failing flows, where it is the same for all.
    last: Option<(u8, &'a Address)>,
}

/// Joins which links each flow passed with whether it arrived.
pub(crate) fn partial<'a>(scene: &Scene<'a>) -> Partial<'a> {
    match scene.shape() {
        Shape::NotTried => return Partial::Unknown(vec![Need::Burst(scene.endpoint().clone())]),
        Shape::Mixed => {}
        _ => return Partial::No,
    }
    // Echo requests have no ports, and nobody can say that all paths were seen by them.
    let flows = scene.probe() != Operation::Echo && !for_some(scene);
    if !flows || !scene.evidence.options.path || !scene.burst.iter().any(|o| fails(scene, o)) {
        return Partial::No;
    }
    let needed = || Partial::Unknown(vec![Need::Outcomes(scene.endpoint().clone())]);
    let Some(path) = &scene.subject.path else {
        return needed();
    };
    let known = path.flows.iter().filter(|f| f.arrived.is_some()).count();
    if let Some(dead) = dead(path, scene.address()) {
        return Partial::Dead(dead);
    }
    if known < ENOUGH.min(path.flows.len()) || known < 2 {
        return needed();
    }
    Partial::No
}

/// Whether a probe did not get through. What is refused did, to somebody who refuses.
fn fails(scene: &Scene<'_>, probe: &Observation) -> bool {
    let turned_away = probe.outcome == Outcome::PortUnreachable
        && scene.probe() == Operation::Datagram
        && probe
            .icmp_from()
            .is_some_and(|from| from.ip() == scene.address().ip());
    !(turned_away || matches!(probe.outcome, Outcome::Ok | Outcome::Refused))
}

/// The dead paths that the flows' fates prove.
fn dead<'a>(path: &'a Path, target: &Address) -> Option<Dead<'a>> {
    let (mut failing, mut arriving) = (Vec::new(), Vec::new());
    for flow in &path.flows {
        match flow.arrived {
            Some(true) => arriving.push(flow),
            Some(false) => failing.push(flow),
            None => {}
        }
    }
    if failing.len() < 2 || arriving.len() < 2 {
        return None;
    }
    // Only what lies before the destination belongs to the path.
    let mut arrivals = path.hops.iter().filter(|hop| {
        hop.nodes
            .iter()
            .any(|n| n.icmp.is_none() && n.address.as_ref().is_some_and(|a| a.ip() == target.ip()))
    });
    let distance = arrivals.next()?.ttl;
    // What all pass tells no way from another, and not every flow was asked there.
    let mut at: BTreeMap<u8, BTreeSet<&str>> = BTreeMap::new();
    for id in failing.iter().chain(&arriving).flat_map(|f| &f.nodes) {
        at.entry(ttl(id)?).or_default().insert(id);
    }
    let parts = |ttl: u8| at.get(&ttl).is_some_and(|nodes| nodes.len() > 1);
    let way = |flow: &'_ Flow| -> Vec<(u8, String)> {
        let nodes = flow
            .nodes
            .iter()
            .filter_map(|id| Some((ttl(id)?, id.clone())));
        nodes
            .filter(|(ttl, _)| *ttl < distance && parts(*ttl))
            .collect()
    };
    let alive: BTreeSet<(&str, &str)> = arriving.iter().flat_map(|f| links(f)).collect();
    let mut first = BTreeSet::new();
    let mut levels = BTreeSet::new();
    for flow in &failing {
        let (level, link) = first_of_its_own(flow, &alive, distance)?;
        levels.insert(level);
        first.insert(link);
    }
    let all = || failing.iter().chain(&arriving);
    let fate = |flow: &&&Flow| flow.arrived == Some(false);
    let by_way = chance(all().map(|flow| (way(flow), fate(&flow))));
    // Where all part at one distance, what they meet there is enough to tell them apart.
    let by_link = levels
        .iter()
        .next()
        .filter(|_| levels.len() == 1)
        .and_then(|level| {
            chance(all().map(|flow| {
                let around = (level.saturating_sub(1))..=*level;
                let mut near = way(flow);
                near.retain(|(ttl, _)| around.contains(ttl));
                (near, fate(&flow))
            }))
        });
    // Two tests of one thing: each has half of what may be put down to chance.
    let chance = [by_way, by_link].into_iter().flatten().reduce(f64::min)? * 2.0;
    if chance > CHANCE_MAX {
        return None;
    }
    let ends: BTreeSet<&str> = failing
        .iter()
        .filter_map(|flow| last_answered(path, flow))
        .collect();
    let last = ends
        .iter()
        .next()
        .filter(|_| ends.len() == 1)
        .and_then(|id| Some((ttl(id)?, address(path, id)?)));
    let answered = |id: &&&str| address(path, id).is_some();
    let several = |nodes: &BTreeSet<&str>| nodes.iter().filter(answered).count() > 1;
    let parts = at.range(..distance).any(|(_, nodes)| several(nodes));
    Some(Dead {
        arriving: arriving.len(),
        parts,
        links: first,
        chance,
        last,
        failing,
    })
}

/// The distance that stands in a node's name.
fn ttl(id: &str) -> Option<u8> {
    id.split('.').next()?.parse().ok()
}

fn address<'a>(path: &'a Path, id: &str) -> Option<&'a Address> {
    let mut nodes = path.hops.iter().flat_map(|hop| &hop.nodes);
    nodes.find(|node| node.id == id)?.address.as_ref()
}

/// The links that a flow was seen to pass.
fn links(flow: &Flow) -> impl Iterator<Item = (&str, &str)> {
    let pairs = flow.nodes.iter().zip(flow.nodes.iter().skip(1));
    pairs
        .filter(|(from, to)| ttl(from).map(|near| near + 1) == ttl(to))
        .map(|(from, to)| (from.as_str(), to.as_str()))
}

/// The first link before the destination that a flow passes and none that arrives does, with the distance of its far end; where the flow
/// is not answered for any more, it leads to nobody.
fn first_of_its_own<'f>(
    flow: &'f Flow,
    alive: &BTreeSet<(&str, &str)>,
    distance: u8,
) -> Option<(u8, (&'f str, Option<&'f str>))> {
    for (from, to) in links(flow) {
        let far = ttl(to)?;
        if far >= distance {
            return None;
        }
        if !alive.contains(&(from, to)) {
            return Some((far, (from, Some(to))));
        }
    }
    let end = flow.nodes.last()?;
    let far = ttl(end)?.checked_add(1)?;
    (far < distance).then_some((far, (end.as_str(), None)))
}

/// The farthest node that answered for a flow.
fn last_answered<'f>(path: &Path, flow: &'f Flow) -> Option<&'f str> {
    flow.nodes
        .iter()
        .rev()
        .map(String::as_str)
        .find(|id| address(path, id).is_some())
}

/// How likely the flows that fail would fill whole classes by chance, were every choice of as many flows equally likely: the number of
/// choices of classes that hold as many, over the number of choices of flows. None where a class holds flows of both kinds.
fn chance<K: Ord>(flows: impl Iterator<Item = (K, bool)>) -> Option<f64> {
    let mut classes: BTreeMap<K, (usize, usize)> = BTreeMap::new();
    for (class, fails) in flows {
        let (failing, all) = classes.entry(class).or_default();
        *failing += usize::from(fails);
        *all += 1;
    }
    if classes
        .values()
        .any(|(failing, all)| *failing > 0 && failing < all)
    {
        return None;
    }
    let failing: usize = classes.values().map(|(failing, _)| failing).sum();
    let all: usize = classes.values().map(|(_, all)| all).sum();
    let mut ways = vec![0.0; failing + 1];
    if let Some(none) = ways.first_mut() {
        *none = 1.0;
    }
    for (_, size) in classes.values() {
        for total in (*size..=failing).rev() {
            let more = ways.get(total - size).copied().unwrap_or(0.0);
            if let Some(way) = ways.get_mut(total) {
                *way += more;
            }
        }
    }
    let choices: f64 = (0..failing)
        .map(|i| (all - i) as f64 / (i + 1) as f64)
        .product();
    Some(ways.last().copied().unwrap_or(1.0) / choices)
}

fn finding(scene: &Scene<'_>, dead: &Dead<'_>) -> Finding {
    let (failing, all) = (dead.failing.len(), dead.failing.len() + dead.arriving);
    let host = scene.host();
    let by_other_paths = if dead.parts { " by other paths" } else { "" };
    let title = match dead.last {
        Some((ttl, router)) => format!(
            "{failing} of {all} flows to {host} die at or after {}, hop {ttl}; the others arrive{by_other_paths}",
            scene.device(router)
        ),
        None => format!(
            "{failing} of {all} flows to {host} die on certain of several equal paths; the others arrive"
        ),
    };
    // What an application gets is what its first attempt gets.
    let first = scene.burst.iter().min_by_key(|o| o.at_ms);
    let severity = if first.is_some_and(|o| o.outcome != Outcome::Ok) {
        Severity::Error
    } else {
        Severity::Warning
    };
    let name = |id: &str| {
        let far = ttl(id).unwrap_or_default();
        let found = scene
            .subject
            .path
            .as_ref()
            .and_then(|path| address(path, id));
        found.map_or_else(
            || format!("hop {far}, which does not answer"),
            |address| format!("{} (hop {far})", scene.device(address)),
        )
    };
    let links: Vec<String> = dead
        .links
        .iter()
        .map(|(from, to)| match to {
            Some(to) => format!("from {} to {}", name(from), name(to)),
            None => format!("beyond {}", name(from)),
        })
        .collect();
    let ports: Vec<String> = dead
        .failing
        .iter()
        .filter_map(|flow| flow.source_port)
        .take(8)
        .map(|port| port.to_string())
        .collect();
    let from_ports = match (ports.is_empty(), failing > ports.len()) {
        (true, _) => String::new(),
        (false, true) => format!(
            " (source ports {} and {} more)",
            ports.join(", "),
            failing - ports.len()
        ),
        (false, false) => format!(" (source ports {})", list(&ports)),
    };
    let lost: Vec<&Observation> = scene
        .burst
        .iter()
        .copied()
        .filter(|o| fails(scene, o))
        .collect();
    let chance = if dead.chance < 0.001 {
        "less than 1 of 1000".to_owned()
    } else {
        format!("{} of 1000", (dead.chance * 1000.0).ceil())
    };
    let mut finding = Finding::new(Id::PathPartial, severity, title)
        .explained(if dead.parts {
            "Routers spread flows over several equal paths by their addresses and ports, and what goes by one of them is lost. A client \
             whose flow is put there gets nothing through, others notice nothing."
        } else {
            "Flows are lost or pass by their ports, at one place on the way. A router there may have several equal paths, one of which is \
             dead; or a device takes some flows and not others: a translator that has no ports left, a limit of connections. No second path \
             was seen to answer, so it can't be told which. A client whose flow is lost gets nothing through, others notice nothing."
        })
        .fact(format!("{} of {} attempts failed.", lost.len(), scene.burst.len()), ids(&lost))
        .fact(
            format!("{failing} of {all} flows that were followed never arrive{from_ports}, however often they are asked; the other {} do.", dead.arriving),
            asked(scene, dead),
        )
        .fact(format!("Flows that fail, and no others, go {}.", list(&links)), [])
        .fact(format!("Were it chance, they would fall on whole paths like this in {chance} cases."), [])
        .about(scene.endpoint())
        .at(dead.last.map(|(ttl, _)| ttl), dead.last.map(|(_, router)| router.clone()));
    finding = match dead.last {
        Some((_, router)) if !dead.parts => finding.action(format!(
            "Ask the owner of {} whether it, or what follows it, spreads flows to {} over several links, one of them dead, or translates \
             addresses or limits connections, and has none left.",
            scene.device(router),
            scene.address()
        )),
        Some((_, router)) => finding.action(format!(
            "Ask the owner of {} to take the dead member out of its group of equal paths to {}, or to repair it.",
            scene.device(router),
            scene.address()
        )),
        None => finding.action("Ask the owner of the routers named to take the dead members out of their groups of equal paths, or to repair them."),
    };
    finding
        .command("See all paths, and which flows arrive by them:", format!(
            "nwcheck trace --protocol {} --all-paths {}",
            scene.evidence.path_protocol().as_str(),
            crate::model::text::escape(&scene.evidence.target.label())
        ))
        .action("Until then try again: a new attempt has another source port, and may be put on a path that works.")
}

/// The probes of the failing flows.
fn asked(scene: &Scene<'_>, dead: &Dead<'_>) -> Vec<ObservationId> {
    let ports: BTreeSet<u16> = dead
        .failing
        .iter()
        .filter_map(|flow| flow.source_port)
        .collect();
    let seen = scene.walk.hops.values().flat_map(|seen| &seen.silent);
    seen.filter(|o| o.source_port.is_some_and(|port| ports.contains(&port)))
        .map(|o| o.id)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::chance;

    #[test]
    fn a_class_with_both_kinds_of_flows_proves_nothing() {
        assert_eq!(
            chance([(1, true), (1, false), (2, false)].into_iter()),
            None
        );
    }

    #[test]
    fn flows_that_each_go_their_own_way_prove_nothing() {
        let flows = (0..12).map(|flow| (flow, flow < 3));
        assert!((chance(flows).unwrap() - 1.0).abs() < 1e-9);
    }

    #[test]
    fn one_of_four_paths_by_twelve_flows_is_hardly_chance() {
        // 4 classes of 3: 4 ways to fail as a class, of 220 to fail at all.
        let flows = (0..12).map(|flow| (flow % 4, flow % 4 == 0));
        assert!((chance(flows).unwrap() - 4.0 / 220.0).abs() < 1e-9);
    }
}
