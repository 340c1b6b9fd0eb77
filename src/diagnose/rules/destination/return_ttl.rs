//! Whether a reset comes from where an open port of the same host answers: by the TTL with which each comes back.
//!
//! Same or differs is all that is said. A device in between may copy the TTL of what it answers, and hosts may start from other TTLs than
//! 64, so that no distance follows from it.

use crate::diagnose::Need;
use crate::diagnose::scene::Scene;
use crate::model::{Observation, ObservationId, Outcome};

/// What the comparison says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Compared {
    /// There is nothing to compare with, or flows did not agree.
    No,
    /// These would tell.
    Unknown(Vec<Need>),
    /// Both are known.
    Both {
        /// The reset's TTL.
        reset: u8,
        /// The open port's.
        open: u8,
        /// The open port.
        port: u16,
        /// What shows it.
        observations: Vec<ObservationId>,
    },
}

/// Compares the reset's TTL with that of the control port's answers, where that port is open.
pub(crate) fn compared(scene: &Scene<'_>) -> Compared {
    if scene.is_own() || scene.on_link() {
        return Compared::No;
    }
    if scene.control.is_empty() && scene.evidence.options.control.is_some() {
        return Compared::Unknown(vec![Need::Control(scene.endpoint().clone())]);
    }
    if !scene.control.iter().any(|o| o.outcome == Outcome::Ok) {
        return Compared::No;
    }
    if scene.return_ttl.is_empty() {
        return Compared::Unknown(vec![Need::ReturnTtl(scene.endpoint().clone())]);
    }
    let of = |control: bool| {
        let mut found = scene.return_ttl.iter().copied();
        found.find(|o| o.control == control)
    };
    let ttl = |o: Option<&Observation>| o.and_then(|o| o.reply_ttl);
    let (port, control) = (of(false), of(true));
    match (ttl(port), ttl(control)) {
        (Some(reset), Some(open)) => Compared::Both {
            reset,
            open,
            port: scene
                .evidence
                .control_of(scene.endpoint())
                .port
                .unwrap_or_default(),
            observations: [port, control]
                .into_iter()
                .flatten()
                .map(|o| o.id)
                .collect(),
        },
        _ => Compared::No,
    }
}
