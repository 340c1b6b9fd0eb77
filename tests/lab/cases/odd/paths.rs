//! Odd ways there and back: several, of other lengths, through translators, by other tables.

use std::{net::IpAddr, time::Duration};

use super::{
    Odd,
    fault::{Fault, Place},
    net::Net,
    twin,
};
use crate::{
    ability::Need,
    cases::{PORT, address, serve},
    diamond::Diamond,
    firewall::Hook,
    net::{Family, Namespace, Route, Rule},
    sim::{End, Router, Simulation, Web},
    topology::{Lab, default, host, network},
};

const PROHIBITED: &str = "icmpx admin-prohibited";

pub(super) const TABLE: &[Odd] = &[
    Odd {
        name: "a_longer_way_back",
        needs: &[Need::Nft],
        build: longer_way_back,
        twins: &[
            twin(Fault::Closed, "port-closed", Place::Target),
            twin(Fault::HostDrops, "port-filtered", Place::Hop(3)),
            twin(Fault::Drops(2), "path-filtered", Place::Hop(2)),
            twin(Fault::Resets(2), "path-reset", Place::Hop(2)),
            twin(
                Fault::Rejects(2, PROHIBITED),
                "path-prohibited",
                Place::Hop(2),
            ),
            twin(
                Fault::Own("the way back is cut", cut_the_way_back),
                "path-blackhole",
                Place::Hop(3),
            ),
        ],
    },
    Odd {
        name: "equal_paths_of_unequal_length",
        needs: &[Need::Nft, Need::Tun],
        build: unequal_paths,
        twins: &[
            twin(Fault::Closed, "port-closed", Place::Target),
            twin(Fault::HostDrops, "port-filtered", Place::Anywhere),
            twin(
                Fault::HostRejects(PROHIBITED),
                "port-filtered",
                Place::Target,
            ),
            twin(Fault::HostDead, "path-blackhole", Place::Anywhere),
        ],
    },
    Odd {
        name: "paths_chosen_packet_by_packet",
        needs: &[Need::Nft, Need::Tun],
        build: packet_by_packet,
        twins: &[
            twin(Fault::Closed, "port-closed", Place::Target),
            twin(Fault::HostDrops, "port-filtered", Place::Anywhere),
            twin(Fault::HostDead, "path-blackhole", Place::Anywhere),
        ],
    },
    Odd {
        name: "equal_paths",
        needs: &[Need::Nft],
        build: equal_paths,
        twins: &[
            twin(Fault::Closed, "port-closed", Place::Target),
            twin(Fault::Drops(1), "path-filtered", Place::Hop(1)),
            twin(
                Fault::Rejects(6, PROHIBITED),
                "path-prohibited",
                Place::Hop(3),
            ),
            twin(Fault::Swallows(6), "path-blackhole", Place::Hop(3)),
        ],
    },
    Odd {
        name: "hosts_that_share_one_address",
        needs: &[Need::Nft],
        build: anycast,
        twins: &[
            twin(
                Fault::Own("three of four refuse", most_refuse),
                "destination-intermittent",
                Place::Target,
            ),
            twin(
                Fault::Own("three of four drop", most_drop),
                "destination-intermittent",
                Place::Target,
            ),
        ],
    },
    Odd {
        name: "a_gateway_that_answers_arp_for_all",
        needs: &[Need::Nft],
        build: proxy_arp,
        twins: &[
            twin(Fault::Closed, "port-closed", Place::Target),
            twin(Fault::HostDrops, "port-filtered", Place::Hop(3)),
            twin(Fault::HostDead, "path-blackhole", Place::Hop(3)),
            twin(Fault::NoRoute, "path-no-route", Place::Hop(3)),
        ],
    },
    Odd {
        name: "a_silent_gateway_that_answers_arp_for_all",
        needs: &[Need::Nft],
        build: silent_proxy_arp,
        twins: &[
            twin(Fault::Closed, "port-closed", Place::Target),
            twin(Fault::HostDrops, "port-filtered", Place::TargetAlone),
        ],
    },
    Odd {
        name: "links_of_two_addresses",
        needs: &[Need::Nft],
        build: tiny_links,
        twins: &[
            twin(Fault::Closed, "port-closed", Place::Target),
            twin(Fault::HostDrops, "port-filtered", Place::Hop(2)),
            twin(Fault::Swallows(1), "path-blackhole", Place::Hop(1)),
        ],
    },
    Odd {
        name: "an_ipv4_route_by_an_ipv6_gateway",
        needs: &[Need::Nft],
        build: via_ipv6,
        twins: &[
            twin(Fault::Closed, "port-closed", Place::Target),
            twin(
                Fault::Rejects(1, PROHIBITED),
                "path-prohibited",
                Place::Hop(1),
            ),
            twin(
                Fault::Own("the gateway is gone", take_gateway),
                "local-neighbour-unresolved",
                Place::Address(gateway_v6),
            ),
        ],
    },
    Odd {
        name: "ipv6_alone_with_a_link_local_gateway",
        needs: &[Need::Nft],
        build: ipv6_alone,
        twins: &[
            twin(Fault::Closed, "port-closed", Place::Target),
            twin(Fault::Drops(2), "path-filtered", Place::Hop(2)),
            twin(
                Fault::Own("the gateway is gone", take_gateway),
                "local-neighbour-unresolved",
                Place::Address(gateway_v6),
            ),
        ],
    },
    Odd {
        name: "a_narrow_link",
        needs: &[Need::Nft],
        build: narrow,
        twins: &[
            twin(Fault::Closed, "port-closed", Place::Target),
            twin(
                Fault::Rejects(3, PROHIBITED),
                "path-prohibited",
                Place::Hop(3),
            ),
        ],
    },
    Odd {
        name: "routes_in_several_tables",
        needs: &[Need::Nft],
        build: tables,
        twins: &[
            twin(Fault::Closed, "port-closed", Place::Target),
            twin(
                Fault::Own("a table says unreachable", unreachable_in_table),
                "local-no-route",
                Place::Anywhere,
            ),
            twin(Fault::Swallows(2), "path-blackhole", Place::Hop(2)),
        ],
    },
    Odd {
        name: "two_default_routes_and_many_addresses",
        needs: &[Need::Nft],
        build: two_defaults,
        twins: &[
            twin(Fault::Closed, "port-closed", Place::Target),
            twin(
                Fault::Own("the better default is gone", worse_default),
                "local-neighbour-unresolved",
                Place::Address(worse_gateway),
            ),
        ],
    },
    Odd {
        name: "strict_reverse_path_filters",
        needs: &[Need::Nft],
        build: strict,
        twins: &[
            twin(Fault::Closed, "port-closed", Place::Target),
            twin(Fault::HostDrops, "port-filtered", Place::Hop(3)),
        ],
    },
    Odd {
        name: "two_translators_in_a_row",
        needs: &[Need::Nft],
        build: translators,
        twins: &[
            twin(Fault::Closed, "port-closed", Place::Target),
            twin(Fault::Drops(3), "path-filtered", Place::Hop(3)),
            twin(
                Fault::Rejects(3, PROHIBITED),
                "path-prohibited",
                Place::Hop(3),
            ),
            twin(Fault::HostDrops, "port-filtered", Place::Hop(4)),
            twin(Fault::NoRoute, "path-no-route", Place::Hop(4)),
        ],
    },
    Odd {
        name: "a_port_that_is_forwarded",
        needs: &[Need::Nft],
        build: forwarded,
        twins: &[
            twin(Fault::HostDrops, "port-filtered", Place::Target),
            twin(
                Fault::Rejects(2, PROHIBITED),
                "port-filtered",
                Place::Target,
            ),
        ],
    },
    Odd {
        name: "the_far_side_of_a_router",
        needs: &[Need::Nft],
        build: far_side,
        twins: &[
            twin(Fault::Closed, "port-closed", Place::Target),
            twin(
                Fault::Own("the router drops the port", router_drops),
                "port-filtered",
                Place::Anywhere,
            ),
            twin(
                Fault::Rejects(1, PROHIBITED),
                "path-prohibited",
                Place::Hop(1),
            ),
        ],
    },
    Odd {
        name: "a_path_that_is_slow_and_jitters",
        needs: &[Need::Nft, Need::Tun],
        build: jitters,
        twins: &[
            twin(Fault::Closed, "port-closed", Place::Target),
            twin(Fault::HostDrops, "port-filtered", Place::Anywhere),
        ],
    },
];

