//! Whatever the network is and answers: the trace ends within its bounds, reports only what is there, and finds what it promises.

use std::collections::BTreeSet;
use std::num::NonZeroU16;

use nwcheck::proto::trace::{
    Answer, AnswerKind, Balancing, Bound, Config, End, Micros, ProbeId, Role, Tracer,
};

use crate::drive::{Mischief, Run, run_with};
use crate::measure::{assert_share, seeds};
use crate::network::{Manner, Network, Spread, mix};

/// What may be wrong with a random network.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Faults {
    /// Nothing: every router answers every probe, and flows keep to their way.
    None,
    /// Silence, loss, limits, refusals, black holes, answers that overtake each other.
    Answers,
    /// These, and routers that send each packet another way, or back.
    Ways,
}

/// A random layered network: widths 1 to 8, random links, and now and then an arm that leaves out one hop or more.
fn random_network(seed: u64, faults: Faults) -> Network {
    let pick = |what: u64, of: u64| mix(seed ^ mix(what)) % of;
    let layers = 3 + pick(1, 9);
    let widths: Vec<usize> = (0..layers)
        .map(|layer| match layer {
            0 => 1,
            _ if layer + 1 == layers => 1,
            _ if pick(10 + layer, 3) == 0 => 1 + usize::try_from(pick(40 + layer, 8)).unwrap(),
            _ => 1,
        })
        .collect();
    let linked = |layer: usize, from: usize, to: usize| {
        let place = (layer * 64 + from * 8 + to) as u64;
        // At least one link out of every router and into every router.
        from % widths[layer + 1] == to || to % widths[layer] == from || pick(1000 + place, 3) == 0
    };
    let mut network = Network::layers(&widths, linked).salted(seed);
    let count = network.routers.len();
    for index in 0..count - 1 {
        let dice = pick(5000 + index as u64, 40);
        let router = &mut network.routers[index];
        router.delay = 500 + pick(6000 + index as u64, 8000);
        if dice == 39 && index + 2 < count {
            let skip = index + 2 + usize::try_from(pick(7000, 3)).unwrap();
            let skip = skip.min(count - 1);
            if !router.next.contains(&skip) {
                router.next.push(skip);
            }
        }
        if faults == Faults::None {
            continue;
        }
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
            6 if faults == Faults::Ways => router.spread = Spread::PerPacket,
            7 if faults == Faults::Ways && index > 1 => {
                router.next = vec![index - 1 - usize::try_from(pick(8000, 2)).unwrap()];
            }
            _ => {}
        }
    }
    if faults != Faults::None {
        network.jitter = [0, 300, 20_000][usize::try_from(pick(9000, 3)).unwrap()];
    }
    network
}

fn config_of(seed: u64) -> Config {
    Config {
        in_flight_per_flow: NonZeroU16::new(u16::from(seed.is_multiple_of(2))),
        probes_max: 700,
        max_ttl: 24,
        deadline: Some(Micros::from_millis(60_000)),
        ..Config::default()
    }
}

/// What holds for every run, whatever the network does.
fn assert_bounded(run: &Run, config: &Config) {
    assert!(run.probes <= config.probes_max);
    assert!(run.graph.flows.len() <= usize::from(config.flows_shown));
    assert!(config.deadline.is_some_and(|deadline| run.took <= deadline));
    if let Some(per_flow) = config.in_flight_per_flow {
        assert!(run.at_once <= per_flow.get());
    }
}

#[test]
fn a_network_without_faults_is_told_without_faults_and_each_node_as_surely_as_promised() {
    let (mut found, mut asked, mut over, mut runs) = (0, 0, 0, 0);
    for seed in seeds("no faults", 100) {
        let mut network = random_network(seed, Faults::None);
        let config = config_of(seed);
        let run = run_with(&mut network, config.clone(), seed, Mischief::default());
        run.assert_true_to(&network);
        assert_bounded(&run, &config);
        let nodes = run.graph.hops.iter().flat_map(|hop| &hop.nodes);
        for node in nodes {
            assert_ne!(node.role, Role::Silent, "seed {seed}: {node:?}");
            assert_ne!(node.balancing, Balancing::PerPacket, "seed {seed}");
        }
        over += usize::from(run.graph.arrivals > config.arrivals_max);
        runs += 1;
        // One node a run, so that the runs are independent of each other: one that branches, and of which it is said that it was examined.
        let links = network.links();
        let claims: Vec<_> = run
            .graph
            .examinations
            .iter()
            .filter(|one| one.flows >= one.required)
            .filter_map(|one| Some((one.ttl, run.graph.node(one.node?)?.address?)))
            .map(|(ttl, from)| {
                let next = |of: &BTreeSet<(u8, _, _)>| {
                    let behind = of.iter().filter(|link| (link.0, link.1) == (ttl, from));
                    behind.count()
                };
                (next(&links), next(&run.links()))
            })
            .filter(|(there, _)| *there > 1)
            .collect();
        if !claims.is_empty() {
            let (there, seen) =
                claims[usize::try_from(mix(seed)).unwrap_or(usize::MAX) % claims.len()];
            asked += 1;
            found += usize::from(there == seen);
        }
    }
    assert_share("next hops of an examined node", found, asked, 0.95);
    // An arm that is shorter by far can surprise; it must not do so often.
    assert_share("arrivals within their bound", runs - over, runs, 0.99);
}

#[test]
fn whatever_is_wrong_with_the_answers_nothing_is_reported_that_is_not_there() {
    for seed in seeds("answers", 80) {
        let mut network = random_network(seed, Faults::Answers);
        let config = config_of(seed);
        let mischief = Mischief {
            duplicates: seed.is_multiple_of(3),
            late_one_in: seed.is_multiple_of(5).then_some(20),
            forged: seed.is_multiple_of(7),
            round_trip: None,
        };
        let run = run_with(&mut network, config.clone(), seed, mischief);
        run.assert_true_to(&network);
        assert_bounded(&run, &config);
        assert!(!mischief.forged || run.graph.counters.unknown > 0);
    }
}

#[test]
fn balancers_per_packet_and_loops_anywhere_do_not_keep_it_from_ending() {
    let (mut links, mut wrong) = (0, 0);
    for seed in seeds("ways", 60) {
        let mut network = random_network(seed, Faults::Ways);
        let config = config_of(seed);
        let run = run_with(&mut network, config.clone(), seed, Mischief::default());
        assert_bounded(&run, &config);
        assert!(run.nodes().is_subset(&network.nodes()));
        links += run.links().len();
        wrong += run.links().difference(&network.links()).count();
    }
    // A balancer per packet over two ways goes unnoticed once in 256, and then a link between its arms may be drawn.
    assert_share("links that are there", links - wrong, links, 0.99);
}

#[test]
fn answers_made_of_noise_end_within_the_bounds() {
    for seed in seeds("noise", 40) {
        let config = Config {
            probes_max: 700,
            deadline: Some(Micros::from_millis(60_000)),
            ..Config::default()
        };
        let mut tracer = Tracer::new(config, seed, Micros(0));
        let mut now = Micros(0);
        let mut probes = 0_u64;
        for step in 0_u64.. {
            assert!(step < 200_000);
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
        assert!(probes <= 700);
        let _ = tracer.graph();
    }
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
