//! Networks in which what is seen is not what is there: something answers in the host's place, hides the path, or changes addresses.
//!
//! They are no fault, and no finding: what they take away is said (`not_measured`), and not claimed. Each sign alone has an innocent
//! explanation, so that an open port is doubted only where the control port, at which hardly a host listens, opens as well.

use std::net::IpAddr;

use super::rule::Need;
use super::scene::Scene;
use crate::model::evidence::NotMeasured;
use crate::model::finding::Fact;
use crate::model::local::RouteKind;
use crate::model::{Address, Endpoint, Ms, Observation, Operation, Outcome};

/// A hop's answers count as slower than the host's from this difference on: routers make ICMP errors when they have time.
const SLOWER: Ms = Ms::from_millis(10);
/// So many answers of a hop have to be slow.
const ANSWERS: usize = 3;

/// What would show whether something answers in the host's place: the control port, where there is a sign of it.
pub(super) fn needs(scene: &Scene<'_>) -> Option<Need> {
    let doubted = suspicious(scene) && scene.control.is_empty() && controls(scene);
    doubted.then(|| Need::Control(scene.endpoint().clone()))
}

/// Whether every port seems to open, so that an open one proves nothing of the host.
pub(super) fn opens_everything(scene: &Scene<'_>) -> bool {
    let opened = |o: &&&Observation| o.outcome == Outcome::Ok;
    suspicious(scene)
        && controls(scene)
        && scene.control.len() >= 2
        && scene.control.iter().all(|o| opened(&o))
}

/// What can't be told in such a network.
pub(super) fn not_measured(scene: &Scene<'_>) -> Vec<NotMeasured> {
    let mut found = Vec::new();
    let control = scene
        .control
        .first()
        .and_then(|o| o.endpoint.as_ref()?.port);
    let refused = scene.control.iter().any(|o| o.outcome == Outcome::Refused);
    let note = |what: String, why: String| NotMeasured {
        what,
        why,
        command: None,
    };
    if opens_everything(scene) {
        found.push(note(
            format!("whether {} of {} is open", scene.service(), scene.host()),
            format!(
                "TCP/{} opens, too, where hardly a host listens: something before the host accepts every connection (a proxy, a VPN client, \
                 a protection against floods){}",
                control.unwrap_or_default(),
                if is_fake(scene.address()) { FAKE } else { "" }
            ),
        ));
    } else if answered(scene) && is_fake(scene.address()) && !refused {
        found.push(note(
            match scene.probe() {
                Operation::Connect => {
                    format!("whether {} of {} is open", scene.service(), scene.host())
                }
                _ => format!("whether {} itself answers {}", scene.host(), scene.probes()),
            },
            format!("it is not proven that the host itself answered{FAKE}"),
        ));
    }
    if let Some(gateway) = answered_by_the_first_hop(scene) {
        found.push(note(
            format!("the path to {} beyond the first hop", scene.address()),
            format!(
                "a probe with a TTL of 1 was answered as by the host, though the way there goes by {gateway}: that is the host itself, or it \
                 answers in the host's place, or renews the TTL (address translation, a VPN, the network of a virtual machine or container)"
            ),
        ));
    }
    found
}

/// What follows from addresses of 198.18.0.0/15.
const FAKE: &str = "; its address is one of 198.18.0.0/15, which proxies and VPN clients give out in place of the real ones (RFC 2544 has them for \
                    tests)";

/// That the destination was changed on the way, as the farthest device that quoted the probe had it.
pub(super) fn translated_destination(scene: &Scene<'_>) -> Option<Fact> {
    let (observation, ttl, to) = quoted(scene, |quote| quote.destination.clone())?;
    Some(Fact {
        text: format!(
            "On the way, at or before hop {ttl}, the destination is changed to {to} (address translation): what answers, or does not, is there."
        ),
        observations: vec![observation.id],
    })
}

