//! What this machine's kernel says of the way out: route, neighbour, interface, ports, load.

use std::net::IpAddr;

use ipnet::IpNet;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::firewall::Firewall;
use super::{Address, Endpoint, Ms};

/// A prefix in CIDR form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Prefix(pub IpNet);

impl std::fmt::Display for Prefix {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.prefix_len() == 0 {
            f.write_str("default")
        } else {
            self.0.fmt(f)
        }
    }
}

impl Prefix {
    /// Whether its addresses are known beyond one link and one machine: each link has link-local ones.
    pub fn is_routed(&self) -> bool {
        match self.0.addr() {
            IpAddr::V4(ip) => !(ip.is_loopback() || ip.is_link_local()),
            IpAddr::V6(ip) => !(ip.is_loopback() || ip.is_unicast_link_local()),
        }
    }

    /// Whether an interface with this prefix has another host's address directly on its link. An address alone has no link.
    pub fn holds_on_link(&self, ip: IpAddr) -> bool {
        self.0.prefix_len() < self.0.max_prefix_len() && self.0.contains(&ip)
    }
}

impl JsonSchema for Prefix {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Prefix".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "description": "a prefix: address/length", "examples": ["10.0.0.0/24", "::/0"] })
    }
}

/// What the kernel does with packets on a route (`rtm_type`, rtnetlink(7)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RouteKind {
    /// Sent on, to a gateway or a neighbour.
    Unicast,
    /// Delivered on this machine.
    Local,
    /// Broadcast, anycast or multicast.
    Other,
    /// Refused: unreachable (EHOSTUNREACH).
    Unreachable,
    /// Refused: prohibited (EACCES).
    Prohibit,
    /// Dropped (EINVAL on a local look-up).
    Blackhole,
    /// This table ends the look-up without a route.
    Throw,
    /// There is no route.
    None,
}

/// The kernel's answer to: how would a packet of this flow leave?
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Route {
    /// To where.
    pub destination: Address,
    /// What the kernel does.
    pub kind: RouteKind,
    /// The next hop; null when the destination is on the link, on this machine, or not reachable.
    pub gateway: Option<Address>,
    /// The interface.
    pub interface: Option<String>,
    /// The source address that the kernel chooses.
    pub source: Option<Address>,
    /// The routing table.
    pub table: Option<u32>,
    /// The prefix that matched.
    pub prefix: Option<Prefix>,
    /// The metric.
    pub metric: Option<u32>,
    /// The MTU that the kernel uses on it.
    pub mtu: Option<u32>,
    /// The policy rule that led to the table, as `ip rule` writes it.
    pub rule: Option<String>,
    /// The route as `ip route` writes it.
    pub text: Option<String>,
    /// The error that the look-up ended with, by name.
    pub errno: Option<String>,
    /// Whether this machine could reach the address's family at all: it has a default route or an address beyond the link in it.
    pub family_usable: bool,
}

/// Which neighbour it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NeighbourRole {
    /// The gateway of the route.
    Gateway,
    /// The destination itself, on the link.
    Destination,
}

/// The state of a neighbour entry (`NUD_*`, linux/neighbour.h).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NeighbourState {
    /// Asked for, and no answer yet.
    Incomplete,
    /// It answered lately.
    Reachable,
    /// It answered some time ago.
    Stale,
    /// Waiting before it is asked again.
    Delay,
    /// Being asked again.
    Probe,
    /// It did not answer.
    Failed,
    /// The link needs no neighbour entry.
    Noarp,
    /// Set by hand.
    Permanent,
    /// There is no entry.
    None,
}

impl NeighbourState {
    /// Whether address resolution got no answer.
    pub const fn unresolved(self) -> bool {
        matches!(self, Self::Incomplete | Self::Failed)
    }
}

impl Neighbour {
    /// Whether it answered address resolution during this check, which proves that it is up.
    pub fn proves_up(&self) -> bool {
        self.state == NeighbourState::Reachable
            && self.confirmed_ms_ago.is_some_and(|ago| ago <= self.at_ms)
    }
}

/// What the kernel knows of the next hop on the link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Neighbour {
    /// Its address.
    pub address: Address,
    /// On which interface.
    pub interface: String,
    /// Which neighbour it is.
    pub role: NeighbourRole,
    /// The state of the entry, read after the probes were sent.
    pub state: NeighbourState,
    /// Its link-layer address, where known.
    pub link_address: Option<String>,
    /// When it was read.
    pub at_ms: Ms,
    /// How long before that it last proved to be there; null where it never did.
    pub confirmed_ms_ago: Option<Ms>,
}

/// An interface of this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Whether it is set up (IFF_UP).
    pub up: bool,
    /// Whether it has a carrier (IFF_LOWER_UP).
    pub carrier: bool,
    /// Its operational state, as the kernel names it (RFC 2863).
    pub state: Option<String>,
    /// Its MTU.
    pub mtu: Option<u32>,
    /// What kind of link it is (`veth`, `bridge`, `wireguard` …); null for hardware.
    pub kind: Option<String>,
    /// Whether neighbours are resolved on it (ARP, neighbour discovery).
    pub resolves_neighbours: bool,
    /// Its addresses with their prefixes.
    pub addresses: Vec<Prefix>,
    /// How much its error counters rose during the check.
    pub errors: Option<InterfaceErrors>,
}

