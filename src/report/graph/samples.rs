//! Paths made by hand for tests, each from the flows that a trace would have followed.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::report::EndpointReport;
use crate::model::topology::{
    AutonomousSystem, Balancing, Confidence, ConfidenceScope, Flow, Hop, IcmpKind, Link, MplsLabel,
    Node, Path, Rewritten, TraceProtocol,
};
use crate::model::{Address, Ms, Report};
use crate::report::fixtures;

/// A path under construction.
pub(crate) struct Sample {
    pub path: Path,
}

/// A path of flows, each written as the ids that it passes. What ends in `.0` is silent; a `!` at the end arrives, an `x` does not.
pub(crate) fn flows(written: &[&str]) -> Sample {
    let mut ids: BTreeSet<(u8, u32)> = BTreeSet::new();
    let mut links: BTreeSet<Link> = BTreeSet::new();
    let mut flows = Vec::new();
    let mut passes: BTreeMap<String, u32> = BTreeMap::new();
    for (number, text) in (1_u32..).zip(written) {
        let arrived = match (text.ends_with('!'), text.ends_with('x')) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            _ => None,
        };
        let nodes: Vec<String> = text
            .trim_end_matches(['!', 'x'])
            .split_whitespace()
            .map(str::to_owned)
            .collect();
        for id in &nodes {
            ids.insert(parts(id));
            *passes.entry(id.clone()).or_default() += 1;
        }
        for pair in nodes.windows(2) {
            links.insert(Link {
                from: pair[0].clone(),
                to: pair[1].clone(),
                ttl: parts(&pair[1]).0,
            });
        }
        flows.push(Flow {
            id: number,
            source_port: Some(40_000 + u16::try_from(number).unwrap()),
            nodes,
            arrived,
        });
    }
    let mut hops: BTreeMap<u8, Vec<Node>> = BTreeMap::new();
    for (ttl, number) in ids {
        let id = format!("{ttl}.{number}");
        let sent = passes.get(&id).copied().unwrap_or(1);
        let silent = number == 0;
        let rtt = |extra: u64| {
            (!silent)
                .then(|| Ms::from_micros(u64::from(ttl) * 1000 + u64::from(number) * 50 + extra))
        };
        hops.entry(ttl).or_default().push(Node {
            address: (!silent).then(|| format!("10.{ttl}.0.{number}").parse().unwrap()),
            name: None,
            sent,
            answered: if silent { 0 } else { sent },
            min_ms: rtt(0),
            avg_ms: rtt(100),
            max_ms: rtt(300),
            mpls: Vec::new(),
            icmp: (!silent).then_some(IcmpKind { kind: 11, code: 0 }),
            limited: false,
            return_hops: None,
            quoted_ttl: None,
            rewritten: Vec::new(),
            interfaces: Vec::new(),
            autonomous_system: None,
            id,
        });
    }
    let wide = hops.values().any(|nodes| nodes.len() > 1);
    Sample {
        path: Path {
            protocol: TraceProtocol::Tcp,
            reached: false,
            complete: true,
            method: crate::model::topology::Method::Raw,
            stopped: None,
            confidence: wide.then_some(Confidence {
                percent: 95,
                scope: ConfidenceScope::Node,
                path_miss_percent: 4.86,
                nodes_examined: u32::try_from(hops.len()).unwrap(),
            }),
            hops: hops
                .into_iter()
                .map(|(ttl, nodes)| Hop { ttl, nodes })
                .collect(),
            links: links.into_iter().collect(),
            flows,
            balancing: Some(if wide {
                Balancing::PerFlow
            } else {
                Balancing::None
            }),
            mtu: None,
        },
    }
}

fn parts(id: &str) -> (u8, u32) {
    let (ttl, number) = id.split_once('.').unwrap();
    (ttl.parse().unwrap(), number.parse().unwrap())
}

impl Sample {
    /// Changes a node.
    pub fn with(mut self, id: &str, change: impl Fn(&mut Node)) -> Self {
        for node in self.path.hops.iter_mut().flat_map(|hop| &mut hop.nodes) {
            if node.id == id {
                change(node);
            }
        }
        self
    }

