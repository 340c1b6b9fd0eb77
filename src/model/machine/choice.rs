//! Which of a machine's addresses are checked: those of its own network where this machine has a way of its own to them, else the public
//! ones.

use super::{MachineAddress, Scope};
use crate::model::Address;
use crate::model::local::{Route, RouteKind};
use crate::model::options::Family;
use crate::model::text::list;

/// The addresses that are checked, and why those.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// In the order in which the provider has them.
    pub addresses: Vec<Address>,
    /// Why those, as a sentence; none where there was nothing to choose.
    pub why: Option<String>,
}

/// How this machine's routing table leads to an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// By a route more specific than the default one, or over a link.
    Own,
    /// By the default route, by none, or it is not known.
    Default,
    /// It is this machine's own.
    Here,
}

/// Chooses among the addresses of the wanted family. `routes` are the kernel's to these addresses, as far as they are known.
pub fn choose(all: &[MachineAddress], family: Family, routes: &[Route]) -> Choice {
    let mut candidates: Vec<&MachineAddress> = Vec::new();
    for candidate in all.iter().filter(|a| family.admits(&a.address)) {
        if !candidates.iter().any(|c| c.address == candidate.address) {
            candidates.push(candidate);
        }
    }
    let of = |scope: Scope, wanted: &dyn Fn(Way) -> bool| -> Vec<Address> {
        candidates
            .iter()
            .filter(|c| c.scope == scope && wanted(way(&c.address, routes)))
            .map(|c| c.address.clone())
            .collect()
    };
    let near = of(Scope::Private, &|way| way == Way::Own);
    let public = of(Scope::Public, &|way| way != Way::Here);
    let far = of(Scope::Private, &|way| way == Way::Default);
    let (addresses, why) = if !near.is_empty() {
        let why = format!(
            "this machine has a route to {} that is more specific than its default route",
            list(&near)
        );
        (near, why)
    } else if !public.is_empty() {
        let why = if far.is_empty() {
            "it has no private address that could be used instead".to_owned()
        } else {
            format!(
                "it is public, and to the private {} this machine has no route but the default one",
                list(&far)
            )
        };
        (public, why)
    } else if !far.is_empty() {
        let why = "it has no public address, and this machine no route of its own to this one";
        (far, why.to_owned())
    } else {
        let here = candidates.iter().map(|c| c.address.clone()).collect();
        (here, "it is this machine's own".to_owned())
    };
    let is_choice = addresses.len() < candidates.len();
    Choice {
        addresses,
        why: is_choice.then_some(why),
    }
}

fn way(address: &Address, routes: &[Route]) -> Way {
    let route = routes.iter().find(|route| route.destination == *address);
    match route {
        Some(route) if route.kind == RouteKind::Local => Way::Here,
        Some(route) if route.kind == RouteKind::Unicast => {
            let specific = route.prefix.is_some_and(|prefix| prefix.0.prefix_len() > 0);
            if specific || route.gateway.is_none() {
                Way::Own
            } else {
                Way::Default
            }
        }
        _ => Way::Default,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::local::Prefix;

    fn addresses(texts: &[&str]) -> Vec<MachineAddress> {
        let new = |text: &&str| MachineAddress::new(text.parse().unwrap(), None);
        texts.iter().map(new).collect()
    }

    fn route(to: &str, kind: RouteKind, prefix: &str, gateway: Option<&str>) -> Route {
        Route {
            destination: to.parse().unwrap(),
            kind,
            gateway: gateway.map(|text| text.parse().unwrap()),
            interface: Some("eth0".to_owned()),
            source: None,
            table: None,
            prefix: Some(Prefix(prefix.parse().unwrap())),
            metric: None,
            mtu: None,
            rule: None,
            text: None,
            errno: None,
            family_usable: true,
        }
    }

    fn texts(choice: &Choice) -> Vec<String> {
        choice.addresses.iter().map(ToString::to_string).collect()
    }

    const BOTH: [&str; 2] = ["10.1.0.4", "203.0.113.9"];
    const GATEWAY: Option<&str> = Some("10.0.0.1");

    #[test]
    fn the_private_address_is_chosen_where_a_route_of_its_own_leads_to_it() {
        for (prefix, gateway) in [
            ("10.1.0.0/16", GATEWAY),
            ("10.1.0.0/24", None),
            ("0.0.0.0/0", None),
        ] {
            let routes = [route("10.1.0.4", RouteKind::Unicast, prefix, gateway)];
            let choice = choose(&addresses(&BOTH), Family::Any, &routes);
            assert_eq!(texts(&choice), ["10.1.0.4"], "{prefix}");
            assert!(choice.why.unwrap().contains("more specific"));
        }
    }

    #[test]
    fn by_the_default_route_alone_the_public_one_is_chosen() {
        let routes = [route("10.1.0.4", RouteKind::Unicast, "0.0.0.0/0", GATEWAY)];
        for routes in [&routes[..], &[]] {
            let choice = choose(&addresses(&BOTH), Family::Any, routes);
            assert_eq!(texts(&choice), ["203.0.113.9"]);
            assert!(choice.why.unwrap().contains("no route but the default"));
        }
    }

    #[test]
    fn without_a_public_one_the_private_one_is_left() {
        let choice = choose(&addresses(&["10.1.0.4"]), Family::Any, &[]);
        assert_eq!(
            (texts(&choice), choice.why),
            (vec!["10.1.0.4".to_owned()], None)
        );
    }

    #[test]
    fn what_is_this_machines_own_is_left_out_where_there_is_another() {
        let routes = [
            route("172.17.0.1", RouteKind::Local, "172.17.0.1/32", None),
            route("10.5.0.2", RouteKind::Unicast, "10.5.0.0/24", None),
        ];
        let both = addresses(&["172.17.0.1", "10.5.0.2"]);
        assert_eq!(texts(&choose(&both, Family::Any, &routes)), ["10.5.0.2"]);
        let alone = addresses(&["172.17.0.1"]);
        assert_eq!(texts(&choose(&alone, Family::Any, &routes)), ["172.17.0.1"]);
    }

    #[test]
    fn the_family_that_was_asked_for_counts_alone() {
        let all = addresses(&["10.1.0.4", "2001:db8::4", "10.1.0.4"]);
        assert_eq!(texts(&choose(&all, Family::Ipv6, &[])), ["2001:db8::4"]);
        assert!(
            choose(&addresses(&["10.1.0.4"]), Family::Ipv6, &[])
                .addresses
                .is_empty()
        );
    }
}
