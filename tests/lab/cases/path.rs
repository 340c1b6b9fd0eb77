//! Routers that say what is wrong: no route, host unreachable, prohibited, and loops.

use std::time::Duration;

use super::{OTHER_PORT, PORT, check, check_port, elsewhere, elsewhere_prefix, serve, tcp};
use crate::{
    case::{Case, cases},
    firewall::Hook,
    net::{Family, Route, veth},
    topology::{Lab, host},
};

pub(super) fn cases() -> Vec<Case> {
    cases![
        a_router_without_a_route_is_named,
        a_last_router_that_can_t_find_the_host_is_named,
        a_router_whose_route_says_unreachable_is_named,
        a_router_that_rejects_is_named_whatever_the_code: [Nft],
        a_router_that_rejects_is_named_with_the_default_rate_limit: [Nft],
        a_router_whose_route_prohibits_is_named,
        two_routers_that_point_at_each_other_are_a_loop,
        three_routers_in_a_ring_are_a_loop,
    ]
}

fn a_router_without_a_route_is_named() {
    let lab = Lab::routers(3).build();
    let _service = serve(lab.server(), PORT);
    for family in Family::BOTH {
        tcp(lab.client(), elsewhere(family), PORT)
            .run()
            .fails_by("path-no-route")
            .blames("path-no-route", 3, lab.hop(family, 3))
            .says("/status", "unreachable");
        check(&lab, family).run().passes();
    }
}

fn a_last_router_that_can_t_find_the_host_is_named() {
    let lab = Lab::routers(3).build();
    let _service = serve(lab.server(), PORT);
    for family in Family::BOTH {
        tcp(lab.client(), host(family, 3, 77), PORT)
            .run()
            .fails_by("path-host-unreachable")
            .blames("path-host-unreachable", 3, lab.hop(family, 3))
            .within(Duration::from_secs(12));
        check(&lab, family).run().passes();
    }
}

fn a_router_whose_route_says_unreachable_is_named() {
    let lab = Lab::routers(3).build();
    let (router, v4) = (lab.router(2), Family::V4);
    router.add_route(&Route::unreachable(elsewhere_prefix(v4)));
    tcp(lab.client(), elsewhere(v4), PORT)
        .run()
        .fails_by("path-host-unreachable")
        .blames("path-host-unreachable", 2, lab.hop(v4, 2));
}

fn a_router_that_rejects_is_named_whatever_the_code() {
    for (families, verdict) in [
        (&Family::BOTH[..], "reject with icmpx admin-prohibited"),
        (&Family::BOTH[..], "reject with icmpx port-unreachable"),
        (&[Family::V4], "reject with icmp type host-prohibited"),
        (&[Family::V4], "reject with icmp type net-prohibited"),
    ] {
        let lab = Lab::routers(3).build();
        let _services = [PORT, OTHER_PORT].map(|port| serve(lab.server(), port));
        lab.router(2)
            .firewall(Hook::Forward, "tcp dport 443", verdict);
        for &family in families {
            check(&lab, family)
                .run()
                .fails_by("path-prohibited")
                .blames("path-prohibited", 2, lab.hop(family, 2));
            check_port(&lab, family, OTHER_PORT).run().passes();
        }
    }
}

fn a_router_that_rejects_is_named_with_the_default_rate_limit() {
    for code in ["admin-prohibited", "port-unreachable"] {
        let lab = Lab::routers(3).rate_limited().build();
        let _service = serve(lab.server(), PORT);
        lab.router(2).rejects(Hook::Forward, "tcp dport 443", code);
        for family in Family::BOTH {
            check(&lab, family)
                .run()
                .fails_by("path-prohibited")
                .blames("path-prohibited", 2, lab.hop(family, 2));
        }
    }
}

fn a_router_whose_route_prohibits_is_named() {
    let lab = Lab::routers(3).build();
    for family in Family::BOTH {
        lab.router(2)
            .add_route(&Route::prohibit(elsewhere_prefix(family)));
        tcp(lab.client(), elsewhere(family), PORT)
            .run()
            .fails_by("path-prohibited")
            .blames("path-prohibited", 2, lab.hop(family, 2));
    }
}

fn two_routers_that_point_at_each_other_are_a_loop() {
    let lab = Lab::routers(3).build();
    let _service = serve(lab.server(), PORT);
    for family in Family::BOTH {
        lab.router(3)
            .add_route(&Route::to(elsewhere_prefix(family)).via(host(family, 2, 1)));
        let looped = tcp(lab.client(), elsewhere(family), PORT).run();
        looped.fails_by("path-loop");
        looped.mentions("path-loop", &lab.hop(family, 3).to_string());
        // In the ring an IPv6 router answers from the side on which the packet came, an IPv4 one from the client's.
        let second = match family {
            Family::V4 => lab.hop(family, 2),
            Family::V6 => host(family, 2, 1),
        };
        looped.mentions("path-loop", &second.to_string());
        check(&lab, family).run().passes();
    }
}

fn three_routers_in_a_ring_are_a_loop() {
    let lab = Lab::routers(3).build();
    let _service = serve(lab.server(), PORT);
    veth((lab.router(3), "short"), (lab.router(1), "short"));
    for (family, bits) in [(Family::V4, 24), (Family::V6, 64)] {
        let at = |number| host(family, 99, number);
        lab.router(3)
            .add_address("short", &format!("{}/{bits}", at(1)));
        lab.router(1)
            .add_address("short", &format!("{}/{bits}", at(2)));
        for (router, name) in [(3, "short"), (1, "short")] {
            lab.router(router).wait_for_carrier(&[name]);
        }
        lab.router(3)
            .add_route(&Route::to(elsewhere_prefix(family)).via(at(2)));
        tcp(lab.client(), elsewhere(family), PORT)
            .run()
            .fails_by("path-loop");
        check(&lab, family).run().passes();
    }
}
