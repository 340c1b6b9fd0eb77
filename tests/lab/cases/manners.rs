//! What holds for every check: its end, its time, its output.

use std::time::Duration;

use nix::sys::signal::Signal;

use super::{OTHER_PORT, PORT, check, serve, to_host};
use crate::{
    case::{Case, cases},
    firewall::Hook,
    net::Family,
    run::{Run, reachable_binary},
    topology::Lab,
};

pub(super) fn cases() -> Vec<Case> {
    cases![
        a_check_that_is_interrupted_reports_what_it_has: [Nft],
        a_reader_that_goes_away_ends_it_quietly,
        the_worst_of_two_targets_counts,
        a_healthy_check_is_quick_and_a_blocked_one_ends_in_time: [Nft],
        an_open_port_is_visited_seldom,
        connections_keep_their_distance_in_time,
        root_and_an_ordinary_user_are_told_the_same,
    ]
}

fn a_check_that_is_interrupted_reports_what_it_has() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let lab = Lab::routers(2).build();
        let to_server = to_host(lab.server_address(Family::V4));
        lab.router(1).drops(Hook::Forward, &to_server);
        let interrupted = check(&lab, Family::V4)
            .signal(Duration::from_millis(1200), signal)
            .run();
        interrupted
            .could_not_tell()
            .within(Duration::from_secs(3))
            .says("/endpoints/0/address", "10.0.2.2");
    }
}

fn a_reader_that_goes_away_ends_it_quietly() {
    let lab = Lab::routers(1).build();
    let _service = serve(lab.server(), PORT);
    let script = format!(
        "{{ {} tcp {} -o json; echo status $? >&2; }} | head -1",
        reachable_binary().display(),
        lab.target(Family::V4, PORT),
    );
    let seen = Run::program(lab.client(), "/bin/sh", ["-c", &script]).run();
    seen.exits(0);
    assert_eq!(seen.text().lines().count(), 1, "{seen}");
    assert_eq!(seen.stderr.lines().count(), 1, "{seen}");
}

fn the_worst_of_two_targets_counts() {
    let lab = Lab::routers(1).build();
    let _services = [PORT, OTHER_PORT].map(|port| serve(lab.server(), port));
    for family in Family::BOTH {
        let both = |one, two| {
            let targets = [one, two].map(|port| lab.target(family, port));
            Run::nwcheck(lab.client(), ["tcp"]).arguments(targets).run()
        };
        let good = both(PORT, OTHER_PORT);
        good.exits(0)
            .says("/schema", "nwcheck.batch/1")
            .says("/reports/0/verdict", "pass")
            .says("/reports/1/verdict", "pass");
        let bad = both(PORT, 81);
        bad.exits(1)
            .says("/reports/0/verdict", "pass")
            .says("/reports/1/cause", "port-closed");
    }
}

fn a_healthy_check_is_quick_and_a_blocked_one_ends_in_time() {
    let lab = Lab::routers(3).build();
    let _services = [PORT, OTHER_PORT].map(|port| serve(lab.server(), port));
    lab.server().drops(Hook::Input, "tcp dport 80");
    for family in Family::BOTH {
        check(&lab, family)
            .run()
            .passes()
            .within(Duration::from_secs(2));
        super::check_port(&lab, family, OTHER_PORT)
            .run()
            .exits(1)
            .within(Duration::from_secs(9));
    }
}

fn an_open_port_is_visited_seldom() {
    let lab = Lab::routers(3).build();
    let service = serve(lab.server(), PORT);
    check(&lab, Family::V4).run().passes();
    let visits = service.served_soon(10);
    assert!((10..=16).contains(&visits), "{visits} visits");
}

/// At most 50 a second to one address, 20 ms apart, from whatever port.
fn connections_keep_their_distance_in_time() {
    let lab = Lab::routers(1).build();
    let _service = serve(lab.server(), PORT);
    for arguments in [&[][..], &["--source-port", "40001"]] {
        let passed = check(&lab, Family::V4).arguments(arguments.to_vec()).run();
        let samples = passed.passes().at("/endpoints/0/probes/samples");
        let times: Vec<f64> = samples
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|sample| sample["at_ms"].as_f64())
            .collect();
        assert_eq!(times.len(), 10, "{passed}");
        let taken = times[9] - times[0];
        assert!(taken > 9.0 * 20.0 * 0.8, "ten within {taken} ms\n{passed}");
    }
}

fn root_and_an_ordinary_user_are_told_the_same() {
    let lab = Lab::routers(2).build();
    let _service = serve(lab.server(), PORT);
    lab.router(1)
        .rejects(Hook::Forward, "tcp dport 80", "admin-prohibited");
    for family in Family::BOTH {
        check(&lab, family).root().run().passes();
        super::check_port(&lab, family, OTHER_PORT)
            .root()
            .run()
            .fails_by("path-prohibited")
            .blames("path-prohibited", 1, lab.hop(family, 1));
    }
}
