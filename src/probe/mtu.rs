//! The path MTU: datagrams that must not be broken up, to a port where hardly anything listens.
//!
//! `IP_PMTUDISC_PROBE` (`IPV6_PMTUDISC_PROBE`) sends them at any size that the first link takes, whatever the kernel believes of the path;
//! "fragmentation needed" and "packet too big" come by the error queue with the size and the router that says so; the kernel hands over
//! only those that quote a datagram of this very socket. A host that does not answer datagrams leaves the search to its last router: with
//! a TTL that ends there, "time exceeded" tells that the packet came so far whole. No privilege. Nothing is concluded from large
//! datagrams that vanish: hosts drop them by policy.

use std::net::IpAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::Recorder;
use super::control::unlikely_port;
use super::flow::{flow, icmp};
use crate::model::topology::PathMtu;
use crate::model::{
    Address, Endpoint, Evidence, Icmp, Ms, Observation, Operation, Options, Outcome,
};
use crate::net::udp::{Fragmentation, Received, Udp};
use crate::proto::mtu::{self, Found, Search};

/// The least that an answer is waited for, and the most; in between twice the slowest round trip, and no more than so much longer.
const PATIENCE: (Duration, Duration) = (Duration::from_millis(60), Duration::from_secs(1));
const JITTER: Duration = Duration::from_millis(100);
/// Beside a trace it is looked so often whether that has ended.
const LOOK: Duration = Duration::from_millis(20);
/// So long all of it may take.
const LONGEST: Duration = Duration::from_millis(2500);
/// A host that left so many datagrams unanswered is asked no more: its last router is.
const HOST_ASKS: u8 = 2;
/// IP and UDP headers, bytes.
const HEADERS_V4: u32 = 28;
const HEADERS_V6: u32 = 48;
/// What every path carries (RFC 791, RFC 8200 section 5), bytes.
const LEAST_V4: u32 = 68;
const LEAST_V6: u32 = 1280;
/// More than this no datagram is.
const MOST: u32 = 65_535;

/// Sends the host a datagram as large as the first link takes, beside the trace of its path, and records what comes of it: where it
/// arrives, [`measure`] has nothing left to ask.
pub async fn first(recorder: Recorder, options: Rc<Options>, endpoint: Endpoint) {
    let Some(size) = recorder.read(|evidence| first_link(evidence, &endpoint)) else {
        return;
    };
    let asking = Asking {
        end: recorder.deadline(),
        recorder,
        options,
        endpoint,
        patience: Patience::Traced,
    };
    // What this machine does not send is no news here: the search will say so.
    let _ = asking.ask(size, None).await;
}

/// What the datagram came to that went beside the trace; none where none went.
fn told_before(evidence: &Evidence, endpoint: &Endpoint, size: u32) -> Option<mtu::Outcome> {
    let mut asked = evidence.observations.iter().filter(|o| {
        let address = o.endpoint.as_ref().map(|e| &e.address);
        o.operation == Operation::Mtu && o.ttl.is_none() && address == Some(&endpoint.address)
    });
    let first = asked.next().filter(|o| o.size == Some(size))?;
    Some(first.icmp.as_ref().map_or_else(
        || match first.outcome {
            Outcome::Ok => mtu::Outcome::Passed,
            _ => mtu::Outcome::Silent,
        },
        |icmp| said(first.outcome, icmp, None, &endpoint.address),
    ))
}

/// Searches the MTU of the path to an endpoint, records every probe, and puts the result to the path.
pub async fn measure(recorder: Recorder, options: Rc<Options>, endpoint: Endpoint) {
    let Some(first) = recorder.read(|evidence| first_link(evidence, &endpoint)) else {
        return;
    };
    let patience = recorder.read(|evidence| patience(evidence, &endpoint));
    let routers = recorder.read(|evidence| routers(evidence, &endpoint));
    let before = recorder.read(|evidence| told_before(evidence, &endpoint, first));
    let asking = Asking {
        end: recorder.deadline().min(Instant::now() + LONGEST),
        recorder,
        options,
        endpoint,
        patience: Patience::Fixed(patience),
    };
    let last = routers.last().copied();
    let (found, until) = asking.search(first, last, before).await;
    match found {
        Ok(Found::Whole) => asking.set(first, None, until),
        Ok(Found::Reduced { value, from }) => asking.set(value, Some(from), until),
        Ok(Found::Told { value, from }) => {
            let told_at = asking.distance_of(from).or(until);
            asking.set(value, Some(from), told_at);
        }
        Ok(Found::Vanishes { passes, vanishes }) => {
            let place = match asking.reaches(vanishes, routers).await {
                Some(ttl) => format!("; hop {ttl} is the last that answers one of {vanishes}"),
                None => String::new(),
            };
            asking.untold(format!(
                "datagrams of {passes} bytes are answered and those of {vanishes} are not, without a word of a router{place}: a policy, \
                 or a black hole for large packets"
            ));
        }
        Ok(Found::Silent) if last.is_some() => {
            asking.untold("neither the host nor its last router answers datagrams steadily");
        }
        Ok(Found::Silent) => asking.untold("the host does not answer datagrams steadily"),
        Err(why) => asking.untold(why.words()),
    }
}

