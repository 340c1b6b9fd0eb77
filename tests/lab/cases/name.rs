//! Names: what resolution says, server by server.

use std::{net::IpAddr, time::Duration};

use hickory_resolver::proto::{op::ResponseCode, rr::RecordType};

use super::{PORT, serve};
use crate::{
    case::{Case, cases},
    nameserver::{Manner, NameServer, Transport, Zone},
    net::Family,
    outcome::Outcome,
    run::Run,
    topology::Lab,
};

pub(super) fn cases() -> Vec<Case> {
    cases![
        a_name_that_resolves_passes,
        a_name_that_does_not_exist_is_nxdomain,
        a_name_without_an_address_has_none,
        a_server_that_fails_is_servfail,
        a_server_that_refuses_is_refused,
        a_server_that_is_silent_is_a_timeout,
        a_server_where_nobody_listens_is_a_timeout,
        no_server_at_all_is_said,
        a_name_of_the_hosts_file_needs_no_server,
        aliases_that_lead_back_are_a_loop,
        one_server_of_two_that_is_silent_is_a_warning,
        one_server_of_two_that_fails_is_a_warning,
        one_server_of_two_where_nobody_listens_is_a_warning,
        a_slow_server_that_answers_is_fine,
        a_name_of_the_search_list_is_found,
        an_answer_that_needs_a_connection_is_fetched,
        an_answer_whose_signatures_do_not_verify_is_bogus,
        two_servers_that_contradict_each_other_are_said,
        a_private_and_a_public_view_are_said,
        differing_public_addresses_are_fine,
        a_hosts_file_that_overrides_dns_is_said,
        a_type_that_is_never_answered_is_said,
        a_slow_resolution_is_said,
        a_name_alone_is_resolved_and_nothing_sent_to_it,
        two_views_are_one_sentence_and_so_is_a_dead_first_server,
        a_zone_that_answers_every_name_is_remarked,
        a_server_without_tcp_is_remarked,
    ]
}

const NAME: &str = "shop.test";

fn a_name_that_resolves_passes() {
    let lab = Lab::routers(1).build();
    let _service = serve(lab.server(), PORT);
    for family in Family::BOTH {
        let server = start(&lab, family, 0, zone(&lab));
        ask(&lab, &[server.address()]).passes();
    }
}

fn a_name_that_does_not_exist_is_nxdomain() {
    fails(Zone::new(), "dns-nxdomain");
}

fn a_name_without_an_address_has_none() {
    fails(Zone::new().empty(NAME), "dns-no-address");
    let lab = Lab::routers(1).build();
    let _service = serve(lab.server(), PORT);
    let v4_alone = Zone::new().address(NAME, lab.server_address(Family::V4));
    let server = start(&lab, Family::V4, 0, v4_alone);
    run(&lab, ["tcp", "shop.test:443", "-6"], &[server.address()])
        .run()
        .fails_by("dns-no-address");
    run(&lab, ["tcp", "shop.test:443", "-4"], &[server.address()])
        .run()
        .passes();
}

fn a_server_that_fails_is_servfail() {
    let failing = Manner::Code(ResponseCode::ServFail);
    fails(Zone::new().always(failing), "dns-servfail");
}

fn a_server_that_refuses_is_refused() {
    let refusing = Manner::Code(ResponseCode::Refused);
    fails(Zone::new().always(refusing), "dns-refused");
}

fn a_server_that_is_silent_is_a_timeout() {
    fails(Zone::new().always(Manner::Silent), "dns-timeout");
}

fn a_server_where_nobody_listens_is_a_timeout() {
    let lab = Lab::routers(1).build();
    let nobody = lab.name_server_address(Family::V4, 0);
    ask(&lab, &[nobody]).fails_by("dns-timeout");
}

fn no_server_at_all_is_said() {
    let lab = Lab::routers(1).build();
    ask(&lab, &[]).fails_by("dns-no-servers");
}

fn a_name_of_the_hosts_file_needs_no_server() {
    let lab = Lab::routers(1).build();
    let _service = serve(lab.server(), PORT);
    for family in Family::BOTH {
        let hosts = format!("{} {NAME}\n", lab.server_address(family));
        run(&lab, ["tcp", "shop.test:443"], &[])
            .file("hosts", &hosts)
            .run()
            .passes();
    }
}

fn aliases_that_lead_back_are_a_loop() {
    let zone = Zone::new()
        .alias(NAME, "other.test")
        .alias("other.test", NAME);
    fails(zone, "dns-alias-loop");
}

fn one_server_of_two_that_is_silent_is_a_warning() {
    warns(Manner::Silent);
}

