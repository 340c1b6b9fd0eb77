//! What an ICMP error tells of the probe that it quotes, as far as the error queue hands it out.
//!
//! Pure. The queue begins its copy with the transport header for TCP and echo and behind it for UDP, and names the quoted destination
//! beside it (Linux `ip_icmp_error`); TTL and source of the quote stay in the kernel.

use std::net::SocketAddr;

use crate::model::observation::{InterfaceRole, Quoted, QuotedInterface};
use crate::model::topology::{MplsLabel, TraceProtocol};
use crate::model::{Address, Endpoint};
use crate::net::queue::QueuedError;
use crate::proto::quote::{self, Extensions};

/// What a probe was sent with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sent {
    /// With which kind of probe.
    pub(super) protocol: TraceProtocol,
    /// From which port; none for an echo request.
    pub(super) source_port: Option<u16>,
    /// Where to.
    pub(super) destination: SocketAddr,
}

/// What the quote tells; none where it tells nothing.
pub(super) fn quoted(entry: &QueuedError, sent: Sent) -> Option<Quoted> {
    let mut quoted = entry
        .extension()
        .map(quote::read_extensions)
        .map(told)
        .unwrap_or_default();
    if sent.protocol == TraceProtocol::Tcp {
        // The kernel has found the socket by the quoted ports, translated back where it translates itself; what is left is another's.
        if let Some([s0, s1, d0, d1, ..]) = entry.payload.first_chunk::<4>() {
            let source = u16::from_be_bytes([*s0, *s1]);
            let destination = u16::from_be_bytes([*d0, *d1]);
            let ip = Address::new(sent.destination.ip());
            quoted.source = sent
                .source_port
                .filter(|port| *port != source)
                .map(|_| Endpoint {
                    address: Address::new(unspecified(sent)),
                    port: Some(source),
                });
            quoted.destination = (destination != sent.destination.port()).then_some(Endpoint {
                address: ip,
                port: Some(destination),
            });
        }
    }
    if let Some(to) = entry.destination.filter(|to| {
        to.ip().to_canonical() != sent.destination.ip().to_canonical() && !to.ip().is_unspecified()
    }) {
        quoted.destination = Some(Endpoint {
            address: Address::new(to.ip().to_canonical()),
            port: (to.port() != 0).then_some(to.port()),
        });
    }
    (quoted != Quoted::default()).then_some(quoted)
}

const fn unspecified(sent: Sent) -> std::net::IpAddr {
    match sent.destination {
        SocketAddr::V4(_) => std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED),
        SocketAddr::V6(_) => std::net::IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED),
    }
}

/// What a router says of itself behind the quote.
pub(super) fn told(extensions: Extensions) -> Quoted {
    let role = |role| match role {
        quote::InterfaceRole::Incoming => InterfaceRole::Incoming,
        quote::InterfaceRole::SubIp => InterfaceRole::SubIp,
        quote::InterfaceRole::Outgoing => InterfaceRole::Outgoing,
        quote::InterfaceRole::NextHop => InterfaceRole::NextHop,
    };
    Quoted {
        mpls: extensions
            .mpls
            .iter()
            .map(|label| MplsLabel {
                label: label.label,
                exp: label.class,
                bottom: label.bottom,
                ttl: label.ttl,
            })
            .collect(),
        interfaces: extensions
            .interfaces
            .into_iter()
            .map(|interface| QuotedInterface {
                role: role(interface.role),
                index: interface.index,
                address: interface.address.map(Address::new),
                name: interface.name,
                mtu: interface.mtu,
            })
            .collect(),
        ..Quoted::default()
    }
}
