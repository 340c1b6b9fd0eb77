//! The tests of the tool: each finding with the fault that it names and a healthy neighbour that it must not name.
//!
//! One file for each family of findings; `healthy` holds the networks that look odd and are not at fault, `manners`
//! what holds for every check. The target is the server's TCP port 443 unless a case says otherwise.

mod datagram;
mod destination;
mod echo;
mod far;
mod healthy;
mod local;
mod manners;
mod misleading;
mod name;
mod odd;
mod order;
mod path;
mod podman;
mod policy;
mod readme;
mod refusals;
mod resolver;
mod rules_read;
mod service;
mod silence;
mod sockets;
mod steering;
mod telling;
mod trace;
mod two;
mod unsteady;

use std::net::{IpAddr, SocketAddr};

use crate::{
    case::Case,
    nameserver::{NameServer, Zone},
    net::{Family, Namespace},
    run::Run,
    services::{Service, Tcp},
    topology::Lab,
};

/// The port of the service that most cases ask for.
const PORT: u16 = 443;
/// Another open port of the same host, where a case has one.
const OTHER_PORT: u16 = 80;
/// A hardware address that nobody has.
const NOBODY: [u8; 6] = [2, 0, 0, 0, 0, 0x99];

/// All of them.
pub(crate) fn cases() -> Vec<Case> {
    [
        local::cases(),
        rules_read::cases(),
        sockets::cases(),
        path::cases(),
        silence::cases(),
        refusals::cases(),
        service::cases(),
        unsteady::cases(),
        order::cases(),
        steering::cases(),
        two::cases(),
        destination::cases(),
        echo::cases(),
        datagram::cases(),
        policy::cases(),
        podman::cases(),
        name::cases(),
        resolver::cases(),
        healthy::cases(),
        telling::cases(),
        far::cases(),
        trace::cases(),
        odd::cases(),
        manners::cases(),
        readme::cases(),
        misleading::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A service that accepts and waits, as a web server does.
fn serve(host: &Namespace, port: u16) -> Service {
    Service::tcp(host, port, Tcp::Silent)
}

/// `nwcheck tcp` for the server's port 443.
fn check(lab: &Lab, family: Family) -> Run {
    check_port(lab, family, PORT)
}

/// `nwcheck tcp` for another port of the server.
fn check_port(lab: &Lab, family: Family, port: u16) -> Run {
    tcp(lab.client(), lab.server_address(family), port)
}

/// `nwcheck tcp` for any address.
fn tcp(client: &Namespace, address: IpAddr, port: u16) -> Run {
    Run::nwcheck(
        client,
        ["tcp".to_owned(), SocketAddr::new(address, port).to_string()],
    )
}

/// A name server that knows these addresses of `shop.test`.
///
/// Not the hosts file: of that, the system's resolver takes the first line that fits.
fn name(lab: &Lab, addresses: &[IpAddr]) -> NameServer {
    name_server(lab, "shop.test", addresses)
}

/// A name server that knows these addresses of a host.
fn name_server(lab: &Lab, host: &str, addresses: &[IpAddr]) -> NameServer {
    let zone = addresses
        .iter()
        .fold(Zone::new(), |zone, address| zone.address(host, *address));
    let at = lab.name_server_address(Family::V4, 0);
    NameServer::start(lab.name_servers(), at, zone)
}

/// `nwcheck tcp shop.test:443`.
fn check_name(lab: &Lab, server: &NameServer) -> Run {
    Run::nwcheck(lab.client(), ["tcp", "shop.test:443"]).name_servers(&[server.address()])
}

/// Address of a host that is in no prefix of the lab, so that routers send it on by their default routes.
fn elsewhere(family: Family) -> IpAddr {
    address(match family {
        Family::V4 => "203.0.113.1",
        Family::V6 => "2001:db8:9::1",
    })
}

/// The prefix that [`elsewhere`] is in.
fn elsewhere_prefix(family: Family) -> &'static str {
    match family {
        Family::V4 => "203.0.113.0/24",
        Family::V6 => "2001:db8:9::/48",
    }
}

/// nft's word for packets to this address.
fn to_host(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => format!("ip daddr {address}"),
        IpAddr::V6(address) => format!("ip6 daddr {address}"),
    }
}

#[track_caller]
fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}
