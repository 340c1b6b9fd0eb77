//! The plan on hand-built evidence.

use jiff::Timestamp;

use super::{BURST_FIRST, EARLY_SILENCE, Log, State, Step, admit, next, reask, wake_at};
use crate::diagnose::Need;
use crate::model::evidence::Evidence;
use crate::model::local::{Neighbour, NeighbourRole, NeighbourState, Route, RouteKind};
use crate::model::resolution::Resolution;
use crate::model::source::Source;
use crate::model::target::{Protocol, Target};
use crate::model::topology::{Method, Path, TraceProtocol};
use crate::model::{Address, Endpoint, Icmp, Ms, Observation, Operation, Options, Outcome};

const FIRST: &str = "10.0.9.9:443";
const SECOND: &str = "10.0.9.10:443";

fn endpoint(text: &str) -> Endpoint {
    text.parse().unwrap()
}

fn route(to: &str, kind: RouteKind) -> Route {
    Route {
        destination: to.parse().unwrap(),
        kind,
        gateway: (kind == RouteKind::Unicast).then(|| "10.0.1.254".parse().unwrap()),
        interface: (kind == RouteKind::Unicast).then(|| "eth0".to_owned()),
        source: None,
        table: None,
        prefix: None,
        metric: None,
        mtu: None,
        rule: None,
        text: None,
        errno: None,
        family_usable: kind == RouteKind::Unicast,
    }
}

/// A check whose name has these addresses, all of them routed.
fn check(target: &str, addresses: &[&str]) -> Evidence {
    let mut evidence = Evidence::new(
        Timestamp::UNIX_EPOCH,
        Options::default(),
        Target::parse(target, Some(Protocol::Tcp)).unwrap(),
        Source::default(),
    );
    evidence.resolution = Some(Resolution {
        addresses: addresses.iter().map(|text| text.parse().unwrap()).collect(),
        complete: true,
        ..Resolution::default()
    });
    evidence.local.routes = addresses
        .iter()
        .map(|text| route(text, RouteKind::Unicast))
        .collect();
    evidence
}

/// One address under test, the routes known, burst and trace begun.
fn begun() -> (Evidence, Log) {
    let mut evidence = check(FIRST, &["10.0.9.9"]);
    admit(&mut evidence);
    let mut log = Log::new();
    log.insert(Step::Resolve, State::Done);
    log.insert(Step::Routes, State::Done);
    for need in [Need::Burst(endpoint(FIRST)), Need::Trace(endpoint(FIRST))] {
        log.insert(Step::Measure(need), State::Running(Ms::ZERO));
    }
    (evidence, log)
}

fn done(log: &mut Log, step: Step) {
    log.insert(step, State::Done);
}

fn connects(evidence: &mut Evidence, to: &str, outcome: Outcome, count: usize) {
    for _ in 0..count {
        evidence.record(Observation {
            endpoint: Some(endpoint(to)),
            rtt_ms: (outcome == Outcome::Ok).then_some(Ms::from_millis(4)),
            ..Observation::new(Operation::Connect, Ms::ZERO, outcome)
        });
    }
}

fn limited(evidence: &mut Evidence, to: &str, ttl: u8, from: Option<&str>, control: bool) {
    let outcome = from.map_or(Outcome::Timeout, |_| Outcome::TtlExceeded);
    let at = Ms::from_millis(evidence.observations.len() as u64);
    evidence.record(Observation {
        endpoint: Some(endpoint(to)),
        ttl: Some(ttl),
        source_port: Some(if control { 50_000 } else { 33_434 }),
        icmp: from.map(|from| Icmp {
            kind: 11,
            code: 0,
            from: from.parse().ok(),
            mtu: None,
            quote: None,
        }),
        control,
        ..Observation::new(Operation::TraceTcp, at, outcome)
    });
}

