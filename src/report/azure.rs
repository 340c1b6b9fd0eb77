//! A report in the shape of Azure Network Watcher's connectivity check, so that scripts written for its answers read this: one object
//! for a target, an array of them for several (REST API `NetworkWatchers_CheckConnectivity`, `ConnectivityInformation`).
//!
//! Latency is in whole milliseconds, as there; what is unknown has no key, as there. The round trip of a link is that from this machine
//! to the hop it leads to. What has no place in that shape is not told: infos, criteria, what was not measured. [`issue`] is the table
//! from our ids to its types.

pub mod issue;

use serde::Serialize;

use super::Document;
use super::graph::{Graph, Kind as Shape, Vertex};
use crate::model::finding::{Finding, Severity};
use crate::model::report::{EndpointReport, Status};
use crate::model::text::escape;
use crate::model::{Address, Ms, Report};
use issue::At;

/// A document.
///
/// # Errors
/// A number that JSON has no form for: a fault of the program.
pub fn render(document: Document<'_>) -> serde_json::Result<String> {
    match document {
        Document::Report(report) => super::json::render(&check(report, 0)),
        Document::Batch(batch) => {
            let all: Vec<Check> = (0_u32..)
                .zip(&batch.reports)
                .map(|(number, report)| check(report, number))
                .collect();
            super::json::render(&all)
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Check {
    #[serde(skip_serializing_if = "Option::is_none")]
    avg_latency_in_ms: Option<u64>,
    connection_status: &'static str,
    hops: Vec<Hop>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_latency_in_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    min_latency_in_ms: Option<u64>,
    probes_failed: u32,
    probes_sent: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Hop {
    address: String,
    id: String,
    issues: Vec<Issue>,
    links: Vec<Link>,
    next_hop_ids: Vec<String>,
    previous_hop_ids: Vec<String>,
    previous_links: Vec<Link>,
    resource_id: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Link {
    /// An object without keys.
    context: serde_json::Map<String, serde_json::Value>,
    issues: Vec<Issue>,
    #[serde(rename = "linkType")]
    kind: &'static str,
    next_hop_id: String,
    resource_id: &'static str,
    #[serde(flatten)]
    round_trip: RoundTrip,
}

#[derive(Serialize, Clone, Copy, Default)]
struct RoundTrip {
    #[serde(rename = "roundTripTimeAvg", skip_serializing_if = "Option::is_none")]
    avg: Option<u64>,
    #[serde(rename = "roundTripTimeMax", skip_serializing_if = "Option::is_none")]
    max: Option<u64>,
    #[serde(rename = "roundTripTimeMin", skip_serializing_if = "Option::is_none")]
    min: Option<u64>,
}

#[derive(Serialize)]
struct Issue {
    context: Vec<Context>,
    origin: issue::Side,
    severity: &'static str,
    #[serde(rename = "type")]
    kind: issue::Kind,
}

#[derive(Serialize)]
struct Context {
    key: &'static str,
    value: String,
}

fn check(report: &Report, number: u32) -> Check {
    let endpoints = &report.endpoints;
    let total = |of: fn(&EndpointReport) -> u32| {
        let all = endpoints.iter().map(of);
        all.fold(0_u32, u32::saturating_add)
    };
    let timed = endpoints.iter().filter_map(|endpoint| {
        let probes = &endpoint.probes;
        Some((probes.avg_ms?.as_f64(), f64::from(probes.ok)))
    });
    let (sum, weights) = timed.fold((0.0, 0.0), |(sum, weights), (avg, ok)| {
        (sum + avg * ok, weights + ok)
    });
    Check {
        avg_latency_in_ms: (weights > 0.0).then(|| whole(Ms::from_f64(sum / weights))),
        connection_status: match report.status {
            Status::Reachable => "Reachable",
            Status::Degraded => "Degraded",
            Status::Unreachable => "Unreachable",
            Status::Indeterminate => "Unknown",
        },
        max_latency_in_ms: endpoints
            .iter()
            .filter_map(|e| e.probes.max_ms)
            .max()
            .map(whole),
        min_latency_in_ms: endpoints
            .iter()
            .filter_map(|e| e.probes.min_ms)
            .min()
            .map(whole),
        probes_failed: total(|endpoint| endpoint.probes.failed),
        probes_sent: total(|endpoint| endpoint.probes.sent),
        hops: Hops::of(report, number).hops,
    }
}

/// Hops under construction; the first is this machine.
struct Hops {
    number: u32,
    hops: Vec<Hop>,
}

impl Hops {
    fn of(report: &Report, number: u32) -> Self {
        let mut hops = Self {
            number,
            hops: Vec::new(),
        };
        let source = report.source.address.as_ref();
        hops.add(source, "Source");
        let places: Vec<Places<'_>> = report
            .endpoints
            .iter()
            .map(|endpoint| hops.lead_to(endpoint))
            .collect();
        for finding in &report.findings {
            for at in positions(finding, &places) {
                if let (Some(hop), Some(issue)) = (hops.hops.get_mut(at), described(finding)) {
                    hop.issues.push(issue);
                }
            }
        }
        hops
    }

    /// Adds a hop, and says where.
    fn add(&mut self, address: Option<&Address>, kind: &'static str) -> usize {
        let at = self.hops.len();
        self.hops.push(Hop {
            address: address.map(ToString::to_string).unwrap_or_default(),
            // The form of a UUID of one's own making (RFC 9562 section 5.8): which report, and which of its hops.
            id: format!("{:08x}-0000-8000-8000-{at:012x}", self.number),
            issues: Vec::new(),
            links: Vec::new(),
            next_hop_ids: Vec::new(),
            previous_hop_ids: Vec::new(),
            previous_links: Vec::new(),
            resource_id: "",
            kind,
        });
        at
    }

    fn link(&mut self, from: usize, to: usize, kind: &'static str, round_trip: RoundTrip) {
        let id = |at: usize| self.hops.get(at).map(|hop| hop.id.clone());
        let (Some(near), Some(far)) = (id(from), id(to)) else {
            return;
        };
        let link = |next_hop_id, round_trip| Link {
            context: serde_json::Map::new(),
            issues: Vec::new(),
            kind,
            next_hop_id,
            resource_id: "",
            round_trip,
        };
        if let Some(hop) = self.hops.get_mut(from) {
            hop.next_hop_ids.push(far.clone());
            hop.links.push(link(far, round_trip));
        }
        if let Some(hop) = self.hops.get_mut(to) {
            hop.previous_hop_ids.push(near.clone());
            hop.previous_links.push(link(near, RoundTrip::default()));
        }
    }

    /// Adds the way to an address, as far as it is known, and the address.
    fn lead_to<'r>(&mut self, endpoint: &'r EndpointReport) -> Places<'r> {
        let graph = endpoint.path.as_ref().map(|path| Graph::of(path, endpoint));
        let (vertices, links) = match &graph {
            Some(graph) => (graph.vertices.as_slice(), graph.links.as_slice()),
            None => (&[][..], &[][..]),
        };
        let net = if endpoint.address.is_private() {
            "VirtualNetwork"
        } else {
            "Internet"
        };
        let first = self.hops.len();
        for vertex in vertices {
            let kind = match vertex.address() {
                _ if vertex.kind == Shape::Destination => "Destination",
                Some(address) if address.is_private() => "VirtualNetwork",
                Some(_) => "Internet",
                None => net,
            };
            self.add(vertex.address(), kind);
        }
        let follows = |at: usize| links.iter().any(|(_, to)| *to == at);
        let leads = |at: usize| links.iter().any(|(from, _)| *from == at);
        for (at, vertex) in vertices.iter().enumerate() {
            if !follows(at) {
                self.link(0, first + at, net, round_trip(vertex));
            }
        }
        for (from, to) in links {
            let time = vertices.get(*to).map(round_trip).unwrap_or_default();
            self.link(first + from, first + to, net, time);
        }
        let arrived = vertices
            .iter()
            .position(|vertex| vertex.kind == Shape::Destination);
        let destination = arrived.map_or_else(
            || {
                // The trace did not get there, or was not made: the burst went all the same.
                let at = self.add(Some(&endpoint.address), "Destination");
                let probes = &endpoint.probes;
                let time = RoundTrip {
                    avg: probes.avg_ms.map(whole),
                    max: probes.max_ms.map(whole),
                    min: probes.min_ms.map(whole),
                };
                if vertices.is_empty() {
                    self.link(0, at, net, time);
                }
                for last in (0..vertices.len()).filter(|last| !leads(*last)) {
                    self.link(first + last, at, net, time);
                }
                at
            },
            |at| first + at,
        );
        let hops = vertices.iter().enumerate();
        Places {
            endpoint,
            destination,
            hops: hops
                .filter_map(|(at, vertex)| {
                    let address = vertex.address()?.clone();
                    Some((first + at, vertex.ttls.clone(), address))
                })
                .collect(),
        }
    }
}

/// Where the hops of an address stand.
struct Places<'r> {
    endpoint: &'r EndpointReport,
    destination: usize,
    /// What answered: its position, its distances, its address.
    hops: Vec<(usize, Vec<u8>, Address)>,
}

/// The hops at which an issue stands; this machine where there is no other.
fn positions(finding: &Finding, places: &[Places<'_>]) -> Vec<usize> {
    let about = places.iter().filter(|place| {
        let endpoint = finding.endpoint.as_ref();
        endpoint.is_none_or(|endpoint| *endpoint == place.endpoint.endpoint())
    });
    let found: Vec<usize> = match issue::of(finding.id).2 {
        At::Source => Vec::new(),
        At::Destination => about.map(|place| place.destination).collect(),
        At::Hop => about
            .flat_map(|place| &place.hops)
            .filter(|(_, ttls, address)| {
                let named = finding.address.as_ref() == Some(address);
                let there = finding.hop.is_none_or(|hop| ttls.contains(&hop));
                named && there
            })
            .map(|(at, ..)| *at)
            .collect(),
    };
    if found.is_empty() { vec![0] } else { found }
}

/// The issue that a finding is; none for what is only worth knowing, which the shape has no severity for.
fn described(finding: &Finding) -> Option<Issue> {
    let severity = match finding.severity {
        Severity::Error => "Error",
        Severity::Warning => "Warning",
        Severity::Info => return None,
    };
    let (kind, origin, _) = issue::of(finding.id);
    let mut context = vec![
        Context {
            key: "FindingId",
            value: finding.id.to_string(),
        },
        Context {
            key: "ErrorMessage",
            value: escape(&finding.title),
        },
    ];
    context.extend(finding.hop.map(|hop| Context {
        key: "Hop",
        value: hop.to_string(),
    }));
    Some(Issue {
        context,
        origin,
        severity,
        kind,
    })
}

fn round_trip(vertex: &Vertex<'_>) -> RoundTrip {
    let nodes = || vertex.nodes.iter();
    RoundTrip {
        avg: vertex.average().map(whole),
        max: nodes().filter_map(|node| node.max_ms).max().map(whole),
        min: nodes().filter_map(|node| node.min_ms).min().map(whole),
    }
}

/// Whole milliseconds, rounded.
const fn whole(ms: Ms) -> u64 {
    ms.micros().saturating_add(500) / 1000
}

#[cfg(test)]
mod tests {
    use super::render;
    use crate::report::text::tests::compare_file;
    use crate::report::{Document, fixtures};

    #[test]
    fn the_shape_is_what_was_looked_at() {
        for (name, report) in fixtures::all() {
            let text = render(Document::Report(&report)).unwrap();
            compare_file(&format!("{name}.azure.json"), &text);
        }
        let batch = fixtures::batch();
        compare_file(
            "batch.azure.json",
            &render(Document::Batch(&batch)).unwrap(),
        );
    }
}