fn longer_way_back() -> Net {
    let lab = Lab::routers(3).build();
    let back: Vec<Namespace> = (1..=3)
        .map(|k| Namespace::new(format!("back {k}")))
        .collect();
    // From the server by all of them to router 1.
    let mut before = (lab.server().clone(), "back");
    for (link, router) in (80..).zip(&back) {
        crate::topology::cable((&before.0, before.1), (router, "left"), link);
        before = (router.clone(), "right");
        router.forward();
    }
    crate::topology::cable((&before.0, before.1), (lab.router(1), "back"), 83);
    lab.server().wait_for_carrier(&["back"]);
    lab.router(1).wait_for_carrier(&["back"]);
    for router in &back {
        router.wait_for_carrier(&["left", "right"]);
    }
    for family in Family::BOTH {
        lab.server()
            .replace_route(&Route::to(default(family)).via(host(family, 80, 2)));
        for (link, router) in (81..).zip(&back) {
            router.add_route(&Route::to(default(family)).via(host(family, link, 2)));
        }
    }
    let third = back[1].clone();
    Net::lab(lab)
        .with(&["--control", "80"])
        .beside(third)
        .keeping(back)
}

fn cut_the_way_back(net: &Net) {
    net.aside().drops(Hook::Forward, "");
}

fn first_of_web(family: Family) -> Vec<Option<IpAddr>> {
    vec![Some(Web::address(family, 0))]
}

