//! The one loop: asks the plan what to do next, runs it, and lets what comes of it stand in the evidence. It owns the clock, the
//! bucket that all tracers share, the deadline and the end by a signal. It judges nothing.

use std::collections::BTreeSet;
use std::future::Future;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::diagnose::Need;
use crate::model::evidence::{Ended, Evidence};
use crate::model::resolution::SourceKind;
use crate::model::speech;
use crate::model::target::{Kind, Protocol};
use crate::model::topology::TraceProtocol;
use crate::model::{
    Address, Endpoint, Icmp, Ms, Observation, Operation, Options, Outcome, Report, Target,
};
use crate::plan::{self, Log, State, Step};
use crate::probe::trace::Spec;
use crate::probe::trace::kept::Kept;
use crate::probe::{
    Observer, Recorder, Series, connect, control, datagram, echo, egress, firewall, local, look,
    mtu, names, provider, resolve, return_ttl, trace,
};

/// Probes of a control: enough to prove that the host is up.
const CONTROLS: u16 = 3;
/// Probes of a control series: enough to compare its loss with the burst's.
const SERIES: u32 = 40;
/// Time between two control probes.
const CONTROL_INTERVAL: Duration = Duration::from_millis(100);
/// How long a control connection is waited for: over the first time that the kernel sends the SYN again.
const CONTROL_TIMEOUT: Duration = Duration::from_millis(1500);
/// So long the reverse names are waited for when all else has ended.
const NAMES_GRACE: Duration = Duration::from_millis(150);
/// So long slow name servers are waited for when all else has ended.
const NAMES_PATIENCE: Ms = Ms::from_millis(4000);
/// So much earlier than the check's deadline the probes have to end.
const JUDGING: Duration = Duration::from_millis(50);

/// What all checks of a process share.
#[derive(Clone)]
pub struct Shared {
    /// What traces share.
    pub paths: trace::Shared,
    /// This machine's packet rules.
    pub rules: firewall::Rules,
    /// The machine that the checks run on, read once.
    pub source: crate::model::source::Source,
    /// What is known of machines by name.
    pub machines: provider::Machines,
    /// Who is told of each observation when it is recorded.
    pub told: Option<Observer>,
}

