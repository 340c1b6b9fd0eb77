//! The kernel's own view of routing, over rtnetlink.
//!
//! What it is for: the route that *this flow* would take, by the kernel's look-up and not by ours; and the
//! tables from which it comes. What it may use: `platform`'s netlink socket. What it must not do: evaluate
//! rules, or change anything.
//!
//! No privilege is needed. The calls block, for microseconds as a rule and two seconds at worst. Source:
//! `net/ipv4/route.c` (`inet_rtm_getroute`), `net/ipv6/route.c`, `include/uapi/linux/rtnetlink.h`,
//! `fib_rules.h`, `if_link.h`, `if_addr.h`, `neighbour.h`, `nexthop.h`, rtnetlink(7).

mod link;
mod parse;
mod types;
mod wire;

pub use link::{Link, LinkFlags, LinkStatistics, OperationalState};
pub use types::{
    AddressFlags, HopFlags, InterfaceAddress, Neighbour, NeighbourState, NextHop, Prefix, Route,
    RouteKind, Rule, RuleAction,
};

use std::collections::HashMap;
use std::net::IpAddr;

use super::errno::Errno;
use super::flow::Family;
use wire::Request;

/// The table in which a look-up begins that no rule sends elsewhere.
pub const TABLE_MAIN: u32 = 254;
/// The table of this machine's own addresses.
pub const TABLE_LOCAL: u32 = 255;
/// The table after `main`, empty as a rule.
pub const TABLE_DEFAULT: u32 = 253;

/// The flow whose route is wanted. What is `None` is not part of the question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// Destination address.
    pub destination: IpAddr,
    /// Source address. An IPv4 address that is not ours gives `ENETUNREACH` (seen on 6.18; `EINVAL` on old
    /// kernels), as a missing route does: look it up in [`addresses`] first. IPv6 takes any.
    pub source: Option<IpAddr>,
    /// Index of the interface to leave by; needed for a link-local destination.
    pub interface: Option<u32>,
    /// Firewall mark.
    pub mark: Option<u32>,
    /// Type of service, IPv4 alone.
    pub tos: Option<u8>,
    /// IP protocol: 1, 6, 17 or 58. Ports are asked about only with 6 and 17.
    pub protocol: Option<u8>,
    /// Source port.
    pub source_port: Option<u16>,
    /// Destination port.
    pub destination_port: Option<u16>,
    /// User on whose behalf; this process's own if none.
    pub uid: Option<u32>,
}

impl Query {
    /// The route to an address, all else left open.
    pub fn to(destination: IpAddr) -> Self {
        Self {
            destination,
            source: None,
            interface: None,
            mark: None,
            tos: None,
            protocol: None,
            source_port: None,
            destination_port: None,
            uid: None,
        }
    }
}

/// What the kernel says to a look-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The route resolved for this flow: one next hop, the source that it would use, its table and MTU.
    /// Its destination is a host prefix; which table entry it comes from is `matched`.
    pub route: Route,
    /// The table entry that matched (`RTM_F_FIB_MATCH`: Linux 4.13 for IPv4, 4.14 for IPv6).
    pub matched: Option<Route>,
}

/// Why there is no route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// The kernel looked and says no: `ENETUNREACH` none or a throw without successor, `EHOSTUNREACH`
    /// unreachable, `EACCES` prohibit, `EINVAL` blackhole (or a question that it does not understand).
    #[error("route look-up: {0}")]
    NoRoute(Errno),
    /// It could not be asked: netlink is not there, filtered, or answers nonsense.
    #[error("rtnetlink: {0}")]
    Unavailable(Errno),
}

impl RouteError {
    /// The number, whoever said it.
    pub fn errno(self) -> Errno {
        match self {
            Self::NoRoute(errno) | Self::Unavailable(errno) => errno,
        }
    }
}

/// A table as the kernel listed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dump<T> {
    /// Its entries, in the kernel's order.
    pub items: Vec<T>,
    /// Whether that is all: false when it changed under our reading each time, was longer than we read, or
    /// had entries that could not be understood.
    pub complete: bool,
}

impl<T> Default for Dump<T> {
    /// Nothing, and not all.
    fn default() -> Self {
        Self {
            items: Vec::new(),
            complete: false,
        }
    }
}

/// Asks the kernel which route this flow would take.
///
/// # Errors
/// [`RouteError::NoRoute`] is the kernel's answer, [`RouteError::Unavailable`] is none.
pub fn lookup(query: &Query) -> Result<Answer, RouteError> {
    let resolved = wire::ask(&Request::lookup(query, wire::RTM_F_LOOKUP_TABLE));
    let message = resolved.map_err(|error| match error {
        wire::Error::Kernel(errno) => RouteError::NoRoute(errno),
        wire::Error::Local(errno) => RouteError::Unavailable(errno),
    })?;
    let route = parse::route(&message).ok_or(RouteError::Unavailable(Errno::EPROTO))?;
    // An old kernel ignores the flag and resolves again: then it is a clone, no table entry.
    let matched = wire::ask(&Request::lookup(query, wire::RTM_F_FIB_MATCH))
        .ok()
        .and_then(|message| parse::route(&message))
        .filter(|found| !found.is_clone());
    let matched = matched.map(|found| with_next_hops(vec![found]).remove(0));
    Ok(Answer { route, matched })
}

