//! Links: what they are, whether they are up, and what they counted.

#![deny(clippy::indexing_slicing)]

use std::fmt;

use super::wire::{Attributes, text, u32_at, u32_of};

/// Flags of a link (`IFF_*`, netdevice(7)).
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct LinkFlags(pub u32);

impl LinkFlags {
    /// Switched on by the administrator.
    pub fn is_up(self) -> bool {
        self.0 & 0x1 != 0
    }

    /// The loopback.
    pub fn is_loopback(self) -> bool {
        self.0 & 0x8 != 0
    }

    /// Point to point.
    pub fn is_point_to_point(self) -> bool {
        self.0 & 0x10 != 0
    }

    /// Operational (RFC 2863 up or unknown).
    pub fn is_running(self) -> bool {
        self.0 & 0x40 != 0
    }

    /// Without ARP.
    pub fn is_no_arp(self) -> bool {
        self.0 & 0x80 != 0
    }

    /// The layer below is up: carrier.
    pub fn is_lower_up(self) -> bool {
        self.0 & 0x1_0000 != 0
    }
}

impl fmt::Debug for LinkFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

/// Operational state (RFC 2863 section 3.1.14, `IF_OPER_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OperationalState {
    /// The driver does not say; counts as up.
    Unknown,
    /// Its hardware is gone.
    NotPresent,
    /// Down.
    Down,
    /// The link below it is down.
    LowerLayerDown,
    /// Under test.
    Testing,
    /// Waits for something, such as authentication.
    Dormant,
    /// Up.
    Up,
    /// Another number.
    Other(u8),
}

/// Counters of a link (`struct rtnl_link_stats64`), since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkStatistics {
    /// Packets received.
    pub rx_packets: u64,
    /// Packets sent.
    pub tx_packets: u64,
    /// Bytes received.
    pub rx_bytes: u64,
    /// Bytes sent.
    pub tx_bytes: u64,
    /// Bad packets received.
    pub rx_errors: u64,
    /// Packets that could not be sent.
    pub tx_errors: u64,
    /// Received and dropped: no memory, or a protocol that nobody wants.
    pub rx_dropped: u64,
    /// Dropped before sending.
    pub tx_dropped: u64,
    /// Bad checksum.
    pub rx_crc_errors: u64,
    /// Dropped by the hardware for lack of buffers.
    pub rx_missed_errors: u64,
    /// Not sent for lack of carrier.
    pub tx_carrier_errors: u64,
}

/// A link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Index.
    pub index: u32,
    /// Name.
    pub name: String,
    /// Kind of a virtual link: `veth`, `bridge`, `wireguard`, `tun`, `vlan` …; `None` for hardware.
    pub kind: Option<String>,
    /// Kind of hardware (`ARPHRD_*`): 1 Ethernet, 772 loopback, 65534 none …
    pub hardware: u16,
    /// Flags.
    pub flags: LinkFlags,
    /// Operational state.
    pub state: OperationalState,
    /// Carrier; `None` where the kernel does not say.
    pub carrier: Option<bool>,
    /// MTU, bytes.
    pub mtu: Option<u32>,
    /// Link-layer address.
    pub link_address: Option<Vec<u8>>,
    /// Index of the bridge, bond or VRF that it belongs to.
    pub master: Option<u32>,
    /// Index of the link below it, or of a veth's other end.
    pub lower: Option<u32>,
    /// Its queueing discipline.
    pub queueing: Option<String>,
    /// Times that the carrier came or went.
    pub carrier_changes: Option<u32>,
    /// Counters.
    pub statistics: Option<LinkStatistics>,
}

const IFLA_ADDRESS: u16 = 1;
const IFLA_IFNAME: u16 = 3;
const IFLA_MTU: u16 = 4;
const IFLA_LINK: u16 = 5;
const IFLA_QDISC: u16 = 6;
const IFLA_MASTER: u16 = 10;
const IFLA_OPERSTATE: u16 = 16;
const IFLA_LINKINFO: u16 = 18;
const IFLA_STATS64: u16 = 23;
const IFLA_CARRIER: u16 = 33;
const IFLA_CARRIER_CHANGES: u16 = 35;
const IFLA_INFO_KIND: u16 = 1;

/// `struct ifinfomsg` and its attributes.
pub(super) fn parse(message: &[u8]) -> Option<Link> {
    let hardware = u16::from_ne_bytes(*message.get(2..)?.first_chunk()?);
    let mut link = Link {
        index: u32_at(message, 4)?,
        name: String::new(),
        kind: None,
        hardware,
        flags: LinkFlags(u32_at(message, 8)?),
        state: OperationalState::Unknown,
        carrier: None,
        mtu: None,
        link_address: None,
        master: None,
        lower: None,
        queueing: None,
        carrier_changes: None,
        statistics: None,
    };
    for (kind, value) in Attributes::new(message.get(16..)?) {
        match kind {
            IFLA_ADDRESS => link.link_address = Some(value.to_vec()),
            IFLA_IFNAME => link.name = text(value),
            IFLA_MTU => link.mtu = u32_of(value),
            IFLA_LINK => link.lower = u32_of(value),
            IFLA_QDISC => link.queueing = Some(text(value)),
            IFLA_MASTER => link.master = u32_of(value),
            IFLA_OPERSTATE => link.state = state(*value.first()?),
            IFLA_CARRIER => link.carrier = value.first().map(|&on| on != 0),
            IFLA_CARRIER_CHANGES => link.carrier_changes = u32_of(value),
            IFLA_STATS64 => link.statistics = statistics(value),
            IFLA_LINKINFO => {
                link.kind = Attributes::new(value)
                    .find(|&(kind, _)| kind == IFLA_INFO_KIND)
                    .map(|(_, value)| text(value));
            }
            _ => {}
        }
    }
    Some(link)
}

fn state(code: u8) -> OperationalState {
    match code {
        0 => OperationalState::Unknown,
        1 => OperationalState::NotPresent,
        2 => OperationalState::Down,
        3 => OperationalState::LowerLayerDown,
        4 => OperationalState::Testing,
        5 => OperationalState::Dormant,
        6 => OperationalState::Up,
        other => OperationalState::Other(other),
    }
}

fn statistics(value: &[u8]) -> Option<LinkStatistics> {
    let nth = |index: usize| -> Option<u64> {
        Some(u64::from_ne_bytes(*value.get(index * 8..)?.first_chunk()?))
    };
    Some(LinkStatistics {
        rx_packets: nth(0)?,
        tx_packets: nth(1)?,
        rx_bytes: nth(2)?,
        tx_bytes: nth(3)?,
        rx_errors: nth(4)?,
        tx_errors: nth(5)?,
        rx_dropped: nth(6)?,
        tx_dropped: nth(7)?,
        rx_crc_errors: nth(12)?,
        rx_missed_errors: nth(15)?,
        tx_carrier_errors: nth(17)?,
    })
}