/// Makes one check, and returns what was learnt. `stage` is told what runs; `interrupted` ends it early.
pub async fn check(
    target: Target,
    mut options: Options,
    baseline: Option<Report>,
    shared: Shared,
    stage: impl Fn(&'static str),
    interrupted: impl Future<Output = ()>,
) -> Evidence {
    datagram::settle(&mut options, &target);
    // Who knows a machine by its name may have been asked before: the check counts from there.
    let began = shared.machines.asked.as_ref().map(|asked| asked.began);
    let began = began.unwrap_or_else(Instant::now);
    // To the millisecond: what comes after is told as offsets from here.
    let now = jiff::Timestamp::now() - began.elapsed();
    let now = now.round(jiff::Unit::Millisecond).unwrap_or(now);
    let mut source = shared.source.clone();
    // For a host and a port they mean nothing, and need not stand in a report.
    source.proxies.take_if(|_| target.uri.is_none());
    let evidence = Evidence::new(now, options.clone(), target, source);
    let recorder = Recorder::since(evidence, began).telling(shared.told.clone());
    let options = Rc::new(options);
    let before = local::Baseline::read();
    if let Some(earlier) = baseline {
        remember(&recorder, &earlier);
    }
    let kept = Kept::default();
    let mut log = Log::new();
    let mut running: JoinSet<Step> = JoinSet::new();
    let mut beside: JoinSet<()> = JoinSet::new();
    let mut interrupted = std::pin::pin!(interrupted);
    let ended = loop {
        let steps = recorder.read(|evidence| plan::next(evidence, &log, recorder.now()));
        for step in steps {
            stage(name(&step));
            log.insert(step.clone(), State::Running(recorder.now()));
            if let Step::Measure(Need::Trace(endpoint)) = &step {
                beside.spawn_local(names::follow(recorder.clone(), endpoint.clone()));
            }
            let work = run(
                step.clone(),
                recorder.clone(),
                options.clone(),
                shared.clone(),
                kept.clone(),
            );
            running.spawn_local(async move {
                work.await;
                step
            });
        }
        let unheard = recorder.read(|evidence| waits_for_names(evidence, recorder.now()));
        if running.is_empty() && !unheard {
            break Ended::Complete;
        }
        // The name's slower servers need not be waited for when the addresses are known and all else has ended.
        let only_names = running.len() == 1
            && matches!(log.get(&Step::Resolve), Some(State::Running(_)))
            && recorder.read(|evidence| !evidence.endpoints.is_empty());
        if only_names {
            break Ended::Complete;
        }
        let wake = recorder
            .read(|evidence| plan::wake_at(evidence, &log, recorder.now()))
            .map(|at| recorder.instant(at));
        let wake = async {
            match wake {
                Some(at) => tokio::time::sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = &mut interrupted => break Ended::Interrupted,
            () = tokio::time::sleep_until((recorder.deadline() + JUDGING).into()) => break Ended::Deadline,
            Some(step) = running.join_next(), if !running.is_empty() => {
                if let Ok(step) = step {
                    log.insert(step, State::Done);
                }
            }
            () = recorder.changed() => {}
            () = tokio::time::sleep(Duration::from_millis(100)), if unheard => {}
            () = wake => {}
        }
    };
    if ended == Ended::Complete {
        let all = async { while beside.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(NAMES_GRACE, all).await;
    }
    running.shutdown().await;
    beside.shutdown().await;
    // What the steps had started ends, and is recorded as cut short.
    for _ in 0..2 {
        tokio::task::yield_now().await;
    }
    recorder.update(|evidence| finish(evidence, &before, ended, recorder.now()));
    recorder.snapshot()
}

/// Whether the name servers are worth waiting for when all else has ended: the system's resolver did not answer at once, and which
/// server keeps it waiting is not known yet.
fn waits_for_names(evidence: &Evidence, now: Ms) -> bool {
    evidence.resolution.as_ref().is_some_and(|resolution| {
        let slow = resolution
            .source(SourceKind::System)
            .is_some_and(|answer| answer.outcome == Outcome::Timeout);
        // Where the name alone is asked for, every source is heard to its end.
        let all = evidence.target.protocol == Protocol::Dns;
        !resolution.complete && (all || (slow && now < NAMES_PATIENCE))
    })
}

/// Runs one step.
async fn run(step: Step, recorder: Recorder, options: Rc<Options>, shared: Shared, kept: Kept) {
    match step {
        Step::Resolve if recorder.read(|e| e.target.kind == Kind::Vm) => {
            provider::resolve(recorder, shared.machines).await;
        }
        Step::Resolve => resolve::resolve(recorder).await,
        Step::Routes => {
            routes(&recorder);
            name_servers(recorder, shared.rules).await;
        }
        Step::MtuFirst(endpoint) => mtu::first(recorder, options, endpoint).await,
        Step::NeighbourEarly(endpoint) => local::neighbour(&recorder, &endpoint.address),
        Step::Neighbour(endpoint) => after_burst(&recorder, &endpoint),
        Step::Measure(Need::PacketRules(endpoint)) => {
            firewall::judge(recorder, shared.rules, endpoint).await;
        }
        Step::Measure(need) => measure(need, recorder, options, shared.paths, kept).await,
    }
}

async fn measure(
    need: Need,
    recorder: Recorder,
    options: Rc<Options>,
    paths: trace::Shared,
    kept: Kept,
) {
    let (probe, protocol) = recorder.read(|e| (e.probe(), e.path_protocol()));
    let burst = |endpoint: Endpoint| Series {
        endpoint,
        count: options.count,
        interval: options.interval_ms.to_duration(),
        timeout: options.timeout_ms.to_duration(),
        control: false,
    };
    let control = |endpoint: Endpoint, count, interval| Series {
        endpoint,
        count,
        interval,
        timeout: CONTROL_TIMEOUT,
        control: true,
    };
    let shared = recorder.clone();
    let port = |endpoint: &Endpoint| shared.read(|e| e.control_of(endpoint));
    let alone = recorder.read(|evidence| evidence.target.protocol == Protocol::Trace);
    let spec = |endpoint: Endpoint, protocol, control| Spec {
        endpoint,
        protocol,
        control,
        outcomes: 0,
        alone,
    };
    match need {
        Need::Burst(endpoint) | Need::SecondBurst(endpoint) => {
            let burst = burst(endpoint);
            match probe {
                Operation::Echo => echo::series(recorder, options, burst).await,
                Operation::Datagram => datagram::series(recorder, options, burst).await,
                _ => connect::series(recorder, options, burst).await,
            }
        }
        Need::Control(endpoint) => {
            let series = control(port(&endpoint), 2, CONTROL_INTERVAL);
            connect::series(recorder, options, series).await;
        }
        Need::ControlSeries(endpoint) => {
            let interval = Duration::from_millis(25);
            let echoes = control(endpoint.clone(), SERIES, interval);
            let connections = control(port(&endpoint), SERIES, interval);
            control_series(recorder, options, echoes, connections).await;
        }
        Need::Echo(endpoint) => {
            let series = control(endpoint, CONTROLS.into(), CONTROL_INTERVAL);
            echo::series(recorder, options, series).await;
        }
        Need::Datagram(endpoint) => {
            control::datagrams(recorder, options, endpoint, CONTROLS, CONTROL_INTERVAL).await;
        }
        Need::Trace(endpoint) => {
            let outcomes = if options.all_paths {
                trace::OUTCOMES
            } else {
                0
            };
            let spec = Spec {
                outcomes,
                ..spec(endpoint, protocol, false)
            };
            trace::trace(recorder, options, spec, paths, kept).await;
        }
        Need::Outcomes(endpoint) => {
            trace::outcomes(recorder, endpoint, kept).await;
        }
        Need::Mtu(endpoint) => mtu::measure(recorder, options, endpoint).await,
        Need::ControlTrace(endpoint) => {
            trace::trace(
                recorder,
                options.clone(),
                spec(port(&endpoint), TraceProtocol::Tcp, true),
                paths,
                kept,
            )
            .await;
        }
        Need::DatagramTrace(endpoint) => {
            trace::trace(
                recorder,
                options,
                spec(endpoint, TraceProtocol::Udp, true),
                paths,
                kept,
            )
            .await;
        }
        Need::Reask(endpoint) => {
            let distances = recorder.read(|evidence| plan::reask(evidence, &endpoint));
            let control = match protocol {
                TraceProtocol::Tcp => spec(port(&endpoint), protocol, true),
                _ => spec(endpoint.clone(), protocol, true),
            };
            let spec = spec(endpoint, protocol, false);
            trace::reask(recorder, options, spec, control, distances, paths).await;
        }
        Need::ResetLimit(ref endpoint) | Need::ControlLimit(ref endpoint) => {
            let ttl = recorder.read(|evidence| match need {
                Need::ControlLimit(_) => plan::control_distance(evidence, endpoint),
                _ => plan::just_before(evidence, endpoint),
            });
            let Some(ttl) = ttl else { return };
            let (endpoint, control) = (endpoint.clone(), port(endpoint));
            for (to, is_control) in [(endpoint, false), (control, true)] {
                let spec = spec(to, TraceProtocol::Tcp, is_control);
                let count = trace::AT_DISTANCE;
                trace::at_distance(
                    recorder.clone(),
                    options.clone(),
                    spec,
                    ttl,
                    count,
                    paths.clone(),
                )
                .await;
            }
        }
        Need::QuietLook(endpoint) => {
            let last = recorder.read(|evidence| plan::last_answered(evidence, &endpoint));
            let spec = spec(endpoint, protocol, false);
            trace::quiet::ask(recorder, options, spec, last, paths).await;
        }
        Need::Look(endpoint) => look::again(recorder, options, endpoint).await,
        Need::Greeting(endpoint) => {
            let greeting = recorder.read(|e| e.target.scheme().and_then(speech::greeting));
            let Some(greeting) = greeting else { return };
            look::greeting(recorder, options, endpoint, greeting).await;
        }
        Need::SamePorts(endpoint) => {
            let ports = recorder.read(|evidence| plan::failed_ports(evidence, &endpoint));
            connect::again(recorder, options, endpoint, ports).await;
        }
        Need::OtherSource(endpoint) => {
            let other = recorder.read(|evidence| evidence.other_source(&endpoint.address));
            let Some(other) = other else { return };
            connect::from_other_source(recorder, options, endpoint, other).await;
        }
        Need::ReturnTtl(endpoint) => {
            let control = recorder.read(|evidence| plan::open_control(evidence, &endpoint));
            return_ttl::search(recorder, options, endpoint, control).await;
        }
        Need::Egress(endpoint) => egress::attempts(recorder, options, endpoint).await,
        Need::Ingress(endpoint) => egress::arrivals(recorder, options, endpoint).await,
        Need::PacketRules(_) | Need::Resolution => {}
    }
}

/// A series of other probes to the same host: echo requests where they are answered and not themselves what is checked, else connections
/// to the control port.
async fn control_series(
    recorder: Recorder,
    options: Rc<Options>,
    echoes: Series,
    connections: Series,
) {
    let address = echoes.endpoint.address.clone();
    if recorder.read(|evidence| evidence.probe() != Operation::Echo) {
        echo::series(recorder.clone(), options.clone(), echoes).await;
    }
    let answered = recorder.read(|evidence| {
        let mut echoes = evidence
            .observations
            .iter()
            .filter(|o| o.operation == Operation::Echo && o.control);
        echoes.any(|o| {
            o.outcome == Outcome::Ok && o.endpoint.as_ref().is_some_and(|e| e.address == address)
        })
    });
    if !answered {
        connect::series(recorder, options, connections).await;
    }
}

/// The routes to the addresses, or to the name servers where there are none, and which addresses are put to the test.
fn routes(recorder: &Recorder) {
    let looked_at = recorder.read(|evidence| evidence.options.local);
    let (mut addresses, servers) = recorder.read(|evidence| {
        let resolution = evidence.resolution.as_ref();
        let addresses = resolution.map(|r| r.addresses.clone()).unwrap_or_default();
        let servers: Vec<Address> = resolution
            .map(|r| {
                r.servers
                    .iter()
                    .map(|answer| answer.address.address.clone())
                    .collect()
            })
            .unwrap_or_default();
        (addresses, servers)
    });
    if addresses.is_empty() {
        addresses = servers;
        addresses.sort();
        addresses.dedup();
    }
    if looked_at {
        local::routes(recorder, &addresses);
    } else {
        recorder.note(
            "this machine's routes, neighbours and interfaces",
            "--no-local was given",
            None,
        );
    }
    recorder.update(plan::admit);
}

/// What this machine's packet rules make of questions to name servers that this machine would not send, where no address is known for that.
async fn name_servers(recorder: Recorder, rules: firewall::Rules) {
    let denied = recorder.read(|evidence| {
        let resolution = evidence.resolution.as_ref();
        let unanswered = resolution.filter(|r| r.addresses.is_empty() && evidence.options.local);
        let answers = unanswered.into_iter().flat_map(|r| &r.servers);
        let denied = answers.filter(|answer| answer.outcome == Outcome::Denied);
        let servers: BTreeSet<Endpoint> = denied.map(|answer| answer.address.clone()).collect();
        servers
    });
    if !denied.is_empty() {
        firewall::judge_name_servers(recorder, rules, denied).await;
    }
}

/// What this machine's kernel says after the probes were sent.
fn after_burst(recorder: &Recorder, endpoint: &Endpoint) {
    local::neighbour(recorder, &endpoint.address);
    let (local_trouble, refused, own) = recorder.read(|evidence| {
        let has = |wanted: fn(Outcome) -> bool| evidence.burst(endpoint).any(|o| wanted(o.outcome));
        (
            has(Outcome::is_local),
            has(|o| matches!(o, Outcome::Refused | Outcome::PortUnreachable)),
            evidence.local.is_own(&endpoint.address),
        )
    });
    if local_trouble {
        local::ports(recorder);
    }
    if let Some(port) = endpoint.port.filter(|_| refused && own) {
        local::listeners(recorder, port);
    }
}

/// Closes the evidence: the load of this machine, and the paths as far as they got.
fn finish(evidence: &mut Evidence, before: &local::Baseline, ended: Ended, now: crate::model::Ms) {
    evidence.ended = ended;
    evidence.duration_ms = now;
    trace::name(evidence);
    if evidence.options.local {
        local::finish(evidence, before);
    }
    if !evidence.options.path {
        evidence.note(crate::model::evidence::NotMeasured {
            what: "the path".to_owned(),
            why: "--no-path was given".to_owned(),
            command: None,
        });
    }
}

/// Records what an earlier report knew of the same addresses: the router directly before the host.
fn remember(recorder: &Recorder, earlier: &Report) {
    for endpoint in &earlier.endpoints {
        let Some(path) = endpoint.path.as_ref().filter(|path| path.reached) else {
            continue;
        };
        let mut hops = path.hops.iter().rev();
        let _destination = hops.next();
        let Some(hop) = hops.next() else { continue };
        let Some(router) = hop
            .nodes
            .iter()
            .find_map(|node| node.address.clone().zip(node.icmp))
        else {
            continue;
        };
        let (from, icmp) = router;
        recorder.record(Observation {
            endpoint: Some(endpoint.endpoint()),
            ttl: Some(hop.ttl),
            icmp: Some(Icmp {
                kind: icmp.kind,
                code: icmp.code,
                from: Some(from),
                mtu: None,
                quote: None,
            }),
            control: true,
            ..Observation::new(Operation::Baseline, recorder.now(), Outcome::Ok)
        });
    }
}

/// What a person is told runs now.
fn name(step: &Step) -> &'static str {
    match step {
        Step::Resolve => "resolving the name",
        Step::Routes | Step::NeighbourEarly(_) | Step::Neighbour(_) => "looking at this machine",
        Step::MtuFirst(_) => "measuring the path MTU",
        Step::Measure(need) => match need {
            Need::Burst(_) | Need::Resolution => "probing",
            Need::SecondBurst(_) | Need::SamePorts(_) | Need::OtherSource(_) => "probing once more",
            Need::Trace(_) => "tracing the path",
            Need::Greeting(_) => "waiting for what speaks on the port",
            Need::Look(_) => "seeing what accepts connections",
            Need::Outcomes(_) => "seeing which flows arrive",
            Need::Mtu(_) => "measuring the path MTU",
            Need::Reask(_) | Need::ResetLimit(_) | Need::ControlLimit(_) | Need::QuietLook(_) => {
                "asking silent hops again"
            }
            Need::ControlTrace(_) | Need::DatagramTrace(_) => {
                "tracing with other probes, to compare"
            }
            Need::PacketRules(_) => "reading this machine's packet rules",
            Need::Control(_)
            | Need::Echo(_)
            | Need::Datagram(_)
            | Need::ControlSeries(_)
            | Need::ReturnTtl(_)
            | Need::Egress(_)
            | Need::Ingress(_) => "seeing whether the host answers anything else",
        },
    }
}
