//! Whether it is the flow that decides which attempts fail: source ports that failed are tried again, beside new ones.
//!
//! A balancer that spreads connections by their addresses and ports puts each source port on the same backend every time; a full queue, a
//! limit or loss hits whoever comes. That the service got worse meanwhile is told by the new ports, which are tried at the same time.

use crate::diagnose::Need;
use crate::diagnose::scene::Scene;
use crate::model::evidence::Ended;
use crate::model::{Observation, ObservationId, Operation, Outcome};

/// A claim needs to be so unlikely by chance.
const CHANCE_MAX: f64 = 0.05;
/// Fewer failures than this show nothing.
const LEAST: usize = 3;

/// What decides which attempts fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Decides {
    /// That is not known, and can't be.
    Unknown,
    /// These would tell.
    Ask(Vec<Need>),
    /// The flow: all source ports that had failed fail again, and new ones open.
    Flow(Tried),
    /// Not the flow: source ports that had failed open.
    Chance(Tried),
}

/// The attempts that tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tried {
    /// How many source ports that had failed were tried again.
    pub ports: usize,
    /// How many of them failed again.
    pub failed: usize,
    /// How many new ones were tried beside them.
    pub new: usize,
    /// How many of these failed.
    pub new_failed: usize,
    /// All of them.
    pub observations: Vec<ObservationId>,
}

/// What decides which attempts fail, as far as it is told.
pub(crate) fn decides(scene: &Scene<'_>) -> Decides {
    let asked_for = scene.evidence.options.source_port.is_some();
    if scene.probe() != Operation::Connect || asked_for {
        return Decides::Unknown;
    }
    if scene.same_port.is_empty() {
        let failed = |o: &&&Observation| o.outcome != Outcome::Ok && !o.outcome.is_local();
        let worth_it = scene.burst.iter().filter(failed).count() >= LEAST;
        let time = scene.evidence.ended == Ended::Complete;
        return if worth_it && time {
            Decides::Ask(vec![Need::SamePorts(scene.endpoint().clone())])
        } else {
            Decides::Unknown
        };
    }
    let count = |control: bool| {
        let tried = scene.same_port.iter().filter(|o| {
            o.control == control && !o.outcome.is_local() && o.outcome != Outcome::Cancelled
        });
        tried.fold((0, 0), |(all, failed), o| {
            (all + 1, failed + usize::from(o.outcome != Outcome::Ok))
        })
    };
    let ((ports, failed), (new, new_failed)) = (count(false), count(true));
    let tried = Tried {
        ports,
        failed,
        new,
        new_failed,
        observations: scene.same_port.iter().map(|o| o.id).collect(),
    };
    if ports >= LEAST && failed == ports && by_chance(ports, new, new_failed) <= CHANCE_MAX {
        Decides::Flow(tried)
    } else if ports >= LEAST && ports - failed >= 2 {
        Decides::Chance(tried)
    } else {
        Decides::Unknown
    }
}

/// How likely all of some attempts fail, and so many of some others, were each of them as likely to fail (Fisher's exact test, one-sided:
/// nothing is more extreme than that all of them fail).
fn by_chance(all: usize, others: usize, others_failed: usize) -> f64 {
    // C(others, others_failed) / C(all + others, all + others_failed), factor by factor.
    (0..all)
        .map(|i| (others_failed + i + 1) as f64 / (others + i + 1) as f64)
        .product()
}

#[cfg(test)]
mod tests {
    use super::by_chance;

    #[test]
    fn chance_is_that_of_the_hypergeometric_distribution() {
        // C(12, 4) / C(18, 10) = 495 / 43758
        assert!((by_chance(6, 12, 4) - 495.0 / 43758.0).abs() < 1e-12);
        // None of the others fails: 1 / C(10, 5).
        assert!((by_chance(5, 5, 0) - 1.0 / 252.0).abs() < 1e-12);
        // All of the others fail, too: nothing is told.
        assert!((by_chance(5, 5, 5) - 1.0).abs() < 1e-12);
    }
}
