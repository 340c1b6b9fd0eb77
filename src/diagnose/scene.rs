//! One address under test, with all that was learnt of it, sorted once for the rules.

mod alive;
mod control;
mod filter;
mod kind;
mod rejection;

use crate::model::evidence::UnderTest;
use crate::model::local::{Neighbour, Route};
use crate::model::target::Protocol;
use crate::model::text::escape;
use crate::model::topology::{Seen, Walk};
use crate::model::{Address, Endpoint, Evidence, Observation, ObservationId, Operation, Outcome};

pub use control::Impostor;
pub use filter::{Denial, Filter};
pub use rejection::Rejection;

/// One address under test and the evidence on it.
#[derive(Debug, Clone)]
pub struct Scene<'a> {
    /// All evidence.
    pub evidence: &'a Evidence,
    /// The address that is judged.
    pub subject: &'a UnderTest,
    /// The burst: what was asked for.
    pub burst: Vec<&'a Observation>,
    /// TTL-limited probes of the kind that was asked for, to the port asked for where there is one.
    pub walk: Walk<'a>,
    /// Connections to the control port.
    pub control: Vec<&'a Observation>,
    /// TTL-limited probes to the control port.
    pub control_walk: Walk<'a>,
    /// Echo requests to the host, where they are not what was asked for.
    pub echo: Vec<&'a Observation>,
    /// What the kernel's counters said around silent bursts.
    pub counters: Vec<&'a Observation>,
    /// Whether answers reached this machine and were dropped.
    pub ingress: Vec<&'a Observation>,
    /// Whether packets left this machine while the port was refused.
    pub egress: Vec<&'a Observation>,
    /// With which TTL answers came back: the port's, and the control port's.
    pub return_ttl: Vec<&'a Observation>,
    /// Connections from the source ports of attempts that had failed.
    pub same_port: Vec<&'a Observation>,
    /// Moments on connections that opened.
    pub looks: Vec<&'a Observation>,
    /// Connections from another source, and usual ones in turn with them.
    pub other_source: Vec<&'a Observation>,
    /// Datagrams to an unlikely port of the host.
    pub datagram: Vec<&'a Observation>,
    /// TTL-limited datagrams to the host.
    pub datagram_walk: Walk<'a>,
}

/// What the burst looks like as a whole: every rule of one address starts from it, so that no two of them claim the same fault.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape<'a> {
    /// No probe has ended yet.
    NotTried,
    /// Every probe was answered at its first packet.
    Works,
    /// Some probes were answered, and some not, or not at once.
    Mixed,
    /// The kernel of this machine ended every attempt before a packet left.
    LocalError(Outcome),
    /// One sender answered different probes with the same ICMP error.
    Rejected(Rejection<'a>),
    /// An ICMP error came, but only once: it could be forged.
    RejectedOnce(Rejection<'a>),
    /// The probes ran out of hops on a full TTL.
    Circles(Vec<&'a Observation>),
    /// A reset answered.
    Refused,
    /// Nothing answered.
    Silent,
    /// The paths alone were asked for, and they end in silence behind a router that answered: no fault is proven by that.
    Unreached,
}

/// Who sent an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    /// This machine itself.
    ThisMachine,
    /// The destination asked for.
    Destination,
    /// Another device.
    Device,
}

/// Why the host must be up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostUp {
    /// The reason, as a sentence.
    pub text: String,
    /// What shows it.
    pub observations: Vec<ObservationId>,
}

