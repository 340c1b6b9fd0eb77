//! This machine's routes, interfaces, neighbours and firewall.

use std::io::Read as _;
use std::time::Duration;

use super::{
    OTHER_PORT, PORT, address, check, check_port, elsewhere, elsewhere_prefix, serve, tcp,
};
use crate::{
    case::{Case, cases},
    firewall::Hook,
    net::{Family, Namespace, Route, Rule, veth},
    outcome::Outcome,
    topology::{Lab, default, host},
};

pub(super) fn cases() -> Vec<Case> {
    cases![
        a_machine_without_a_default_route_has_no_route,
        a_route_that_refuses_is_quoted,
        a_throw_route_falls_through,
        a_throw_route_in_the_last_table_is_no_route,
        a_refusal_in_another_table_is_quoted_with_the_table,
        a_rule_that_refuses_is_no_route,
        an_interface_that_is_down_is_named,
        an_interface_without_carrier_is_named,
        an_interface_that_has_nothing_to_do_with_it_may_be_down,
        a_gateway_that_does_not_answer_is_named,
        a_host_on_the_link_that_does_not_answer_is_named,
        a_rule_that_rejects_what_goes_out_is_this_machines: [Nft],
        a_rule_that_resets_what_goes_out_is_this_machines: [Nft],
        a_rule_that_drops_what_goes_out_is_this_machines: [Nft],
        a_rule_that_drops_the_answers_is_this_machines: [Nft],
        answers_that_the_reverse_path_filter_drops_are_this_machines,
        an_interface_whose_queue_overflows_loses_packets: [Tun],
        the_wrong_one_of_two_interfaces_on_one_network_is_named,
        a_source_address_that_nobody_has_a_route_to_is_named,
    ]
}

fn a_machine_without_a_default_route_has_no_route() {
    for family in Family::BOTH {
        let lab = Lab::routers(2).build();
        let _service = serve(lab.server(), PORT);
        let _near = serve(lab.router(1), PORT);
        lab.client()
            .delete_route(&Route::to(default(family)).via(lab.hop(family, 1)));
        let failed = check(&lab, family).run();
        failed
            .fails_by("local-no-route")
            .says("/status", "unreachable")
            .within(Duration::from_secs(3));
        tcp(lab.client(), lab.hop(family, 1), PORT).run().passes();
    }
}

fn an_interface_whose_queue_overflows_loses_packets() {
    let client = Namespace::new("client");
    // Nobody takes what is sent, and the queue holds 500 packets.
    let unread = client.tun("tun0");
    for (family, bits) in [(Family::V4, 24), (Family::V6, 64)] {
        client.add_address("tun0", &format!("{}/{bits}", host(family, 0, 1)));
        let to = host(family, 0, 2);
        // As long as there is room, it loses nothing.
        let before = tcp(&client, to, PORT).run();
        assert_eq!(before.findings("warning"), [""; 0], "{before}");
        client.run(|| {
            let socket = std::net::UdpSocket::bind((host(family, 0, 1), 0)).expect("a socket");
            for _ in 0..700 {
                let _ = socket.send_to(b"full", (to, 9));
            }
        });
        let after = tcp(&client, to, PORT).run();
        let finding = after.finding("local-interface-errors");
        let title = finding["title"].as_str().unwrap_or_default();
        assert!(
            title.contains("tun0") && title.contains("dropped on the way out"),
            "{after}"
        );
        // Room again.
        let mut packet = [0; 2000];
        let mut taken = 0;
        while taken < 500 && (&unread).read(&mut packet).is_ok() {
            taken += 1;
        }
    }
}

fn the_wrong_one_of_two_interfaces_on_one_network_is_named() {
    let [client, server, switch] = ["client", "server", "switch"].map(Namespace::new);
    switch.add_bridge("br0");
    switch.set_up("br0");
    for (of, name, port) in [
        (&client, "eth0", "p0"),
        (&client, "eth1", "p1"),
        (&server, "eth0", "p2"),
    ] {
        veth((of, name), (&switch, port));
    }
    for port in ["p1", "p2"] {
        switch.enslave(port, "br0");
    }
    for (family, bits) in [(Family::V4, 24), (Family::V6, 64)] {
        // The kernel takes the first of two routes that are the same.
        client.add_address("eth0", &format!("{}/{bits}", host(family, 0, 1)));
        client.add_address("eth1", &format!("{}/{bits}", host(family, 0, 3)));
        server.add_address("eth0", &format!("{}/{bits}", host(family, 0, 2)));
    }
    client.wait_for_carrier(&["eth0", "eth1"]);
    server.wait_for_carrier(&["eth0"]);
    switch.wait_for_carrier(&["p0", "p1", "p2"]);
    let _service = serve(&server, PORT);
    for family in Family::BOTH {
        let to = host(family, 0, 2);
        let failed = tcp(&client, to, PORT).run();
        failed
            .fails_by("local-neighbour-unresolved")
            .mentions("local-multihomed", "eth1 works");
        assert_eq!(failed.findings("warning"), ["local-multihomed"], "{failed}");
    }
    // Wired to the same switch, both are well, and nothing is said of them.
    switch.enslave("p0", "br0");
    for family in Family::BOTH {
        let to = host(family, 0, 2);
        let works = tcp(&client, to, PORT).run();
        works.passes();
        assert_eq!(works.findings("info"), [""; 0], "{works}");
        // A closed port is nothing but that.
        let closed = tcp(&client, to, OTHER_PORT).run();
        closed.fails_by("port-closed");
        assert_eq!(closed.findings("warning"), [""; 0], "{closed}");
    }
}

