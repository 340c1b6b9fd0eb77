//! What is said of a vertex beside its numbers, and of the path as a whole.

use super::{Graph, Kind, Vertex};
use crate::model::observation::{Icmp, InterfaceRole, QuotedInterface};
use crate::model::text::{count, escape, list};
use crate::model::topology::{
    Balancing, Confidence, ConfidenceScope, MplsLabel, Node, Path, Rewritten, Stopped,
};

/// What is remarkable of a vertex.
pub(crate) fn remarks(vertex: &Vertex<'_>, dead: bool, verbose: bool) -> Vec<String> {
    let mut said = Vec::new();
    let node = vertex.node();
    said.extend(node.and_then(error));
    if dead {
        let lost = vertex.fate.lost;
        said.push(if lost == 1 {
            "the one flow that comes here never arrives".to_owned()
        } else {
            format!("none of the {lost} flows that come here arrives")
        });
    }
    if let Some(first) = vertex.again {
        said.push(format!("the same router as at hop {first}"));
    }
    if let Some(node) = node.filter(|node| node.limited) {
        said.push(if node.answered < node.sent {
            format!(
                "answers only so often ({} of {}): its own limit, no loss",
                node.answered, node.sent
            )
        } else {
            "answers only so often: its own limit".to_owned()
        });
    }
    let labels: Vec<&MplsLabel> = vertex.nodes.iter().flat_map(|node| &node.mpls).collect();
    said.extend(mpls(&labels));
    said.extend(changes(&vertex.rewritten));
    if let Some(left) = node.and_then(|node| node.quoted_ttl) {
        said.push(format!(
            "quotes a TTL of {left}: hops before it are hidden, or a device rewrites it"
        ));
    }
    if let (Some(node), true) = (node, verbose) {
        if let Some(hops) = node.return_hops {
            said.push(format!("its answers come back over {}", count(hops, "hop")));
        }
        said.extend(node.interfaces.iter().map(interface));
    }
    said
}

/// The ICMP error that a node answered with, where it is another than that the TTL ran out.
pub(crate) fn error(node: &Node) -> Option<String> {
    let icmp = node.icmp?;
    let v6 = node.address.as_ref()?.is_ipv6();
    let expired = matches!((v6, icmp.kind), (false, 11) | (true, 3));
    (!expired).then(|| {
        Icmp {
            kind: icmp.kind,
            code: icmp.code,
            from: node.address.clone(),
            mtu: None,
            quote: None,
        }
        .describe()
    })
}

fn mpls(labels: &[&MplsLabel]) -> Option<String> {
    let mut told: Vec<String> = labels.iter().map(|label| label.label.to_string()).collect();
    told.dedup();
    match told.as_slice() {
        [] => None,
        [one] => Some(format!("MPLS label {one}")),
        several => Some(format!("MPLS labels {}", several.join(" / "))),
    }
}

/// What was changed in the probe between the hop before and this one.
fn changes(fields: &[Rewritten]) -> Option<String> {
    let told: Vec<&str> = fields
        .iter()
        .map(|field| match field {
            Rewritten::SourceAddress => "source address",
            Rewritten::SourcePort => "source port",
            Rewritten::DestinationAddress => "destination address",
            Rewritten::DestinationPort => "destination port",
            Rewritten::Tos => "type of service",
        })
        .collect();
    let nat = fields.iter().any(|field| *field != Rewritten::Tos);
    let translated = if nat {
        "translated on the way here (NAT)"
    } else {
        "changed on the way here"
    };
    (!told.is_empty()).then(|| format!("{} {translated}", list(&told)))
}

fn interface(interface: &QuotedInterface) -> String {
    let role = match interface.role {
        InterfaceRole::Incoming => "came in by",
        InterfaceRole::SubIp => "came in, below IP, by",
        InterfaceRole::Outgoing => "would go out by",
        InterfaceRole::NextHop => "would go on to",
    };
    let told: Vec<String> = [
        interface.name.as_deref().map(escape),
        interface.address.as_ref().map(ToString::to_string),
        interface.index.map(|index| format!("index {index}")),
        interface.mtu.map(|mtu| format!("MTU {mtu}")),
    ]
    .into_iter()
    .flatten()
    .collect();
    format!("{role} {}", told.join(" "))
}

/// What is to be known of the path as a whole.
pub(crate) fn summary(path: &Path, graph: &Graph<'_>, verbose: bool) -> Vec<String> {
    let mut said = Vec::new();
    let flows = path.flows.len();
    match path.balancing {
        Some(Balancing::PerFlow) => said.push(format!(
            "routers spread flows over these ways; {} followed",
            if flows == 1 {
                "1 flow was".to_owned()
            } else {
                format!("{flows} flows were")
            }
        )),
        Some(Balancing::PerPacket) => {
            said.push(
                "one flow takes several ways: a router spreads packets, not flows".to_owned(),
            );
        }
        Some(Balancing::None) if verbose => {
            said.push(format!("{} took one way", count(flows as u64, "flow")));
        }
        _ => {}
    }
    let asked = path
        .flows
        .iter()
        .filter(|flow| flow.arrived.is_some())
        .count();
    let lost = path
        .flows
        .iter()
        .filter(|flow| flow.arrived == Some(false))
        .count();
    if lost > 0 && lost < asked {
        said.push(format!("{lost} of {asked} flows never arrive"));
    }
    if let Some(target) = graph
        .vertices
        .iter()
        .find(|vertex| vertex.kind == Kind::Destination && vertex.ttls.len() > 1)
    {
        said.push(format!(
            "the target is {} to {} hops away, by the way taken",
            target.first, target.last
        ));
    }
    match path.stopped {
        Some(Stopped::Probes) => {
            said.push("stopped at the bound on probes: there may be more".to_owned());
        }
        Some(Stopped::Flows) => {
            said.push("stopped at the bound on flows (--flows): there may be more".to_owned());
        }
        Some(Stopped::Time) => {
            said.push(
                "stopped here, as all works and the rest did not come soon: there may be more (--all-paths waits for it)"
                    .to_owned(),
            );
        }
        Some(Stopped::Deadline) => {
            said.push("stopped by the end of the check: there may be more".to_owned());
        }
        None => {}
    }
    // Of a single straight way nobody asks what was missed, unless all is asked.
    if let Some(confidence) = &path.confidence
        && path.stopped != Some(Stopped::Time)
        && (verbose || path.stopped.is_some() || !graph.straight())
    {
        said.push(sure(confidence));
    }
    // That it is the first link's own is told where all is asked.
    if let Some(mtu) = path
        .mtu
        .as_ref()
        .filter(|mtu| verbose || mtu.from.is_some())
    {
        let by = mtu
            .from
            .as_ref()
            .map(|from| format!(", says {from}"))
            .unwrap_or_default();
        let until = mtu
            .until
            .map(|ttl| format!(", as far as hop {ttl}"))
            .unwrap_or_default();
        said.push(format!("the path MTU is {} bytes{by}{until}", mtu.value));
    }
    said
}

fn sure(confidence: &Confidence) -> String {
    let missed = (confidence.path_miss_percent * 10.0).round() / 10.0;
    let asked = match confidence.scope {
        ConfidenceScope::Node => {
            format!("for each of {}", count(confidence.nodes_examined, "router"))
        }
        ConfidenceScope::Path => "for the whole path".to_owned(),
    };
    format!(
        "a branch was missed with at most {missed} % probability ({} % sure {asked})",
        confidence.percent
    )
}
