//! What a finding is called in the words of Azure Network Watcher, for each id: `docs/azure.md` is this table for readers.
//!
//! The types are those that its documents list ("Connection troubleshoot overview", issue types), for real answers have them; the API's
//! own enumeration (`IssueType`) has `Unknown` for what nothing else fits. Its catalogue is coarser than ours: the id stands in the
//! issue's context.

use serde::Serialize;

use crate::model::Id;

/// The type of an issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Kind {
    /// The name could not be looked up.
    #[serde(rename = "DNSResolution")]
    DnsResolution,
    /// A name server answered without a matching record.
    InvalidResponseFromServer,
    /// There is no usable route.
    RouteMissing,
    /// A neighbour's link-layer address is missing.
    #[serde(rename = "ARPMissing")]
    ArpMissing,
    /// A socket could not be had or bound.
    SocketError,
    /// The source port is taken.
    SourcePortInUse,
    /// The operating system at one end drops the traffic.
    GuestFirewall,
    /// A rule on the way denies it.
    NetworkSecurityRule,
    /// Routes lead in a circle.
    #[serde(rename = "UDRLoop")]
    RouteLoop,
    /// Nothing came back, or too little, or too late.
    NetworkError,
    /// The destination can't be reached.
    DestinationUnreachable,
    /// Some ways to it work, and others do not.
    DestinationPartiallyReachable,
    /// Nothing listens on the port.
    NoListenerOnDestination,
    /// The machine does not run.
    #[serde(rename = "VMStopped")]
    MachineStopped,
    /// The processor is busy.
    #[serde(rename = "CPU")]
    Processor,
    /// Memory is short.
    Memory,
    /// Nothing of its catalogue fits.
    Unknown,
}

/// On which side of the hop it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Side {
    /// The hop itself.
    Local,
    /// What comes in to it.
    Inbound,
    /// What goes out from it.
    Outbound,
}

/// At which hop it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// This machine.
    Source,
    /// The hop that the finding names; this machine where it names none.
    Hop,
    /// The address that the finding is about.
    Destination,
}

/// What a finding is called, on which side it is, and at which hop.
pub const fn of(id: Id) -> (Kind, Side, At) {
    match id {
        Id::DnsNxdomain
        | Id::DnsServfail
        | Id::DnsDnssecBogus
        | Id::DnsRefused
        | Id::DnsAliasLoop
        | Id::DnsTimeout
        | Id::DnsNoServers
        | Id::DnsServerDown
        | Id::DnsInconsistent
        | Id::DnsTypeUnanswered
        | Id::DnsSlow => (Kind::DnsResolution, Side::Local, At::Source),
        Id::DnsNoAddress => (Kind::InvalidResponseFromServer, Side::Local, At::Source),
        Id::LocalNoRoute => (Kind::RouteMissing, Side::Local, At::Source),
        Id::LocalInterfaceDown | Id::LocalInterfaceErrors => {
            (Kind::NetworkError, Side::Local, At::Source)
        }
        Id::LocalSourceUnavailable
        | Id::LocalPortDenied
        | Id::LocalPortsExhausted
        | Id::LocalSocketsExhausted => (Kind::SocketError, Side::Local, At::Source),
        Id::LocalMultihomed => (Kind::NetworkError, Side::Local, At::Source),
        Id::LocalProxyConfigured => (Kind::Unknown, Side::Local, At::Source),
        Id::LocalCpuHigh => (Kind::Processor, Side::Local, At::Source),
        Id::LocalMemoryHigh => (Kind::Memory, Side::Local, At::Source),
        Id::LocalPortInUse => (Kind::SourcePortInUse, Side::Local, At::Source),
        // The kernel's own packet filter drops: for want of a place in its table, by a rule, or by where the answer came in.
        Id::LocalConntrackFull | Id::LocalFirewall => {
            (Kind::GuestFirewall, Side::Outbound, At::Source)
        }
        Id::LocalRouteAsymmetricFilter => (Kind::GuestFirewall, Side::Inbound, At::Source),
        Id::LocalNeighbourUnresolved => (Kind::ArpMissing, Side::Outbound, At::Source),
        Id::PathNoRoute => (Kind::RouteMissing, Side::Local, At::Hop),
        Id::PathHostUnreachable => (Kind::DestinationUnreachable, Side::Outbound, At::Hop),
        Id::PathProhibited => (Kind::NetworkSecurityRule, Side::Inbound, At::Hop),
        Id::PathFiltered | Id::PathReset => (Kind::NetworkSecurityRule, Side::Outbound, At::Hop),
        Id::PathLoop => (Kind::RouteLoop, Side::Outbound, At::Hop),
        Id::PathBlackhole | Id::PathMtuReduced | Id::PathLoss | Id::PathLatency => {
            (Kind::NetworkError, Side::Outbound, At::Hop)
        }
        Id::PathPartial => (Kind::DestinationPartiallyReachable, Side::Outbound, At::Hop),
        Id::LocalListenerAddress | Id::PortClosed | Id::UdpClosed => {
            (Kind::NoListenerOnDestination, Side::Local, At::Destination)
        }
        Id::PortFiltered | Id::EchoFiltered => (Kind::GuestFirewall, Side::Local, At::Destination),
        Id::VmNotRunning => (Kind::MachineStopped, Side::Local, At::Destination),
        Id::HostDown => (Kind::DestinationUnreachable, Side::Local, At::Destination),
        Id::ServiceProtocol => (
            Kind::InvalidResponseFromServer,
            Side::Local,
            At::Destination,
        ),
        Id::DestinationIntermittent
        | Id::DestinationAddressPartial
        | Id::DestinationIpv6Broken
        | Id::DestinationIpv4Broken => (
            Kind::DestinationPartiallyReachable,
            Side::Local,
            At::Destination,
        ),
        Id::ExpectationUnmet => (Kind::Unknown, Side::Local, At::Destination),
        Id::UdpNoAnswer
        | Id::ServiceCloses
        | Id::ServiceSilent
        | Id::ThresholdLoss
        | Id::ThresholdLatency => (Kind::NetworkError, Side::Local, At::Destination),
    }
}
