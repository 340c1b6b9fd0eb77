//! Routes, rules, addresses and neighbours as values.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use crate::net::errno::Errno;
use crate::net::flow::Family;

/// An address and how many of its bits count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Prefix {
    /// The address.
    pub address: IpAddr,
    /// Bits, 0 to 32 or 128.
    pub length: u8,
}

impl Prefix {
    /// Whether `ip` lies in it; an address of the other family never does.
    pub fn contains(&self, ip: IpAddr) -> bool {
        match (self.address, ip) {
            (IpAddr::V4(a), IpAddr::V4(b)) => {
                let differing = a.to_bits() ^ b.to_bits();
                differing.leading_zeros() >= u32::from(self.length)
            }
            (IpAddr::V6(a), IpAddr::V6(b)) => {
                let differing = a.to_bits() ^ b.to_bits();
                differing.leading_zeros() >= u32::from(self.length)
            }
            _ => false,
        }
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

/// What a route does (`RTN_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RouteKind {
    /// To a gateway or on link.
    Unicast,
    /// To this machine.
    Local,
    /// Broadcast.
    Broadcast,
    /// Anycast: local.
    Anycast,
    /// Multicast.
    Multicast,
    /// Dropped in silence; connect gives `EINVAL`.
    Blackhole,
    /// Connect gives `EHOSTUNREACH`.
    Unreachable,
    /// Connect gives `EACCES`.
    Prohibit,
    /// The look-up goes on with the next rule.
    Throw,
    /// Another number.
    Other(u8),
}

impl RouteKind {
    /// From `rtm_type`.
    pub fn from_code(code: u8) -> Self {
        match code {
            1 => Self::Unicast,
            2 => Self::Local,
            3 => Self::Broadcast,
            4 => Self::Anycast,
            5 => Self::Multicast,
            6 => Self::Blackhole,
            7 => Self::Unreachable,
            8 => Self::Prohibit,
            9 => Self::Throw,
            other => Self::Other(other),
        }
    }
}

/// Flags of a next hop (`RTNH_F_*`).
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct HopFlags(pub u32);

impl HopFlags {
    /// The kernel gave it up: its interface is down.
    pub fn is_dead(self) -> bool {
        self.0 & 1 != 0
    }

    /// The gateway is held to be on link though no prefix says so.
    pub fn is_on_link(self) -> bool {
        self.0 & 4 != 0
    }

    /// Its interface has no carrier.
    pub fn is_link_down(self) -> bool {
        self.0 & 16 != 0
    }
}

impl fmt::Debug for HopFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

/// One way out of a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextHop {
    /// The router; of the other family where `RTA_VIA` says so. `None` when the target is on link.
    pub gateway: Option<IpAddr>,
    /// Index of the interface.
    pub interface: Option<u32>,
    /// Its share among the route's next hops, 1 or more.
    pub weight: u32,
    /// Flags.
    pub flags: HopFlags,
}

/// A route, from a table or resolved for a flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// IPv4 or IPv6.
    pub family: Family,
    /// What it does.
    pub kind: RouteKind,
    /// Its table: see [`super::TABLE_MAIN`]. Where no policy rule was ever added, Linux keeps the IPv4 tables
    /// `local` and `main` in one trie, and a look-up says `main` for both (`net/ipv4/fib_trie.c`
    /// `fib_trie_unmerge`); listings are right.
    pub table: u32,
    /// Which destinations it is for.
    pub destination: Prefix,
    /// Which sources it is for (IPv6 alone); all if none.
    pub source: Option<Prefix>,
    /// Type of service that it is for; 0 is any.
    pub tos: u8,
    /// The ways out; more than one with equal-cost paths, none for a route that drops.
    pub next_hops: Vec<NextHop>,
    /// The source address that it prefers, or that the look-up chose.
    pub preferred_source: Option<IpAddr>,
    /// Metric: the lowest wins.
    pub metric: u32,
    /// Who made it (`RTPROT_*`): 2 kernel, 3 boot, 4 static, 9 router advertisement, 16 DHCP, 186 BGP …
    pub protocol: u8,
    /// How far its destinations are (`RT_SCOPE_*`): 0 universe, 253 link, 254 host.
    pub scope: u8,
    /// Path MTU, bytes: configured, or learnt from an ICMP message. `None` is the interface's.
    pub mtu: Option<u32>,
    /// Segment size to advertise, bytes.
    pub advertised_mss: Option<u32>,
    /// TTL or hop limit to send with.
    pub hop_limit: Option<u32>,
    /// Number of the next hop object that it uses.
    pub next_hop_object: Option<u32>,
    /// The error that using it gives, where the kernel says so.
    pub error: Option<Errno>,
    /// `rtm_flags`, as they came.
    pub flags: u32,
}

impl Route {
    /// Whether it was made by a look-up, and is no entry of a table (`RTM_F_CLONED`).
    pub fn is_clone(&self) -> bool {
        self.flags & 0x200 != 0
    }
}

/// What a rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RuleAction {
    /// Look in the rule's table.
    Table,
    /// Go on with the rule of this priority.
    Goto(u32),
    /// Nothing.
    Nop,
    /// Drop in silence.
    Blackhole,
    /// Say "unreachable".
    Unreachable,
    /// Say "prohibited".
    Prohibit,
    /// Another number.
    Other(u8),
}

