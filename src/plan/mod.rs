//! Pure: which measurement next. A fold over the evidence and what has been started, so that the same evidence always leads to the
//! same plan.
//!
//! The plan knows of no fault. It makes the measurements that every check makes, and asks the rules what they still need; while
//! the first probes of an address are silent it asks them what they *would* need if the silence stayed, so that the controls do not
//! wait for the last time-out.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::diagnose::{self, Need};
use crate::model::evidence::{Evidence, NotMeasured, UnderTest};
use crate::model::local::RouteKind;
use crate::model::target::Protocol;
use crate::model::topology::TraceProtocol;
use crate::model::{Address, Endpoint, Ms, Observation, Operation, Outcome};

/// After so long without an answer the silence is taken seriously.
const EARLY_SILENCE: Ms = Ms::from_millis(400);
/// So long the path waits for the burst's first answers.
const BURST_FIRST: Ms = Ms::from_millis(150);
/// Beside probes that were answered, one without an answer may have lost its first SYN alone: the kernel sends the second after 1 s
/// (RFC 6298 section 2).
const SECOND_SYN: Ms = Ms::from_millis(1200);

/// So much later than planned the last probe of a burst is out at the latest, unless this machine is very busy.
const SENT: Ms = Ms::from_millis(500);

/// One step of a check.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// From the name to addresses.
    Resolve,
    /// The kernel's routes to the addresses, and which of them are tested.
    Routes,
    /// A measurement that every check makes, or that a rule needs.
    Measure(Need),
    /// The first datagram of the search for the path MTU, beside the trace.
    MtuFirst(Endpoint),
    /// The neighbour entry of the next hop, while the first probes are silent.
    NeighbourEarly(Endpoint),
    /// The same, and what else this machine says, after the burst.
    Neighbour(Endpoint),
}

/// What has become of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It runs, since then.
    Running(Ms),
    /// It has ended.
    Done,
}

/// The steps that were started.
pub type Log = BTreeMap<Step, State>;

