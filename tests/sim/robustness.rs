//! Whatever the network answers: it ends within its bounds, and reports only what is there.

use std::num::NonZeroU16;

use nwcheck::proto::trace::{Answer, AnswerKind, Bound, Config, End, Micros, ProbeId, Tracer};
use proptest::prelude::*;
use proptest::test_runner::{Config as Proptest, RngAlgorithm, TestRng, TestRunner};

use crate::drive::{Mischief, run_with};
use crate::network::{Manner, Network, Spread, mix};

/// A random layered network: widths 1 to 5, random links, now and then a link that skips a layer, a silent,
/// limited, refusing or dropping router.
fn random_network(seed: u64) -> Network {
    let pick = |what: u64, of: u64| mix(seed ^ mix(what)) % of;
    let layers = 3 + pick(1, 8);
    let widths: Vec<usize> = (0..layers)
        .map(|layer| match layer {
            0 => 1,
            _ if layer + 1 == layers => 1,
            _ if pick(10 + layer, 3) == 0 => 1 + usize::try_from(pick(40 + layer, 5)).unwrap(),
            _ => 1,
        })
        .collect();
    let linked = |layer: usize, from: usize, to: usize| {
        let place = (layer * 64 + from * 8 + to) as u64;
        // At least one link out of every router and into every router.
        from % widths[layer + 1] == to || to % widths[layer] == from || pick(1000 + place, 3) == 0
    };
    Network::layers(&widths, linked)
        .salted(seed)
        .with(|routers| {
            let count = routers.len();
            for (index, router) in routers.iter_mut().enumerate().take(count - 1) {
                let dice = pick(5000 + index as u64, 40);
                router.delay = 500 + pick(6000 + index as u64, 8000);
                match dice {
                    0 | 1 => router.manner = Manner::Silent,
                    2 => {
                        router.manner = Manner::Limited {
                            burst: 6,
                            every: 200_000,
                        }
                    }
                    3 if index > 0 => router.manner = Manner::Refuses(13),
                    4 if index > 0 => router.manner = Manner::Drops,
                    5 => router.loss_percent = 20,
                    6 if index + 2 < count => {
                        // An arm that is shorter or longer than the others.
                        let skip = index + 2 + usize::try_from(pick(7000, 2)).unwrap();
                        router.next.push(skip.min(count - 1));
                    }
                    _ => {}
                }
            }
        })
}

fn cases(count: u32, check: impl Fn(u64) -> Result<(), TestCaseError>) {
    let config = Proptest {
        cases: count,
        failure_persistence: None,
        ..Proptest::default()
    };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    TestRunner::new_with_rng(config, rng)
        .run(&any::<u64>(), check)
        .unwrap();
}

#[test]
fn random_networks_are_traced_within_bounds_and_truthfully() {
    cases(300, |seed| {
        let mut network = random_network(seed);
        let config = Config {
            flows_max: 128,
            in_flight_per_flow: NonZeroU16::new(u16::from(seed.is_multiple_of(2))),
            probes_max: 1500,
            max_ttl: 20,
            ..Config::default()
        };
        let run = run_with(&mut network, config, seed, Mischief::default());
        run.assert_true_to(&network);
        prop_assert!(run.probes <= 1500);
        prop_assert!(run.graph.flows.len() <= 128);
        prop_assert!(run.graph.arrivals <= 12, "{} arrivals", run.graph.arrivals);
        prop_assert!(run.took < Micros::from_millis(60_000), "{:?}", run.took);
        Ok(())
    });
}

#[test]
fn duplicates_late_and_forged_answers_do_no_harm() {
    cases(60, |seed| {
        let mut network = random_network(seed);
        let mischief = Mischief {
            duplicates: true,
            late_one_in: Some(20),
            forged: true,
        };
        let config = Config {
            flows_max: 64,
            max_ttl: 20,
            ..Config::default()
        };
        let run = run_with(&mut network, config, seed, mischief);
        run.assert_true_to(&network);
        prop_assert!(run.graph.counters.unknown > 0);
        Ok(())
    });
}

#[test]
fn per_packet_balancers_anywhere_do_not_keep_it_from_ending() {
    cases(60, |seed| {
        let mut network = random_network(seed).with(|routers| {
            for router in routers {
                router.spread = Spread::PerPacket;
            }
        });
        let config = Config {
            flows_max: 64,
            max_ttl: 20,
            ..Config::default()
        };
        let run = run_with(&mut network, config, seed, Mischief::default());
        prop_assert!(run.took < Micros::from_millis(60_000));
        prop_assert!(run.nodes().is_subset(&network.nodes()));
        Ok(())
    });
}

#[test]
fn answers_made_of_noise_end_within_the_bounds() {
    cases(60, |seed| {
        let config = Config {
            probes_max: 700,
            deadline: Some(Micros::from_millis(60_000)),
            ..Config::default()
        };
        let mut tracer = Tracer::new(config, seed, Micros(0));
        let mut now = Micros(0);
        let mut probes = 0_u64;
        for step in 0_u64.. {
            prop_assert!(step < 200_000);
            while let Some(probe) = tracer.poll_transmit(now) {
                probes += 1;
                let dice = mix(seed ^ mix(probe.id.0));
                if dice.is_multiple_of(7) {
                    tracer.handle_unsendable(probe.id, now);
                    continue;
                }
                tracer.handle_sent(probe.id, now);
                let kind = match dice % 11 {
                    0..=6 => AnswerKind::TimeExceeded,
                    7 => AnswerKind::Arrived,
                    8 => AnswerKind::Unreachable { code: 3 },
                    _ => continue,
                };
                let from = [10, 0, 0, u8::try_from(dice / 100 % 5).unwrap()].into();
                let id = if dice.is_multiple_of(13) {
                    ProbeId(dice % 900)
                } else {
                    probe.id
                };
                tracer.handle_answer(
                    id,
                    now.plus(Micros(dice % 1000)),
                    Answer {
                        from,
                        kind,
                        rtt: Micros(dice),
                    },
                );
            }
            if tracer.is_done().is_some() {
                break;
            }
            now = now.max(tracer.poll_timeout().unwrap()).plus(Micros(1));
            tracer.handle_timeout(now);
        }
        prop_assert!(probes <= 700);
        let _ = tracer.graph();
        Ok(())
    });
}

#[test]
fn the_bound_on_probes_and_the_deadline_are_kept() {
    let mut network = Network::full(&[1, 1, 16, 16, 1, 1]);
    let config = Config {
        flows_max: 512,
        probes_max: 100,
        ..Config::default()
    };
    let run = run_with(&mut network, config, 1, Mischief::default());
    assert_eq!(
        (run.end, run.probes),
        (End::StoppedAtBound(Bound::Probes), 100)
    );
    let config = Config {
        flows_max: 512,
        deadline: Some(Micros::from_millis(300)),
        ..Config::default()
    };
    let run = run_with(&mut network, config, 1, Mischief::default());
    assert_eq!(run.end, End::Deadline);
    assert!(!run.graph.completeness.satisfied);
}
