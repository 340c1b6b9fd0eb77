//! What `path-loss` and `destination-intermittent` have in common: some probes are answered and some are not.

use crate::diagnose::Need;
use crate::diagnose::scene::{Scene, Shape};
use crate::model::statistics::proportion_interval;
use crate::model::{ObservationId, Outcome};

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

/// Judges the burst as a whole.
pub(crate) fn unsteady(scene: &Scene<'_>) -> Unsteady {
    match scene.shape() {
        Shape::NotTried => return Unsteady::Unknown(vec![Need::Burst(scene.endpoint().clone())]),
        Shape::Mixed => {}
        _ => return Unsteady::No,
    }
    let count = usize::try_from(scene.evidence.options.count).unwrap_or(usize::MAX);
    let repeated = scene.burst.len() > count;
    let troubled = scene.troubled();
    if !repeated && !(troubled.len() > 1 && scene.burst.len() >= 20) {
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
    if !silence || failed * 2 >= scene.burst.len() {
        return Unsteady::Destination(controls);
    }
    if controls.sent < ENOUGH {
        return Unsteady::Unknown(vec![Need::ControlSeries(scene.endpoint().clone())]);
    }
    // Both shares with their uncertainty: only when they can't be the same is the port apart from the host.
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let (at_least, _) = proportion_interval(number(troubled.len()), number(scene.burst.len()));
    let (_, at_most) = proportion_interval(controls.lost, controls.sent);
    if controls.lost == 0 && at_most < at_least {
        Unsteady::Destination(controls)
    } else {
        Unsteady::Lossy(controls)
    }
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
