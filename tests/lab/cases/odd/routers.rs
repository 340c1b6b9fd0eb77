//! Routers that answer oddly, or not at all.

use std::net::IpAddr;

use super::{
    Odd,
    fault::{Fault, Place},
    net::Net,
    twin,
};
use crate::{
    ability::Need,
    cases::address,
    net::{Family, Namespace},
    topology::{Lab, host},
};

const PROHIBITED: &str = "icmpx admin-prohibited";

pub(super) const TABLE: &[Odd] = &[
    Odd {
        name: "routers_that_are_all_silent",
        needs: &[Need::Nft],
        build: silent,
        twins: &[
            twin(Fault::Closed, "port-closed", Place::Target),
            twin(Fault::HostDrops, "port-filtered", Place::TargetAlone),
            twin(Fault::HostDead, "path-blackhole", Place::NoHop),
            twin(Fault::Drops(2), "port-filtered", Place::TargetAlone),
            twin(Fault::Swallows(2), "path-blackhole", Place::NoHop),
            twin(
                Fault::Rejects(2, PROHIBITED),
                "path-prohibited",
                Place::Address(second),
            ),
            twin(Fault::NoRoute, "path-no-route", Place::Address(third)),
        ],
    },
    Odd {
        name: "routers_that_answer_as_the_target",
        needs: &[Need::Nft],
        build: as_the_target,
        twins: &[
            twin(Fault::Closed, "port-closed", Place::Target),
            twin(Fault::HostDrops, "port-filtered", Place::Target),
            twin(
                Fault::Rejects(1, PROHIBITED),
                "path-prohibited",
                Place::Hop(1),
            ),
        ],
    },
    Odd {
        name: "routers_that_answer_from_addresses_of_no_use",
        needs: &[Need::Nft],
        build: useless,
        twins: &[
            twin(Fault::Closed, "port-closed", Place::Target),
            twin(Fault::HostDrops, "port-filtered", Place::Hop(3)),
            twin(Fault::Drops(2), "path-filtered", Place::Hop(2)),
            twin(Fault::Swallows(2), "path-blackhole", Place::Hop(2)),
        ],
    },
    Odd {
        name: "routers_that_answer_once_a_second",
        needs: &[Need::Nft],
        build: seldom,
        twins: &[
            twin(Fault::Closed, "port-closed", Place::Target),
            twin(Fault::HostDrops, "port-filtered", Place::Anywhere),
            twin(Fault::Drops(2), "path-filtered", Place::Hop(2)),
            twin(Fault::Swallows(3), "path-blackhole", Place::Hop(3)),
            twin(
                Fault::Rejects(2, PROHIBITED),
                "path-prohibited",
                Place::Address(second),
            ),
        ],
    },
    Odd {
        name: "a_router_that_swallows_what_would_soon_expire",
        needs: &[Need::Nft],
        build: swallows_low_ttl,
        twins: &[
            twin(Fault::Closed, "port-closed", Place::Target),
            twin(Fault::HostDrops, "port-filtered", Place::Target),
            twin(Fault::Swallows(3), "path-blackhole", Place::Hop(1)),
            twin(
                Fault::Rejects(3, PROHIBITED),
                "path-prohibited",
                Place::Address(third),
            ),
        ],
    },
    Odd {
        name: "a_router_that_prohibits_what_would_soon_expire",
        needs: &[Need::Nft],
        build: prohibits_low_ttl,
        twins: &[
            twin(Fault::Closed, "port-closed", Place::Target),
            twin(Fault::HostDrops, "port-filtered", Place::Target),
            twin(Fault::HostDead, "path-blackhole", Place::Anywhere),
            twin(
                Fault::Rejects(3, PROHIBITED),
                "path-prohibited",
                Place::Address(third),
            ),
        ],
    },
    Odd {
        name: "a_router_that_lowers_no_ttl",
        needs: &[Need::Nft],
        build: lowers_none,
        twins: &[
            twin(Fault::Closed, "port-closed", Place::Target),
            twin(Fault::HostDrops, "port-filtered", Place::Address(third)),
            twin(Fault::Drops(2), "path-filtered", Place::Hop(1)),
            twin(
                Fault::Rejects(2, PROHIBITED),
                "path-prohibited",
                Place::Address(second),
            ),
        ],
    },
    Odd {
        name: "a_router_that_lowers_the_ttl_twice",
        needs: &[Need::Nft],
        build: lowers_twice,
        twins: &[
            twin(Fault::Closed, "port-closed", Place::Target),
            twin(Fault::HostDrops, "port-filtered", Place::Address(third)),
            twin(Fault::Drops(2), "path-filtered", Place::Address(second)),
            twin(Fault::Swallows(2), "path-blackhole", Place::Address(second)),
            twin(
                Fault::Rejects(3, PROHIBITED),
                "path-prohibited",
                Place::Address(third),
            ),
            twin(Fault::Resets(1), "path-reset", Place::Hop(1)),
        ],
    },
    Odd {
        name: "a_router_that_makes_every_ttl_fresh",
        needs: &[Need::Nft],
        build: fresh,
        twins: &[
            twin(Fault::Closed, "port-closed", Place::Target),
            twin(Fault::HostDrops, "port-filtered", Place::TargetAlone),
            twin(Fault::Drops(2), "port-filtered", Place::TargetAlone),
            twin(
                Fault::Rejects(2, PROHIBITED),
                "path-prohibited",
                Place::Address(second),
            ),
            twin(Fault::HostDead, "path-blackhole", Place::NoHop),
        ],
    },
    Odd {
        name: "routers_that_drop_every_icmp_message",
        needs: &[Need::Nft],
        build: no_icmp,
        twins: &[
            twin(Fault::Closed, "port-closed", Place::Target),
            twin(Fault::HostDrops, "port-filtered", Place::TargetAlone),
            twin(Fault::HostDead, "path-blackhole", Place::NoHop),
            twin(
                Fault::Rejects(2, PROHIBITED),
                "port-filtered",
                Place::TargetAlone,
            ),
            twin(Fault::Drops(2), "port-filtered", Place::TargetAlone),
        ],
    },
    Odd {
        name: "a_firewall_that_lets_the_port_pass_alone",
        needs: &[Need::Nft],
        build: port_alone,
        twins: &[
            twin(Fault::Closed, "port-closed", Place::Target),
            twin(Fault::HostDrops, "path-blackhole", Place::Hop(3)),
            twin(Fault::Drops(1), "path-filtered", Place::Hop(1)),
            twin(
                Fault::Rejects(1, PROHIBITED),
                "path-prohibited",
                Place::Hop(1),
            ),
            twin(
                Fault::Rejects(3, PROHIBITED),
                "path-prohibited",
                Place::Hop(3),
            ),
        ],
    },
    Odd {
        name: "a_firewall_that_knows_connections",
        needs: &[Need::Nft],
        build: stateful,
        twins: &[
            twin(Fault::Closed, "port-closed", Place::Target),
            twin(Fault::HostDrops, "port-filtered", Place::Hop(3)),
            twin(
                Fault::Rejects(1, PROHIBITED),
                "path-prohibited",
                Place::Hop(1),
            ),
        ],
    },
    Odd {
        name: "a_firewall_that_resets_all_but_the_port",
        needs: &[Need::Nft],
        build: resets_others,
        twins: &[
            twin(Fault::HostDead, "path-blackhole", Place::Hop(3)),
            twin(Fault::HostDrops, "path-blackhole", Place::Hop(3)),
            twin(Fault::Swallows(3), "path-blackhole", Place::Hop(3)),
            twin(Fault::Drops(1), "path-filtered", Place::Hop(1)),
        ],
    },
    Odd {
        name: "a_firewall_that_rejects_all_but_the_port",
        needs: &[Need::Nft],
        build: rejects_others,
        twins: &[
            twin(Fault::HostDead, "path-blackhole", Place::Anywhere),
            twin(Fault::HostDrops, "path-blackhole", Place::Anywhere),
            twin(Fault::Drops(1), "path-filtered", Place::Hop(1)),
        ],
    },
];

