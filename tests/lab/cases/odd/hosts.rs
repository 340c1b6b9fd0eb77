//! Odd hosts, and odd things on this machine.

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
    net::Family,
    services::{Service, Tcp},
    topology::Lab,
};

const PROHIBITED: &str = "icmpx admin-prohibited";

pub(super) const TABLE: &[Odd] = &[
    Odd {
        name: "a_host_that_starts_from_a_small_ttl",
        needs: &[Need::Nft],
        build: || starts_from(32),
        twins: &[
            twin(Fault::Closed, "port-closed", Place::Target),
            twin(Fault::HostDrops, "port-filtered", Place::Hop(3)),
            twin(Fault::Resets(2), "path-reset", Place::Hop(2)),
        ],
    },
    Odd {
        name: "a_host_that_starts_from_the_greatest_ttl",
        needs: &[Need::Nft],
        build: || starts_from(255),
        twins: &[
            twin(Fault::Closed, "port-closed", Place::Target),
            twin(Fault::Resets(1), "path-reset", Place::Hop(1)),
            twin(
                Fault::HostRejects(PROHIBITED),
                "port-filtered",
                Place::Target,
            ),
        ],
    },
    Odd {
        name: "a_host_without_icmp",
        needs: &[Need::Nft],
        build: without_icmp,
        twins: &[
            twin(Fault::Closed, "port-closed", Place::Target),
            twin(Fault::HostDrops, "port-filtered", Place::Hop(3)),
            twin(Fault::Drops(2), "path-filtered", Place::Hop(2)),
        ],
    },
    Odd {
        name: "a_host_that_lets_the_port_in_alone",
        needs: &[Need::Nft],
        build: port_alone,
        twins: &[
            twin(Fault::Closed, "port-closed", Place::Target),
            twin(Fault::HostDrops, "path-blackhole", Place::Hop(3)),
            twin(Fault::Swallows(2), "path-blackhole", Place::Hop(2)),
            twin(Fault::Drops(2), "path-filtered", Place::Hop(2)),
        ],
    },
    Odd {
        name: "a_host_with_syn_cookies",
        needs: &[Need::Nft],
        build: cookies,
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
        name: "a_host_on_the_link",
        needs: &[Need::Nft],
        build: on_link,
        twins: &[
            twin(Fault::Closed, "port-closed", Place::Target),
            twin(Fault::HostDrops, "port-filtered", Place::TargetAlone),
            twin(
                Fault::HostRejects(PROHIBITED),
                "port-filtered",
                Place::Target,
            ),
            twin(Fault::HostDead, "port-filtered", Place::TargetAlone),
            twin(
                Fault::Own("it has lost its address", lost_address),
                "local-neighbour-unresolved",
                Place::Target,
            ),
            twin(Fault::LocalDrops, "local-firewall", Place::Anywhere),
        ],
    },
    Odd {
        name: "this_machine_s_own_address",
        needs: &[Need::Nft],
        build: own_address,
        twins: &[
            twin(Fault::Closed, "port-closed", Place::Target),
            twin(Fault::LocalDrops, "local-firewall", Place::Anywhere),
        ],
    },
    Odd {
        name: "loopback",
        needs: &[Need::Nft],
        build: loopback,
        twins: &[
            twin(Fault::Closed, "port-closed", Place::Target),
            twin(Fault::LocalDrops, "local-firewall", Place::Anywhere),
        ],
    },
    Odd {
        name: "this_machine_s_firewall_knows_connections",
        needs: &[Need::Nft],
        build: local_stateful,
        twins: &[
            twin(Fault::Closed, "port-closed", Place::Target),
            twin(Fault::HostDrops, "port-filtered", Place::Hop(3)),
            twin(Fault::LocalDrops, "local-firewall", Place::Anywhere),
            twin(Fault::LocalUnreachable, "local-no-route", Place::Anywhere),
            twin(Fault::Swallows(1), "path-blackhole", Place::Hop(1)),
        ],
    },
    Odd {
        name: "a_service_that_accepts_slowly",
        needs: &[Need::Nft],
        build: busy,
        twins: &[
            twin(Fault::Closed, "port-closed", Place::Target),
            twin(Fault::HostDrops, "port-filtered", Place::Hop(2)),
        ],
    },
];

fn starts_from(ttl: u8) -> Net {
    Net::chain(3, |lab| {
        lab.server().sysctl("net/ipv4/ip_default_ttl", ttl);
        for scope in ["all", "eth0"] {
            lab.server()
                .sysctl(&format!("net/ipv6/conf/{scope}/hop_limit"), ttl);
        }
    })
    .with(&["--control", "80"])
}

const ND: &str = "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert, nd-router-solicit } accept;";

fn without_icmp() -> Net {
    Net::chain(3, |lab| {
        let chains = ["input", "output"].map(|hook| {
            format!("chain {hook}s {{ type filter hook {hook} priority filter; policy accept; {ND} meta l4proto {{ icmp, icmpv6 }} drop; }}\n")
        });
        lab.server().table(&chains.concat());
    })
}

fn port_alone() -> Net {
    Net::chain(3, |lab| {
        lab.server().table(&format!(
            "chain rules {{ type filter hook input priority filter; policy drop;
                {ND} iif lo accept; ct state established accept; tcp dport {{ 443, 444 }} accept; }}"
        ));
    })
}

fn cookies() -> Net {
    Net::chain(3, |lab| lab.server().sysctl("net/ipv4/tcp_syncookies", 2))
}

fn on_link() -> Net {
    Net::lab(Lab::routers(0).build())
}

fn lost_address(net: &Net) {
    net.server.delete_address("eth0", "10.0.0.2/24");
    net.server.delete_address("eth0", "fd00::2/64");
}

fn own_address() -> Net {
    let lab = Lab::routers(1).build();
    let service = serve(lab.client(), PORT);
    let own = Family::BOTH.map(|family| (family, lab.client_address(family)));
    to_this_machine(Net::lab(lab).keeping(service), own)
}

fn loopback() -> Net {
    let lab = Lab::routers(1).build();
    let service = serve(lab.client(), PORT);
    let own = [
        (Family::V4, address("127.0.0.1")),
        (Family::V6, address("::1")),
    ];
    to_this_machine(Net::lab(lab).keeping(service), own)
}

fn to_this_machine(mut net: Net, addresses: [(Family, IpAddr); 2]) -> Net {
    for (family, address) in addresses {
        net = net.asking_for(family, address);
    }
    net
}

fn local_stateful() -> Net {
    Net::chain(3, |lab| {
        lab.client().table(&format!(
            "chain in {{ type filter hook input priority filter; policy drop; ct state established,related accept; iif lo accept; {ND} }}
            chain out {{ type filter hook output priority filter; policy accept; ct state new,established,related counter accept; }}"
        ));
    })
}

fn busy() -> Net {
    let lab = Lab::routers(2).build();
    let slow = Service::tcp(lab.server(), 445, Tcp::Busy(Duration::from_millis(1)));
    Net::lab(lab).keeping(slow)
}