/// The steps to start now.
pub fn next(evidence: &Evidence, log: &Log, now: Ms) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut want = |step: Step| {
        if !log.contains_key(&step) && !steps.contains(&step) {
            steps.push(step);
        }
    };
    want(Step::Resolve);
    let resolved = evidence.resolution.as_ref();
    let known =
        resolved.is_some_and(|resolution| !resolution.addresses.is_empty() || resolution.complete);
    if known {
        want(Step::Routes);
    }
    if log.get(&Step::Routes) != Some(&State::Done) {
        return steps;
    }
    let done = |need: Need| log.get(&Step::Measure(need)) == Some(&State::Done);
    if evidence.target.protocol == Protocol::Dns {
        return steps;
    }
    if evidence.target.protocol == Protocol::Trace {
        // The paths alone: rules can ask for what this machine itself knows, for the path MTU, and whether an error was about what
        // would expire alone.
        for subject in &evidence.endpoints {
            let endpoint = &subject.endpoint;
            want(Step::Measure(Need::Trace(endpoint.clone())));
            if done(Need::Trace(endpoint.clone())) {
                if evidence.options.local {
                    want(Step::Neighbour(endpoint.clone()));
                }
                if mtu_goes_on(evidence, log, subject) {
                    want(Step::Measure(Need::Mtu(endpoint.clone())));
                }
            } else if mtu_beside(evidence, endpoint) {
                want(Step::MtuFirst(endpoint.clone()));
            }
        }
        // Nothing is asked of the rules while every trace still runs: each probe would be a reason to ask them again.
        let mut endpoints = evidence.endpoints.iter().map(|subject| &subject.endpoint);
        if !endpoints.any(|endpoint| done(Need::Trace(endpoint.clone()))) {
            return steps;
        }
        for need in diagnose::needs(evidence) {
            let later = matches!(
                &need,
                Need::Mtu(_) | Need::PacketRules(_) | Need::QuietLook(_)
            );
            let traced = endpoint_of(&need).is_some_and(|e| done(Need::Trace(e.clone())));
            let awaited = matches!(&need, Need::Mtu(e) if mtu_awaited(log, e));
            if later && traced && !awaited {
                want(Step::Measure(need));
            }
        }
        return steps;
    }
    for subject in &evidence.endpoints {
        let endpoint = &subject.endpoint;
        want(Step::Measure(Need::Burst(endpoint.clone())));
        let traced = evidence.options.path && leaves(evidence, &endpoint.address);
        if traced && trace_at(evidence, log, endpoint).is_some_and(|at| at <= now) {
            want(Step::Measure(Need::Trace(endpoint.clone())));
            let works = evidence.burst(endpoint).any(|o| o.outcome == Outcome::Ok);
            if works && !done(Need::Trace(endpoint.clone())) && mtu_beside(evidence, endpoint) {
                want(Step::MtuFirst(endpoint.clone()));
            }
            let over = done(Need::Burst(endpoint.clone())) && done(Need::Trace(endpoint.clone()));
            if over && mtu_goes_on(evidence, log, subject) {
                want(Step::Measure(Need::Mtu(endpoint.clone())));
            }
        }
        if done(Need::Burst(endpoint.clone())) && evidence.options.local {
            want(Step::Neighbour(endpoint.clone()));
        }
    }
    let hypothesis = if_silent(evidence, log, now);
    let quiet: Vec<Endpoint> = hypothesis
        .observations
        .iter()
        .skip(evidence.observations.len())
        .filter_map(|o| o.endpoint.clone())
        .collect();
    let mut unseen = false;
    for endpoint in quiet.iter().filter(|_| evidence.options.local).cloned() {
        unseen |= !log.contains_key(&Step::NeighbourEarly(endpoint.clone()));
        want(Step::NeighbourEarly(endpoint));
    }
    // What the next hop says first may make all else needless.
    if unseen {
        return steps;
    }
    let needs = diagnose::needs(&hypothesis);
    // The counters of one attempt are read while nothing else goes to the address.
    let searched = |e: &Endpoint| {
        let search = Need::ReturnTtl(e.clone());
        !needs.contains(&search) || done(search)
    };
    let begun = |need: Need| log.contains_key(&Step::Measure(need));
    let outcomes_awaited = |e: &Endpoint| {
        let outcomes = Need::Outcomes(e.clone());
        let comes = needs.contains(&outcomes) && begun(Need::Trace(e.clone()));
        !done(outcomes.clone()) && (begun(outcomes) || comes)
    };
    for need in needs.clone() {
        // While a burst is being answered its end is awaited: other probes would only use up what routers may answer.
        let about = endpoint_of(&need).cloned();
        let settled = about
            .as_ref()
            .is_none_or(|e| done(Need::Burst(e.clone())) || quiet.contains(e));
        let ready = settled
            && match &need {
                Need::Look(e)
                | Need::Greeting(e)
                | Need::ReturnTtl(e)
                | Need::OtherSource(e)
                // What is silent so far may be slow, and then they explain nothing.
                | Need::PacketRules(e)
                | Need::Ingress(e) => done(Need::Burst(e.clone())),
                // Which flows die on which path may explain all.
                Need::SecondBurst(e) | Need::ControlSeries(e) | Need::SamePorts(e) => {
                    done(Need::Burst(e.clone())) && !outcomes_awaited(e)
                }
                // After all else: it is worth no ICMP error that others need.
                Need::Mtu(e) => {
                    done(Need::Burst(e.clone())) && done(Need::Trace(e.clone())) && !mtu_awaited(log, e)
                }
                Need::Egress(e) => done(Need::Burst(e.clone())) && searched(e),
                Need::QuietLook(_) => false,
                // A trace that runs takes it up.
                Need::Outcomes(e) => begun(Need::Trace(e.clone())),
                // Only what both walks show in the end tells where the port was not asked.
                Need::Reask(e) | Need::ResetLimit(e) | Need::ControlLimit(e) => {
                    let other = match evidence.probe() {
                        Operation::Datagram => Need::DatagramTrace(e.clone()),
                        _ => Need::ControlTrace(e.clone()),
                    };
                    done(Need::Trace(e.clone())) && done(other)
                }
                _ => true,
            };
        let possible = match endpoint_of(&need) {
            Some(endpoint) => leaves(evidence, &endpoint.address) || matches!(need, Need::Burst(_)),
            None => false,
        };
        if ready && possible {
            want(Step::Measure(need));
        }
    }
    // A pause is one only when nothing else is sent, or about to be. Datagrams and echo requests that are all out are only waited for; a
    // connection is tried again by the kernel as long as it is.
    let only_waits = |need: &Need, since: Ms| {
        let options = &evidence.options;
        let sending = options
            .interval_ms
            .to_duration()
            .saturating_mul(options.count.saturating_sub(1));
        matches!(need, Need::Burst(e) if quiet.contains(e))
            && evidence.probe() != Operation::Connect
            && now > since + Ms::from(sending) + SENT
    };
    let underway = |(step, state): (&Step, &State)| match (step, state) {
        (Step::Measure(need), State::Running(since)) => !only_waits(need, *since),
        _ => false,
    };
    if steps.is_empty() && !log.iter().any(underway) {
        let looks = needs
            .into_iter()
            .filter(|need| matches!(need, Need::QuietLook(_)))
            .map(Step::Measure);
        steps.extend(looks.filter(|step| !log.contains_key(step)));
    }
    steps
}

