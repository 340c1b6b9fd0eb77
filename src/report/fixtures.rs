//! Reports made by hand for tests: one for each way in which a check comes out. They are made of observations, as real ones are, so
//! that counts and paths agree with what they rest on.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::model::criteria::{Criterion, Quantity};
use crate::model::evidence::{Ended, NotMeasured};
use crate::model::finding::{Finding, Id, Severity};
use crate::model::local::{Local, Route, RouteKind};
use crate::model::observation::{Icmp, Observation, Operation};
use crate::model::report::{
    BATCH_SCHEMA, Batch, EndpointReport, REPORT_SCHEMA, Report, Status, Tool, Verdict,
};
use crate::model::resolution::{Resolution, ServerAnswer, SourceAnswer, SourceKind, Transport};
use crate::model::source::{Privilege, ResolverConfig, Source};
use crate::model::statistics::Probes;
use crate::model::target::{Protocol, Target};
use crate::model::topology::{Path, TraceProtocol};
use crate::model::{Address, Endpoint, Ms, Options, Outcome};
use crate::report::{Document, Style, Verbosity};

/// Every report, by the name of its case.
pub(crate) fn all() -> Vec<(&'static str, Report)> {
    vec![
        ("healthy", healthy()),
        ("healthy-long-path", healthy_long_path()),
        ("port-closed", port_closed()),
        ("path-filtered", path_filtered()),
        ("path-prohibited", path_prohibited()),
        ("name-not-resolving", name_not_resolving()),
        ("addresses-partly-broken", addresses_partly_broken()),
        ("indeterminate", indeterminate()),
        ("local-no-route", local_no_route()),
        ("equal-cost", equal_cost()),
        ("hostile", hostile()),
    ]
}

/// Several at once.
pub(crate) fn batch() -> Batch {
    let reports = vec![
        healthy(),
        path_filtered(),
        name_not_resolving(),
        indeterminate(),
    ];
    Batch {
        schema: BATCH_SCHEMA.to_owned(),
        tool: Tool::this(),
        started_at: start(),
        duration_ms: Ms::from_millis(4200),
        exit_status: 1,
        reports,
    }
}

fn start() -> Timestamp {
    Timestamp::UNIX_EPOCH + std::time::Duration::from_secs(1_760_000_000)
}

fn at(text: &str) -> Address {
    text.parse().unwrap()
}

/// A report under construction.
struct Case {
    report: Report,
    names: BTreeMap<Address, String>,
}

impl Case {
    fn of(target: &str) -> Self {
        let mut report = Report {
            schema: REPORT_SCHEMA.to_owned(),
            tool: Tool::this(),
            started_at: start(),
            duration_ms: Ms::from_millis(412),
            ended: Ended::Complete,
            exit_status: 0,
            redacted: false,
            options: Options::default(),
            source: Source {
                host: Some("build-7".to_owned()),
                os: Some("Debian GNU/Linux 12".to_owned()),
                kernel: Some("6.1.0".to_owned()),
                address: Some(at("10.1.2.3")),
                interface: Some("eth0".to_owned()),
                privileges: vec![Privilege::PingSocket],
                resolver: Some(ResolverConfig {
                    file: Some("/etc/resolv.conf".to_owned()),
                    servers: vec![Endpoint::new(at("10.0.0.53"), 53)],
                    search: vec!["corp.example".to_owned()],
                    ..ResolverConfig::default()
                }),
                ..Source::default()
            },
            target: Target::parse(target, Some(Protocol::Tcp)).unwrap(),
            status: Status::Reachable,
            verdict: Verdict::Pass,
            cause: None,
            summary: String::new(),
            findings: Vec::new(),
            criteria: Vec::new(),
            not_measured: Vec::new(),
            resolution: None,
            endpoints: Vec::new(),
            local: Local::default(),
            names: std::collections::BTreeMap::new(),
            observations: Vec::new(),
        };
        if let Some(address) = report.target.address() {
            report.resolution = Some(Resolution {
                sources: vec![SourceAnswer {
                    source: SourceKind::Literal,
                    outcome: Outcome::Ok,
                    error: None,
                    ms: None,
                    addresses: vec![address.clone()],
                    observation: None,
                }],
                addresses: vec![address],
                complete: true,
                ..Resolution::default()
            });
        }
        Self {
            report,
            names: BTreeMap::new(),
        }
    }