fn unequal_paths() -> Net {
    let mut web = Web::default();
    let each = Duration::from_millis(2);
    let [fork, short, a, b, c] = [(); 5].map(|()| web.router(each));
    web.link(fork, End::Router(short));
    web.link(short, End::Server);
    web.link(fork, End::Router(a));
    web.link(a, End::Router(b));
    web.link(b, End::Router(c));
    web.link(c, End::Server);
    Net::simulated(Simulation::web(&web), first_of_web)
}

fn packet_by_packet() -> Net {
    let web = Web::layers(&[1, 3, 2, 1], Duration::from_millis(2))
        .by_packet(0)
        .by_packet(1);
    Net::simulated(Simulation::web(&web), first_of_web)
}

fn equal_paths() -> Net {
    Net::diamond(Diamond::new(4), 4)
}

fn anycast() -> Net {
    let diamond = Diamond::new(4);
    let mut services = Vec::new();
    for j in 0..4 {
        for (family, bits) in [(Family::V4, 32), (Family::V6, 128)] {
            let shared = diamond.server_address(family);
            diamond
                .branch(j)
                .add_address("lo", &format!("{shared}/{bits}"));
        }
        services.push(serve(diamond.branch(j), PORT));
    }
    Net::diamond(diamond, 4)
        .with(&["-c", "40"])
        .keeping(services)
}

fn most_refuse(net: &Net) {
    for k in 2..=4 {
        net.router(k).resets(Hook::Input, "tcp dport 443");
    }
}

fn most_drop(net: &Net) {
    for k in 2..=4 {
        net.router(k).drops(Hook::Input, "tcp dport 443");
    }
}

fn proxy_arp() -> Net {
    Net::chain(3, arp_for_all).only(Family::V4)
}

/// The client takes everything for its own link, and router 1 answers for it.
fn arp_for_all(lab: &Lab) {
    lab.router(1).sysctl("net/ipv4/conf/left/proxy_arp", 1);
    let client = lab.client();
    client.delete_route(&Route::to(default(Family::V4)).via(lab.hop(Family::V4, 1)));
    client.add_route(&Route::to(default(Family::V4)).device("eth0"));
}

fn silent_proxy_arp() -> Net {
    Net::chain(3, |lab| {
        arp_for_all(lab);
        for k in 1..=3 {
            lab.router(k).silent();
        }
    })
    .only(Family::V4)
    .all_silent()
}

fn tiny_links() -> Net {
    let tiny = [
        (Family::V4, 24, 31, "10.0.0.2", "10.0.0.3"),
        (Family::V6, 64, 127, "fd00::2", "fd00::3"),
    ];
    Net::chain(2, |lab| {
        let (client, router) = (lab.client(), lab.router(1));
        for (family, wide, narrow, near, far) in tiny {
            client.delete_address("eth0", &format!("{}/{wide}", lab.client_address(family)));
            router.delete_address("left", &format!("{}/{wide}", lab.hop(family, 1)));
            client.add_address("eth0", &format!("{far}/{narrow}"));
            router.add_address("left", &format!("{near}/{narrow}"));
            if family == Family::V4 {
                client.add_route(&Route::to(default(family)).via(address(near)));
            }
        }
    })
}

/// A link-local address of router 1's.
const LINK_LOCAL: &str = "fe80::77";

fn via_ipv6() -> Net {
    Net::chain(2, |lab| {
        lab.router(1)
            .add_address("left", &format!("{LINK_LOCAL}/64"));
        let (client, all) = (lab.client(), default(Family::V4));
        client.delete_route(&Route::to(all).via(lab.hop(Family::V4, 1)));
        client.add_route(&Route::to(all).via(address(LINK_LOCAL)).device("eth0"));
    })
    .only(Family::V4)
}

