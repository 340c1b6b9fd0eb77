//! This machine: what the kernel says of the way out, before, during and after the probes.

mod counted;

use std::net::IpAddr;

use pnet::datalink;

pub use counted::{Baseline, finish};

use super::Recorder;
use super::flow::interface_index;
use crate::model::evidence::Evidence;
use crate::model::local::{
    Interface, Listener, Neighbour, NeighbourRole, NeighbourState, Prefix, Process, Route,
    RouteKind, SourcePort,
};
use crate::model::routing::{self, Action, Entry, Flow};
use crate::model::source::{Privilege, Source};
use crate::model::topology::TraceProtocol;
use crate::model::{Address, Endpoint, Ms, Operation};
use crate::net::flow::Family;
use crate::net::privilege;
use crate::net::route::{self, Answer, Link, Query, RouteError};
use crate::net::system::{self, Transport};

/// Where the check is made from. Opens no socket but to see which may be opened.
pub fn source() -> Source {
    let allowed = privilege::inspect();
    let mut privileges = Vec::new();
    if allowed.is_root {
        privileges.push(Privilege::Root);
    }
    if allowed.capabilities.net_raw() {
        privileges.push(Privilege::CapNetRaw);
    }
    if allowed.capabilities.net_admin() {
        privileges.push(Privilege::CapNetAdmin);
    }
    if allowed.ping_v4.is_ok() {
        privileges.push(Privilege::PingSocket);
    }
    Source {
        host: system::host_name(),
        os: system::os_name(),
        kernel: system::kernel_release(),
        container: system::container().map(|container| container.name().to_owned()),
        privileges,
        ..Source::default()
    }
}

/// Whether this process is root's, or has more than its caller has.
pub fn is_privileged() -> bool {
    let allowed = privilege::inspect();
    allowed.is_root || allowed.elevated
}

/// Gives up what this process may do beyond others, once the sockets are open that take it, but for what these options may still take
/// ([`privilege::drop_after_opening`]). Where the kernel does not let it, it goes on as it is.
pub fn drop_privileges(options: &crate::model::Options, saves: bool) {
    let allowed = privilege::inspect();
    let needed = privilege::Needed {
        low_ports: options.source_port.is_some(),
        // Echoes go by raw sockets where ping sockets are denied.
        raw_sockets: allowed.ping_v4.is_err()
            || allowed.ping_v6.is_err()
            || options.interface.is_some(),
        files: saves,
    };
    let _ = privilege::drop_after_opening(needed);
}

/// Writes files with all rights that this process was started with.
pub fn writing_files<T>(write: impl FnOnce() -> T) -> T {
    privilege::writing_files(write)
}

/// The interfaces of this machine, by number and name.
pub fn interface_names() -> Vec<(u32, String)> {
    datalink::interfaces()
        .into_iter()
        .map(|interface| (interface.index, interface.name))
        .collect()
}

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

fn interface(link: &Link, addresses: Vec<Prefix>) -> Interface {
    Interface {
        name: link.name.clone(),
        up: link.flags.is_up(),
        carrier: link.flags.is_lower_up(),
        state: Some(format!("{:?}", link.state).to_lowercase()),
        mtu: link.mtu,
        kind: link.kind.clone(),
        resolves_neighbours: !(link.flags.is_no_arp()
            || link.flags.is_loopback()
            || link.flags.is_point_to_point()),
        addresses,
        errors: None,
    }
}

/// The kernel answers as soon as this, in one of so many attempts.
const PROMPT: Ms = Ms::from_millis(5);
const ATTEMPTS: u32 = 5;