    fn resolved(mut self, addresses: &[&str]) -> Self {
        let addresses: Vec<Address> = addresses.iter().map(|text| at(text)).collect();
        let records = [("A", false), ("AAAA", true)].map(|(record, v6)| {
            let answers: Vec<String> = addresses
                .iter()
                .filter(|address| address.is_ipv6() == v6)
                .map(|address| format!("{record} {address}"))
                .collect();
            self.answer(
                "10.0.0.53",
                record,
                if answers.is_empty() {
                    Outcome::NoData
                } else {
                    Outcome::Ok
                },
                11_800,
                answers,
            )
        });
        self.report.resolution = Some(Resolution {
            names: vec![self.report.target.host.clone()],
            sources: vec![SourceAnswer {
                source: SourceKind::System,
                outcome: Outcome::Ok,
                error: None,
                ms: Some(Ms::from_micros(12_000)),
                addresses: addresses.clone(),
                observation: None,
            }],
            servers: records.to_vec(),
            addresses,
            complete: true,
            ..Resolution::default()
        });
        self
    }

    fn answer(
        &self,
        server: &str,
        record: &str,
        outcome: Outcome,
        micros: u64,
        answers: Vec<String>,
    ) -> ServerAnswer {
        ServerAnswer {
            address: Endpoint::new(at(server), 53),
            transport: Transport::Udp,
            name: self.report.target.host.clone(),
            record: record.to_owned(),
            outcome,
            ms: (outcome != Outcome::Timeout).then(|| Ms::from_micros(micros)),
            answers,
            extended_errors: Vec::new(),
            truncated: false,
            checking_disabled: false,
            observation: None,
        }
    }

    fn route(mut self, destination: &str, gateway: &str) -> Self {
        let route = Route {
            destination: at(destination),
            kind: RouteKind::Unicast,
            gateway: Some(at(gateway)),
            interface: Some("eth0".to_owned()),
            source: Some(at(if gateway.contains(':') {
                "2001:db8:1::3"
            } else {
                "10.1.2.3"
            })),
            table: Some(254),
            prefix: None,
            metric: None,
            mtu: Some(1500),
            rule: None,
            text: None,
            errno: None,
            family_usable: true,
        };
        self.report.local.route.get_or_insert(route.clone());
        self.report.local.routes.push(route);
        self
    }

    fn observe(&mut self, mut observation: Observation) {
        observation.id = u32::try_from(self.report.observations.len()).unwrap() + 1;
        self.report.observations.push(observation);
    }

    /// A burst to an address; each probe with its outcome and round trip in microseconds.
    fn burst(mut self, address: &str, status: Status, probes: &[(Outcome, Option<u64>)]) -> Self {
        let endpoint = Endpoint {
            address: at(address),
            port: self.report.target.port,
        };
        for (number, (outcome, rtt)) in (0_u16..).zip(probes) {
            self.observe(Observation {
                endpoint: Some(endpoint.clone()),
                rtt_ms: rtt.map(Ms::from_micros),
                elapsed_ms: rtt.map(Ms::from_micros),
                source_port: Some(40_000 + number),
                retransmits: Some(0),
                ..Observation::new(
                    Operation::Connect,
                    Ms::from_millis(12 + 20 * u64::from(number)),
                    *outcome,
                )
            });
        }
        let probes = Probes::count(self.report.observations.iter().filter(|o| {
            o.operation == Operation::Connect && o.endpoint.as_ref() == Some(&endpoint)
        }));
        self.report.endpoints.push(EndpointReport {
            address: at(address),
            port: self.report.target.port,
            status,
            probes,
            path: None,
        });
        self
    }

    /// The path to an address: each hop with who answered, its name, and its round trip in microseconds; empty is silence.
    fn path(mut self, address: &str, hops: &[(&str, &str, u64)]) -> Self {
        let endpoint = Endpoint {
            address: at(address),
            port: self.report.target.port,
        };
        for (ttl, (who, name, rtt)) in (1_u8..).zip(hops) {
            if !name.is_empty() {
                self.names.insert(at(who), (*name).to_owned());
            }
            let v6 = who.contains(':');
            let (outcome, icmp) = match *who {
                "" => (Outcome::Timeout, None),
                who if who == address => (Outcome::Ok, None),
                who => (
                    Outcome::TtlExceeded,
                    Some(Icmp {
                        kind: if v6 { 3 } else { 11 },
                        code: 0,
                        from: Some(at(who)),
                        mtu: None,
                        quote: None,
                    }),
                ),
            };
            for again in 0..2_u64 {
                self.observe(Observation {
                    endpoint: Some(endpoint.clone()),
                    rtt_ms: (!who.is_empty()).then(|| Ms::from_micros(rtt + again * 90)),
                    source_port: Some(40_100),
                    ttl: Some(ttl),
                    icmp: icmp.clone(),
                    ..Observation::new(Operation::TraceTcp, Ms::from_millis(200), outcome)
                });
            }
        }
        self.draw(&endpoint)
    }

