//! Paths, firewalls and services do what they are told.

use std::{
    collections::BTreeSet,
    io::ErrorKind,
    net::SocketAddr,
    time::{Duration, Instant},
};

use crate::{
    case::{Case, cases},
    diamond::Diamond,
    firewall::Hook,
    net::{Family, Namespace, Route, Rule, veth},
    probe::{connect, expire, send},
    services::{Service, Tcp, Udp},
    topology::Lab,
};

const SHORT: Duration = Duration::from_millis(300);
const LONG: Duration = Duration::from_secs(5);

pub(super) fn cases() -> Vec<Case> {
    cases![
        the_client_reaches_the_server_through_three_routers,
        the_client_reaches_the_server_on_its_own_link,
        thirty_routers_answer_in_order,
        a_closed_port_refuses,
        a_silent_router_is_silent: [Nft],
        a_reject_comes_from_the_router: [Nft],
        a_drop_can_be_taken_away: [Nft],
        a_port_can_be_forwarded: [Nft],
        a_full_accept_queue_does_not_answer,
        a_limited_router_answers_a_burst_of_six,
        a_smaller_link_tells_its_size,
        local_routes_fail_as_they_should,
        a_rule_chooses_the_table,
        a_bridge_joins_its_ports: [Bridge],
        an_equal_cost_path_uses_every_branch,
        a_killed_branch_harms_its_own_flows_alone,
    ]
}

fn the_client_reaches_the_server_through_three_routers() {
    let lab = Lab::routers(3).build();
    let service = Service::tcp(lab.server(), 443, Tcp::Echo);
    for family in Family::BOTH {
        connect(lab.client(), &lab.target(family, 443), LONG).expect("it connects");
        assert_hops(&lab, family);
    }
    assert_eq!(service.served_soon(2), 2);
}

fn the_client_reaches_the_server_on_its_own_link() {
    let lab = Lab::routers(0).build();
    let _service = Service::tcp(lab.server(), 443, Tcp::Close);
    for family in Family::BOTH {
        connect(lab.client(), &lab.target(family, 443), LONG).expect("it connects");
        let end = expire(lab.client(), target(&lab, family), 1, 0, LONG).expect("an answer");
        assert_eq!(end.from, lab.server_address(family));
    }
}

fn thirty_routers_answer_in_order() {
    let lab = Lab::routers(30).build();
    for family in Family::BOTH {
        assert_hops(&lab, family);
    }
}

fn a_closed_port_refuses() {
    let lab = Lab::routers(1).build();
    for family in Family::BOTH {
        let error = connect(lab.client(), &lab.target(family, 443), LONG).expect_err("no one");
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    }
}

fn a_silent_router_is_silent() {
    let lab = Lab::routers(3).build();
    lab.router(2).silent();
    for family in Family::BOTH {
        let ask = |ttl| expire(lab.client(), target(&lab, family), ttl, 0, SHORT);
        assert_eq!(ask(2), None);
        assert_eq!(ask(3).expect("hop 3").from, lab.hop(family, 3));
    }
}

fn a_reject_comes_from_the_router() {
    let lab = Lab::routers(3).build();
    let _service = Service::udp(lab.server(), 9, Udp::Echo);
    lab.router(2)
        .rejects(Hook::Forward, "udp dport 9", "admin-prohibited");
    for (family, kind, code) in [(Family::V4, 3, 13), (Family::V6, 1, 1)] {
        let target = SocketAddr::new(lab.server_address(family), 9);
        let reply = expire(lab.client(), target, 64, 0, LONG).expect("an answer");
        assert_eq!((reply.kind, reply.code), (kind, code));
        assert_eq!(reply.from, lab.hop(family, 2));
    }
    lab.router(1).resets(Hook::Forward, "tcp dport 443");
    let error = connect(lab.client(), &lab.target(Family::V4, 443), LONG).expect_err("a reset");
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
}

fn a_drop_can_be_taken_away() {
    let lab = Lab::routers(1).build();
    let _service = Service::tcp(lab.server(), 443, Tcp::Silent);
    let table = lab.router(1).drops(Hook::Forward, "tcp dport 443");
    let target = lab.target(Family::V4, 443);
    let error = connect(lab.client(), &target, SHORT).expect_err("nothing comes");
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    lab.router(1).delete_table(&table);
    connect(lab.client(), &target, LONG).expect("it connects");
}

fn a_port_can_be_forwarded() {
    let lab = Lab::routers(2).build();
    let service = Service::tcp(lab.server(), 8443, Tcp::Close);
    for family in Family::BOTH {
        let matches = format!("meta nfproto {} tcp dport 443", nfproto(family));
        lab.router(1)
            .forwards_port(&matches, &lab.target(family, 8443));
        let door = SocketAddr::new(lab.hop(family, 1), 443).to_string();
        connect(lab.client(), &door, LONG).expect("it connects");
    }
    assert_eq!(service.served_soon(2), 2);
}

fn a_full_accept_queue_does_not_answer() {
    let lab = Lab::routers(1).build();
    let _service = Service::tcp(lab.server(), 443, Tcp::Full);
    for family in Family::BOTH {
        let error = connect(lab.client(), &lab.target(family, 443), SHORT).expect_err("full");
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    }
}

fn a_limited_router_answers_a_burst_of_six() {
    let lab = Lab::routers(1).rate_limited().build();
    let answered = (0..10)
        .filter(|_| {
            let wait = Duration::from_millis(20);
            expire(lab.client(), target(&lab, Family::V4), 1, 0, wait).is_some()
        })
        .count();
    assert_eq!(answered, 6);
}

