//! The shape of Azure Network Watcher's connectivity check: names and types of its fields as its API's example and its documents show
//! them, the values that its enumerations and its list of issue types allow, and the table from our ids in `docs/azure.md`.

use std::collections::{BTreeMap, BTreeSet};

use nwcheck::model::report::Status;
use nwcheck::model::{Id, Severity};
use nwcheck::report::Form;
use nwcheck::report::azure::issue;
use serde_json::Value;

/// Whether a field may be missing.
#[derive(Clone, Copy, PartialEq)]
enum May {
    Always,
    Miss,
}
use May::{Always, Miss};

const CHECK: &[(&str, &str, May)] = &[
    ("avgLatencyInMs", "integer", Miss),
    ("connectionStatus", "string", Always),
    ("hops", "array", Always),
    ("maxLatencyInMs", "integer", Miss),
    ("minLatencyInMs", "integer", Miss),
    ("probesFailed", "integer", Always),
    ("probesSent", "integer", Always),
];
const HOP: &[(&str, &str, May)] = &[
    ("address", "string", Always),
    ("id", "string", Always),
    ("issues", "array", Always),
    ("links", "array", Always),
    ("nextHopIds", "array", Always),
    ("previousHopIds", "array", Always),
    ("previousLinks", "array", Always),
    ("resourceId", "string", Always),
    ("type", "string", Always),
];
const LINK: &[(&str, &str, May)] = &[
    ("context", "object", Always),
    ("issues", "array", Always),
    ("linkType", "string", Always),
    ("nextHopId", "string", Always),
    ("resourceId", "string", Always),
    ("roundTripTimeAvg", "integer", Miss),
    ("roundTripTimeMax", "integer", Miss),
    ("roundTripTimeMin", "integer", Miss),
];
const ISSUE: &[(&str, &str, May)] = &[
    ("context", "array", Always),
    ("origin", "string", Always),
    ("severity", "string", Always),
    ("type", "string", Always),
];
const CONTEXT: &[(&str, &str, May)] = &[("key", "string", Always), ("value", "string", Always)];

const STATUSES: &[&str] = &["Reachable", "Unreachable", "Degraded", "Unknown"];
const ORIGINS: &[&str] = &["Local", "Inbound", "Outbound"];
const SEVERITIES: &[&str] = &["Error", "Warning"];
/// The issue types of the documents, and the one of the API's enumeration that they do not have.
const TYPES: &[&str] = &[
    "AgentStopped",
    "GuestFirewall",
    "DNSResolution",
    "SocketError",
    "NetworkSecurityRule",
    "UserDefinedRoute",
    "Platform",
    "NetworkError",
    "CPU",
    "Memory",
    "ARPMissing",
    "RouteMissing",
    "VMRebooting",
    "VMNotAllocated",
    "NoListenerOnDestination",
    "DIPProbeDown",
    "NoRouteLearned",
    "PeeringInfoNotFound",
    "VMStarting",
    "VMStopped",
    "VMStopping",
    "VMDeallocating",
    "VMDeallocated",
    "SystemError",
    "UDRLoop",
    "IPForwardingNotEnabled",
    "MultiNICsInSameSubnet",
    "SourcePortInUse",
    "InvalidResponseFromServer",
    "DNSResponseValidationFailed",
    "UnsupportedSystem",
    "IncompleteTopology",
    "DestinationUnreachable",
    "TraceRouteUnavailable",
    "DestinationPartiallyReachable",
    "StatusCodeValidationFailed",
    "HeaderValidationFailed",
    "ContentValidationFailed",
    "Unknown",
];

/// Holds that an object has these fields, of these types, and no others.
fn has(object: &Value, fields: &[(&str, &str, May)]) {
    let object = object.as_object().unwrap();
    for (name, kind, may) in fields {
        let Some(value) = object.get(*name) else {
            assert!(*may == Miss, "no {name}");
            continue;
        };
        let is = match *kind {
            "integer" => value.is_u64(),
            "string" => value.is_string(),
            "array" => value.is_array(),
            _ => value.is_object(),
        };
        assert!(is, "{name} is {value}");
    }
    for name in object.keys() {
        assert!(fields.iter().any(|(known, ..)| known == name), "{name}");
    }
}

fn array<'v>(value: &'v Value, name: &str) -> &'v Vec<Value> {
    value[name].as_array().unwrap()
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap()
}

