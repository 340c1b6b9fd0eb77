//! This machine: what the kernel says of the way out, before, during and after the probes.

mod counted;
mod routes;

use std::net::IpAddr;

use pnet::datalink;

pub use counted::{Baseline, finish};
pub use routes::{number, routes, routes_to};

use super::Recorder;
use super::flow::interface_index;
use crate::model::evidence::Evidence;
use crate::model::local::{
    Interface, Listener, Neighbour, NeighbourRole, NeighbourState, Prefix, Process, RouteKind,
    SourcePort,
};
use crate::model::source::{Privilege, Source};
use crate::model::{Address, Endpoint, Ms, Operation};
use crate::net::privilege;
use crate::net::route::{self, Link};
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