fn second(_: &Net, family: Family) -> IpAddr {
    host(family, 1, 2)
}

fn third(_: &Net, family: Family) -> IpAddr {
    host(family, 2, 2)
}

fn silent() -> Net {
    Net::chain(3, |lab| {
        for k in 1..=3 {
            lab.router(k).silent();
        }
    })
    .all_silent()
}

/// The router's own reports of an expired TTL come from this address.
fn reports_from(router: &Namespace, v4: IpAddr, v6: IpAddr) {
    router.table(&format!(
        "chain rules {{ type filter hook output priority filter; policy accept;
            icmp type time-exceeded ip saddr set {v4};
            icmpv6 type time-exceeded ip6 saddr set {v6}; }}"
    ));
}

fn as_the_target() -> Net {
    Net::chain(3, |lab| {
        for k in 2..=3 {
            let [v4, v6] = Family::BOTH.map(|family| lab.server_address(family));
            reports_from(lab.router(k), v4, v6);
        }
    })
}

const USELESS: [(&str, &str); 3] = [
    ("169.254.0.1", "fe80::1"),
    ("100.64.0.1", "fdff::1"),
    ("192.0.2.1", "2001:db8:ffff::1"),
];

fn useless() -> Net {
    let addresses = USELESS.map(|(v4, v6)| (address(v4), address(v6)));
    let mut net = Net::chain(3, |lab| {
        for (k, (v4, v6)) in (1..).zip(addresses) {
            reports_from(lab.router(k), v4, v6);
        }
    });
    for (k, (v4, v6)) in (1..).zip(addresses) {
        net = net
            .answers_from(Family::V4, k, Some(v4))
            .answers_from(Family::V6, k, Some(v6));
    }
    net
}

fn seldom() -> Net {
    Net::chain(3, |lab| {
        for k in 1..=3 {
            lab.router(k).table(
                "chain rules { type filter hook output priority filter; policy accept;
                    icmp type time-exceeded limit rate over 1/second burst 1 packets drop;
                    icmpv6 type time-exceeded limit rate over 1/second burst 1 packets drop; }",
            );
        }
    })
}