    fn draw(mut self, endpoint: &Endpoint) -> Self {
        let path = Path::draw(
            TraceProtocol::Tcp,
            endpoint,
            &self.report.observations,
            &self.names,
            true,
        );
        for report in &mut self.report.endpoints {
            if report.address == endpoint.address {
                report.path = Some(path.clone());
            }
        }
        self
    }

    fn concluded(mut self, status: Status, verdict: Verdict, summary: &str) -> Report {
        self.report.status = status;
        self.report.verdict = verdict;
        self.report.exit_status = match verdict {
            Verdict::Pass | Verdict::Warn => 0,
            Verdict::Fail => 1,
            Verdict::Indeterminate => 3,
        };
        self.report.summary = summary.to_owned();
        if verdict != Verdict::Pass {
            self.report.cause = self.report.findings.first().map(|finding| finding.id);
        }
        self.report
    }

    fn finding(mut self, finding: Finding) -> Self {
        self.report.findings.push(finding);
        self
    }

    fn missing(mut self, what: &str, why: &str, command: Option<&str>) -> Self {
        self.report.not_measured.push(NotMeasured {
            what: what.to_owned(),
            why: why.to_owned(),
            command: command.map(str::to_owned),
        });
        self
    }
}

const ROUTERS: [(&str, &str, u64); 3] = [
    ("10.1.2.1", "gw.corp.example", 400),
    ("10.2.0.1", "", 1900),
    ("10.4.0.1", "fw-in.corp.example", 3800),
];

fn ok(count: u64, first: u64) -> Vec<(Outcome, Option<u64>)> {
    (0..count)
        .map(|n| (Outcome::Ok, Some(first + n * 210)))
        .collect()
}

fn healthy() -> Report {
    let mut hops = ROUTERS.to_vec();
    hops.push(("", "", 0));
    hops.push(("10.4.9.20", "db.corp.example", 4100));
    let mut case = Case::of("db.corp.example:5432")
        .resolved(&["10.4.9.20"])
        .route("10.4.9.20", "10.1.2.1")
        .burst("10.4.9.20", Status::Reachable, &ok(10, 4000))
        .path("10.4.9.20", &hops);
    case.report.options.max_avg_ms = Some(Ms::from_millis(50));
    case.report.criteria.push(Criterion {
        name: "max_avg_ms".to_owned(),
        limit: Quantity::Number(50.0),
        measured: Some(Quantity::Number(4.945)),
        met: Some(true),
    });
    case.concluded(
        Status::Reachable,
        Verdict::Pass,
        "db.corp.example:5432 is reachable: 10 of 10 connections opened, 4.9 ms on average",
    )
}

fn healthy_long_path() -> Report {
    let between: Vec<(String, String)> = (1..=12)
        .map(|n| {
            (
                format!("2001:db8:{n}::1"),
                format!("ae{n}.core{n}.transit.carrier.example"),
            )
        })
        .collect();
    let mut hops: Vec<(&str, &str, u64)> = (1_u64..)
        .zip(&between)
        .map(|(n, (address, name))| (address.as_str(), name.as_str(), n * 3100))
        .collect();
    hops.push(("2001:db8:ffff::443", "", 40_100));
    Case::of("https://web.example/?q=1")
        .resolved(&["2001:db8:ffff::443"])
        .route("2001:db8:ffff::443", "2001:db8:1::1")
        .burst("2001:db8:ffff::443", Status::Reachable, &ok(10, 40_000))
        .path("2001:db8:ffff::443", &hops)
        .concluded(
            Status::Reachable,
            Verdict::Pass,
            "web.example:443 is reachable: 10 of 10 connections opened, 40.9 ms on average",
        )
}

