//! Which way packets to an address would take: the kernel's own look-up, and the rules and tables that lead to it.

use std::net::IpAddr;

use pnet::datalink;

use super::interface;
use crate::model::Address;
use crate::model::local::{Interface, Prefix, Route, RouteKind};
use crate::model::routing::{self, Action, Entry, Flow};
use crate::model::topology::TraceProtocol;
use crate::net::flow::Family;
use crate::net::route::{self, Answer, Link, Query, RouteError};
use crate::probe::Recorder;
use crate::probe::flow::interface_index;

/// Looks up the routes to addresses, and reads the interfaces that matter to them.
pub fn routes(recorder: &Recorder, addresses: &[Address]) {
    let options = recorder.read(|evidence| evidence.options.clone());
    let carried = recorder.read(|evidence| (evidence.path_protocol(), evidence.target.port));
    let links = route::links().map(|dump| dump.items).unwrap_or_default();
    let own = route::addresses()
        .map(|dump| dump.items)
        .unwrap_or_default();
    let found = looked_up(&options, carried, addresses, &links, &own);
    let named: Vec<String> = found
        .iter()
        .filter_map(|route| route.interface.clone())
        .collect();
    let next_hops: Vec<IpAddr> = found
        .iter()
        .filter(|route| route.kind == RouteKind::Unicast)
        .map(|route| route.gateway.as_ref().unwrap_or(&route.destination).ip())
        .collect();
    let interfaces: Vec<Interface> = links
        .iter()
        .filter_map(|link| {
            let prefixes: Vec<Prefix> = own
                .iter()
                .filter(|a| a.interface == link.index)
                .filter_map(|a| {
                    ipnet::IpNet::new(a.prefix.address, a.prefix.length)
                        .ok()
                        .map(Prefix)
                })
                .collect();
            let down = !(link.flags.is_up() && link.flags.is_lower_up());
            let holds = prefixes
                .iter()
                .any(|p| addresses.iter().any(|a| p.0.contains(&a.ip())));
            let asked = options.interface.as_deref() == Some(link.name.as_str())
                || addresses
                    .iter()
                    .any(|a| a.zone() == Some(link.name.as_str()));
            let also = !down
                && !link.flags.is_loopback()
                && prefixes.iter().any(|prefix| {
                    let holds = |hop: &IpAddr| prefix.is_routed() && prefix.holds_on_link(*hop);
                    next_hops.iter().any(holds)
                });
            (named.contains(&link.name) || also || (down && (holds || asked)))
                .then(|| interface(link, prefixes))
        })
        .collect();
    recorder.update(|evidence| {
        for route in found {
            if evidence.local.route_to(&route.destination).is_none() {
                evidence.local.routes.push(route);
            }
        }
        for interface in interfaces {
            if evidence.local.interface_named(&interface.name).is_none() {
                evidence.local.interfaces.push(interface);
            }
        }
        let interfaces = datalink::interfaces();
        let all = interfaces.iter().flat_map(|interface| &interface.ips);
        let mut all: Vec<Address> = all.map(|network| Address::new(network.ip())).collect();
        all.sort();
        all.dedup();
        evidence.local.addresses = all;
        if let Some(first) = evidence
            .local
            .routes
            .iter()
            .find(|route| Some(&route.destination) == addresses.first())
        {
            evidence.source.address.clone_from(&first.source);
            evidence.source.interface.clone_from(&first.interface);
        }
    });
}

/// The kernel's routes to addresses, for connections as these options make them.
pub fn routes_to(
    options: &crate::model::Options,
    port: Option<u16>,
    addresses: &[Address],
) -> Vec<Route> {
    let links = route::links().map(|dump| dump.items).unwrap_or_default();
    let own = route::addresses()
        .map(|dump| dump.items)
        .unwrap_or_default();
    looked_up(options, (TraceProtocol::Tcp, port), addresses, &links, &own)
}

fn looked_up(
    options: &crate::model::Options,
    (protocol, port): (TraceProtocol, Option<u16>),
    addresses: &[Address],
    links: &[Link],
    own: &[route::InterfaceAddress],
) -> Vec<Route> {
    let name_of = |index: u32| {
        links
            .iter()
            .find(|link| link.index == index)
            .map(|link| link.name.clone())
    };
    let mut found = Vec::new();
    for address in addresses {
        let wanted = options.interface.as_deref().or(address.zone());
        let query = Query {
            source: options
                .source
                .as_ref()
                .map(Address::ip)
                .filter(|ip| own.iter().any(|a| a.prefix.address == *ip)),
            interface: wanted.and_then(interface_index),
            tos: options.tos,
            protocol: Some(number(protocol, address.ip())),
            destination_port: port,
            ..Query::to(connected(address.ip()))
        };
        let (query, answer) = match protocol {
            // Ping sockets are not connected.
            TraceProtocol::Icmp => (query.clone(), route::lookup(&query)),
            _ => route::lookup_connection(&query),
        };
        found.push(told(address, &query, answer, wanted, &name_of, own));
    }
    found
}

