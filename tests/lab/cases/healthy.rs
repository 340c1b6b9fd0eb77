//! Networks that look odd and are not at fault: they pass, and nothing is said against them.

use std::time::Duration;

use super::{PORT, address, check, check_name, name, serve, tcp};
use crate::{
    case::{Case, cases},
    diamond::Diamond,
    firewall::Hook,
    net::{Family, Route},
    run::Run,
    topology::{Lab, host, network},
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
    ]
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
    for family in Family::BOTH {
        for _ in 0..2 {
            check(&lab, family).run().passes();
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
