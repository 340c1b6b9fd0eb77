//! `nwcheck udp`: the faults that a check of a TCP port knows, met by datagrams; and what only UDP has.

use std::{net::IpAddr, net::SocketAddr, net::UdpSocket, time::Duration};

use super::{NOBODY, address, elsewhere, elsewhere_prefix, to_host};
use crate::{
    case::{Case, cases},
    firewall::Hook,
    net::{Family, Namespace, Route},
    run::Run,
    services::{Service, Udp},
    topology::{Lab, default, host},
};

pub(super) fn cases() -> Vec<Case> {
    cases![
        a_service_that_answers_passes,
        a_service_behind_a_translator_passes: [Nft],
        a_payload_of_ones_own_is_what_arrives,
        a_tftp_server_answers_from_another_port,
        a_port_that_is_closed_is_closed,
        a_closed_port_is_closed_however_often_it_is_asked,
        a_port_of_this_machine_that_is_closed_is_closed,
        a_service_on_another_address_of_this_machine_is_named,
        a_service_that_is_silent_can_t_be_told,
        a_silent_service_behind_routers_that_seldom_answer_can_t_be_told: [Nft],
        a_host_that_drops_the_port_can_t_be_told: [Nft],
        a_protocol_that_is_silent_by_design_is_no_black_hole: [Nft],
        a_host_that_rejects_otherwise_filters_the_port: [Nft],
        a_router_that_drops_the_port_is_named: [Nft],
        a_router_that_drops_everything_is_a_black_hole: [Nft],
        a_host_on_the_link_that_is_off_is_down,
        a_router_without_a_route_is_named,
        a_last_router_that_can_t_find_the_host_is_named,
        a_router_that_rejects_the_port_is_named: [Nft],
        two_routers_that_point_at_each_other_are_a_loop,
        a_machine_without_a_default_route_has_no_route,
        a_gateway_that_does_not_answer_is_named,
        a_rule_that_drops_what_goes_out_is_this_machines: [Nft],
        a_rule_that_rejects_what_goes_out_is_this_machines: [Nft],
        a_rule_that_drops_the_answers_is_this_machines: [Nft],
        a_router_that_loses_a_quarter_is_loss: [Nft],
        a_host_that_answers_some_is_intermittent: [Nft],
        a_source_port_that_is_taken_is_named,
    ]
}

/// The port of name servers.
const DNS: u16 = 53;
/// A port without a protocol of its own.
const PLAIN: u16 = 7777;

/// `nwcheck udp`.
fn udp(client: &Namespace, address: IpAddr, port: u16) -> Run {
    let target = SocketAddr::new(address, port).to_string();
    Run::nwcheck(client, ["udp".to_owned(), target])
}

/// `nwcheck udp` for a port of the server.
fn check(lab: &Lab, family: Family, port: u16) -> Run {
    udp(lab.client(), lab.server_address(family), port)
}

/// A service that answers.
fn answer(host: &Namespace, port: u16) -> Service {
    Service::udp(host, port, Udp::Echo)
}

fn a_service_that_answers_passes() {
    let lab = Lab::routers(2).build();
    let _service = answer(lab.server(), DNS);
    for family in Family::BOTH {
        let mut hops: Vec<_> = (1..=2).map(|k| Some(lab.hop(family, k))).collect();
        hops.push(Some(lab.server_address(family)));
        for run in [
            check(&lab, family, DNS),
            check(&lab, family, DNS).root(),
            check(&lab, family, DNS).arguments(["--source-port", "40000"]),
        ] {
            run.run()
                .passes()
                .passed(&hops)
                .says("/endpoints/0/probes/ok", 10)
                .says("/endpoints/0/path/protocol", "udp")
                .says(
                    "/options/payload/name",
                    "a DNS query for the root's name servers",
                );
        }
    }
}

fn a_service_behind_a_translator_passes() {
    let lab = Lab::routers(2).build();
    let _service = answer(lab.server(), DNS);
    lab.router(1).masquerades("right");
    for family in Family::BOTH {
        check(&lab, family, DNS).run().passes();
    }
}

fn a_payload_of_ones_own_is_what_arrives() {
    let lab = Lab::routers(1).build();
    let service = Service::udp(lab.server(), PLAIN, Udp::Echo);
    for (family, payload) in [(Family::V4, "hex:00ff"), (Family::V6, "hello")] {
        check(&lab, family, PLAIN)
            .arguments(["--payload", payload])
            .run()
            .passes();
    }
    assert!(service.served() >= 20);
}

fn a_tftp_server_answers_from_another_port() {
    let lab = Lab::routers(1).build();
    let listener = lab
        .server()
        .run(|| UdpSocket::bind((std::net::Ipv6Addr::UNSPECIFIED, 69)))
        .expect("the port of TFTP");
    listener
        .set_read_timeout(Some(Duration::from_secs(20)))
        .expect("a time-out");
    let server = lab.server().spawn(move || {
        let mut buffer = [0; 600];
        for _ in 0..20 {
            let Ok((_, peer)) = listener.recv_from(&mut buffer) else {
                return;
            };
            // RFC 1350 section 4: the answer comes from a port of its own.
            let Ok(other) = UdpSocket::bind((std::net::Ipv6Addr::UNSPECIFIED, 0)) else {
                return;
            };
            let _ = other.send_to(b"\0\x05\0\x01no such file\0", peer);
        }
    });
    for family in Family::BOTH {
        check(&lab, family, 69)
            .arguments(["--no-path"])
            .run()
            .passes();
    }
    drop(server);
}

