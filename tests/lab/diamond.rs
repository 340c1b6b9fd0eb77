//! Equal-cost paths: client – fork – branch 0 … branch w-1 – join – server.
//!
//! | what | IPv4 | IPv6 |
//! |---|---|---|
//! | client – fork | `10.0.0.1` – `.2` | `fd00:0:0:0::1` – `::2` |
//! | fork – branch j | `10.1.j.1` – `.2` | `fd00:0:1:j::1` – `::2` |
//! | branch j – join | `10.2.j.1` – `.2` | `fd00:0:2:j::1` – `::2` |
//! | join – fork, the way back | `10.0.2.2` – `.1` | `fd00:0:0:2::2` – `::1` |
//! | join – server | `10.0.3.1` – `.2` | `fd00:0:0:3::1` – `::2` |
//! | name-server host, at the fork | as in `topology` | as in `topology` |
//!
//! Hop 1 answers as `10.0.0.2`, branch j as `10.1.j.2`, the join as `10.0.2.2`, always. Answers come back over a link
//! of their own, so that a dead branch harms only what is sent through it. The fork hashes addresses, protocol and ports
//! from the packet itself (policy 3): with policy 1 the kernel takes the sending socket's own random
//! hash where the packet never left the machine.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::{
    net::{Family, Namespace, Route, veth},
    topology::{at_dns_link, cable, default, host, name_server_host, network},
};

/// Addresses, protocol and ports (`include/net/ip_fib.h`, `FIB_MULTIPATH_HASH_FIELD_*`), not the flow label.
const HASH_FIELDS: u32 = 0x0037;

/// A network with equal-cost paths that is up.
pub(crate) struct Diamond {
    client: Namespace,
    fork: Namespace,
    branches: Vec<Namespace>,
    join: Namespace,
    server: Namespace,
    name_servers: Namespace,
}

impl Diamond {
    /// A diamond of 2 to 16 branches.
    #[track_caller]
    pub(crate) fn new(width: usize) -> Self {
        assert!((2..=16).contains(&width), "2 to 16 branches");
        let fork = Namespace::new("fork");
        let diamond = Self {
            client: Namespace::new("client"),
            branches: (0..width)
                .map(|j| Namespace::new(format!("branch {j}")))
                .collect(),
            join: Namespace::new("join"),
            server: Namespace::new("server"),
            name_servers: name_server_host(&fork),
            fork,
        };
        let routers = [&diamond.fork, &diamond.join];
        for router in routers.into_iter().chain(&diamond.branches) {
            router.forward();
            router.icmp_ratelimit(0);
            for family in ["ipv4", "ipv6"] {
                router.sysctl(&format!("net/{family}/fib_multipath_hash_policy"), 3);
                router.sysctl(
                    &format!("net/{family}/fib_multipath_hash_fields"),
                    HASH_FIELDS,
                );
            }
        }
        cable((&diamond.client, "eth0"), (&diamond.fork, "left"), 0);
        cable((&diamond.fork, "back"), (&diamond.join, "back"), 2);
        cable((&diamond.join, "right"), (&diamond.server, "eth0"), 3);
        for j in 0..width {
            diamond.plug(j);
        }
        for family in Family::BOTH {
            diamond.add_routes(family);
        }
        diamond.wait();
        diamond
    }

    /// The client's namespace.
    pub(crate) fn client(&self) -> &Namespace {
        &self.client
    }

    /// The router that chooses.
    pub(crate) fn fork(&self) -> &Namespace {
        &self.fork
    }

    /// Branch `j`'s router, from 0.
    pub(crate) fn branch(&self, j: usize) -> &Namespace {
        &self.branches[j]
    }

    /// The router where the branches meet.
    pub(crate) fn join(&self) -> &Namespace {
        &self.join
    }

    /// The server's namespace.
    pub(crate) fn server(&self) -> &Namespace {
        &self.server
    }

    /// The name-server host's namespace.
    pub(crate) fn name_servers(&self) -> &Namespace {
        &self.name_servers
    }

    /// The address from which the fork answers.
    pub(crate) fn fork_address(&self, family: Family) -> IpAddr {
        host(family, 0, 2)
    }

