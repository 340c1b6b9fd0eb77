//! Simulated paths delay, lose and answer as they are told.

use std::{net::SocketAddr, time::Duration};

use crate::{
    case::{Case, cases},
    net::Family,
    probe::{connect, expire},
    services::{Service, Tcp},
    sim::{Router, Simulation},
};

const LONG: Duration = Duration::from_secs(5);
const LINK: Duration = Duration::from_millis(3);

pub(super) fn cases() -> Vec<Case> {
    cases![
        simulated_routers_answer_in_order_and_in_time: [Tun],
        a_simulated_path_carries_a_connection: [Tun],
        a_simulated_router_loses_its_share: [Tun],
        a_simulated_router_is_silent_or_limited: [Tun],
    ]
}

fn simulated_routers_answer_in_order_and_in_time() {
    let path = Simulation::start(vec![Router::after(LINK); 5], LINK);
    for family in Family::BOTH {
        for k in 1..=5 {
            let reply = ask(&path, family, k, LONG).expect("a hop");
            assert_eq!(reply.from, path.hop(family, k));
            let least = LINK * 2 * u32::try_from(k).expect("few");
            assert!(reply.after >= least, "{reply:?}");
            assert!(
                reply.after < least + Duration::from_millis(200),
                "{reply:?}"
            );
        }
        let end = ask(&path, family, 6, LONG).expect("the server");
        assert_eq!(end.from, path.server_address(family));
    }
}

fn a_simulated_path_carries_a_connection() {
    let path = Simulation::start(vec![Router::after(LINK); 3], LINK);
    let service = Service::tcp(path.server(), 443, Tcp::Echo);
    for family in Family::BOTH {
        let target = SocketAddr::new(path.server_address(family), 443).to_string();
        connect(path.client(), &target, LONG).expect("it connects");
    }
    assert_eq!(service.served_soon(2), 2);
}

fn a_simulated_router_loses_its_share() {
    let lossy = vec![Router::after(Duration::ZERO).loses(50)];
    let path = Simulation::start(lossy, Duration::ZERO);
    path.server().icmp_ratelimit(0);
    let arrived = (0..40)
        .filter(|_| ask(&path, Family::V4, 2, Duration::from_millis(20)).is_some())
        .count();
    // A quarter comes through there and back.
    assert!((2..=24).contains(&arrived), "{arrived} of 40");
}

fn a_simulated_router_is_silent_or_limited() {
    let routers = vec![
        Router::after(LINK).silent(),
        Router::after(LINK).limited(2, LONG),
    ];
    let path = Simulation::start(routers, LINK);
    let short = Duration::from_millis(60);
    for family in Family::BOTH {
        assert_eq!(ask(&path, family, 1, short), None);
    }
    let answered = (0..4).filter(|_| ask(&path, Family::V4, 2, short).is_some());
    assert_eq!(answered.count(), 2);
}

fn ask(path: &Simulation, family: Family, k: usize, wait: Duration) -> Option<crate::probe::Reply> {
    let target = SocketAddr::new(path.server_address(family), 33434);
    let ttl = u32::try_from(k).expect("few");
    expire(path.client(), target, ttl, 0, wait)
}
