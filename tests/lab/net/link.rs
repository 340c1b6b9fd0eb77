//! Links, addresses and neighbours of a namespace.

use std::{
    io,
    net::IpAddr,
    os::fd::AsRawFd,
    thread,
    time::{Duration, Instant},
};

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE};
use netlink_packet_route::{
    RouteNetlinkMessage as Request,
    address::{AddressAttribute, AddressHeaderFlags, AddressMessage},
    link::{InfoData, InfoKind, InfoVeth, LinkAttribute, LinkFlags, LinkInfo, LinkMessage},
    neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourMessage, NeighbourState},
};

use super::{Namespace, family_of, prefix};

/// A cable: interface `a.1` in namespace `a.0`, `b.1` in `b.0`, both up. Their carrier may need a moment; see [`Namespace::wait_for_carrier`].
#[track_caller]
pub(crate) fn veth(a: (&Namespace, &str), b: (&Namespace, &str)) {
    try_veth(a, b).unwrap_or_else(|error| {
        panic!(
            "veth {}:{} to {}:{}: {error}",
            a.0.name(),
            a.1,
            b.0.name(),
            b.1
        )
    });
    a.0.set_up(a.1);
    b.0.set_up(b.1);
}

/// [`veth`] that tells why it can't be had; the ends are left down.
pub(crate) fn try_veth(a: (&Namespace, &str), b: (&Namespace, &str)) -> io::Result<()> {
    let mut peer = LinkMessage::default();
    peer.attributes = vec![
        LinkAttribute::IfName(b.1.to_owned()),
        LinkAttribute::NetNsFd(b.0.descriptor().as_raw_fd()),
    ];
    let mut link = LinkMessage::default();
    link.attributes = vec![
        LinkAttribute::IfName(a.1.to_owned()),
        LinkAttribute::LinkInfo(vec![
            LinkInfo::Kind(InfoKind::Veth),
            LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(peer))),
        ]),
    ];
    a.0.try_netlink(Request::NewLink(link), NLM_F_CREATE | NLM_F_EXCL)?;
    Ok(())
}

impl Namespace {
    /// A bridge, up and empty.
    #[track_caller]
    pub(crate) fn add_bridge(&self, name: &str) {
        self.try_bridge(name)
            .unwrap_or_else(|error| panic!("{}: bridge {name}: {error}", self.name()));
        self.set_up(name);
    }

