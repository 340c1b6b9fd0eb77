//! From what the tracing engine knows to the path that the report shows. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::observation::Icmp;
use crate::model::systems::Systems;
use crate::model::topology::{
    AutonomousSystem, Balancing, Confidence, Flow, Hop, IcmpKind, Link, Method, Node, Path,
    Rewritten, Stopped, TraceProtocol,
};
use crate::model::{Address, Endpoint, Ms, Observation, Options};
use crate::proto::trace::{self as engine, Bound, End, Ending, Graph, NodeId, Role};

/// What the graph does not know.
pub(super) struct Surroundings<'a> {
    pub(super) protocol: TraceProtocol,
    pub(super) endpoint: &'a Endpoint,
    pub(super) method: Method,
    pub(super) options: &'a Options,
    /// So many flows were followed to their end.
    pub(super) followed: u16,
    /// It was ended since all that was asked for works.
    pub(super) hurried: bool,
    /// The probes of this trace.
    pub(super) probes: &'a [&'a Observation],
    pub(super) names: &'a BTreeMap<Address, String>,
    pub(super) systems: &'a Systems,
}

/// The path.
pub(super) fn picture(graph: &Graph, around: &Surroundings<'_>) -> Path {
    let mut ids: BTreeMap<NodeId, String> = BTreeMap::new();
    let mut hops: Vec<Hop> = graph
        .hops
        .iter()
        .map(|hop| draw_hop(hop, around, &mut ids))
        .filter(|hop| !hop.nodes.is_empty())
        .collect();
    let name = |id: &NodeId| ids.get(id).cloned();
    let mut links: BTreeSet<(u8, String, String)> = BTreeSet::new();
    for link in &graph.links {
        if let (Some(from), Some(to)) = (name(&link.from), name(&link.to)) {
            links.insert((link.ttl, from, to));
        }
    }
    arrive_once(&mut hops, &links, &mut ids);
    fill(&mut hops, graph.hops.iter().map(|hop| (hop.ttl, hop.sent)));
    let one_path = around.options.flows == 1;
    let end = graph.end;
    let several = graph.flows.len() > 1;
    let mut path = Path {
        protocol: around.protocol,
        reached: graph.distance.is_some(),
        complete: match end {
            Some(End::Complete) => true,
            // One flow was asked for, and one was followed to its end.
            Some(End::StoppedAtBound(Bound::Flows)) => one_path,
            _ => false,
        },
        method: around.method,
        stopped: match end {
            Some(End::Complete) => None,
            Some(End::StoppedAtBound(Bound::Flows)) => (!one_path).then_some(Stopped::Flows),
            Some(End::StoppedAtBound(Bound::Probes)) => Some(Stopped::Probes),
            Some(End::Deadline) if around.hurried => Some(Stopped::Time),
            Some(End::Deadline) | None => Some(Stopped::Deadline),
        },
        confidence: several.then(|| Confidence {
            percent: around.options.confidence_percent,
            scope: around.options.confidence_scope,
            path_miss_percent: (graph.completeness.path_miss_bound * 10_000.0).round() / 100.0,
            nodes_examined: graph.completeness.examined,
        }),
        hops,
        links: links
            .into_iter()
            .map(|(ttl, from, to)| Link { from, to, ttl })
            .collect(),
        flows: graph
            .flows
            .iter()
            .map(|flow| draw_flow(flow, around, &ids))
            .collect(),
        balancing: several.then(|| balancing(graph)).flatten(),
        mtu: None,
    };
    if around.hurried {
        leave_out_doubtful_silence(&mut path);
        // That there is but one way was not looked at to the end.
        path.balancing = path.balancing.filter(|found| *found != Balancing::None);
    }
    path
}

