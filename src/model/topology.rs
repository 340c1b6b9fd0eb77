//! Paths: what answered at which distance, on which flow.
//!
//! Both views are made of the same observations, so that a saved report can be judged again: a [`Walk`] is what one kind of probe saw,
//! distance by distance, and is what rules read; a [`Path`] is the graph that the report shows.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::observation::QuotedInterface;
use super::{Address, Endpoint, Ms, Observation, ObservationId, Operation, Outcome};

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
    pub limited: bool,
    /// How many hops its answers took to come back, from their TTL and the nearest common start (64, 128, 255); null where unknown.
    pub return_hops: Option<u8>,
    /// The TTL left in the probe that it quotes, where that is neither 0 nor 1: hops are hidden before it, or a device rewrites it.
    pub quoted_ttl: Option<u8>,
    /// What devices on the way to it changed in the probe, as its quote tells.
    pub rewritten: Vec<Rewritten>,
    /// The interfaces that it told of (RFC 5837).
    pub interfaces: Vec<QuotedInterface>,
    /// The autonomous system of its address, where a database was given.
    pub autonomous_system: Option<AutonomousSystem>,
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
    /// How flows are spread; null when only one was followed.
    pub balancing: Option<Balancing>,
    /// The path MTU; null when it was not measured.
    pub mtu: Option<PathMtu>,
}

/// What one TTL-limited probe was answered with, and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer<'a> {
    /// Which observation it is.
    pub observation: &'a Observation,
    /// Who answered: the sender of the ICMP error, or the destination.
    pub from: Address,
}

/// What probes of one kind saw at one distance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen<'a> {
    /// Routers that answered with time exceeded.
    pub expired: Vec<Answer<'a>>,
    /// The destination's own answers: SYN-ACK, reset, echo reply.
    pub arrived: Vec<Answer<'a>>,
    /// Other ICMP errors.
    pub rejected: Vec<Answer<'a>>,
    /// Probes that nothing answered.
    pub silent: Vec<&'a Observation>,
}

/// What probes of one kind to one endpoint saw, distance by distance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Walk<'a> {
    /// By TTL.
    pub hops: BTreeMap<u8, Seen<'a>>,
}

impl<'a> Walk<'a> {
    /// Gathers the TTL-limited probes of one protocol to one endpoint, on every flow.
    pub fn gather(
        observations: &'a [Observation],
        operation: Operation,
        endpoint: &Endpoint,
    ) -> Self {
        Self::of(
            observations
                .iter()
                .filter(|o| o.operation == operation && o.endpoint.as_ref() == Some(endpoint)),
            endpoint,
        )
    }

    /// Gathers the given TTL-limited probes to an endpoint.
    pub fn of(observations: impl Iterator<Item = &'a Observation>, endpoint: &Endpoint) -> Self {
        let mut hops: BTreeMap<u8, Seen<'a>> = BTreeMap::new();
        for observation in observations {
            let Some(ttl) = observation.ttl else { continue };
            let seen = hops.entry(ttl).or_default();
            let from = observation.icmp_from().cloned();
            match (observation.outcome, from) {
                (Outcome::TtlExceeded, Some(from)) => {
                    seen.expired.push(Answer { observation, from });
                }
                (Outcome::Ok | Outcome::Refused, _) => {
                    seen.arrived.push(Answer {
                        observation,
                        from: endpoint.address.clone(),
                    });
                }
                // A datagram or an echo that the destination's own kernel turns away has arrived there.
                (Outcome::PortUnreachable | Outcome::ProtocolUnreachable, Some(from))
                    if observation.operation != Operation::TraceTcp
                        && from.ip() == endpoint.address.ip() =>
                {
                    seen.arrived.push(Answer { observation, from });
                }
                (outcome, Some(from)) if outcome.is_icmp() => {
                    seen.rejected.push(Answer { observation, from });
                }
                (Outcome::Timeout, _) => seen.silent.push(observation),
                // Not sent, or cut short: it says nothing of the path.
                _ => {}
            }
        }
        Self { hops }
    }