    /// [`Namespace::add_bridge`] that tells why it can't be had; it is left down.
    pub(crate) fn try_bridge(&self, name: &str) -> io::Result<()> {
        let mut link = LinkMessage::default();
        link.attributes = vec![
            LinkAttribute::IfName(name.to_owned()),
            LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Bridge)]),
        ];
        self.try_netlink(Request::NewLink(link), NLM_F_CREATE | NLM_F_EXCL)?;
        Ok(())
    }

    /// Plugs an interface into a bridge.
    #[track_caller]
    pub(crate) fn enslave(&self, name: &str, bridge: &str) {
        let controller = LinkAttribute::Controller(self.index(bridge));
        self.set_link(name, LinkFlags::empty(), LinkFlags::empty(), controller);
    }

    /// Takes an interface up.
    #[track_caller]
    pub(crate) fn set_up(&self, name: &str) {
        self.set_flags(name, LinkFlags::Up);
    }

    /// Takes an interface down; its peer loses the carrier.
    #[track_caller]
    pub(crate) fn set_down(&self, name: &str) {
        self.set_flags(name, LinkFlags::empty());
    }

    /// Sets the largest packet that an interface sends.
    #[track_caller]
    pub(crate) fn set_mtu(&self, name: &str, mtu: u32) {
        self.set_link(
            name,
            LinkFlags::empty(),
            LinkFlags::empty(),
            LinkAttribute::Mtu(mtu),
        );
    }

    /// Takes an interface away, and the other end of its cable with it.
    #[track_caller]
    pub(crate) fn delete_link(&self, name: &str) {
        let mut link = LinkMessage::default();
        link.header.index = self.index(name);
        self.netlink(format!("delete {name}"), Request::DelLink(link), 0);
    }

    /// The number of an interface.
    #[track_caller]
    pub(crate) fn index(&self, name: &str) -> u32 {
        self.link(name).header.index
    }

    /// The hardware address of an interface.
    #[track_caller]
    pub(crate) fn hardware_address(&self, name: &str) -> Vec<u8> {
        self.link(name)
            .attributes
            .into_iter()
            .find_map(|attribute| match attribute {
                LinkAttribute::Address(address) => Some(address),
                _ => None,
            })
            .unwrap_or_default()
    }

    /// Waits until the interfaces named run, so that the first packet is not the one that is lost.
    #[track_caller]
    pub(crate) fn wait_for_carrier(&self, names: &[&str]) {
        let patience = Instant::now() + Duration::from_secs(5);
        for name in names {
            while !self.link(name).header.flags.contains(LinkFlags::Running) {
                assert!(
                    Instant::now() < patience,
                    "{}: {name} has no carrier",
                    self.name()
                );
                thread::sleep(Duration::from_millis(1));
            }
        }
    }

    /// Gives an interface an address with its prefix, `10.0.0.1/24`, usable at once.
    #[track_caller]
    pub(crate) fn add_address(&self, name: &str, address: &str) {
        let request = Request::NewAddress(self.address(name, address));
        let flags = NLM_F_CREATE | NLM_F_EXCL;
        self.netlink(format!("address {address} on {name}"), request, flags);
    }

    /// Takes an address away.
    #[track_caller]
    pub(crate) fn delete_address(&self, name: &str, address: &str) {
        let request = Request::DelAddress(self.address(name, address));
        self.netlink(format!("delete address {address} on {name}"), request, 0);
    }

    /// A neighbour entry that needs no answer: who is asked for `address` on this link is `hardware`.
    #[track_caller]
    pub(crate) fn permanent_neighbour(&self, name: &str, address: IpAddr, hardware: &[u8]) {
        let mut entry = NeighbourMessage::default();
        entry.header.family = family_of(address);
        entry.header.ifindex = self.index(name);
        entry.header.state = NeighbourState::Permanent;
        entry.attributes = vec![
            NeighbourAttribute::Destination(match address {
                IpAddr::V4(address) => NeighbourAddress::Inet(address),
                IpAddr::V6(address) => NeighbourAddress::Inet6(address),
            }),
            NeighbourAttribute::LinkLayerAddress(hardware.to_vec()),
        ];
        let flags = NLM_F_CREATE | NLM_F_REPLACE;
        self.netlink(
            format!("neighbour {address} on {name}"),
            Request::NewNeighbour(entry),
            flags,
        );
    }

    fn address(&self, name: &str, text: &str) -> AddressMessage {
        let address = prefix(text);
        let mut message = AddressMessage::default();
        message.header.family = family_of(address.addr());
        message.header.prefix_len = address.prefix_len();
        message.header.index = self.index(name);
        if address.addr().is_ipv6() {
            message.header.flags = AddressHeaderFlags::Nodad;
        }
        message.attributes = vec![
            AddressAttribute::Local(address.addr()),
            AddressAttribute::Address(address.addr()),
        ];
        message
    }

    #[track_caller]
    fn set_flags(&self, name: &str, flags: LinkFlags) {
        let named = LinkAttribute::IfName(name.to_owned());
        self.set_link(name, flags, LinkFlags::Up, named);
    }

    #[track_caller]
    fn set_link(&self, name: &str, flags: LinkFlags, mask: LinkFlags, attribute: LinkAttribute) {
        let mut link = LinkMessage::default();
        link.header.index = self.index(name);
        link.header.flags = flags;
        link.header.change_mask = mask;
        link.attributes = vec![attribute];
        self.netlink(format!("set {name}"), Request::SetLink(link), 0);
    }

    #[track_caller]
    fn link(&self, name: &str) -> LinkMessage {
        let mut query = LinkMessage::default();
        query.attributes = vec![LinkAttribute::IfName(name.to_owned())];
        self.netlink(format!("interface {name}"), Request::GetLink(query), 0)
            .into_iter()
            .find_map(|answer| match answer {
                Request::NewLink(link) => Some(link),
                _ => None,
            })
            .unwrap_or_else(|| panic!("{}: no interface {name}", self.name()))
    }
}