/// When the path may be traced: once the burst has its first answers, or has waited for them for a moment. A host that turns probes away
/// with ICMP errors sends a few at once and then one a second (Linux `icmpv4_xrlim_allow`): they are for the burst.
fn trace_at(evidence: &Evidence, log: &Log, endpoint: &Endpoint) -> Option<Ms> {
    match log.get(&Step::Measure(Need::Burst(endpoint.clone())))? {
        State::Done => Some(Ms::ZERO),
        State::Running(since) => {
            let enough = usize::try_from(evidence.options.count.min(2)).unwrap_or(2);
            Some(if evidence.burst(endpoint).count() >= enough {
                Ms::ZERO
            } else {
                *since + BURST_FIRST
            })
        }
    }
}

/// Whether the first datagram of the MTU search may go beside the trace: not where the trace lives on the ICMP errors of the same host, of
/// which it sends a few at once and then one a second (Linux `icmpv4_xrlim_allow`), and not to this machine itself.
fn mtu_beside(evidence: &Evidence, endpoint: &Endpoint) -> bool {
    evidence.path_protocol() != TraceProtocol::Udp
        && !evidence.local.is_own(&endpoint.address)
        && leaves(evidence, &endpoint.address)
}

/// Whether that datagram's answer is still waited for.
fn mtu_awaited(log: &Log, endpoint: &Endpoint) -> bool {
    let first = log.get(&Step::MtuFirst(endpoint.clone()));
    matches!(first, Some(State::Running(_)))
}

/// Whether the search for the path MTU goes on after that datagram: on a path that works, whatever the datagram came to. No rule asks for
/// it, as to a rule the path has been asked already.
fn mtu_goes_on(evidence: &Evidence, log: &Log, subject: &UnderTest) -> bool {
    let endpoint = &subject.endpoint;
    let works = || evidence.burst(endpoint).any(|o| o.outcome == Outcome::Ok);
    let first = log.get(&Step::MtuFirst(endpoint.clone()));
    let path = subject.path.as_ref();
    first == Some(&State::Done) && path.is_some_and(|path| path.reached || works())
}

/// The evidence as it would be if the probes that are silent so far stayed silent.
fn if_silent<'a>(evidence: &'a Evidence, log: &Log, now: Ms) -> Cow<'a, Evidence> {
    let mut hypothesis = Cow::Borrowed(evidence);
    for subject in &evidence.endpoints {
        let endpoint = &subject.endpoint;
        let Some(State::Running(since)) = log.get(&Step::Measure(Need::Burst(endpoint.clone())))
        else {
            continue;
        };
        if silent_at(evidence, endpoint, *since).is_none_or(|at| now < at) {
            continue;
        }
        let answered = evidence.burst(endpoint).count();
        let missing = match answered {
            0 => 2,
            _ => usize::try_from(evidence.options.count)
                .unwrap_or(usize::MAX)
                .saturating_sub(answered),
        };
        for _ in 0..missing {
            hypothesis.to_mut().record(Observation {
                endpoint: Some(endpoint.clone()),
                ..Observation::new(evidence.probe(), *since, Outcome::Timeout)
            });
        }
    }
    hypothesis
}