/// Reads the neighbour entry of the next hop towards an address. To be called after the probes were sent.
pub fn neighbour(recorder: &Recorder, address: &Address) {
    let Some(route) = recorder.read(|evidence| evidence.local.route_to(address).cloned()) else {
        return;
    };
    let (Some(name), RouteKind::Unicast) = (&route.interface, route.kind) else {
        return;
    };
    let hop = route.gateway.clone().unwrap_or_else(|| address.clone());
    let role = if route.gateway.is_some() {
        NeighbourRole::Gateway
    } else {
        NeighbourRole::Destination
    };
    let Some(index) = interface_index(name) else {
        return;
    };
    // Its age counts from the moment at which the kernel is asked: on a busy machine this one may be held up in between.
    let mut attempts = 0;
    let (at_ms, entry) = loop {
        let before = recorder.now();
        let entry = route::neighbour(hop.ip(), index).ok().flatten();
        attempts += 1;
        if attempts == ATTEMPTS || recorder.now() - before <= PROMPT {
            break (before, entry);
        }
    };
    let found = Neighbour {
        address: hop.clone(),
        interface: name.clone(),
        role,
        state: entry
            .as_ref()
            .map_or(NeighbourState::None, |entry| state_of(entry.state)),
        link_address: entry.as_ref().and_then(route::Neighbour::link_address_text),
        at_ms,
        confirmed_ms_ago: entry
            .as_ref()
            .and_then(|entry| entry.confirmed)
            .map(Into::into),
    };
    recorder.update(|evidence| {
        evidence
            .local
            .neighbours
            .retain(|known| known.address != hop);
        evidence.local.neighbours.push(found);
    });
}

fn state_of(state: route::NeighbourState) -> NeighbourState {
    match state {
        route::NeighbourState::Incomplete => NeighbourState::Incomplete,
        route::NeighbourState::Reachable => NeighbourState::Reachable,
        route::NeighbourState::Stale => NeighbourState::Stale,
        route::NeighbourState::Delay => NeighbourState::Delay,
        route::NeighbourState::Probe => NeighbourState::Probe,
        route::NeighbourState::Failed => NeighbourState::Failed,
        route::NeighbourState::NoArp => NeighbourState::Noarp,
        route::NeighbourState::Permanent => NeighbourState::Permanent,
        _ => NeighbourState::None,
    }
}

/// Reads the source ports of this machine, and who holds the one asked for.
pub fn ports(recorder: &Recorder) {
    let (asked, source) = recorder.read(|e| (e.options.source_port, e.options.source.clone()));
    let settings = system::port_settings();
    let sockets = system::socket_use();
    let any = source.map_or(IpAddr::from([0, 0, 0, 0]), |source| source.ip());
    let held_by = asked
        .and_then(|port| system::holder_of_local_port(Transport::Tcp, any, port))
        .and_then(|holder| holder.process)
        .map(|process| Process {
            pid: process.pid,
            comm: process.comm,
        });
    let number = [sockets.tcp, sockets.tcp6, sockets.tcp_time_wait]
        .into_iter()
        .flatten()
        .sum::<u64>();
    recorder.update(|evidence| {
        evidence.local.source_port = Some(SourcePort {
            asked,
            range: settings.ephemeral,
            unprivileged_from: settings.unprivileged_start,
            sockets: u32::try_from(number).ok(),
            held_by,
        });
    });
}

/// Why sockets of this machine are not seen.
const UNLISTED: &str = "there is no /proc here, in which the kernel lists sockets";

/// Why it can't be seen what listens on this machine; none where it can.
pub fn listeners_unseen() -> Option<&'static str> {
    let listed = system::listeners(Transport::Tcp, 0).is_some();
    (!listed).then_some(UNLISTED)
}

/// Reads what listens on a port of this machine, for a target that is this machine.
pub fn listeners(recorder: &Recorder, port: u16) {
    let transport = match recorder.read(Evidence::probe) {
        Operation::Datagram => Transport::Udp,
        _ => Transport::Tcp,
    };
    let Some(listening) = system::listeners(transport, port) else {
        let what =
            format!("whether a service listens on port {port} of another address of this machine");
        return recorder.note(what, UNLISTED, None);
    };
    let found: Vec<Listener> = listening
        .into_iter()
        .map(|socket| Listener {
            endpoint: Endpoint::new(socket.ip(), socket.port()),
            process: system::holder_of_local_port(transport, socket.ip(), port)
                .and_then(|holder| holder.process)
                .map(|process| Process {
                    pid: process.pid,
                    comm: process.comm,
                }),
        })
        .collect();
    recorder.update(|evidence| evidence.local.listeners = found);
}