fn ipv6_alone() -> Net {
    Net::chain(3, |lab| {
        lab.router(1)
            .add_address("left", &format!("{LINK_LOCAL}/64"));
        let client = lab.client();
        client.delete_address("eth0", "10.0.0.1/24");
        client.replace_route(
            &Route::to(default(Family::V6))
                .via(address(LINK_LOCAL))
                .device("eth0"),
        );
    })
    .only(Family::V6)
}

fn take_gateway(net: &Net) {
    net.router(1)
        .delete_address("left", &format!("{LINK_LOCAL}/64"));
}

fn gateway_v6(_: &Net, _: Family) -> IpAddr {
    address(LINK_LOCAL)
}

fn narrow() -> Net {
    Net::chain(3, |lab| {
        lab.router(2).set_mtu("right", 1280);
        lab.router(3).set_mtu("left", 1280);
    })
}

fn tables() -> Net {
    Net::chain(3, |lab| {
        for (family, all) in Family::BOTH.map(|family| (family, default(family))) {
            let (client, good) = (lab.client(), Route::to(all).via(lab.hop(family, 1)));
            client.delete_route(&good);
            client.add_route(&good.table(7));
            client.add_route(&Route::prohibit(all).table(8));
            client.add_route(&Route::throw(network(family, 3)).table(9));
            client.add_rule(&Rule::from(100, all).mark(0x66).table(8));
            client.add_rule(&Rule::from(110, all).to(network(family, 3)).table(9));
            client.add_rule(&Rule::from(120, all).table(7));
        }
    })
}

fn unreachable_in_table(net: &Net) {
    for family in Family::BOTH {
        net.client
            .add_route(&Route::unreachable(net.target(family)).table(9));
    }
}

fn two_defaults() -> Net {
    Net::chain(2, |lab| {
        let client = lab.client();
        for family in Family::BOTH {
            let all = default(family);
            for number in 10..13 {
                let bits = if family == Family::V4 { 24 } else { 64 };
                client.add_address("eth0", &format!("{}/{bits}", host(family, 0, number)));
            }
            client.delete_route(&Route::to(all).via(lab.hop(family, 1)));
            let own = host(family, 0, 11);
            client.add_route(
                &Route::to(all)
                    .via(lab.hop(family, 1))
                    .metric(100)
                    .source(own),
            );
            client.add_route(&Route::to(all).via(host(family, 0, 99)).metric(200));
        }
        client.add_route(&Route::blackhole("198.51.100.0/24"));
        client.add_route(&Route::blackhole("2001:db8:5::/48"));
    })
}

fn worse_default(net: &Net) {
    for family in Family::BOTH {
        let better = Route::to(default(family))
            .via(host(family, 0, 2))
            .metric(100);
        net.client.delete_route(&better);
    }
}

fn worse_gateway(_: &Net, family: Family) -> IpAddr {
    host(family, 0, 99)
}

fn strict() -> Net {
    Net::chain(3, |lab| {
        let routers = (1..=3).map(|k| lab.router(k));
        for node in routers.chain([lab.client(), lab.server()]) {
            node.sysctl("net/ipv4/conf/all/rp_filter", 1);
        }
    })
}

fn translators() -> Net {
    Net::chain(4, |lab| {
        lab.router(1).masquerades("right");
        lab.router(2).masquerades("right");
    })
}

fn forwarded() -> Net {
    let lab = Lab::routers(3).build();
    for (family, word) in [(Family::V4, "ipv4"), (Family::V6, "ipv6")] {
        let matches = format!("iifname \"left\" meta nfproto {word} tcp dport 443");
        lab.router(1)
            .forwards_port(&matches, &lab.target(family, PORT));
    }
    let doors = Family::BOTH.map(|family| (family, lab.hop(family, 1)));
    let mut net = Net::lab(lab);
    for (family, door) in doors {
        net = net.asking_for(family, door);
    }
    net
}

fn far_side() -> Net {
    let lab = Lab::routers(3).build();
    let service = serve(lab.router(2), PORT);
    let mut net = Net::lab(lab).keeping(service);
    for family in Family::BOTH {
        net = net.asking_for(family, host(family, 2, 1));
    }
    net
}

fn router_drops(net: &Net) {
    net.router(2).drops(Hook::Input, "tcp dport 443");
}

fn jitters() -> Net {
    let each = Duration::from_millis(12);
    let routers = vec![Router::after(each).jitters(each); 4];
    Net::simulated(Simulation::start(routers, each), |family| {
        (0..4).map(|k| Some(host(family, k, 2))).collect()
    })
}
