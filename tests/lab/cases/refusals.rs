//! Who sent the refusal: the host, a device before it, what a port forward leads to, or one of several paths.

use super::{OTHER_PORT, PORT, check, check_port, elsewhere, elsewhere_prefix, serve, tcp};
use crate::{
    case::{Case, cases},
    diamond::Diamond,
    firewall::Hook,
    net::{Family, Route},
    topology::{Lab, host},
};

pub(super) fn cases() -> Vec<Case> {
    cases![
        a_port_forward_to_a_host_that_is_off_says_so: [Nft],
        a_port_forward_to_a_network_without_a_route_says_so: [Nft],
        a_host_that_rejects_as_unreachable_is_not_surely_a_forward: [Nft],
        a_branch_that_prohibits_while_others_refuse_is_named: [Nft],
        a_branch_that_prohibits_while_others_open_is_named: [Nft],
        a_reset_by_the_host_has_the_ttl_of_its_open_port,
        a_reset_by_the_device_before_the_host_has_another_ttl: [Nft],
        a_port_forward_answers_from_farther_than_its_device: [Nft],
        a_reset_made_here_has_a_ttl_that_nobody_lowered: [Nft],
        a_route_that_rejects_is_named_again_though_its_router_has_used_up_its_errors,
        a_black_hole_is_one_again_with_the_default_rate_limit: [Nft],
    ]
}

const WORDS: [(Family, &str); 2] = [(Family::V4, "ipv4"), (Family::V6, "ipv6")];

fn with_port(address: std::net::IpAddr, port: u16) -> String {
    std::net::SocketAddr::new(address, port).to_string()
}

fn a_port_forward_to_a_host_that_is_off_says_so() {
    for (family, word) in WORDS {
        let lab = Lab::routers(3).build();
        let _service = serve(lab.server(), 8443);
        let matches = format!("meta nfproto {word} tcp dport 443");
        let off = lab
            .router(1)
            .forwards_port(&matches, &with_port(host(family, 3, 77), 8443));
        let target = lab.hop(family, 1);
        tcp(lab.client(), target, PORT)
            .run()
            .fails_by("path-host-unreachable")
            .mentions("path-host-unreachable", "forwards TCP/443")
            .says("/findings/0/address", target.to_string());
        lab.router(1).delete_table(&off);
        lab.router(1)
            .forwards_port(&matches, &lab.target(family, 8443));
        tcp(lab.client(), target, PORT).run().passes();
    }
}

fn a_port_forward_to_a_network_without_a_route_says_so() {
    for (family, word) in WORDS {
        let lab = Lab::routers(3).build();
        let matches = format!("meta nfproto {word} tcp dport 443");
        let nowhere = with_port(super::elsewhere(family), 8443);
        lab.router(1).forwards_port(&matches, &nowhere);
        tcp(lab.client(), lab.hop(family, 1), PORT)
            .run()
            .fails_by("path-host-unreachable")
            .mentions("path-host-unreachable", "behind it can't be reached");
    }
}

fn a_host_that_rejects_as_unreachable_is_not_surely_a_forward() {
    let lab = Lab::routers(2).build();
    let _service = serve(lab.server(), PORT);
    lab.server()
        .rejects(Hook::Input, "tcp dport 443", "host-unreachable");
    for family in Family::BOTH {
        let failed = check(&lab, family).run();
        failed.fails_by("path-host-unreachable").mentions(
            "path-host-unreachable",
            "own firewall rejects in these words",
        );
    }
}

fn a_branch_that_prohibits_while_others_refuse_is_named() {
    let diamond = Diamond::new(2);
    diamond
        .branch(1)
        .rejects(Hook::Forward, "tcp dport 443", "admin-prohibited");
    for family in Family::BOTH {
        let failed = tcp(diamond.client(), diamond.server_address(family), PORT)
            .arguments(["-c", "20"])
            .run();
        failed.exits(1);
        let cause = failed.cause().unwrap_or_default();
        let prohibits = diamond.branch_address(family, 1);
        match cause.as_str() {
            "path-prohibited" => {
                failed
                    .fails_by("path-prohibited")
                    .blames("path-prohibited", 2, prohibits)
                    .mentions("path-prohibited", "refused with a TCP reset");
            }
            // Where chance sent fewer flows by the branch that prohibits.
            _ => {
                failed
                    .fails_by("port-closed")
                    .mentions("port-closed", &prohibits.to_string());
            }
        }
    }
}

