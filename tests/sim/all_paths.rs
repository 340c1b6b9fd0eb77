//! All paths: shares found and probes spent, measured over seeded runs and printed.

use std::num::NonZeroU16;

use nwcheck::proto::trace::{Balancing, Confidence, Config, Micros, Scope};

use crate::drive::{Mischief, Run, run, run_with};
use crate::network::{Manner, Network, Spread, address};

fn all_paths() -> Config {
    Config {
        flows_max: 512,
        ..Config::default()
    }
}

/// What a number of runs over one shape came to.
struct Measured {
    whole: usize,
    runs: usize,
    most_probes: u32,
    longest: Micros,
    most_arrivals: u16,
}

fn measure(name: &str, runs: u64, config: &Config, shape: impl Fn() -> Network) -> Measured {
    let mut all: Vec<(bool, Run)> = Vec::new();
    for seed in 0..runs {
        let mut network = shape().salted(seed * 7919 + 1);
        let run = run_with(&mut network, config.clone(), seed, Mischief::default());
        run.assert_true_to(&network);
        all.push((run.is_whole(&network), run));
    }
    let probes: Vec<u32> = all.iter().map(|(_, run)| run.probes).collect();
    let measured = Measured {
        whole: all.iter().filter(|(whole, _)| *whole).count(),
        runs: all.len(),
        most_probes: *probes.iter().max().unwrap(),
        longest: all.iter().map(|(_, run)| run.took).max().unwrap(),
        most_arrivals: all.iter().map(|(_, run)| run.graph.arrivals).max().unwrap(),
    };
    println!(
        "{name}: whole {}/{}, probes mean {} most {}, longest {:?}, arrivals {}",
        measured.whole,
        measured.runs,
        probes.iter().sum::<u32>() / u32::try_from(probes.len()).unwrap(),
        measured.most_probes,
        measured.longest,
        measured.most_arrivals
    );
    measured
}

#[test]
fn a_straight_path_takes_75_probes_at_most() {
    for per_flow in [None, NonZeroU16::new(1)] {
        let config = Config {
            in_flight_per_flow: per_flow,
            ..all_paths()
        };
        let measured = measure("straight", 20, &config, || Network::straight(10));
        assert_eq!(measured.whole, measured.runs);
        assert!(measured.most_probes <= 75);
        assert!(measured.longest < Micros::from_millis(700));
        assert!(measured.most_arrivals <= Config::default().arrivals_max);
    }
}

#[test]
fn a_diamond_of_four_is_found_with_130_probes() {
    let measured = measure("1-4-1", 100, &all_paths(), || {
        Network::full(&[1, 1, 1, 1, 4, 1, 1, 1, 1, 1])
    });
    assert!(measured.whole >= 90);
    assert!(measured.most_probes <= 130);
}

#[test]
fn a_diamond_of_sixteen_is_found_with_370_probes() {
    let measured = measure("1-16-1", 100, &all_paths(), || {
        Network::full(&[1, 1, 1, 1, 16, 1, 1, 1, 1, 1])
    });
    assert!(measured.whole >= 95);
    assert!(measured.most_probes <= 370);
}

#[test]
fn two_meshed_stages_of_four_are_found_with_330_probes() {
    let mesh = || Network::full(&[1, 1, 1, 1, 4, 4, 1, 1, 1, 1]);
    let measured = measure("4x4", 100, &all_paths(), mesh);
    assert!(measured.whole >= 75);
    assert!(measured.most_probes <= 330);
    let config = Config {
        confidence: Confidence::P99,
        ..all_paths()
    };
    let measured = measure("4x4 at 99 %", 100, &config, mesh);
    assert!(measured.whole >= 95);
}

#[test]
fn every_width_from_2_to_32_is_found() {
    for width in [2, 3, 5, 8, 11, 24, 32] {
        let shape = || Network::full(&[1, 1, width, 1, 1, 1]);
        let measured = measure(&format!("1-{width}-1"), 10, &all_paths(), shape);
        assert!(measured.whole >= 8);
    }
}