/// Each issue of a check, as its finding's id.
fn read(check: &Value) -> Vec<String> {
    has(check, CHECK);
    assert!(STATUSES.contains(&text(check, "connectionStatus")));
    assert!(check["probesFailed"].as_u64() <= check["probesSent"].as_u64());
    let hops = array(check, "hops");
    let places: BTreeMap<&str, usize> = hops.iter().map(|hop| text(hop, "id")).zip(0..).collect();
    assert_eq!(places.len(), hops.len(), "an id stands twice");
    let mut found = Vec::new();
    for (at, hop) in hops.iter().enumerate() {
        has(hop, HOP);
        assert_eq!(text(hop, "type") == "Source", at == 0);
        for (ids, links, back) in [
            ("nextHopIds", "links", "previousHopIds"),
            ("previousHopIds", "previousLinks", "nextHopIds"),
        ] {
            let ids: Vec<&str> = array(hop, ids)
                .iter()
                .map(|id| id.as_str().unwrap())
                .collect();
            let linked = array(hop, links).iter().map(|link| text(link, "nextHopId"));
            assert_eq!(ids, linked.collect::<Vec<_>>());
            assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
            for id in ids {
                let other = &hops[places[id]];
                let own = Value::from(text(hop, "id"));
                assert!(array(other, back).contains(&own), "{id}");
            }
            for link in array(hop, links) {
                has(link, LINK);
            }
        }
        // Each hop is reached from this machine.
        assert!(at == 0 || !array(hop, "previousHopIds").is_empty());
        for issue in array(hop, "issues") {
            has(issue, ISSUE);
            assert!(ORIGINS.contains(&text(issue, "origin")));
            assert!(SEVERITIES.contains(&text(issue, "severity")));
            assert!(TYPES.contains(&text(issue, "type")), "{issue}");
            let context = array(issue, "context");
            for pair in context {
                has(pair, CONTEXT);
            }
            assert_eq!(context[0]["key"], "FindingId");
            found.push(text(&context[0], "value").to_owned());
        }
    }
    ends(hops, &places);
    found
}

/// Whoever follows the hops comes to an end.
fn ends(hops: &[Value], places: &BTreeMap<&str, usize>) {
    let mut waiting: Vec<usize> = hops
        .iter()
        .map(|hop| array(hop, "previousHopIds").len())
        .collect();
    let mut ready = vec![0];
    let mut seen = 0;
    while let Some(at) = ready.pop() {
        seen += 1;
        for id in array(&hops[at], "nextHopIds") {
            let next = places[id.as_str().unwrap()];
            waiting[next] -= 1;
            if waiting[next] == 0 {
                ready.push(next);
            }
        }
    }
    assert_eq!(seen, hops.len(), "the hops go round in a circle");
}

fn checks(text: &str) -> Vec<Value> {
    match serde_json::from_str(text).unwrap() {
        Value::Array(all) => all,
        one => vec![one],
    }
}

#[test]
fn every_report_has_the_shape() {
    super::each(Form::Azure, |text, document| {
        let checks = checks(text);
        assert_eq!(checks.len(), document.reports().len());
        for (check, report) in checks.iter().zip(document.reports()) {
            let found: BTreeSet<String> = read(check).into_iter().collect();
            let told = report
                .findings
                .iter()
                .filter(|f| f.severity != Severity::Info);
            assert_eq!(found, told.map(|f| f.id.to_string()).collect());
            let status = match report.status {
                Status::Reachable => "Reachable",
                Status::Degraded => "Degraded",
                Status::Unreachable => "Unreachable",
                Status::Indeterminate => "Unknown",
            };
            assert_eq!(check["connectionStatus"], status);
            let hops = array(check, "hops");
            for endpoint in &report.endpoints {
                let there = |hop: &&Value| {
                    hop["type"] == "Destination" && hop["address"] == endpoint.address.to_string()
                };
                assert!(hops.iter().any(|hop| there(&hop)), "{}", endpoint.address);
            }
        }
    });
}

#[test]
fn hostile_texts_stay_texts() {
    super::hostile_texts_change_no_part(Form::Azure, |text| {
        assert!(
            !text
                .chars()
                .any(|c| c != '\n' && nwcheck::model::text::deceives(c))
        );
        checks(text).iter().flat_map(read).collect()
    });
}

#[test]
fn the_table_for_readers_is_the_one_that_is_used() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/azure.md");
    let table = std::fs::read_to_string(path).unwrap();
    let (_, table) = table.split_once("## Issue types").unwrap();
    let rows: Vec<&str> = table
        .lines()
        .filter(|line| line.starts_with("| `"))
        .collect();
    let expected: Vec<String> = Id::ALL
        .iter()
        .map(|id| {
            let (kind, side, at) = issue::of(*id);
            let at = match at {
                issue::At::Source => "this machine",
                issue::At::Hop => "the hop named",
                issue::At::Destination => "the destination",
            };
            assert!(TYPES.contains(&&*word(kind)), "{id}");
            format!("| `{id}` | `{}` | `{}` | {at} |", word(kind), word(side))
        })
        .collect();
    assert_eq!(rows, expected);
}

/// A value's one word in JSON.
fn word(value: impl serde::Serialize) -> String {
    let value = serde_json::to_value(value).unwrap();
    value.as_str().unwrap().to_owned()
}
