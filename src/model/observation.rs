//! One attempt at one thing, and what came of it: the atoms on which every finding rests.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::speech::Banner;
use super::topology::MplsLabel;
use super::{Address, Endpoint, Ms, Outcome};

/// The number of an observation within its report, from 1.
pub type ObservationId = u32;

/// What was attempted.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Operation {
    /// The system's resolver was asked, as an application does (`getaddrinfo`).
    Resolve,
    /// One name server was asked one question; `endpoint` is the server.
    Query,
    /// A TCP connection was opened to the endpoint.
    Connect,
    /// A moment's waiting on an open connection, without sending: `closed` or `reset` where the other side ended it before a byte, `ok`
    /// where it spoke, `timeout` where it waits. `elapsed_ms` counts from the handshake.
    Read,
    /// An ICMP echo request was sent.
    Echo,
    /// A UDP datagram was sent.
    Datagram,
    /// A TCP SYN with a limited TTL was sent.
    TraceTcp,
    /// A UDP datagram with a limited TTL was sent.
    TraceUdp,
    /// An ICMP echo request with a limited TTL was sent.
    TraceIcmp,
    /// The kernel's own counters were compared around a silent burst: did its packets leave, and were answers dropped on arrival?
    /// `denied`: they did not leave; `answer_dropped`, `reverse_path_filtered`: packets that came in were dropped; `timeout`: neither.
    Counters,
    /// The kernel's counters were compared around one attempt in a quiet moment: `answer_dropped` or `reverse_path_filtered` when an answer
    /// came in and was dropped, `timeout` when none came.
    Ingress,
    /// The count of packets that left by the route's interface was compared around one attempt: `denied` when none left.
    Egress,
    /// A datagram of a certain size was sent that must not be broken up; with a TTL, to the router at that distance.
    Mtu,
    /// The TTL with which the answer to a SYN comes back was searched for, by attempts that ignore answers with a lower one: `reply_ttl`,
    /// where several flows agreed; null where they did not. `refused` for a reset, `ok` for an open port's answer.
    ReturnTtl,
    /// A connection from a source port from which an attempt had failed before; a control from a new one beside it.
    SamePort,
    /// A connection from another source address of this machine; a control from the usual one beside it.
    OtherSource,
    /// Nothing was sent to the address for a while (`elapsed_ms`), so that routers which limit their errors may answer again;
    /// `cancelled` where no time was left for it.
    Pause,
    /// An earlier report was read: `ttl` is the hop of the host's last router then, `icmp.from` that router.
    Baseline,
}

/// How many connections are looked at where the other side ends the first at once.
pub const LOOKS: usize = 3;

/// One attempt and its outcome. Its offsets count from the report's `started_at`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Observation {
    /// The number by which findings cite it, from 1.
    pub id: ObservationId,
    /// When it was sent.
    pub at_ms: Ms,
    /// What was attempted.
    pub operation: Operation,
    /// To whom: an address with its port, a bare address, or null for the system's resolver.
    pub endpoint: Option<Endpoint>,
    /// What came of it.
    pub outcome: Outcome,
    /// The round trip, from the kernel where it tells (`TCP_INFO`, receive timestamps), else by the wall clock; null without an answer.
    /// A lost SYN never counts in it.
    pub rtt_ms: Option<Ms>,
    /// Wall time from the start of the attempt to its outcome, retransmissions included.
    pub elapsed_ms: Option<Ms>,
    /// The source port: the flow.
    pub source_port: Option<u16>,
    /// The number of the flow within its trace, from 0; null for what is not traced.
    pub flow: Option<u32>,
    /// The TTL or hop limit it was sent with, where one was set.
    pub ttl: Option<u8>,
    /// Its size in bytes with the IP header, where that is what it is about.
    pub size: Option<u32>,
    /// The TTL or hop limit that the answer had when it came in, where it could be seen.
    pub reply_ttl: Option<u8>,
    /// How often the kernel had to send it again; null where that is unknown or does not apply.
    pub retransmits: Option<u32>,
    /// The error of the operating system, by name (`ECONNREFUSED`).
    pub errno: Option<String>,
    /// The ICMP error that answered.
    pub icmp: Option<Icmp>,
    /// What the other side said first, unasked.
    pub banner: Option<Banner>,
    /// Whether it is a control: not what was asked for, but what proves or refutes an explanation.
    pub control: bool,
}

/// An ICMP error as it came back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Icmp {
    /// ICMP or `ICMPv6` type.
    #[serde(rename = "type")]
    pub kind: u8,
    /// Code.
    pub code: u8,
    /// Who sent it.
    pub from: Option<Address>,
    /// The MTU that it names (fragmentation needed, packet too big).
    pub mtu: Option<u32>,
    /// What it quotes of the probe, and what its sender adds; null where neither could be seen, or neither tells anything.
    pub quote: Option<Quoted>,
}

