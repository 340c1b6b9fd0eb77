//! What the rules on a service's greeting share: what was asked for, and what was heard.

use crate::diagnose::scene::Scene;
use crate::model::speech::{self, Greeting, Speech};
use crate::model::text::escape;
use crate::model::{Observation, Operation, Outcome};

/// The greeting that the target's URI lets expect; none where no protocol was asked for, its server waits for the client, or no
/// connection opened.
pub(super) fn expected(scene: &Scene<'_>) -> Option<Greeting> {
    let scheme = scene.evidence.target.scheme()?;
    let opened = scene.burst.iter().any(|o| o.outcome == Outcome::Ok);
    if !opened || scene.evidence.probe() != Operation::Connect {
        return None;
    }
    speech::greeting(scheme)
}

/// The connections that were looked at to the end, the first of them in the burst.
pub(super) fn heard<'a>(scene: &Scene<'a>) -> Vec<&'a Observation> {
    let looks = scene.looks.iter().copied();
    looks.filter(|o| o.outcome != Outcome::Cancelled).collect()
}

/// The protocol that one of them is known by.
pub(super) fn protocol(look: &Observation) -> Option<Speech> {
    look.banner.as_ref().and_then(|banner| banner.protocol)
}

/// What was said on one, quoted.
pub(super) fn quoted(look: &Observation) -> Option<String> {
    let text = look
        .banner
        .as_ref()
        .and_then(|banner| banner.text.as_ref())?;
    Some(format!("“{}”", escape(text)))
}