fn port_closed() -> Report {
    let mut hops = ROUTERS.to_vec();
    hops.push(("192.0.2.7", "", 4100));
    let refused: Vec<_> = (0..10)
        .map(|n| (Outcome::Refused, Some(4100 + n * 30)))
        .collect();
    Case::of("192.0.2.7:8080")
        .route("192.0.2.7", "10.1.2.1")
        .burst("192.0.2.7", Status::Unreachable, &refused)
        .path("192.0.2.7", &hops)
        .finding(
            Finding::new(
                Id::PortClosed,
                Severity::Error,
                "192.0.2.7 refuses TCP/8080: nothing listens there",
            )
            .explained(
                "192.0.2.7 is up and answers every attempt with a TCP reset. No process listens on port 8080 of this address, or the \
                 device directly before the host rejects it in its name.",
            )
            .fact("10 of 10 attempts were refused in 4.1 to 4.4 ms", 1..=10)
            .fact("192.0.2.7 is 4 hops away, and the resets came from there", [17, 18])
            .command("On 192.0.2.7, see what listens", "sudo ss -ltnp 'sport = :8080'")
            .action("Start the service, or have it listen on 192.0.2.7 and not on 127.0.0.1 alone.")
            .about(&Endpoint::new(at("192.0.2.7"), 8080))
            .at(Some(4), Some(at("192.0.2.7"))),
        )
        .concluded(
            Status::Unreachable,
            Verdict::Fail,
            "192.0.2.7:8080 is unreachable: 192.0.2.7 refuses TCP/8080: nothing listens there",
        )
}

fn path_filtered() -> Report {
    let mut hops = ROUTERS.to_vec();
    hops.extend([("", "", 0); 6]);
    Case::of("db.corp.example:5432")
        .resolved(&["10.4.9.20"])
        .route("10.4.9.20", "10.1.2.1")
        .burst("10.4.9.20", Status::Unreachable, &[(Outcome::Timeout, None); 10])
        .path("10.4.9.20", &hops)
        .finding(
            Finding::new(
                Id::PathFiltered,
                Severity::Error,
                "something at or after 10.4.0.1 (hop 3) drops TCP/5432",
            )
            .explained(
                "10 of 10 attempts to 10.4.9.20 port 5432 got no answer. The host is up: it refuses port 1 in 4.1 ms.",
            )
            .fact("SYNs to port 5432 are answered up to hop 3 (10.4.0.1) and no further", 11..=28)
            .fact("SYNs to port 1 are answered by hop 4 and by the host", [29, 30, 33])
            .action("Ask the owner of 10.4.0.1, or of what follows it, to allow TCP/5432 from 10.1.2.3 to 10.4.9.20.")
            .command("On 10.4.9.20, see whether its own firewall drops it", "sudo nft list ruleset")
            .about(&Endpoint::new(at("10.4.9.20"), 5432))
            .at(Some(3), Some(at("10.4.0.1"))),
        )
        .missing(
            "this machine's firewall rules",
            "reading them needs CAP_NET_ADMIN",
            Some("sudo nwcheck tcp db.corp.example:5432"),
        )
        .concluded(
            Status::Unreachable,
            Verdict::Fail,
            "db.corp.example:5432 is unreachable: something at or after 10.4.0.1 (hop 3) drops TCP/5432",
        )
}

fn path_prohibited() -> Report {
    let endpoint = Endpoint::new(at("10.4.9.20"), 25);
    let mut case = Case::of("10.4.9.20:25")
        .route("10.4.9.20", "10.1.2.1")
        .burst(
            "10.4.9.20",
            Status::Unreachable,
            &[(Outcome::Prohibited, Some(3900)); 10],
        )
        .path("10.4.9.20", &ROUTERS[..2]);
    case.observe(Observation {
        endpoint: Some(endpoint.clone()),
        rtt_ms: Some(Ms::from_micros(3900)),
        source_port: Some(40_100),
        ttl: Some(3),
        icmp: Some(Icmp {
            kind: 3,
            code: 13,
            from: Some(at("10.4.0.1")),
            mtu: None,
            quote: None,
        }),
        ..Observation::new(
            Operation::TraceTcp,
            Ms::from_millis(210),
            Outcome::Prohibited,
        )
    });
    case.draw(&endpoint)
        .finding(
            Finding::new(
                Id::PathProhibited,
                Severity::Error,
                "10.4.0.1 (hop 3) rejects TCP/25 to 10.4.9.20",
            )
            .explained("A firewall on the way answers each attempt with ICMP administratively prohibited (type 3 code 13).")
            .fact("10 of 10 attempts were answered so by 10.4.0.1", 1..=10)
            .action("Ask the owner of 10.4.0.1 to allow TCP/25 from 10.1.2.3 to 10.4.9.20.")
            .about(&endpoint)
            .at(Some(3), Some(at("10.4.0.1"))),
        )
        .concluded(
            Status::Unreachable,
            Verdict::Fail,
            "10.4.9.20:25 is unreachable: 10.4.0.1 (hop 3) rejects TCP/25 to 10.4.9.20",
        )
}

