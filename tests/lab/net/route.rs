//! Routes and routing rules of a namespace.

use std::{fmt::Display, net::IpAddr};

use ipnet::IpNet;
use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE};
use netlink_packet_route::{
    RouteNetlinkMessage as Request,
    route::{
        RouteAttribute, RouteHeader, RouteMessage, RouteMetric, RouteNextHop, RouteProtocol,
        RouteScope, RouteType, RouteVia,
    },
    rule::{RuleAction, RuleAttribute, RuleMessage, RulePortRange, RuleUidRange},
};

use super::{Namespace, family_of, prefix};

/// A route to be added: `Route::to("10.0.0.0/8").via(gateway)`.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    destination: IpNet,
    kind: RouteType,
    gateways: Vec<IpAddr>,
    device: Option<String>,
    table: u32,
    metric: Option<u32>,
    source: Option<IpAddr>,
    mtu: Option<u32>,
}

impl Route {
    /// A route to `destination`, which is a prefix or an address; `0.0.0.0/0` and `::/0` are the defaults.
    #[track_caller]
    pub(crate) fn to(destination: impl Display) -> Self {
        Self {
            destination: prefix(destination),
            kind: RouteType::Unicast,
            gateways: Vec::new(),
            device: None,
            table: RouteHeader::RT_TABLE_MAIN.into(),
            metric: None,
            source: None,
            mtu: None,
        }
    }

    /// Answers "unreachable" (IPv4 3/1, IPv6 1/0); EHOSTUNREACH to this machine's own sockets.
    #[track_caller]
    pub(crate) fn unreachable(destination: impl Display) -> Self {
        Self::to(destination).kind(RouteType::Unreachable)
    }

    /// Answers "administratively prohibited"; EACCES to this machine's own sockets.
    #[track_caller]
    pub(crate) fn prohibit(destination: impl Display) -> Self {
        Self::to(destination).kind(RouteType::Prohibit)
    }

    /// Drops without a word; EINVAL to this machine's own sockets.
    #[track_caller]
    pub(crate) fn blackhole(destination: impl Display) -> Self {
        Self::to(destination).kind(RouteType::BlackHole)
    }

    /// Ends the look-up in this table, so that the next rule decides.
    #[track_caller]
    pub(crate) fn throw(destination: impl Display) -> Self {
        Self::to(destination).kind(RouteType::Throw)
    }

    /// Through this gateway, which may be of the other family; called more than once, through all of them with equal cost.
    pub(crate) fn via(mut self, gateway: IpAddr) -> Self {
        self.gateways.push(gateway);
        self
    }

    /// Out of this interface.
    pub(crate) fn device(mut self, name: &str) -> Self {
        self.device = Some(name.to_owned());
        self
    }

    /// In another table than the main one.
    pub(crate) fn table(mut self, table: u32) -> Self {
        self.table = table;
        self
    }

    /// With this metric.
    pub(crate) fn metric(mut self, metric: u32) -> Self {
        self.metric = Some(metric);
        self
    }

    /// With this preferred source address.
    pub(crate) fn source(mut self, source: IpAddr) -> Self {
        self.source = Some(source);
        self
    }

    /// For packets of at most this size.
    pub(crate) fn mtu(mut self, mtu: u32) -> Self {
        self.mtu = Some(mtu);
        self
    }

    fn kind(mut self, kind: RouteType) -> Self {
        self.kind = kind;
        self
    }

    fn message(&self, namespace: &Namespace) -> RouteMessage {
        let mut message = RouteMessage::default();
        message.header.address_family = family_of(self.destination.addr());
        message.header.destination_prefix_length = self.destination.prefix_len();
        message.header.table = RouteHeader::RT_TABLE_UNSPEC;
        message.header.protocol = RouteProtocol::Static;
        message.header.kind = self.kind;
        message.header.scope = if self.kind == RouteType::Unicast && self.gateways.is_empty() {
            RouteScope::Link
        } else {
            RouteScope::Universe
        };
        let attributes = &mut message.attributes;
        attributes.push(RouteAttribute::Table(self.table));
        if self.destination.prefix_len() > 0 {
            attributes.push(RouteAttribute::Destination(
                self.destination.network().into(),
            ));
        }
        let device = self.device.as_deref().map(|name| namespace.index(name));
        match self.gateways.as_slice() {
            [] => {}
            [IpAddr::V6(gateway)] if self.destination.addr().is_ipv4() => {
                attributes.push(RouteAttribute::Via(RouteVia::Inet6(*gateway)));
            }
            [gateway] => attributes.push(RouteAttribute::Gateway((*gateway).into())),
            gateways => attributes.push(RouteAttribute::MultiPath(
                gateways
                    .iter()
                    .map(|gateway| {
                        let mut hop = RouteNextHop::default();
                        hop.attributes = vec![RouteAttribute::Gateway((*gateway).into())];
                        hop
                    })
                    .collect(),
            )),
        }
        attributes.extend(device.map(RouteAttribute::Oif));
        attributes.extend(self.metric.map(RouteAttribute::Priority));
        attributes.extend(
            self.source
                .map(|source| RouteAttribute::PrefSource(source.into())),
        );
        attributes.extend(
            self.mtu
                .map(|mtu| RouteAttribute::Metrics(vec![RouteMetric::Mtu(mtu)])),
        );
        message
    }
}

