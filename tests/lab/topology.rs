//! The standard network: client – router 1 – … – router n – server, with a host for name servers beside router 1.
//!
//! Node 0 is the client, 1 to n are the routers, n + 1 is the server. Link k joins node k and node k + 1:
//!
//! | what | IPv4 | IPv6 |
//! |---|---|---|
//! | link k, prefix | `10.0.k.0/24` | `fd00:0:0:k::/64` (k in hexadecimal) |
//! | link k, node k | `.1` | `::1` |
//! | link k, node k + 1 | `.2` | `::2` |
//! | link to the name-server host, router (or the client where there is none) | `10.0.53.1` | `fd00:0:0:53::1` |
//! | name-server host | `10.0.53.53`, `.54`, `.55` | `fd00:0:0:53::53`, `::54`, `::55` |
//!
//! So the client is `10.0.0.1`, hop k is `10.0.(k-1).2`, the server `10.0.n.2`. What is in none of these prefixes goes
//! by default routes to router n, which has no route for it. Interfaces: `eth0` on client, server and name-server host;
//! `left` (towards the client) and `right` (towards the server) on routers; `dns` towards the name-server host.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::net::{Family, Namespace, Route, veth};

/// The most routers that a lab can have.
pub(crate) const MOST_ROUTERS: usize = 30;
const DNS_LINK: u8 = 53;

/// The settings of a lab to be built.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    routers: usize,
    icmp_ratelimit: u32,
}

impl Plan {
    /// Routers answer as seldom as the kernel makes them by default: six in a burst, then one a second.
    pub(crate) fn rate_limited(mut self) -> Self {
        self.icmp_ratelimit = 1000;
        self
    }

    /// Makes it.
    #[track_caller]
    pub(crate) fn build(self) -> Lab {
        Lab::new(&self)
    }
}

/// A network that is up. Dropping it takes it away.
pub(crate) struct Lab {
    nodes: Vec<Namespace>,
    name_servers: Namespace,
}

impl Lab {
    /// A lab with so many routers (0: the server is on the client's own link).
    #[track_caller]
    pub(crate) fn routers(routers: usize) -> Plan {
        assert!(routers <= MOST_ROUTERS, "at most {MOST_ROUTERS} routers");
        Plan {
            routers,
            icmp_ratelimit: 0,
        }
    }

    /// The client's namespace.
    pub(crate) fn client(&self) -> &Namespace {
        &self.nodes[0]
    }

    /// Router `k`, from 1.
    #[track_caller]
    pub(crate) fn router(&self, k: usize) -> &Namespace {
        assert!((1..=self.count()).contains(&k), "no router {k}");
        &self.nodes[k]
    }

    /// The server's namespace.
    pub(crate) fn server(&self) -> &Namespace {
        &self.nodes[self.count() + 1]
    }

    /// The name-server host's namespace.
    pub(crate) fn name_servers(&self) -> &Namespace {
        &self.name_servers
    }

    /// How many routers there are.
    pub(crate) fn count(&self) -> usize {
        self.nodes.len() - 2
    }

    /// The client's address.
    pub(crate) fn client_address(&self, family: Family) -> IpAddr {
        host(family, 0, 1)
    }

    /// The address from which router `k` answers the client.
    #[track_caller]
    pub(crate) fn hop(&self, family: Family, k: usize) -> IpAddr {
        assert!((1..=self.count()).contains(&k), "no router {k}");
        host(family, k - 1, 2)
    }

    /// The server's address.
    pub(crate) fn server_address(&self, family: Family) -> IpAddr {
        host(family, self.count(), 2)
    }

    /// `10.0.3.2:443`, `[fd00::3:0:0:0:2]:443`: the server as a target.
    pub(crate) fn target(&self, family: Family, port: u16) -> String {
        SocketAddr::new(self.server_address(family), port).to_string()
    }

    /// Name server number 0, 1 or 2's address, all on the same host.
    pub(crate) fn name_server_address(&self, family: Family, number: u8) -> IpAddr {
        name_server(family, number)
    }

    fn new(plan: &Plan) -> Self {
        let last = plan.routers + 1;
        let nodes: Vec<Namespace> = (0..=last)
            .map(|node| {
                Namespace::new(match node {
                    0 => "client".to_owned(),
                    node if node == last => "server".to_owned(),
                    node => format!("router {node}"),
                })
            })
            .collect();
        for router in &nodes[1..last] {
            router.forward();
            router.icmp_ratelimit(plan.icmp_ratelimit);
        }
        for link in 0..last {
            let left = (&nodes[link], if link == 0 { "eth0" } else { "right" });
            let right_name = if link + 1 == last { "eth0" } else { "left" };
            let right = (&nodes[link + 1], right_name);
            cable(left, right, link);
        }
        let name_servers = name_server_host(&nodes[usize::from(plan.routers > 0)]);
        let lab = Self {
            nodes,
            name_servers,
        };
        for family in Family::BOTH {
            lab.add_routes(family);
        }
        lab.wait();
        lab
    }