fn a_port_that_is_closed_is_closed() {
    let lab = Lab::routers(2).build();
    let _service = answer(lab.server(), PLAIN);
    for family in Family::BOTH {
        // The second finds that the host has used up its errors on the first.
        for run in [check(&lab, family, DNS), check(&lab, family, DNS).root()] {
            run.run()
                .fails_by("udp-closed")
                .says("/status", "unreachable");
        }
        check(&lab, family, DNS)
            .arguments(["--expect", "closed"])
            .run()
            .exits(0);
        check(&lab, family, PLAIN).run().passes();
    }
}

/// Each check uses up what routers and host answer in a while; the next one is told the same.
fn a_closed_port_is_closed_however_often_it_is_asked() {
    let lab = Lab::routers(2).rate_limited().build();
    for family in Family::BOTH {
        for _ in 0..4 {
            check(&lab, family, DNS).run().fails_by("udp-closed");
        }
    }
}

fn a_port_of_this_machine_that_is_closed_is_closed() {
    let lab = Lab::routers(0).build();
    for family in Family::BOTH {
        udp(lab.client(), lab.client_address(family), DNS)
            .run()
            .fails_by("udp-closed");
    }
}

fn a_service_on_another_address_of_this_machine_is_named() {
    let lab = Lab::routers(0).build();
    let _service = lab
        .client()
        .run(|| UdpSocket::bind("127.0.0.1:7777"))
        .expect("a socket");
    let own = lab.client_address(Family::V4);
    udp(lab.client(), own, PLAIN)
        .run()
        .fails_by("local-listener-address")
        .mentions("local-listener-address", "127.0.0.1:7777");
}

fn a_service_that_is_silent_can_t_be_told() {
    let lab = Lab::routers(2).build();
    let _services = [
        Service::udp(lab.server(), DNS, Udp::Silent),
        answer(lab.server(), PLAIN),
    ];
    for family in Family::BOTH {
        let untold = check(&lab, family, DNS).run();
        untold
            .could_not_tell()
            .says("/status", "indeterminate")
            .says("/cause", "udp-no-answer")
            .mentions("udp-no-answer", "a DNS query");
        check(&lab, family, PLAIN).run().passes();
    }
}

fn a_silent_service_behind_routers_that_seldom_answer_can_t_be_told() {
    for family in Family::BOTH {
        let lab = Lab::routers(4).rate_limited().build();
        let _service = Service::udp(lab.server(), DNS, Udp::Silent);
        lab.router(2).silent();
        check(&lab, family, DNS)
            .run()
            .could_not_tell()
            .says("/cause", "udp-no-answer");
    }
}

fn a_host_that_drops_the_port_can_t_be_told() {
    let lab = Lab::routers(3).build();
    let _service = answer(lab.server(), DNS);
    lab.server().drops(Hook::Input, "udp dport 53");
    lab.client().allow_ping_sockets();
    for family in Family::BOTH {
        check(&lab, family, DNS)
            .run()
            .could_not_tell()
            .says("/cause", "udp-no-answer");
    }
}

fn a_protocol_that_is_silent_by_design_is_no_black_hole() {
    let lab = Lab::routers(2).build();
    let _service = Service::udp(lab.server(), 51820, Udp::Silent);
    lab.server().drops(
        Hook::Input,
        "meta l4proto { tcp, icmp } drop; udp dport != 51820",
    );
    let family = Family::V4;
    check(&lab, family, 51820)
        .run()
        .could_not_tell()
        .says("/cause", "udp-no-answer")
        .mentions("udp-no-answer", "WireGuard");
    check(&lab, family, DNS).run().fails_by("path-blackhole");
}

fn a_host_that_rejects_otherwise_filters_the_port() {
    let lab = Lab::routers(2).build();
    let _service = answer(lab.server(), DNS);
    lab.server()
        .rejects(Hook::Input, "udp dport 53", "admin-prohibited");
    for family in Family::BOTH {
        check(&lab, family, DNS).run().fails_by("port-filtered");
    }
}

fn a_router_that_drops_the_port_is_named() {
    let lab = Lab::routers(3).build();
    let _services = [answer(lab.server(), DNS), answer(lab.server(), PLAIN)];
    lab.router(2).drops(Hook::Forward, "udp dport 53");
    for family in Family::BOTH {
        check(&lab, family, DNS)
            .run()
            .fails_by("path-filtered")
            .blames("path-filtered", 2, lab.hop(family, 2));
        check(&lab, family, PLAIN).run().passes();
    }
}