/// The measurements among the steps, by the names of their needs.
fn measured(steps: &[Step]) -> Vec<&Need> {
    steps
        .iter()
        .filter_map(|step| match step {
            Step::Measure(need) => Some(need),
            _ => None,
        })
        .collect()
}

const LATER: Ms = Ms::from_millis(500);

#[test]
fn the_name_comes_first_then_the_routes_then_the_burst_and_a_moment_later_the_trace() {
    let full = check(FIRST, &["10.0.9.9"]);
    let mut evidence = Evidence {
        resolution: None,
        ..full.clone()
    };
    let mut log = Log::new();
    assert_eq!(next(&evidence, &log, Ms::ZERO), [Step::Resolve]);

    log.insert(Step::Resolve, State::Running(Ms::ZERO));
    assert_eq!(next(&evidence, &log, Ms::ZERO), []);

    // The first addresses are enough: not all servers have to be heard.
    evidence.resolution = full.resolution.map(|resolution| Resolution {
        complete: false,
        ..resolution
    });
    assert_eq!(next(&evidence, &log, Ms::ZERO), [Step::Routes]);

    log.insert(Step::Routes, State::Running(Ms::ZERO));
    assert_eq!(next(&evidence, &log, Ms::ZERO), []);

    done(&mut log, Step::Routes);
    admit(&mut evidence);
    assert_eq!(
        next(&evidence, &log, Ms::ZERO),
        [Step::Measure(Need::Burst(endpoint(FIRST)))]
    );
    log.insert(
        Step::Measure(Need::Burst(endpoint(FIRST))),
        State::Running(Ms::ZERO),
    );
    assert_eq!(next(&evidence, &log, Ms::ZERO), []);
    let trace = [Step::Measure(Need::Trace(endpoint(FIRST)))];
    assert_eq!(wake_at(&evidence, &log, Ms::ZERO), Some(BURST_FIRST));
    assert_eq!(next(&evidence, &log, BURST_FIRST), trace);
    // The first answers are enough, and then the path MTU is looked for beside it.
    connects(&mut evidence, FIRST, Outcome::Ok, 2);
    let [first] = trace;
    let both = [first, Step::MtuFirst(endpoint(FIRST))];
    assert_eq!(next(&evidence, &log, Ms::ZERO), both);
}

#[test]
fn a_name_without_addresses_asks_for_the_routes_to_its_servers_and_no_more() {
    let mut evidence = check("db.example:443", &[]);
    let mut log = Log::new();
    done(&mut log, Step::Resolve);
    assert_eq!(next(&evidence, &log, Ms::ZERO), [Step::Routes]);
    done(&mut log, Step::Routes);
    admit(&mut evidence);
    assert_eq!(next(&evidence, &log, Ms::ZERO), []);
}

#[test]
fn without_the_path_no_trace_of_any_kind_is_asked_for() {
    let (mut evidence, mut log) = begun();
    evidence.options.path = false;
    log.remove(&Step::Measure(Need::Trace(endpoint(FIRST))));
    done(&mut log, Step::NeighbourEarly(endpoint(FIRST)));
    let steps = next(&evidence, &log, LATER);
    assert!(
        measured(&steps)
            .iter()
            .all(|need| matches!(need, Need::Control(_) | Need::Echo(_) | Need::Datagram(_))),
        "{steps:?}"
    );
    assert!(!steps.is_empty());
}

#[test]
fn what_this_machine_can_t_route_is_tried_once_and_not_traced() {
    let mut evidence = check(FIRST, &["10.0.9.9"]);
    evidence.local.routes = vec![route("10.0.9.9", RouteKind::Prohibit)];
    admit(&mut evidence);
    let mut log = Log::new();
    done(&mut log, Step::Resolve);
    done(&mut log, Step::Routes);
    assert_eq!(
        next(&evidence, &log, Ms::ZERO),
        [Step::Measure(Need::Burst(endpoint(FIRST)))]
    );
}