/// A routing rule, its selectors and-ed: `Rule::from(100, "10.0.0.1").to("10.9.0.0/16").table(7)`.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    message: RuleMessage,
}

impl Rule {
    /// Packets from `source` (a prefix; `0.0.0.0/0` and `::/0` are any) at this priority.
    #[track_caller]
    pub(crate) fn from(priority: u32, source: impl Display) -> Self {
        let source = prefix(source);
        let mut message = RuleMessage::default();
        message.header.family = family_of(source.addr());
        message.attributes = vec![RuleAttribute::Priority(priority)];
        if source.prefix_len() > 0 {
            message.header.src_len = source.prefix_len();
            message
                .attributes
                .push(RuleAttribute::Source(source.network()));
        }
        Self { message }
    }

    /// And to this prefix.
    #[track_caller]
    pub(crate) fn to(mut self, destination: impl Display) -> Self {
        let destination = prefix(destination);
        self.message.header.dst_len = destination.prefix_len();
        self.with(RuleAttribute::Destination(destination.network()))
    }

    /// And by sockets of this user.
    pub(crate) fn uid(self, uid: u32) -> Self {
        self.with(RuleAttribute::UidRange(RuleUidRange {
            start: uid,
            end: uid,
        }))
    }

    /// And of this protocol to this port.
    pub(crate) fn port(self, protocol: u8, port: u16) -> Self {
        self.with(RuleAttribute::IpProtocol(protocol.into())).with(
            RuleAttribute::DestinationPortRange(RulePortRange {
                start: port,
                end: port,
            }),
        )
    }

    /// And with this mark.
    pub(crate) fn mark(self, mark: u32) -> Self {
        self.with(RuleAttribute::FwMark(mark))
    }

    /// Are looked up in this table.
    pub(crate) fn table(mut self, table: u32) -> Self {
        self.message.header.action = RuleAction::ToTable;
        self.with(RuleAttribute::Table(table))
    }

    /// Are answered as unreachable.
    pub(crate) fn unreachable(mut self) -> Self {
        self.message.header.action = RuleAction::Unreachable;
        self
    }

    /// Are answered as prohibited.
    pub(crate) fn prohibit(mut self) -> Self {
        self.message.header.action = RuleAction::Prohibit;
        self
    }

    /// Are dropped.
    pub(crate) fn blackhole(mut self) -> Self {
        self.message.header.action = RuleAction::Blackhole;
        self
    }

    fn with(mut self, attribute: RuleAttribute) -> Self {
        self.message.attributes.push(attribute);
        self
    }
}

impl Namespace {
    /// Adds a route that is not there yet.
    #[track_caller]
    pub(crate) fn add_route(&self, route: &Route) {
        let request = Request::NewRoute(route.message(self));
        self.netlink(format!("{route:?}"), request, NLM_F_CREATE | NLM_F_EXCL);
    }

    /// Adds a route in place of the one with the same destination, table and metric.
    #[track_caller]
    pub(crate) fn replace_route(&self, route: &Route) {
        let request = Request::NewRoute(route.message(self));
        self.netlink(format!("{route:?}"), request, NLM_F_CREATE | NLM_F_REPLACE);
    }

    /// Takes a route away.
    #[track_caller]
    pub(crate) fn delete_route(&self, route: &Route) {
        let mut message = route.message(self);
        message.header.scope = RouteScope::NoWhere;
        message.header.protocol = RouteProtocol::Unspec;
        self.netlink(format!("delete {route:?}"), Request::DelRoute(message), 0);
    }

    /// Adds a routing rule.
    #[track_caller]
    pub(crate) fn add_rule(&self, rule: &Rule) {
        let request = Request::NewRule(rule.message.clone());
        self.netlink(format!("{rule:?}"), request, NLM_F_CREATE | NLM_F_EXCL);
    }

    /// Takes a routing rule away.
    #[track_caller]
    pub(crate) fn delete_rule(&self, rule: &Rule) {
        let request = Request::DelRule(rule.message.clone());
        self.netlink(format!("delete {rule:?}"), request, 0);
    }
}