    /// Whether any probe was sent.
    pub fn is_empty(&self) -> bool {
        self.hops.is_empty()
    }

    /// The smallest TTL with which the destination itself answered: its distance.
    pub fn arrival(&self) -> Option<u8> {
        self.hops
            .iter()
            .find(|(_, seen)| !seen.arrived.is_empty())
            .map(|(ttl, _)| *ttl)
    }

    /// The farthest distance at which a router answered with time exceeded, and the answers there.
    pub fn last_expired(&self) -> Option<(u8, &[Answer<'a>])> {
        let beyond = self.arrival().unwrap_or(u8::MAX);
        self.hops
            .range(..beyond)
            .rev()
            .find(|(_, seen)| !seen.expired.is_empty())
            .map(|(ttl, seen)| (*ttl, seen.expired.as_slice()))
    }

    /// The smallest TTL whose probe drew another ICMP error than time exceeded.
    pub fn first_rejected(&self) -> Option<(u8, &[Answer<'a>])> {
        self.hops
            .iter()
            .find(|(_, seen)| !seen.rejected.is_empty())
            .map(|(ttl, seen)| (*ttl, seen.rejected.as_slice()))
    }

    /// The distance at which an address answered with time exceeded; the smallest, where there are several.
    pub fn distance_of(&self, address: &Address) -> Option<u8> {
        self.hops
            .iter()
            .find(|(_, seen)| {
                seen.expired
                    .iter()
                    .any(|answer| answer.from.ip() == address.ip())
            })
            .map(|(ttl, _)| *ttl)
    }

    /// The greatest TTL that was tried.
    pub fn last_tried(&self) -> Option<u8> {
        self.hops.keys().next_back().copied()
    }

    /// The numbers of the observations at one distance.
    pub fn observations_at(&self, ttl: u8) -> Vec<ObservationId> {
        self.hops
            .get(&ttl)
            .map(Seen::observations)
            .unwrap_or_default()
    }
}

impl Seen<'_> {
    /// The numbers of all observations at this distance.
    pub fn observations(&self) -> Vec<ObservationId> {
        let answers = self
            .expired
            .iter()
            .chain(&self.arrived)
            .chain(&self.rejected);
        let mut ids: Vec<_> = answers
            .map(|a| a.observation.id)
            .chain(self.silent.iter().map(|o| o.id))
            .collect();
        ids.sort_unstable();
        ids
    }

    /// Whether anything answered here.
    pub fn answered(&self) -> bool {
        !(self.expired.is_empty() && self.arrived.is_empty() && self.rejected.is_empty())
    }
}

impl Path {
    /// The graph that TTL-limited probes show. Links join only what one and the same flow passed.
    pub fn draw(
        protocol: TraceProtocol,
        endpoint: &Endpoint,
        observations: &[Observation],
        names: &BTreeMap<Address, String>,
        complete: bool,
    ) -> Self {
        let probes: Vec<&Observation> = observations
            .iter()
            .filter(|o| {
                o.operation == protocol.operation()
                    && !o.control
                    && o.endpoint.as_ref() == Some(endpoint)
            })
            .collect();
        let walk = Walk::of(probes.iter().copied(), endpoint);
        let arrival = walk.arrival();
        let mut builder = Builder {
            names,
            nodes: BTreeMap::new(),
            passed: BTreeMap::new(),
        };
        for (ttl, seen) in walk.hops.range(..=arrival.unwrap_or(u8::MAX)) {
            builder.hop(*ttl, seen);
        }
        builder.finish(protocol, arrival.is_some(), complete)
    }
}

/// Nodes by distance, and what each flow met at each distance.
struct Builder<'n> {
    names: &'n BTreeMap<Address, String>,
    nodes: BTreeMap<u8, Vec<Node>>,
    passed: BTreeMap<Option<u16>, BTreeMap<u8, (String, bool)>>,
}

