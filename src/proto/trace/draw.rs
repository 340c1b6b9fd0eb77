//! Turns what was asked and answered into the [`Graph`] that is handed out.

use std::net::IpAddr;

use super::examine::{Behind, examined};
use super::graph::{
    Balancing, Completeness, Ending, Examination, FlowPath, Graph, Hop, Link, Node, NodeId, Role,
};
use super::layout::{Group, Layout, Place};
use super::probe::{AnswerKind, FlowId};
use super::state::State;
use super::tracer::{Bound, End};

pub(super) fn draw(state: &State, end: Option<End>) -> Graph {
    let layout = Layout::of(state);
    let shown = state.flows.len().min(usize::from(state.config.flows_max));
    let mut graph = Graph {
        hops: Vec::new(),
        links: Vec::new(),
        flows: Vec::new(),
        examinations: Vec::new(),
        completeness: Completeness {
            satisfied: false,
            node_miss_bound: 1.0,
            path_miss_bound: 1.0,
            examined: 0,
            branching: 0,
            per_packet: false,
        },
        distance: layout.distance,
        arrivals: state.arrivals,
        counters: state.counters,
        end,
    };
    let ids = draw_hops(state, &layout, shown, &mut graph);
    for flow in 0..shown {
        draw_flow(state, &layout, &ids, flow, &mut graph);
    }
    graph
        .links
        .sort_by_key(|link| (link.ttl, link.from, link.to));
    examine(state, &layout, &ids, &mut graph);
    graph
}

/// The names of places: by TTL, then the place.
type Ids = Vec<(u8, Place, NodeId)>;

fn draw_hops(state: &State, layout: &Layout, shown: usize, graph: &mut Graph) -> Ids {
    let mut ids = Ids::new();
    for ttl in layout.first..=state.config.max_ttl {
        let Some(pace) = state.hop(ttl).filter(|pace| pace.asked > 0) else {
            continue;
        };
        let mut nodes = Vec::new();
        let groups = layout
            .level(ttl)
            .map_or(&[][..], |level| level.groups.as_slice());
        for group in groups {
            let known = group
                .flows
                .iter()
                .any(|&flow| flow < shown && is_anchored(state, layout, group, flow, ttl));
            if !known || group.place == Place::Lost {
                continue;
            }
            let id = NodeId(u16::try_from(ids.len()).unwrap_or(u16::MAX));
            ids.push((ttl, group.place, id));
            nodes.push(draw_node(state, layout, id, group, shown, ttl));
        }
        graph.hops.push(Hop {
            ttl,
            nodes,
            sent: pace.asked,
            answered: pace.answered,
        });
    }
    ids
}

/// An arrival says "at this TTL or before": it makes a node only where the hop before is known to be another.
fn is_anchored(state: &State, layout: &Layout, group: &Group, flow: usize, ttl: u8) -> bool {
    !matches!(group.place, Place::Destination(_))
        || layout.distance == Some(ttl)
        || ttl == layout.first
        || state.is_asked(flow, ttl - 1)
}

fn draw_node(
    state: &State,
    layout: &Layout,
    id: NodeId,
    group: &Group,
    shown: usize,
    ttl: u8,
) -> Node {
    let address = group.place.address();
    let mut node = Node {
        id,
        address,
        role: match group.place {
            Place::Destination(_) => Role::Destination,
            Place::Refuser(_) => Role::Refuser(Vec::new()),
            Place::Router(_) => Role::Router,
            Place::Silent { .. } | Place::Start | Place::Lost => Role::Silent,
        },
        sent: 0,
        answered: 0,
        rtts: Vec::new(),
        limited: address.is_some_and(|address| state.limited.contains(&address)),
        balancing: Balancing::None,
    };
    for &flow in group.flows.iter().filter(|&&flow| flow < shown) {
        let Some(cell) = state.cell(flow, ttl) else {
            continue;
        };
        node.sent += u32::from(cell.asks);
        for reply in cell
            .replies
            .iter()
            .filter(|reply| Some(reply.from) == address)
        {
            node.answered += 1;
            node.rtts.push(reply.rtt);
            if let (Role::Refuser(codes), AnswerKind::Unreachable { code }) =
                (&mut node.role, reply.kind)
            {
                match codes.iter_mut().find(|(known, _)| *known == code) {
                    Some((_, count)) => *count += 1,
                    None => codes.push((code, 1)),
                }
            }
        }
    }
    if group.place.goes_on() && ttl < state.config.max_ttl {
        let behind = Behind::of(state, layout, ttl + 1, group);
        node.balancing = match (behind.per_packet, behind.found) {
            (true, _) => Balancing::PerPacket,
            (false, 0 | 1) => Balancing::None,
            (false, _) if layout.is_mixed(ttl) => Balancing::None,
            (false, _) => Balancing::PerFlow,
        };
    }
    node
}