/// When the silence of a burst's probes is taken seriously: of all of them, or of the rest once some were answered and the last is
/// sent. None when none is missing.
fn silent_at(evidence: &Evidence, endpoint: &Endpoint, since: Ms) -> Option<Ms> {
    let answered = evidence.burst(endpoint).count();
    if answered == 0 {
        return Some(since + EARLY_SILENCE);
    }
    let options = &evidence.options;
    let count = usize::try_from(options.count).unwrap_or(usize::MAX);
    let sending = options
        .interval_ms
        .to_duration()
        .saturating_mul(options.count.saturating_sub(1));
    let slowest = evidence.burst(endpoint).filter_map(|o| o.rtt_ms).max();
    let patience = SECOND_SYN + slowest.unwrap_or_default() + slowest.unwrap_or_default();
    (answered < count).then(|| since + Ms::from(sending) + patience)
}

/// Whether packets to an address leave by this machine's routing table, as far as is known.
fn leaves(evidence: &Evidence, address: &Address) -> bool {
    evidence.local.route_to(address).is_none_or(|route| {
        matches!(
            route.kind,
            RouteKind::Unicast | RouteKind::Local | RouteKind::Other
        )
    })
}

/// The endpoint that a need is about.
pub fn endpoint_of(need: &Need) -> Option<&Endpoint> {
    match need {
        Need::Burst(e)
        | Need::SecondBurst(e)
        | Need::Control(e)
        | Need::Echo(e)
        | Need::Datagram(e)
        | Need::Trace(e)
        | Need::ControlTrace(e)
        | Need::Reask(e)
        | Need::DatagramTrace(e)
        | Need::PacketRules(e)
        | Need::Egress(e)
        | Need::ResetLimit(e)
        | Need::ControlLimit(e)
        | Need::ReturnTtl(e)
        | Need::QuietLook(e)
        | Need::SamePorts(e)
        | Need::Ingress(e)
        | Need::Mtu(e)
        | Need::OtherSource(e)
        | Need::Outcomes(e)
        | Need::Look(e)
        | Need::Greeting(e)
        | Need::ControlSeries(e) => Some(e),
        Need::Resolution => None,
    }
}

/// When the plan has to be asked again though nothing new was observed; none when only observations can change it.
pub fn wake_at(evidence: &Evidence, log: &Log, now: Ms) -> Option<Ms> {
    evidence
        .endpoints
        .iter()
        .flat_map(|subject| {
            let endpoint = &subject.endpoint;
            let silence = match log.get(&Step::Measure(Need::Burst(endpoint.clone()))) {
                Some(State::Running(since)) => silent_at(evidence, endpoint, *since),
                _ => None,
            };
            let traced = log.contains_key(&Step::Measure(Need::Trace(endpoint.clone())));
            let trace = trace_at(evidence, log, endpoint).filter(|_| !traced);
            [silence, trace]
        })
        .flatten()
        .filter(|at| *at > now)
        .min()
}

