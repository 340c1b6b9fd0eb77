//! One flow, one path.

use std::num::NonZeroU16;

use nwcheck::proto::trace::{Config, End, Ending, Micros, Role, Tracer};

use crate::drive::run;
use crate::network::{Manner, Network, address};

fn one_path() -> Config {
    Config {
        flows_max: 1,
        ..Config::default()
    }
}

fn rootless() -> Config {
    Config {
        in_flight_per_flow: NonZeroU16::new(1),
        ..one_path()
    }
}

#[test]
fn a_straight_path_is_walked_without_root_within_the_sum_of_its_round_trips() {
    let mut network = Network::straight(10);
    let run = run(&mut network, rootless());
    assert_eq!(run.end, End::Complete);
    assert_eq!(run.graph.distance, Some(10));
    assert_eq!(run.probes, 10);
    assert!(run.took <= Micros::from_millis(2 * 220), "{:?}", run.took);
    assert!(run.is_whole(&network));
    run.assert_true_to(&network);
    assert_eq!(run.graph.flows[0].ending, Ending::Arrived { ttl: 10 });
    assert_eq!(run.at_once, 1);
}

#[test]
fn a_raw_socket_walks_faster_and_visits_the_destination_as_often_as_it_may() {
    let mut network = Network::straight(10);
    // With six, one and a half round trips to the far end.
    for (arrivals_max, within) in [(1, 250), (3, 150), (5, 110), (6, 60)] {
        let config = Config {
            arrivals_max,
            ..one_path()
        };
        let run = run(&mut network, config);
        assert!(run.took <= Micros::from_millis(within), "{:?}", run.took);
        assert!(run.graph.arrivals <= arrivals_max);
        assert!(run.is_whole(&network));
    }
}

#[test]
fn with_arrivals_to_spare_a_raw_socket_needs_little_more_than_one_round_trip() {
    let mut network = Network::straight(10);
    let run = run(
        &mut network,
        Config {
            arrivals_max: 30,
            ..one_path()
        },
    );
    assert!(run.took <= Micros::from_millis(80), "{:?}", run.took);
    assert!(run.is_whole(&network));
}

#[test]
fn a_black_hole_is_told_in_two_and_a_half_seconds_with_silence_asked_again() {
    for config in [one_path(), rootless()] {
        let mut network = Network::straight(12).with(|routers| routers[6].manner = Manner::Drops);
        let run = run(&mut network, config);
        println!("black hole: {:?}, {} probes", run.took, run.probes);
        assert_eq!(run.end, End::Complete);
        assert!(run.took < Micros::from_millis(2500), "{:?}", run.took);
        assert_eq!(run.graph.flows[0].ending, Ending::Silent { from_ttl: 7 });
        assert!(run.graph.hops[6].sent >= 3);
        run.assert_true_to(&network);
    }
}

#[test]
fn silent_hops_in_the_middle_cost_little() {
    for config in [one_path(), rootless()] {
        let mut network = Network::straight(12).with(|routers| {
            for router in &mut routers[3..6] {
                router.manner = Manner::Silent;
            }
        });
        let run = run(&mut network, config);
        println!("three silent hops: {:?}, {} probes", run.took, run.probes);
        assert_eq!(run.graph.distance, Some(12));
        assert!(run.took < Micros::from_millis(2500), "{:?}", run.took);
        assert!(run.graph.arrivals <= Config::default().arrivals_max);
        run.assert_true_to(&network);
        let silent = run.graph.hops[3..6]
            .iter()
            .all(|hop| hop.nodes[0].role == Role::Silent && hop.sent >= 3);
        assert!(silent, "{:?}", &run.graph.hops[3..6]);
        assert!(!run.links().contains(&(7, address(2), address(6))));
    }
}

#[test]
fn a_refusal_ends_the_flow_and_is_asked_for_twice() {
    let mut network = Network::straight(8).with(|routers| routers[4].manner = Manner::Refuses(13));
    let run = run(&mut network, rootless());
    let expected = Ending::Unreachable {
        ttl: 5,
        from: address(4),
        code: 13,
        answers: 2,
    };
    assert_eq!(run.graph.flows[0].ending, expected);
    assert_eq!(run.graph.hops.len(), 5);
}

