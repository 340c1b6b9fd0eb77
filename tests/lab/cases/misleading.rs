//! Faults that look like other faults, and sound networks that look like faults.

use std::time::Duration;

use nix::sys::signal::Signal;

use super::{
    NOBODY, OTHER_PORT, PORT, check, check_name, check_port, elsewhere, elsewhere_prefix, name,
    serve, tcp, to_host,
};
use crate::{
    case::{Case, cases},
    diamond::Diamond,
    firewall::Hook,
    nameserver::{Manner, NameServer, Zone},
    net::{Family, Route},
    outcome::Outcome,
    run::Run,
    services::{Service, Tcp},
    topology::{Lab, host},
};

pub(super) fn cases() -> Vec<Case> {
    cases![
        one_rejection_among_many_is_no_cause: [Nft],
        a_drop_is_placed_with_the_default_rate_limit: [Nft],
        a_black_hole_is_placed_with_the_default_rate_limit: [Nft],
        a_black_hole_at_the_first_router_is_placed_there: [Nft],
        a_loop_is_one_with_the_default_rate_limit,
        a_drop_behind_silent_routers_is_not_placed: [Nft],
        a_forwarded_port_that_nobody_listens_on_is_closed: [Nft],
        a_reset_by_a_router_is_never_a_port_that_nobody_listens_on: [Nft],
        a_full_accept_queue_is_no_closed_port,
        a_dead_branch_of_equal_paths_is_never_this_machines_fault,
        a_host_out_of_reach_behind_routers_proves_no_expectation: [Nft],
        a_link_local_target_passes,
        thirty_routers_pass,
        a_name_with_eight_addresses_passes,
        a_firewall_that_drops_every_icmp_message_passes: [Nft],
        an_interface_that_is_asked_for_is_used,
        one_probe_is_enough_for_a_closed_port,
        a_deadline_ends_a_blocked_check: [Nft],
        a_check_that_is_interrupted_while_it_resolves_reports,
        a_host_whose_neighbour_entry_is_stale_and_wrong_is_no_firewall,
        a_device_that_accepts_every_connection_proves_no_port_open: [Nft],
        addresses_that_stand_for_others_prove_no_port_open: [Nft],
    ]
}

/// Everything is accepted on the way, whatever the host does: of one port among many that can't be told apart.
const ALL_ACCEPTED: &str = "chain rules { type nat hook prerouting priority dstnat; policy accept; iifname left meta l4proto tcp redirect to :3128; }";

fn a_device_that_accepts_every_connection_proves_no_port_open() {
    let lab = Lab::routers(3).build();
    let _proxy = serve(lab.router(1), 3128);
    let rules = lab.router(1).table(ALL_ACCEPTED);
    for family in Family::BOTH {
        for run in [check(&lab, family), check(&lab, family).root()] {
            let found = run.run();
            found.could_not_tell();
            assert!(
                unmeasured(&found).contains("accepts every connection"),
                "{found}"
            );
        }
        // Nor closed, nor filtered.
        let expected = check(&lab, family).arguments(["--expect", "blocked"]).run();
        assert_eq!(expected.at("/verdict"), "indeterminate", "{expected}");
    }
    lab.router(1).delete_table(&rules);
    let _service = serve(lab.server(), PORT);
    for family in Family::BOTH {
        let found = check(&lab, family).run();
        found.passes();
        assert!(
            !unmeasured(&found).contains("accepts every connection"),
            "{found}"
        );
    }
}

fn addresses_that_stand_for_others_prove_no_port_open() {
    let lab = Lab::routers(2).build();
    let _proxy = serve(lab.router(1), 3128);
    let _rules = lab.router(1).table(ALL_ACCEPTED);
    let fake = "198.18.0.7".parse().expect("an address");
    let found = tcp(lab.client(), fake, PORT).run();
    found.could_not_tell();
    assert!(unmeasured(&found).contains("198.18.0.0/15"), "{found}");
}

/// What was not measured, as text.
fn unmeasured(outcome: &Outcome) -> String {
    outcome.at("/not_measured").to_string()
}

const SYN: &str = "tcp dport 443 tcp flags & (syn | ack) == syn";

fn one_rejection_among_many_is_no_cause() {
    let lab = Lab::routers(3).build();
    let _service = serve(lab.server(), PORT);
    let seldom = format!("{SYN} limit rate 1/hour burst 1 packets");
    lab.router(2)
        .rejects(Hook::Forward, &seldom, "admin-prohibited");
    for family in Family::BOTH {
        let outcome = check(&lab, family).run();
        assert_eq!(outcome.findings("error"), [""; 0], "{outcome}");
        outcome.exits(0);
    }
}

