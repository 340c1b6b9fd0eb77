//! How many flows are asked at the destination: as many as tell what those that fail have in common.

use super::kept::Kept;
use crate::model::{Endpoint, Evidence, Outcome};
use crate::probe::Recorder;

/// Flows that tell one dead path of sixteen with 95 %, asked at the destination with `--all-paths`, and at most so many once some probes
/// have failed.
pub const OUTCOMES: u16 = 48;
/// So many flows that fail tell which links they have in common.
const FAILING: f64 = 6.0;
/// So many that fail by the same links are no chance; while fewer do, so many more flows are asked.
const ALIKE: usize = 3;
const MORE: u16 = 16;

/// Asks flows of this endpoint's trace at the destination, while it runs, or once more after its end: as many as the burst's failures ask
/// for, and more where of those too few fail to tell what they have in common. Where there is no trace, there is nothing to ask.
pub async fn outcomes(recorder: Recorder, endpoint: Endpoint, kept: Kept) {
    let mut flows = recorder.read(|evidence| outcomes_wanted(evidence, &endpoint));
    loop {
        if let Some(mut trace) = kept.wants(&endpoint, flows).await {
            trace.run().await;
            trace.draw();
            kept.keep(&endpoint, trace);
        }
        if flows >= OUTCOMES || recorder.read(|evidence| !too_few_fail(evidence, &endpoint)) {
            break;
        }
        flows = (flows + MORE).min(OUTCOMES);
    }
}

/// Whether some flows fail, and so few that it may be a chance which links they have in common.
fn too_few_fail(evidence: &Evidence, endpoint: &Endpoint) -> bool {
    let subject = evidence.endpoints.iter().find(|s| s.endpoint == *endpoint);
    let flows = subject.and_then(|subject| Some(&subject.path.as_ref()?.flows));
    let failing = flows
        .into_iter()
        .flatten()
        .filter(|f| f.arrived == Some(false));
    (1..ALIKE).contains(&failing.count())
}

/// How many flows are asked at the destination where some of a burst failed: enough for some to fail again, so that a check in which many
/// fail does not wait for many more.
fn outcomes_wanted(evidence: &Evidence, endpoint: &Endpoint) -> u16 {
    let (mut failed, mut all) = (0.0, 0.0);
    for probe in evidence.burst(endpoint) {
        all += 1.0;
        failed += f64::from(u8::from(!matches!(
            probe.outcome,
            Outcome::Ok | Outcome::Refused
        )));
    }
    let missing = f64::from(evidence.options.count) - all;
    let share = (failed + missing.max(0.0)) / (all + missing.max(0.0));
    let wanted = (FAILING / share.max(0.01)).ceil().min(f64::from(OUTCOMES));
    // Within 16 and 48 by what stands above.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let wanted = wanted as u16;
    wanted.max(16)
}