fn name_not_resolving() -> Report {
    let mut case = Case::of("dbb.corp.example:5432");
    let servers = ["10.0.0.53", "10.0.1.53"]
        .iter()
        .flat_map(|server| ["A", "AAAA"].map(|record| (*server, record)))
        .map(|(server, record)| case.answer(server, record, Outcome::Nxdomain, 3100, Vec::new()))
        .collect();
    case.report.resolution = Some(Resolution {
        names: vec!["dbb.corp.example".to_owned()],
        sources: vec![SourceAnswer {
            source: SourceKind::System,
            outcome: Outcome::Nxdomain,
            error: Some("EAI_NONAME: Name or service not known".to_owned()),
            ms: Some(Ms::from_micros(6200)),
            addresses: Vec::new(),
            observation: None,
        }],
        servers,
        near_misses: vec!["db.corp.example".to_owned()],
        complete: true,
        ..Resolution::default()
    });
    case.finding(
        Finding::new(
            Id::DnsNxdomain,
            Severity::Error,
            "the name dbb.corp.example does not exist",
        )
        .explained("All name servers of this machine answer NXDOMAIN: no record of any type has this name.")
        .fact("10.0.0.53 and 10.0.1.53 answered NXDOMAIN for A and AAAA", [])
        .fact("the hosts file has db.corp.example, which is nearly it", [])
        .action("Check the spelling: db.corp.example exists.")
        .command("Ask the zone's own servers, should the name be new", "dig +trace dbb.corp.example"),
    )
    .concluded(
        Status::Unreachable,
        Verdict::Fail,
        "dbb.corp.example:5432 is unreachable: the name dbb.corp.example does not exist",
    )
}

fn addresses_partly_broken() -> Report {
    let silent = [(Outcome::Timeout, None); 10];
    Case::of("web.example:443")
        .resolved(&["192.0.2.7", "192.0.2.8", "2001:db8::443"])
        .route("192.0.2.7", "10.1.2.1")
        .route("192.0.2.8", "10.1.2.1")
        .route("2001:db8::443", "fe80::1%eth0")
        .burst("192.0.2.7", Status::Reachable, &ok(10, 40_000))
        .burst("192.0.2.8", Status::Unreachable, &silent)
        .burst("2001:db8::443", Status::Degraded, &[ok(8, 41_000), silent[..2].to_vec()].concat())
        .path("192.0.2.7", &[ROUTERS[0], ROUTERS[1], ("192.0.2.7", "", 40_000)])
        .path("192.0.2.8", &[ROUTERS[0], ROUTERS[1], ("", "", 0), ("", "", 0)])
        .finding(
            Finding::new(
                Id::DestinationAddressPartial,
                Severity::Warning,
                "1 of 3 addresses of web.example does not answer on TCP/443",
            )
            .explained("An application that tries 192.0.2.8 first waits until its own time-out before it tries the next.")
            .fact("192.0.2.7: 10 of 10 opened", 1..=10)
            .fact("192.0.2.8: 10 of 10 got no answer", 11..=20)
            .action("Take 192.0.2.8 out of DNS until it is repaired.")
            .about(&Endpoint::new(at("192.0.2.8"), 443)),
        )
        .finding(
            Finding::new(
                Id::DestinationIntermittent,
                Severity::Warning,
                "2 of 10 probes to 2001:db8::443 got no answer",
            )
            .explained("More than chance: with a healthy path none of ten is lost.")
            .about(&Endpoint::new(at("2001:db8::443"), 443)),
        )
        .concluded(
            Status::Degraded,
            Verdict::Warn,
            "web.example:443 works in part: 1 of 3 addresses of web.example does not answer on TCP/443",
        )
}

