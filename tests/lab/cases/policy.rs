//! What was asked for: expectations and thresholds.

use super::{PORT, check, elsewhere, serve, tcp};
use crate::{
    case::{Case, cases},
    firewall::Hook,
    net::{Family, Route},
    topology::{Lab, default},
};

pub(super) fn cases() -> Vec<Case> {
    cases![
        an_open_port_meets_no_expectation_but_open,
        a_closed_port_is_closed_and_blocked_and_not_filtered,
        a_filtered_port_is_filtered_and_blocked_and_not_closed: [Nft],
        a_port_rejected_on_the_way_is_filtered_and_blocked: [Nft],
        a_host_out_of_reach_proves_no_expectation,
        failures_over_the_maximum_break_it: [Nft],
        a_maximum_that_so_few_probes_can_t_show_is_a_usage_error,
        a_time_over_the_maximum_breaks_it,
        a_retransmission_counts_in_the_time_to_connect: [Nft],
    ]
}

fn an_open_port_meets_no_expectation_but_open() {
    let lab = Lab::routers(1).build();
    let _service = serve(lab.server(), PORT);
    for family in Family::BOTH {
        let expecting = |what| check(&lab, family).arguments(["--expect", what]);
        expecting("open").run().passes();
        for what in ["closed", "filtered", "blocked"] {
            expecting(what).run().fails_by("expectation-unmet");
        }
    }
}

fn a_closed_port_is_closed_and_blocked_and_not_filtered() {
    let lab = Lab::routers(1).build();
    for family in Family::BOTH {
        let expecting = |what| check(&lab, family).arguments(["--expect", what]);
        expecting("closed").run().passes();
        expecting("blocked").run().passes();
        expecting("filtered").run().fails_by("expectation-unmet");
        expecting("open").run().fails_by("port-closed");
    }
}

fn a_filtered_port_is_filtered_and_blocked_and_not_closed() {
    let lab = Lab::routers(1).build();
    let _service = serve(lab.server(), PORT);
    lab.server().drops(Hook::Input, "tcp dport 443");
    for family in Family::BOTH {
        let expecting = |what| check(&lab, family).arguments(["--expect", what]);
        expecting("filtered").run().passes();
        expecting("blocked").run().passes();
        expecting("closed").run().fails_by("expectation-unmet");
        expecting("open").run().fails_by("port-filtered");
    }
}

fn a_port_rejected_on_the_way_is_filtered_and_blocked() {
    let lab = Lab::routers(2).build();
    let _service = serve(lab.server(), PORT);
    lab.router(1)
        .rejects(Hook::Forward, "tcp dport 443", "port-unreachable");
    let expecting = |what| check(&lab, Family::V4).arguments(["--expect", what]);
    expecting("filtered").run().passes();
    expecting("blocked").run().passes();
    expecting("closed").run().fails_by("expectation-unmet");
}

fn a_host_out_of_reach_proves_no_expectation() {
    let lab = Lab::routers(1).build();
    for family in Family::BOTH {
        let gateway = lab.hop(family, 1);
        lab.client()
            .delete_route(&Route::to(default(family)).via(gateway));
        for what in ["closed", "filtered", "blocked"] {
            tcp(lab.client(), elsewhere(family), PORT)
                .arguments(["--expect", what])
                .run()
                .could_not_tell();
        }
    }
}

fn failures_over_the_maximum_break_it() {
    let lab = Lab::routers(1).build();
    let _services = [PORT, 80].map(|port| serve(lab.server(), port));
    let some = "tcp dport 443 tcp flags & (syn | ack) == syn numgen inc mod 3 < 1";
    lab.server().resets(Hook::Input, some);
    let broken = check(&lab, Family::V4)
        .arguments(["--max-loss", "10%"])
        .run();
    assert_eq!(broken.findings("error"), ["threshold-loss"], "{broken}");
    broken
        .exits(1)
        .says("/verdict", "fail")
        .says("/criteria/0/met", false);
    super::check_port(&lab, Family::V4, 80)
        .arguments(["--max-loss", "10%"])
        .run()
        .passes()
        .says("/criteria/0/met", true);
}

fn a_maximum_that_so_few_probes_can_t_show_is_a_usage_error() {
    let lab = Lab::routers(0).build();
    let _service = serve(lab.server(), PORT);
    let refused = check(&lab, Family::V4)
        .arguments(["--max-loss", "1%", "-c", "10"])
        .run();
    refused.exits(2);
    assert!(refused.stderr.contains("100"), "{refused}");
    check(&lab, Family::V4)
        .arguments(["--max-loss", "0"])
        .run()
        .passes();
}

fn a_time_over_the_maximum_breaks_it() {
    let lab = Lab::routers(1).build();
    let _service = serve(lab.server(), PORT);
    for option in ["--max-avg", "--max-p95", "--max-connect"] {
        let limited = |limit| check(&lab, Family::V4).arguments([option, limit]).run();
        limited("0.001").fails_by("threshold-latency");
        limited("2000").passes();
    }
}

fn a_retransmission_counts_in_the_time_to_connect() {
    let lab = Lab::routers(1).build();
    let _service = serve(lab.server(), PORT);
    let syn = "tcp dport 443 tcp flags & (syn | ack) == syn";
    lab.server().loses_first(Hook::Input, syn, 1, 4);
    let slow = check(&lab, Family::V4)
        .arguments(["--max-connect", "500"])
        .run();
    assert_eq!(slow.findings("error"), ["threshold-latency"], "{slow}");
    slow.exits(1);
    let average = slow.at("/endpoints/0/probes/avg_ms");
    assert!(average.as_f64() < Some(500.0), "a round trip\n{slow}");
}