fn swallows_low_ttl() -> Net {
    Net::chain(3, |lab| {
        lab.router(1).table(
            "chain rules { type filter hook forward priority filter; policy accept;
                iifname \"left\" ip ttl < 10 drop; iifname \"left\" ip6 hoplimit < 10 drop; }",
        );
    })
}

pub(super) fn prohibits_low_ttl() -> Net {
    Net::chain(3, |lab| {
        lab.router(1).table(
            "chain rules { type filter hook forward priority filter; policy accept;
                iifname \"left\" ip ttl < 10 reject with icmp admin-prohibited;
                iifname \"left\" ip6 hoplimit < 10 reject with icmpv6 admin-prohibited; }",
        );
    })
}

/// Each TTL that arrives from the client's side becomes another.
fn changes_ttl(router: &Namespace, change: impl Fn(u8) -> u8) {
    let rules: Vec<String> = (1..=64)
        .map(|ttl| {
            let new = change(ttl);
            format!("ip ttl {ttl} ip ttl set {new} accept; ip6 hoplimit {ttl} meta l4proto {{ tcp, udp }} ip6 hoplimit set {new} accept;")
        })
        .collect();
    router.table(&format!(
        "chain rules {{ type filter hook prerouting priority mangle; policy accept; iifname \"left\" jump change; }}
        chain change {{ {} }}",
        rules.join("\n")
    ));
}

fn lowers_none() -> Net {
    Net::chain(3, |lab| changes_ttl(lab.router(2), |ttl| ttl + 1))
}

fn lowers_twice() -> Net {
    Net::chain(3, |lab| {
        changes_ttl(lab.router(2), |ttl| ttl.saturating_sub(1).max(1));
    })
}

fn fresh() -> Net {
    Net::chain(3, |lab| {
        lab.router(1).table(
            "chain rules { type filter hook prerouting priority mangle; policy accept;
                meta l4proto { tcp, udp, icmp } iifname \"left\" jump fresh; }
            chain fresh { ip ttl set 64; ip6 hoplimit set 64; }",
        );
    })
    .all_silent()
}

const ND: &str = "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert, nd-router-solicit } accept;";

fn no_icmp() -> Net {
    Net::chain(3, |lab: &Lab| {
        for k in 1..=3 {
            lab.router(k).table(&format!(
                "chain through {{ type filter hook forward priority filter; policy accept; meta l4proto {{ icmp, icmpv6 }} drop; }}
                chain own {{ type filter hook output priority filter; policy accept; {ND} meta l4proto {{ icmp, icmpv6 }} drop; }}"
            ));
        }
    })
    .all_silent()
}

fn port_alone() -> Net {
    Net::chain(3, |lab| {
        lab.router(2).table(
            "chain rules { type filter hook forward priority filter; policy drop;
                iifname \"right\" accept; tcp dport { 443, 444 } accept; }",
        );
    })
}

fn stateful() -> Net {
    Net::chain(3, |lab| {
        lab.router(2).table(
            "chain rules { type filter hook forward priority filter; policy drop;
                ct state established,related accept; ct state invalid drop;
                iifname \"left\" tcp dport { 80, 443, 444 } ct state new tcp flags & (fin | syn | rst | ack) == syn accept;
                iifname \"left\" icmp type echo-request accept; iifname \"left\" icmpv6 type echo-request accept; }",
        );
    })
    .with(&["--control", "80"])
}

fn resets_others() -> Net {
    Net::chain(3, |lab| {
        lab.router(2).table(
            "chain rules { type filter hook forward priority filter; policy accept;
                iifname \"left\" tcp dport != 443 reject with tcp reset;
                iifname \"left\" meta l4proto udp drop; iifname \"left\" icmp type echo-request drop; iifname \"left\" icmpv6 type echo-request drop; }",
        );
    })
}

fn rejects_others() -> Net {
    Net::chain(3, |lab| {
        lab.router(2).table(
            "chain rules { type filter hook forward priority filter; policy accept;
                iifname \"left\" tcp dport != 443 reject with icmpx admin-prohibited;
                iifname \"left\" meta l4proto udp reject with icmpx admin-prohibited; iifname \"left\" icmp type echo-request drop; iifname \"left\" icmpv6 type echo-request drop; }",
        );
    })
}

/// The first SYN of each connection is dropped, the second passes.
pub(super) fn wants_two_syns() -> Net {
    Net::chain(3, |lab| {
        lab.router(2).table(
            "set seen4 { type ipv4_addr . inet_service; flags dynamic,timeout; timeout 30s; size 65535; }
            set seen6 { type ipv6_addr . inet_service; flags dynamic,timeout; timeout 30s; size 65535; }
            chain rules { type filter hook forward priority filter; policy accept; iifname \"left\" tcp flags & (syn | ack) == syn jump new; }
            chain new {
                ip saddr . tcp sport @seen4 accept; ip6 saddr . tcp sport @seen6 accept;
                add @seen4 { ip saddr . tcp sport } drop; add @seen6 { ip6 saddr . tcp sport } drop; }",
        );
    })
}
