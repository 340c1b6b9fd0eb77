//! `path-latency`: the round trip is long.

use crate::diagnose::scene::Scene;
use crate::diagnose::{Explain, Judge, Judgement, Need, Rule};
use crate::model::statistics::Probes;
use crate::model::{Finding, Id, Ms, Outcome, Severity};

/// From which median round trip on it is a finding.
const THRESHOLD: Ms = Ms::from_millis(500);

/// The rule.
pub const RULE: Rule = Rule {
    id: Id::PathLatency,
    explain: Explain {
        meaning: "Packets take long to the destination and back: the median round trip is over 500 ms.",
        proof: "The kernel's own measure of the round trip: of connections that opened (a SYN that had to be sent again does not count in \
                it), or from its time stamps of echo replies and datagrams. The hop named is the first from which the added minimum persists up to the destination; the way back may differ, \
                and then the delay may be there.",
        remedy: "See whether the path goes where it should (a satellite link, a VPN or a detour over another continent), and whether a link \
                 on it is full.",
        lookalikes: "A long wait for the connection with a short round trip is a lost SYN: `path-loss`. A router that is slow to answer \
                     while what lies behind it is fast only handles ICMP slowly.",
    },
    judge: Judge::Endpoint(judge),
};

fn judge(scene: &Scene<'_>) -> Judgement {
    let count = usize::try_from(scene.evidence.options.count).unwrap_or(usize::MAX);
    let first = Probes::count(scene.burst.iter().copied().take(count));
    // The first packets wait until the next hop is found on its link, which may take long (a proxy waits before it answers): where any probe
    // was answered sooner, the delay has to show in a second burst.
    let sooner = || {
        let arrived = scene.walk.hops.values().flat_map(|seen| &seen.arrived);
        let mut answered = arrived
            .map(|answer| answer.observation)
            .chain(scene.burst.iter().copied());
        answered.any(|o| o.rtt_ms.is_some_and(|ms| ms <= THRESHOLD))
    };
    let held_up = first.p50_ms.is_some_and(|ms| ms > THRESHOLD) && sooner();
    if held_up && scene.burst.len() <= count {
        return Judgement::Unknown(scene.second_burst());
    }
    let skipped = if held_up { count } else { 0 };
    let probes = Probes::count(scene.burst.iter().copied().skip(skipped));
    let Some(median) = probes.p50_ms else {
        return if scene.burst.is_empty() {
            Judgement::Unknown(vec![Need::Burst(scene.endpoint().clone())])
        } else {
            Judgement::Clear
        };
    };
    if median <= THRESHOLD {
        return Judgement::Clear;
    }
    let step = where_it_grows(scene, probes.min_ms.unwrap_or(median));
    let answered: Vec<_> = scene
        .burst
        .iter()
        .filter(|o| o.outcome == Outcome::Ok)
        .map(|o| o.id)
        .collect();
    let mut finding = Finding::new(
        Id::PathLatency,
        Severity::Warning,
        format!("The round trip to {} takes {median}", scene.host()),
    )
    .explained("It works, and every exchange waits so long. The delay may be on the way there or on the way back.")
    .fact(
        format!(
            "Of {} probes the median round trip is {median}, the shortest {}.",
            probes.ok,
            probes.min_ms.unwrap_or(median)
        ),
        answered,
    )
    .about(scene.endpoint());
    if let Some((ttl, before, after, observations)) = step {
        let router = scene
            .walk
            .hops
            .get(&ttl)
            .and_then(|seen| seen.expired.first())
            .map(|a| a.from.clone());
        let who = router.as_ref().map_or_else(
            || "the destination".to_owned(),
            |router| scene.device(router),
        );
        finding = finding
            .fact(
                format!("It grows most at hop {ttl} ({who}): from {before} to {after} at least, and stays so up to the destination."),
                observations,
            )
            .at(Some(ttl), router);
    }
    let last = if finding.hop.is_some() {
        "If it is unusual for this destination, ask the owner of the hop named whether its link is full or its route has changed."
    } else {
        "If it is unusual for this destination, compare with another one, and with the check from the other side."
    };
    Judgement::fires(
        finding
            .action("See whether the path goes where it should: a satellite link, a VPN or a detour adds such times.")
            .action(last),
    )
}

/// The hop at which the shortest round trip grows most, if the growth is at least half of the whole and persists to the end.
fn where_it_grows(scene: &Scene<'_>, end: Ms) -> Option<(u8, Ms, Ms, Vec<u32>)> {
    let mut shortest: Vec<(u8, Ms)> = scene
        .walk
        .hops
        .iter()
        .filter_map(|(ttl, seen)| {
            let times = seen.expired.iter().map(|answer| answer.observation);
            let clean = times.filter(|o| o.retransmits.unwrap_or(0) == 0);
            clean.filter_map(|o| o.rtt_ms).min().map(|ms| (*ttl, ms))
        })
        .collect();
    let distance = scene.walk.arrival()?;
    shortest.retain(|(ttl, _)| *ttl < distance);
    shortest.push((distance, end));
    // What persists to the end: no later hop is faster.
    for i in (0..shortest.len()).rev() {
        let after = shortest
            .get(i + 1)
            .map_or(Ms::from_micros(u64::MAX), |(_, ms)| *ms);
        if let Some((_, ms)) = shortest.get_mut(i) {
            *ms = (*ms).min(after);
        }
    }
    let start = [(0, Ms::ZERO)];
    let pairs = start.iter().chain(&shortest).zip(&shortest);
    let ((_, before), (ttl, after)) =
        pairs.max_by_key(|((_, before), (_, after))| *after - *before)?;
    let grown = *after - *before;
    (grown.micros() * 2 >= end.micros())
        .then(|| (*ttl, *before, *after, scene.walk.observations_at(*ttl)))
}