/// The rise of an interface's error counters during the check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct InterfaceErrors {
    /// Packets received with errors.
    pub rx_errors: u64,
    /// Packets that could not be sent.
    pub tx_errors: u64,
    /// Packets dropped on the way out.
    pub tx_dropped: u64,
    /// Changes of the carrier.
    pub carrier_changes: u64,
}

/// A process that holds a socket: never its command line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// Its name (`/proc/PID/comm`).
    pub comm: String,
}

/// Source ports of this machine.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SourcePort {
    /// The port that the user asked for.
    pub asked: Option<u16>,
    /// The first and the last ephemeral port.
    pub range: Option<(u16, u16)>,
    /// The first port that an ordinary user may bind.
    pub unprivileged_from: Option<u16>,
    /// How many TCP sockets there are, in `TIME_WAIT` too.
    pub sockets: Option<u32>,
    /// The process that holds the port asked for, where it may be seen.
    pub held_by: Option<Process>,
}

/// A socket of this machine that listens on the port asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Listener {
    /// The address and port it listens on; `0.0.0.0` and `::` are all.
    pub endpoint: Endpoint,
    /// The process, where it may be seen.
    pub process: Option<Process>,
}

/// The connection tracker of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Conntrack {
    /// Connections tracked.
    pub count: u64,
    /// At most so many.
    pub max: u64,
    /// Packets dropped during the check for want of an entry; null where that is not told.
    #[serde(default)]
    pub dropped: Option<u64>,
}

/// What else this machine was busy with while it checked, as the kernel counted it from the first probe to the end. Each part is null where
/// the kernel does not count it.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Load {
    /// How long was counted.
    pub during_ms: Ms,
    /// What this check used of all processors itself, 0 to 100.
    pub own_cpu_percent: Option<f64>,
    /// How long this check could have run and waited for a processor.
    pub waited_ms: Option<Ms>,
    /// How long its control group stood still because its processor quota was used up.
    pub throttled_ms: Option<Ms>,
    /// How long at least one task waited for memory: of the control group, else of the whole machine.
    pub memory_stalled_ms: Option<Ms>,
    /// Memory in use of what the control group may use, at the end, 0 to 100; null without a limit.
    pub memory_limit_percent: Option<f64>,
}

/// What this machine's kernel says. `route`, `neighbour` and `interface` are those of the first address that failed,
/// else of the first; the lists have all.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Local {
    /// The way out.
    pub route: Option<Route>,
    /// The next hop on the link.
    pub neighbour: Option<Neighbour>,
    /// What this machine's packet rules make of the flows; null where they were not looked at: nothing failed, or they may not be read.
    pub firewall: Option<Firewall>,
    /// Source ports.
    pub source_port: Option<SourcePort>,
    /// Processor use during the check, 0 to 100.
    pub cpu_percent: Option<f64>,
    /// Memory in use at its end, 0 to 100.
    pub memory_percent: Option<f64>,
    /// What else it was busy with.
    pub load: Option<Load>,
    /// The route's interface.
    pub interface: Option<Interface>,
    /// Connection tracking.
    pub conntrack: Option<Conntrack>,
    /// The route to each address.
    pub routes: Vec<Route>,
    /// The next hop for each address.
    pub neighbours: Vec<Neighbour>,
    /// The interfaces that matter: the routes', those that have a next hop in their own prefix, too, and those that are down and have a
    /// prefix that holds an address checked.
    pub interfaces: Vec<Interface>,
    /// All addresses of this machine.
    pub addresses: Vec<Address>,
    /// Sockets that listen on the port asked for, when an address checked is this machine's own.
    pub listeners: Vec<Listener>,
}

impl Local {
    /// The route to an address, if it was looked up.
    pub fn route_to(&self, address: &Address) -> Option<&Route> {
        self.routes
            .iter()
            .find(|route| route.destination == *address)
    }

    /// The next hop towards an address: its entry, if one was read.
    pub fn next_hop(&self, address: &Address) -> Option<&Neighbour> {
        let route = self.route_to(address)?;
        let hop = route.gateway.as_ref().unwrap_or(address);
        self.neighbours
            .iter()
            .find(|neighbour| neighbour.address.ip() == hop.ip())
    }

    /// An interface by its name.
    pub fn interface_named(&self, name: &str) -> Option<&Interface> {
        self.interfaces
            .iter()
            .find(|interface| interface.name == name)
    }

    /// Whether an address is one of this machine's own. So is the unspecified one: a connection to `0.0.0.0` or `::` goes to the loopback
    /// (`net/ipv4/route.c` `ip_route_output_key_hash_rcu`, `net/ipv6/tcp_ipv6.c` `tcp_v6_connect`).
    pub fn is_own(&self, address: &Address) -> bool {
        let ip = address.ip();
        ip.is_loopback()
            || ip.is_unspecified()
            || self.addresses.iter().any(|own| own.ip() == address.ip())
    }
}