/// Where a connection to an address goes: the unspecified one stands for the loopback's. Of IPv4 the look-up knows that, of IPv6 only
/// connect does (`tcp_v6_connect` in `net/ipv6/tcp_ipv6.c`).
fn connected(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V6(v6) if v6.is_unspecified() => std::net::Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    }
}

/// The number of a protocol in IP's header.
pub fn number(protocol: TraceProtocol, to: IpAddr) -> u8 {
    match (protocol, to) {
        (TraceProtocol::Tcp, _) => 6,
        (TraceProtocol::Udp, _) => 17,
        (TraceProtocol::Icmp, IpAddr::V4(_)) => 1,
        (TraceProtocol::Icmp, IpAddr::V6(_)) => 58,
    }
}

fn told(
    address: &Address,
    query: &Query,
    answer: Result<Answer, RouteError>,
    bound: Option<&str>,
    name_of: &dyn Fn(u32) -> Option<String>,
    own: &[route::InterfaceAddress],
) -> Route {
    let family = Family::of(address.ip());
    let blank = Route {
        destination: address.clone(),
        kind: RouteKind::None,
        gateway: None,
        interface: None,
        source: None,
        table: None,
        prefix: None,
        metric: None,
        mtu: None,
        rule: None,
        text: None,
        errno: None,
        family_usable: family_usable(family, own),
    };
    match answer {
        Ok(answer) => {
            let hop = answer.route.next_hops.first();
            let entry = answer.matched.as_ref();
            let index = hop.and_then(|hop| hop.interface);
            Route {
                kind: kind_of(answer.route.kind),
                gateway: hop.and_then(|hop| hop.gateway).map(Address::new),
                interface: index.and_then(name_of),
                source: answer
                    .route
                    .preferred_source
                    .or(query.source)
                    .map(Address::new),
                table: Some(entry.map_or(answer.route.table, |entry| entry.table)),
                prefix: entry.and_then(|entry| prefix(&entry.destination)),
                metric: entry.map(|entry| entry.metric).filter(|metric| *metric > 0),
                mtu: answer.route.mtu,
                text: entry.map(|entry| written(entry, name_of)),
                ..blank
            }
        }
        Err(RouteError::NoRoute(errno)) => {
            let flow = Flow {
                destination: address.ip(),
                source: query.source,
                interface: bound.map(str::to_owned),
                user: nix::unistd::geteuid().as_raw(),
                protocol: query.protocol.unwrap_or(6),
                port: query.destination_port,
            };
            let decision = decide(family, &flow, name_of);
            let mut route = Route {
                errno: Some(errno.name().into_owned()),
                source: query.source.map(Address::new),
                ..blank
            };
            // Only what agrees with the kernel's own answer is quoted.
            if let Some(decision) =
                decision.filter(|decision| error_of(decision) == Some(errno.name().as_ref()))
            {
                route.kind = decision.kind;
                route.rule = decision.rule.as_ref().map(ToString::to_string);
                if let Some(entry) = decision.entry {
                    route.table = Some(entry.table);
                    route.prefix = Some(Prefix(entry.prefix));
                    route.text = Some(entry.text);
                }
            }
            route
        }
        Err(RouteError::Unavailable(errno)) => Route {
            kind: RouteKind::Other,
            errno: Some(errno.name().into_owned()),
            ..blank
        },
    }
}

/// The error with which the kernel ends a look-up at such a route (Linux `fib_props`, `net/ipv4/fib_semantics.c`) or rule
/// (`fib4_rule_action`, `net/ipv4/fib_rules.c`).
fn error_of(decision: &routing::Decision) -> Option<&'static str> {
    match decision.kind {
        RouteKind::None | RouteKind::Throw => Some("ENETUNREACH"),
        RouteKind::Unreachable if decision.entry.is_none() => Some("ENETUNREACH"),
        RouteKind::Unreachable => Some("EHOSTUNREACH"),
        RouteKind::Prohibit => Some("EACCES"),
        RouteKind::Blackhole => Some("EINVAL"),
        _ => None,
    }
}

