//! The result: nodes per TTL, links, what each flow met, and how sure it is that nothing was missed.

use std::net::IpAddr;

use super::loops::Cycle;
use super::probe::{FlowId, Micros};
use super::state::Counters;
use super::tracer::End;

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
    /// What each flow met, by its id, of so many flows as are shown; with one path asked for, the main flow alone.
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
    /// It was taken over from another trace ([`super::Trunk`]): counts and round trips are that trace's, with what was asked here besides.
    pub from_trunk: bool,
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
    /// From the first TTL on: where it was; `None` where it was not asked or is not known yet. All flows pass what was taken over from
    /// another trace.
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
