//! `nwcheck icmp`: the faults that a check of a port knows, met by echo requests; over ping sockets and over raw ones.

use std::{net::IpAddr, time::Duration};

use super::{NOBODY, check, elsewhere, serve, tcp, to_host};
use crate::{
    case::{Case, cases},
    firewall::Hook,
    net::{Family, Namespace, Route, veth},
    outcome::Outcome,
    run::Run,
    sim::{Router, Simulation},
    topology::{Lab, default, host},
};

pub(super) fn cases() -> Vec<Case> {
    cases![
        a_host_that_answers_passes,
        a_host_behind_routers_that_seldom_answer_passes: [Nft],
        without_a_socket_for_it_nothing_is_claimed,
        a_host_that_drops_echo_requests_filters_them: [Nft],
        a_host_that_rejects_echo_requests_filters_them: [Nft],
        a_host_whose_settings_ignore_echo_requests_filters_them,
        a_router_that_drops_everything_is_a_black_hole: [Nft],
        a_host_on_the_link_that_is_off_is_down,
        a_router_without_a_route_is_named,
        a_last_router_that_can_t_find_the_host_is_named,
        a_router_that_rejects_echo_requests_is_named: [Nft],
        two_routers_that_point_at_each_other_are_a_loop,
        a_machine_without_a_default_route_has_no_route,
        a_gateway_that_does_not_answer_is_named,
        a_rule_that_drops_what_goes_out_is_this_machines: [Nft],
        a_rule_that_drops_the_answers_is_this_machines: [Nft],
        answers_that_the_reverse_path_filter_drops_are_this_machines,
        a_router_that_loses_a_quarter_is_loss: [Nft],
        a_host_that_answers_some_is_intermittent: [Nft],
        late_answers_are_not_lost: [Tun],
    ]
}

/// `nwcheck icmp`.
fn icmp(client: &Namespace, address: IpAddr) -> Run {
    Run::nwcheck(client, ["icmp".to_owned(), address.to_string()])
}

/// The check by an ordinary user who may use ping sockets, and by root where nobody may.
fn both_ways(client: &Namespace, address: IpAddr) -> [Outcome; 2] {
    client.allow_ping_sockets();
    let user = icmp(client, address).run();
    client.sysctl("net/ipv4/ping_group_range", "1 0");
    let root = icmp(client, address).root().run();
    [user, root]
}

fn a_host_that_answers_passes() {
    let lab = Lab::routers(2).build();
    for family in Family::BOTH {
        let mut hops: Vec<_> = (1..=2).map(|k| Some(lab.hop(family, k))).collect();
        hops.push(Some(lab.server_address(family)));
        for passed in both_ways(lab.client(), lab.server_address(family)) {
            passed
                .passes()
                .passed(&hops)
                .says("/endpoints/0/probes/ok", 10)
                .says("/endpoints/0/path/protocol", "icmp");
        }
    }
}

fn a_host_behind_routers_that_seldom_answer_passes() {
    for family in Family::BOTH {
        let lab = Lab::routers(4).rate_limited().build();
        lab.router(2).silent();
        for passed in both_ways(lab.client(), lab.server_address(family)) {
            passed.passes();
        }
    }
}

fn without_a_socket_for_it_nothing_is_claimed() {
    let lab = Lab::routers(1).build();
    for family in Family::BOTH {
        let untold = icmp(lab.client(), lab.server_address(family)).run();
        untold.could_not_tell().within(Duration::from_secs(3));
        let command = untold.at("/not_measured/0/command");
        let command = command.as_str().unwrap_or_default();
        assert!(command.contains("net.ipv4.ping_group_range"), "{untold}");
        untold.says("/endpoints/0/probes/sent", 0);
    }
}

fn a_host_that_drops_echo_requests_filters_them() {
    let lab = Lab::routers(2).build();
    let _service = serve(lab.server(), super::PORT);
    lab.server().drops_echo(Hook::Input);
    for family in Family::BOTH {
        for failed in both_ways(lab.client(), lab.server_address(family)) {
            failed
                .fails_by("echo-filtered")
                .says("/status", "unreachable");
        }
        check(&lab, family).run().passes();
        for passed in both_ways(lab.client(), lab.hop(family, 1)) {
            passed.passes();
        }
    }
}

