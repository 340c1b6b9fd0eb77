//! Turns what was asked and answered into the [`Graph`] that is handed out.

use std::net::IpAddr;

use super::examine::{self, Behind, examined};
use super::graph::{
    Balancing, Completeness, Ending, Examination, FlowPath, Graph, Hop, Link, Node, NodeId, Role,
};
use super::layout::{Group, Layout, Place};
use super::probe::{AnswerKind, FlowId};
use super::state::{MAIN, State};
use super::tracer::{Bound, End};
use super::trunk;

pub(super) fn draw(state: &State, end: Option<End>) -> Graph {
    let layout = Layout::of(state);
    let used = state.flows.len().min(usize::from(state.config.flows_max));
    let shown = used.min(usize::from(state.config.flows_shown));
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
    let ids = draw_hops(state, &layout, used, &mut graph);
    for flow in 0..used {
        if let Some(path) = draw_flow(state, &layout, &ids, flow, &mut graph)
            && flow < shown
        {
            graph.flows.push(path);
        }
    }
    graph
        .links
        .sort_by_key(|link| (link.ttl, link.from, link.to));
    draw_examinations(state, &layout, &ids, &mut graph);
    graph
}

/// The names of nodes.
struct Ids {
    /// The TTL of the first hop of all.
    first: u8,
    /// Of the hops that were taken over, from the first on.
    trunk: Vec<NodeId>,
    /// By TTL, then the place.
    places: Vec<(u8, Place, NodeId)>,
}

impl Ids {
    fn next(&self) -> NodeId {
        let taken = self.trunk.len() + self.places.len();
        NodeId(u16::try_from(taken).unwrap_or(u16::MAX))
    }

    fn of(&self, ttl: u8, place: Place) -> Option<NodeId> {
        let mut known = self.places.iter();
        known
            .find(|(at, known, _)| *at == ttl && *known == place)
            .map(|(_, _, id)| *id)
    }

    fn of_trunk(&self, ttl: u8) -> Option<NodeId> {
        let index = usize::from(ttl.checked_sub(self.first)?);
        self.trunk.get(index).copied()
    }
}

fn draw_hops(state: &State, layout: &Layout, used: usize, graph: &mut Graph) -> Ids {
    let mut ids = Ids {
        first: state.config.first_ttl,
        trunk: Vec::new(),
        places: Vec::new(),
    };
    draw_trunk(state, layout, &mut ids, graph);
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
                .any(|&flow| flow < used && is_anchored(state, layout, group, flow, ttl));
            if !known || group.place == Place::Lost {
                continue;
            }
            let id = ids.next();
            ids.places.push((ttl, group.place, id));
            nodes.push(draw_node(state, layout, id, group, used, ttl));
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

/// The hops that were taken over, with what was asked of them here besides.
fn draw_trunk(state: &State, layout: &Layout, ids: &mut Ids, graph: &mut Graph) {
    let Some(last) = trunk::verified_to(state) else {
        return;
    };
    for ttl in ids.first..=last {
        let Some(known) = state.config.trunk.hop(ttl) else {
            break;
        };
        let (mut rtts, mut own, mut address) = (known.rtts.clone(), 0, known.address);
        if let Some(cell) = state.cell(MAIN, ttl) {
            own = u32::from(cell.asks);
            rtts.extend(cell.replies.iter().map(|reply| reply.rtt));
            address = address.or(cell.outcome().map(|reply| reply.from));
        }
        let answered = known.answered + u32::try_from(rtts.len() - known.rtts.len()).unwrap_or(0);
        let balancing = if ttl == last {
            let behind = Behind::of(state, layout, layout.first, &examine::start(state));
            balancing_of(layout, &behind, ttl)
        } else {
            Balancing::None
        };
        let id = ids.next();
        ids.trunk.push(id);
        let node = Node {
            id,
            address,
            role: address.map_or(Role::Silent, |_| Role::Router),
            sent: known.sent + own,
            answered,
            rtts,
            limited: known.limited,
            balancing,
            from_trunk: true,
        };
        graph.hops.push(Hop {
            ttl,
            sent: node.sent,
            answered,
            nodes: vec![node],
        });
    }
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
    used: usize,
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
        from_trunk: false,
    };
    for &flow in group.flows.iter().filter(|&&flow| flow < used) {
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
        node.balancing = balancing_of(layout, &behind, ttl);
    }
    node
}

fn balancing_of(layout: &Layout, behind: &Behind, ttl: u8) -> Balancing {
    match (behind.per_packet, behind.found) {
        (true, _) => Balancing::PerPacket,
        (false, 0 | 1) => Balancing::None,
        (false, _) if layout.is_mixed(ttl) => Balancing::None,
        (false, _) => Balancing::PerFlow,
    }
}

/// Draws the links that a flow took; its path.
fn draw_flow(
    state: &State,
    layout: &Layout,
    ids: &Ids,
    flow: usize,
    graph: &mut Graph,
) -> Option<FlowPath> {
    let row = state.flows.get(flow).filter(|row| row.low <= row.high)?;
    let name = |ttl: u8| {
        let place = layout.place_at(flow, ttl).map(|place| ids.of(ttl, place));
        place.unwrap_or_else(|| ids.of_trunk(ttl))
    };
    let last = layout.end_of(flow).unwrap_or(row.high).min(row.high);
    let mut nodes: Vec<Option<NodeId>> = (ids.first..=last).map(name).collect();
    while nodes.last().is_some_and(Option::is_none) {
        nodes.pop();
    }
    for (ttl, pair) in (ids.first + 1..).zip(nodes.windows(2)) {
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
    Some(FlowPath {
        flow,
        nodes,
        ending,
    })
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
    let asked = (layout.first..=high)
        .rev()
        .filter(|ttl| state.is_asked(flow, *ttl));
    match asked.take_while(is_silent).last() {
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

fn draw_examinations(state: &State, layout: &Layout, ids: &Ids, graph: &mut Graph) {
    if state.config.flows_max > 1 {
        for (ttl, behind) in examined(state, layout) {
            let before = ttl.saturating_sub(1);
            let node = ids
                .of(before, behind.place)
                .or_else(|| ids.of_trunk(before));
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
                miss_bound: behind.miss_bound(),
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