    /// The address from which branch `j` answers.
    pub(crate) fn branch_address(&self, family: Family, j: usize) -> IpAddr {
        arm(family, 1, j, 2)
    }

    /// The address from which the join answers.
    pub(crate) fn join_address(&self, family: Family) -> IpAddr {
        host(family, 2, 2)
    }

    /// The server's address.
    pub(crate) fn server_address(&self, family: Family) -> IpAddr {
        host(family, 3, 2)
    }

    /// The server as a target.
    pub(crate) fn target(&self, family: Family, port: u16) -> String {
        SocketAddr::new(self.server_address(family), port).to_string()
    }

    /// From now on what branch `j` passes on is lost; what ends at it, it still answers.
    ///
    /// A blackhole route would be looked up before the TTL is, and swallow that as well.
    pub(crate) fn kill(&self, j: usize) {
        self.point(j, &[2, 0, 0, 0, 0, 0x99]);
    }

    /// Branch `j` passes packets again.
    pub(crate) fn revive(&self, j: usize) {
        self.point(j, &self.join.hardware_address(&format!("b{j}")));
    }

    /// Branch `j` sends what is for the join to this hardware address.
    fn point(&self, j: usize, hardware: &[u8]) {
        for family in Family::BOTH {
            self.branches[j].permanent_neighbour("right", arm(family, 2, j, 2), hardware);
        }
    }

    /// The cables of branch `j`.
    fn plug(&self, j: usize) {
        let (branch, name) = (&self.branches[j], format!("b{j}"));
        veth((&self.fork, &name), (branch, "left"));
        veth((branch, "right"), (&self.join, &name));
        for family in Family::BOTH {
            let bits = if family == Family::V4 { 24 } else { 64 };
            let with = |side, number| format!("{}/{bits}", arm(family, side, j, number));
            self.fork.add_address(&name, &with(1, 1));
            branch.add_address("left", &with(1, 2));
            branch.add_address("right", &with(2, 1));
            self.join.add_address(&name, &with(2, 2));
        }
    }

    fn add_routes(&self, family: Family) {
        let everything = default(family);
        self.client
            .add_route(&Route::to(everything).via(host(family, 0, 2)));
        self.server
            .add_route(&Route::to(everything).via(host(family, 3, 1)));
        self.name_servers
            .add_route(&Route::to(everything).via(at_dns_link(family, 1)));
        let arms = (0..self.branches.len()).map(|j| arm(family, 1, j, 2));
        self.fork
            .add_route(&arms.fold(Route::to(network(family, 3)), Route::via));
        self.join.add_route(
            &Route::to(everything)
                .via(host(family, 2, 1))
                .source(host(family, 2, 2)),
        );
        for (j, branch) in self.branches.iter().enumerate() {
            branch.add_route(&Route::to(network(family, 3)).via(arm(family, 2, j, 2)));
            branch.add_route(&Route::to(everything).via(arm(family, 1, j, 1)));
        }
    }

    fn wait(&self) {
        self.client.wait_for_carrier(&["eth0"]);
        self.server.wait_for_carrier(&["eth0"]);
        self.name_servers.wait_for_carrier(&["eth0"]);
        self.fork.wait_for_carrier(&["left", "back", "dns"]);
        self.join.wait_for_carrier(&["right", "back"]);
        for (j, branch) in self.branches.iter().enumerate() {
            branch.wait_for_carrier(&["left", "right"]);
            let name = format!("b{j}");
            self.fork.wait_for_carrier(&[&name]);
            self.join.wait_for_carrier(&[&name]);
        }
    }
}

/// The address `number` on the fork's (`side` 1) or the join's (`side` 2) link to branch `j`.
fn arm(family: Family, side: u8, j: usize, number: u8) -> IpAddr {
    let j = u8::try_from(j).expect("branches are few");
    match family {
        Family::V4 => Ipv4Addr::new(10, side, j, number).into(),
        Family::V6 => {
            Ipv6Addr::new(0xfd00, 0, side.into(), j.into(), 0, 0, 0, number.into()).into()
        }
    }
}