#[test]
fn a_loop_ends_the_walk_with_its_routers() {
    let mut network = Network::straight(8).with(|routers| routers[5].next = vec![4]);
    let run = run(&mut network, rootless());
    let Ending::Loop(cycle) = &run.graph.flows[0].ending else {
        panic!("{:?}", run.graph.flows[0].ending)
    };
    assert_eq!(
        (cycle.first_ttl, cycle.nodes.as_slice()),
        (5, &[address(4), address(5)][..])
    );
    assert!(run.probes <= 16, "{}", run.probes);
}

#[test]
fn a_destination_that_answers_nothing_ends_the_trace_after_the_last_router() {
    let mut network = Network::straight(6).with(|routers| routers[5].manner = Manner::Silent);
    let run = run(&mut network, rootless());
    println!("silent destination: {:?}, {} probes", run.took, run.probes);
    assert_eq!(run.graph.flows[0].ending, Ending::Silent { from_ttl: 6 });
    assert!(run.took < Micros::from_millis(2500), "{:?}", run.took);
}

#[test]
fn a_distance_learnt_elsewhere_lets_all_hops_be_asked_at_once() {
    let mut tracer = Tracer::new(one_path(), 1, Micros(0));
    tracer.handle_distance(10, Micros(0));
    let ttls: Vec<u8> = std::iter::from_fn(|| tracer.poll_transmit(Micros(0)))
        .map(|probe| probe.ttl)
        .collect();
    // Up to the sixth they are safe; beyond they may arrive, and five may.
    assert_eq!(ttls, (1..=11).collect::<Vec<_>>());
}

#[test]
fn a_destination_known_to_be_silent_lets_all_hops_be_asked_at_once() {
    let mut tracer = Tracer::new(one_path(), 1, Micros(0));
    assert_eq!(
        std::iter::from_fn(|| tracer.poll_transmit(Micros(0))).count(),
        usize::from(Config::default().arrivals_max) - 1
    );
    tracer.handle_destination_silent(Micros(0));
    assert_eq!(
        std::iter::from_fn(|| tracer.poll_transmit(Micros(0))).count(),
        31 - usize::from(Config::default().arrivals_max)
    );
}

#[test]
fn packets_that_are_held_for_a_second_do_not_all_arrive_in_the_end() {
    for all in [one_path(), Config::default()] {
        for per_flow in [None, NonZeroU16::new(1)] {
            for from in [0, 3, 9] {
                let mut network = Network::straight(10);
                network.held = Some((from, Micros::from_millis(1000)));
                let config = Config {
                    in_flight_per_flow: per_flow,
                    ..all.clone()
                };
                let run = run(&mut network, config);
                let visits = network.arrivals;
                let flows = all.flows_max;
                println!(
                    "held from hop {from}, {flows} flows, {per_flow:?}: {visits} arrivals, {:?}",
                    run.took
                );
                assert!(visits <= Config::default().arrivals_max, "{visits}");
                assert!(run.is_whole(&network));
                run.assert_true_to(&network);
            }
        }
    }
}

#[test]
fn a_slow_link_far_out_costs_no_more_visits_than_a_fast_one() {
    for all in [one_path(), Config::default()] {
        for per_flow in [None, NonZeroU16::new(1)] {
            let mut network = Network::straight(12).with(|routers| routers[4].delay = 300_000);
            let config = Config {
                in_flight_per_flow: per_flow,
                ..all.clone()
            };
            let run = run(&mut network, config);
            println!(
                "slow link, {} flows, {per_flow:?}: {} arrivals, {:?}",
                all.flows_max, network.arrivals, run.took
            );
            assert!(
                network.arrivals <= Config::default().arrivals_max,
                "{}",
                network.arrivals
            );
            assert!(run.is_whole(&network));
        }
    }
}