impl Builder<'_> {
    fn hop(&mut self, ttl: u8, seen: &Seen<'_>) {
        for answer in &seen.expired {
            self.answer(ttl, answer, false);
        }
        for answer in &seen.rejected {
            self.answer(ttl, answer, false);
        }
        for answer in &seen.arrived {
            self.answer(ttl, answer, true);
        }
        for observation in &seen.silent {
            // The silence counts for the node that this flow is known to pass, else it stands as a node of its own.
            let known = self
                .passed
                .get(&observation.source_port)
                .and_then(|flow| flow.get(&ttl))
                .map(|(id, _)| id.clone());
            let hop = self.nodes.entry(ttl).or_default();
            let alone = (hop.len() == 1)
                .then(|| hop.first().map(|node| node.id.clone()))
                .flatten();
            let id = known.or(alone).unwrap_or_else(|| format!("{ttl}.0"));
            if let Some(node) = hop.iter_mut().find(|node| node.id == id) {
                node.sent += 1;
            } else {
                hop.push(Node {
                    sent: 1,
                    ..silence(id.clone())
                });
            }
            self.passed
                .entry(observation.source_port)
                .or_default()
                .entry(ttl)
                .or_insert((id, false));
        }
    }

    fn answer(&mut self, ttl: u8, answer: &Answer<'_>, arrived: bool) {
        let hop = self.nodes.entry(ttl).or_default();
        let number = hop.iter().filter(|node| node.address.is_some()).count() + 1;
        let position = hop
            .iter()
            .position(|node| node.address.as_ref() == Some(&answer.from))
            .unwrap_or_else(|| {
                hop.push(Node {
                    address: Some(answer.from.clone()),
                    name: self.names.get(&answer.from).cloned(),
                    icmp: answer.observation.icmp.as_ref().map(|icmp| IcmpKind {
                        kind: icmp.kind,
                        code: icmp.code,
                    }),
                    ..silence(format!("{ttl}.{number}"))
                });
                hop.len() - 1
            });
        let Some(node) = hop.get_mut(position) else {
            return;
        };
        node.sent += 1;
        node.answered += 1;
        // A SYN that had to be sent again hides which of the two was answered: no round trip can be told.
        if let Some(rtt) = answer
            .observation
            .rtt_ms
            .filter(|_| answer.observation.retransmits.unwrap_or(0) == 0)
        {
            node.time(rtt);
        }
        let id = node.id.clone();
        let flow = self
            .passed
            .entry(answer.observation.source_port)
            .or_default();
        flow.insert(ttl, (id, arrived));
    }

    fn finish(self, protocol: TraceProtocol, reached: bool, complete: bool) -> Path {
        let mut links = Vec::new();
        let mut flows = Vec::new();
        for (number, (source_port, passed)) in self.passed.iter().enumerate() {
            for ((ttl, (from, _)), (next, (to, _))) in passed.iter().zip(passed.iter().skip(1)) {
                if *next == ttl + 1 {
                    links.push(Link {
                        from: from.clone(),
                        to: to.clone(),
                        ttl: *next,
                    });
                }
            }
            // A flow that only looked beyond a silent hop has no path to tell of.
            if passed.len() < 2 && !passed.contains_key(&1) {
                continue;
            }
            flows.push(Flow {
                id: u32::try_from(number + 1).unwrap_or(u32::MAX),
                source_port: *source_port,
                nodes: passed.values().map(|(id, _)| id.clone()).collect(),
                arrived: Some(passed.values().any(|(_, arrived)| *arrived)),
            });
        }
        links.sort_by(|a, b| (a.ttl, &a.from, &a.to).cmp(&(b.ttl, &b.from, &b.to)));
        links.dedup();
        let several = flows.len() > 1;
        let differ = self
            .nodes
            .values()
            .any(|hop| hop.iter().filter(|node| node.address.is_some()).count() > 1);
        Path {
            protocol,
            reached,
            complete,
            method: Method::Socket,
            stopped: None,
            confidence: None,
            hops: self
                .nodes
                .into_iter()
                .map(|(ttl, nodes)| Hop { ttl, nodes })
                .collect(),
            links,
            flows,
            balancing: several.then_some(if differ {
                Balancing::PerFlow
            } else {
                Balancing::None
            }),
            mtu: None,
        }
    }
}

