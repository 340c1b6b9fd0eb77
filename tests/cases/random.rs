//! Whatever was observed, a report keeps to the rules of its own.

use nwcheck::diagnose::{diagnose, needs};
use nwcheck::model::finding::{Origin, Severity};
use nwcheck::model::local::RouteKind;
use nwcheck::model::options::Expect;
use nwcheck::model::{Address, Endpoint, Evidence, Icmp, Ms, Observation, Operation, Outcome};
use nwcheck::plan;
use proptest::prelude::*;

use crate::{invariants, scenario};

const OUTCOMES: &[Outcome] = &[
    Outcome::Ok,
    Outcome::Ok,
    Outcome::Ok,
    Outcome::Refused,
    Outcome::Timeout,
    Outcome::Timeout,
    Outcome::Timeout,
    Outcome::TtlExceeded,
    Outcome::NetworkUnreachable,
    Outcome::HostUnreachable,
    Outcome::Prohibited,
    Outcome::PortUnreachable,
    Outcome::ProtocolUnreachable,
    Outcome::OtherIcmp,
    Outcome::NoRoute,
    Outcome::Denied,
    Outcome::AddressUnavailable,
    Outcome::AddressInUse,
    Outcome::SocketsExhausted,
    Outcome::InterfaceDown,
    Outcome::Reset,
    Outcome::AnswerDropped,
    Outcome::ReversePathFiltered,
    Outcome::Cancelled,
    Outcome::OtherError,
];

const OPERATIONS: &[(Operation, bool)] = &[
    (Operation::Connect, false),
    (Operation::Connect, false),
    (Operation::Connect, true),
    (Operation::Echo, true),
    (Operation::Datagram, true),
    (Operation::TraceTcp, false),
    (Operation::TraceTcp, true),
    (Operation::TraceUdp, true),
    (Operation::Counters, false),
    (Operation::Ingress, false),
    (Operation::Egress, false),
    (Operation::Baseline, false),
];

/// Routers, this machine, the targets themselves.
const SENDERS: &[&str] = &[
    "10.0.1.254",
    "10.0.2.1",
    "10.0.3.1",
    "10.0.1.2",
    "10.0.9.9",
    "10.0.9.10",
    "2001:db8:2::1",
    "2001:db8:9::9",
];

/// Several probes of one kind, as a burst or a trace is.
#[derive(Debug, Clone)]
struct Series {
    to: usize,
    kind: (Operation, bool),
    outcome: Outcome,
    from: Option<&'static str>,
    count: u8,
    ttl: u8,
    flow: u16,
    again: u32,
    rtt: Option<u64>,
    late: bool,
    errno: Option<&'static str>,
}

fn series() -> impl Strategy<Value = Series> {
    let kinds = proptest::sample::select(OPERATIONS);
    let outcomes = proptest::sample::select(OUTCOMES);
    let senders = proptest::option::weighted(0.9, proptest::sample::select(SENDERS));
    let errno = proptest::option::of(proptest::sample::select(&["EPERM", "EACCES", "EINVAL"][..]));
    let numbers = (1_u8..12, 1_u8..9, 33_434_u16..33_437, 0_u32..3);
    let times = (proptest::option::weighted(0.9, 1_u64..900), any::<bool>());
    (0_usize..3, kinds, outcomes, senders, numbers, times, errno).prop_map(
        |(to, kind, outcome, from, (count, ttl, flow, again), (rtt, late), errno)| Series {
            to,
            kind,
            outcome,
            from,
            count,
            ttl,
            flow,
            again,
            rtt,
            late,
            errno,
        },
    )
}

/// What the user and this machine add.
#[derive(Debug, Clone)]
struct Around {
    check: &'static str,
    expect: Option<Expect>,
    limits: bool,
    path: bool,
    source_port: Option<u16>,
    ended: &'static str,
    route: Option<(usize, RouteKind)>,
    lines: Vec<&'static str>,
}

fn around() -> impl Strategy<Value = Around> {
    let expect = [
        Expect::Open,
        Expect::Closed,
        Expect::Filtered,
        Expect::Blocked,
    ];
    let kinds = [
        RouteKind::None,
        RouteKind::Prohibit,
        RouteKind::Local,
        RouteKind::Blackhole,
    ];
    let lines = [
        "neighbour 10.0.1.254 dev eth0 gateway failed",
        "neighbour 10.0.9.9 dev eth0 destination reachable 900",
        "interface eth0 down 10.0.1.2/24",
        "interface eth1 no_carrier 10.0.9.2/24",
        "route 10.0.9.9 onlink dev eth0",
        "own 10.0.9.10",
        "listener 127.0.0.1:443 7 node",
        "ports 32768 60999 100",
        "device 10.0.2.1 gw.example",
    ];
    (
        proptest::sample::select(vec!["tcp", "tcp", "icmp", "udp", "wireguard"]),
        proptest::option::of(proptest::sample::select(expect.to_vec())),
        any::<bool>(),
        any::<bool>(),
        proptest::option::weighted(0.2, proptest::sample::select(vec![80, 5000])),
        proptest::sample::select(vec!["complete", "complete", "deadline", "interrupted"]),
        proptest::option::weighted(0.3, (0_usize..3, proptest::sample::select(kinds.to_vec()))),
        proptest::sample::subsequence(lines.to_vec(), 0..4),
    )
        .prop_map(
            |(check, expect, limits, path, source_port, ended, route, lines)| Around {
                check,
                expect,
                limits,
                path,
                source_port,
                ended,
                route,
                lines,
            },
        )
}

