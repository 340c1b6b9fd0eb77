//! Near hops that one trace has learnt and another takes over.

use std::collections::BTreeMap;
use std::num::NonZeroU16;

use nwcheck::proto::trace::{Config, Micros, Role, Trunk};

use crate::drive::{Mischief, Run, run_with};
use crate::network::{Manner, Network, Spread, address};

fn traced(network: &mut Network, trunk: Trunk) -> Run {
    let config = Config {
        trunk,
        ..Config::default()
    };
    let run = run_with(network, config, 5, Mischief::default());
    run.assert_true_to(network);
    run
}

fn forked() -> Network {
    Network::full(&[1, 1, 1, 4, 1, 1, 1]).salted(31)
}

fn sent(run: &Run) -> BTreeMap<u8, u32> {
    run.graph
        .hops
        .iter()
        .map(|hop| (hop.ttl, hop.sent))
        .collect()
}

#[test]
fn the_trunk_is_what_lies_before_the_first_fork() {
    let trunk = traced(&mut forked(), Trunk::default()).graph.trunk();
    let addresses: Vec<_> = trunk.hops.iter().map(|hop| hop.address).collect();
    assert_eq!(trunk.first_ttl, 1);
    assert_eq!(addresses, [0, 1, 2].map(|index| Some(address(index))));
    assert!(trunk.hops.iter().all(|hop| hop.answered >= 6));
}

#[test]
fn a_second_trace_asks_only_the_last_hop_of_the_trunk() {
    for per_flow in [None, NonZeroU16::new(1)] {
        let first = traced(&mut forked(), Trunk::default());
        let mut network = forked().salted(32);
        let config = Config {
            trunk: first.graph.trunk(),
            in_flight_per_flow: per_flow,
            ..Config::default()
        };
        let run = run_with(&mut network, config, 5, Mischief::default());
        run.assert_true_to(&network);
        assert!(run.is_whole(&network));
        let (before, after) = (sent(&first), sent(&run));
        assert_eq!(after[&1], before[&1]);
        assert_eq!(after[&2], before[&2]);
        assert_eq!(after[&3], before[&3] + 1);
        let taken: Vec<u8> = run
            .graph
            .hops
            .iter()
            .filter(|hop| hop.nodes.iter().any(|node| node.from_trunk))
            .map(|hop| hop.ttl)
            .collect();
        assert_eq!(taken, [1, 2, 3]);
        let flow = &run.graph.flows[0];
        assert!(flow.nodes.iter().take(6).all(Option::is_some), "{flow:?}");
        // What was taken over is handed on.
        let handed = run.graph.trunk();
        assert_eq!(handed.hops.len(), 3);
    }
}

#[test]
fn routers_that_limit_their_answers_do_not_look_silent_to_the_second_trace() {
    let limit = Manner::Limited {
        burst: 6,
        every: 1_000_000,
    };
    let mut network = forked().with(|routers| {
        for router in &mut routers[..3] {
            router.manner = limit;
        }
    });
    let trunk = traced(&mut network, Trunk::default()).graph.trunk();
    assert_eq!(trunk.hops.len(), 3);
    // At once, with all tokens spent: even the last hop of the trunk is silent then.
    let run = traced(&mut network, trunk.clone());
    assert!(run.is_whole(&network), "{:?}", run.graph.hops);
    for (hop, known) in run.graph.hops.iter().zip(&trunk.hops) {
        assert_eq!(hop.nodes[0].address, known.address);
    }
}

#[test]
fn a_path_that_leaves_the_trunk_halfway_takes_over_what_is_common() {
    let trunk = traced(&mut Network::straight(8), Trunk::default())
        .graph
        .trunk();
    assert_eq!(trunk.hops.len(), 7);
    // 0 → 1 → 2 → 8 → 9 → 10: other routers from the fourth hop on.
    let mut other = Network::straight(11).with(|routers| routers[2].next = vec![8]);
    let run = traced(&mut other, trunk);
    assert!(run.is_whole(&other));
    let taken = run.graph.hops.iter().flat_map(|hop| &hop.nodes);
    assert_eq!(taken.filter(|node| node.from_trunk).count(), 3);
}

#[test]
fn a_path_with_nothing_in_common_is_traced_as_if_there_were_no_trunk() {
    let trunk = traced(&mut Network::straight(6), Trunk::default())
        .graph
        .trunk();
    let mut other = Network::straight(9).with(|routers| {
        for router in routers {
            router.address = [198, 51, 100, 1].into();
        }
    });
    for (index, router) in other.routers.iter_mut().enumerate() {
        router.address = [198, 51, 100, u8::try_from(index).unwrap()].into();
    }
    let run = traced(&mut other, trunk);
    assert!(run.is_whole(&other));
    assert!(
        run.graph
            .hops
            .iter()
            .flat_map(|hop| &hop.nodes)
            .all(|node| !node.from_trunk)
    );
}

#[test]
fn a_target_on_the_trunk_itself_is_reached_where_it_is() {
    let trunk = traced(&mut Network::straight(8), Trunk::default())
        .graph
        .trunk();
    for length in 1..7 {
        let mut near = Network::straight(length);
        let run = traced(&mut near, trunk.clone());
        assert_eq!(run.graph.distance, u8::try_from(length).ok());
        assert!(run.is_whole(&near), "{length}: {:?}", run.graph.hops);
        assert!(run.graph.arrivals <= Config::default().arrivals_max);
    }
}

#[test]
fn a_silent_hop_inside_the_trunk_stays_silent() {
    let mut network = Network::straight(8).with(|routers| routers[1].manner = Manner::Silent);
    let trunk = traced(&mut network, Trunk::default()).graph.trunk();
    assert_eq!(trunk.hops.len(), 7);
    let run = traced(&mut network, trunk);
    assert_eq!(run.graph.hops[1].nodes[0].role, Role::Silent);
    assert!(run.took < Micros::from_millis(700), "{:?}", run.took);
}

#[test]
fn a_balancer_per_packet_ends_the_trunk() {
    let mut network = Network::full(&[1, 1, 2, 1, 1, 1])
        .with(|routers| routers[1].spread = Spread::PerPacket)
        .salted(4);
    let trunk = traced(&mut network, Trunk::default()).graph.trunk();
    assert_eq!(trunk.hops.len(), 1);
}

#[test]
fn one_path_has_a_trunk_as_well() {
    let one = |trunk| Config {
        flows_max: 1,
        trunk,
        ..Config::default()
    };
    let mut network = Network::straight(8);
    let first = run_with(&mut network, one(Trunk::default()), 1, Mischief::default());
    let trunk = first.graph.trunk();
    assert_eq!(trunk.hops.len(), 7);
    let second = run_with(&mut network, one(trunk), 1, Mischief::default());
    assert!(second.is_whole(&network));
    assert!(second.probes <= 7, "{}", second.probes);
}
