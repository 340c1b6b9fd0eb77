//! The host and its port: whether it works, what fails, how long it takes. Shares are compared by their intervals, times by their spreads.

use super::{Both, difference};
use crate::model::Ms;
use crate::model::diff::{Change, Difference};
use crate::model::report::Status;
use crate::model::statistics::{Probes, proportion_interval};

/// Fewer answers than this show no spread.
const FEWEST: u32 = 5;
/// What the scheduler of a busy machine alone adds to a round trip: less is no difference, however small the spreads.
const SCHEDULING: Ms = Ms::from_micros(500);

/// What differs.
pub(super) fn differences(both: &Both<'_>) -> Vec<Difference> {
    let mut found = Vec::new();
    for pair in &both.pairs {
        let endpoint = pair.endpoint();
        let mut add = |(change, text): (Change, String)| {
            found.push(difference(change, Some(&endpoint), text));
        };
        let (a, b) = (pair.a, pair.b);
        if a.status != b.status {
            let text = format!("it was {}, and is {}", a.status.as_str(), b.status.as_str());
            add((status(a.status, b.status), text));
        }
        failures(&a.probes, &b.probes)
            .into_iter()
            .for_each(&mut add);
        latency(&a.probes, &b.probes).into_iter().for_each(&mut add);
    }
    found
}

/// What became of a status.
pub(super) fn status(a: Status, b: Status) -> Change {
    let rank = |status| match status {
        Status::Reachable => Some(0),
        Status::Degraded => Some(1),
        Status::Unreachable => Some(2),
        Status::Indeterminate => None,
    };
    match (rank(a), rank(b)) {
        (Some(a), Some(b)) => super::ranked(a, b),
        _ if a == b => Change::Same,
        _ => Change::Unknown,
    }
}

/// The share of failed probes, where the intervals that hold the true shares (95 %) do not overlap.
fn failures(a: &Probes, b: &Probes) -> Option<(Change, String)> {
    if a.sent == 0 || b.sent == 0 {
        return None;
    }
    let (a_low, a_high) = proportion_interval(a.failed.min(a.sent), a.sent);
    let (b_low, b_high) = proportion_interval(b.failed.min(b.sent), b.sent);
    let change = if b_low > a_high {
        Change::Worse
    } else if b_high < a_low {
        Change::Better
    } else {
        return None;
    };
    let text = format!(
        "{} of {} probes failed, and now {} of {}: more than chance explains",
        a.failed, a.sent, b.failed, b.sent
    );
    Some((change, text))
}

/// The median round trip, where it moved by more than both spreads (95th percentile less the shortest) together.
fn latency(a: &Probes, b: &Probes) -> Option<(Change, String)> {
    if a.ok < FEWEST || b.ok < FEWEST {
        return None;
    }
    let spread = |probes: &Probes| Some(probes.p95_ms?.saturating_sub(probes.min_ms?));
    let (before, now) = (a.p50_ms?, b.p50_ms?);
    let (wide_a, wide_b) = (spread(a)?, spread(b)?);
    let noise = wide_a + wide_b;
    let (change, moved) = if now > before {
        (Change::Worse, now - before)
    } else {
        (Change::Better, before - now)
    };
    if moved <= noise.max(SCHEDULING) {
        return None;
    }
    let text = format!(
        "the median round trip was {before}, and is {now} (spreads of {wide_a} and {wide_b})"
    );
    Some((change, text))
}