fn a_source_address_that_nobody_has_a_route_to_is_named() {
    let lab = Lab::routers(2).build();
    let _service = serve(lab.server(), PORT);
    for (family, own, bits) in [(Family::V4, "10.99.0.1", 32), (Family::V6, "fd99::1", 128)] {
        let own = address(own);
        lab.client().add_address("lo", &format!("{own}/{bits}"));
        let run = || check(&lab, family).arguments(["--source", &own.to_string()]);
        let failed = run().run();
        let finding = failed.exits(1).finding("local-multihomed");
        assert_eq!(finding["severity"], "warning", "{failed}");
        failed.mentions("local-multihomed", &lab.client_address(family).to_string());
        // What is known on the way back is as good as any other address.
        for k in 1..=2 {
            let back = Route::to(format!("{own}/{bits}")).via(host(family, k - 1, 1));
            lab.router(k).add_route(&back);
        }
        let works = run().run();
        works.passes();
        assert_eq!(works.findings("info"), [""; 0], "{works}");
    }
}

fn a_route_that_refuses_is_quoted() {
    let lab = Lab::routers(1).build();
    let _service = serve(lab.server(), PORT);
    for family in Family::BOTH {
        for make in [Route::unreachable, Route::prohibit, Route::blackhole] {
            let route = make(elsewhere_prefix(family));
            lab.client().add_route(&route);
            tcp(lab.client(), elsewhere(family), PORT)
                .run()
                .fails_by("local-no-route")
                .mentions("local-no-route", elsewhere_prefix(family));
            lab.client().delete_route(&route);
        }
        check(&lab, family).run().passes();
    }
}

fn a_throw_route_falls_through() {
    let lab = Lab::routers(1).build();
    let _service = serve(lab.server(), PORT);
    for family in Family::BOTH {
        let client = lab.client();
        client.add_route(&Route::throw(default(family)).table(7));
        client.add_rule(&Rule::from(100, default(family)).table(7));
        check(&lab, family).run().passes();
    }
}

fn a_throw_route_in_the_last_table_is_no_route() {
    let lab = Lab::routers(1).build();
    let _service = serve(lab.server(), PORT);
    for family in Family::BOTH {
        lab.client()
            .add_route(&Route::throw(elsewhere_prefix(family)));
        tcp(lab.client(), elsewhere(family), PORT)
            .run()
            .fails_by("local-no-route");
        check(&lab, family).run().passes();
    }
}

fn a_refusal_in_another_table_is_quoted_with_the_table() {
    let lab = Lab::routers(1).build();
    let _service = serve(lab.server(), PORT);
    for family in Family::BOTH {
        let client = lab.client();
        client.add_route(&Route::prohibit(default(family)).table(77));
        let rule = Rule::from(100, default(family))
            .to(elsewhere_prefix(family))
            .table(77);
        client.add_rule(&rule);
        tcp(client, elsewhere(family), PORT)
            .run()
            .fails_by("local-no-route")
            .mentions("local-no-route", "77");
        check(&lab, family).run().passes();
    }
}

fn a_rule_that_refuses_is_no_route() {
    let lab = Lab::routers(1).build();
    let _service = serve(lab.server(), PORT);
    for family in Family::BOTH {
        for make in [Rule::unreachable, Rule::prohibit, Rule::blackhole] {
            let rule = make(Rule::from(100, default(family)).to(elsewhere_prefix(family)));
            lab.client().add_rule(&rule);
            tcp(lab.client(), elsewhere(family), PORT)
                .run()
                .fails_by("local-no-route");
            lab.client().delete_rule(&rule);
        }
        check(&lab, family).run().passes();
    }
}

fn an_interface_that_is_down_is_named() {
    let lab = Lab::routers(2).build();
    lab.client().set_down("eth0");
    tcp(lab.client(), lab.hop(Family::V4, 1), PORT)
        .run()
        .fails_by("local-interface-down")
        .mentions("local-interface-down", "eth0");
}