/// Silence beside a router that answers at the same distance is a way of its own only if there was time to ask again: a router that answers
/// once a second leaves most of what is asked at once unanswered.
fn leave_out_doubtful_silence(path: &mut Path) {
    let mut doubtful: BTreeSet<String> = BTreeSet::new();
    for hop in &mut path.hops {
        if hop.nodes.iter().any(|node| node.address.is_some()) {
            hop.nodes.retain(|node| {
                let keeps = node.address.is_some();
                if !keeps {
                    doubtful.insert(node.id.clone());
                }
                keeps
            });
        }
    }
    path.links
        .retain(|link| !doubtful.contains(&link.from) && !doubtful.contains(&link.to));
    for flow in &mut path.flows {
        flow.nodes.retain(|node| !doubtful.contains(node));
    }
}

/// A probe that arrives with more hops than it needed tells of no longer way: where no flow was seen to come to the destination at a
/// distance, and it is nearer, the answer counts there.
fn arrive_once(
    hops: &mut Vec<Hop>,
    links: &BTreeSet<(u8, String, String)>,
    ids: &mut BTreeMap<NodeId, String>,
) {
    let is_target = |node: &Node| node.address.is_some() && node.icmp.is_none();
    let mut targets = hops
        .iter()
        .flat_map(|hop| &hop.nodes)
        .filter(|n| is_target(n));
    let Some(nearest) = targets.next().map(|node| node.id.clone()) else {
        return;
    };
    let farther: Vec<Node> = targets
        .filter(|node| !links.iter().any(|(_, _, to)| *to == node.id))
        .cloned()
        .collect();
    for extra in &farther {
        for hop in hops.iter_mut() {
            hop.nodes.retain(|node| node.id != extra.id);
            if let Some(node) = hop.nodes.iter_mut().find(|node| node.id == nearest) {
                node.sent += extra.sent;
                node.answered += extra.answered;
            }
        }
        for id in ids.values_mut().filter(|id| **id == extra.id) {
            id.clone_from(&nearest);
        }
    }
    hops.retain(|hop| !hop.nodes.is_empty());
}

/// A hop that was asked in vain, and not often enough to be known as silent, is there all the same where a later one answered; where
/// probes only went too far there is nothing to show.
fn fill(hops: &mut Vec<Hop>, asked: impl Iterator<Item = (u8, u32)>) {
    let Some(last) = hops.last().map(|hop| hop.ttl) else {
        return;
    };
    for (ttl, sent) in asked.filter(|(ttl, _)| *ttl < last) {
        let Err(place) = hops.binary_search_by_key(&ttl, |hop| hop.ttl) else {
            continue;
        };
        let nodes = vec![Node::silent(format!("{ttl}.0"), sent)];
        let hop = Hop { ttl, nodes };
        hops.insert(place, hop);
    }
}

/// How routers spread flows. Two routers that answer at one distance show it; where some flows meet silence instead, it may as well be loss,
/// or a limit of answers: then it is not known.
fn balancing(graph: &Graph) -> Option<Balancing> {
    let mut nodes = graph.hops.iter().flat_map(|hop| &hop.nodes);
    let parts = graph.hops.iter().any(|hop| {
        hop.nodes
            .iter()
            .filter(|node| node.address.is_some())
            .count()
            > 1
    });
    if graph.completeness.per_packet
        || nodes.any(|node| node.balancing == engine::Balancing::PerPacket)
    {
        Some(Balancing::PerPacket)
    } else if parts {
        Some(Balancing::PerFlow)
    } else if graph.completeness.branching > 0 {
        None
    } else {
        Some(Balancing::None)
    }
}

fn draw_hop(
    hop: &engine::Hop,
    around: &Surroundings<'_>,
    ids: &mut BTreeMap<NodeId, String>,
) -> Hop {
    let mut nodes: Vec<Node> = Vec::new();
    let mut number = 0;
    for node in &hop.nodes {
        let id = if node.address.is_some() {
            number += 1;
            format!("{}.{number}", hop.ttl)
        } else {
            format!("{}.0", hop.ttl)
        };
        ids.insert(node.id, id.clone());
        // Silence is one node, whatever branches it is on.
        match nodes.iter_mut().find(|known| known.id == id) {
            Some(known) => known.sent += node.sent,
            None => nodes.push(draw_node(id, hop.ttl, node, around)),
        }
    }
    Hop {
        ttl: hop.ttl,
        nodes,
    }
}