    /// Gives nodes one address.
    pub fn alike(self, ids: &[&str], address: &str) -> Self {
        ids.iter().fold(self, |sample, id| {
            sample.with(id, |node| node.address = Some(address.parse().unwrap()))
        })
    }

    /// Makes nodes the target: it answers with no ICMP message.
    pub fn target(mut self, ids: &[&str]) -> Path {
        self.path.reached = true;
        self = self.alike(ids, TARGET);
        ids.iter()
            .fold(self, |sample, id| sample.with(id, |node| node.icmp = None))
            .path
    }
}

/// The address that the samples lead to.
pub(crate) const TARGET: &str = "192.0.2.7";

/// A report of a healthy check with a path.
pub(crate) fn report(path: &Path) -> Report {
    let mut report = fixtures::all()
        .into_iter()
        .find(|(name, _)| *name == "equal-cost")
        .unwrap()
        .1;
    report.endpoints[0].path = Some(path.clone());
    report
}

/// The endpoint of such a report.
pub(crate) fn endpoint() -> EndpointReport {
    report(&diamond(2)).endpoints.remove(0)
}

/// `1 → width → 1`.
pub(crate) fn diamond(width: usize) -> Path {
    let flows_of: Vec<String> = (1..=width).map(|n| format!("1.1 2.{n} 3.1 4.1!")).collect();
    let written: Vec<&str> = flows_of.iter().map(String::as_str).collect();
    flows(&written).target(&["4.1"])
}

/// Two stages of four, joined each with each but for what is left out.
pub(crate) fn mesh(without: &[(usize, usize)]) -> Path {
    let mut written = Vec::new();
    for near in 1..=4 {
        for far in 1..=4 {
            if !without.contains(&(near, far)) {
                written.push(format!("1.1 2.{near} 3.{far} 4.1!"));
            }
        }
    }
    let written: Vec<&str> = written.iter().map(String::as_str).collect();
    flows(&written).target(&["4.1"])
}

/// A path of so many hops in a line.
pub(crate) fn line(hops: usize) -> Path {
    let ids: Vec<String> = (1..=hops).map(|n| format!("{n}.1")).collect();
    let written = format!("{}!", ids.join(" "));
    let last = format!("{hops}.1");
    flows(&[&written]).target(&[&last])
}