fn one_server_of_two_that_fails_is_a_warning() {
    warns(Manner::Code(ResponseCode::ServFail));
}

fn one_server_of_two_where_nobody_listens_is_a_warning() {
    let lab = Lab::routers(1).build();
    let _service = serve(lab.server(), PORT);
    let nobody = lab.name_server_address(Family::V4, 0);
    let second = start(&lab, Family::V4, 1, zone(&lab));
    ask(&lab, &[nobody, second.address()])
        .warns_by("dns-server-down")
        .mentions("dns-server-down", &nobody.to_string());
}

fn a_name_of_the_search_list_is_found() {
    let lab = Lab::routers(1).build();
    let _service = serve(lab.server(), PORT);
    let server = start(&lab, Family::V4, 0, zone(&lab));
    let file = format!("search none.test test\nnameserver {}\n", server.address());
    Run::nwcheck(lab.client(), ["tcp", "shop:443"])
        .file("resolv.conf", &file)
        .run()
        .passes();
}

fn an_answer_that_needs_a_connection_is_fetched() {
    let lab = Lab::routers(1).build();
    let _service = serve(lab.server(), PORT);
    let server = start(&lab, Family::V4, 0, zone(&lab).always(Manner::Truncated));
    ask(&lab, &[server.address()]).passes();
}

fn a_slow_server_that_answers_is_fine() {
    let lab = Lab::routers(1).build();
    let _service = serve(lab.server(), PORT);
    let slow = zone(&lab).always(Manner::Late(Duration::from_millis(300)));
    let first = start(&lab, Family::V4, 0, slow);
    let second = start(&lab, Family::V4, 1, zone(&lab));
    ask(&lab, &[first.address(), second.address()]).passes();
}

fn an_answer_whose_signatures_do_not_verify_is_bogus() {
    let lab = Lab::routers(1).build();
    let _service = serve(lab.server(), PORT);
    let server = start(&lab, Family::V4, 0, zone(&lab).always(Manner::Bogus));
    ask(&lab, &[server.address()]).fails_by("dns-dnssec-bogus");
    let command = ["dns", NAME];
    run(&lab, command, &[server.address()])
        .run()
        .fails_by("dns-dnssec-bogus")
        .says("/status", "unreachable");
}

fn two_servers_that_contradict_each_other_are_said() {
    let lab = Lab::routers(1).build();
    let _service = serve(lab.server(), PORT);
    let having = start(&lab, Family::V4, 0, zone(&lab));
    let denying = start(&lab, Family::V4, 1, Zone::new());
    run(&lab, ["dns", NAME], &[having.address(), denying.address()])
        .run()
        .warns_by("dns-inconsistent")
        .mentions("dns-inconsistent", &denying.address().to_string());
    // The first that answers decides.
    run(&lab, ["dns", NAME], &[denying.address(), having.address()])
        .run()
        .fails_by("dns-nxdomain")
        .mentions("dns-inconsistent", &denying.address().to_string());
}

fn a_private_and_a_public_view_are_said() {
    views([10, 0, 9, 9], [198, 51, 100, 7]).warns_by("dns-inconsistent");
}

fn differing_public_addresses_are_fine() {
    views([203, 0, 113, 9], [198, 51, 100, 7]).passes();
}

/// Two servers give an address each for one name, which is resolved alone.
fn views(first: [u8; 4], second: [u8; 4]) -> Outcome {
    let lab = Lab::routers(1).build();
    let [first, second] = [(0, first), (1, second)].map(|(number, address)| {
        let zone = Zone::new().address(NAME, address.into());
        start(&lab, Family::V4, number, zone)
    });
    run(&lab, ["dns", NAME], &[first.address(), second.address()]).run()
}

fn a_hosts_file_that_overrides_dns_is_said() {
    let lab = Lab::routers(1).build();
    let server = start(&lab, Family::V4, 0, zone(&lab));
    for (address, overridden) in [
        (IpAddr::from([10, 9, 9, 9]), true),
        (lab.server_address(Family::V4), false),
    ] {
        let outcome = run(&lab, ["dns", NAME], &[server.address()])
            .file("hosts", &format!("{address} {NAME}\n"))
            .run();
        if overridden {
            outcome.warns_by("dns-inconsistent");
        } else {
            outcome.passes();
        }
    }
}

fn a_type_that_is_never_answered_is_said() {
    let lab = Lab::routers(1).build();
    let drops = zone(&lab).kind(RecordType::AAAA, Manner::Silent);
    let server = start(&lab, Family::V4, 0, drops);
    run(&lab, ["dns", NAME], &[server.address()])
        .run()
        .warns_by("dns-type-unanswered")
        .mentions("dns-type-unanswered", "AAAA");
}

