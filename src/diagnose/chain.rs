//! The chain of causes: in which order faults count, which explains which, and what each hides.
//!
//! A check goes from the name to this machine's routes and rules, to the routers, to the host and its port. What fails early hides what
//! comes after: two faults at once are told as the earlier one, with the words that the rest was not seen. The one thing that goes against
//! this order is a name that can't be resolved because of this machine itself (`unreachable`).

use super::rules;
use crate::model::Finding;
use crate::model::finding::{Id, Origin};

/// The layers, in the order in which a check meets them.
const LAYERS: [Origin; 6] = [
    Origin::Name,
    Origin::Local,
    Origin::Path,
    Origin::Destination,
    Origin::Service,
    Origin::Policy,
];

/// The place of a finding in the chain: its layer, and within it the place of its rule.
pub(super) fn place(id: Id) -> (usize, usize) {
    let layer = LAYERS.iter().position(|layer| *layer == id.origin());
    let rule = rules::all().position(|rule| rule.id == id);
    (layer.unwrap_or(LAYERS.len()), rule.unwrap_or(usize::MAX))
}

/// What a cause hides, as a sentence; none where nothing lies behind it. `asked` is what was asked for behind it: `TCP/443`.
pub(super) fn hidden(cause: &Finding, asked: &str) -> Option<String> {
    match (cause.origin, cause.id) {
        // Here the fault is where the service would be.
        (_, Id::LocalListenerAddress) => None,
        (Origin::Name, _) => Some(format!(
            "Nothing could be sent without an address: whether {asked} works was not seen."
        )),
        (Origin::Local | Origin::Path, _) => {
            Some(format!("Whether {asked} works at the host was not seen."))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::finding::Severity;

    #[test]
    fn the_rules_stand_in_the_order_of_the_chain() {
        let places: Vec<_> = rules::all().map(|rule| place(rule.id)).collect();
        assert!(places.is_sorted(), "{places:?}");
    }

    #[test]
    fn what_is_early_hides_what_is_late_and_never_the_other_way_round() {
        let of = |id| Finding::new(id, Severity::Error, String::new());
        for rule in rules::all() {
            let hides = hidden(&of(rule.id), "TCP/443").is_some();
            let late = place(rule.id).0 >= place(Id::PortClosed).0;
            assert!(
                hides != late || rule.id == Id::LocalListenerAddress,
                "{}",
                rule.id
            );
        }
    }
}