fn indeterminate() -> Report {
    let mut case = Case::of("[2001:db8::22]:22")
        .route("2001:db8::22", "fe80::1%eth0")
        .burst(
            "2001:db8::22",
            Status::Indeterminate,
            &[(Outcome::Cancelled, None); 2],
        )
        .missing("the path", "interrupted before it was traced", None);
    case.report.ended = Ended::Interrupted;
    case.report.criteria.push(Criterion {
        name: "expect".to_owned(),
        limit: Quantity::Word("blocked".to_owned()),
        measured: None,
        met: None,
    });
    case.concluded(
        Status::Indeterminate,
        Verdict::Indeterminate,
        "[2001:db8::22]:22 could not be told: the check was interrupted after 412 ms",
    )
}

fn local_no_route() -> Report {
    let mut case = Case::of("[2001:db8::22]:22").burst(
        "2001:db8::22",
        Status::Unreachable,
        &[(Outcome::NoRoute, None)],
    );
    case.report.local.route = Some(Route {
        destination: at("2001:db8::22"),
        kind: RouteKind::None,
        gateway: None,
        interface: None,
        source: None,
        table: None,
        prefix: None,
        metric: None,
        mtu: None,
        rule: None,
        text: None,
        errno: Some("ENETUNREACH".to_owned()),
        family_usable: false,
    });
    case.finding(
        Finding::new(
            Id::LocalNoRoute,
            Severity::Error,
            "this machine has no route to 2001:db8::22",
        )
        .explained("The kernel's look-up ends with ENETUNREACH: no packet was sent.")
        .fact("this machine has no default route for IPv6", [])
        .command("See the routes", "ip -6 route"),
    )
    .concluded(
        Status::Unreachable,
        Verdict::Fail,
        "[2001:db8::22]:22 is unreachable: this machine has no route to 2001:db8::22",
    )
}

/// Two flows that take different routers at one distance.
fn equal_cost() -> Report {
    let endpoint = Endpoint::new(at("192.0.2.7"), 443);
    let mut case = Case::of("192.0.2.7:443")
        .route("192.0.2.7", "10.1.2.1")
        .burst("192.0.2.7", Status::Reachable, &ok(10, 4000))
        .path(
            "192.0.2.7",
            &[ROUTERS[0], ROUTERS[1], ("192.0.2.7", "", 4000)],
        );
    case.names
        .insert(at("10.2.0.2"), "second.corp.example".to_owned());
    case.observe(Observation {
        endpoint: Some(endpoint.clone()),
        rtt_ms: Some(Ms::from_micros(2100)),
        source_port: Some(40_101),
        ttl: Some(2),
        icmp: Some(Icmp {
            kind: 11,
            code: 0,
            from: Some(at("10.2.0.2")),
            mtu: None,
            quote: None,
        }),
        ..Observation::new(
            Operation::TraceTcp,
            Ms::from_millis(210),
            Outcome::TtlExceeded,
        )
    });
    case.draw(&endpoint).concluded(
        Status::Reachable,
        Verdict::Pass,
        "192.0.2.7:443 is reachable: 10 of 10 connections opened, 4.9 ms on average",
    )
}

/// What a hostile network can put into a report.
fn hostile() -> Report {
    let mut case = Case::of("bücher.example:80")
        .resolved(&["192.0.2.7"])
        .burst("192.0.2.7", Status::Reachable, &ok(10, 900));
    let long = "x".repeat(400);
    case = case.path(
        "192.0.2.7",
        &[
            ("10.1.2.1", "\u{1b}[2J\u{202e}gw\r\nfake: line", 400),
            ("10.2.0.1", &long, 500),
            ("10.3.0.1", "ルーター.例え", 600),
            ("192.0.2.7", "", 900),
        ],
    );
    case.concluded(
        Status::Reachable,
        Verdict::Pass,
        "xn--bcher-kva.example:80 is reachable: 10 of 10 connections opened, 1.8 ms on average",
    )
}

/// All reports, and the batch with little and with much, each under its name, in one form.
pub(crate) fn rendered(render: impl Fn(Document<'_>, &Style) -> String) -> String {
    let mut text = String::new();
    for (name, report) in all() {
        text.push_str(&format!("# {name}\n"));
        text.push_str(&render(Document::Report(&report), &Style::default()));
    }
    let batch = batch();
    for verbosity in [Verbosity::Quiet, Verbosity::Verbose] {
        text.push_str(&format!("# batch {verbosity:?}\n"));
        let style = Style {
            verbosity,
            ..Style::default()
        };
        text.push_str(&render(Document::Batch(&batch), &style));
    }
    text
}
