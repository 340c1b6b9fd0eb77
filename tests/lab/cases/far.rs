//! Paths with distance: delays, and what must be quick all the same.

use std::time::Duration;

use super::{PORT, serve, tcp};
use crate::{
    case::{Case, cases},
    net::Family,
    run::Run,
    sim::{Router, Simulation},
};

pub(super) fn cases() -> Vec<Case> {
    cases![
        a_healthy_path_of_forty_milliseconds_is_checked_within_a_second: [Tun],
        a_path_of_six_hundred_milliseconds_is_slow: [Tun],
        a_path_with_loss_at_one_router_is_loss: [Tun],
        routers_that_seldom_answer_on_a_long_path_pass: [Tun],
        a_path_that_holds_its_first_packets_is_not_visited_the_more: [Tun],
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

/// As where a neighbour is looked for, or a link wakes up: what was sent meanwhile comes all at once.
fn a_path_that_holds_its_first_packets_is_not_visited_the_more() {
    let link = Duration::from_millis(2);
    for (first, root) in [(0, false), (0, true), (4, false), (4, true)] {
        let mut routers = vec![Router::after(link); 8];
        routers[first] = Router::after(link).holds(Duration::from_secs(1));
        let path = Simulation::start(routers, link);
        let service = serve(path.server(), PORT);
        let to = format!("{}:{PORT}", path.server_address(Family::V4));
        let run = Run::nwcheck(path.client(), ["trace", &to]);
        let run = if root { run.root() } else { run };
        let traced = run.run();
        let observations = traced.passes().at("/observations");
        let arrived = observations
            .as_array()
            .into_iter()
            .flatten()
            .filter(|o| o["operation"] == "trace_tcp" && o["outcome"] == "ok")
            .count();
        assert!((1..=6).contains(&arrived), "{arrived} arrivals: {traced}");
        assert!(service.served_soon(7) <= 6, "{traced}");
    }
}
