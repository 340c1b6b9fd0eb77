//! The path MTU: datagrams that must not be broken up, to a port where hardly anything listens.
//!
//! `IP_PMTUDISC_PROBE` (`IPV6_PMTUDISC_PROBE`) sends them at any size that the first link takes, whatever the kernel believes of the path;
//! "fragmentation needed" and "packet too big" come by the error queue with the size and the router that says so. A host that does not
//! answer datagrams leaves the search to its last router: with a TTL that ends there, "time exceeded" tells that the packet came so far
//! whole. No privilege. Nothing is concluded from large datagrams that vanish: hosts drop them by policy.

use std::net::IpAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::Recorder;
use super::control::unlikely_port;
use super::flow::{flow, icmp};
use crate::model::topology::PathMtu;
use crate::model::{
    Address, Endpoint, Evidence, Icmp, Ms, Observation, Operation, Options, Outcome,
};
use crate::net::errno::Errno;
use crate::net::udp::{Fragmentation, Received, Udp};
use crate::proto::mtu::{self, Found, Search};

/// The least that an answer is waited for, and the most.
const PATIENCE: (Duration, Duration) = (Duration::from_millis(60), Duration::from_secs(1));
/// IP and UDP headers, bytes.
const HEADERS_V4: u32 = 28;
const HEADERS_V6: u32 = 48;
/// What every path carries (RFC 791, RFC 8200 section 5), bytes.
const LEAST_V4: u32 = 68;
const LEAST_V6: u32 = 1280;
/// More than this no datagram is.
const MOST: u32 = 65_535;

/// Searches the MTU of the path to an endpoint, records every probe, and puts the result to the path.
pub async fn measure(recorder: Recorder, options: Rc<Options>, endpoint: Endpoint) {
    let Some(first) = recorder.read(|evidence| first_link(evidence, &endpoint)) else {
        return;
    };
    let patience = recorder.read(|evidence| patience(evidence, &endpoint));
    let asking = Asking {
        recorder: &recorder,
        options: &options,
        endpoint: &endpoint,
        patience,
    };
    let Some(ttl) = recorder.read(|evidence| last_router(evidence, &endpoint)) else {
        // No router in between: the first link is the path.
        asking.set(first, None, None);
        return;
    };
    // Most paths are as wide as their first link: the host itself is asked at the same time as its last router, which is the one that
    // answers where the host is silent to datagrams.
    let (found, host) = tokio::join!(asking.search(first, ttl), asking.ask(first, None));
    if host == Some(mtu::Outcome::Passed) {
        asking.set(first, None, None);
        return;
    }
    match found {
        Some(Found::Mtu { value, from }) => {
            let whole = value < first && asking.ask(value, None).await == Some(mtu::Outcome::Passed);
            asking.set(value, from, (!whole).then_some(ttl));
        }
        Some(Found::Vanishes { passes, vanishes }) => recorder.note(
            "the path MTU",
            format!(
                "datagrams of {passes} bytes are answered and those of {vanishes} are not, without a word of a router: a policy, or a black \
                 hole for large packets"
            ),
            None,
        ),
        Some(Found::Silent) | None => recorder.note(
            "the path MTU",
            "neither the host nor its last router answers datagrams",
            None,
        ),
    }
}

/// How long an answer is waited for.
fn patience(evidence: &Evidence, endpoint: &Endpoint) -> Duration {
    let traced = evidence.of(evidence.path_protocol().operation(), endpoint);
    let probes = evidence.burst(endpoint).chain(traced);
    let slowest = probes.filter_map(|o| o.rtt_ms).max().unwrap_or_default();
    (Ms::to_duration(slowest) * 2).clamp(PATIENCE.0, PATIENCE.1)
}

/// The size that the first link takes: the interface's, and not what the kernel believes of the path from earlier answers, which
/// stands in the route for ten minutes (Linux `ip_rt_mtu_expires`).
fn first_link(evidence: &Evidence, endpoint: &Endpoint) -> Option<u32> {
    let route = evidence.local.route_to(&endpoint.address)?;
    let link = evidence
        .local
        .interface_named(route.interface.as_deref()?)?;
    Some(link.mtu?.min(MOST))
}

/// The distance of the last router that answered before the destination.
fn last_router(evidence: &Evidence, endpoint: &Endpoint) -> Option<u8> {
    let path = evidence
        .endpoints
        .iter()
        .find(|s| s.endpoint == *endpoint)?
        .path
        .as_ref()?;
    let mut hops = path.hops.iter().rev();
    hops.find(|hop| {
        hop.nodes.iter().any(|node| {
            node.address
                .as_ref()
                .is_some_and(|address| address.ip() != endpoint.address.ip())
        })
    })
    .map(|hop| hop.ttl)
}