/// 1 → 2 arms, of one and of two more hops, that meet again.
fn unequal() -> Network {
    Network::straight(9).with(|routers| {
        // 2 → 3 → 4 → 5 and 2 → 5
        routers[2].next = vec![3, 5];
    })
}

#[test]
fn unequal_arms_draw_no_link_that_does_not_exist() {
    let measured = measure("unequal", 100, &all_paths(), unequal);
    assert!(measured.whole >= 90);
    assert!(measured.most_arrivals <= Config::default().arrivals_max);
}

#[test]
fn arms_that_differ_by_one_hop_just_before_the_destination_are_told_apart() {
    let shape = || {
        Network::straight(7).with(|routers| {
            routers[3].next = vec![4, 6];
        })
    };
    let measured = measure("unequal end", 100, &all_paths(), shape);
    assert!(measured.most_arrivals <= 6, "{}", measured.most_arrivals);
}

#[test]
fn a_balancer_per_packet_is_recognised_and_no_links_are_made_up() {
    let mut recognised = 0;
    for salt in 0..100 {
        // 2 → {3, 4} → {5, 6} in parallel → 7
        let mut network = Network::layers(&[1, 1, 1, 2, 2, 1, 1, 1], |layer, from, to| {
            layer != 3 || from == to
        })
        .with(|routers| routers[2].spread = Spread::PerPacket)
        .salted(salt);
        let run = run_with(&mut network, all_paths(), salt, Mischief::default());
        run.assert_true_to(&network);
        let balancers: Vec<_> = run
            .graph
            .hops
            .iter()
            .flat_map(|hop| &hop.nodes)
            .filter(|node| node.balancing == Balancing::PerPacket)
            .collect();
        if let [only] = balancers.as_slice() {
            recognised += u32::from(only.address == Some(address(2)));
        }
        assert!(run.probes < 150, "{}", run.probes);
    }
    println!("per packet: recognised {recognised}/100");
    assert!(recognised >= 95);
}

#[test]
fn limited_routers_are_paced_around_and_recognised() {
    let limit = Manner::Limited {
        burst: 6,
        every: 1_000_000,
    };
    let shape = || {
        Network::full(&[1, 1, 1, 4, 1, 1, 1]).with(|routers| {
            let last = routers.len() - 1;
            for router in &mut routers[..last] {
                router.manner = limit;
            }
        })
    };
    let measured = measure("limited 1-4-1", 20, &all_paths(), shape);
    assert!(measured.whole >= 17);
    assert!(
        measured.longest < Micros::from_millis(30_000),
        "{:?}",
        measured.longest
    );
    let mut network = shape();
    let run = run(&mut network, all_paths());
    assert!(
        run.graph
            .hops
            .iter()
            .flat_map(|hop| &hop.nodes)
            .any(|node| node.limited)
    );
}

#[test]
fn a_limited_straight_path_needs_no_more_than_its_burst() {
    let limit = Manner::Limited {
        burst: 6,
        every: 1_000_000,
    };
    let shape = || {
        Network::straight(10).with(|routers| {
            for router in &mut routers[..9] {
                router.manner = limit;
            }
        })
    };
    let measured = measure("limited straight", 20, &all_paths(), shape);
    assert_eq!(measured.whole, measured.runs);
    assert!(measured.longest < Micros::from_millis(700));
}

#[test]
fn a_silent_balancer_does_not_hide_its_diamond() {
    let shape = || {
        Network::full(&[1, 1, 1, 1, 4, 1, 1, 1, 1])
            .with(|routers| routers[3].manner = Manner::Silent)
    };
    let mut whole = 0;
    for salt in 0..50 {
        let mut network = shape().salted(salt);
        let run = run_with(&mut network, all_paths(), salt, Mischief::default());
        run.assert_true_to(&network);
        whole += u32::from(run.nodes() == network.nodes());
        assert!(run.probes < 200, "{}", run.probes);
    }
    println!("silent balancer: nodes whole {whole}/50");
    assert!(whole >= 45);
}