fn decide(
    family: Family,
    flow: &Flow,
    name_of: &dyn Fn(u32) -> Option<String>,
) -> Option<routing::Decision> {
    let rules: Vec<routing::Rule> = route::rules(family).ok()?.items.iter().map(rule).collect();
    let entries: Vec<Entry> = route::routes(family)
        .ok()?
        .items
        .iter()
        .filter(|entry| !entry.is_clone())
        .filter_map(|entry| {
            Some(Entry {
                table: entry.table,
                prefix: ipnet::IpNet::new(entry.destination.address, entry.destination.length)
                    .ok()?,
                kind: kind_of(entry.kind),
                metric: entry.metric,
                ways: entry
                    .next_hops
                    .iter()
                    .filter_map(|hop| Some((name_of(hop.interface?)?, !hop.flags.is_dead())))
                    .collect(),
                text: written(entry, name_of),
            })
        })
        .collect();
    routing::decide(&rules, &entries, flow)
}

fn rule(rule: &route::Rule) -> routing::Rule {
    let net = |p: &Option<route::Prefix>| {
        p.as_ref()
            .and_then(|p| ipnet::IpNet::new(p.address, p.length).ok())
    };
    let (action, known) = match rule.action {
        route::RuleAction::Table => (Action::Table(rule.table), true),
        route::RuleAction::Goto(priority) => (Action::Goto(priority), true),
        route::RuleAction::Nop => (Action::Nop, true),
        route::RuleAction::Blackhole => (Action::Refuse(RouteKind::Blackhole), true),
        route::RuleAction::Unreachable => (Action::Refuse(RouteKind::Unreachable), true),
        route::RuleAction::Prohibit => (Action::Refuse(RouteKind::Prohibit), true),
        route::RuleAction::Other(_) => (Action::Nop, false),
    };
    routing::Rule {
        priority: rule.priority,
        action,
        source: net(&rule.source),
        destination: net(&rule.destination),
        input_interface: rule.input_interface.clone(),
        output_interface: rule.output_interface.clone(),
        mark: (rule.mark != 0 || rule.mark_mask != 0).then_some((rule.mark, rule.mark_mask)),
        users: rule.users,
        protocol: rule.protocol,
        source_ports: rule.source_ports,
        destination_ports: rule.destination_ports,
        inverted: rule.inverted,
        suppress_prefix_length: rule.suppress_prefix_length,
        // A VRF's rule asks its own table, and only for what is bound to the VRF: this flow is not, and finds nothing there.
        obscure: !known
            || !rule.unknown.is_empty()
            || rule.tos != 0
            || rule.dscp.is_some()
            || rule.suppress_group.is_some(),
    }
}

fn kind_of(kind: route::RouteKind) -> RouteKind {
    match kind {
        route::RouteKind::Unicast => RouteKind::Unicast,
        route::RouteKind::Local => RouteKind::Local,
        route::RouteKind::Blackhole => RouteKind::Blackhole,
        route::RouteKind::Unreachable => RouteKind::Unreachable,
        route::RouteKind::Prohibit => RouteKind::Prohibit,
        route::RouteKind::Throw => RouteKind::Throw,
        _ => RouteKind::Other,
    }
}

fn prefix(prefix: &route::Prefix) -> Option<Prefix> {
    ipnet::IpNet::new(prefix.address, prefix.length)
        .ok()
        .map(Prefix)
}

/// A table's entry as `ip route` writes it, in so far that `ip route del` takes it.
fn written(entry: &route::Route, name_of: &dyn Fn(u32) -> Option<String>) -> String {
    let mut text = match kind_of(entry.kind) {
        RouteKind::Unreachable => "unreachable ".to_owned(),
        RouteKind::Prohibit => "prohibit ".to_owned(),
        RouteKind::Blackhole => "blackhole ".to_owned(),
        RouteKind::Throw => "throw ".to_owned(),
        RouteKind::Local => "local ".to_owned(),
        _ => String::new(),
    };
    text.push_str(
        &prefix(&entry.destination)
            .map_or_else(|| "default".to_owned(), |prefix| prefix.to_string()),
    );
    for hop in &entry.next_hops {
        if entry.next_hops.len() > 1 {
            text.push_str(" nexthop");
        }
        if let Some(gateway) = hop.gateway {
            text.push_str(&format!(" via {gateway}"));
        }
        if let Some(name) = hop.interface.and_then(name_of) {
            text.push_str(&format!(" dev {name}"));
        }
    }
    if entry.metric > 0 {
        text.push_str(&format!(" metric {}", entry.metric));
    }
    text
}

/// Whether this machine can use a family beyond its own link: it has an address of it that is not of the link or of the machine alone.
fn family_usable(family: Family, own: &[route::InterfaceAddress]) -> bool {
    own.iter().any(|address| {
        let ip = address.prefix.address;
        let alone = match ip {
            IpAddr::V4(ip) => ip.is_loopback() || ip.is_link_local(),
            IpAddr::V6(ip) => ip.is_loopback() || ip.is_unicast_link_local(),
        };
        Family::of(ip) == family && !alone
    })
}
