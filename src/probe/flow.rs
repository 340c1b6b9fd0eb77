//! From the options of a check to the sockets of its probes.

use std::net::{IpAddr, SocketAddr, SocketAddrV6};

use crate::model::{Address, Endpoint, Icmp, Options, Outcome};
use crate::net;
use crate::net::errno::Errno;
use crate::net::flow::Flow;
use crate::net::queue::{Origin, QueuedError};

/// The socket address of an endpoint; a scope becomes the number of its interface, and a port that is missing zero.
pub fn socket_address(endpoint: &Endpoint) -> SocketAddr {
    let port = endpoint.port.unwrap_or(0);
    match endpoint.address.ip() {
        IpAddr::V6(ip) => SocketAddr::V6(SocketAddrV6::new(ip, port, 0, scope(&endpoint.address))),
        ip @ IpAddr::V4(_) => SocketAddr::new(ip, port),
    }
}

/// The number of the interface that an address's scope names; 0 without one.
pub fn scope(address: &Address) -> u32 {
    address.zone().and_then(interface_index).unwrap_or(0)
}

/// The number of an interface.
pub fn interface_index(name: &str) -> Option<u32> {
    if let Ok(index) = name.parse() {
        return Some(index);
    }
    let links = net::route::links().ok()?;
    links
        .items
        .iter()
        .find(|link| link.name == name)
        .map(|link| link.index)
}

/// The flow of a probe: what the options say of source, interface and type of service.
pub fn flow(options: &Options, endpoint: &Endpoint) -> Flow {
    let mut flow = Flow::to(socket_address(endpoint));
    // The scope of a link-local address may be given as the interface, too.
    if let (SocketAddr::V6(v6), Some(name)) = (&mut flow.destination, &options.interface)
        && v6.scope_id() == 0
        && v6.ip().is_unicast_link_local()
    {
        v6.set_scope_id(interface_index(name).unwrap_or(0));
    }
    flow.source = options.source.as_ref().map(Address::ip);
    flow.interface.clone_from(&options.interface);
    flow.tos = options.tos;
    flow
}

/// What an error of the operating system means when nothing came back from the network.
pub fn local_outcome(errno: Errno) -> Outcome {
    match errno {
        // EINVAL: a blackhole route, or a link-local address without its interface.
        Errno::ENETUNREACH | Errno::EHOSTUNREACH | Errno::EINVAL => Outcome::NoRoute,
        Errno::EPERM | Errno::EACCES => Outcome::Denied,
        Errno::EADDRNOTAVAIL => Outcome::AddressUnavailable,
        Errno::EADDRINUSE => Outcome::AddressInUse,
        Errno::EMFILE | Errno::ENFILE => Outcome::SocketsExhausted,
        Errno::EAFNOSUPPORT => Outcome::FamilyUnsupported,
        Errno::ENETDOWN | Errno::ENODEV => Outcome::InterfaceDown,
        Errno::EMSGSIZE => Outcome::TooLong,
        Errno::ECONNREFUSED => Outcome::Refused,
        Errno::ECONNRESET => Outcome::Reset,
        Errno::ETIMEDOUT => Outcome::Timeout,
        other => match other.name().as_ref() {
            "ENOBUFS" | "ENOMEM" => Outcome::SocketsExhausted,
            _ => Outcome::OtherError,
        },
    }
}

/// The ICMP error in a queue entry, and what it means; none for an entry that this machine's own stack made without one.
pub fn icmp(entry: &QueuedError) -> Option<(Outcome, Icmp)> {
    let outcome = match entry.origin {
        Origin::Icmp => Outcome::from_icmp_v4(entry.icmp_type, entry.icmp_code),
        Origin::Icmp6 => Outcome::from_icmp_v6(entry.icmp_type, entry.icmp_code),
        _ => return None,
    };
    let mtu = (outcome == Outcome::PacketTooBig).then_some(entry.info);
    let from = entry.offender.map(Address::new);
    Some((
        outcome,
        Icmp {
            kind: entry.icmp_type,
            code: entry.icmp_code,
            from,
            mtu,
            quote: None,
        },
    ))
}
