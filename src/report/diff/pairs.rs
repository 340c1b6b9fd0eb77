//! Which report, and which address, is held against which.

use crate::model::report::EndpointReport;
use crate::model::{Endpoint, Report};

/// Reports of the same target in both, and what only one has.
pub(super) struct Matched<'r> {
    pub(super) both: Vec<(&'r Report, &'r Report)>,
    pub(super) only_in_a: Vec<String>,
    pub(super) only_in_b: Vec<String>,
    pub(super) notes: Vec<String>,
}

/// Pairs reports by target: the newest of each. A single one of each is a pair whatever its target.
pub(super) fn reports<'r>(a: &'r [Report], b: &'r [Report]) -> Matched<'r> {
    let (mut left, mut right) = (newest(a), newest(b));
    let mut notes = Vec::new();
    if left.len() < a.len() || right.len() < b.len() {
        notes.push("Of several reports of one target the newest was compared.".to_owned());
    }
    let hidden = a.iter().chain(b).any(|report| report.redacted);
    let mut both = Vec::new();
    if left.len() == right.len() && (left.len() == 1 || hidden) {
        both = left.drain(..).zip(right.drain(..)).collect();
    } else {
        right.retain(|b| match left.iter().position(|a| same_target(a, b)) {
            Some(at) => {
                both.push((left.remove(at), *b));
                false
            }
            None => true,
        });
    }
    let labels = |rest: Vec<&Report>| rest.iter().map(|report| report.target.label()).collect();
    Matched {
        both,
        only_in_a: labels(left),
        only_in_b: labels(right),
        notes,
    }
}

fn same_target(a: &Report, b: &Report) -> bool {
    (
        &a.target.host,
        a.target.port,
        &a.target.uri,
        a.target.protocol,
    ) == (
        &b.target.host,
        b.target.port,
        &b.target.uri,
        b.target.protocol,
    )
}

/// The newest report of each target, in the order in which the targets first stand.
fn newest(all: &[Report]) -> Vec<&Report> {
    let mut kept: Vec<&Report> = Vec::new();
    for report in all {
        match kept.iter_mut().find(|known| same_target(known, report)) {
            Some(known) if known.started_at <= report.started_at => *known = report,
            Some(_) => {}
            None => kept.push(report),
        }
    }
    kept
}

/// An address of A and the one of B that it is held against.
#[derive(Clone, Copy)]
pub(super) struct Pair<'r> {
    pub(super) a: &'r EndpointReport,
    pub(super) b: &'r EndpointReport,
}

impl Pair<'_> {
    /// The address that a difference is about.
    pub(super) fn endpoint(&self) -> Endpoint {
        self.b.endpoint()
    }

    /// Whether both are the same address.
    pub(super) fn is_one(&self) -> bool {
        self.a.address == self.b.address
    }
}

/// Pairs addresses: the same ones, then those of the same family, then those that are left, in their order.
pub(super) fn endpoints<'r>(a: &'r Report, b: &'r Report, one_world: bool) -> Vec<Pair<'r>> {
    let mut left: Vec<&EndpointReport> = a.endpoints.iter().collect();
    let mut pairs: Vec<(usize, Pair<'r>)> = Vec::new();
    let mut right: Vec<(usize, &EndpointReport)> = b.endpoints.iter().enumerate().collect();
    let same: &dyn Fn(&EndpointReport, &EndpointReport) -> bool =
        &|a, b| one_world && a.address == b.address;
    let family: &dyn Fn(&EndpointReport, &EndpointReport) -> bool =
        &|a, b| a.address.is_ipv6() == b.address.is_ipv6();
    let any: &dyn Fn(&EndpointReport, &EndpointReport) -> bool = &|_, _| true;
    for fits in [same, family, any] {
        right.retain(|(place, b)| match left.iter().position(|a| fits(a, b)) {
            Some(at) => {
                pairs.push((
                    *place,
                    Pair {
                        a: left.remove(at),
                        b,
                    },
                ));
                false
            }
            None => true,
        });
    }
    pairs.sort_by_key(|(place, _)| *place);
    pairs.into_iter().map(|(_, pair)| pair).collect()
}