#[test]
fn a_dead_branch_shows_in_the_flows_that_take_it() {
    let mut found = 0;
    for salt in 0..50 {
        let mut network = Network::full(&[1, 1, 1, 2, 1, 1, 1, 1])
            .with(|routers| routers[4].manner = Manner::Drops)
            .salted(salt);
        let run = run_with(&mut network, all_paths(), salt, Mischief::default());
        run.assert_true_to(&network);
        assert!(run.probes < 300, "{}", run.probes);
        let dead = run.graph.flows.iter().any(|flow| {
            matches!(
                flow.ending,
                nwcheck::proto::trace::Ending::Silent { from_ttl: 4 }
            )
        });
        let alive = run.graph.distance == Some(8) || run.nodes().iter().any(|(ttl, _)| *ttl == 7);
        found += u32::from(dead && alive);
    }
    println!("dead branch: {found}/50");
    assert!(found >= 45);
}

#[test]
fn a_little_loss_costs_probes_and_no_truth() {
    let shape = || {
        Network::full(&[1, 1, 1, 4, 1, 1, 1]).with(|routers| {
            for router in routers {
                router.loss_percent = 1;
            }
        })
    };
    let measured = measure("1 % loss a hop", 30, &all_paths(), shape);
    assert!(measured.whole >= 26);
}

#[test]
fn without_root_a_diamond_is_found_as_well() {
    let config = Config {
        in_flight_per_flow: NonZeroU16::new(1),
        ..all_paths()
    };
    let shape = || Network::full(&[1, 1, 1, 1, 4, 1, 1, 1, 1, 1]);
    let measured = measure("1-4-1 without root", 30, &config, shape);
    assert!(measured.whole >= 27);
    assert!(measured.longest < Micros::from_millis(1000));
}

#[test]
fn a_black_hole_with_all_paths_asked_for_ends_in_two_and_a_half_seconds() {
    for per_flow in [None, NonZeroU16::new(1)] {
        let config = Config {
            in_flight_per_flow: per_flow,
            ..all_paths()
        };
        let shape = || Network::straight(12).with(|routers| routers[6].manner = Manner::Drops);
        let measured = measure("black hole", 5, &config, shape);
        assert!(
            measured.longest < Micros::from_millis(2500),
            "{:?}",
            measured.longest
        );
        assert!(measured.most_probes < 150);
    }
}

#[test]
fn the_bound_on_flows_is_kept_and_said() {
    let config = Config {
        flows_max: 16,
        flows_shown: 16,
        ..Config::default()
    };
    let mut network = Network::full(&[1, 1, 16, 1, 1]);
    let run = run(&mut network, config);
    assert!(run.graph.flows.len() <= 16);
    assert!(!run.graph.completeness.satisfied);
    assert_eq!(
        run.end,
        nwcheck::proto::trace::End::StoppedAtBound(nwcheck::proto::trace::Bound::Flows)
    );
}

#[test]
fn the_result_says_how_sure_it_is() {
    let shape = || Network::full(&[1, 1, 1, 4, 1, 1, 1]);
    let node = run(&mut shape(), all_paths()).graph.completeness;
    assert!(node.satisfied && node.node_miss_bound <= 0.05, "{node:?}");
    assert_eq!((node.branching, node.per_packet), (1, false));
    let config = Config {
        scope: Scope::Path,
        ..all_paths()
    };
    let path = run(&mut shape(), config).graph.completeness;
    assert!(path.satisfied && path.path_miss_bound <= 0.05, "{path:?}");
    assert!(node.path_miss_bound > path.path_miss_bound);
}

#[test]
fn the_default_flows_are_enough_for_a_diamond_of_sixteen() {
    let measured = measure("1-16-1, default flows", 50, &Config::default(), || {
        Network::full(&[1, 1, 1, 1, 16, 1, 1, 1, 1, 1])
    });
    assert!(measured.most_probes <= 370);
    assert!(measured.whole >= 40);
}
