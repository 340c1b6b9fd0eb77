//! What the sockets have in common: the flow that they send on.
//!
//! What it is for: one description of addresses, ports, interface, TTL and label, and the one way in which
//! a socket is made from it. What it may use: `platform`. What it must not do: send.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use super::errno::Errno;
use super::platform::{Kind, Right, Setting, Socket, with_right};

/// IPv4 or IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// The family of an address.
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }

    /// The address that stands for "any of ours".
    pub fn unspecified(self) -> IpAddr {
        match self {
            Self::V4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            Self::V6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        }
    }
}

/// Which source port a socket gets, and when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SourcePort {
    /// The kernel chooses at connect, where only the whole 4-tuple must be unique
    /// (`IP_BIND_ADDRESS_NO_PORT`): thousands of connections to different targets may share one.
    #[default]
    AtConnect,
    /// The kernel chooses at bind. An exhausted range then fails the bind with `EADDRINUSE`.
    AtBind,
    /// This one. `EADDRINUSE` if it is taken, `EACCES` below `ip_unprivileged_port_start`.
    Fixed(u16),
}

/// Where to, and how the packets are to look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flow {
    /// Target address and port; the scope id of a link-local address is kept.
    pub destination: SocketAddr,
    /// Source address; the kernel's choice if none.
    pub source: Option<IpAddr>,
    /// Source port.
    pub source_port: SourcePort,
    /// Interface to send and receive on (`SO_BINDTODEVICE`). Since Linux 5.7 an ordinary user may, if the
    /// socket is not bound yet (commit c427bfec18f2); before it takes `CAP_NET_RAW`, and fails with `EPERM`.
    pub interface: Option<String>,
    /// Type of service, or IPv6 traffic class: the DSCP in the upper six bits.
    pub tos: Option<u8>,
    /// TTL or hop limit of what is sent, at least 1.
    pub ttl: Option<u8>,
    /// Lowest TTL or hop limit of what is accepted (`IP_MINTTL`, `IPV6_MINHOPCOUNT`); TCP alone.
    /// It also filters ICMP errors, by the *quoted* TTL (`net/ipv4/tcp_ipv4.c`): never together with `ttl`.
    pub min_ttl: Option<u8>,
    /// IPv6 flow label, 20 bits. Without it Linux picks one at random for each socket and a new one for
    /// each retransmission, so that equal-cost paths are mixed. Ignored for IPv4. `EINVAL` from connect
    /// where another process holds labels in exclusive mode (`net/ipv6/ip6_flowlabel.c`).
    pub flow_label: Option<u32>,
}

impl Flow {
    /// A flow to `destination` with all else left to the kernel.
    pub fn to(destination: SocketAddr) -> Self {
        Self {
            destination,
            source: None,
            source_port: SourcePort::AtConnect,
            interface: None,
            tos: None,
            ttl: None,
            min_ttl: None,
            flow_label: None,
        }
    }

    /// The family of the destination.
    pub fn family(&self) -> Family {
        Family::of(self.destination.ip())
    }

    /// The destination as connect wants it: with the flow label, in network order.
    pub(super) fn remote(&self) -> SocketAddr {
        match (self.destination, self.flow_label) {
            (SocketAddr::V6(v6), Some(label)) => SocketAddr::V6(SocketAddrV6::new(
                *v6.ip(),
                v6.port(),
                (label & 0x000f_ffff).to_be(),
                v6.scope_id(),
            )),
            (other, _) => other,
        }
    }

    /// A socket of this flow, with all options set and bound; not connected.
    pub(super) fn open(&self, kind: Kind, extra: &[Setting<'_>]) -> Result<Socket, OpenFailure> {
        let at = |stage| move |errno| OpenFailure { stage, errno };
        let socket = Socket::open(kind, self.family()).map_err(at(Stage::Socket))?;
        if let Some(interface) = &self.interface {
            let setting = Setting::Interface(interface);
            let bound = match socket.set(&setting) {
                // Before Linux 5.7 it takes CAP_NET_RAW.
                Err(Errno::EPERM) => with_right(Right::RawSockets, || socket.set(&setting)),
                other => other,
            };
            bound.map_err(at(Stage::Interface))?;
        }
        let settings = [
            self.tos.map(Setting::Tos),
            self.ttl.map(Setting::Ttl),
            self.min_ttl.map(Setting::MinTtl),
            self.flow_label.map(|_| Setting::OwnFlowLabel),
        ];
        for setting in settings.iter().flatten().chain(extra) {
            socket.set(setting).map_err(at(Stage::Option))?;
        }
        let port = match self.source_port {
            SourcePort::Fixed(port) => port,
            SourcePort::AtBind | SourcePort::AtConnect => 0,
        };
        let wanted = self.source.is_some() || self.source_port != SourcePort::AtConnect;
        if wanted {
            if self.source_port == SourcePort::AtConnect {
                // Only spares ports: a kernel without it (before 4.2) binds as it always did.
                let _ = socket.set(&Setting::PortAtConnect);
            }
            let ip = self.source.unwrap_or(self.family().unspecified());
            let bind = || socket.bind(self.local(ip, port));
            let bound = match bind() {
                // A port that is kept from ordinary users, for whom it is kept.
                Err(Errno::EACCES) if port > 0 => with_right(Right::LowPorts, bind),
                other => other,
            };
            bound.map_err(at(Stage::Bind))?;
        }
        Ok(socket)
    }

    /// The address to bind; a link-local source takes the scope of the destination.
    fn local(&self, ip: IpAddr, port: u16) -> SocketAddr {
        match (ip, self.destination) {
            (IpAddr::V6(ip), SocketAddr::V6(to)) if ip.is_unicast_link_local() => {
                SocketAddr::V6(SocketAddrV6::new(ip, port, 0, to.scope_id()))
            }
            _ => SocketAddr::new(ip, port),
        }
    }
}

/// The step at which a socket failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Making the socket.
    Socket,
    /// Binding it to the interface.
    Interface,
    /// Setting another option.
    Option,
    /// Binding it to the source address and port.
    Bind,
    /// The connect call itself: the kernel decided at once.
    Connect,
    /// Waiting: an answer came, or the kernel gave up.
    Wait,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Socket => "socket",
            Self::Interface => "interface",
            Self::Option => "option",
            Self::Bind => "bind",
            Self::Connect => "connect",
            Self::Wait => "wait",
        })
    }
}

/// Why a socket could not be had; nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{stage}: {errno}")]
pub struct OpenFailure {
    /// The step that failed.
    pub stage: Stage,
    /// What the kernel said.
    pub errno: Errno,
}