fn an_interface_without_carrier_is_named() {
    let lab = Lab::routers(1).build();
    lab.router(1).set_down("left");
    for family in Family::BOTH {
        check(&lab, family)
            .run()
            .fails_by("local-interface-down")
            .mentions("local-interface-down", "eth0");
    }
}

fn an_interface_that_has_nothing_to_do_with_it_may_be_down() {
    let lab = Lab::routers(1).build();
    let _service = serve(lab.server(), PORT);
    let other = Namespace::new("other");
    veth((lab.client(), "eth1"), (&other, "eth0"));
    lab.client().add_address("eth1", "10.77.0.1/24");
    lab.client().set_down("eth1");
    for family in Family::BOTH {
        check(&lab, family).run().passes();
    }
}

fn a_gateway_that_does_not_answer_is_named() {
    let lab = Lab::routers(1).build();
    let _near = serve(lab.router(1), PORT);
    for family in Family::BOTH {
        let gateway = host(family, 0, 99);
        lab.client()
            .replace_route(&Route::to(default(family)).via(gateway));
        check(&lab, family)
            .run()
            .fails_by("local-neighbour-unresolved")
            .mentions("local-neighbour-unresolved", &gateway.to_string())
            .mentions("local-neighbour-unresolved", "gateway")
            .within(Duration::from_secs(12));
        tcp(lab.client(), lab.hop(family, 1), PORT).run().passes();
    }
}

fn a_host_on_the_link_that_does_not_answer_is_named() {
    let lab = Lab::routers(0).build();
    let _service = serve(lab.server(), PORT);
    for family in Family::BOTH {
        let absent = host(family, 0, 99);
        tcp(lab.client(), absent, PORT)
            .run()
            .fails_by("local-neighbour-unresolved")
            .mentions("local-neighbour-unresolved", &absent.to_string());
        check(&lab, family).run().passes();
    }
}

fn a_rule_that_rejects_what_goes_out_is_this_machines() {
    for code in ["port-unreachable", "admin-prohibited"] {
        let lab = Lab::routers(1).build();
        let _services = [PORT, OTHER_PORT].map(|port| serve(lab.server(), port));
        lab.client().rejects(Hook::Output, "tcp dport 443", code);
        for family in Family::BOTH {
            check(&lab, family).run().fails_by("local-firewall");
            check_port(&lab, family, OTHER_PORT).run().passes();
        }
    }
}

fn a_rule_that_resets_what_goes_out_is_this_machines() {
    let lab = Lab::routers(1).build();
    let _service = serve(lab.server(), PORT);
    lab.client().resets(Hook::Output, "tcp dport 443");
    check(&lab, Family::V4).run().fails_by("local-firewall");
}

fn a_rule_that_drops_what_goes_out_is_this_machines() {
    let lab = Lab::routers(1).build();
    let _service = serve(lab.server(), PORT);
    lab.client().drops(Hook::Output, "tcp dport 443");
    assert_suspects_this_machine(&check(&lab, Family::V4).run());
}

fn a_rule_that_drops_the_answers_is_this_machines() {
    let lab = Lab::routers(1).build();
    let _service = serve(lab.server(), PORT);
    lab.client().drops(Hook::Input, "tcp sport 443");
    assert_suspects_this_machine(&check(&lab, Family::V4).run());
}

fn answers_that_the_reverse_path_filter_drops_are_this_machines() {
    let lab = Lab::routers(2).build();
    let _service = serve(lab.server(), PORT);
    let (client, router) = (lab.client(), lab.router(1));
    veth((client, "eth1"), (router, "other"));
    client.add_address("eth1", "10.0.77.1/24");
    router.add_address("other", "10.0.77.2/24");
    client.wait_for_carrier(&["eth1"]);
    router.wait_for_carrier(&["other"]);
    // Answers come in by another interface than the one that leads to their sender.
    let back = Route::to(lab.client_address(Family::V4)).via(host(Family::V4, 77, 1));
    router.add_route(&back);
    check(&lab, Family::V4).run().passes();
    client.sysctl("net/ipv4/conf/eth1/rp_filter", 1);
    check(&lab, Family::V4)
        .run()
        .fails_by("local-route-asymmetric-filter");
}

/// Either the kernel's counters prove it, or the finding that stands says that this machine is not ruled out.
#[track_caller]
fn assert_suspects_this_machine(failed: &Outcome) {
    let cause = failed.exits(1).cause().unwrap_or_default();
    let finding = failed.fails_by(&cause).finding(&cause).to_string();
    let said = finding.contains("This machine's own firewall is not ruled out");
    assert!(cause == "local-firewall" || said, "{failed}");
}