fn a_host_that_rejects_echo_requests_filters_them() {
    let lab = Lab::routers(2).build();
    lab.server().icmp_ratelimit(0);
    for (family, matches) in echo_requests() {
        lab.server()
            .rejects(Hook::Input, matches, "admin-prohibited");
        for failed in both_ways(lab.client(), lab.server_address(family)) {
            failed
                .fails_by("echo-filtered")
                .mentions("echo-filtered", "itself rejects");
        }
    }
}

fn a_host_whose_settings_ignore_echo_requests_filters_them() {
    let lab = Lab::routers(1).build();
    lab.server().sysctl("net/ipv4/icmp_echo_ignore_all", 1);
    lab.server().sysctl("net/ipv6/icmp/echo_ignore_all", 1);
    lab.client().allow_ping_sockets();
    for family in Family::BOTH {
        icmp(lab.client(), lab.server_address(family))
            .run()
            .fails_by("echo-filtered");
    }
}

fn a_router_that_drops_everything_is_a_black_hole() {
    let lab = Lab::routers(3).build();
    for family in Family::BOTH {
        let to_server = to_host(lab.server_address(family));
        lab.router(2).drops(Hook::Forward, &to_server);
        for failed in both_ways(lab.client(), lab.server_address(family)) {
            failed
                .fails_by("path-blackhole")
                .blames("path-blackhole", 2, lab.hop(family, 2));
        }
    }
}

fn a_host_on_the_link_that_is_off_is_down() {
    let lab = Lab::routers(0).build();
    for family in Family::BOTH {
        let absent = host(family, 0, 77);
        lab.client().permanent_neighbour("eth0", absent, &NOBODY);
        for failed in both_ways(lab.client(), absent) {
            failed.fails_by("host-down");
        }
    }
}

fn a_router_without_a_route_is_named() {
    for family in Family::BOTH {
        // A lab each: a router without a route answers an asker five times, and then once a second.
        for by_root in [false, true] {
            let lab = Lab::routers(3).build();
            let mut run = icmp(lab.client(), elsewhere(family));
            if by_root {
                run = run.root();
            } else {
                lab.client().allow_ping_sockets();
            }
            run.run()
                .fails_by("path-no-route")
                .blames("path-no-route", 3, lab.hop(family, 3));
        }
    }
}

fn a_last_router_that_can_t_find_the_host_is_named() {
    let lab = Lab::routers(2).build();
    for family in Family::BOTH {
        for failed in both_ways(lab.client(), host(family, 2, 77)) {
            failed.fails_by("path-host-unreachable").blames(
                "path-host-unreachable",
                2,
                lab.hop(family, 2),
            );
        }
    }
}

fn a_router_that_rejects_echo_requests_is_named() {
    for code in ["admin-prohibited", "port-unreachable"] {
        let lab = Lab::routers(3).build();
        for (family, matches) in echo_requests() {
            lab.router(2).rejects(Hook::Forward, matches, code);
            for failed in both_ways(lab.client(), lab.server_address(family)) {
                failed
                    .fails_by("path-prohibited")
                    .blames("path-prohibited", 2, lab.hop(family, 2))
                    .mentions("path-prohibited", "ICMP echo");
            }
        }
    }
}

fn two_routers_that_point_at_each_other_are_a_loop() {
    let lab = Lab::routers(3).build();
    for family in Family::BOTH {
        let prefix = super::elsewhere_prefix(family);
        lab.router(3)
            .add_route(&Route::to(prefix).via(host(family, 2, 1)));
        for failed in both_ways(lab.client(), elsewhere(family)) {
            failed.fails_by("path-loop");
        }
    }
}

fn a_machine_without_a_default_route_has_no_route() {
    for family in Family::BOTH {
        let lab = Lab::routers(2).build();
        lab.client()
            .delete_route(&Route::to(default(family)).via(lab.hop(family, 1)));
        for failed in both_ways(lab.client(), lab.server_address(family)) {
            failed.fails_by("local-no-route");
        }
        for passed in both_ways(lab.client(), lab.hop(family, 1)) {
            passed.passes();
        }
    }
}

