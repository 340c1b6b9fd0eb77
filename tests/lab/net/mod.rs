//! Network namespaces and what is in them, made through rtnetlink.
//!
//! For the lab alone: a [`Namespace`] is a whole network stack of its own, held by a file descriptor and gone when it
//! is dropped. Nothing here touches the machine's own namespace, and no program is run. What can't be done is a
//! panic that says in which namespace what was refused: a test has no better answer.

mod link;
mod namespace;
mod netlink;
mod route;
mod tun;

pub(crate) use link::{try_veth, veth};
pub(crate) use namespace::Namespace;
pub(crate) use route::{Route, Rule};

use std::{fmt::Display, net::IpAddr};

use ipnet::IpNet;
use netlink_packet_route::AddressFamily;

/// The two families that every lab has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// IPv4
    V4,
    /// IPv6
    V6,
}

impl Family {
    /// Both, for tests that hold for each.
    pub(crate) const BOTH: [Self; 2] = [Self::V4, Self::V6];
}

/// Reads a prefix such as `10.0.0.0/8`, or an address as its host prefix.
#[track_caller]
fn prefix(text: impl Display) -> IpNet {
    let text = text.to_string();
    text.parse::<IpNet>()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .unwrap_or_else(|_| panic!("not a prefix: {text}"))
}

/// The netlink family of an address.
fn family_of(address: IpAddr) -> AddressFamily {
    match address {
        IpAddr::V4(_) => AddressFamily::Inet,
        IpAddr::V6(_) => AddressFamily::Inet6,
    }
}
