//! This machine: the way out, and the next hop on the link.

use super::pairs::Pair;
use super::{Both, difference};
use crate::model::diff::{Change, Difference};
use crate::model::local::{Route, RouteKind};

/// What differs. Different machines have different ways out, which are not compared beyond whether there is one.
pub(super) fn differences(both: &Both<'_>) -> Vec<Difference> {
    let mut found: Vec<Difference> = Vec::new();
    for pair in &both.pairs {
        for one in route(both, *pair).into_iter().chain(neighbour(both, *pair)) {
            // The same default route for several addresses is said once.
            if !found.iter().any(|known| known.text == one.text) {
                found.push(one);
            }
        }
    }
    found
}

fn route(both: &Both<'_>, pair: Pair<'_>) -> Option<Difference> {
    let a = both.a.local.route_to(&pair.a.address);
    let b = both.b.local.route_to(&pair.b.address);
    let endpoint = pair.endpoint();
    let about = |change, text| Some(difference(change, Some(&endpoint), text));
    let (Some(a), Some(b)) = (a, b) else {
        return (a.is_some() != b.is_some())
            .then(|| {
                about(
                    Change::Unknown,
                    "only one of them looked at the route".to_owned(),
                )
            })
            .flatten();
    };
    let text = format!("the route was {}, and is {}", way(a), way(b));
    match (leads(a), leads(b)) {
        (true, false) => about(Change::Worse, text),
        (false, true) => about(Change::Better, text),
        _ if !both.one_machine || !both.one_world || way(a) == way(b) => None,
        // An address on the link has another way than one beyond it, whatever became of the routes.
        _ if pair.is_one() => about(Change::Changed, text),
        _ => None,
    }
}

fn neighbour(both: &Both<'_>, pair: Pair<'_>) -> Option<Difference> {
    let a = both.a.local.next_hop(&pair.a.address)?;
    let b = both.b.local.next_hop(&pair.b.address)?;
    let endpoint = pair.endpoint();
    match (a.state.unresolved(), b.state.unresolved()) {
        (false, true) => Some(difference(
            Change::Worse,
            Some(&endpoint),
            format!(
                "the next hop {} answered address resolution and does not now",
                b.address
            ),
        )),
        (true, false) => Some(difference(
            Change::Better,
            Some(&endpoint),
            format!(
                "the next hop {} did not answer address resolution and does now",
                b.address
            ),
        )),
        _ => None,
    }
}

/// Whether packets leave by it.
const fn leads(route: &Route) -> bool {
    matches!(
        route.kind,
        RouteKind::Unicast | RouteKind::Local | RouteKind::Other
    )
}

fn way(route: &Route) -> String {
    let mut words = vec![match (route.kind, &route.gateway) {
        (RouteKind::None | RouteKind::Throw, _) => "none".to_owned(),
        (RouteKind::Unreachable, _) => "unreachable".to_owned(),
        (RouteKind::Prohibit, _) => "prohibit".to_owned(),
        (RouteKind::Blackhole, _) => "blackhole".to_owned(),
        (RouteKind::Local, _) => "local".to_owned(),
        (RouteKind::Unicast | RouteKind::Other, Some(gateway)) => format!("via {gateway}"),
        (RouteKind::Unicast | RouteKind::Other, None) => "on the link".to_owned(),
    }];
    words.extend(route.interface.iter().map(|name| format!("dev {name}")));
    words.extend(route.source.iter().map(|source| format!("src {source}")));
    words.join(" ")
}