    fn add_routes(&self, family: Family) {
        let last = self.count() + 1;
        let default = default(family);
        self.name_servers
            .add_route(&Route::to(default).via(at_dns_link(family, 1)));
        if last == 1 {
            self.server()
                .add_route(&Route::to(default).via(self.client_address(family)));
            self.client().forward();
            return;
        }
        self.client()
            .add_route(&Route::to(default).via(host(family, 0, 2)));
        self.server()
            .add_route(&Route::to(default).via(host(family, last - 1, 1)));
        for k in 1..last {
            let router = &self.nodes[k];
            let left = host(family, k - 1, 1);
            for link in 0..k - 1 {
                router.add_route(&Route::to(network(family, link)).via(left));
            }
            if k > 1 {
                router.add_route(&Route::to(network(family, DNS_LINK.into())).via(left));
            }
            if k + 1 < last {
                router.add_route(&Route::to(default).via(host(family, k, 2)));
            }
        }
    }

    fn wait(&self) {
        let last = self.count() + 1;
        self.client().wait_for_carrier(&["eth0"]);
        self.server().wait_for_carrier(&["eth0"]);
        self.name_servers.wait_for_carrier(&["eth0"]);
        for router in &self.nodes[1..last] {
            router.wait_for_carrier(&["left", "right"]);
        }
        self.nodes[usize::from(last > 1)].wait_for_carrier(&["dns"]);
    }
}

/// Link `link`'s cable with an address of each family at both ends.
pub(crate) fn cable(left: (&Namespace, &str), right: (&Namespace, &str), link: usize) {
    veth(left, right);
    for family in Family::BOTH {
        let bits = prefix_length(family);
        left.0
            .add_address(left.1, &format!("{}/{bits}", host(family, link, 1)));
        right
            .0
            .add_address(right.1, &format!("{}/{bits}", host(family, link, 2)));
    }
}

/// The host beside `neighbour` on which name servers run. Its default routes are the caller's to add.
pub(crate) fn name_server_host(neighbour: &Namespace) -> Namespace {
    let namespace = Namespace::new("name servers");
    veth((neighbour, "dns"), (&namespace, "eth0"));
    for family in Family::BOTH {
        let bits = prefix_length(family);
        neighbour.add_address("dns", &format!("{}/{bits}", at_dns_link(family, 1)));
        for number in 0..3 {
            namespace.add_address("eth0", &format!("{}/{bits}", name_server(family, number)));
        }
    }
    namespace
}

/// The address `number` on link `link`.
pub(crate) fn host(family: Family, link: usize, number: u8) -> IpAddr {
    let link = u8::try_from(link).expect("links are few");
    match family {
        Family::V4 => Ipv4Addr::new(10, 0, link, number).into(),
        Family::V6 => Ipv6Addr::new(0xfd00, 0, 0, link.into(), 0, 0, 0, number.into()).into(),
    }
}

/// The prefix of link `link`.
pub(crate) fn network(family: Family, link: usize) -> String {
    match family {
        Family::V4 => format!("{}/24", host(family, link, 0)),
        Family::V6 if link == usize::from(DNS_LINK) => "fd00:0:0:53::/64".to_owned(),
        Family::V6 => format!("{}/64", host(family, link, 0)),
    }
}

/// The prefix of everything.
pub(crate) fn default(family: Family) -> &'static str {
    match family {
        Family::V4 => "0.0.0.0/0",
        Family::V6 => "::/0",
    }
}

/// The router's end of the name servers' link.
pub(crate) fn at_dns_link(family: Family, number: u8) -> IpAddr {
    match family {
        Family::V4 => Ipv4Addr::new(10, 0, DNS_LINK, number).into(),
        Family::V6 => Ipv6Addr::new(0xfd00, 0, 0, 0x53, 0, 0, 0, number.into()).into(),
    }
}

fn name_server(family: Family, number: u8) -> IpAddr {
    match family {
        Family::V4 => at_dns_link(family, DNS_LINK + number),
        Family::V6 => at_dns_link(family, 0x53 + number),
    }
}

fn prefix_length(family: Family) -> u8 {
    match family {
        Family::V4 => 24,
        Family::V6 => 64,
    }
}
