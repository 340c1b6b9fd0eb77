//! All paths: shares found and probes spent, measured over seeded runs and printed.

use std::num::NonZeroU16;

use nwcheck::proto::trace::{Balancing, Confidence, Config, Micros};

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
    mean_probes: u32,
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
        mean_probes: probes.iter().sum::<u32>() / u32::try_from(probes.len()).unwrap(),
        longest: all.iter().map(|(_, run)| run.took).max().unwrap(),
        most_arrivals: all.iter().map(|(_, run)| run.graph.arrivals).max().unwrap(),
    };
    let over = |limit: u32| probes.iter().filter(|probes| **probes > limit).count();
    println!(
        "{name}: whole {}/{}, probes mean {} most {} (over 130: {}, 330: {}, 370: {}), longest {:?}, arrivals {}",
        measured.whole,
        measured.runs,
        measured.mean_probes,
        measured.most_probes,
        over(130),
        over(330),
        over(370),
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
        assert!(measured.most_arrivals <= 2);
    }
}

#[test]
fn a_diamond_of_four_is_found_with_130_probes() {
    let measured = measure("1-4-1", 100, &all_paths(), || {
        Network::full(&[1, 1, 1, 1, 4, 1, 1, 1, 1, 1])
    });
    assert!(measured.whole >= 90);
    assert!(measured.mean_probes <= 130);
}

#[test]
fn a_diamond_of_sixteen_is_found_with_370_probes() {
    let measured = measure("1-16-1", 100, &all_paths(), || {
        Network::full(&[1, 1, 1, 1, 16, 1, 1, 1, 1, 1])
    });
    assert!(measured.whole >= 95);
    assert!(measured.mean_probes <= 370);
}

#[test]
fn two_meshed_stages_of_four_are_found_with_330_probes() {
    let mesh = || Network::full(&[1, 1, 1, 1, 4, 4, 1, 1, 1, 1]);
    let measured = measure("4x4", 100, &all_paths(), mesh);
    assert!(measured.whole >= 75);
    assert!(measured.mean_probes <= 330);
    let config = Config {
        confidence: Confidence::P99,
        ..all_paths()
    };
    let measured = measure("4x4 at 99 %", 100, &config, mesh);
    assert!(measured.whole >= 95);
}
