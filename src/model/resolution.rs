//! How a name became addresses: what an application gets, and what each server says.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::machine::Machine;
use super::{Address, Endpoint, Ms, ObservationId, Outcome};

/// Where an answer came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SourceKind {
    /// The target is an address: nothing was asked.
    Literal,
    /// `--resolve`.
    Option,
    /// The system's resolver, as an application uses it (`getaddrinfo`).
    System,
    /// The hosts file, read beside it.
    Hosts,
    /// The servers named with `--server`, or the configured ones where the system's resolver did not answer in time.
    Dns,
    /// Who runs the virtual machine or container, or an inventory that has it.
    Provider,
}

/// What one source says of the name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SourceAnswer {
    /// Which source.
    pub source: SourceKind,
    /// What it said: `ok`, `nxdomain`, `no_data`, `servfail`, `timeout` (still waiting when the check went on), `other_error` …
    pub outcome: Outcome,
    /// The source's own words for a failure, such as `EAI_AGAIN: Temporary failure in name resolution`.
    pub error: Option<String>,
    /// How long it took.
    pub ms: Option<Ms>,
    /// The addresses, in the order in which an application tries them.
    pub addresses: Vec<Address>,
    /// The observation that records it.
    pub observation: Option<ObservationId>,
}

/// UDP or TCP.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// Over UDP.
    Udp,
    /// Over TCP.
    Tcp,
}

/// One question to one name server, and its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ServerAnswer {
    /// The server.
    pub address: Endpoint,
    /// Over which transport it was asked.
    pub transport: Transport,
    /// The name asked for, without the final dot.
    pub name: String,
    /// The record type: `A`, `AAAA`.
    #[serde(rename = "type")]
    pub record: String,
    /// What it answered: `ok`, `nxdomain`, `no_data`, `servfail`, `dns_refused`, `timeout`, an ICMP error …
    pub outcome: Outcome,
    /// How long it took.
    pub ms: Option<Ms>,
    /// The answer section as text, one record each: `A 192.0.2.7`, `CNAME www.example.`; escaped and bounded.
    pub answers: Vec<String>,
    /// Extended DNS errors (RFC 8914) that came with it, quoted.
    pub extended_errors: Vec<String>,
    /// Whether the answer said that it was cut short (TC), so that it was asked again over TCP.
    pub truncated: bool,
    /// Whether it was asked with checking disabled (CD, RFC 4035 section 3.2.2), to tell a server that can't answer from one that won't
    /// because a signature does not verify.
    pub checking_disabled: bool,
    /// The observation that records it.
    pub observation: Option<ObservationId>,
}

/// How the name became addresses.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Resolution {
    /// The names that are tried, in order, as the search list and `ndots` make them; empty for an address.
    pub names: Vec<String>,
    /// What each source says.
    pub sources: Vec<SourceAnswer>,
    /// Each question to each server.
    pub servers: Vec<ServerAnswer>,
    /// The same questions to the servers behind the stub of systemd-resolved, each asked by itself; `nwcheck dns` alone asks them.
    pub upstream: Vec<ServerAnswer>,
    /// What each server that has addresses answers for a random name beside it: an address there comes from a wildcard, or from a resolver
    /// that makes up answers. `nwcheck dns` alone asks.
    pub random_names: Vec<ServerAnswer>,
    /// The addresses that the check is about, in the order in which an application tries them.
    pub addresses: Vec<Address>,
    /// What an application waits for the answer, computed from the resolver's time-outs and what the servers did;
    /// null where it got one at once or nothing is known.
    pub application_delay_ms: Option<Ms>,
    /// Names in the hosts file or the search list that are nearly the one asked for.
    pub near_misses: Vec<String>,
    /// Who knows the virtual machine that was named, and in which state it is; null where the target is none.
    pub machine: Option<Machine>,
    /// Whether all sources have been heard.
    pub complete: bool,
}

impl Resolution {
    /// What the servers behind the stub say, as if they were the configured ones.
    #[must_use]
    pub fn behind(&self) -> Self {
        Self {
            names: self.names.clone(),
            servers: self.upstream.clone(),
            complete: self.complete,
            ..Self::default()
        }
    }

    /// What a source said, if it was asked.
    pub fn source(&self, kind: SourceKind) -> Option<&SourceAnswer> {
        self.sources.iter().find(|answer| answer.source == kind)
    }
}