impl<'a> Scene<'a> {
    /// The further attempts that prove that this machine itself made the reset: three, and more than speak against it. Something else
    /// that leaves at the same moment hides one of them, no more.
    pub fn resets_made_here(&self) -> Option<Vec<&'a Observation>> {
        let made: Vec<_> = self
            .egress
            .iter()
            .copied()
            .filter(|o| o.outcome == Outcome::Denied)
            .collect();
        (made.len() >= 3 && made.len() * 2 > self.egress.len()).then_some(made)
    }

    /// Sorts the evidence on one address.
    pub fn new(evidence: &'a Evidence, subject: &'a UnderTest) -> Self {
        let endpoint = &subject.endpoint;
        let host = Endpoint::portless(endpoint.address.clone());
        let control_endpoint = evidence.control_of(endpoint);
        let on_host = move |o: &&Observation| {
            o.endpoint
                .as_ref()
                .is_some_and(|e| e.address == host.address)
        };
        let all = || evidence.observations.iter().filter(on_host.clone());
        let walk = |operation: Operation, to: &Endpoint, control: bool| {
            let to_port = to.port;
            Walk::of(
                all().filter(move |o| {
                    o.operation == operation
                        && o.control == control
                        && (operation != Operation::TraceTcp
                            || o.endpoint.as_ref().and_then(|e| e.port) == to_port)
                }),
                to,
            )
        };
        let traced = evidence.path_protocol().operation();
        Self {
            evidence,
            subject,
            // What was cut short shows nothing. Where the paths alone are asked for, the probes that did not even leave stand for it.
            burst: if is_trace(evidence) {
                evidence
                    .of(traced, endpoint)
                    .filter(|o| !o.control && o.outcome.is_local())
                    .collect()
            } else {
                evidence
                    .burst(endpoint)
                    .filter(|o| o.outcome != Outcome::Cancelled)
                    .collect()
            },
            walk: walk(traced, endpoint, false),
            control: all()
                .filter(|o| o.operation == Operation::Connect && o.control)
                .collect(),
            control_walk: walk(Operation::TraceTcp, &control_endpoint, true),
            echo: all()
                .filter(|o| o.operation == Operation::Echo && o.control)
                .collect(),
            counters: evidence.of(Operation::Counters, endpoint).collect(),
            ingress: evidence.of(Operation::Ingress, endpoint).collect(),
            egress: evidence.of(Operation::Egress, endpoint).collect(),
            same_port: evidence.of(Operation::SamePort, endpoint).collect(),
            looks: evidence.of(Operation::Read, endpoint).collect(),
            other_source: evidence.of(Operation::OtherSource, endpoint).collect(),
            return_ttl: all()
                .filter(|o| o.operation == Operation::ReturnTtl)
                .collect(),
            datagram: all()
                .filter(|o| o.operation == Operation::Datagram && o.control)
                .collect(),
            datagram_walk: walk(Operation::TraceUdp, endpoint, true),
        }
    }

    /// The address and port under test.
    pub fn endpoint(&self) -> &'a Endpoint {
        &self.subject.endpoint
    }

    /// The address under test.
    pub fn address(&self) -> &'a Address {
        &self.subject.endpoint.address
    }

    /// The address, with the name that was typed where it is one: `db.example (10.0.0.7)`.
    pub fn host(&self) -> String {
        let target = &self.evidence.target;
        if target.address().is_some() {
            self.address().to_string()
        } else {
            format!("{} ({})", escape(&target.host), self.address())
        }
    }

    /// An address with its reverse name, where one is known: `10.0.2.1 (gw.example)`.
    pub fn device(&self, address: &Address) -> String {
        match self.evidence.names.get(address) {
            Some(name) => format!("{address} ({})", escape(name)),
            None => address.to_string(),
        }
    }

    /// Where the packets come from, as somebody else's firewall sees it.
    pub fn source(&self) -> String {
        let own = self
            .source_address()
            .map_or_else(|| "this machine".to_owned(), ToString::to_string);
        match super::environment::translated_source(self) {
            Some(outer) => format!("{outer} (as {own} is translated on the way)"),
            None => own,
        }
    }

    /// The address that packets leave this machine with.
    pub fn source_address(&self) -> Option<&'a Address> {
        let asked = self.evidence.options.source.as_ref();
        asked
            .or_else(|| self.route().and_then(|route| route.source.as_ref()))
            .or(self.evidence.source.address.as_ref())
    }

    /// Whether the source address that was asked for is one of this machine's; also where none was asked for.
    pub fn source_is_ours(&self) -> bool {
        let own = &self.evidence.local.addresses;
        let asked = self.evidence.options.source.as_ref();
        asked.is_none_or(|source| own.iter().any(|address| address.ip() == source.ip()))
    }

    /// The kernel's route to the address.
    pub fn route(&self) -> Option<&'a Route> {
        self.evidence.local.route_to(self.address())
    }

    /// The next hop on the link, as the kernel knows it.
    pub fn next_hop(&self) -> Option<&'a Neighbour> {
        self.evidence.local.next_hop(self.address())
    }

    /// Whether the address is directly on a link of this machine: by the routing table, and no router answered for it (as with proxy ARP).
    pub fn on_link(&self) -> bool {
        let by_route = self.route().is_some_and(|route| {
            route.gateway.is_none()
                && route.kind == crate::model::local::RouteKind::Unicast
                && route.interface.is_some()
        });
        by_route && self.farthest().is_none()
    }

    /// Whether the host answers a TTL of 1 though a gateway that it is not leads to it: something rewrites the TTL, or answers in its name.
    pub fn hops_are_hidden(&self) -> bool {
        let gateway = self.route().and_then(|route| route.gateway.as_ref());
        let walks = [&self.walk, &self.control_walk, &self.datagram_walk];
        gateway.is_some_and(|gateway| gateway.ip() != self.address().ip())
            && walks.iter().any(|walk| walk.arrival() == Some(1))
    }

    /// How it is known that nothing stands between this machine and the host, at the start of a sentence.
    pub fn nothing_between(&self) -> &'static str {
        match self.route() {
            Some(route) if route.gateway.is_none() => {
                "By the routing table the host is on a link of this machine, and no router answered in between"
            }
            _ => "The host answers with the smallest TTL already, and no router answered before it",
        }
    }

    /// The TTL-limited probes that the address under test itself answered with time exceeded: it hands packets on, as a port forward, a load
    /// balancer or an address translator does, and what answers in the end is behind it.
    pub fn handed_on(&self) -> Vec<ObservationId> {
        let expired = self.walk.hops.values().flat_map(|seen| &seen.expired);
        expired
            .filter(|answer| answer.from.ip() == self.address().ip())
            .map(|answer| answer.observation.id)
            .collect()
    }

    /// Whether the address is this machine's own.
    pub fn is_own(&self) -> bool {
        self.evidence.local.is_own(self.address())
            || self
                .route()
                .is_some_and(|route| route.kind == crate::model::local::RouteKind::Local)
    }

    /// Who a sender of ICMP errors is.
    pub fn sender(&self, from: &Address) -> Sender {
        if from.ip() == self.address().ip() && !self.is_own() {
            Sender::Destination
        } else if self.evidence.local.is_own(from) {
            Sender::ThisMachine
        } else if from.ip() == self.address().ip() {
            Sender::Destination
        } else {
            Sender::Device
        }
    }

    /// Whether a process of this machine listens at the address and port asked for, as far as the kernel's list tells.
    pub fn listens_here(&self) -> bool {
        self.evidence.local.listeners.iter().any(|listener| {
            let address = &listener.endpoint.address;
            let here = address.ip() == self.address().ip() || address.ip().is_unspecified();
            here && listener.endpoint.port == self.endpoint().port
        })
    }

    /// The probes of the burst with one outcome.
    pub fn with(&self, outcome: Outcome) -> Vec<&'a Observation> {
        self.burst
            .iter()
            .copied()
            .filter(|o| o.outcome == outcome)
            .collect()
    }

    /// The probes of the burst that are in trouble: not answered as asked, or only after the SYN was sent again.
    pub fn troubled(&self) -> Vec<&'a Observation> {
        self.burst
            .iter()
            .copied()
            .filter(|o| {
                o.outcome != Outcome::Ok && o.outcome != Outcome::Cancelled || o.first_syn_lost()
            })
            .collect()
    }

    /// What the burst looks like as a whole.
    pub fn shape(&self) -> Shape<'a> {
        if is_trace(self.evidence) {
            return self.shape_of_trace();
        }
        let ended: Vec<&'a Observation> = self
            .burst
            .iter()
            .copied()
            .filter(|o| o.outcome != Outcome::Cancelled)
            .collect();
        if ended.is_empty() {
            return Shape::NotTried;
        }
        let ok = ended.iter().filter(|o| o.outcome == Outcome::Ok).count();
        if ok > 0 {
            return if self.troubled().is_empty() {
                Shape::Works
            } else {
                Shape::Mixed
            };
        }
        let local: Vec<_> = ended.iter().filter(|o| o.outcome.is_local()).collect();
        if let Some(first) = local.first().filter(|_| local.len() * 2 >= ended.len()) {
            return Shape::LocalError(first.outcome);
        }
        let refused = ended
            .iter()
            .filter(|o| o.outcome == Outcome::Refused)
            .count();
        let circles: Vec<&'a Observation> = ended
            .iter()
            .copied()
            .filter(|o| o.outcome == Outcome::TtlExceeded)
            .collect();
        let rejections = self.rejections();
        let in_burst = |r: &Rejection<'_>| r.answers.iter().filter(|o| o.ttl.is_none()).count();
        if let Some(most) = rejections
            .iter()
            .filter(|r| !self.meets_only_what_expires(r))
            .max_by_key(|r| (in_burst(r), r.answers.len(), r.first()))
            .filter(|r| {
                let burst = in_burst(r);
                let alone = refused == 0 && circles.is_empty();
                (burst >= refused.max(1) && circles.len() <= burst)
                    || (alone && r.answers.len() >= 2)
            })
        {
            if most.answers.len() >= 2 {
                return Shape::Rejected(most.clone());
            }
            // One that did not come again in a second burst proves nothing, and explains none of the silence.
            let count = usize::try_from(self.evidence.options.count).unwrap_or(usize::MAX);
            if ended.len() <= count {
                return Shape::RejectedOnce(most.clone());
            }
        }
        if refused > 0 {
            return Shape::Refused;
        }
        let silent = ended.iter().any(|o| o.outcome == Outcome::Timeout);
        if let Some(first) = ended.first().filter(|_| circles.is_empty() && !silent) {
            // An error that is none of these, or an ICMP error without its sender: no silence, and nothing that proves more.
            Shape::LocalError(first.outcome)
        } else if circles.is_empty() {
            Shape::Silent
        } else {
            Shape::Circles(circles)
        }
    }

    /// The same where the paths alone were asked for.
    fn shape_of_trace(&self) -> Shape<'a> {
        if self.walk.arrival().is_some() {
            return Shape::Works;
        }
        let rejections = self.rejections();
        if let Some(most) = rejections
            .iter()
            .filter(|r| !self.meets_only_what_expires(r))
            .max_by_key(|r| (r.answers.len(), r.first()))
            .filter(|r| r.answers.len() >= 2)
        {
            return Shape::Rejected(most.clone());
        }
        let answered = self.walk.hops.values().any(Seen::answered);
        match self.burst.first() {
            Some(first) if !answered => Shape::LocalError(first.outcome),
            _ if super::rules::path::circles(self) => Shape::Circles(Vec::new()),
            _ if answered => Shape::Unreached,
            _ if self.walk.is_empty() => Shape::NotTried,
            _ => Shape::Silent,
        }
    }

    /// The last distance at which a router answered for probes to the port asked for, with its address; none if not even the
    /// first did.
    pub fn last_router(&self) -> Option<(u8, &'a Address)> {
        self.last_of(&self.walk)
    }

    /// The farthest router that answered in a walk. The target's own address is none: a port forward answers from there.
    fn last_of(&self, walk: &Walk<'a>) -> Option<(u8, &'a Address)> {
        let beyond = walk.arrival().unwrap_or(u8::MAX);
        walk.hops.range(..beyond).rev().find_map(|(ttl, seen)| {
            let mut routers = seen
                .expired
                .iter()
                .filter_map(|answer| answer.observation.icmp_from());
            routers
                .find(|from| from.ip() != self.address().ip())
                .map(|from| (*ttl, from))
        })
    }

    /// Whether another address of the same link has the same link address: then one device answers for several (proxy ARP, RFC 1027), and
    /// does so for a host that is off, too.
    pub(crate) fn answered_by_proxy(&self, neighbour: &Neighbour) -> bool {
        self.evidence.local.neighbours.iter().any(|other| {
            other.interface == neighbour.interface
                && other.address.ip() != neighbour.address.ip()
                && other.address.is_ipv6() == neighbour.address.is_ipv6()
                && other.link_address.is_some()
                && other.link_address == neighbour.link_address
        })
    }

    /// The farthest distance at which a router answered a probe of any kind, with its address.
    pub fn farthest(&self) -> Option<(u8, &'a Address)> {
        [&self.walk, &self.control_walk, &self.datagram_walk]
            .into_iter()
            .filter_map(|walk| self.last_of(walk))
            .max_by_key(|(ttl, _)| *ttl)
    }
}

/// Whether the paths alone were asked for.
fn is_trace(evidence: &Evidence) -> bool {
    evidence.target.protocol == Protocol::Trace
}

/// The numbers of observations, for a fact.
pub fn ids<'a>(observations: impl IntoIterator<Item = &'a &'a Observation>) -> Vec<ObservationId> {
    observations.into_iter().map(|o| o.id).collect()
}
