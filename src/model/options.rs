//! The effective options of a check, defaults included, as they stand in the report.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::finding::Severity;
use super::topology::{ConfidenceScope, TraceProtocol};
use super::{Address, Endpoint, Ms, text};

/// Which address families are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// Both.
    #[default]
    Any,
    /// IPv4 only (`-4`).
    Ipv4,
    /// IPv6 only (`-6`).
    Ipv6,
}

impl Family {
    /// Whether an address of this family is wanted.
    pub const fn admits(self, address: &Address) -> bool {
        match self {
            Self::Any => true,
            Self::Ipv4 => !address.is_ipv6(),
            Self::Ipv6 => address.is_ipv6(),
        }
    }
}

/// What the user says should be so (`--expect`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Expect {
    /// It works.
    Open,
    /// A reset answers; a datagram port unreachable from the host itself.
    Closed,
    /// Silence, or any ICMP error.
    Filtered,
    /// Closed or filtered.
    Blocked,
}

impl Expect {
    /// As it is typed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Filtered => "filtered",
            Self::Blocked => "blocked",
        }
    }
}

/// An answer that the user gave in place of the resolver's (`--resolve HOST:PORT:ADDR`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Override {
    /// The name, in ASCII and lower case.
    pub host: String,
    /// The port for which it holds.
    pub port: u16,
    /// The address to use.
    pub address: Address,
}

/// What the datagrams of a UDP check carry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Payload {
    /// What it is, as it stands in a sentence: `a DNS query for the root's name servers`; untrusted text where the user gave it.
    pub name: String,
    /// Its length in bytes.
    pub length: u16,
    /// Its bytes in hexadecimal, where the user gave it; null where each datagram has random fields of its own.
    pub hex: Option<String>,
    /// Why what listens may stay silent to a stranger, as a sentence; null where it answers, or where nothing is known of it.
    pub silent: Option<String>,
}

impl Payload {
    /// A payload that the user gave.
    pub fn given(name: String, bytes: &[u8]) -> Self {
        Self {
            name,
            length: u16::try_from(bytes.len()).unwrap_or(u16::MAX),
            hex: Some(text::hex(bytes)),
            silent: None,
        }
    }

    /// The bytes that the user gave; none where each datagram has its own.
    pub fn bytes(&self) -> Option<Vec<u8>> {
        self.hex.as_deref().and_then(text::unhex)
    }
}

/// All effective values, defaults included.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Options {
    /// Probes to each address (`--count`).
    pub count: u32,
    /// Time between two probes (`--interval`).
    pub interval_ms: Ms,
    /// How long one probe may take (`--timeout`).
    pub timeout_ms: Ms,
    /// How long the whole check may take (`--deadline`).
    pub deadline_ms: Ms,
    /// Repeat until it passes, for at most so long (`--wait`).
    pub wait_ms: Option<Ms>,
    /// Address families (`-4`, `-6`).
    pub family: Family,
    /// Source address (`--source`).
    pub source: Option<Address>,
    /// Source port (`--source-port`).
    pub source_port: Option<u16>,
    /// Interface (`--interface`).
    pub interface: Option<String>,
    /// Type of service, or traffic class (`--tos`).
    pub tos: Option<u8>,
    /// Name servers asked instead of the configured ones (`--server`).
    pub servers: Vec<Endpoint>,
    /// Record types asked for beside the addresses (`--type`).
    pub record_types: Vec<String>,
    /// Inventories of machines (`--inventory`): files by their names, or `ssh`.
    pub inventories: Vec<String>,
    /// Answers given in place of the resolver's (`--resolve`).
    pub resolve: Vec<Override>,
    /// The longest path looked for (`--max-hops`).
    pub max_hops: u8,
    /// At most so many flows are followed (`--flows`).
    pub flows: u16,
    /// Whether every flow is followed to its end, and as many as tell a dead path of sixteen (`--all-paths`).
    pub all_paths: bool,
    /// How sure the search for all paths has to be, in percent: 95 or 99 (`--confidence`).
    pub confidence_percent: u8,
    /// What that is about (`--confidence-scope`).
    pub confidence_scope: ConfidenceScope,
    /// With which probes `nwcheck trace` goes, where that was named (`--protocol`).
    pub protocol: Option<TraceProtocol>,
    /// The file that tells autonomous systems (`--as-database`), by its name.
    pub as_database: Option<String>,
    /// Path probes a second (`--rate`).
    pub rate: u32,
    /// Whether the path is traced (not with `--no-path`).
    pub path: bool,
    /// Whether this machine is looked at (not with `--no-local`).
    pub local: bool,
    /// At most so many addresses of a name (`--all-addresses`).
    pub all_addresses: u16,
    /// The port that proves that the host is up (`--control`).
    pub control: Option<u16>,
    /// What the datagrams of a UDP check carry (`--payload`, else what the port's protocol answers); null for other checks.
    pub payload: Option<Payload>,
    /// What should be so (`--expect`).
    pub expect: Option<Expect>,
    /// The largest share of failed probes (`--max-loss`).
    pub max_loss_percent: Option<f64>,
    /// The largest average round trip (`--max-avg`).
    pub max_avg_ms: Option<Ms>,
    /// The largest 95th percentile of the round trip (`--max-p95`).
    pub max_p95_ms: Option<Ms>,
    /// The longest wall time to an open socket (`--max-connect`).
    pub max_connect_ms: Option<Ms>,
    /// From which severity on a finding fails the check (`--fail-on`).
    pub fail_on: Severity,
    /// An earlier report of the same target to compare with (`--baseline`), by its file name.
    pub baseline: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            count: 10,
            interval_ms: Ms::from_millis(20),
            timeout_ms: Ms::from_millis(3500),
            deadline_ms: Ms::from_millis(30_000),
            wait_ms: None,
            family: Family::Any,
            source: None,
            source_port: None,
            interface: None,
            tos: None,
            servers: Vec::new(),
            record_types: Vec::new(),
            inventories: Vec::new(),
            resolve: Vec::new(),
            max_hops: 30,
            flows: 64,
            all_paths: false,
            confidence_percent: 95,
            confidence_scope: ConfidenceScope::Node,
            protocol: None,
            as_database: None,
            rate: 250,
            path: true,
            local: true,
            all_addresses: 8,
            control: None,
            payload: None,
            expect: None,
            max_loss_percent: None,
            max_avg_ms: None,
            max_p95_ms: None,
            max_connect_ms: None,
            fail_on: Severity::Error,
            baseline: None,
        }
    }
}

impl Options {
    /// The port that is asked for proof that the host is up: the user's, else TCP port 1, where hardly a host listens.
    pub const fn control_port(&self, asked: u16) -> u16 {
        match self.control {
            Some(port) => port,
            None if asked == 1 => 2,
            None => 1,
        }
    }
}
