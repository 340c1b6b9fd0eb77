//! Paths: what answered at which distance, on which flow.
//!
//! Both views are made of the same observations, so that a saved report can be judged again: a [`Walk`] is what one kind of probe saw,
//! distance by distance, and is what rules read; a [`Path`] is the graph that the report shows.

mod draw;
mod walk;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::observation::QuotedInterface;
use super::{Address, Ms, Operation};

pub use walk::{Answer, Seen, Walk};

/// With which probes a path was traced.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TraceProtocol {
    /// TCP SYNs to the real port.
    Tcp,
    /// UDP datagrams.
    Udp,
    /// ICMP echo requests.
    Icmp,
}

impl TraceProtocol {
    /// As it is typed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Icmp => "icmp",
        }
    }

    /// The operation that such a probe is recorded as.
    pub const fn operation(self) -> Operation {
        match self {
            Self::Tcp => Operation::TraceTcp,
            Self::Udp => Operation::TraceUdp,
            Self::Icmp => Operation::TraceIcmp,
        }
    }
}

/// How routers spread flows over equal paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Balancing {
    /// All flows looked at took one path.
    None,
    /// Each flow keeps its path, and flows differ.
    PerFlow,
    /// One flow takes several paths.
    PerPacket,
}

/// A label of an MPLS stack that a router reported (RFC 4950).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct MplsLabel {
    /// The label, 0 to 1048575.
    pub label: u32,
    /// The experimental bits (traffic class).
    pub exp: u8,
    /// Bottom of the stack.
    pub bottom: bool,
    /// The label's own TTL.
    pub ttl: u8,
}

/// Type and code of the ICMP message with which a node answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct IcmpKind {
    /// Type.
    #[serde(rename = "type")]
    pub kind: u8,
    /// Code.
    pub code: u8,
}

/// What answered at one distance; without an address it is the silence there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Node {
    /// Its name within this path: distance and number, `3.1`; `3.0` is silence.
    pub id: String,
    /// Its address; null where nothing answered.
    pub address: Option<Address>,
    /// Its reverse name, where it has one.
    pub name: Option<String>,
    /// Probes of flows that pass here.
    pub sent: u32,
    /// How many of them it answered.
    pub answered: u32,
    /// The shortest round trip.
    pub min_ms: Option<Ms>,
    /// The average.
    pub avg_ms: Option<Ms>,
    /// The longest.
    pub max_ms: Option<Ms>,
    /// The MPLS labels that it reported.
    pub mpls: Vec<MplsLabel>,
    /// The ICMP message it answered with; null for the destination's own answer and for silence.
    pub icmp: Option<IcmpKind>,
    /// It was seen to answer only so many probes a second: what it leaves unanswered is its own limit, and no loss.
    #[serde(default)]
    pub limited: bool,
    /// How many hops its answers took to come back, from their TTL and the nearest common start (64, 128, 255); null where unknown.
    pub return_hops: Option<u8>,
    /// The TTL left in the probe that it quotes, where that is neither 0 nor 1: hops are hidden before it, or a device rewrites it.
    pub quoted_ttl: Option<u8>,
    /// What devices on the way to it changed in the probe, as its quote tells.
    #[serde(default)]
    pub rewritten: Vec<Rewritten>,
    /// The interfaces that it told of (RFC 5837).
    #[serde(default)]
    pub interfaces: Vec<QuotedInterface>,
    /// The autonomous system of its address, where a database was given.
    pub autonomous_system: Option<AutonomousSystem>,
}

impl Node {
    /// Silence: so many probes were sent, and none was answered.
    pub const fn silent(id: String, sent: u32) -> Self {
        Self {
            id,
            address: None,
            name: None,
            sent,
            answered: 0,
            min_ms: None,
            avg_ms: None,
            max_ms: None,
            mpls: Vec::new(),
            icmp: None,
            limited: false,
            return_hops: None,
            quoted_ttl: None,
            rewritten: Vec::new(),
            interfaces: Vec::new(),
            autonomous_system: None,
        }
    }
}