fn evidence(all: &[Series], around: &Around) -> Evidence {
    let mut text = String::from(match around.check {
        "icmp" => "check icmp\ntarget db.example\n",
        "udp" => "check udp\ntarget db.example:53\n",
        "wireguard" => "check udp\ntarget db.example:51820\n",
        _ => "target db.example:443\n",
    });
    for line in &around.lines {
        text.push_str(line);
        text.push('\n');
    }
    text.push_str("resolves 10.0.9.9 10.0.9.10 2001:db8:9::9\n");
    text.push_str("ended ");
    text.push_str(around.ended);
    let mut evidence = scenario::read(&text).unwrap().evidence;
    evidence.options.expect = around.expect;
    evidence.options.path = around.path;
    evidence.options.source_port = around.source_port;
    if around.limits {
        evidence.options.max_loss_percent = Some(10.0);
        evidence.options.max_avg_ms = Some(Ms::from_millis(100));
        evidence.options.max_connect_ms = Some(Ms::from_millis(500));
    }
    if let Some((which, kind)) = around.route {
        let to: Address = evidence.endpoints[which].endpoint.address.clone();
        for route in evidence
            .local
            .routes
            .iter_mut()
            .filter(|route| route.destination == to)
        {
            route.kind = kind;
            route.gateway = None;
        }
    }
    let mut now = 0;
    for series in all {
        for number in 0..series.count {
            now += 7;
            let observation = observation(&evidence, series, number, now);
            evidence.record(observation);
        }
    }
    evidence
}

fn observation(evidence: &Evidence, series: &Series, number: u8, now: u64) -> Observation {
    let (operation, control) = series.kind;
    // The probes of the check itself are those of its kind.
    let operation = match operation {
        Operation::Connect if !control => evidence.probe(),
        Operation::TraceTcp if !control => evidence.path_protocol().operation(),
        other => other,
    };
    let asked = &evidence.endpoints[series.to].endpoint;
    let port = match operation {
        Operation::Echo => None,
        Operation::Datagram if control => Some(33_440),
        _ if control && operation != Operation::TraceUdp => Some(1),
        _ => asked.port,
    };
    let limited = matches!(
        operation,
        Operation::TraceTcp | Operation::TraceUdp | Operation::TraceIcmp | Operation::Baseline
    );
    let icmp = series.outcome.is_icmp() || operation == Operation::Baseline;
    let from = series.from.map(|text| text.parse::<Address>().unwrap());
    let answered = series.outcome == Outcome::Ok || series.outcome == Outcome::Refused || icmp;
    let rtt = series.rtt.filter(|_| answered).map(Ms::from_millis);
    let wait = if series.late { 3100 } else { 0 };
    Observation {
        endpoint: Some(Endpoint {
            address: asked.address.clone(),
            port,
        }),
        ttl: limited.then(|| series.ttl.saturating_add(number)),
        source_port: Some(if limited {
            series.flow
        } else {
            series.flow + u16::from(number)
        }),
        rtt_ms: rtt,
        elapsed_ms: Some(rtt.unwrap_or_default() + Ms::from_millis(wait)),
        retransmits: (operation == Operation::Connect).then_some(series.again),
        errno: series.errno.map(ToOwned::to_owned),
        icmp: from.filter(|_| icmp).map(|from| Icmp {
            ..scenario::icmp(series.outcome, &from)
        }),
        control,
        ..Observation::new(operation, Ms::from_millis(now), series.outcome)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_was_observed_the_report_is_sound(all in proptest::collection::vec(series(), 0..14), around in around()) {
        let mut evidence = evidence(&all, &around);
        // Names that no path shows are lost when a report is judged again: `adversarial/names-of-devices-without-a-path`.
        evidence.names.clear();
        let report = diagnose(&evidence);
        let broken = invariants::broken(&evidence, &report);
        prop_assert!(broken.is_empty(), "{}\n{}", broken.join("\n"), crate::expected::as_it_is(&evidence));
        for subject in &evidence.endpoints {
            let errors = report.findings.iter().filter(|finding| {
                finding.severity == Severity::Error
                    && finding.origin != Origin::Policy
                    && finding.endpoint.as_ref() == Some(&subject.endpoint)
            });
            prop_assert!(errors.count() <= 1);
        }
    }

    #[test]
    fn nothing_is_needed_of_an_address_that_is_not_under_test(all in proptest::collection::vec(series(), 0..10), around in around()) {
        let evidence = evidence(&all, &around);
        for need in needs(&evidence) {
            if let Some(endpoint) = plan::endpoint_of(&need) {
                prop_assert!(evidence.endpoints.iter().any(|subject| subject.endpoint == *endpoint), "{need:?}");
            }
        }
    }
}
