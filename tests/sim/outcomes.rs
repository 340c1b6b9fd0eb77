//! The outcomes of flows: which arrive, and which links the others took.

use std::num::NonZeroU16;

use nwcheck::proto::trace::{Config, Ending, Graph, Micros};

use crate::drive::{Mischief, Run, run_asking};
use crate::measure::{assert_share, seeds};
use crate::network::{Manner, Network, address};

const WANTED: u16 = 48;

fn outcomes(network: &mut Network, config: Config, seed: u64, at: Micros) -> Run {
    let run = run_asking(
        network,
        config,
        seed,
        Mischief::default(),
        Some((at, WANTED)),
    );
    run.assert_true_to(network);
    run
}

/// One branch of sixteen forwards nothing, though it answers: it is the link behind it that is dead.
fn one_dead_of_sixteen() -> Network {
    Network::full(&[1, 1, 1, 16, 1, 1, 1]).with(|routers| {
        let dead = routers.len();
        let mut hole = routers[3].clone();
        hole.manner = Manner::Drops;
        hole.next = Vec::new();
        routers[3].next = vec![dead];
        routers.push(hole);
    })
}

fn passes(graph: &Graph, flow: usize, index: usize) -> bool {
    graph.flows[flow]
        .nodes
        .iter()
        .flatten()
        .any(|id| graph.node(*id).and_then(|node| node.address) == Some(address(index)))
}

#[test]
fn one_dead_branch_of_sixteen_is_found_and_placed_among_48_flows() {
    for per_flow in [None, NonZeroU16::new(1)] {
        let (mut found, mut runs, mut wrong) = (0, 0, 0);
        for seed in seeds("one dead of sixteen", 12) {
            let mut network = one_dead_of_sixteen().salted(seed);
            let config = Config {
                in_flight_per_flow: per_flow,
                ..Config::default()
            };
            let run = outcomes(&mut network, config, seed, Micros::from_millis(100));
            let graph = &run.graph;
            assert!(
                graph.arrivals <= WANTED + Config::default().arrivals_max,
                "{}",
                graph.arrivals
            );
            assert!(
                run.took < Micros::from_millis(12_000),
                "{seed} {per_flow:?} {:?}",
                run.took
            );
            let dead: Vec<usize> = (0..usize::from(WANTED))
                .filter(|&flow| !matches!(graph.flows[flow].ending, Ending::Arrived { .. }))
                .collect();
            wrong += dead.iter().filter(|&&flow| !passes(graph, flow, 3)).count();
            for &flow in &dead {
                let path = &graph.flows[flow];
                assert_eq!(
                    path.ending,
                    Ending::Silent { from_ttl: 5 },
                    "{seed} {path:?}"
                );
            }
            found += usize::from(!dead.is_empty());
            runs += 1;
        }
        assert_eq!(wrong, 0);
        // 1 - (15/16)^48
        assert_share("one dead of sixteen", found, runs, 0.954);
    }
}

#[test]
fn flows_that_lose_a_probe_are_not_called_dead() {
    let (mut dead, mut flows) = (0, 0);
    for seed in seeds("lossy flows", 10) {
        let mut network = Network::full(&[1, 1, 4, 1, 1, 1])
            .with(|routers| {
                for router in routers {
                    router.loss_percent = 2;
                }
            })
            .salted(seed);
        let run = outcomes(&mut network, Config::default(), seed, Micros(0));
        for flow in run.graph.flows.iter().take(usize::from(WANTED)) {
            dead += usize::from(!matches!(flow.ending, Ending::Arrived { .. }));
            flows += 1;
        }
    }
    // One question of nine is lost on six links; four in a row are, once in 5900 flows.
    assert_share("flows that lose a probe", flows - dead, flows, 0.9998);
}

#[test]
fn flows_on_a_longer_arm_arrive_too() {
    for seed in seeds("longer arm", 10) {
        let mut network = Network::straight(9)
            .with(|routers| routers[2].next = vec![3, 5])
            .salted(seed);
        let run = outcomes(&mut network, Config::default(), seed, Micros(0));
        let arrived = run
            .graph
            .flows
            .iter()
            .take(usize::from(WANTED))
            .filter(|flow| matches!(flow.ending, Ending::Arrived { .. }))
            .count();
        assert_eq!(arrived, 48);
        assert!(
            run.graph.arrivals <= WANTED + Config::default().arrivals_max,
            "{}",
            run.graph.arrivals
        );
    }
}

#[test]
fn outcomes_that_are_wanted_after_the_end_open_the_trace_again() {
    let mut network = Network::full(&[1, 1, 2, 1, 1]);
    let run = outcomes(
        &mut network,
        Config::default(),
        1,
        Micros::from_millis(20_000),
    );
    assert!(run.took > Micros::from_millis(20_000));
    assert_eq!(run.graph.flows.len(), 48);
    assert!((48..=54).contains(&run.graph.arrivals));
}

