//! From observations to the graph that the report shows.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Answer, Balancing, Flow, Hop, IcmpKind, Link, Method, Node, Path, Seen, TraceProtocol, Walk,
};
use crate::model::{Address, Endpoint, Ms, Observation};

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
            heard_until: BTreeMap::new(),
            asked_in_vain: BTreeSet::new(),
            arrival,
        };
        for (ttl, seen) in &walk.hops {
            let answers = seen.expired.iter().chain(&seen.arrived);
            for answer in answers.chain(&seen.rejected) {
                builder
                    .heard_until
                    .insert(answer.observation.source_port, *ttl);
            }
        }
        for (ttl, seen) in walk.hops.range(..=arrival.unwrap_or(u8::MAX)) {
            builder.hop(*ttl, seen);
        }
        builder.finish(protocol, complete)
    }
}

/// Nodes by distance, and what each flow met at each distance.
struct Builder<'n> {
    names: &'n BTreeMap<Address, String>,
    nodes: BTreeMap<u8, Vec<Node>>,
    passed: BTreeMap<Option<u16>, BTreeMap<u8, (String, bool)>>,
    /// The farthest distance at which each flow was answered.
    heard_until: BTreeMap<Option<u16>, u8>,
    asked_in_vain: BTreeSet<Option<u16>>,
    arrival: Option<u8>,
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
            // The silence counts for the node that this flow is known to pass, or the only one there where it goes on; else it stands
            // as a node of its own.
            let known = self
                .passed
                .get(&observation.source_port)
                .and_then(|flow| flow.get(&ttl))
                .map(|(id, _)| id.clone());
            let hop = self.nodes.entry(ttl).or_default();
            let heard = self.heard_until.get(&observation.source_port);
            let alone = (hop.len() == 1 && heard.is_some_and(|last| *last > ttl))
                .then(|| hop.first().map(|node| node.id.clone()))
                .flatten();
            let id = known.or(alone).unwrap_or_else(|| format!("{ttl}.0"));
            if let Some(node) = hop.iter_mut().find(|node| node.id == id) {
                node.sent += 1;
            } else {
                hop.push(Node {
                    sent: 1,
                    ..Node::silent(id.clone(), 0)
                });
            }
            if self.arrival == Some(ttl) {
                self.asked_in_vain.insert(observation.source_port);
            }
            let flow = self.passed.entry(observation.source_port).or_default();
            flow.entry(ttl).or_insert((id, false));
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
                    ..Node::silent(format!("{ttl}.{number}"), 0)
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

    fn finish(self, protocol: TraceProtocol, complete: bool) -> Path {
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
                arrived: if passed.values().any(|(_, arrived)| *arrived) {
                    Some(true)
                } else {
                    // A flow that was never asked so far has no fate.
                    let asked = self.asked_in_vain.contains(source_port);
                    (asked || self.arrival.is_none()).then_some(false)
                },
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
            reached: self.arrival.is_some(),
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

    use crate::model::topology::{Path, TraceProtocol, Walk};
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
