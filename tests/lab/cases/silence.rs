//! Routers that drop: everything, one port, or some of all.

use std::time::Duration;

use super::{NOBODY, OTHER_PORT, PORT, check, check_port, serve, tcp, to_host};
use crate::{
    case::{Case, cases},
    firewall::Hook,
    net::Family,
    topology::{Lab, host},
};

pub(super) fn cases() -> Vec<Case> {
    cases![
        a_router_that_drops_everything_to_the_host_is_a_black_hole: [Nft],
        a_black_hole_is_no_less_one_without_ping_sockets: [Nft],
        a_host_that_answers_nothing_is_a_black_hole_after_the_last_router,
        a_router_that_drops_one_port_is_named: [Nft],
        a_router_that_drops_one_port_is_told_without_a_control_port: [Nft],
        a_router_that_loses_a_quarter_is_loss: [Nft],
    ]
}

fn a_router_that_drops_everything_to_the_host_is_a_black_hole() {
    let lab = Lab::routers(3).build();
    lab.client().allow_ping_sockets();
    let _services = [serve(lab.server(), PORT), serve(lab.router(3), PORT)];
    for family in Family::BOTH {
        let to_server = to_host(lab.server_address(family));
        lab.router(2).drops(Hook::Forward, &to_server);
        check(&lab, family)
            .run()
            .fails_by("path-blackhole")
            .blames("path-blackhole", 2, lab.hop(family, 2))
            .within(Duration::from_secs(16));
        tcp(lab.client(), lab.hop(family, 3), PORT).run().passes();
    }
}

fn a_black_hole_is_no_less_one_without_ping_sockets() {
    let lab = Lab::routers(3).build();
    for family in Family::BOTH {
        let to_server = to_host(lab.server_address(family));
        lab.router(2).drops(Hook::Forward, &to_server);
        check(&lab, family).run().fails_by("path-blackhole").blames(
            "path-blackhole",
            2,
            lab.hop(family, 2),
        );
    }
}

fn a_host_that_answers_nothing_is_a_black_hole_after_the_last_router() {
    let lab = Lab::routers(3).build();
    lab.client().allow_ping_sockets();
    let _service = serve(lab.server(), PORT);
    for family in Family::BOTH {
        let absent = host(family, 3, 77);
        lab.router(3).permanent_neighbour("right", absent, &NOBODY);
        tcp(lab.client(), absent, PORT)
            .run()
            .fails_by("path-blackhole")
            .blames("path-blackhole", 3, lab.hop(family, 3));
        check(&lab, family).run().passes();
    }
}

fn a_router_that_drops_one_port_is_named() {
    for k in 1..=2 {
        let lab = Lab::routers(3).build();
        let _services = [PORT, OTHER_PORT].map(|port| serve(lab.server(), port));
        lab.router(k).drops(Hook::Forward, "tcp dport 443");
        for family in Family::BOTH {
            check(&lab, family)
                .arguments(["--control", "80"])
                .run()
                .fails_by("path-filtered")
                .blames("path-filtered", k, lab.hop(family, k));
            check_port(&lab, family, OTHER_PORT).run().passes();
        }
    }
}

fn a_router_that_drops_one_port_is_told_without_a_control_port() {
    let lab = Lab::routers(3).build();
    let _service = serve(lab.server(), PORT);
    lab.router(2).drops(Hook::Forward, "tcp dport 443");
    for family in Family::BOTH {
        let failed = check(&lab, family).run();
        let cause = failed.exits(1).cause().unwrap_or_default();
        assert!(
            ["path-filtered", "port-filtered"].contains(&cause.as_str()),
            "{failed}"
        );
        failed.fails_by(&cause).within(Duration::from_secs(9));
    }
}

fn a_router_that_loses_a_quarter_is_loss() {
    let lab = Lab::routers(3).build();
    let _services = [serve(lab.server(), PORT), serve(lab.router(1), PORT)];
    for family in Family::BOTH {
        let to_server = to_host(lab.server_address(family));
        lab.router(2).loses(Hook::Forward, &to_server, 25);
        check(&lab, family)
            .arguments(["-c", "40"])
            .run()
            .warns_by("path-loss")
            .says("/status", "degraded");
        tcp(lab.client(), lab.hop(family, 1), PORT).run().passes();
    }
}