fn silence(id: String) -> Node {
    Node {
        id,
        address: None,
        name: None,
        sent: 0,
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

impl Node {
    fn time(&mut self, rtt: Ms) {
        self.min_ms = Some(self.min_ms.map_or(rtt, |old| old.min(rtt)));
        self.max_ms = Some(self.max_ms.map_or(rtt, |old| old.max(rtt)));
        // `answered` already counts this one.
        let before = f64::from(self.answered.saturating_sub(1));
        let average = self.avg_ms.map_or(rtt.as_f64(), |old| {
            (old.as_f64() * before + rtt.as_f64()) / (before + 1.0)
        });
        self.avg_ms = Some(Ms::from_f64(average));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Path, TraceProtocol, Walk};
    use crate::model::{Endpoint, Icmp, Ms, Observation, Operation, Outcome};

    fn target() -> Endpoint {
        "10.0.9.9:443".parse().unwrap()
    }

    fn probe(ttl: u8, port: u16, outcome: Outcome, from: Option<&str>) -> Observation {
        Observation {
            endpoint: Some(target()),
            ttl: Some(ttl),
            source_port: Some(port),
            rtt_ms: (outcome != Outcome::Timeout).then_some(Ms::from_millis(u64::from(ttl))),
            icmp: from.map(|from| Icmp {
                kind: 11,
                code: 0,
                from: from.parse().ok(),
                mtu: None,
                quote: None,
            }),
            ..Observation::new(Operation::TraceTcp, Ms::ZERO, outcome)
        }
    }

    #[test]
    fn a_straight_path_is_a_chain_up_to_the_destination() {
        let seen = [
            probe(1, 4000, Outcome::TtlExceeded, Some("10.0.0.1")),
            probe(2, 4000, Outcome::Timeout, None),
            probe(3, 4000, Outcome::Ok, None),
            probe(4, 4000, Outcome::Ok, None),
        ];
        let path = Path::draw(TraceProtocol::Tcp, &target(), &seen, &BTreeMap::new(), true);
        assert!(path.reached);
        assert_eq!(path.hops.len(), 3);
        assert_eq!(path.flows.len(), 1);
        assert_eq!(path.flows[0].nodes, ["1.1", "2.0", "3.1"]);
        assert_eq!(path.links.len(), 2);
        assert_eq!(path.balancing, None);
    }

    #[test]
    fn two_flows_never_lend_each_other_a_link() {
        let seen = [
            probe(1, 1, Outcome::TtlExceeded, Some("10.0.0.1")),
            probe(1, 2, Outcome::TtlExceeded, Some("10.0.0.1")),
            probe(2, 1, Outcome::TtlExceeded, Some("10.0.1.1")),
            probe(2, 2, Outcome::TtlExceeded, Some("10.0.1.2")),
            probe(3, 1, Outcome::TtlExceeded, Some("10.0.2.1")),
            probe(3, 2, Outcome::TtlExceeded, Some("10.0.2.2")),
        ];
        let path = Path::draw(TraceProtocol::Tcp, &target(), &seen, &BTreeMap::new(), true);
        assert_eq!(path.links.len(), 4);
        assert!(!path.reached);
    }

    #[test]
    fn time_exceeded_from_the_targets_own_address_is_no_arrival() {
        let seen = [probe(2, 1, Outcome::TtlExceeded, Some("10.0.9.9"))];
        assert_eq!(
            Walk::gather(&seen, Operation::TraceTcp, &target()).arrival(),
            None
        );
    }
}
