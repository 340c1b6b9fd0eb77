//! Messages → routes, rules, addresses, neighbours. Pure: bytes in, values out.
//!
//! Each returns `None` for a message that is too short or of another family than IP.

#![deny(clippy::indexing_slicing)]

use std::net::IpAddr;
use std::time::Duration;

use super::types::{
    AddressFlags, HopFlags, InterfaceAddress, Neighbour, NeighbourState, NextHop, Prefix, Route,
    RouteKind, Rule, RuleAction,
};
use super::wire::{Attributes, family, ip, text, u32_at, u32_of};
use crate::net::errno::Errno;

const RTA_DST: u16 = 1;
const RTA_SRC: u16 = 2;
const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;
const RTA_PRIORITY: u16 = 6;
const RTA_PREFSRC: u16 = 7;
const RTA_METRICS: u16 = 8;
const RTA_MULTIPATH: u16 = 9;
const RTA_CACHEINFO: u16 = 12;
const RTA_TABLE: u16 = 15;
const RTA_VIA: u16 = 18;
const RTA_NH_ID: u16 = 30;

const RTAX_MTU: u16 = 2;
const RTAX_ADVMSS: u16 = 8;
const RTAX_HOPLIMIT: u16 = 10;

/// `RTNH_F_*` in `rtm_flags`; the rest are `RTM_F_*`.
const HOP_FLAGS: u32 = 0xff;

/// `struct rtmsg` and its attributes.
pub(super) fn route(message: &[u8]) -> Option<Route> {
    let [af, dst_len, src_len, tos, table, protocol, scope, kind, ..] =
        *message.first_chunk::<12>()?;
    let family = family(af)?;
    let any = family.unspecified();
    let flags = u32_at(message, 8)?;
    let mut route = Route {
        family,
        kind: RouteKind::from_code(kind),
        table: table.into(),
        destination: Prefix {
            address: any,
            length: dst_len,
        },
        source: None,
        tos,
        next_hops: Vec::new(),
        preferred_source: None,
        metric: 0,
        protocol,
        scope,
        mtu: None,
        advertised_mss: None,
        hop_limit: None,
        next_hop_object: None,
        error: None,
        flags,
    };
    let mut hop = NextHop {
        gateway: None,
        interface: None,
        weight: 1,
        flags: HopFlags(flags & HOP_FLAGS),
    };
    for (kind, value) in Attributes::new(message.get(12..)?) {
        match kind {
            RTA_DST => route.destination.address = ip(value)?,
            RTA_SRC => {
                route.source = Some(Prefix {
                    address: ip(value)?,
                    length: src_len,
                });
            }
            RTA_OIF => hop.interface = u32_of(value),
            RTA_GATEWAY => hop.gateway = ip(value),
            RTA_VIA => hop.gateway = via(value),
            RTA_PRIORITY => route.metric = u32_of(value)?,
            RTA_PREFSRC => route.preferred_source = ip(value),
            RTA_METRICS => metrics(&mut route, value),
            RTA_MULTIPATH => route.next_hops = multipath(value),
            RTA_CACHEINFO => {
                route.error = u32_at(value, 12)
                    .and_then(|code| i32::try_from(code.cast_signed().unsigned_abs()).ok())
                    .filter(|&code| code != 0)
                    .map(Errno::from_code);
            }
            RTA_TABLE => route.table = u32_of(value)?,
            RTA_NH_ID => route.next_hop_object = u32_of(value),
            _ => {}
        }
    }
    // A look-up repeats the source that was asked about, "any" if none was.
    route.source = route
        .source
        .filter(|source| !(route.is_clone() && source.address.is_unspecified()));
    let leads_somewhere = hop.interface.is_some() || hop.gateway.is_some();
    if route.next_hops.is_empty() && leads_somewhere {
        route.next_hops.push(hop);
    }
    Some(route)
}

/// `struct rtvia`: a gateway of another family.
fn via(value: &[u8]) -> Option<IpAddr> {
    let af = u8::try_from(u16::from_ne_bytes(*value.first_chunk()?)).ok()?;
    let address = ip(value.get(2..)?)?;
    (crate::net::flow::Family::of(address) == family(af)?).then_some(address)
}

