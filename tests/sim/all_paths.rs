//! All paths: what is found and what it costs, over seeded runs, held against the table of what this engine promises.

use std::num::NonZeroU16;

use nwcheck::proto::trace::{Balancing, Bound, Confidence, Config, End, Ending, Role, Scope};

use crate::drive::{Mischief, run, run_with};
use crate::measure::{assert_share, measure, seeds};
use crate::network::{Manner, Network, Spread, address};

/// With raw sockets, and with one probe of a flow in flight, as without root.
fn both() -> [(&'static str, Config); 2] {
    let rootless = Config {
        in_flight_per_flow: NonZeroU16::new(1),
        ..Config::default()
    };
    [("raw", Config::default()), ("lanes", rootless)]
}

const LINUX: Manner = Manner::Limited {
    burst: 6,
    every: 1_000_000,
};

#[test]
fn a_straight_path_takes_75_probes_at_most() {
    for (how, config) in both() {
        let measured = measure(&format!("straight {how}"), 10, &config, || {
            Network::straight(10)
        });
        assert!(
            measured
                .runs
                .iter()
                .all(|one| one.whole && one.run.probes <= 75)
        );
        measured.assert_took(700);
    }
}

#[test]
fn a_diamond_of_four_is_found_with_130_probes() {
    for (how, config) in both() {
        let measured = measure(&format!("1-4-1 {how}"), 60, &config, || {
            Network::full(&[1, 1, 1, 1, 4, 1, 1, 1, 1, 1])
        });
        measured.assert_whole(0.95);
        measured.assert_probes(130);
        measured.assert_took(1000);
    }
}

#[test]
fn a_diamond_of_sixteen_is_found_with_370_probes() {
    for (how, config) in both() {
        let measured = measure(&format!("1-16-1 {how}"), 20, &config, || {
            Network::full(&[1, 1, 1, 1, 16, 1, 1, 1, 1, 1])
        });
        measured.assert_whole(0.95);
        measured.assert_probes(370);
        measured.assert_took(3000);
    }
}

#[test]
fn two_meshed_stages_of_four_are_found_with_330_probes() {
    for (how, config) in both() {
        let mesh = || Network::full(&[1, 1, 1, 1, 4, 4, 1, 1, 1, 1]);
        let measured = measure(&format!("4x4 {how}"), 20, &config, mesh);
        // Five branching nodes at 95 % each.
        measured.assert_whole(0.75);
        measured.assert_probes(330);
        measured.assert_took(3000);
        let config = Config {
            confidence: Confidence::P99,
            ..config
        };
        let measured = measure(&format!("4x4 at 99 % {how}"), 10, &config, mesh);
        measured.assert_whole(0.95);
    }
}

#[test]
fn every_width_from_2_to_32_is_found() {
    for width in [2, 3, 5, 8, 11, 24, 32] {
        let shape = || Network::full(&[1, 1, width, 1, 1, 1]);
        let measured = measure(&format!("1-{width}-1"), 5, &Config::default(), shape);
        // The balancer itself, and the nodes behind it, one of which seldom lacks a flow.
        measured.assert_whole(0.94);
    }
}

/// A fork after the third router: one arm goes on at `short`, the other takes the routers between.
fn arms(hops: usize, short: usize) -> Network {
    Network::straight(hops).with(|routers| routers[2].next = vec![3, short])
}

#[test]
fn unequal_arms_are_found_as_often_as_the_stopping_rule_promises() {
    for (how, config) in both() {
        for longer in 1..=4 {
            let measured = measure(
                &format!("one arm {longer} longer {how}"),
                25,
                &config,
                || arms(8 + longer, 3 + longer),
            );
            measured.assert_whole(0.95);
            measured.assert_took(1500);
        }
        // Arms of two and of four routers.
        let measured = measure(&format!("arms of two and four {how}"), 25, &config, || {
            arms(12, 5).with(|routers| routers[4].next = vec![9])
        });
        measured.assert_whole(0.95);
    }
}

#[test]
fn an_arm_that_ends_at_the_destination_itself_does_not_hide_the_other() {
    for (how, config) in both() {
        for longer in 1..=2 {
            let shape = || {
                Network::straight(4 + longer + 1).with(|routers| {
                    let last = routers.len() - 1;
                    routers[3].next = vec![4, last];
                })
            };
            let name = format!("last arm {longer} longer {how}");
            let measured = measure(&name, 40, &config, shape);
            // Each look is a visit: with half of six spent on the way, four see the fork in 7 of 8 runs.
            let seen = measured
                .runs
                .iter()
                .filter(|one| one.run.nodes().contains(&(5, address(4))));
            assert_share(&name, seen.count(), measured.runs.len(), 0.87);
        }
    }
}

#[test]
fn a_balancer_per_packet_is_recognised_and_no_links_are_made_up() {
    let (mut recognised, mut runs) = (0, 0);
    for seed in seeds("per packet", 60) {
        // 2 → {3, 4} → {5, 6} in parallel → 7
        let mut network = Network::layers(&[1, 1, 1, 2, 2, 1, 1, 1], |layer, from, to| {
            layer != 3 || from == to
        })
        .with(|routers| routers[2].spread = Spread::PerPacket)
        .salted(seed);
        let run = run_with(&mut network, Config::default(), seed, Mischief::default());
        let balancers: Vec<_> = run
            .graph
            .hops
            .iter()
            .flat_map(|hop| &hop.nodes)
            .filter(|node| node.balancing == Balancing::PerPacket)
            .collect();
        let known = matches!(balancers.as_slice(), [only] if only.address == Some(address(2)));
        if known {
            run.assert_true_to(&network);
        }
        recognised += usize::from(known);
        runs += 1;
        assert!(run.probes < 150, "{}", run.probes);
    }
    assert_share("per packet: recognised", recognised, runs, 0.95);
}

#[test]
fn routers_that_limit_their_answers_as_linux_does_are_paced_around() {
    // As IPv4: six in a burst, then one a second. As IPv6: more at a time, by a token bucket of its own.
    let six = Manner::Limited {
        burst: 6,
        every: 100_000,
    };
    for (name, limit, most) in [("IPv4", LINUX, 28_000), ("IPv6", six, 8000)] {
        for (how, config) in both() {
            let shape = || {
                Network::full(&[1, 1, 1, 4, 1, 1, 1]).with(|routers| {
                    let last = routers.len() - 1;
                    for router in &mut routers[..last] {
                        router.manner = limit;
                    }
                })
            };
            let measured = measure(
                &format!("limited as {name} 1-4-1 {how}"),
                10,
                &config,
                shape,
            );
            measured.assert_whole(0.9);
            measured.assert_took(most);
            if limit == LINUX {
                let nodes = measured.runs.iter().flat_map(|one| &one.run.graph.hops);
                assert!(nodes.flat_map(|hop| &hop.nodes).any(|node| node.limited));
            }
        }
    }
}

#[test]
fn a_limited_straight_path_needs_no_more_than_its_burst() {
    for (how, config) in both() {
        let measured = measure(&format!("limited straight {how}"), 10, &config, || {
            Network::straight(10).with(|routers| {
                for router in &mut routers[..9] {
                    router.manner = LINUX;
                }
            })
        });
        assert!(measured.runs.iter().all(|one| one.whole));
        measured.assert_took(700);
    }
}

#[test]
fn a_silent_balancer_does_not_hide_its_diamond() {
    let (mut whole, mut runs) = (0, 0);
    for seed in seeds("silent balancer", 30) {
        let mut network = Network::full(&[1, 1, 1, 1, 4, 1, 1, 1, 1])
            .with(|routers| routers[3].manner = Manner::Silent)
            .salted(seed);
        let run = run_with(&mut network, Config::default(), seed, Mischief::default());
        run.assert_true_to(&network);
        whole += usize::from(run.nodes() == network.nodes());
        runs += 1;
        assert!(run.probes < 220, "{}", run.probes);
    }
    assert_share("silent balancer: nodes", whole, runs, 0.95);
}

#[test]
fn a_dead_branch_shows_in_the_flows_that_take_it() {
    let (mut found, mut runs) = (0, 0);
    for seed in seeds("dead branch", 30) {
        let mut network = Network::full(&[1, 1, 1, 2, 1, 1, 1, 1])
            .with(|routers| routers[4].manner = Manner::Drops)
            .salted(seed);
        let run = run_with(&mut network, Config::default(), seed, Mischief::default());
        run.assert_true_to(&network);
        assert!(run.probes < 300, "{}", run.probes);
        let mut endings = run.graph.flows.iter().map(|flow| &flow.ending);
        let dead = endings.any(|ending| *ending == Ending::Silent { from_ttl: 4 });
        let alive = run.graph.distance == Some(8) || run.nodes().iter().any(|(ttl, _)| *ttl == 7);
        found += usize::from(dead && alive);
        runs += 1;
    }
    assert_share("dead branch", found, runs, 0.95);
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
    measure("1 % loss a hop", 30, &Config::default(), shape).assert_whole(0.93);
}

#[test]
fn a_black_hole_with_all_paths_asked_for_ends_in_two_and_a_half_seconds() {
    for (how, config) in both() {
        let shape = || Network::straight(12).with(|routers| routers[6].manner = Manner::Drops);
        let measured = measure(&format!("black hole {how}"), 5, &config, shape);
        measured.assert_took(2500);
        for one in &measured.runs {
            assert!(one.run.probes < 150);
            let silent = &one.run.graph.hops[6];
            assert!(silent.sent >= 3 && silent.nodes[0].role == Role::Silent);
        }
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
    assert_eq!(run.end, End::StoppedAtBound(Bound::Flows));
}

#[test]
fn more_flows_are_used_than_shown_where_the_stopping_rule_wants_them() {
    let mut network = Network::full(&[1, 1, 16, 1, 1]);
    let run = run(&mut network, Config::default());
    assert_eq!(run.graph.flows.len(), 64);
    assert!(run.is_whole(&network));
}

#[test]
fn the_result_says_how_sure_it_is() {
    let shape = || Network::full(&[1, 1, 1, 4, 1, 1, 1]);
    let node = run(&mut shape(), Config::default()).graph.completeness;
    assert!(node.satisfied && node.node_miss_bound <= 0.05, "{node:?}");
    assert_eq!((node.branching, node.per_packet), (1, false));
    let config = Config {
        scope: Scope::Path,
        ..Config::default()
    };
    let path = run(&mut shape(), config).graph.completeness;
    assert!(path.satisfied && path.path_miss_bound <= 0.05, "{path:?}");
    assert!(node.path_miss_bound > path.path_miss_bound);
}
