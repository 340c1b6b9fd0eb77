//! The name: whether it resolves, to what, and who answers for it.

use super::{Both, difference};
use crate::model::diff::{Change, Difference};
use crate::model::resolution::{Resolution, ServerAnswer, SourceKind};
use crate::model::text::list;
use crate::model::{Address, Endpoint, Outcome, Report};

/// At most so many addresses are named.
const NAMED: usize = 8;

/// What differs.
pub(super) fn differences(both: &Both<'_>) -> Vec<Difference> {
    let (Some(a), Some(b)) = (&both.a.resolution, &both.b.resolution) else {
        return Vec::new();
    };
    let literal = |r: &Resolution| r.source(SourceKind::Literal).is_some();
    if literal(a) && literal(b) {
        return Vec::new();
    }
    let mut found = Vec::new();
    match (a.addresses.is_empty(), b.addresses.is_empty()) {
        (false, true) => found.push(difference(
            lost(both.b),
            None,
            format!(
                "it had {} and has no address now: {}",
                some(&a.addresses),
                why(b)
            ),
        )),
        (true, false) => found.push(difference(
            match lost(both.a) {
                Change::Worse => Change::Better,
                other => other,
            },
            None,
            format!(
                "it had no address ({}) and has {} now",
                why(a),
                some(&b.addresses)
            ),
        )),
        (true, true) if why(a) != why(b) => found.push(difference(
            Change::Changed,
            None,
            format!("it has no address in both: {}, and now {}", why(a), why(b)),
        )),
        _ if both.one_host && both.one_world => found.extend(addresses(a, b)),
        _ => {}
    }
    if both.one_world {
        found.extend(servers(a, b));
    }
    found
}

/// What it means that a report has no address: nothing where it ended before the name was asked for to the end.
fn lost(report: &Report) -> Change {
    let told = report.resolution.as_ref().is_some_and(|resolution| {
        resolution
            .sources
            .iter()
            .any(|source| !matches!(source.outcome, Outcome::Cancelled))
    });
    if told { Change::Worse } else { Change::Unknown }
}

/// Other addresses are another set, in whatever order: servers rotate it.
fn addresses(a: &Resolution, b: &Resolution) -> Option<Difference> {
    let only = |here: &Resolution, there: &Resolution| -> Vec<Address> {
        let of = here.addresses.iter();
        of.filter(|address| !there.addresses.contains(address))
            .cloned()
            .collect()
    };
    let (gone, new) = (only(a, b), only(b, a));
    let text = match (gone.is_empty(), new.is_empty()) {
        (true, true) => return None,
        (true, false) => format!("it has {} too", some(&new)),
        (false, true) => format!("it no longer has {}", some(&gone)),
        (false, false) => format!("it had {} and has {} instead", some(&gone), some(&new)),
    };
    Some(difference(Change::Changed, None, text))
}

/// Name servers that answer in one alone.
fn servers(a: &Resolution, b: &Resolution) -> Vec<Difference> {
    let heard = |resolution: &Resolution, server: &Endpoint| -> Option<bool> {
        let mut of = resolution
            .servers
            .iter()
            .filter(|answer| answer.address == *server && answer.outcome != Outcome::Cancelled)
            .peekable();
        of.peek()?;
        Some(of.any(ServerAnswer::is_heard))
    };
    let mut seen: Vec<&Endpoint> = Vec::new();
    let mut found = Vec::new();
    for answer in &b.servers {
        if seen.contains(&&answer.address) {
            continue;
        }
        seen.push(&answer.address);
        let server = &answer.address;
        match (heard(a, server), heard(b, server)) {
            (Some(true), Some(false)) => found.push(difference(
                Change::Worse,
                None,
                format!("the name server {server} answered and is silent now"),
            )),
            (Some(false), Some(true)) => found.push(difference(
                Change::Better,
                None,
                format!("the name server {server} was silent and answers now"),
            )),
            _ => {}
        }
    }
    found
}

fn why(resolution: &Resolution) -> &'static str {
    resolution
        .sources
        .iter()
        .map(|source| source.outcome)
        .find(|outcome| *outcome != Outcome::Ok)
        .map_or("nothing was asked", Outcome::phrase)
}

fn some(addresses: &[Address]) -> String {
    let more = addresses.len().saturating_sub(NAMED);
    let mut named: Vec<String> = addresses
        .iter()
        .take(NAMED)
        .map(ToString::to_string)
        .collect();
    if more > 0 {
        named.push(format!("{more} more"));
    }
    list(&named)
}