/// The source that the probes have from there on, as the farthest device that quoted them had it.
pub(super) fn translated_source(scene: &Scene<'_>) -> Option<Address> {
    let (_, _, source) = quoted(scene, |quote| quote.source.clone())?;
    let own = scene.source_address().map(Address::ip);
    (own != Some(source.address.ip())).then_some(source.address)
}

/// One end of the probe as it was quoted from the farthest; none where that one or its like disagree.
fn quoted<'a>(
    scene: &Scene<'a>,
    end: impl Fn(&crate::model::observation::Quoted) -> Option<Endpoint>,
) -> Option<(&'a Observation, u8, Endpoint)> {
    let (ttl, seen) = scene.walk.hops.iter().rev().find(|(_, seen)| {
        let mut answers = seen.expired.iter().chain(&seen.rejected);
        answers.any(|answer| {
            answer
                .observation
                .icmp
                .as_ref()
                .is_some_and(|icmp| icmp.quote.is_some())
        })
    })?;
    let answers = seen.expired.iter().chain(&seen.rejected);
    let mut ends = answers.filter_map(|answer| {
        let quote = answer.observation.icmp.as_ref()?.quote.as_ref()?;
        Some((answer.observation, end(quote)))
    });
    let (observation, first) = ends.next()?;
    let first = first?;
    let same = |other: &Option<Endpoint>| {
        other
            .as_ref()
            .is_some_and(|other| other.address == first.address)
    };
    ends.all(|(_, other)| same(&other))
        .then_some((observation, *ttl, first))
}

/// Whether the control port is one at which nothing should listen, and there is such a port.
fn controls(scene: &Scene<'_>) -> bool {
    scene.probe() == Operation::Connect && scene.evidence.options.control.is_none()
}

fn answered(scene: &Scene<'_>) -> bool {
    scene.burst.iter().any(|o| o.outcome == Outcome::Ok)
}

/// Whether something may have answered in the host's place.
fn suspicious(scene: &Scene<'_>) -> bool {
    answered(scene)
        && !scene.is_own()
        && (is_fake(scene.address())
            || answered_by_the_first_hop(scene).is_some()
            || answers_before_the_path(scene)
            || answers_from_next_door(scene))
}

fn is_fake(address: &Address) -> bool {
    match address.ip() {
        IpAddr::V4(ip) => matches!(ip.octets(), [198, 18 | 19, ..]),
        IpAddr::V6(_) => false,
    }
}

/// The gateway, where a probe that could not get beyond it was answered as by the host.
fn answered_by_the_first_hop<'a>(scene: &Scene<'a>) -> Option<&'a Address> {
    let route = scene
        .route()
        .filter(|route| route.kind == RouteKind::Unicast)?;
    let gateway = route.gateway.as_ref()?;
    let near = scene.walk.arrival() == Some(1) && gateway.ip() != scene.address().ip();
    near.then_some(gateway)
}

/// Whether the host answers in less than half the time of a router before it, every time, by more than a router's leisure explains.
fn answers_before_the_path(scene: &Scene<'_>) -> bool {
    let slowest = scene.burst.iter().filter_map(|o| o.rtt_ms).max();
    let Some(slowest) = slowest else { return false };
    let before = scene.walk.hops.range(..scene.walk.arrival().unwrap_or(1));
    before.into_iter().any(|(_, seen)| {
        let times = seen.expired.iter().filter_map(|a| a.observation.rtt_ms);
        let least = times.clone().min().unwrap_or_default();
        times.count() >= ANSWERS && least > slowest + slowest && least > slowest + SLOWER
    })
}

/// Whether an answer came with a TTL that no router has lowered, though routers stand in between.
fn answers_from_next_door(scene: &Scene<'_>) -> bool {
    let arrived = scene
        .walk
        .hops
        .range(2..)
        .flat_map(|(_, seen)| &seen.arrived);
    let mut whole = arrived.filter(|a| matches!(a.observation.reply_ttl, Some(64 | 128 | 255)));
    scene.farthest().is_some() && whole.next().is_some()
}