fn metrics(route: &mut Route, value: &[u8]) {
    for (kind, value) in Attributes::new(value) {
        match kind {
            RTAX_MTU => route.mtu = u32_of(value).filter(|&mtu| mtu != 0),
            RTAX_ADVMSS => route.advertised_mss = u32_of(value).filter(|&mss| mss != 0),
            RTAX_HOPLIMIT => route.hop_limit = u32_of(value).filter(|&limit| limit != 0),
            _ => {}
        }
    }
}

/// A row of `struct rtnexthop`, each with attributes.
fn multipath(mut value: &[u8]) -> Vec<NextHop> {
    let mut hops = Vec::new();
    while let Some(&[l0, l1, flags, weight, i0, i1, i2, i3]) = value.first_chunk::<8>() {
        let length = usize::from(u16::from_ne_bytes([l0, l1]));
        let Some(attributes) = value.get(8..length) else {
            break;
        };
        let mut hop = NextHop {
            gateway: None,
            interface: Some(u32::from_ne_bytes([i0, i1, i2, i3])),
            weight: u32::from(weight) + 1,
            flags: HopFlags(flags.into()),
        };
        for (kind, value) in Attributes::new(attributes) {
            match kind {
                RTA_GATEWAY => hop.gateway = ip(value),
                RTA_VIA => hop.gateway = via(value),
                _ => {}
            }
        }
        hops.push(hop);
        value = value.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    hops
}

/// `struct fib_rule_hdr` and its attributes.
pub(super) fn rule(message: &[u8]) -> Option<Rule> {
    let [af, dst_len, src_len, tos, table, _, _, action, ..] = *message.first_chunk::<12>()?;
    let mut rule = Rule {
        family: family(af)?,
        priority: 0,
        action: match action {
            1 => RuleAction::Table,
            3 => RuleAction::Nop,
            6 => RuleAction::Blackhole,
            7 => RuleAction::Unreachable,
            8 => RuleAction::Prohibit,
            other => RuleAction::Other(other),
        },
        table: table.into(),
        inverted: u32_at(message, 8)? & 2 != 0,
        source: None,
        destination: None,
        input_interface: None,
        output_interface: None,
        mark: 0,
        mark_mask: 0,
        tos,
        dscp: None,
        users: None,
        protocol: None,
        source_ports: None,
        destination_ports: None,
        l3mdev: false,
        suppress_prefix_length: None,
        suppress_group: None,
        unknown: Vec::new(),
    };
    let prefix = |value, length| ip(value).map(|address| Prefix { address, length });
    for (kind, value) in Attributes::new(message.get(12..)?) {
        match kind {
            1 => rule.destination = prefix(value, dst_len),
            2 => rule.source = prefix(value, src_len),
            3 => rule.input_interface = Some(text(value)),
            4 => rule.action = RuleAction::Goto(u32_of(value)?),
            6 => rule.priority = u32_of(value)?,
            10 => rule.mark = u32_of(value)?,
            13 => rule.suppress_group = u32_of(value).filter(|&group| group != u32::MAX),
            14 => rule.suppress_prefix_length = u32_of(value).filter(|&bits| bits != u32::MAX),
            15 => rule.table = u32_of(value)?,
            16 => rule.mark_mask = u32_of(value)?,
            17 => rule.output_interface = Some(text(value)),
            19 => rule.l3mdev = value.first().is_some_and(|&on| on != 0),
            20 => rule.users = u32_of(value).zip(u32_at(value, 4)),
            22 => rule.protocol = value.first().copied(),
            23 => rule.source_ports = ports(value),
            24 => rule.destination_ports = ports(value),
            25 => rule.dscp = value.first().copied(),
            // A mask of all bits (`FRA_SPORT_MASK`, `FRA_DPORT_MASK`, Linux 6.15) says no more than the port beside it.
            28 | 29 if value == [0xff; 2] => {}
            // Realm, padding and origin select nothing.
            11 | 18 | 21 => {}
            other => rule.unknown.push(other),
        }
    }
    Some(rule)
}

fn ports(value: &[u8]) -> Option<(u16, u16)> {
    let [a, b, c, d] = *value.first_chunk()?;
    Some((u16::from_ne_bytes([a, b]), u16::from_ne_bytes([c, d])))
}

/// `struct ifaddrmsg` and its attributes.
pub(super) fn address(message: &[u8]) -> Option<InterfaceAddress> {
    let [af, length, flags, scope, ..] = *message.first_chunk::<8>()?;
    family(af)?;
    let interface = u32_at(message, 4)?;
    let mut flags = AddressFlags(flags.into());
    let (mut own, mut other, mut label) = (None, None, None);
    for (kind, value) in Attributes::new(message.get(8..)?) {
        match kind {
            1 => other = ip(value),
            2 => own = ip(value),
            3 => label = Some(text(value)),
            8 => flags = AddressFlags(u32_of(value)?),
            _ => {}
        }
    }
    // IFA_ADDRESS is the peer where there is one, and else the same as IFA_LOCAL, or all that there is.
    let address = own.or(other)?;
    Some(InterfaceAddress {
        interface,
        prefix: Prefix { address, length },
        peer: other.filter(|&peer| peer != address),
        scope,
        label,
        flags,
    })
}

/// `struct ndmsg` and its attributes.
pub(super) fn neighbour(message: &[u8]) -> Option<Neighbour> {
    let [af, _, _, _, _, _, _, _, s0, s1, flags, _] = *message.first_chunk::<12>()?;
    family(af)?;
    let (mut address, mut link_address) = (None, None);
    let (mut confirmed, mut probes) = (None, None);
    for (kind, value) in Attributes::new(message.get(12..)?) {
        match kind {
            1 => address = ip(value),
            2 => link_address = Some(value.to_vec()),
            // Hundredths of a second: the ABI's USER_HZ, whatever the kernel's own tick.
            3 => confirmed = u32_of(value).map(|ticks| Duration::from_millis(10) * ticks),
            4 => probes = u32_of(value),
            _ => {}
        }
    }
    Some(Neighbour {
        address: address?,
        interface: u32_at(message, 4)?,
        state: NeighbourState::from_code(u16::from_ne_bytes([s0, s1])),
        link_address,
        is_router: flags & 0x80 != 0,
        confirmed,
        probes,
    })
}

/// A next hop object, or a group of such.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NextHopObject {
    pub(super) id: u32,
    pub(super) hop: NextHop,
    pub(super) group: Vec<(u32, u32)>,
    pub(super) blackhole: bool,
}

