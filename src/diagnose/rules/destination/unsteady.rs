//! What `path-loss` and `destination-intermittent` have in common: some probes are answered and some are not.

use crate::diagnose::Need;
use crate::diagnose::rules::local::for_some;
use crate::diagnose::rules::path::{Partial, partial};
use crate::diagnose::scene::{Scene, Shape};
use crate::model::{Observation, ObservationId, Outcome};

/// What becomes of a burst in which some probes were answered and some were not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unsteady {
    /// All were answered at once, or none.
    No,
    /// One probe of two bursts: chance.
    Once,
    /// Packets are lost on the way.
    Lossy(Controls),
    /// The destination answers now this way, now that.
    Destination(Controls),
    /// It can't be told yet.
    Unknown(Vec<Need>),
}

/// Probes to the same host that are not to the port asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Controls {
    /// How many were sent.
    pub sent: u32,
    /// How many lost their first packet.
    pub lost: u32,
    /// Which they are.
    pub observations: Vec<ObservationId>,
}

/// Enough control probes to be compared with the burst.
const ENOUGH: u32 = 10;
/// So many control probes without an answer are in vain.
const SERIES: usize = 20;

/// So many connections that all behave alike are no chance.
const REGULAR: usize = 10;

/// Judges the burst as a whole.
pub(crate) fn unsteady(scene: &Scene<'_>) -> Unsteady {
    match scene.shape() {
        Shape::NotTried => return Unsteady::Unknown(vec![Need::Burst(scene.endpoint().clone())]),
        Shape::Mixed => {}
        _ => return Unsteady::No,
    }
    // Which paths are dead explains which flows fail.
    if for_some(scene) || matches!(partial(scene), Partial::Dead(_)) {
        return Unsteady::No;
    }
    let count = usize::try_from(scene.evidence.options.count).unwrap_or(usize::MAX);
    let repeated = scene.burst.len() > count;
    let troubled = scene.troubled();
    let enough = repeated || (troubled.len() > 1 && scene.burst.len() >= 20);
    if !enough {
        return Unsteady::Unknown(vec![Need::SecondBurst(scene.endpoint().clone())]);
    }
    if troubled.len() <= 1 {
        return Unsteady::Once;
    }
    // Answers that differ from one probe to the next are the destination's doing, or a balancer's before it; so is failing half the time.
    let silence = troubled
        .iter()
        .all(|o| matches!(o.outcome, Outcome::Timeout | Outcome::Ok));
    let controls = controls(scene);
    let failed = troubled.iter().filter(|o| o.outcome != Outcome::Ok).count();
    if !silence || failed * 2 >= scene.burst.len() || asked_twice(scene) {
        return Unsteady::Destination(controls);
    }
    if !controls_known(scene) {
        return Unsteady::Unknown(vec![Need::ControlSeries(scene.endpoint().clone())]);
    }
    // Loss on the way is claimed only where other probes to the same host are lost, too.
    if controls.lost == 0 {
        Unsteady::Destination(controls)
    } else {
        Unsteady::Lossy(controls)
    }
}

/// Whether other probes to the host were tried often enough to tell; where nothing else on it answers, it stays open whether the way or the
/// port is unsteady.
pub(crate) fn controls_known(scene: &Scene<'_>) -> bool {
    controls(scene).sent >= ENOUGH || scene.control.len() + scene.echo.len() >= SERIES
}

/// Whether each connection opened with its second SYN, and none with its first: chance is not so regular, and something makes each newcomer
/// ask twice.
pub(crate) fn asked_twice(scene: &Scene<'_>) -> bool {
    let second = |o: &&Observation| {
        o.outcome == Outcome::Ok && o.first_syn_lost() && o.retransmits == Some(1)
    };
    scene.burst.len() >= REGULAR && scene.burst.iter().all(second)
}

/// The probability that all lost probes fall among those of the burst, were every probe equally likely to be lost (Fisher's exact test,
/// one-sided).
pub(crate) fn all_by_chance(lost: usize, burst: usize, controls: u32) -> f64 {
    let (burst, all) = (burst as f64, burst as f64 + f64::from(controls));
    (0..lost)
        .map(|i| (burst - i as f64) / (all - i as f64))
        .product()
}

/// The control probes that show whether the rest of the host loses packets, too: the kind of which some were answered.
pub(crate) fn controls(scene: &Scene<'_>) -> Controls {
    let mut best = Controls::default();
    for series in [&scene.control, &scene.echo, &scene.datagram] {
        let answered = series.iter().any(|o| {
            matches!(o.outcome, Outcome::Ok | Outcome::Refused)
                || (o.outcome == Outcome::PortUnreachable
                    && o.icmp_from()
                        .is_some_and(|from| from.ip() == scene.address().ip()))
        });
        let sent = u32::try_from(series.len()).unwrap_or(u32::MAX);
        if answered && sent > best.sent {
            best = Controls {
                sent,
                lost: u32::try_from(
                    series
                        .iter()
                        .filter(|o| o.outcome == Outcome::Timeout || o.first_syn_lost())
                        .count(),
                )
                .unwrap_or(u32::MAX),
                observations: series.iter().map(|o| o.id).collect(),
            };
        }
    }
    best
}