fn draw_flow(state: &State, layout: &Layout, ids: &Ids, flow: usize, graph: &mut Graph) {
    let Some(row) = state.flows.get(flow).filter(|row| row.low <= row.high) else {
        return;
    };
    let name = |ttl: u8| {
        let place = layout.place_at(flow, ttl)?;
        ids.iter()
            .find(|(at, known, _)| *at == ttl && *known == place)
            .map(|(_, _, id)| *id)
    };
    let last = layout.end_of(flow).unwrap_or(row.high).min(row.high);
    let nodes: Vec<Option<NodeId>> = (layout.first..=last).map(name).collect();
    for (ttl, pair) in (layout.first + 1..).zip(nodes.windows(2)) {
        let &[Some(from), Some(to)] = pair else {
            continue;
        };
        if layout.is_mixed(ttl - 1) {
            continue;
        }
        match graph
            .links
            .iter_mut()
            .find(|link| link.from == from && link.to == to)
        {
            Some(link) => link.flows += 1,
            None => graph.links.push(Link {
                from,
                to,
                ttl,
                flows: 1,
            }),
        }
    }
    let ending = ending_of(state, layout, flow, row.high);
    let flow = FlowId(u16::try_from(flow).unwrap_or(u16::MAX));
    graph.flows.push(FlowPath {
        flow,
        nodes,
        ending,
    });
}

fn ending_of(state: &State, layout: &Layout, flow: usize, high: u8) -> Ending {
    if let Some(ttl) = layout.end_of(flow) {
        match layout.place_at(flow, ttl) {
            Some(Place::Destination(_)) => return Ending::Arrived { ttl },
            Some(Place::Refuser(from)) => return refusal(state, layout, flow, ttl, from),
            _ => {}
        }
    }
    if let Some(cycle) = layout.cycles.get(flow).and_then(Option::as_ref) {
        return Ending::Loop(cycle.clone());
    }
    let is_silent = |ttl: &u8| {
        matches!(
            layout.place_at(flow, *ttl),
            Some(Place::Silent { .. } | Place::Lost)
        )
    };
    match (layout.first..=high).rev().take_while(is_silent).last() {
        Some(from_ttl) => Ending::Silent { from_ttl },
        None => Ending::Open,
    }
}

fn refusal(state: &State, layout: &Layout, flow: usize, ttl: u8, from: IpAddr) -> Ending {
    let own = state.cell(flow, ttl).and_then(|cell| cell.outcome());
    let Some(AnswerKind::Unreachable { code }) = own.map(|reply| reply.kind) else {
        return Ending::Open;
    };
    let flows = layout
        .group(ttl, Place::Refuser(from))
        .map_or(&[][..], |group| group.flows.as_slice());
    let answers = flows
        .iter()
        .filter_map(|&flow| state.cell(flow, ttl))
        .flat_map(|cell| &cell.replies)
        .filter(|reply| reply.from == from && reply.kind == AnswerKind::Unreachable { code })
        .count();
    let answers = u32::try_from(answers).unwrap_or(u32::MAX);
    Ending::Unreachable {
        ttl,
        from,
        code,
        answers,
    }
}

fn examine(state: &State, layout: &Layout, ids: &Ids, graph: &mut Graph) {
    if state.config.flows_max > 1 {
        for (ttl, behind) in examined(state, layout) {
            let node = ids
                .iter()
                .find(|(at, place, _)| *at + 1 == ttl && *place == behind.place)
                .map(|(_, _, id)| *id);
            graph.completeness.per_packet |= behind.per_packet;
            if behind.per_packet {
                continue;
            }
            graph.examinations.push(Examination {
                node,
                ttl,
                found: behind.found,
                flows: behind.settled,
                required: behind.required,
                miss_bound: super::stopping::miss_bound(behind.found, behind.settled),
            });
        }
    }
    let all = &graph.examinations;
    let completeness = &mut graph.completeness;
    completeness.examined = u32::try_from(all.len()).unwrap_or(u32::MAX);
    completeness.branching =
        u32::try_from(all.iter().filter(|one| one.found > 1).count()).unwrap_or(u32::MAX);
    if !all.is_empty() {
        completeness.node_miss_bound = all.iter().map(|one| one.miss_bound).fold(0.0, f64::max);
        completeness.path_miss_bound = all.iter().map(|one| one.miss_bound).sum::<f64>().min(1.0);
    }
    let ended = matches!(
        graph.end,
        Some(End::Complete | End::StoppedAtBound(Bound::Flows))
    );
    completeness.satisfied =
        ended && !all.is_empty() && all.iter().all(|one| one.flows >= one.required);
}