/// The probe as the sender of an ICMP error had it before itself, and what that sender adds about itself. Untrusted; each part null
/// where it was not quoted or, without a raw socket, not handed out by the kernel.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Quoted {
    /// The TTL left: 1, or 0, unless a tunnel hides hops or a device rewrites it.
    pub ttl: Option<u8>,
    /// Type of service or traffic class as it arrived there.
    pub tos: Option<u8>,
    /// The source, where a translator changed it; its port only where that was changed.
    pub source: Option<Endpoint>,
    /// The destination, where a translator changed it.
    pub destination: Option<Endpoint>,
    /// The MPLS label stack that it arrived with, outermost first (RFC 4950).
    pub mpls: Vec<MplsLabel>,
    /// The interfaces that it came in or was to leave by (RFC 5837).
    pub interfaces: Vec<QuotedInterface>,
}

/// What an interface has to do with the probe (RFC 5837 section 4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum InterfaceRole {
    /// The probe came in here.
    Incoming,
    /// The part below IP of the interface it came in by.
    SubIp,
    /// It would have gone out here.
    Outgoing,
    /// The next hop it would have gone to.
    NextHop,
}

/// An interface of the sender of an ICMP error, as that tells it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct QuotedInterface {
    /// What it has to do with the probe.
    pub role: InterfaceRole,
    /// Its index.
    pub index: Option<u32>,
    /// Its address.
    pub address: Option<Address>,
    /// Its name; untrusted text.
    pub name: Option<String>,
    /// Its MTU in bytes.
    pub mtu: Option<u32>,
}

impl Icmp {
    /// `type 3 code 13 (administratively prohibited)`, as it is put in evidence.
    pub fn describe(&self) -> String {
        let v6 = self.from.as_ref().is_some_and(Address::is_ipv6);
        let name = match (v6, self.kind, self.code) {
            (false, 3, 0) => "network unreachable",
            (false, 3, 1) => "host unreachable",
            (false, 3, 2) => "protocol unreachable",
            (false, 3, 3) | (true, 1, 4) => "port unreachable",
            (false, 3, 4) => "fragmentation needed",
            (false, 3, 6) => "network unknown",
            (false, 3, 7) => "host unknown",
            (false, 3, 9) => "network prohibited",
            (false, 3, 10) => "host prohibited",
            (false, 3, 13) | (true, 1, 1) => "administratively prohibited",
            (false, 11, 0) => "time exceeded",
            (true, 3, 0) => "hop limit exceeded",
            (true, 1, 0) => "no route",
            (true, 1, 2) => "beyond scope of source address",
            (true, 1, 3) => "address unreachable",
            (true, 1, 5) => "source address failed policy",
            (true, 1, 6) => "reject route",
            (true, 2, _) => "packet too big",
            _ => "",
        };
        let family = if v6 { "ICMPv6" } else { "ICMP" };
        if name.is_empty() {
            format!("{family} type {} code {}", self.kind, self.code)
        } else {
            format!("{family} {name} (type {} code {})", self.kind, self.code)
        }
    }
}

impl Observation {
    /// An observation that nothing is known of yet but what was attempted; its number is given when it is recorded.
    pub const fn new(operation: Operation, at_ms: Ms, outcome: Outcome) -> Self {
        Self {
            id: 0,
            at_ms,
            operation,
            endpoint: None,
            outcome,
            rtt_ms: None,
            elapsed_ms: None,
            source_port: None,
            flow: None,
            ttl: None,
            size: None,
            reply_ttl: None,
            retransmits: None,
            errno: None,
            icmp: None,
            banner: None,
            control: false,
        }
    }

    /// Who sent the ICMP error that answered.
    pub fn icmp_from(&self) -> Option<&Address> {
        self.icmp.as_ref().and_then(|icmp| icmp.from.as_ref())
    }

    /// Whether the first SYN of this connect got no answer in its round trip: it had to be sent again, and the answer is not just a
    /// slow one to the first (a round trip longer than the kernel's first time-out of 1 s, RFC 6298 section 2).
    pub fn first_syn_lost(&self) -> bool {
        match (self.retransmits, self.rtt_ms, self.elapsed_ms) {
            (Some(again), Some(rtt), Some(elapsed)) if again > 0 => {
                elapsed.saturating_sub(rtt) > Ms::from_millis(500)
            }
            (Some(again), None, _) => again > 0,
            _ => false,
        }
    }
}