fn a_router_that_drops_everything_is_a_black_hole() {
    let lab = Lab::routers(3).build();
    let _services = [answer(lab.server(), DNS), answer(lab.server(), PLAIN)];
    for family in Family::BOTH {
        let to_server = to_host(lab.server_address(family));
        lab.router(2).drops(Hook::Forward, &to_server);
        for port in [DNS, PLAIN] {
            check(&lab, family, port)
                .run()
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
        udp(lab.client(), absent, DNS).run().fails_by("host-down");
    }
}

fn a_router_without_a_route_is_named() {
    let lab = Lab::routers(3).build();
    for family in Family::BOTH {
        udp(lab.client(), elsewhere(family), DNS)
            .run()
            .fails_by("path-no-route")
            .blames("path-no-route", 3, lab.hop(family, 3));
    }
}

fn a_last_router_that_can_t_find_the_host_is_named() {
    let lab = Lab::routers(2).build();
    for family in Family::BOTH {
        udp(lab.client(), host(family, 2, 77), DNS)
            .run()
            .fails_by("path-host-unreachable")
            .blames("path-host-unreachable", 2, lab.hop(family, 2));
    }
}

fn a_router_that_rejects_the_port_is_named() {
    for code in ["admin-prohibited", "port-unreachable"] {
        let lab = Lab::routers(3).build();
        let _services = [answer(lab.server(), DNS), answer(lab.server(), PLAIN)];
        lab.router(2).rejects(Hook::Forward, "udp dport 53", code);
        for family in Family::BOTH {
            check(&lab, family, DNS)
                .run()
                .fails_by("path-prohibited")
                .blames("path-prohibited", 2, lab.hop(family, 2));
            check(&lab, family, PLAIN).run().passes();
        }
    }
}

fn two_routers_that_point_at_each_other_are_a_loop() {
    let lab = Lab::routers(3).build();
    for family in Family::BOTH {
        lab.router(3)
            .add_route(&Route::to(elsewhere_prefix(family)).via(host(family, 2, 1)));
        udp(lab.client(), elsewhere(family), DNS)
            .run()
            .fails_by("path-loop");
    }
}

fn a_machine_without_a_default_route_has_no_route() {
    for family in Family::BOTH {
        let lab = Lab::routers(2).build();
        let _service = answer(lab.router(1), DNS);
        lab.client()
            .delete_route(&Route::to(default(family)).via(lab.hop(family, 1)));
        check(&lab, family, DNS).run().fails_by("local-no-route");
        udp(lab.client(), lab.hop(family, 1), DNS).run().passes();
    }
}

fn a_gateway_that_does_not_answer_is_named() {
    for family in Family::BOTH {
        let lab = Lab::routers(1).build();
        lab.client()
            .replace_route(&Route::to(default(family)).via(host(family, 0, 77)));
        check(&lab, family, DNS)
            .run()
            .fails_by("local-neighbour-unresolved");
    }
}

fn a_rule_that_drops_what_goes_out_is_this_machines() {
    let lab = Lab::routers(1).build();
    let _service = answer(lab.server(), DNS);
    lab.client().drops(Hook::Output, "udp dport 53");
    for family in Family::BOTH {
        for run in [check(&lab, family, DNS), check(&lab, family, DNS).root()] {
            run.run().fails_by("local-firewall");
        }
    }
}

fn a_rule_that_rejects_what_goes_out_is_this_machines() {
    let lab = Lab::routers(1).build();
    let _service = answer(lab.server(), DNS);
    lab.client()
        .rejects(Hook::Output, "udp dport 53", "port-unreachable");
    for family in Family::BOTH {
        check(&lab, family, DNS).run().fails_by("local-firewall");
    }
}

fn a_rule_that_drops_the_answers_is_this_machines() {
    let lab = Lab::routers(1).build();
    let _service = answer(lab.server(), DNS);
    lab.client().drops(Hook::Input, "udp sport 53");
    for family in Family::BOTH {
        check(&lab, family, DNS).run().fails_by("local-firewall");
    }
}

fn a_router_that_loses_a_quarter_is_loss() {
    let lab = Lab::routers(2).build();
    let _service = answer(lab.server(), DNS);
    for family in Family::BOTH {
        let to_server = to_host(lab.server_address(family));
        lab.router(2).loses(Hook::Forward, &to_server, 25);
        check(&lab, family, DNS)
            .arguments(["-c", "40"])
            .run()
            .warns_by("path-loss")
            .says("/status", "degraded");
    }
}

fn a_host_that_answers_some_is_intermittent() {
    let lab = Lab::routers(1).build();
    let _service = answer(lab.server(), DNS);
    lab.server().loses_first(Hook::Input, "udp dport 53", 1, 4);
    for family in Family::BOTH {
        check(&lab, family, DNS)
            .run()
            .warns_by("destination-intermittent")
            .says("/status", "degraded");
    }
}

fn a_source_port_that_is_taken_is_named() {
    let lab = Lab::routers(1).build();
    let _service = answer(lab.server(), DNS);
    let _holder = lab
        .client()
        .run(|| UdpSocket::bind((address("10.0.0.1"), 40_000)))
        .expect("a socket");
    check(&lab, Family::V4, DNS)
        .arguments(["--source-port", "40000"])
        .run()
        .fails_by("local-port-in-use");
}