fn draw_node(id: String, ttl: u8, node: &engine::Node, around: &Surroundings<'_>) -> Node {
    let arrived = node.role == Role::Destination;
    let address = match node.address {
        Some(_) if arrived => Some(around.endpoint.address.clone()),
        other => other.map(Address::new),
    };
    let said: Vec<&Observation> = around
        .probes
        .iter()
        .copied()
        .filter(|o| {
            o.ttl == Some(ttl)
                && address.is_some()
                && match o.icmp_from() {
                    Some(from) => Some(from.ip()) == node.address,
                    None => arrived && o.rtt_ms.is_some(),
                }
        })
        .collect();
    let icmp = || said.iter().filter_map(|o| o.icmp.as_ref());
    let quotes = || icmp().filter_map(|icmp| icmp.quote.as_ref());
    let rtts: Vec<u64> = node.rtts.iter().map(|rtt| rtt.0).collect();
    let average = rtts.iter().sum::<u64>().checked_div(rtts.len() as u64);
    let ms = |micros: Option<u64>| {
        micros.map(|micros| Ms::from(std::time::Duration::from_micros(micros)))
    };
    let v6 = around.endpoint.address.is_ipv6();
    let expired = |icmp: &&Icmp| (icmp.kind, icmp.code) == if v6 { (3, 0) } else { (11, 0) };
    let mut interfaces = Vec::new();
    for interface in quotes().flat_map(|quote| &quote.interfaces) {
        if !interfaces.contains(interface) {
            interfaces.push(interface.clone());
        }
    }
    let rewritten: BTreeSet<Rewritten> = quotes()
        .flat_map(|quote| rewritten(quote, around))
        .collect();
    let system = address
        .as_ref()
        .and_then(|address| around.systems.of(address.ip()));
    let autonomous_system = system.map(|(number, name)| AutonomousSystem {
        number,
        name: name.map(str::to_owned),
    });
    Node {
        id,
        name: address
            .as_ref()
            .and_then(|address| around.names.get(address))
            .cloned(),
        address,
        sent: node.sent,
        answered: node.answered,
        min_ms: ms(rtts.iter().min().copied()),
        avg_ms: ms(average),
        max_ms: ms(rtts.iter().max().copied()),
        mpls: quotes()
            .map(|quote| &quote.mpls)
            .find(|mpls| !mpls.is_empty())
            .cloned()
            .unwrap_or_default(),
        // A refusal says more than that the TTL ran out.
        icmp: icmp()
            .find(|icmp| !expired(icmp))
            .or_else(|| icmp().next())
            // That the destination itself turns a datagram away is its answer.
            .filter(|_| !arrived)
            .map(|icmp| IcmpKind {
                kind: icmp.kind,
                code: icmp.code,
            }),
        limited: node.limited,
        return_hops: said
            .iter()
            .filter_map(|o| o.reply_ttl)
            .max()
            .and_then(return_hops),
        quoted_ttl: quotes().filter_map(|quote| quote.ttl).find(|ttl| *ttl > 1),
        rewritten: rewritten.into_iter().collect(),
        interfaces,
        autonomous_system,
    }
}

/// How many hops an answer took, from the TTL that it has left: stacks begin at 64, 128 or 255 (Linux and the BSDs, Windows, routers).
fn return_hops(left: u8) -> Option<u8> {
    let start = [64, 128, 255].into_iter().find(|start| left <= *start)?;
    Some(start - left + 1)
}

fn rewritten(
    quote: &crate::model::observation::Quoted,
    around: &Surroundings<'_>,
) -> Vec<Rewritten> {
    let mut found = Vec::new();
    if let Some(source) = &quote.source {
        if !source.address.ip().is_unspecified() {
            found.push(Rewritten::SourceAddress);
        }
        found.extend(source.port.map(|_| Rewritten::SourcePort));
    }
    if let Some(destination) = &quote.destination {
        if destination.address.ip() != around.endpoint.address.ip() {
            found.push(Rewritten::DestinationAddress);
        }
        let asked = around.endpoint.port;
        found.extend(
            destination
                .port
                .filter(|port| asked.is_some() && Some(*port) != asked)
                .map(|_| Rewritten::DestinationPort),
        );
    }
    let sent = around.options.tos.unwrap_or(0);
    found.extend(quote.tos.filter(|tos| *tos != sent).map(|_| Rewritten::Tos));
    found
}