/// How long an answer is waited for.
fn patience(evidence: &Evidence, endpoint: &Endpoint) -> Duration {
    let traced = evidence.of(evidence.path_protocol().operation(), endpoint);
    let probes = evidence.burst(endpoint).chain(traced);
    let slowest = probes.filter_map(|o| o.rtt_ms).max().unwrap_or_default();
    let slowest = Ms::to_duration(slowest);
    (slowest + slowest.min(JITTER)).clamp(PATIENCE.0, PATIENCE.1)
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

/// The distances at which routers answered, the nearest first.
fn routers(evidence: &Evidence, endpoint: &Endpoint) -> Vec<u8> {
    let mut subjects = evidence.endpoints.iter();
    let path = subjects
        .find(|s| s.endpoint == *endpoint)
        .and_then(|subject| subject.path.as_ref());
    let hops = path.map(|path| path.hops.as_slice()).unwrap_or_default();
    let answered = hops.iter().filter(|hop| {
        let mut addresses = hop.nodes.iter().filter_map(|node| node.address.as_ref());
        addresses.any(|address| address.ip() != endpoint.address.ip())
    });
    answered.map(|hop| hop.ttl).collect()
}

/// Why a search could not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stopped {
    /// An answer would come after the end.
    NoTime,
    /// This machine did not send the datagram: nothing is known of the path by that.
    NotSent,
}

impl Stopped {
    fn words(self) -> &'static str {
        match self {
            Self::NoTime => "there was not enough time",
            Self::NotSent => {
                "this machine did not send a datagram of the size that was to be tried"
            }
        }
    }
}

/// What all probes of one path have in common.
#[derive(Clone)]
struct Asking {
    recorder: Recorder,
    options: Rc<Options>,
    endpoint: Endpoint,
    patience: Patience,
    end: Instant,
}

/// How long an answer is waited for.
#[derive(Clone, Copy)]
enum Patience {
    /// So long.
    Fixed(Duration),
    /// While the path is traced, and then as long as what was seen of it says.
    Traced,
}

impl Asking {
    fn set(&self, value: u32, from: Option<IpAddr>, until: Option<u8>) {
        self.recorder.update(|evidence| {
            let mut subjects = evidence.endpoints.iter_mut();
            let subject = subjects.find(|s| s.endpoint == self.endpoint);
            if let Some(path) = subject.and_then(|s| s.path.as_mut()) {
                path.mtu = Some(PathMtu {
                    value,
                    from: from.map(Into::into),
                    until,
                });
            }
        });
    }

    fn distance_of(&self, router: IpAddr) -> Option<u8> {
        self.recorder.read(|evidence| {
            let mut subjects = evidence.endpoints.iter();
            let subject = subjects.find(|s| s.endpoint == self.endpoint)?;
            let mut hops = subject.path.as_ref()?.hops.iter();
            let hop = hops.find(|hop| {
                let mut addresses = hop.nodes.iter().filter_map(|node| node.address.as_ref());
                addresses.any(|address| address.ip() == router)
            })?;
            Some(hop.ttl)
        })
    }

    fn untold(&self, why: impl Into<String>) {
        self.recorder.note("the path MTU", why, None);
    }

