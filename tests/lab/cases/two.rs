//! Two faults at once: the earlier one is the cause, and what lies behind it is said to be unseen.

use super::{check, check_name, name, serve};
use crate::{
    case::{Case, cases},
    firewall::Hook,
    nameserver::{NameServer, Zone},
    net::{Family, Route},
    outcome::Outcome,
    run::Run,
    topology::Lab,
};

pub(super) fn cases() -> Vec<Case> {
    cases![
        a_wrong_name_server_comes_before_a_blocked_port: [Nft],
        a_dead_name_server_beside_a_good_one_and_a_blocked_port: [Nft],
        a_local_drop_comes_before_a_closed_port: [Nft],
        a_local_rule_against_dns_comes_before_a_closed_port: [Nft],
        no_route_comes_before_a_dead_name_server,
        a_rejection_on_the_way_comes_before_a_closed_port: [Nft],
        a_drop_on_the_way_comes_before_a_drop_at_the_host: [Nft],
        a_name_that_does_not_exist_comes_before_a_missing_route,
    ]
}

/// The cause says that what was asked for was not seen.
#[track_caller]
fn unseen(outcome: &Outcome, id: &str) {
    outcome.fails_by(id);
    outcome.mentions(id, "was not seen");
}

fn a_wrong_name_server_comes_before_a_blocked_port() {
    let lab = Lab::routers(2).build();
    lab.router(1).drops(Hook::Forward, "tcp dport 443");
    // A host that is there and has no name service.
    let wrong = lab.name_server_address(Family::V4, 0);
    lab.name_servers().drops(Hook::Input, "udp dport 53");
    lab.name_servers().drops(Hook::Input, "tcp dport 53");
    let asked = Run::nwcheck(lab.client(), ["tcp", "shop.test:443"])
        .name_servers(&[wrong])
        .run();
    unseen(&asked, "dns-timeout");
}

fn a_dead_name_server_beside_a_good_one_and_a_blocked_port() {
    let lab = Lab::routers(2).build();
    let _service = serve(lab.server(), 80);
    lab.server().drops(Hook::Input, "tcp dport 443");
    let dead = lab.name_server_address(Family::V4, 1);
    let good = lab.name_server_address(Family::V4, 0);
    lab.name_servers().drops(
        Hook::Input,
        &format!("{} udp dport 53", super::to_host(dead)),
    );
    let zone = Zone::new().address("shop.test", lab.server_address(Family::V4));
    let _server = NameServer::start(lab.name_servers(), good, zone);
    let asked = Run::nwcheck(lab.client(), ["tcp", "shop.test:443", "--control", "80"])
        .name_servers(&[dead, good])
        .run();
    asked.fails_by("port-filtered");
    assert_eq!(asked.findings("warning"), ["dns-server-down"], "{asked}");
}

fn a_local_drop_comes_before_a_closed_port() {
    let lab = Lab::routers(2).build();
    for family in Family::BOTH {
        let rule = lab.client().drops(Hook::Output, "tcp dport 443");
        unseen(&check(&lab, family).run(), "local-firewall");
        unseen(&check(&lab, family).root().run(), "local-firewall");
        lab.client().delete_table(&rule);
        check(&lab, family).run().fails_by("port-closed");
    }
}

fn a_local_rule_against_dns_comes_before_a_closed_port() {
    let lab = Lab::routers(1).build();
    let server = name(&lab, &[lab.server_address(Family::V4)]);
    for protocol in ["udp", "tcp"] {
        let matches = format!("{protocol} dport 53");
        lab.client().drops(Hook::Output, &matches);
    }
    unseen(&check_name(&lab, &server).run(), "local-firewall");
}

fn no_route_comes_before_a_dead_name_server() {
    let lab = Lab::routers(1).build();
    let server = lab.name_server_address(Family::V4, 0);
    lab.client()
        .add_route(&Route::unreachable(format!("{server}/32")));
    let asked = Run::nwcheck(lab.client(), ["tcp", "shop.test:443"])
        .name_servers(&[server])
        .run();
    unseen(&asked, "local-no-route");
}

fn a_rejection_on_the_way_comes_before_a_closed_port() {
    let lab = Lab::routers(3).build();
    lab.router(2)
        .rejects(Hook::Forward, "tcp dport 443", "admin-prohibited");
    for family in Family::BOTH {
        let failed = check(&lab, family).run();
        unseen(&failed, "path-prohibited");
        failed.blames("path-prohibited", 2, lab.hop(family, 2));
    }
}

fn a_drop_on_the_way_comes_before_a_drop_at_the_host() {
    let lab = Lab::routers(3).build();
    let _service = serve(lab.server(), 80);
    lab.router(2).drops(Hook::Forward, "tcp dport 443");
    lab.server().drops(Hook::Input, "tcp dport 443");
    for family in Family::BOTH {
        let failed = check(&lab, family).arguments(["--control", "80"]).run();
        unseen(&failed, "path-filtered");
        failed.blames("path-filtered", 2, lab.hop(family, 2));
    }
}

fn a_name_that_does_not_exist_comes_before_a_missing_route() {
    let lab = Lab::routers(1).build();
    let server = NameServer::start(
        lab.name_servers(),
        lab.name_server_address(Family::V4, 0),
        Zone::new().address("other.test", lab.server_address(Family::V4)),
    );
    let unreachable = format!("{}/32", lab.server_address(Family::V4));
    lab.client().add_route(&Route::unreachable(&unreachable));
    unseen(&check_name(&lab, &server).run(), "dns-nxdomain");
}
