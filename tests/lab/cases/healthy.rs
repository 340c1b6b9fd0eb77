//! Networks that look odd and are not at fault: they pass, and nothing is said against them.

use std::time::Duration;

use super::{PORT, address, check, check_name, name, serve, tcp};
use crate::{
    case::{Case, cases},
    diamond::Diamond,
    firewall::Hook,
    net::{Family, Route},
    run::Run,
    topology::{Lab, default, host, network},
};

pub(super) fn cases() -> Vec<Case> {
    cases![
        paths_of_every_length_pass_and_are_shown,
        silent_routers_in_the_middle_pass: [Nft],
        routers_that_are_all_silent_pass: [Nft],
        routers_that_limit_their_answers_pass,
        a_host_that_drops_echo_passes: [Nft],
        an_address_hidden_on_the_way_passes: [Nft],
        a_port_that_is_forwarded_passes: [Nft],
        equal_paths_pass,
        loopback_passes,
        the_machine_s_own_address_passes,
        a_machine_without_ipv6_passes,
        a_router_that_answers_from_another_address_passes,
        a_router_that_drops_datagrams_passes: [Nft],
        a_stateful_firewall_on_this_machine_passes: [Nft],
        a_router_that_rewrites_the_ttl_passes: [Nft],
        a_transparent_proxy_on_the_way_passes: [Nft],
        an_address_of_its_own_with_a_gateway_outside_its_prefix_passes,
        routers_that_share_one_address_pass,
    ]
}

/// What hides a network from those inside it: everything leaves with a fresh TTL.
fn a_router_that_rewrites_the_ttl_passes() {
    let lab = Lab::routers(3).build();
    let _service = serve(lab.server(), PORT);
    let _rules = lab.router(1).table(
        "chain rules { type filter hook prerouting priority mangle; policy accept; meta l4proto { tcp, udp } jump fresh; }\n chain fresh { ip ttl set 64; ip6 hoplimit set 64; }",
    );
    for family in Family::BOTH {
        for run in [check(&lab, family), check(&lab, family).root()] {
            let found = run.run();
            found.passes();
            assert_eq!(found.findings("info"), [""; 0], "{found}");
            let unmeasured = found.at("/not_measured").to_string();
            assert!(unmeasured.contains("beyond the first hop"), "{found}");
        }
        tcp(lab.client(), lab.server_address(family), 444)
            .run()
            .fails_by("port-closed");
    }
}

/// The router answers connections to the port itself, as if it were the host.
fn a_transparent_proxy_on_the_way_passes() {
    let lab = Lab::routers(3).build();
    let _proxy = serve(lab.router(1), 3128);
    let _rules = lab.router(1).table(
        "chain rules { type nat hook prerouting priority dstnat; policy accept; tcp dport 443 redirect to :3128; }",
    );
    for family in Family::BOTH {
        for run in [check(&lab, family), check(&lab, family).root()] {
            run.run().passes();
        }
    }
}

/// As clouds and container networks give them: the address alone in its prefix, the gateway on the link all the same.
fn an_address_of_its_own_with_a_gateway_outside_its_prefix_passes() {
    let lab = Lab::routers(2).build();
    let _service = serve(lab.server(), PORT);
    for (family, own, near) in [(Family::V4, 32, 24), (Family::V6, 128, 64)] {
        let (client, gateway) = (lab.client(), lab.hop(family, 1));
        let address = lab.client_address(family);
        client.delete_address("eth0", &format!("{address}/{near}"));
        client.add_address("eth0", &format!("{address}/{own}"));
        client.add_route(&Route::to(format!("{gateway}/{own}")).device("eth0"));
        // That of IPv4 went with the address that it was found by.
        if family == Family::V4 {
            client.add_route(&Route::to(default(family)).via(gateway));
        }
        check(&lab, family).run().passes();
        tcp(client, lab.server_address(family), 444)
            .run()
            .fails_by("port-closed");
    }
}

/// Private addresses are used again behind a translator: two routers of one path have the same.
fn routers_that_share_one_address_pass() {
    let lab = Lab::routers(4).build();
    let _service = serve(lab.server(), PORT);
    for (family, shared) in [(Family::V4, "192.168.1.1"), (Family::V6, "fd77::1")] {
        let shared = address(shared);
        let bits = if family == Family::V4 { 32 } else { 128 };
        for k in [2, 4] {
            let router = lab.router(k);
            router.add_address("lo", &format!("{shared}/{bits}"));
            let back = Route::to(network(family, 0)).via(host(family, k - 1, 1));
            router.delete_route(&back);
            router.add_route(&back.source(shared));
        }
        check(&lab, family).run().passes();
        tcp(lab.client(), lab.server_address(family), 444)
            .run()
            .fails_by("port-closed");
    }
}

fn paths_of_every_length_pass_and_are_shown() {
    for routers in [0, 1, 10] {
        let lab = Lab::routers(routers).build();
        let _service = serve(lab.server(), PORT);
        for family in Family::BOTH {
            let mut hops: Vec<_> = (1..=routers).map(|k| Some(lab.hop(family, k))).collect();
            hops.push(Some(lab.server_address(family)));
            let passed = check(&lab, family).run();
            passed
                .passes()
                .says("/status", "reachable")
                .within(Duration::from_secs(2));
            passed.passed(&hops);
        }
    }
}

fn silent_routers_in_the_middle_pass() {
    let lab = Lab::routers(4).build();
    let _service = serve(lab.server(), PORT);
    for k in [2, 3] {
        lab.router(k).silent();
    }
    for family in Family::BOTH {
        let (near, far) = (lab.hop(family, 1), lab.hop(family, 4));
        let end = lab.server_address(family);
        let hops = [Some(near), None, None, Some(far), Some(end)];
        check(&lab, family).run().passes().passed(&hops);
    }
}