#[test]
fn early_silence_asks_the_next_hop_first_and_then_the_controls() {
    let (evidence, mut log) = begun();
    let just_before = EARLY_SILENCE.saturating_sub(Ms::from_micros(1));
    assert_eq!(next(&evidence, &log, just_before), []);
    assert_eq!(wake_at(&evidence, &log, just_before), Some(EARLY_SILENCE));

    let early = Step::NeighbourEarly(endpoint(FIRST));
    assert_eq!(
        next(&evidence, &log, EARLY_SILENCE),
        std::slice::from_ref(&early)
    );
    assert_eq!(wake_at(&evidence, &log, EARLY_SILENCE), None);

    done(&mut log, early);
    let steps = next(&evidence, &log, LATER);
    let needs = measured(&steps);
    for wanted in [
        Need::Control(endpoint(FIRST)),
        Need::Echo(endpoint(FIRST)),
        Need::Datagram(endpoint(FIRST)),
    ] {
        assert!(needs.contains(&&wanted), "{wanted:?} in {needs:?}");
    }
    assert!(
        !needs
            .iter()
            .any(|need| matches!(need, Need::SecondBurst(_) | Need::Reask(_)))
    );
}

#[test]
fn a_next_hop_that_does_not_answer_makes_all_else_needless() {
    let (mut evidence, mut log) = begun();
    done(&mut log, Step::NeighbourEarly(endpoint(FIRST)));
    evidence.local.neighbours.push(Neighbour {
        address: "10.0.1.254".parse().unwrap(),
        interface: "eth0".to_owned(),
        role: NeighbourRole::Gateway,
        state: NeighbourState::Incomplete,
        link_address: None,
        at_ms: LATER,
        confirmed_ms_ago: None,
    });
    assert_eq!(next(&evidence, &log, LATER), []);
}

#[test]
fn without_a_look_at_this_machine_silence_asks_the_controls_at_once() {
    let (mut evidence, log) = begun();
    evidence.options.local = false;
    let steps = next(&evidence, &log, LATER);
    assert!(measured(&steps).contains(&&Need::Control(endpoint(FIRST))));
    assert!(
        !steps
            .iter()
            .any(|step| matches!(step, Step::NeighbourEarly(_)))
    );
}

#[test]
fn the_search_for_the_path_mtu_goes_on_when_its_first_datagram_and_the_trace_have_ended() {
    let (mut evidence, mut log) = begun();
    connects(&mut evidence, FIRST, Outcome::Ok, 10);
    let search = Step::Measure(Need::Mtu(endpoint(FIRST)));
    let first = Step::MtuFirst(endpoint(FIRST));
    log.insert(first.clone(), State::Running(Ms::ZERO));
    for need in [Need::Burst(endpoint(FIRST)), Need::Trace(endpoint(FIRST))] {
        done(&mut log, Step::Measure(need));
    }
    evidence.endpoints[0].path = Some(Path {
        protocol: TraceProtocol::Tcp,
        reached: true,
        complete: true,
        method: Method::Socket,
        stopped: None,
        confidence: None,
        hops: Vec::new(),
        links: Vec::new(),
        flows: Vec::new(),
        balancing: None,
        mtu: None,
    });
    assert!(!next(&evidence, &log, LATER).contains(&search));
    done(&mut log, first);
    assert!(next(&evidence, &log, LATER).contains(&search));
}

#[test]
fn the_first_answer_ends_the_suspicion() {
    let (mut evidence, log) = begun();
    connects(&mut evidence, FIRST, Outcome::Ok, 1);
    let steps = next(&evidence, &log, LATER);
    assert_eq!(steps, [Step::MtuFirst(endpoint(FIRST))]);
    // The others are given the time of a second SYN.
    let wake = wake_at(&evidence, &log, Ms::ZERO);
    assert!(wake > Some(Ms::from_millis(1200)), "{wake:?}");
}