#[test]
fn a_path_on_which_nothing_arrives_is_not_searched_forever() {
    for per_flow in [None, NonZeroU16::new(1)] {
        let mut network = Network::straight(12).with(|routers| routers[6].manner = Manner::Drops);
        let config = Config {
            in_flight_per_flow: per_flow,
            ..Config::default()
        };
        let run = outcomes(&mut network, config, 1, Micros(0));
        println!(
            "black hole, 48 outcomes: {:?}, {} probes",
            run.took, run.probes
        );
        assert!(run.took < Micros::from_millis(4000), "{:?}", run.took);
        assert!(run.probes < 250, "{}", run.probes);
    }
}

#[test]
fn no_more_flows_are_followed_than_are_shown() {
    let config = Config {
        flows_max: 8,
        flows_shown: 8,
        ..Config::default()
    };
    let run = outcomes(&mut Network::straight(6), config, 1, Micros(0));
    assert_eq!(run.graph.flows.len(), 8);
    assert!(run.graph.arrivals <= 14);
}

/// One branch of four forwards nothing, and its router answers or does not.
fn dead_of_four(answers: bool) -> Network {
    Network::full(&[1, 4, 1, 1]).with(|routers| {
        let mut hole = routers[DEAD].clone();
        hole.manner = Manner::Drops;
        hole.next = Vec::new();
        if answers {
            routers[DEAD].next = vec![routers.len()];
            routers.push(hole);
        } else {
            routers[DEAD] = hole;
        }
    })
}

/// Which of the routers of the branches it is.
const DEAD: usize = 1;

#[test]
fn a_dead_branch_is_told_within_three_seconds_of_the_question() {
    let asked = Micros::from_millis(1500);
    for (name, answers) in [("dead branch", true), ("dead and silent branch", false)] {
        for per_flow in [None, NonZeroU16::new(1)] {
            let mut took: Vec<u64> = Vec::new();
            for seed in seeds(name, 20) {
                let mut network = dead_of_four(answers).salted(seed);
                let config = Config {
                    in_flight_per_flow: per_flow,
                    ..Config::default()
                };
                // Outcomes are asked for where some connections failed and others did not.
                let mischief = Mischief {
                    round_trip: Some(Micros::from_millis(16)),
                    ..Mischief::default()
                };
                let run = run_asking(&mut network, config, seed, mischief, Some((asked, 24)));
                run.assert_true_to(&network);
                for flow in 0..24 {
                    let path = &run.graph.flows[flow];
                    let alive = (2..5).any(|branch| passes(&run.graph, flow, branch));
                    let arrives = matches!(path.ending, Ending::Arrived { .. });
                    assert_eq!(arrives, alive, "{name}, {seed}, {per_flow:?}: {path:?}");
                    // The last that answers is the branch's own router, or the fork before it.
                    let from_ttl = if answers { 3 } else { 2 };
                    assert!(
                        arrives || path.ending == Ending::Silent { from_ttl },
                        "{name}, {seed}, {per_flow:?}: {path:?}"
                    );
                }
                took.push(run.took.minus(asked).0 / 1000);
            }
            took.sort_unstable();
            let most = took[took.len() - 1];
            println!("{name}, {per_flow:?}: {most} ms at most");
            assert!(most < 3000, "{name}, {per_flow:?}: {took:?}");
        }
    }
}

#[test]
fn a_dead_branch_behind_routers_that_limit_their_answers_is_told_too() {
    let (mut wrong, mut flows) = (0, 0);
    for per_flow in [None, NonZeroU16::new(1)] {
        for seed in seeds("dead branch, limited", 10) {
            let mut network = dead_of_four(true)
                .with(|routers| {
                    for router in routers.iter_mut().take(6) {
                        router.manner = Manner::Limited {
                            burst: 6,
                            every: 1_000_000,
                        };
                    }
                })
                .salted(seed);
            let config = Config {
                in_flight_per_flow: per_flow,
                ..Config::default()
            };
            let run = run_asking(
                &mut network,
                config,
                seed,
                Mischief::default(),
                Some((Micros::from_millis(1500), 24)),
            );
            run.assert_true_to(&network);
            for flow in 0..24 {
                let path = &run.graph.flows[flow];
                let arrives = matches!(path.ending, Ending::Arrived { .. });
                wrong += usize::from(arrives == passes(&run.graph, flow, DEAD));
                flows += 1;
            }
        }
    }
    assert_share("limited and dead", flows - wrong, flows, 0.98);
}
