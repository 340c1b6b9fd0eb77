//! The routers in between. Only what answered in both is compared: a hop that stays silent in one of them says nothing, and a trace of a
//! few flows need not meet every branch.

use std::collections::BTreeSet;

use super::pairs::Pair;
use super::{Both, difference};
use crate::model::Address;
use crate::model::diff::{Change, Difference};
use crate::model::text::list;
use crate::model::topology::{Hop, Path};

/// What differs.
pub(super) fn differences(both: &Both<'_>) -> Vec<Difference> {
    let mut found: Vec<Difference> = Vec::new();
    for pair in &both.pairs {
        let (Some(a), Some(b)) = (&pair.a.path, &pair.b.path) else {
            if pair.a.path.is_some() != pair.b.path.is_some() {
                let text = "only one of them traced the path";
                found.push(difference(Change::Unknown, Some(&pair.endpoint()), text));
            }
            continue;
        };
        let endpoint = pair.endpoint();
        let mut add = |change, text: String| {
            found.push(difference(change, Some(&endpoint), text));
        };
        if a.protocol != b.protocol {
            add(
                Change::Unknown,
                format!(
                    "the path was traced by {} in A and by {} in B",
                    a.protocol.as_str(),
                    b.protocol.as_str()
                ),
            );
            continue;
        }
        if let Some((change, text)) = arrival(a, b) {
            add(change, text);
        }
        if let Some(text) = way(both, *pair, a, b) {
            add(Change::Changed, text);
        }
        if let (Some(before), Some(now)) = (&a.mtu, &b.mtu)
            && before.value != now.value
        {
            let change = super::ranked(now.value, before.value);
            add(
                change,
                format!("the path MTU was {}, and is {}", before.value, now.value),
            );
        }
    }
    found
}

/// Whether the trace arrives, and how far it goes.
fn arrival(a: &Path, b: &Path) -> Option<(Change, String)> {
    let last = |path: &Path| {
        let answered = path
            .hops
            .iter()
            .rev()
            .find(|hop| !answering(hop).is_empty());
        answered.map_or("no hop answers".to_owned(), |hop| {
            let who: Vec<String> = answering(hop).iter().map(ToString::to_string).collect();
            format!("the last that answers is {}, hop {}", list(&who), hop.ttl)
        })
    };
    match (a.reached, b.reached) {
        (true, false) if b.complete => Some((
            Change::Worse,
            format!("it led to the destination, and does not now: {}", last(b)),
        )),
        (false, true) if a.complete => Some((
            Change::Better,
            format!(
                "it did not lead to the destination ({}), and does now",
                last(a)
            ),
        )),
        (true, true) => {
            let (before, now) = (a.hops.last()?.ttl, b.hops.last()?.ttl);
            (before != now).then(|| {
                (
                    Change::Changed,
                    format!("the destination was {before} hops away, and is {now} now"),
                )
            })
        }
        (before, now) if before != now => Some((
            Change::Unknown,
            "one of the traces was not carried to its end".to_owned(),
        )),
        _ => None,
    }
}

/// The first hop at which they part; for two machines, where they join.
fn way(both: &Both<'_>, pair: Pair<'_>, a: &Path, b: &Path) -> Option<String> {
    if !both.one_world {
        return None;
    }
    let ends = [&pair.a.address, &pair.b.address];
    if !both.one_machine {
        return joined(a, b, ends);
    }
    let parted = a.hops.iter().find_map(|before| {
        let now = b.hops.iter().find(|hop| hop.ttl == before.ttl)?;
        let (old, new) = (answering(before), answering(now));
        // Where one is at its destination and the other still on the way, that is the distance, told apart.
        let end = |all: &BTreeSet<&Address>| all.iter().any(|address| ends.contains(address));
        let other = !old.is_empty() && !new.is_empty() && old.is_disjoint(&new);
        (other && !end(&old) && !end(&new)).then_some((before.ttl, old, new))
    });
    let (ttl, old, new) = parted?;
    let names = |all: &BTreeSet<&Address>| {
        let all: Vec<String> = all.iter().map(ToString::to_string).collect();
        list(&all)
    };
    Some(format!(
        "it takes another way from hop {ttl} on: there answered {}, and now {}",
        names(&old),
        names(&new)
    ))
}

/// Where the ways of two machines come together.
fn joined(a: &Path, b: &Path, ends: [&Address; 2]) -> Option<String> {
    let place = |path: &Path, address: &Address| {
        let hops = path.hops.iter();
        hops.filter(|hop| answering(hop).contains(address))
            .map(|hop| hop.ttl)
            .next()
    };
    let routers = a.hops.iter().flat_map(answering);
    let common = routers
        .filter(|address| !ends.contains(address))
        .find_map(|address| Some((address, place(a, address)?, place(b, address)?)));
    let seen = |path: &Path| path.hops.iter().any(|hop| !answering(hop).is_empty());
    match common {
        Some((address, here, there)) => Some(format!(
            "the ways join at {address}, hop {here} in A and hop {there} in B"
        )),
        None if seen(a) && seen(b) => Some("no router that answers is on both ways".to_owned()),
        None => None,
    }
}

fn answering(hop: &Hop) -> BTreeSet<&Address> {
    hop.nodes
        .iter()
        .filter_map(|node| node.address.as_ref())
        .collect()
}