#[test]
fn some_that_stay_silent_beside_others_are_looked_into_before_their_time_out() {
    let (mut evidence, mut log) = begun();
    done(&mut log, Step::Measure(Need::Trace(endpoint(FIRST))));
    connects(&mut evidence, FIRST, Outcome::Ok, 7);
    let outcomes = Need::Outcomes(endpoint(FIRST));
    let early = next(&evidence, &log, Ms::from_millis(900));
    assert!(!measured(&early).contains(&&outcomes), "{early:?}");
    let wake = wake_at(&evidence, &log, Ms::from_millis(900)).unwrap();
    assert!(
        wake > Ms::from_millis(1200) && wake < Ms::from_millis(1600),
        "{wake}"
    );
    let mut steps = next(&evidence, &log, wake);
    for step in steps.drain(..) {
        done(&mut log, step);
    }
    let steps = next(&evidence, &log, wake);
    assert!(measured(&steps).contains(&&outcomes), "{steps:?}");
    // All were answered: nothing is to be looked into.
    connects(&mut evidence, FIRST, Outcome::Ok, 3);
    assert_eq!(wake_at(&evidence, &log, wake), None);
}

#[test]
fn nothing_further_is_asked_when_an_error_is_proven() {
    let (mut evidence, mut log) = begun();
    connects(&mut evidence, FIRST, Outcome::Refused, 10);
    done(&mut log, Step::Measure(Need::Burst(endpoint(FIRST))));
    done(&mut log, Step::Neighbour(endpoint(FIRST)));
    assert_eq!(next(&evidence, &log, LATER), []);
}

#[test]
fn an_address_that_is_silent_asks_for_itself_alone() {
    let mut evidence = check("db.example:443", &["10.0.9.9", "10.0.9.10"]);
    admit(&mut evidence);
    let mut log = Log::new();
    done(&mut log, Step::Resolve);
    done(&mut log, Step::Routes);
    for text in [FIRST, SECOND] {
        let to = endpoint(text);
        done(&mut log, Step::Measure(Need::Trace(to.clone())));
        done(&mut log, Step::Neighbour(to.clone()));
        done(&mut log, Step::NeighbourEarly(to.clone()));
        done(&mut log, Step::Measure(Need::Burst(to)));
    }
    connects(&mut evidence, FIRST, Outcome::Ok, 10);
    connects(&mut evidence, SECOND, Outcome::Timeout, 10);
    let steps = next(&evidence, &log, LATER);
    let about = |need: &&Need| super::endpoint_of(need).cloned();
    assert!(!steps.is_empty());
    assert!(
        measured(&steps)
            .iter()
            .all(|need| about(need) == Some(endpoint(SECOND))),
        "{steps:?}"
    );
}

#[test]
fn a_single_failure_asks_for_a_second_burst_once_the_first_and_the_outcomes_are_done() {
    let (mut evidence, mut log) = begun();
    connects(&mut evidence, FIRST, Outcome::Ok, 9);
    connects(&mut evidence, FIRST, Outcome::Timeout, 1);
    let second = Need::SecondBurst(endpoint(FIRST));
    assert!(!measured(&next(&evidence, &log, LATER)).contains(&&second));
    done(&mut log, Step::Measure(Need::Burst(endpoint(FIRST))));
    // Which flows die on which path may explain it: that is seen first.
    let outcomes = Need::Outcomes(endpoint(FIRST));
    let steps = next(&evidence, &log, LATER);
    assert!(measured(&steps).contains(&&outcomes), "{steps:?}");
    assert!(!measured(&steps).contains(&&second), "{steps:?}");
    log.insert(Step::Measure(outcomes.clone()), State::Running(LATER));
    assert!(!measured(&next(&evidence, &log, LATER)).contains(&&second));
    done(&mut log, Step::Measure(outcomes));
    let steps = next(&evidence, &log, LATER);
    assert!(measured(&steps).contains(&&second), "{steps:?}");

    // And once only.
    log.insert(Step::Measure(second.clone()), State::Running(LATER));
    assert!(!measured(&next(&evidence, &log, LATER)).contains(&&second));
}