fn draw_flow(
    flow: &engine::FlowPath,
    around: &Surroundings<'_>,
    ids: &BTreeMap<NodeId, String>,
) -> Flow {
    let number = u32::from(flow.flow.0);
    let port = around
        .probes
        .iter()
        .rev()
        .filter(|o| o.flow == Some(number))
        .find_map(|o| o.source_port);
    let followed = flow.flow.0 == 0 || flow.flow.0 < around.followed;
    let mut nodes: Vec<String> = Vec::new();
    for id in flow.nodes.iter().flatten().filter_map(|id| ids.get(id)) {
        nodes.push(id.clone());
    }
    Flow {
        id: number,
        source_port: port,
        nodes,
        arrived: match flow.ending {
            Ending::Arrived { .. } => Some(true),
            Ending::Unreachable { .. } | Ending::Loop(_) => Some(false),
            // Who was not asked at the destination has no fate.
            Ending::Silent { .. } => followed.then_some(false),
            Ending::Open => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::{
        Flow, Hop, Link, Method, Node, Path, Stopped, TraceProtocol, fill,
        leave_out_doubtful_silence, return_hops,
    };

    #[test]
    fn a_hop_that_was_asked_in_vain_stands_before_one_that_answered_and_none_behind_the_last() {
        let hop = |ttl: u8, sent| Hop {
            ttl,
            nodes: vec![Node::silent(format!("{ttl}.0"), sent)],
        };
        let mut hops = vec![hop(1, 5), hop(4, 5)];
        fill(
            &mut hops,
            (1..=6).filter(|ttl| *ttl != 3).map(|ttl| (ttl, 2)),
        );
        assert_eq!(hops, [hop(1, 5), hop(2, 2), hop(4, 5)]);
        let mut none = Vec::new();
        fill(&mut none, [(1, 2)].into_iter());
        assert!(none.is_empty());
    }

    #[test]
    fn silence_beside_an_answer_is_left_out_and_silence_alone_is_not() {
        let node = |id: &str, address: Option<&str>| Node {
            address: address.map(|a| a.parse().unwrap()),
            ..Node::silent(id.to_owned(), 3)
        };
        let link = |from: &str, to: &str| Link {
            from: from.to_owned(),
            to: to.to_owned(),
            ttl: 2,
        };
        let mut path = Path {
            protocol: TraceProtocol::Tcp,
            reached: false,
            complete: false,
            method: Method::Socket,
            stopped: Some(Stopped::Time),
            confidence: None,
            hops: vec![
                Hop {
                    ttl: 1,
                    nodes: vec![node("1.0", None)],
                },
                Hop {
                    ttl: 2,
                    nodes: vec![node("2.1", Some("10.0.0.2")), node("2.0", None)],
                },
            ],
            links: vec![link("1.0", "2.1"), link("1.0", "2.0")],
            flows: vec![Flow {
                id: 0,
                source_port: Some(1),
                nodes: vec!["1.0".to_owned(), "2.0".to_owned()],
                arrived: None,
            }],
            balancing: None,
            mtu: None,
        };
        leave_out_doubtful_silence(&mut path);
        assert_eq!(path.hops[0].nodes.len(), 1);
        assert_eq!(path.hops[1].nodes, [node("2.1", Some("10.0.0.2"))]);
        assert_eq!(path.links, [link("1.0", "2.1")]);
        assert_eq!(path.flows[0].nodes, ["1.0"]);
    }

    #[test]
    fn the_way_back_is_counted_from_the_nearest_common_start() {
        for (left, hops) in [
            (64, 1),
            (63, 2),
            (128, 1),
            (120, 9),
            (255, 1),
            (250, 6),
            (65, 64),
        ] {
            assert_eq!(return_hops(left), Some(hops), "{left}");
        }
    }
}