/// Which addresses are put to the test. Those of a family that this machine does not have are left out where the name has addresses of
/// the other: an application without IPv6 does not miss it.
pub fn admit(evidence: &mut Evidence) {
    let Some(resolution) = &evidence.resolution else {
        return;
    };
    // The name alone was asked for: nothing is sent to its addresses.
    if evidence.target.protocol == Protocol::Dns {
        return;
    }
    let addresses = resolution.addresses.clone();
    let port = evidence.target.port;
    let absent = |address: &Address| {
        evidence
            .local
            .route_to(address)
            .is_some_and(|route| !route.family_usable && route.kind == RouteKind::None)
    };
    let named = evidence.target.address().is_none();
    let some_left = addresses.iter().any(|address| !absent(address));
    let (left_out, tested): (Vec<Address>, Vec<Address>) = addresses
        .into_iter()
        .partition(|address| named && some_left && absent(address));
    for address in tested {
        let endpoint = Endpoint { address, port };
        if !evidence
            .endpoints
            .iter()
            .any(|subject| subject.endpoint == endpoint)
        {
            evidence.endpoints.push(UnderTest {
                endpoint,
                path: None,
            });
        }
    }
    let mut families: BTreeSet<bool> = BTreeSet::new();
    for address in left_out {
        if families.insert(address.is_ipv6()) {
            let family = if address.is_ipv6() { "IPv6" } else { "IPv4" };
            evidence.note(NotMeasured {
                what: format!(
                    "the {family} addresses of {}",
                    crate::model::text::escape(&evidence.target.host)
                ),
                why: format!("this machine has no {family} beyond its own link"),
                command: None,
            });
        }
    }
}

/// The distance of the last hop before the host, as the control tells it.
pub fn just_before(evidence: &Evidence, endpoint: &Endpoint) -> Option<u8> {
    let subject = evidence
        .endpoints
        .iter()
        .find(|subject| subject.endpoint == *endpoint)?;
    let distance = diagnose::Scene::new(evidence, subject)
        .control_walk
        .arrival()?;
    distance.checked_sub(1).filter(|ttl| *ttl > 0)
}

/// The distance at which the control port answers.
pub fn control_distance(evidence: &Evidence, endpoint: &Endpoint) -> Option<u8> {
    let mut subjects = evidence.endpoints.iter();
    let subject = subjects.find(|subject| subject.endpoint == *endpoint)?;
    let scene = diagnose::Scene::new(evidence, subject);
    scene.control_walk.arrival()
}

/// The source ports of attempts that failed, once each.
pub fn failed_ports(evidence: &Evidence, endpoint: &Endpoint) -> Vec<u16> {
    let failed = evidence.burst(endpoint).filter(|o| {
        !matches!(o.outcome, Outcome::Ok | Outcome::Cancelled) && !o.outcome.is_local()
    });
    let ports: BTreeSet<u16> = failed.filter_map(|o| o.source_port).collect();
    ports.into_iter().collect()
}

/// The control port, where it is open.
pub fn open_control(evidence: &Evidence, endpoint: &Endpoint) -> Option<Endpoint> {
    let control = evidence.control_of(endpoint);
    let open = evidence
        .of(Operation::Connect, &control)
        .any(|o| o.control && o.outcome == Outcome::Ok);
    open.then_some(control)
}

/// The last distance at which a router answered for the port asked for; 0 where none did.
pub fn last_answered(evidence: &Evidence, endpoint: &Endpoint) -> u8 {
    let subject = evidence
        .endpoints
        .iter()
        .find(|subject| subject.endpoint == *endpoint);
    subject
        .and_then(|subject| {
            diagnose::Scene::new(evidence, subject)
                .last_router()
                .map(|(ttl, _)| ttl)
        })
        .unwrap_or(0)
}

/// The distances at which the port has to be asked again: those where the control was answered and the port was not.
pub fn reask(evidence: &Evidence, endpoint: &Endpoint) -> Vec<u8> {
    let Some(subject) = evidence
        .endpoints
        .iter()
        .find(|subject| subject.endpoint == *endpoint)
    else {
        return Vec::new();
    };
    let scene = diagnose::Scene::new(evidence, subject);
    let Some(other) = scene.other_walk() else {
        return Vec::new();
    };
    let last = scene.last_router().map_or(0, |(ttl, _)| ttl);
    let end = other.arrival().unwrap_or(u8::MAX);
    let beyond = other
        .hops
        .iter()
        .filter(|(ttl, seen)| **ttl > last && **ttl < end && !seen.expired.is_empty());
    beyond.map(|(ttl, _)| *ttl).collect()
}

#[cfg(test)]
mod tests;