fn a_branch_that_prohibits_while_others_open_is_named() {
    let diamond = Diamond::new(2);
    let _services = [PORT, OTHER_PORT].map(|port| serve(diamond.server(), port));
    diamond
        .branch(1)
        .rejects(Hook::Forward, "tcp dport 443", "admin-prohibited");
    for family in Family::BOTH {
        let prohibits = diamond.branch_address(family, 1);
        let outcome = tcp(diamond.client(), diamond.server_address(family), PORT)
            .arguments(["-c", "20"])
            .run();
        let cause = outcome.cause().unwrap_or_default();
        let sound = ["path-partial", "destination-intermittent"];
        assert!(sound.contains(&cause.as_str()), "{outcome}");
        outcome.mentions(&cause, &prohibits.to_string());
        tcp(diamond.client(), diamond.server_address(family), OTHER_PORT)
            .run()
            .passes();
    }
}

fn a_reset_by_the_host_has_the_ttl_of_its_open_port() {
    for routers in [1, 2] {
        let lab = Lab::routers(routers).build();
        let _service = serve(lab.server(), OTHER_PORT);
        for family in Family::BOTH {
            let failed = check(&lab, family).arguments(["--control", "80"]).run();
            failed
                .fails_by("port-closed")
                .mentions("port-closed", "same distance")
                .blames("port-closed", routers + 1, lab.server_address(family));
        }
    }
}

fn a_reset_by_the_device_before_the_host_has_another_ttl() {
    for routers in [1, 2] {
        let lab = Lab::routers(routers).build();
        let _services = [PORT, OTHER_PORT].map(|port| serve(lab.server(), port));
        lab.router(routers).resets(Hook::Forward, "tcp dport 443");
        for family in Family::BOTH {
            let failed = check(&lab, family).arguments(["--control", "80"]).run();
            failed
                .fails_by("port-closed")
                .mentions("port-closed", "not from where its port 80 answers");
            let finding = failed.finding("port-closed");
            assert!(finding["hop"].is_null(), "{failed}");
            // What differs is said, and nothing that is not proven.
            let from = 64 - routers;
            let text = finding["evidence"].to_string();
            assert!(text.contains(&format!("{}", from + 1)), "{failed}");
            check_port(&lab, family, OTHER_PORT).run().passes();
        }
    }
}

fn a_port_forward_answers_from_farther_than_its_device() {
    for (family, word) in WORDS {
        let lab = Lab::routers(3).build();
        let _service = serve(lab.router(1), OTHER_PORT);
        let matches = format!("meta nfproto {word} tcp dport 443");
        lab.router(1)
            .forwards_port(&matches, &lab.target(family, 8443));
        tcp(lab.client(), lab.hop(family, 1), PORT)
            .arguments(["--control", "80"])
            .run()
            .fails_by("port-closed");
    }
}

fn a_reset_made_here_has_a_ttl_that_nobody_lowered() {
    let lab = Lab::routers(2).build();
    let _service = serve(lab.server(), PORT);
    lab.client().resets(Hook::Output, "tcp dport 443");
    for family in Family::BOTH {
        check(&lab, family)
            .run()
            .fails_by("local-firewall")
            .mentions("local-firewall", "TTL 64, which no router");
    }
}

fn a_route_that_rejects_is_named_again_though_its_router_has_used_up_its_errors() {
    let lab = Lab::routers(3).rate_limited().build();
    let routes = [
        Route::prohibit(elsewhere_prefix(Family::V4)),
        Route::prohibit(elsewhere_prefix(Family::V6)),
    ];
    for route in &routes {
        lab.router(2).add_route(route);
    }
    for family in Family::BOTH {
        for _ in 0..3 {
            // Where it is may stay open: what it has left to say is spent on saying it.
            let failed = tcp(lab.client(), elsewhere(family), PORT).run();
            failed.fails_by("path-prohibited");
            let address = lab.hop(family, 2).to_string();
            assert_eq!(
                failed.finding("path-prohibited")["address"],
                address,
                "{failed}"
            );
        }
    }
}

fn a_black_hole_is_one_again_with_the_default_rate_limit() {
    let lab = Lab::routers(4).rate_limited().build();
    for family in Family::BOTH {
        let to_server = super::to_host(lab.server_address(family));
        lab.router(3).drops(Hook::Forward, &to_server);
        for _ in 0..2 {
            check(&lab, family).run().fails_by("path-blackhole");
        }
    }
}