fn a_drop_is_placed_with_the_default_rate_limit() {
    let lab = Lab::routers(4).rate_limited().build();
    let _services = [PORT, OTHER_PORT].map(|port| serve(lab.server(), port));
    lab.router(2).drops(Hook::Forward, "tcp dport 443");
    for family in Family::BOTH {
        check(&lab, family)
            .arguments(["--control", "80"])
            .run()
            .fails_by("path-filtered")
            .blames("path-filtered", 2, lab.hop(family, 2));
    }
}

fn a_black_hole_is_placed_with_the_default_rate_limit() {
    let lab = Lab::routers(4).rate_limited().build();
    for family in Family::BOTH {
        let to_server = to_host(lab.server_address(family));
        lab.router(3).drops(Hook::Forward, &to_server);
        check(&lab, family).run().fails_by("path-blackhole").blames(
            "path-blackhole",
            3,
            lab.hop(family, 3),
        );
    }
}

fn a_black_hole_at_the_first_router_is_placed_there() {
    let lab = Lab::routers(2).build();
    for family in Family::BOTH {
        let to_server = to_host(lab.server_address(family));
        lab.router(1).drops(Hook::Forward, &to_server);
        check(&lab, family).run().fails_by("path-blackhole").blames(
            "path-blackhole",
            1,
            lab.hop(family, 1),
        );
    }
}

fn a_loop_is_one_with_the_default_rate_limit() {
    let lab = Lab::routers(3).rate_limited().build();
    for family in Family::BOTH {
        lab.router(3)
            .add_route(&Route::to(elsewhere_prefix(family)).via(host(family, 2, 1)));
        tcp(lab.client(), elsewhere(family), PORT)
            .run()
            .fails_by("path-loop");
    }
}

fn a_drop_behind_silent_routers_is_not_placed() {
    let lab = Lab::routers(3).build();
    let _services = [PORT, OTHER_PORT].map(|port| serve(lab.server(), port));
    for k in 1..=3 {
        lab.router(k).silent();
    }
    lab.router(2).drops(Hook::Forward, "tcp dport 443");
    for family in Family::BOTH {
        let failed = check(&lab, family).arguments(["--control", "80"]).run();
        failed.fails_by("port-filtered");
        let hop = failed.finding("port-filtered")["hop"].clone();
        assert!(hop.is_null(), "{failed}");
    }
}

fn a_forwarded_port_that_nobody_listens_on_is_closed() {
    let lab = Lab::routers(3).build();
    for (family, word) in [(Family::V4, "ipv4"), (Family::V6, "ipv6")] {
        let matches = format!("meta nfproto {word} tcp dport 443");
        lab.router(1)
            .forwards_port(&matches, &lab.target(family, 8443));
        let failed = tcp(lab.client(), lab.hop(family, 1), PORT).run();
        failed.fails_by("port-closed");
        let title = failed.finding("port-closed")["title"].to_string();
        assert!(title.contains("forwards TCP/443"), "{failed}");
    }
}

fn a_reset_by_a_router_is_never_a_port_that_nobody_listens_on() {
    let lab = Lab::routers(3).build();
    let _services = [PORT, OTHER_PORT].map(|port| serve(lab.server(), port));
    lab.router(1).resets(Hook::Forward, "tcp dport 443");
    for family in Family::BOTH {
        let failed = check(&lab, family).arguments(["--control", "80"]).run();
        failed.exits(1);
        let cause = failed.cause().unwrap_or_default();
        let finding = failed.finding(&cause);
        let sure = finding["title"].to_string().contains("Nothing listens");
        assert!(cause == "path-reset" || !sure, "{failed}");
    }
}

fn a_full_accept_queue_is_no_closed_port() {
    let lab = Lab::routers(2).build();
    let _service = Service::tcp(lab.server(), PORT, Tcp::Full);
    for family in Family::BOTH {
        check(&lab, family).run().fails_by("port-filtered");
    }
}

fn a_dead_branch_of_equal_paths_is_never_this_machines_fault() {
    let diamond = Diamond::new(2);
    let _service = serve(diamond.server(), PORT);
    diamond.kill(1);
    for family in Family::BOTH {
        let outcome = tcp(diamond.client(), diamond.server_address(family), PORT)
            .arguments(["-c", "20"])
            .run();
        let cause = outcome.cause().unwrap_or_default();
        let sound = ["path-partial", "destination-intermittent", "path-loss"];
        assert!(sound.contains(&cause.as_str()), "{outcome}");
        outcome.says("/status", "degraded");
        // What the evidence says happened must have happened: here no attempt is ever saved by sending it again.
        let samples = outcome.at("/endpoints/0/probes/samples");
        let saved =
            samples.as_array().into_iter().flatten().any(|sample| {
                sample["outcome"] == "ok" && sample["retransmits"].as_u64() > Some(0)
            });
        let claimed = outcome.at("/findings").to_string();
        let claimed = claimed.contains("opened only after");
        assert!(saved || !claimed, "{outcome}");
    }
}