/// `struct nhmsg` and its attributes.
pub(super) fn next_hop_object(message: &[u8]) -> Option<NextHopObject> {
    let flags = u32_at(message, 4)?;
    let mut id = None;
    let mut object = NextHopObject {
        id: 0,
        hop: NextHop {
            gateway: None,
            interface: None,
            weight: 1,
            flags: HopFlags(flags & HOP_FLAGS),
        },
        group: Vec::new(),
        blackhole: false,
    };
    for (kind, value) in Attributes::new(message.get(8..)?) {
        match kind {
            1 => id = u32_of(value),
            2 => object.group = group(value),
            4 => object.blackhole = true,
            5 => object.hop.interface = u32_of(value),
            6 => object.hop.gateway = ip(value),
            _ => {}
        }
    }
    object.id = id?;
    Some(object)
}

/// A row of `struct nexthop_grp`: number and weight less one, whose upper byte came with Linux 6.13.
fn group(value: &[u8]) -> Vec<(u32, u32)> {
    let (entries, _) = value.as_chunks::<8>();
    entries
        .iter()
        .map(|&[a, b, c, d, low, high, _, _]| {
            let weight = u32::from(u16::from_le_bytes([low, high])) + 1;
            (u32::from_ne_bytes([a, b, c, d]), weight)
        })
        .collect()
}