/// A field of the probe that was changed on the way.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Rewritten {
    /// The source address: a network address translator.
    SourceAddress,
    /// The source port: a translator.
    SourcePort,
    /// The destination address: a port forward, or a load balancer.
    DestinationAddress,
    /// The destination port.
    DestinationPort,
    /// Type of service or traffic class.
    Tos,
}

/// An autonomous system.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct AutonomousSystem {
    /// Its number.
    pub number: u32,
    /// Its name, where the database has one; untrusted text.
    pub name: Option<String>,
}

/// What answered at one distance from here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Hop {
    /// The distance: the TTL of the probes; 1 is the first router.
    pub ttl: u8,
    /// What answered there.
    pub nodes: Vec<Node>,
}

/// Two nodes that one flow passed one after the other.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub struct Link {
    /// The nearer node.
    pub from: String,
    /// The farther node.
    pub to: String,
    /// The distance of the farther one.
    pub ttl: u8,
}

/// One flow and the nodes it passed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Flow {
    /// Its number.
    pub id: u32,
    /// Its source port; null for echo.
    pub source_port: Option<u16>,
    /// The nodes it passed, nearest first.
    pub nodes: Vec<String>,
    /// Whether the destination answered it; null when it was not asked.
    pub arrived: Option<bool>,
}

/// The largest packet that the path carries whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PathMtu {
    /// In bytes, with the IP header.
    pub value: u32,
    /// The router that said so; null when it is the first link's own.
    pub from: Option<Address>,
    /// Up to which distance it was measured, where the destination did not answer and its last router did; null for the whole path.
    pub until: Option<u8>,
}

/// How path probes are sent and their answers seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Method {
    /// By ordinary sockets and their error queues: no privilege.
    #[default]
    Socket,
    /// By raw sockets (`CAP_NET_RAW`): finer times, and the whole quote.
    Raw,
}

/// What ended a trace before all was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Stopped {
    /// The bound on probes.
    Probes,
    /// The bound on flows (`--flows`).
    Flows,
    /// The deadline, or a signal.
    Deadline,
    /// What was asked for works, and what was left to be seen of the path did not come soon: routers that answer only so often.
    Time,
}

/// How sure a search for all paths is, by the published stopping points (Veitch et al., INFOCOM 2009). It holds while routes do not
/// change, flows are spread evenly and routers do not hash alike.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Confidence {
    /// That was asked for, in percent: 95 or 99.
    pub percent: u8,
    /// What it was asked for: each branching node, or the whole path.
    pub scope: ConfidenceScope,
    /// The greatest probability that anything on the whole path was missed, in percent: the sum over all nodes that were examined.
    pub path_miss_percent: f64,
    /// How many nodes were examined for further next hops.
    pub nodes_examined: u32,
}

/// What a confidence is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConfidenceScope {
    /// Each node by itself, as the papers and other tools define it.
    #[default]
    Node,
    /// The whole path.
    Path,
}

/// The path to one address.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Path {
    /// With which probes it was traced.
    pub protocol: TraceProtocol,
    /// Whether the destination itself answered.
    pub reached: bool,
    /// Whether the trace was carried to its end: the destination, or an end that was asked again.
    pub complete: bool,
    /// With which kind of socket it was traced.
    #[serde(default)]
    pub method: Method,
    /// What ended it before all was asked; null where nothing did.
    pub stopped: Option<Stopped>,
    /// How sure it is that no branch was missed; null when only one flow was followed.
    pub confidence: Option<Confidence>,
    /// What answered, by distance.
    pub hops: Vec<Hop>,
    /// Which nodes follow one another.
    pub links: Vec<Link>,
    /// The flows that were followed.
    pub flows: Vec<Flow>,
    /// How flows are spread; null when only one was followed, or too few to tell.
    pub balancing: Option<Balancing>,
    /// The path MTU; null when it was not measured.
    pub mtu: Option<PathMtu>,
}
