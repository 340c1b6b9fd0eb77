//! From the nodes of a path to the vertices of its graph.

use std::collections::{BTreeMap, BTreeSet};

use super::{Fate, Kind, Vertex};
use crate::model::Address;
use crate::model::report::EndpointReport;
use crate::model::topology::{Node, Path};

/// A path of more nodes is drawn as it is, node by node.
const MOST: usize = 4096;

/// What a graph is begun with.
pub(super) struct Merged<'p> {
    pub vertices: Vec<Vertex<'p>>,
    pub links: Vec<(usize, usize)>,
    pub backward: Vec<(usize, usize)>,
    /// Which vertex each node's id is in.
    pub place: BTreeMap<&'p str, usize>,
}

/// A node, and the distance at which it was met.
struct Met<'p> {
    node: &'p Node,
    ttl: u8,
}

/// Makes one vertex of what is one router, and of a run of silence.
pub(super) fn merged<'p>(path: &'p Path, endpoint: &EndpointReport) -> Merged<'p> {
    let mut met: Vec<Met<'p>> = path
        .hops
        .iter()
        .flat_map(|hop| hop.nodes.iter().map(|node| Met { node, ttl: hop.ttl }))
        .collect();
    met.sort_by_key(|met| met.ttl);
    let mut by_id: BTreeMap<&str, usize> = BTreeMap::new();
    for (at, met) in met.iter().enumerate() {
        by_id.entry(met.node.id.as_str()).or_insert(at);
    }
    let at = |id: &String| by_id.get(id.as_str()).copied();
    let ttl = |at: usize| met.get(at).map_or(0, |met| met.ttl);
    let pairs: BTreeSet<(usize, usize)> = path
        .links
        .iter()
        .filter_map(|link| Some((at(&link.from)?, at(&link.to)?)))
        .collect();
    let (onward, backward): (Vec<_>, Vec<_>) = pairs
        .into_iter()
        .partition(|(from, to)| ttl(*from) < ttl(*to));
    let followed: BTreeSet<(usize, usize)> = path
        .flows
        .iter()
        .flat_map(|flow| flow.nodes.iter().zip(flow.nodes.iter().skip(1)))
        .filter_map(|(from, to)| Some((at(from)?, at(to)?)))
        .collect();

    let mut groups = Groups::new(met.len());
    if met.len() <= MOST {
        routers(&mut groups, &met, &onward, &followed);
        limited(&mut groups, &met, &onward);
        silence(&mut groups, &met, &onward);
    }
    build(path, endpoint, &met, &groups, &onward, &backward, &by_id)
}

/// Which nodes are one vertex: each node's group is named by one of its members.
#[derive(Clone)]
struct Groups(Vec<usize>);

impl Groups {
    fn new(nodes: usize) -> Self {
        Self((0..nodes).collect())
    }

    fn of(&self, at: usize) -> usize {
        self.0.get(at).copied().unwrap_or(at)
    }

    fn join(&mut self, one: usize, other: usize) {
        let (kept, given_up) = (self.of(one), self.of(other));
        for group in &mut self.0 {
            if *group == given_up {
                *group = kept;
            }
        }
    }

    fn links(&self, links: impl IntoIterator<Item = (usize, usize)>) -> BTreeSet<(usize, usize)> {
        links
            .into_iter()
            .map(|(from, to)| (self.of(from), self.of(to)))
            .collect()
    }
}