#[test]
fn the_port_is_asked_again_only_after_both_traces_are_done() {
    let (mut evidence, mut log) = begun();
    connects(&mut evidence, FIRST, Outcome::Timeout, 10);
    done(&mut log, Step::Measure(Need::Burst(endpoint(FIRST))));
    evidence.record(Observation {
        endpoint: Some(endpoint("10.0.9.9:1")),
        control: true,
        ..Observation::new(Operation::Connect, Ms::ZERO, Outcome::Refused)
    });
    limited(&mut evidence, FIRST, 1, Some("10.0.1.254"), false);
    limited(&mut evidence, FIRST, 2, None, false);
    limited(&mut evidence, "10.0.9.9:1", 1, Some("10.0.1.254"), true);
    limited(&mut evidence, "10.0.9.9:1", 2, Some("10.0.2.1"), true);
    let again = Need::Reask(endpoint(FIRST));
    let trace = Step::Measure(Need::Trace(endpoint(FIRST)));
    let control = Step::Measure(Need::ControlTrace(endpoint(FIRST)));
    let asked = |log: &Log| measured(&next(&evidence, log, LATER)).contains(&&again);

    assert!(!asked(&log));
    done(&mut log, trace.clone());
    log.insert(control.clone(), State::Running(LATER));
    assert!(!asked(&log));
    log.insert(trace.clone(), State::Running(Ms::ZERO));
    done(&mut log, control);
    assert!(!asked(&log));
    done(&mut log, trace);
    assert!(asked(&log));
    // Where the control was answered and the port was not, on the flow that asked before.
    assert_eq!(reask(&evidence, &endpoint(FIRST)), vec![2]);
}

#[test]
fn nothing_is_asked_again_where_the_port_was_answered_as_far_as_the_control() {
    let (mut evidence, _) = begun();
    limited(&mut evidence, FIRST, 1, Some("10.0.1.254"), false);
    limited(&mut evidence, FIRST, 2, Some("10.0.2.1"), false);
    limited(&mut evidence, "10.0.9.9:1", 1, Some("10.0.1.254"), true);
    limited(&mut evidence, "10.0.9.9:1", 2, Some("10.0.2.1"), true);
    assert_eq!(reask(&evidence, &endpoint(FIRST)), Vec::<u8>::new());
}

fn tested(evidence: &Evidence) -> Vec<Address> {
    let all = evidence.endpoints.iter();
    all.map(|subject| subject.endpoint.address.clone())
        .collect()
}

#[test]
fn a_family_that_this_machine_lacks_is_left_out_of_a_name_with_another() {
    let mut evidence = check("db.example:443", &["2001:db8:9::9", "10.0.9.9"]);
    evidence.local.routes = vec![
        route("2001:db8:9::9", RouteKind::None),
        route("10.0.9.9", RouteKind::Unicast),
    ];
    admit(&mut evidence);
    assert_eq!(tested(&evidence), ["10.0.9.9".parse().unwrap()]);
    assert_eq!(evidence.not_measured.len(), 1);
    // Once more changes nothing.
    admit(&mut evidence);
    assert_eq!(
        (tested(&evidence).len(), evidence.not_measured.len()),
        (1, 1)
    );
}

#[test]
fn a_family_that_this_machine_lacks_is_tested_where_there_is_no_other() {
    for target in ["db.example:443", "[2001:db8:9::9]:443"] {
        let mut evidence = check(target, &["2001:db8:9::9"]);
        evidence.local.routes = vec![route("2001:db8:9::9", RouteKind::None)];
        admit(&mut evidence);
        assert_eq!(tested(&evidence).len(), 1, "{target}");
        assert!(evidence.not_measured.is_empty());
    }
}

