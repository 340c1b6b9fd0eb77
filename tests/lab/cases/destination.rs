//! The host and its port.

use std::time::Duration;

use super::{NOBODY, OTHER_PORT, PORT, check, check_name, check_port, name, serve, tcp};
use crate::{
    case::{Case, cases},
    firewall::Hook,
    net::Family,
    topology::{Lab, host},
};

pub(super) fn cases() -> Vec<Case> {
    cases![
        a_port_that_nobody_listens_on_is_closed,
        a_host_that_drops_the_port_filters_it: [Nft],
        a_host_that_rejects_the_port_filters_it: [Nft],
        a_host_on_the_link_that_is_off_is_down,
        a_host_that_refuses_most_is_intermittent: [Nft],
        a_host_that_refuses_some_is_intermittent: [Nft],
        a_host_that_drops_every_other_attempt_is_intermittent: [Nft],
        one_of_two_addresses_that_fails_is_partial: [Nft],
        a_name_whose_ipv6_address_fails_is_broken_there: [Nft],
        a_name_whose_ipv4_address_fails_is_broken_there: [Nft],
        a_name_whose_addresses_all_fail_for_one_reason_has_that_cause,
    ]
}

/// A new attempt to open a connection to the port.
const SYN: &str = "tcp dport 443 tcp flags & (syn | ack) == syn";

fn a_port_that_nobody_listens_on_is_closed() {
    for routers in [0, 1, 3] {
        let lab = Lab::routers(routers).build();
        let _service = serve(lab.server(), OTHER_PORT);
        for family in Family::BOTH {
            check(&lab, family)
                .run()
                .fails_by("port-closed")
                .says("/status", "unreachable")
                .within(Duration::from_secs(5));
            check_port(&lab, family, OTHER_PORT).run().passes();
        }
    }
}

fn a_host_that_drops_the_port_filters_it() {
    let lab = Lab::routers(3).build();
    let _services = [PORT, OTHER_PORT].map(|port| serve(lab.server(), port));
    lab.server().drops(Hook::Input, "tcp dport 443");
    for family in Family::BOTH {
        check(&lab, family)
            .run()
            .fails_by("port-filtered")
            .within(Duration::from_secs(9));
        check_port(&lab, family, OTHER_PORT).run().passes();
    }
}

fn a_host_that_rejects_the_port_filters_it() {
    for code in ["port-unreachable", "admin-prohibited"] {
        let lab = Lab::routers(2).build();
        let _service = serve(lab.server(), PORT);
        lab.server().rejects(Hook::Input, "tcp dport 443", code);
        for family in Family::BOTH {
            check(&lab, family).run().fails_by("port-filtered");
        }
    }
}

fn a_host_on_the_link_that_is_off_is_down() {
    let lab = Lab::routers(0).build();
    lab.client().allow_ping_sockets();
    let _service = serve(lab.server(), PORT);
    for family in Family::BOTH {
        let absent = host(family, 0, 77);
        lab.client().permanent_neighbour("eth0", absent, &NOBODY);
        tcp(lab.client(), absent, PORT).run().fails_by("host-down");
        check(&lab, family).run().passes();
    }
}

fn a_host_that_refuses_most_is_intermittent() {
    let lab = Lab::routers(1).build();
    let _services = [PORT, OTHER_PORT].map(|port| serve(lab.server(), port));
    lab.server()
        .resets(Hook::Input, &format!("{SYN} numgen inc mod 4 < 3"));
    for family in Family::BOTH {
        check(&lab, family)
            .run()
            .fails_by("destination-intermittent")
            .says("/status", "degraded");
        check_port(&lab, family, OTHER_PORT).run().passes();
    }
}

fn a_host_that_refuses_some_is_intermittent() {
    let lab = Lab::routers(1).build();
    let _service = serve(lab.server(), PORT);
    lab.server()
        .resets(Hook::Input, &format!("{SYN} numgen inc mod 4 < 1"));
    for family in Family::BOTH {
        check(&lab, family)
            .run()
            .warns_by("destination-intermittent")
            .says("/status", "degraded");
    }
}

fn a_host_that_drops_every_other_attempt_is_intermittent() {
    let lab = Lab::routers(1).build();
    let _service = serve(lab.server(), PORT);
    lab.server().loses_first(Hook::Input, SYN, 1, 2);
    for family in Family::BOTH {
        check(&lab, family)
            .run()
            .warns_by("destination-intermittent")
            .says("/status", "degraded");
    }
}

fn one_of_two_addresses_that_fails_is_partial() {
    for (family, bits) in [(Family::V4, 24), (Family::V6, 64)] {
        let lab = Lab::routers(1).build();
        let _service = serve(lab.server(), PORT);
        let second = host(family, 1, 3);
        lab.server()
            .add_address("eth0", &format!("{second}/{bits}"));
        let server = name(&lab, &[lab.server_address(family), second]);
        let named = || check_name(&lab, &server);
        named().run().passes();
        let matches = format!("{} tcp dport 443", super::to_host(second));
        lab.server().resets(Hook::Input, &matches);
        named()
            .run()
            .warns_by("destination-address-partial")
            .mentions("destination-address-partial", &second.to_string())
            .says("/status", "degraded");
    }
}

fn a_name_whose_ipv6_address_fails_is_broken_there() {
    a_family_fails(Family::V6, "destination-ipv6-broken");
}

fn a_name_whose_ipv4_address_fails_is_broken_there() {
    a_family_fails(Family::V4, "destination-ipv4-broken");
}

fn a_family_fails(family: Family, id: &str) {
    let lab = Lab::routers(2).build();
    lab.client().allow_ping_sockets();
    let _service = serve(lab.server(), PORT);
    let server = name(&lab, &Family::BOTH.map(|family| lab.server_address(family)));
    let named = || check_name(&lab, &server);
    named().run().passes();
    let broken = super::to_host(lab.server_address(family));
    lab.router(1).drops(Hook::Forward, &broken);
    named().run().warns_by(id).says("/status", "degraded");
}

fn a_name_whose_addresses_all_fail_for_one_reason_has_that_cause() {
    let lab = Lab::routers(1).build();
    let server = name(&lab, &Family::BOTH.map(|family| lab.server_address(family)));
    check_name(&lab, &server)
        .run()
        .fails_by("port-closed")
        .says("/status", "unreachable");
}