/// One address at several distances is one router, unless a flow would then come back to where it was.
fn routers(
    groups: &mut Groups,
    met: &[Met<'_>],
    links: &[(usize, usize)],
    followed: &BTreeSet<(usize, usize)>,
) {
    let mut by_address: BTreeMap<&Address, Vec<usize>> = BTreeMap::new();
    for (at, met) in met.iter().enumerate() {
        if let Some(address) = &met.node.address {
            by_address.entry(address).or_default().push(at);
        }
    }
    let mut several: Vec<Vec<usize>> = by_address
        .into_values()
        .filter(|nodes| nodes.len() > 1)
        .collect();
    several.sort();
    let all: BTreeSet<(usize, usize)> = links.iter().chain(followed).copied().collect();
    for nodes in several {
        let mut joined = groups.clone();
        for pair in nodes.windows(2) {
            if let [one, other] = pair {
                joined.join(*one, *other);
            }
        }
        let links: Vec<(usize, usize)> = joined.links(all.iter().copied()).into_iter().collect();
        if onward(met.len(), &links).is_some() {
            *groups = joined;
        }
    }
}

/// What a router that limits its answers leaves unanswered is no second router: its silence is its own, where that draws no new link.
fn limited(groups: &mut Groups, met: &[Met<'_>], links: &[(usize, usize)]) {
    let around = |groups: &Groups, at: usize| {
        let all = groups.links(links.iter().copied());
        let before: BTreeSet<usize> = ends(&all, |(_, to)| to == groups.of(at), |(from, _)| from);
        let after: BTreeSet<usize> = ends(&all, |(from, _)| from == groups.of(at), |(_, to)| to);
        (before, after)
    };
    for (at, silent) in met.iter().enumerate() {
        if silent.node.address.is_some() {
            continue;
        }
        let answering: Vec<usize> = beside(met, silent.ttl)
            .filter(|other| met.get(*other).is_some_and(|m| m.node.address.is_some()))
            .collect();
        let [one] = answering.as_slice() else {
            continue;
        };
        if !met.get(*one).is_some_and(|met| met.node.limited) {
            continue;
        }
        let (own_before, own_after) = around(groups, at);
        let (before, after) = around(groups, *one);
        if own_before.is_subset(&before) && own_after.is_subset(&after) {
            groups.join(*one, at);
        }
    }
}

/// Silence behind silence is one run, where nothing else comes in or goes out between.
fn silence(groups: &mut Groups, met: &[Met<'_>], links: &[(usize, usize)]) {
    let all = groups.links(links.iter().copied());
    let mut before: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let mut after: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (from, to) in &all {
        after.entry(*from).or_default().push(*to);
        before.entry(*to).or_default().push(*from);
    }
    for (at, near) in met.iter().enumerate() {
        let Some((next, far)) = met
            .iter()
            .enumerate()
            .skip(at + 1)
            .take_while(|(_, far)| far.ttl <= near.ttl.saturating_add(1))
            .find(|(_, far)| far.ttl > near.ttl && far.node.address.is_none())
        else {
            continue;
        };
        // Silence that was taken for a limited router's own stands no more for itself.
        let own = |at: usize| {
            met.get(groups.of(at))
                .is_some_and(|met| met.node.address.is_none())
        };
        if !own(at) || !own(next) {
            continue;
        }
        let out = after.get(&at).map_or(&[][..], Vec::as_slice);
        let into = before.get(&next).map_or(&[][..], Vec::as_slice);
        let chained = out == [next] && into == [at];
        let lonely = out.is_empty()
            && into.is_empty()
            && beside(met, near.ttl).count() == 1
            && beside(met, far.ttl).count() == 1;
        if chained || lonely {
            groups.join(at, next);
        }
    }
}

/// The nodes of one distance.
fn beside<'m>(met: &'m [Met<'_>], ttl: u8) -> impl Iterator<Item = usize> + 'm {
    met.iter()
        .enumerate()
        .filter(move |(_, met)| met.ttl == ttl)
        .map(|(at, _)| at)
}

fn ends(
    links: &BTreeSet<(usize, usize)>,
    of: impl Fn((usize, usize)) -> bool,
    end: impl Fn((usize, usize)) -> usize,
) -> BTreeSet<usize> {
    links
        .iter()
        .copied()
        .filter(|link| of(*link))
        .map(end)
        .collect()
}

fn build<'p>(
    path: &Path,
    endpoint: &EndpointReport,
    met: &[Met<'p>],
    groups: &Groups,
    links: &[(usize, usize)],
    backward: &[(usize, usize)],
    by_id: &BTreeMap<&'p str, usize>,
) -> Merged<'p> {
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for at in 0..met.len() {
        members.entry(groups.of(at)).or_default().push(at);
    }
    // An answering node speaks for its group, also where silence was met before it.
    let mut ordered: Vec<(usize, Vec<usize>)> = members.into_iter().collect();
    for (_, nodes) in &mut ordered {
        nodes.sort_by_key(|at| {
            met.get(*at)
                .map(|met| (met.node.address.is_none(), met.ttl, *at))
        });
    }
    let nearest = |nodes: &Vec<usize>| {
        nodes
            .iter()
            .filter_map(|at| met.get(*at))
            .map(|m| m.ttl)
            .min()
    };
    let farthest = |nodes: &Vec<usize>| {
        nodes
            .iter()
            .filter_map(|at| met.get(*at))
            .map(|m| m.ttl)
            .max()
    };
    ordered.sort_by_key(|(group, nodes)| (nearest(nodes), farthest(nodes), *group));
    let mut of_group: BTreeMap<usize, usize> = BTreeMap::new();
    let mut vertices = Vec::with_capacity(ordered.len());
    for (group, nodes) in &ordered {
        of_group.insert(*group, vertices.len());
        let mut ttls: Vec<u8> = nodes
            .iter()
            .filter_map(|at| met.get(*at))
            .map(|m| m.ttl)
            .collect();
        ttls.sort_unstable();
        ttls.dedup();
        let nodes_met: Vec<&'p Node> = nodes
            .iter()
            .filter_map(|at| met.get(*at))
            .map(|m| m.node)
            .collect();
        vertices.push(Vertex {
            kind: kind(path, endpoint, &nodes_met),
            nodes: nodes_met,
            first: ttls.first().copied().unwrap_or_default(),
            last: ttls.last().copied().unwrap_or_default(),
            ttls,
            again: None,
            fate: Fate::default(),
            rewritten: Vec::new(),
        });
    }
    let pairs = |links: &[(usize, usize)]| {
        let mapped: BTreeSet<(usize, usize)> = groups
            .links(links.iter().copied())
            .into_iter()
            .filter_map(|(from, to)| Some((*of_group.get(&from)?, *of_group.get(&to)?)))
            .collect();
        mapped
    };
    let links: Vec<(usize, usize)> = pairs(links)
        .into_iter()
        .filter(|(from, to)| from != to)
        .collect();
    let place = by_id
        .iter()
        .filter_map(|(id, at)| Some((*id, *of_group.get(&groups.of(*at))?)))
        .collect();
    Merged {
        vertices,
        links,
        backward: pairs(backward).into_iter().collect(),
        place,
    }
}

fn kind(path: &Path, endpoint: &EndpointReport, nodes: &[&Node]) -> Kind {
    let asked_for = |node: &&&Node| {
        node.address
            .as_ref()
            .is_some_and(|address| address.ip() == endpoint.address.ip())
    };
    // The target's own address with time exceeded is a router before it.
    let arrived = |node: &&Node| {
        node.icmp.is_none_or(|icmp| {
            let v6 = endpoint.address.is_ipv6();
            !matches!((v6, icmp.kind), (false, 11) | (true, 3))
        })
    };
    if nodes.iter().all(|node| node.address.is_none()) {
        Kind::Silent
    } else if path.reached && nodes.iter().filter(asked_for).any(arrived) {
        Kind::Destination
    } else {
        Kind::Router
    }
}

/// The vertices so that each stands behind what it follows, the nearest first; none where there is a circle.
pub(super) fn onward(vertices: usize, links: &[(usize, usize)]) -> Option<Vec<usize>> {
    let mut after: Vec<Vec<usize>> = vec![Vec::new(); vertices];
    let mut waits: Vec<usize> = vec![0; vertices];
    for (from, to) in links {
        after.get_mut(*from)?.push(*to);
        *waits.get_mut(*to)? += 1;
    }
    let mut ready: BTreeSet<usize> = (0..vertices)
        .filter(|at| waits.get(*at) == Some(&0))
        .collect();
    let mut order = Vec::with_capacity(vertices);
    while let Some(at) = ready.pop_first() {
        order.push(at);
        for next in after.get(at).into_iter().flatten() {
            if let Some(waits) = waits.get_mut(*next) {
                *waits -= 1;
                if *waits == 0 {
                    ready.insert(*next);
                }
            }
        }
    }
    (order.len() == vertices).then_some(order)
}