fn a_host_out_of_reach_behind_routers_proves_no_expectation() {
    let lab = Lab::routers(2).build();
    for family in Family::BOTH {
        let to_server = to_host(lab.server_address(family));
        lab.router(1).drops(Hook::Forward, &to_server);
        for what in ["closed", "filtered", "blocked"] {
            let asked = check(&lab, family).arguments(["--expect", what]).run();
            asked.could_not_tell();
        }
    }
}

fn a_link_local_target_passes() {
    let lab = Lab::routers(1).build();
    let _service = serve(lab.router(1), PORT);
    lab.router(1).add_address("left", "fe80::99/64");
    Run::nwcheck(lab.client(), ["tcp", "[fe80::99%eth0]:443"])
        .run()
        .passes();
}

fn thirty_routers_pass() {
    let lab = Lab::routers(30).build();
    let _service = serve(lab.server(), PORT);
    for family in Family::BOTH {
        check(&lab, family).run().passes();
    }
}

fn a_name_with_eight_addresses_passes() {
    let lab = Lab::routers(2).build();
    let _service = serve(lab.server(), PORT);
    let more: Vec<_> = (3..10).map(|number| host(Family::V4, 2, number)).collect();
    for address in &more {
        lab.server().add_address("eth0", &format!("{address}/24"));
    }
    let mut all = vec![lab.server_address(Family::V4)];
    all.extend(more);
    let server = name(&lab, &all);
    let passed = check_name(&lab, &server).run();
    passed.passes().within(Duration::from_secs(4));
    let endpoints = passed.at("/endpoints");
    assert_eq!(endpoints.as_array().map(Vec::len), Some(8), "{passed}");
}

fn a_firewall_that_drops_every_icmp_message_passes() {
    let lab = Lab::routers(3).build();
    let _service = serve(lab.server(), PORT);
    lab.client().table(
        "chain rules { type filter hook input priority filter; policy accept;
            meta l4proto icmp drop;
            icmpv6 type { destination-unreachable, time-exceeded, echo-reply } drop; }",
    );
    for family in Family::BOTH {
        check(&lab, family).run().passes();
    }
}

fn an_interface_that_is_asked_for_is_used() {
    let lab = Lab::routers(1).build();
    let _service = serve(lab.server(), PORT);
    for family in Family::BOTH {
        let by = |interface| check(&lab, family).arguments(["-I", interface]).run();
        by("eth0").passes();
        by("eth7").exits(2);
    }
}

fn one_probe_is_enough_for_a_closed_port() {
    let lab = Lab::routers(2).build();
    let _service = serve(lab.server(), OTHER_PORT);
    for family in Family::BOTH {
        check(&lab, family)
            .arguments(["-c", "1"])
            .run()
            .fails_by("port-closed");
        check_port(&lab, family, OTHER_PORT)
            .arguments(["-c", "1"])
            .run()
            .passes();
    }
}

fn a_deadline_ends_a_blocked_check() {
    let lab = Lab::routers(2).build();
    let _service = serve(lab.server(), PORT);
    lab.server().drops(Hook::Input, "tcp dport 443");
    let short = ["-w", "1s", "--deadline", "2s"];
    let ended = check(&lab, Family::V4).arguments(short).run();
    assert!(matches!(ended.code, Some(1 | 3)), "{ended}");
    ended.within(Duration::from_secs(4)).report();
}

fn a_check_that_is_interrupted_while_it_resolves_reports() {
    let lab = Lab::routers(1).build();
    let at = lab.name_server_address(Family::V4, 0);
    let silent = Zone::new().always(Manner::Silent);
    let server = NameServer::start(lab.name_servers(), at, silent);
    check_name(&lab, &server)
        .signal(Duration::from_millis(700), Signal::SIGINT)
        .run()
        .could_not_tell()
        .within(Duration::from_secs(3));
}

fn a_host_whose_neighbour_entry_is_stale_and_wrong_is_no_firewall() {
    let lab = Lab::routers(1).build();
    lab.client().allow_ping_sockets();
    for family in Family::BOTH {
        // The gateway's hardware address is another one now, and nobody says so.
        lab.client()
            .permanent_neighbour("eth0", lab.hop(family, 1), &NOBODY);
        let failed = check(&lab, family).run();
        let cause = failed.cause().unwrap_or_default();
        let sound = ["path-blackhole", "local-neighbour-unresolved"];
        assert!(sound.contains(&cause.as_str()), "{failed}");
        failed.fails_by(&cause);
    }
}