fn a_gateway_that_does_not_answer_is_named() {
    for family in Family::BOTH {
        let lab = Lab::routers(1).build();
        let client = lab.client();
        client.replace_route(&Route::to(default(family)).via(host(family, 0, 77)));
        for failed in both_ways(client, lab.server_address(family)) {
            failed.fails_by("local-neighbour-unresolved");
        }
    }
}

fn a_rule_that_drops_what_goes_out_is_this_machines() {
    let lab = Lab::routers(1).build();
    for (family, matches) in echo_requests() {
        lab.client().drops(Hook::Output, matches);
        for failed in both_ways(lab.client(), lab.server_address(family)) {
            failed.fails_by("local-firewall");
        }
    }
}

fn a_rule_that_drops_the_answers_is_this_machines() {
    let lab = Lab::routers(1).build();
    let _service = serve(lab.server(), super::PORT);
    for (family, matches) in [
        (Family::V4, "icmp type echo-reply"),
        (Family::V6, "icmpv6 type echo-reply"),
    ] {
        lab.client().drops(Hook::Input, matches);
        for failed in both_ways(lab.client(), lab.server_address(family)) {
            failed.fails_by("local-firewall");
        }
        check(&lab, family).run().passes();
    }
}

fn answers_that_the_reverse_path_filter_drops_are_this_machines() {
    let lab = Lab::routers(2).build();
    let (client, router) = (lab.client(), lab.router(1));
    veth((client, "eth1"), (router, "other"));
    client.add_address("eth1", "10.0.77.1/24");
    router.add_address("other", "10.0.77.2/24");
    client.wait_for_carrier(&["eth1"]);
    router.wait_for_carrier(&["other"]);
    // Answers come in by another interface than the one that leads to their sender.
    let back = Route::to(lab.client_address(Family::V4)).via(host(Family::V4, 77, 1));
    router.add_route(&back);
    for passed in both_ways(client, lab.server_address(Family::V4)) {
        passed.passes();
    }
    client.sysctl("net/ipv4/conf/eth1/rp_filter", 1);
    for failed in both_ways(client, lab.server_address(Family::V4)) {
        failed.fails_by("local-route-asymmetric-filter");
    }
}

fn a_router_that_loses_a_quarter_is_loss() {
    let lab = Lab::routers(2).build();
    lab.client().allow_ping_sockets();
    for family in Family::BOTH {
        let to_server = to_host(lab.server_address(family));
        lab.router(2).loses(Hook::Forward, &to_server, 25);
        icmp(lab.client(), lab.server_address(family))
            .arguments(["-c", "40"])
            .run()
            .warns_by("path-loss")
            .says("/status", "degraded");
    }
}

fn a_host_that_answers_some_is_intermittent() {
    let lab = Lab::routers(1).build();
    lab.client().allow_ping_sockets();
    let _service = serve(lab.server(), super::PORT);
    for (family, matches) in echo_requests() {
        lab.server().loses_first(Hook::Input, matches, 1, 4);
        icmp(lab.client(), lab.server_address(family))
            .run()
            .warns_by("destination-intermittent")
            .says("/status", "degraded");
        tcp(lab.client(), lab.server_address(family), super::PORT)
            .run()
            .passes();
    }
}

fn late_answers_are_not_lost() {
    let link = Duration::from_millis(1);
    let mut routers = vec![Router::after(link); 3];
    routers[1] = Router::after(Duration::from_millis(200));
    let path = Simulation::start(routers, link);
    path.client().allow_ping_sockets();
    for family in Family::BOTH {
        icmp(path.client(), path.server_address(family))
            .arguments(["-w", "100ms"])
            .run()
            .passes()
            .says("/endpoints/0/probes/lost", 0);
    }
}

/// Echo requests, as a rule names them.
fn echo_requests() -> [(Family, &'static str); 2] {
    [
        (Family::V4, "icmp type echo-request"),
        (Family::V6, "icmpv6 type echo-request"),
    ]
}
