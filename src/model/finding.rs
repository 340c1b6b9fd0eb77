//! A finding: one thing that is wrong, its proof, and what to do.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Address, Endpoint, ObservationId};

/// How bad it is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Severity {
    /// Worth knowing; changes no verdict.
    Info,
    /// It works, and something is wrong.
    Warning,
    /// What was asked for does not work.
    Error,
}

impl Severity {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// Whose it is: the links of the chain from the name to the service, in the order in which a check passes them.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Origin {
    /// The name, or a name server.
    Name,
    /// This machine.
    Local,
    /// A router, or something else between here and there.
    Path,
    /// The host asked for, or the device directly before it.
    Destination,
    /// What speaks on the port.
    Service,
    /// What the user demanded, or a declared rule.
    Policy,
}

impl Origin {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Local => "local",
            Self::Path => "path",
            Self::Destination => "destination",
            Self::Service => "service",
            Self::Policy => "policy",
        }
    }
}

macro_rules! ids {
    ($( $name:ident = $text:literal, $origin:ident; )*) => {
        /// The permanent name of a kind of finding. An id never changes its meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[non_exhaustive]
        pub enum Id {
            $( #[doc = concat!("`", $text, "`")] #[serde(rename = $text)] $name, )*
        }

        impl Id {
            /// All of them, in the order of the chain.
            pub const ALL: &'static [Self] = &[ $( Self::$name, )* ];

            /// As it is written: kebab case.
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$name => $text, )* }
            }

            /// Whose fault it is.
            pub const fn origin(self) -> Origin {
                match self { $( Self::$name => Origin::$origin, )* }
            }
        }
    };
}

ids! {
    DnsNxdomain = "dns-nxdomain", Name;
    DnsNoAddress = "dns-no-address", Name;
    DnsServfail = "dns-servfail", Name;
    DnsDnssecBogus = "dns-dnssec-bogus", Name;
    DnsRefused = "dns-refused", Name;
    DnsAliasLoop = "dns-alias-loop", Name;
    DnsTimeout = "dns-timeout", Name;
    DnsNoServers = "dns-no-servers", Name;
    DnsServerDown = "dns-server-down", Name;
    DnsInconsistent = "dns-inconsistent", Name;
    DnsTypeUnanswered = "dns-type-unanswered", Name;
    DnsSlow = "dns-slow", Name;
    LocalNoRoute = "local-no-route", Local;
    LocalInterfaceDown = "local-interface-down", Local;
    LocalSourceUnavailable = "local-source-unavailable", Local;
    LocalPortInUse = "local-port-in-use", Local;
    LocalPortDenied = "local-port-denied", Local;
    LocalPortsExhausted = "local-ports-exhausted", Local;
    LocalSocketsExhausted = "local-sockets-exhausted", Local;
    LocalConntrackFull = "local-conntrack-full", Local;
    LocalFirewall = "local-firewall", Local;
    LocalNeighbourUnresolved = "local-neighbour-unresolved", Local;
    LocalRouteAsymmetricFilter = "local-route-asymmetric-filter", Local;
    LocalListenerAddress = "local-listener-address", Local;
    LocalInterfaceErrors = "local-interface-errors", Local;
    LocalMultihomed = "local-multihomed", Local;
    LocalProxyConfigured = "local-proxy-configured", Local;
    LocalCpuHigh = "local-cpu-high", Local;
    LocalMemoryHigh = "local-memory-high", Local;
    PathNoRoute = "path-no-route", Path;
    PathHostUnreachable = "path-host-unreachable", Path;
    PathProhibited = "path-prohibited", Path;
    PathLoop = "path-loop", Path;
    PathBlackhole = "path-blackhole", Path;
    PathPartial = "path-partial", Path;
    PathFiltered = "path-filtered", Path;
    PathReset = "path-reset", Path;
    PathMtuReduced = "path-mtu-reduced", Path;
    PathLoss = "path-loss", Path;
    PathLatency = "path-latency", Path;
    VmNotRunning = "vm-not-running", Destination;
    PortClosed = "port-closed", Destination;
    PortFiltered = "port-filtered", Destination;
    HostDown = "host-down", Destination;
    EchoFiltered = "echo-filtered", Destination;
    UdpClosed = "udp-closed", Destination;
    UdpNoAnswer = "udp-no-answer", Destination;
    DestinationIntermittent = "destination-intermittent", Destination;
    DestinationAddressPartial = "destination-address-partial", Destination;
    DestinationIpv6Broken = "destination-ipv6-broken", Destination;
    DestinationIpv4Broken = "destination-ipv4-broken", Destination;
    ServiceCloses = "service-closes", Service;
    ServiceSilent = "service-silent", Service;
    ServiceProtocol = "service-protocol", Service;
    ExpectationUnmet = "expectation-unmet", Policy;
    ThresholdLoss = "threshold-loss", Policy;
    ThresholdLatency = "threshold-latency", Policy;
}

impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

impl std::str::FromStr for Id {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL
            .iter()
            .copied()
            .find(|id| id.as_str() == text)
            .ok_or(())
    }
}

/// A plain fact measured in this check, with the observations it rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fact {
    /// The fact, in one sentence.
    pub text: String,
    /// The numbers of the observations that show it; empty where the kernel itself said so (routes, interfaces).
    pub observations: Vec<ObservationId>,
}

/// One step towards the remedy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Action {
    /// What to do.
    pub text: String,
    /// A command that can be pasted as it is.
    pub command: Option<String>,
}

/// One thing that is wrong, with its proof and the steps that remedy it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// What kind it is: see `nwcheck explain ID`.
    pub id: Id,
    /// How bad it is.
    pub severity: Severity,
    /// Whose it is.
    pub origin: Origin,
    /// One line with the names and numbers of this very check.
    pub title: String,
    /// What it means, in a sentence or a few.
    pub explanation: String,
    /// The facts that prove it.
    pub evidence: Vec<Fact>,
    /// What to do, first things first.
    pub actions: Vec<Action>,
    /// The endpoint it is about; null when it is about the whole check.
    pub endpoint: Option<Endpoint>,
    /// The distance of the device that answered with the fault, 1 = the first router; null where it is not proven.
    pub hop: Option<u8>,
    /// Whose fault it is, or the last that answered.
    pub address: Option<Address>,
}

impl Finding {
    /// A finding with its title; the rest is added.
    pub fn new(id: Id, severity: Severity, title: impl Into<String>) -> Self {
        Self {
            id,
            severity,
            origin: id.origin(),
            title: title.into(),
            explanation: String::new(),
            evidence: Vec::new(),
            actions: Vec::new(),
            endpoint: None,
            hop: None,
            address: None,
        }
    }

    /// Says what it means.
    #[must_use]
    pub fn explained(mut self, explanation: impl Into<String>) -> Self {
        self.explanation = explanation.into();
        self
    }

    /// Adds a fact and the observations it rests on.
    #[must_use]
    pub fn fact(
        mut self,
        text: impl Into<String>,
        observations: impl IntoIterator<Item = ObservationId>,
    ) -> Self {
        self.evidence.push(Fact {
            text: text.into(),
            observations: observations.into_iter().collect(),
        });
        self
    }

    /// Adds a step.
    #[must_use]
    pub fn action(mut self, text: impl Into<String>) -> Self {
        self.actions.push(Action {
            text: text.into(),
            command: None,
        });
        self
    }

    /// Adds a step that is a command to paste.
    #[must_use]
    pub fn command(mut self, text: impl Into<String>, command: impl Into<String>) -> Self {
        self.actions.push(Action {
            text: text.into(),
            command: Some(command.into()),
        });
        self
    }

    /// Says which endpoint it is about.
    #[must_use]
    pub fn about(mut self, endpoint: &Endpoint) -> Self {
        self.endpoint = Some(endpoint.clone());
        self
    }

    /// Says where it is.
    #[must_use]
    pub fn at(mut self, hop: Option<u8>, address: Option<Address>) -> Self {
        self.hop = hop;
        self.address = address;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::Id;

    #[test]
    fn every_id_reads_back_and_is_serialised_as_it_is_written() {
        for id in Id::ALL {
            assert_eq!(id.as_str().parse(), Ok(*id));
            assert_eq!(serde_json::to_string(id).unwrap(), format!("\"{id}\""));
        }
    }

    #[test]
    fn ids_stand_in_the_order_of_the_chain() {
        assert!(Id::ALL.is_sorted_by_key(|id| id.origin()));
    }
}