/// A policy rule. A selector that is `None` matches all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// IPv4 or IPv6.
    pub family: Family,
    /// Order of evaluation, lowest first.
    pub priority: u32,
    /// What it does.
    pub action: RuleAction,
    /// The table that [`RuleAction::Table`] looks in; 0 with `l3mdev`, whose table the interface gives.
    pub table: u32,
    /// The selectors match what they do *not* describe.
    pub inverted: bool,
    /// Source addresses.
    pub source: Option<Prefix>,
    /// Destination addresses.
    pub destination: Option<Prefix>,
    /// Interface that the packet came in by; `lo` is what this machine sends.
    pub input_interface: Option<String>,
    /// Interface that the socket is bound to.
    pub output_interface: Option<String>,
    /// Firewall mark.
    pub mark: u32,
    /// Which bits of the mark count; 0 with a mark of 0 is no selector.
    pub mark_mask: u32,
    /// Type of service (the old selector); 0 is any.
    pub tos: u8,
    /// DSCP (Linux 6.13).
    pub dscp: Option<u8>,
    /// Users, first and last.
    pub users: Option<(u32, u32)>,
    /// IP protocol.
    pub protocol: Option<u8>,
    /// Source ports, first and last.
    pub source_ports: Option<(u16, u16)>,
    /// Destination ports, first and last.
    pub destination_ports: Option<(u16, u16)>,
    /// Whether it is for interfaces enslaved to a VRF, with the VRF's own table.
    pub l3mdev: bool,
    /// A route found with a prefix of so many bits or fewer does not count.
    pub suppress_prefix_length: Option<u32>,
    /// A route by an interface of this group does not count.
    pub suppress_group: Option<u32>,
    /// Attributes that are selectors and are not understood here (`FRA_*`): with any of them it can't be
    /// told whether the rule matches.
    pub unknown: Vec<u16>,
}

/// Flags of an address (`IFA_F_*`).
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct AddressFlags(pub u32);

impl AddressFlags {
    /// A temporary (privacy) IPv6 address, or a secondary IPv4 one.
    pub fn is_temporary(self) -> bool {
        self.0 & 0x01 != 0
    }

    /// Usable though duplicate address detection goes on.
    pub fn is_optimistic(self) -> bool {
        self.0 & 0x04 != 0
    }

    /// Another machine has it: not usable.
    pub fn is_dad_failed(self) -> bool {
        self.0 & 0x08 != 0
    }

    /// Not chosen for new connections.
    pub fn is_deprecated(self) -> bool {
        self.0 & 0x20 != 0
    }

    /// Duplicate address detection goes on: not usable yet.
    pub fn is_tentative(self) -> bool {
        self.0 & 0x40 != 0
    }

    /// Made by hand or by a program, not by router advertisements.
    pub fn is_permanent(self) -> bool {
        self.0 & 0x80 != 0
    }
}

impl fmt::Debug for AddressFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

/// An address of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfaceAddress {
    /// Index of its interface.
    pub interface: u32,
    /// Address and on-link prefix; for a point-to-point address the prefix is `peer`'s.
    pub prefix: Prefix,
    /// The other end of a point-to-point address.
    pub peer: Option<IpAddr>,
    /// `RT_SCOPE_*`: 0 universe, 253 link, 254 host.
    pub scope: u8,
    /// Label of an IPv4 address.
    pub label: Option<String>,
    /// Flags.
    pub flags: AddressFlags,
}

/// State of a neighbour entry (`NUD_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NeighbourState {
    /// No state yet.
    None,
    /// Asked, not answered yet.
    Incomplete,
    /// Answered lately.
    Reachable,
    /// Answered a while ago; still used.
    Stale,
    /// Used while stale; to be asked soon.
    Delay,
    /// Being asked again.
    Probe,
    /// Asked, and no answer.
    Failed,
    /// Needs no asking.
    NoArp,
    /// Set by hand.
    Permanent,
    /// Another number.
    Other(u16),
}

impl NeighbourState {
    /// From `ndm_state`.
    pub fn from_code(code: u16) -> Self {
        match code {
            0x00 => Self::None,
            0x01 => Self::Incomplete,
            0x02 => Self::Reachable,
            0x04 => Self::Stale,
            0x08 => Self::Delay,
            0x10 => Self::Probe,
            0x20 => Self::Failed,
            0x40 => Self::NoArp,
            0x80 => Self::Permanent,
            other => Self::Other(other),
        }
    }

    /// The name that `ip neighbour` shows.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Incomplete => "INCOMPLETE",
            Self::Reachable => "REACHABLE",
            Self::Stale => "STALE",
            Self::Delay => "DELAY",
            Self::Probe => "PROBE",
            Self::Failed => "FAILED",
            Self::NoArp => "NOARP",
            Self::Permanent => "PERMANENT",
            Self::Other(_) => "UNKNOWN",
        }
    }
}

/// A neighbour entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// Its address.
    pub address: IpAddr,
    /// Index of the interface.
    pub interface: u32,
    /// State.
    pub state: NeighbourState,
    /// Link-layer address.
    pub link_address: Option<Vec<u8>>,
    /// It said that it is a router (IPv6).
    pub is_router: bool,
    /// How long ago it was last known to answer.
    pub confirmed: Option<Duration>,
    /// Requests sent and not answered.
    pub probes: Option<u32>,
}

impl Neighbour {
    /// The link-layer address as it is written, `02:00:…`.
    pub fn link_address_text(&self) -> Option<String> {
        let bytes = self.link_address.as_ref()?.iter();
        let hex: Vec<String> = bytes.map(|byte| format!("{byte:02x}")).collect();
        Some(hex.join(":"))
    }
}