fn routers_that_are_all_silent_pass() {
    let lab = Lab::routers(3).build();
    let _service = serve(lab.server(), PORT);
    for k in 1..=3 {
        lab.router(k).silent();
    }
    for family in Family::BOTH {
        check(&lab, family).run().passes();
    }
}

fn routers_that_limit_their_answers_pass() {
    let lab = Lab::routers(5).rate_limited().build();
    let _service = serve(lab.server(), PORT);
    let stopped = "/endpoints/0/path/stopped";
    for family in Family::BOTH {
        // Each run finds less of the routers' answers left, and does not wait for all of them.
        for _ in 0..3 {
            let found = check(&lab, family).run();
            found.passes().within(Duration::from_secs(10));
            assert!(
                found.at(stopped).is_null() || found.at(stopped) == "time",
                "{found}"
            );
            let hops = found.at("/endpoints/0/path/hops");
            for hop in hops.as_array().expect("hops") {
                let nodes = hop["nodes"].as_array().expect("nodes");
                assert_eq!(nodes.len(), 1, "no router has another beside it: {found}");
                let k = usize::try_from(hop["ttl"].as_u64().expect("a TTL")).expect("small");
                let there = if k <= 5 {
                    lab.hop(family, k)
                } else {
                    lab.server_address(family)
                };
                let address = &nodes[0]["address"];
                assert!(
                    address.is_null() || *address == there.to_string(),
                    "hop {k}: {found}"
                );
            }
        }
    }
}

fn a_host_that_drops_echo_passes() {
    let lab = Lab::routers(2).build();
    let _service = serve(lab.server(), PORT);
    lab.server().drops_echo(Hook::Input);
    for family in Family::BOTH {
        check(&lab, family).run().passes();
    }
}

fn an_address_hidden_on_the_way_passes() {
    let lab = Lab::routers(3).build();
    let _service = serve(lab.server(), PORT);
    lab.router(1).masquerades("right");
    for family in Family::BOTH {
        check(&lab, family).run().passes();
    }
}

fn a_port_that_is_forwarded_passes() {
    let lab = Lab::routers(3).build();
    let _service = serve(lab.server(), 8443);
    for (family, word) in [(Family::V4, "ipv4"), (Family::V6, "ipv6")] {
        let door = lab.hop(family, 1);
        let matches = format!("meta nfproto {word} tcp dport 443");
        lab.router(1)
            .forwards_port(&matches, &lab.target(family, 8443));
        tcp(lab.client(), door, PORT).run().passes();
    }
}

fn equal_paths_pass() {
    let diamond = Diamond::new(4);
    let _service = serve(diamond.server(), PORT);
    for family in Family::BOTH {
        tcp(diamond.client(), diamond.server_address(family), PORT)
            .run()
            .passes()
            .says("/endpoints/0/path/reached", true);
    }
}

fn loopback_passes() {
    let lab = Lab::routers(0).build();
    let _service = serve(lab.client(), PORT);
    for loopback in ["127.0.0.1", "::1"] {
        tcp(lab.client(), address(loopback), PORT).run().passes();
    }
    Run::nwcheck(lab.client(), ["tcp", "localhost:443"])
        .run()
        .passes();
}

fn the_machine_s_own_address_passes() {
    let lab = Lab::routers(1).build();
    let _service = serve(lab.client(), PORT);
    for family in Family::BOTH {
        tcp(lab.client(), lab.client_address(family), PORT)
            .run()
            .passes();
    }
}

fn a_machine_without_ipv6_passes() {
    let lab = Lab::routers(1).build();
    let _service = serve(lab.server(), PORT);
    lab.client().sysctl("net/ipv6/conf/all/disable_ipv6", 1);
    let addresses = Family::BOTH.map(|family| lab.server_address(family));
    let server = name(&lab, &addresses);
    check_name(&lab, &server).run().passes();
}

fn a_router_that_answers_from_another_address_passes() {
    let lab = Lab::routers(3).build();
    let _service = serve(lab.server(), PORT);
    for (family, other) in [(Family::V4, "192.168.99.9"), (Family::V6, "2001:db8:99::9")] {
        let other = address(other);
        let router = lab.router(2);
        let bits = if family == Family::V4 { 32 } else { 128 };
        router.add_address("lo", &format!("{other}/{bits}"));
        let back = Route::to(network(family, 0)).via(host(family, 1, 1));
        router.delete_route(&back);
        router.add_route(&back.source(other));
        let [near, far] = [1, 3].map(|k| Some(lab.hop(family, k)));
        let hops = [near, Some(other), far, Some(lab.server_address(family))];
        check(&lab, family).run().passes().passed(&hops);
    }
}

fn a_router_that_drops_datagrams_passes() {
    let lab = Lab::routers(3).build();
    let _service = serve(lab.server(), PORT);
    lab.router(1).drops(Hook::Forward, "meta l4proto udp");
    for family in Family::BOTH {
        check(&lab, family).run().passes();
    }
}

fn a_stateful_firewall_on_this_machine_passes() {
    let lab = Lab::routers(3).build();
    let _service = serve(lab.server(), PORT);
    lab.client().table(
        "chain rules { type filter hook input priority filter; policy drop;
            ct state established,related accept; iif lo accept;
            icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert } accept; }",
    );
    for family in Family::BOTH {
        check(&lab, family).run().passes();
    }
}