#[test]
fn a_missing_route_in_a_family_that_this_machine_has_is_no_reason_to_leave_out() {
    let mut evidence = check("db.example:443", &["2001:db8:9::9", "10.0.9.9"]);
    evidence.local.routes = vec![
        Route {
            family_usable: true,
            ..route("2001:db8:9::9", RouteKind::None)
        },
        route("10.0.9.9", RouteKind::Unicast),
    ];
    admit(&mut evidence);
    assert_eq!(tested(&evidence).len(), 2);
}

#[test]
fn a_pause_is_made_only_when_nothing_else_is_under_way_or_wanted() {
    let (mut evidence, mut log) = begun();
    limited(&mut evidence, FIRST, 1, Some("10.0.1.254"), false);
    limited(&mut evidence, FIRST, 1, None, false);
    limited(&mut evidence, FIRST, 2, None, false);
    connects(&mut evidence, FIRST, Outcome::Timeout, 10);
    let look = Step::Measure(Need::QuietLook(endpoint(FIRST)));
    // One that rejected once, and was not heard again.
    evidence.record(Observation {
        endpoint: Some(endpoint(FIRST)),
        icmp: Some(Icmp {
            kind: 3,
            code: 13,
            from: "10.0.2.1".parse().ok(),
            mtu: None,
            quote: None,
        }),
        ..Observation::new(Operation::Connect, Ms::ZERO, Outcome::Prohibited)
    });
    evidence.options.count = 11;
    for need in [Need::Burst(endpoint(FIRST)), Need::Trace(endpoint(FIRST))] {
        done(&mut log, Step::Measure(need));
    }
    // Until then everything else comes first.
    for _ in 0..10 {
        let steps = next(&evidence, &log, LATER);
        if steps.contains(&look) {
            assert_eq!(steps, [look]);
            return;
        }
        assert!(!steps.is_empty());
        for step in &steps {
            log.insert(step.clone(), State::Running(LATER));
        }
        assert!(!next(&evidence, &log, LATER).contains(&look));
        for step in steps {
            done(&mut log, step);
        }
    }
    panic!("never asked again: {log:?}");
}

#[test]
fn datagrams_that_are_only_waited_for_are_no_reason_against_a_pause_and_connections_are() {
    for protocol in [Protocol::Udp, Protocol::Tcp] {
        let (mut evidence, mut log) = begun();
        limited(&mut evidence, FIRST, 1, Some("10.0.1.254"), false);
        limited(&mut evidence, FIRST, 1, None, false);
        limited(&mut evidence, FIRST, 2, None, false);
        connects(&mut evidence, FIRST, Outcome::Timeout, 10);
        evidence.record(Observation {
            endpoint: Some(endpoint(FIRST)),
            icmp: Some(Icmp {
                kind: 3,
                code: 13,
                from: "10.0.2.1".parse().ok(),
                mtu: None,
                quote: None,
            }),
            ..Observation::new(Operation::Connect, Ms::ZERO, Outcome::Prohibited)
        });
        let datagrams = protocol == Protocol::Udp;
        for observation in evidence.observations.iter_mut().filter(|_| datagrams) {
            observation.operation = match observation.operation {
                Operation::Connect => Operation::Datagram,
                _ => Operation::TraceUdp,
            };
        }
        evidence.target.protocol = protocol;
        // One is still under way.
        evidence.options.count = 12;
        done(&mut log, Step::Measure(Need::Trace(endpoint(FIRST))));
        let look = Step::Measure(Need::QuietLook(endpoint(FIRST)));
        let mut begins = false;
        for _ in 0..10 {
            let steps = next(&evidence, &log, Ms::from_millis(3000));
            begins |= steps.contains(&look);
            for step in steps {
                done(&mut log, step);
            }
        }
        assert_eq!(begins, datagrams, "{log:?}");
        // While they are still being sent it is none.
        log.remove(&look);
        let steps = next(&evidence, &log, Ms::from_millis(500));
        assert!(!steps.contains(&look), "{steps:?}");
    }
}