/// Every sample, by its name.
pub(crate) fn all() -> Vec<(&'static str, Path)> {
    let long: Address = "2001:db8:1234:5678:9abc:def0:1234:5678".parse().unwrap();
    vec![
        ("diamond-2", diamond(2)),
        ("diamond-4", diamond(4)),
        ("diamond-16", diamond(16)),
        ("diamond-32", diamond(32)),
        ("mesh-whole", mesh(&[])),
        ("mesh-part", mesh(&[(1, 4), (3, 2)])),
        (
            "mesh-small",
            flows(&["1.1 2.1 3.1 4.1!", "1.1 2.1 3.2 4.1!", "1.1 2.2 3.2 4.1!"]).target(&["4.1"]),
        ),
        ("line-1", line(1)),
        ("line-60", line(60)),
        (
            "two-diamonds",
            flows(&[
                "1.1 2.1 3.1 4.1 5.1 6.1!",
                "1.1 2.2 3.1 4.2 5.1 6.1!",
                "1.1 2.1 3.1 4.3 5.1 6.1!",
            ])
            .target(&["6.1"]),
        ),
        (
            "nested",
            flows(&[
                "1.1 2.1 3.1 4.1 5.1!",
                "1.1 2.1 3.2 4.1 5.1!",
                "1.1 2.2 3.3 4.2 5.1!",
                "1.1 2.2 3.4 4.2 5.1!",
            ])
            .target(&["5.1"]),
        ),
        (
            // The short arm joins a hop earlier, and all behind it is met at two distances.
            "unequal-arms",
            flows(&["1.1 2.1 3.1 4.1 5.1 6.1!", "1.1 2.2 3.2 4.2 5.2!"])
                .alike(&["3.2", "4.1"], "10.4.0.1")
                .alike(&["4.2", "5.1"], "10.5.0.1")
                .target(&["5.2", "6.1"]),
        ),
        (
            "black-hole",
            flows(&[
                "1.1 2.1 3.1 4.0 5.0 6.0 7.0x",
                "1.1 2.2 3.1 4.0 5.0 6.0 7.0x",
            ])
            .path,
        ),
        (
            "dead-arm",
            flows(&[
                "1.1 2.1 3.1 4.1 5.1!",
                "1.1 2.2 3.2 4.1 5.1!",
                "1.1 2.3 3.0 4.0 5.0x",
                "1.1 2.3 3.0 4.0 5.0x",
            ])
            .target(&["5.1"]),
        ),
        (
            "silent-arm",
            flows(&["1.1 2.1 3.1 4.1!", "1.1 2.0 3.1 4.1!"]).target(&["4.1"]),
        ),
        (
            "limited",
            flows(&["1.1 2.1 3.1 4.1!", "1.1 2.0 3.1 4.1!", "1.1 2.2 3.2 4.1!"])
                .with("3.1", |node| {
                    node.limited = true;
                    (node.sent, node.answered) = (20, 6);
                })
                .target(&["4.1"]),
        ),
        (
            "limited-alone",
            flows(&["1.1 2.1 3.1!", "1.1 2.0 3.1!"])
                .with("2.1", |node| {
                    node.limited = true;
                    (node.sent, node.answered) = (20, 6);
                })
                .target(&["3.1"]),
        ),
        (
            "loop",
            flows(&["1.1 2.1 3.1 4.1 5.1 6.1x"])
                .alike(&["3.1", "5.1"], "10.3.0.1")
                .alike(&["4.1", "6.1"], "10.4.0.1")
                .path,
        ),
        (
            "told-much",
            flows(&["1.1 2.1 3.1 4.1!", "1.1 2.2 3.1 4.1!"])
                .with("2.1", |node| {
                    node.name = Some("ae7.core2.transit.carrier.example".to_owned());
                    node.mpls = vec![
                        MplsLabel {
                            label: 24_001,
                            exp: 0,
                            bottom: false,
                            ttl: 1,
                        },
                        MplsLabel {
                            label: 17,
                            exp: 0,
                            bottom: true,
                            ttl: 1,
                        },
                    ];
                    node.autonomous_system = Some(AutonomousSystem {
                        number: 64_500,
                        name: Some("CARRIER-TRANSIT".to_owned()),
                    });
                    node.return_hops = Some(3);
                })
                .with("2.2", |node| node.quoted_ttl = Some(4))
                .with("3.1", |node| {
                    node.rewritten = vec![Rewritten::SourceAddress, Rewritten::SourcePort];
                })
                .with("4.1", |node| {
                    node.rewritten = vec![Rewritten::SourceAddress, Rewritten::SourcePort];
                })
                .target(&["4.1"]),
        ),
        (
            "long-addresses",
            flows(&["1.1 2.1 3.1!", "1.1 2.2 3.1!"])
                .with("2.1", |node| {
                    node.address = Some(long.clone());
                    node.icmp = Some(IcmpKind { kind: 3, code: 0 });
                })
                .with("2.2", |node| {
                    node.address = Some("2001:db8:1234:5678:9abc:def0:1234:aaaa".parse().unwrap());
                    node.name = Some("second.example".to_owned());
                    node.icmp = Some(IcmpKind { kind: 3, code: 0 });
                })
                .target(&["3.1"]),
        ),
        (
            "hostile",
            flows(&["1.1 2.1 3.1!", "1.1 2.2 3.1!"])
                .with("2.1", |node| node.name = Some(HOSTILE.to_owned()))
                .with("2.2", |node| node.name = Some("ルーター.例え".to_owned()))
                .target(&["3.1"]),
        ),
        ("nothing", flows(&[]).path),
    ]
}

/// A name that would do harm in some form if it were not escaped.
pub(crate) const HOSTILE: &str =
    "\u{1b}[2J\u{202e}\"gw\"\r\n]; --> <script>alert(1)</script> <!-- & | \\ `x` #quot; \\N ]]>";
