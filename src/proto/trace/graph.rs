//! The result: nodes per TTL, links, what each flow met, and how sure it is that nothing was missed.

use std::net::IpAddr;

use super::layout::{Group, Layout, Place};
use super::loops::Cycle;
use super::multipath;
use super::probe::{AnswerKind, FlowId, Micros};
use super::state::{Counters, State};
use super::tracer::{Bound, End};

/// A node of one [`Graph`]: its index in the order of TTL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u16);

/// All that a trace found.
#[derive(Clone, Debug)]
pub struct Graph {
    /// Every TTL that was asked, in order.
    pub hops: Vec<Hop>,
    /// Links between nodes at consecutive TTLs that one flow was seen to take.
    pub links: Vec<Link>,
    /// What each flow met, by its id; with one path asked for, the main flow alone.
    pub flows: Vec<FlowPath>,
    /// Every node that the search looked behind; empty with one path asked for.
    pub examinations: Vec<Examination>,
    /// How sure it is that nothing was missed.
    pub completeness: Completeness,
    /// The least TTL at which a probe arrived.
    pub distance: Option<u8>,
    /// How many probes arrived at the destination.
    pub arrivals: u16,
    /// What happened to probes and answers.
    pub counters: Counters,
    /// Why the trace ended; `None` while it goes on.
    pub end: Option<End>,
}

impl Graph {
    /// The node with this id.
    #[must_use]
    pub fn node(&self, id: NodeId) -> Option<&Node> {
        self.hops
            .iter()
            .flat_map(|hop| &hop.nodes)
            .find(|node| node.id == id)
    }
}

/// One TTL.
#[derive(Clone, Debug)]
pub struct Hop {
    /// Time to live, 1 for the first router.
    pub ttl: u8,
    /// Who answered, and a node without an address for silence.
    pub nodes: Vec<Node>,
    /// Probes to this TTL, scouts included.
    pub sent: u32,
    /// Answers to them.
    pub answered: u32,
}

/// What a node is, as its answers say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// It let the TTL run out and said so.
    Router,
    /// Probes arrived here.
    Destination,
    /// It says that probes go no further: the caller's codes, each with the number of probes that it
    /// answered so. One alone may be forged.
    Refuser(Vec<(u16, u32)>),
    /// It did not answer, however often and slowly it was asked.
    Silent,
}

/// How a node spreads packets over its next hops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Balancing {
    /// It has one next hop, as far as is known.
    None,
    /// It has several, and a flow keeps to one.
    PerFlow,
    /// One flow was seen at different next hops: the search stops here, and no links are drawn from its next
    /// hops on until the ways meet again.
    PerPacket,
}

/// A device at one TTL. The same address at two TTLs is two nodes.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its name in this graph.
    pub id: NodeId,
    /// `None` for a silent one.
    pub address: Option<IpAddr>,
    /// What it is.
    pub role: Role,
    /// Probes of flows that pass here, asked at this TTL.
    pub sent: u32,
    /// Answers from it.
    pub answered: u32,
    /// Round trips, in the order of flows.
    pub rtts: Vec<Micros>,
    /// It answers only so many probes a second: its losses are its own, not the path's.
    pub limited: bool,
    /// How it spreads packets.
    pub balancing: Balancing,
}

/// A link that at least one flow was seen to take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// The nearer node, at `ttl - 1`.
    pub from: NodeId,
    /// The farther node.
    pub to: NodeId,
    /// The TTL of the farther node.
    pub ttl: u8,
    /// Flows that were seen to take it.
    pub flows: u32,
}

/// How a flow's path ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It arrived, first at this TTL.
    Arrived {
        /// Of the probe that arrived.
        ttl: u8,
    },
    /// A device refused it.
    Unreachable {
        /// Of the probe that was refused.
        ttl: u8,
        /// Who refused.
        from: IpAddr,
        /// The caller's code.
        code: u16,
        /// Probes, of any flow, that the same device refused at this TTL with this code.
        answers: u32,
    },
    /// It goes in a circle.
    Loop(Cycle),
    /// Nothing answered this flow at or beyond this TTL, though it was asked.
    Silent {
        /// The first TTL of the silence.
        from_ttl: u8,
    },
    /// It was not followed to its end.
    Open,
}

/// The path of one flow.
#[derive(Clone, Debug)]
pub struct FlowPath {
    /// Whose path.
    pub flow: FlowId,
    /// From the first TTL on: where it was; `None` where it was not asked or is not known yet.
    pub nodes: Vec<Option<NodeId>>,
    /// How it ended.
    pub ending: Ending,
}

/// What the search for further next hops of one node rests on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Examination {
    /// The node; `None` is the start of the path, before the first TTL.
    pub node: Option<NodeId>,
    /// The TTL of its next hops.
    pub ttl: u8,
    /// Next hops found.
    pub found: u32,
    /// Flows through the node whose next hop was asked for with a result.
    pub flows: u32,
    /// Flows that the stopping rule asks for.
    pub required: u32,
    /// The greatest probability that one more next hop was missed.
    pub miss_bound: f64,
}

/// How sure it is that nothing was missed. It holds if routes did not change meanwhile, balancers are even
/// and independent of each other, and every probe was answered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Completeness {
    /// The trace ended by itself, and every examined node has the flows that the stopping rule asks for.
    pub satisfied: bool,
    /// The greatest bound of a single node.
    pub node_miss_bound: f64,
    /// The bound for the whole path: the sum over all examined nodes, 1 at most.
    pub path_miss_bound: f64,
    /// Nodes that were examined.
    pub examined: u32,
    /// Of these, the ones with several next hops.
    pub branching: u32,
    /// Whether a balancer per packet was met, behind which the search stopped.
    pub per_packet: bool,
}

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
        let behind = multipath::Behind::of(state, layout, ttl + 1, group);
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
        for (ttl, behind) in multipath::examined(state, layout) {
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