fn a_slow_resolution_is_said() {
    let lab = Lab::routers(1).build();
    let late = |ms| zone(&lab).always(Manner::Late(Duration::from_millis(ms)));
    let slow = start(&lab, Family::V4, 0, late(1300));
    run(&lab, ["dns", NAME], &[slow.address()])
        .run()
        .warns_by("dns-slow");
    let fine = start(&lab, Family::V4, 1, late(300));
    run(&lab, ["dns", NAME], &[fine.address()]).run().passes();
}

fn a_name_alone_is_resolved_and_nothing_sent_to_it() {
    let lab = Lab::routers(1).build();
    let server = start(&lab, Family::V4, 0, zone(&lab).alias("www.test", NAME));
    run(
        &lab,
        ["dns", "www.test", "--type", "CNAME"],
        &[server.address()],
    )
    .run()
    .passes()
    .says("/status", "reachable")
    .says("/endpoints", serde_json::json!([]));
    run(&lab, ["dns", "absent.test"], &[server.address()])
        .run()
        .fails_by("dns-nxdomain");
}

fn two_views_are_one_sentence_and_so_is_a_dead_first_server() {
    views([10, 0, 9, 9], [198, 51, 100, 7])
        .mentions("dns-inconsistent", "An application gets 10.0.9.9, as");
    let lab = Lab::routers(1).build();
    let dead = start(&lab, Family::V4, 0, zone(&lab).always(Manner::Silent));
    let second = start(&lab, Family::V4, 1, zone(&lab));
    run(&lab, ["dns", NAME], &[dead.address(), second.address()])
        .run()
        .warns_by("dns-server-down")
        .mentions("dns-server-down", "after 5")
        .mentions("dns-server-down", "of waiting for");
}

fn a_zone_that_answers_every_name_is_remarked() {
    let lab = Lab::routers(1).build();
    let every = start(
        &lab,
        Family::V4,
        0,
        zone(&lab).every(lab.server_address(Family::V4)),
    );
    let outcome = run(&lab, ["dns", NAME], &[every.address()]).run();
    outcome
        .passes()
        .says("/resolution/random_names/0/outcome", "ok");
    let own = start(&lab, Family::V4, 1, zone(&lab));
    let outcome = run(&lab, ["dns", NAME], &[own.address()]).run();
    outcome
        .passes()
        .says("/resolution/random_names/0/outcome", "nxdomain");
}

fn a_server_without_tcp_is_remarked() {
    let lab = Lab::routers(1).build();
    let silent = zone(&lab).over(Transport::Tcp, Manner::Silent);
    let server = start(&lab, Family::V4, 0, silent);
    let outcome = run(&lab, ["dns", NAME], &[server.address()]).run();
    // Datagrams suffice for this name, so that it is no fault of it.
    outcome.passes().says("/status", "reachable");
    let tcp = server
        .seen()
        .into_iter()
        .filter(|seen| seen.transport == Transport::Tcp);
    assert_eq!(tcp.count(), 1);
}

/// The first of two servers has this manner, the second answers.
fn warns(manner: Manner) {
    let lab = Lab::routers(1).build();
    let _service = serve(lab.server(), PORT);
    let first = start(&lab, Family::V4, 0, zone(&lab).always(manner));
    let second = start(&lab, Family::V4, 1, zone(&lab));
    ask(&lab, &[first.address(), second.address()])
        .warns_by("dns-server-down")
        .mentions("dns-server-down", &first.address().to_string());
}

/// With this one server, asked over either family, a check of the name fails by this finding.
fn fails(zone: Zone, id: &str) {
    let lab = Lab::routers(1).build();
    let _service = serve(lab.server(), PORT);
    for family in Family::BOTH {
        let server = start(&lab, family, 0, zone.clone());
        ask(&lab, &[server.address()])
            .fails_by(id)
            .says("/status", "unreachable")
            .within(Duration::from_secs(40));
    }
}

fn ask(lab: &Lab, servers: &[IpAddr]) -> Outcome {
    run(lab, ["tcp", "shop.test:443"], servers).run()
}

fn run<const N: usize>(lab: &Lab, command: [&str; N], servers: &[IpAddr]) -> Run {
    Run::nwcheck(lab.client(), command).name_servers(servers)
}

fn start(lab: &Lab, family: Family, number: u8, zone: Zone) -> NameServer {
    let address = lab.name_server_address(family, number);
    NameServer::start(lab.name_servers(), address, zone)
}

/// The server by its name, both families.
fn zone(lab: &Lab) -> Zone {
    let families = Family::BOTH.into_iter();
    families.fold(Zone::new(), |zone, family| {
        zone.address(NAME, lab.server_address(family))
    })
}
