//! Some attempts open and others do not: what decides which.

use std::time::Duration;

use super::{OTHER_PORT, PORT, check, check_port, serve};
use crate::{
    case::{Case, cases},
    firewall::Hook,
    net::Family,
    outcome::Outcome,
    services::{Service, Tcp},
    topology::Lab,
};

pub(super) fn cases() -> Vec<Case> {
    cases![
        a_dead_backend_that_the_flow_chooses_is_told: [Nft],
        a_backend_that_refuses_in_turn_is_not_put_down_to_the_flow: [Nft],
        a_full_accept_queue_is_not_put_down_to_the_flow,
    ]
}

const SYN: &str = "tcp dport 443 tcp flags & (syn | ack) == syn";

/// It is intermittent, whether by half or by fewer.
#[track_caller]
fn intermittent(outcome: &Outcome) {
    assert_eq!(
        outcome.cause().as_deref(),
        Some("destination-intermittent"),
        "{outcome}"
    );
    outcome.says("/status", "degraded");
}

fn a_dead_backend_that_the_flow_chooses_is_told() {
    let lab = Lab::routers(2).build();
    let _services = [PORT, OTHER_PORT].map(|port| serve(lab.server(), port));
    // As a balancer by source ports: half of them always reach the backend that is off.
    lab.server()
        .drops(Hook::Input, "tcp dport 443 jhash tcp sport mod 2 seed 7 0");
    for family in Family::BOTH {
        // Few failures prove less than that.
        let told = (0..4).any(|_| {
            let outcome = check(&lab, family).arguments(["-c", "20"]).run();
            intermittent(&outcome);
            let finding = outcome.finding("destination-intermittent").to_string();
            finding.contains("the flow decides")
        });
        assert!(told, "{family:?}");
        check_port(&lab, family, OTHER_PORT).run().passes();
    }
}

fn a_backend_that_refuses_in_turn_is_not_put_down_to_the_flow() {
    let lab = Lab::routers(2).build();
    let _services = [PORT, OTHER_PORT].map(|port| serve(lab.server(), port));
    lab.server()
        .resets(Hook::Input, &format!("{SYN} numgen inc mod 3 < 1"));
    for family in Family::BOTH {
        let outcome = check(&lab, family).arguments(["-c", "20"]).run();
        intermittent(&outcome);
        let text = outcome.finding("destination-intermittent")["explanation"].to_string();
        assert!(!text.contains("the flow decides"), "{outcome}");
        check_port(&lab, family, OTHER_PORT).run().passes();
    }
}

fn a_full_accept_queue_is_not_put_down_to_the_flow() {
    for family in Family::BOTH {
        let lab = Lab::routers(2).build();
        let _service = Service::tcp(lab.server(), PORT, Tcp::Busy(Duration::from_millis(120)));
        let _other = serve(lab.server(), OTHER_PORT);
        let outcome = check(&lab, family).arguments(["-c", "20"]).run();
        intermittent(&outcome);
        outcome.mentions("destination-intermittent", "queue is full");
        let text = outcome.finding("destination-intermittent")["explanation"].to_string();
        assert!(!text.contains("the flow decides"), "{outcome}");
        check_port(&lab, family, OTHER_PORT).run().passes();
    }
}