fn a_smaller_link_tells_its_size() {
    let lab = Lab::routers(2).build();
    lab.router(2).set_mtu("right", 1300);
    for (family, kind, code) in [(Family::V4, 3, 4), (Family::V6, 2, 0)] {
        let target = target(&lab, family);
        let reply = send(lab.client(), target, 64, 0, 1400, LONG)
            .expect("it is sent")
            .expect("an answer");
        assert_eq!((reply.kind, reply.code, reply.mtu), (kind, code, 1300));
        assert_eq!(reply.from, lab.hop(family, 2));
    }
}

fn local_routes_fail_as_they_should() {
    let lab = Lab::routers(1).build();
    let client = lab.client();
    client.add_route(&Route::unreachable("10.9.1.0/24"));
    client.add_route(&Route::prohibit("10.9.2.0/24"));
    client.add_route(&Route::blackhole("10.9.3.0/24"));
    client.add_route(&Route::unreachable("fd00:9:1::/48"));
    for (target, error) in [
        ("10.9.1.1:443", libc::EHOSTUNREACH),
        ("10.9.2.1:443", libc::EACCES),
        ("10.9.3.1:443", libc::EINVAL),
        ("[fd00:9:1::1]:443", libc::EHOSTUNREACH),
    ] {
        let found = connect(client, target, LONG).expect_err(target);
        assert_eq!(found.raw_os_error(), Some(error), "{target}");
    }
    // What the client can't tell, the last router does.
    let far = "203.0.113.1:9".parse().expect("an address");
    let reply = expire(client, far, 64, 0, LONG).expect("an answer");
    assert_eq!((reply.kind, reply.code), (3, 0));
    assert_eq!(reply.from, lab.hop(Family::V4, 1));
}

fn a_rule_chooses_the_table() {
    let lab = Lab::routers(1).build();
    let client = lab.client();
    client.add_route(&Route::prohibit("0.0.0.0/0").table(7));
    let rule = Rule::from(100, "0.0.0.0/0").to("10.0.1.0/24").table(7);
    client.add_rule(&rule);
    let target = lab.target(Family::V4, 443);
    let prohibited = connect(client, &target, LONG).expect_err("prohibited");
    assert_eq!(prohibited.raw_os_error(), Some(libc::EACCES));
    client.delete_rule(&rule);
    let refused = connect(client, &target, LONG).expect_err("closed");
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
}

fn a_bridge_joins_its_ports() {
    let [switch, one, two] = ["switch", "one", "two"].map(Namespace::new);
    switch.add_bridge("br0");
    for (host, port, address) in [(&one, "p1", "10.5.0.1/24"), (&two, "p2", "10.5.0.2/24")] {
        veth((host, "eth0"), (&switch, port));
        switch.enslave(port, "br0");
        host.add_address("eth0", address);
        host.wait_for_carrier(&["eth0"]);
    }
    switch.wait_for_carrier(&["br0"]);
    let _service = Service::tcp(&two, 80, Tcp::Close);
    connect(&one, "10.5.0.2:80", LONG).expect("it connects");
}

fn an_equal_cost_path_uses_every_branch() {
    let diamond = Diamond::new(4);
    for family in Family::BOTH {
        let target = SocketAddr::new(diamond.server_address(family), 33434);
        let ask = |ttl, port| expire(diamond.client(), target, ttl, port, LONG).expect("a hop");
        let ports = 40_000..40_040;
        let used: BTreeSet<_> = ports.map(|port| ask(2, port).from).collect();
        let every = (0..4).map(|j| diamond.branch_address(family, j)).collect();
        assert_eq!(used, every);
        let repeats: BTreeSet<_> = (0..8).map(|_| ask(2, 40_000).from).collect();
        assert_eq!(repeats.len(), 1, "one flow takes one branch");
        assert_eq!(ask(1, 40_001).from, diamond.fork_address(family));
        assert_eq!(ask(3, 40_001).from, diamond.join_address(family));
    }
}

fn a_killed_branch_harms_its_own_flows_alone() {
    let diamond = Diamond::new(2);
    // Every flow asks the server: with the default limit it answers six.
    diamond.server().icmp_ratelimit(0);
    diamond.kill(1);
    for family in Family::BOTH {
        let target = SocketAddr::new(diamond.server_address(family), 33434);
        for port in 40_000..40_012 {
            let ask = |ttl| expire(diamond.client(), target, ttl, port, SHORT);
            let dead = ask(2).expect("a branch").from == diamond.branch_address(family, 1);
            assert_eq!(ask(64).is_none(), dead, "from port {port}");
        }
    }
    diamond.revive(1);
    for port in 40_000..40_012 {
        let target = SocketAddr::new(diamond.server_address(Family::V4), 33434);
        expire(diamond.client(), target, 64, port, LONG).expect("an answer");
    }
}

/// Every hop answers from its own address, the server as well, and soon.
#[track_caller]
fn assert_hops(lab: &Lab, family: Family) {
    let start = Instant::now();
    for k in 1..=lab.count() {
        let ttl = u32::try_from(k).expect("few");
        let reply = expire(lab.client(), target(lab, family), ttl, 0, LONG).expect("a hop");
        assert_eq!(reply.from, lab.hop(family, k));
    }
    let end = expire(lab.client(), target(lab, family), 64, 0, LONG).expect("the server");
    assert_eq!(end.from, lab.server_address(family));
    assert!(start.elapsed() < LONG, "{:?}", start.elapsed());
}

fn target(lab: &Lab, family: Family) -> SocketAddr {
    SocketAddr::new(lab.server_address(family), 33434)
}

fn nfproto(family: Family) -> &'static str {
    match family {
        Family::V4 => "ipv4",
        Family::V6 => "ipv6",
    }
}