/// Asks the kernel which route a connection of this flow takes, and what it asks with. An IPv4 socket that has no source address yet is
/// looked up twice (`ip_route_connect`, `include/net/route.h`): once to choose the address, and again with it, so that rules for source
/// addresses hold. IPv6 looks once (`ip6_dst_lookup_tail`, `net/ipv6/ip6_output.c`), and so do raw and ping sockets that are not connected.
///
/// # Errors
/// As [`lookup`].
pub fn lookup_connection(query: &Query) -> (Query, Result<Answer, RouteError>) {
    let first = lookup(query);
    let chosen = match &first {
        Ok(answer) if query.destination.is_ipv4() && query.source.is_none() => {
            answer.route.preferred_source
        }
        _ => None,
    };
    let Some(source) = chosen else {
        return (query.clone(), first);
    };
    let query = Query {
        source: Some(source),
        ..query.clone()
    };
    let second = lookup(&query).map(|mut answer| {
        // The kernel does not repeat the address that it was asked with.
        answer.route.preferred_source.get_or_insert(source);
        answer
    });
    (query, second)
}

/// The policy rules of a family, in order of evaluation.
///
/// # Errors
/// When netlink can't be asked.
pub fn rules(family: Family) -> Result<Dump<Rule>, Errno> {
    let mut dump = list(&Request::rules(family), parse::rule)?;
    dump.items.sort_by_key(|rule| rule.priority);
    Ok(dump)
}

/// All routes of a family, of all tables. Next hop objects are resolved into next hops.
///
/// # Errors
/// When netlink can't be asked.
pub fn routes(family: Family) -> Result<Dump<Route>, Errno> {
    let mut dump = list(&Request::routes(family), parse::route)?;
    dump.items.retain(|route| !route.is_clone());
    dump.items = with_next_hops(dump.items);
    Ok(dump)
}

/// All links, with their counters.
///
/// # Errors
/// When netlink can't be asked.
pub fn links() -> Result<Dump<Link>, Errno> {
    list(&Request::links(), link::parse)
}

/// All addresses of this machine.
///
/// # Errors
/// When netlink can't be asked.
pub fn addresses() -> Result<Dump<InterfaceAddress>, Errno> {
    list(&Request::addresses(), parse::address)
}

/// All neighbour entries (ARP and NDP).
///
/// # Errors
/// When netlink can't be asked.
pub fn neighbours() -> Result<Dump<Neighbour>, Errno> {
    list(&Request::neighbours(), parse::neighbour)
}

/// The neighbour entry of one address on one interface; `None` if there is none.
///
/// # Errors
/// When netlink can't be asked.
pub fn neighbour(address: IpAddr, interface: u32) -> Result<Option<Neighbour>, Errno> {
    match wire::ask(&Request::neighbour(address, interface)) {
        Ok(message) => parse::neighbour(&message).map(Some).ok_or(Errno::EPROTO),
        Err(wire::Error::Local(errno)) => Err(errno),
        // No entry; or a kernel before 5.0, which can only list.
        Err(wire::Error::Kernel(_)) => {
            let all = neighbours()?.items.into_iter();
            Ok({ all }.find(|entry| entry.address == address && entry.interface == interface))
        }
    }
}

fn list<T>(request: &Request, parse: fn(&[u8]) -> Option<T>) -> Result<Dump<T>, Errno> {
    let dump = wire::dump(request).map_err(wire::Error::errno)?;
    let length = dump.messages.len();
    let items: Vec<T> = dump.messages.iter().filter_map(|m| parse(m)).collect();
    let complete = dump.complete && items.len() == length;
    Ok(Dump { items, complete })
}

/// Fills in the next hops of routes that only name a next hop object. The kernel does that itself unless
/// `net.ipv4.nexthop_compat_mode` is off.
fn with_next_hops(mut routes: Vec<Route>) -> Vec<Route> {
    let bare = |route: &Route| route.next_hop_object.is_some() && route.next_hops.is_empty();
    if !routes.iter().any(bare) {
        return routes;
    }
    let objects = list(&Request::next_hops(), parse::next_hop_object).unwrap_or_default();
    let by_id: HashMap<u32, parse::NextHopObject> = objects
        .items
        .into_iter()
        .map(|object| (object.id, object))
        .collect();
    for route in routes.iter_mut().filter(|route| bare(route)) {
        let Some(object) = route.next_hop_object.and_then(|id| by_id.get(&id)) else {
            continue;
        };
        if object.blackhole {
            route.kind = RouteKind::Blackhole;
        } else if object.group.is_empty() {
            route.next_hops.push(object.hop.clone());
        }
        for &(id, weight) in &object.group {
            if let Some(member) = by_id.get(&id) {
                let hop = member.hop.clone();
                route.next_hops.push(NextHop { weight, ..hop });
            }
        }
    }
    routes
}

#[cfg(test)]
mod tests;