/// What all probes of one path have in common.
struct Asking<'a> {
    recorder: &'a Recorder,
    options: &'a Options,
    endpoint: &'a Endpoint,
    patience: Duration,
}

impl Asking<'_> {
    fn set(&self, value: u32, from: Option<IpAddr>, until: Option<u8>) {
        self.recorder.update(|evidence| {
            let mut subjects = evidence.endpoints.iter_mut();
            let subject = subjects.find(|s| s.endpoint == *self.endpoint);
            if let Some(path) = subject.and_then(|s| s.path.as_mut()) {
                path.mtu = Some(PathMtu {
                    value,
                    from: from.map(Into::into),
                    until,
                });
            }
        });
    }

    /// Searches as far as a TTL leads. None where nothing could be sent, or no time is left.
    async fn search(&self, first: u32, ttl: u8) -> Option<Found> {
        let least = if self.endpoint.address.is_ipv6() {
            LEAST_V6
        } else {
            LEAST_V4
        };
        let mut search = Search::new(first, least);
        while let Some(size) = search.poll() {
            search.handle(self.ask(size, Some(ttl)).await?);
        }
        search.found()
    }

    /// Sends one datagram of a size, and records what came of it. None where it could not be sent, or no time is left.
    async fn ask(&self, size: u32, ttl: Option<u8>) -> Option<mtu::Outcome> {
        let (recorder, address) = (self.recorder, &self.endpoint.address);
        if Instant::now() + self.patience > recorder.deadline() {
            return None;
        }
        let to = Endpoint::new(address.clone(), unlikely_port(self.endpoint.port));
        let headers = if address.is_ipv6() {
            HEADERS_V6
        } else {
            HEADERS_V4
        };
        let payload = usize::try_from(size.saturating_sub(headers)).unwrap_or(0);
        // A socket each: the error queue does not tell which datagram it is about.
        let socket = Udp::open(&flow(self.options, &to), Fragmentation::Probe).ok()?;
        let mut observation = Observation {
            endpoint: Some(to),
            source_port: Some(socket.source().port()),
            ttl,
            size: Some(size),
            control: true,
            ..Observation::new(Operation::Mtu, recorder.now(), Outcome::Timeout)
        };
        let sent = match socket.send(&vec![0; payload], ttl) {
            Ok(sent) => sent,
            // Larger than this machine's own link, by an exception of the route or a link that shrank.
            Err(Errno::EMSGSIZE) => return Some(mtu::Outcome::Silent),
            Err(_) => return None,
        };
        observation.at_ms = recorder.at(sent);
        let (outcome, at) = match socket.recv(sent + self.patience).await {
            Received::Datagram(datagram) => {
                observation.outcome = Outcome::Ok;
                (mtu::Outcome::Passed, Some(datagram.at))
            }
            Received::Error(error) => match icmp(&error) {
                Some((outcome, icmp)) => {
                    let end = said(outcome, &icmp, ttl, address);
                    observation.outcome = outcome;
                    observation.icmp = Some(icmp);
                    (end, Some(error.at))
                }
                None => (mtu::Outcome::Silent, None),
            },
            Received::Failed(_) | Received::Silent => (mtu::Outcome::Silent, None),
        };
        observation.rtt_ms = at.map(|at| at.saturating_duration_since(sent).into());
        observation.elapsed_ms = Some(sent.elapsed().into());
        recorder.record(observation);
        Some(outcome)
    }
}

/// What an ICMP error says of the size of the datagram.
fn said(outcome: Outcome, icmp: &Icmp, ttl: Option<u8>, address: &Address) -> mtu::Outcome {
    let from = icmp.from.as_ref().map(Address::ip);
    match (outcome, from) {
        (Outcome::PacketTooBig, Some(from)) => mtu::Outcome::TooBig {
            mtu: icmp.mtu.unwrap_or(0),
            from,
        },
        (Outcome::TtlExceeded, _) if ttl.is_some() => mtu::Outcome::Passed,
        (Outcome::PortUnreachable | Outcome::ProtocolUnreachable, Some(from))
            if from == address.ip() =>
        {
            mtu::Outcome::Passed
        }
        _ => mtu::Outcome::Silent,
    }
}