    /// Searches: by the host itself, and where that is silent by its last router. Up to which distance the largest size that passed was
    /// seen, where that is not the host.
    async fn search(
        &self,
        first: u32,
        last: Option<u8>,
        mut before: Option<mtu::Outcome>,
    ) -> (Result<Found, Stopped>, Option<u8>) {
        let smallest = if self.endpoint.address.is_ipv6() {
            LEAST_V6
        } else {
            LEAST_V4
        };
        let mut search = Search::new(first, smallest);
        let mut until = last;
        let mut unanswered = 0;
        while let Some(size) = search.poll() {
            let mut outcome = mtu::Outcome::Silent;
            if unanswered < HOST_ASKS || last.is_none() {
                let said = match before.take() {
                    Some(said) => Ok(said),
                    None => self.ask(size, None).await,
                };
                let said = match said {
                    Ok(said) => said,
                    Err(why) => return (Err(why), until),
                };
                outcome = said;
                match said {
                    mtu::Outcome::Passed => until = None,
                    mtu::Outcome::Silent => unanswered += 1,
                    mtu::Outcome::TooBig { .. } => {}
                }
            }
            if let (mtu::Outcome::Silent, Some(ttl)) = (outcome, last) {
                let said = match self.ask(size, Some(ttl)).await {
                    Ok(said) => said,
                    Err(why) => return (Err(why), until),
                };
                outcome = said;
                if said == mtu::Outcome::Passed {
                    until = last;
                }
            }
            search.handle(outcome);
        }
        (Ok(search.found().unwrap_or(Found::Silent)), until)
    }

    /// The farthest of these distances at which a datagram of this size is answered.
    async fn reaches(&self, size: u32, distances: Vec<u8>) -> Option<u8> {
        let mut asked = JoinSet::new();
        for ttl in distances {
            let asking = self.clone();
            asked.spawn_local(async move {
                let outcome = asking.ask(size, Some(ttl)).await;
                (outcome == Ok(mtu::Outcome::Passed)).then_some(ttl)
            });
        }
        asked.join_all().await.into_iter().flatten().max()
    }

    /// Sends one datagram of a size, and records what came of it.
    async fn ask(&self, size: u32, ttl: Option<u8>) -> Result<mtu::Outcome, Stopped> {
        let (recorder, address) = (&self.recorder, &self.endpoint.address);
        let least = match self.patience {
            Patience::Fixed(patience) => patience,
            Patience::Traced => PATIENCE.0,
        };
        if Instant::now() + least > self.end {
            return Err(Stopped::NoTime);
        }
        let to = Endpoint::new(address.clone(), unlikely_port(self.endpoint.port));
        let headers = if address.is_ipv6() {
            HEADERS_V6
        } else {
            HEADERS_V4
        };
        let payload = usize::try_from(size.saturating_sub(headers)).unwrap_or(0);
        // A socket each: the error queue does not tell which datagram it is about.
        let socket = Udp::open(&flow(&self.options, &to), Fragmentation::Probe)
            .map_err(|_| Stopped::NotSent)?;
        let mut observation = Observation {
            endpoint: Some(to),
            source_port: Some(socket.source().port()),
            ttl,
            size: Some(size),
            control: true,
            ..Observation::new(Operation::Mtu, recorder.now(), Outcome::Timeout)
        };
        // Not silence of the path: a firewall here, or a link that takes less than its interface says (IPsec).
        let sent = socket
            .send(&vec![0; payload], ttl)
            .map_err(|_| Stopped::NotSent)?;
        observation.at_ms = recorder.at(sent);
        let (outcome, at) = match self.hear(&socket, sent).await {
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
        Ok(outcome)
    }

    /// What comes back for a datagram.
    async fn hear(&self, socket: &Udp, sent: Instant) -> Received {
        loop {
            let (patience, look_again) = match self.patience {
                Patience::Fixed(patience) => (patience, patience),
                Patience::Traced => {
                    let patience = self.recorder.read(|evidence| {
                        is_traced(evidence, &self.endpoint)
                            .then(|| patience(evidence, &self.endpoint))
                    });
                    (patience.unwrap_or(PATIENCE.1), sent.elapsed() + LOOK)
                }
            };
            match socket.recv(sent + patience.min(look_again)).await {
                Received::Silent if sent.elapsed() < patience => {}
                received => return received,
            }
        }
    }
}

/// Whether the path is drawn: its trace has ended.
fn is_traced(evidence: &Evidence, endpoint: &Endpoint) -> bool {
    let mut subjects = evidence.endpoints.iter();
    subjects.any(|subject| subject.endpoint == *endpoint && subject.path.is_some())
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
