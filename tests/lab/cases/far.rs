//! Paths with distance: delays, and what must be quick all the same.

use std::time::Duration;

use super::{PORT, serve, tcp};
use crate::{
    case::{Case, cases},
    net::Family,
    sim::{Router, Simulation},
};

pub(super) fn cases() -> Vec<Case> {
    cases![
        a_healthy_path_of_forty_milliseconds_is_checked_within_a_second: [Tun],
        a_path_of_six_hundred_milliseconds_is_slow: [Tun],
        a_path_with_loss_at_one_router_is_loss: [Tun],
        routers_that_seldom_answer_on_a_long_path_pass: [Tun],
    ]
}

fn a_healthy_path_of_forty_milliseconds_is_checked_within_a_second() {
    let link = Duration::from_micros(1818);
    let path = Simulation::start(vec![Router::after(link); 10], link);
    let _service = serve(path.server(), PORT);
    for family in Family::BOTH {
        let mut hops: Vec<_> = (1..=10).map(|k| Some(path.hop(family, k))).collect();
        hops.push(Some(path.server_address(family)));
        let passed = tcp(path.client(), path.server_address(family), PORT).run();
        passed.passes().within(Duration::from_secs(2)).passed(&hops);
    }
}

fn a_path_of_six_hundred_milliseconds_is_slow() {
    let mut routers = vec![Router::after(Duration::from_millis(1)); 8];
    routers[4] = Router::after(Duration::from_millis(290));
    let path = Simulation::start(routers, Duration::from_millis(3));
    let _service = serve(path.server(), PORT);
    for family in Family::BOTH {
        let slow = tcp(path.client(), path.server_address(family), PORT).run();
        slow.warns_by("path-latency");
        assert_eq!(slow.finding("path-latency")["hop"], 5, "{slow}");
    }
}

fn a_path_with_loss_at_one_router_is_loss() {
    let link = Duration::from_millis(1);
    let mut routers = vec![Router::after(link); 5];
    routers[2] = Router::after(link).loses(20);
    let path = Simulation::start(routers, link);
    let _service = serve(path.server(), PORT);
    tcp(path.client(), path.server_address(Family::V4), PORT)
        .arguments(["-c", "40"])
        .run()
        .warns_by("path-loss")
        .says("/status", "degraded");
}

fn routers_that_seldom_answer_on_a_long_path_pass() {
    let link = Duration::from_millis(1);
    let seldom = Router::after(link).limited(1, Duration::from_secs(1));
    let path = Simulation::start(vec![seldom; 12], link);
    let _service = serve(path.server(), PORT);
    for family in Family::BOTH {
        tcp(path.client(), path.server_address(family), PORT)
            .run()
            .passes();
    }
}
