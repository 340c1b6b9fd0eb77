//! Paths whose routers tell more than they must, rewrite what they pass on, or lie: the facts stand in the report, forged ones do not.

use std::time::Duration;

use serde_json::{Value, json};

use super::trace::{PROTOCOLS, finds_all, has_nothing_false, trace, up};
use crate::{
    case::{Case, cases},
    net::Family,
    outcome::Outcome,
    sim::{FORGER, Translates, Web},
};

pub(super) fn cases() -> Vec<Case> {
    cases![
        labels_and_interfaces_that_a_router_tells_are_told: [Tun],
        a_translator_that_leaves_quotes_alone_is_seen_by_raw_probes: [Tun],
        a_translator_that_translates_quotes_hides_nothing: [Tun],
        a_changed_type_of_service_is_told_from_where_it_shows: [Tun],
        a_quoted_ttl_other_than_one_is_told: [Tun],
        forged_answers_are_not_taken: [Tun],
        traces_at_the_same_time_take_only_their_own_answers: [Tun],
    ]
}

const LINK: Duration = Duration::from_millis(1);

fn labels_and_interfaces_that_a_router_tells_are_told() {
    let web = Web::layers(&[1; 4], LINK)
        .labelled(1, &[(24_001, 0, 1), (17, 5, 254)])
        .interface(2, 7, "ge-0/0/1.0", 9000);
    let net = up(&web);
    for (family, protocol) in all() {
        for run in [
            trace(&net, family, protocol),
            trace(&net, family, protocol).root(),
        ] {
            let found = run.run();
            finds_all(&found, &web, &net, family);
            let labels = json!([
                {"label": 24001, "exp": 0, "bottom": false, "ttl": 1},
                {"label": 17, "exp": 5, "bottom": true, "ttl": 254},
            ]);
            assert_eq!(node(&found, 2, "mpls"), labels, "{found}");
            let interface = &node(&found, 3, "interfaces")[0];
            assert_eq!(interface["role"], "incoming", "{found}");
            assert_eq!(interface["index"], 7, "{found}");
            assert_eq!(interface["name"], "ge-0/0/1.0", "{found}");
            assert_eq!(interface["mtu"], 9000, "{found}");
            // And of no other.
            assert_eq!(node(&found, 1, "mpls"), json!([]), "{found}");
            assert_eq!(node(&found, 4, "interfaces"), json!([]), "{found}");
        }
    }
}

fn a_translator_that_leaves_quotes_alone_is_seen_by_raw_probes() {
    for (protocol, what, fields) in [
        // A SYN is known by its sequence number, whatever ports are quoted; a datagram by its port and its number (IPv4 alone has one).
        (
            "tcp",
            Translates::Ports,
            json!(["source_address", "source_port"]),
        ),
        ("udp", Translates::Addresses, json!(["source_address"])),
    ] {
        let web = Web::layers(&[1; 5], LINK).translates(1, what);
        let net = up(&web);
        for family in Family::BOTH {
            if (protocol, family) == ("udp", Family::V6) {
                // Which of several datagrams is quoted can't be told.
                continue;
            }
            let raw = trace(&net, family, protocol).root().run();
            finds_all(&raw, &web, &net, family);
            for ttl in 1..=5 {
                let rewritten = node(&raw, ttl, "rewritten");
                let expected = if ttl > 2 { fields.clone() } else { json!([]) };
                assert_eq!(rewritten, expected, "hop {ttl}\n{raw}");
            }
            // The kernel finds no socket for such an error: these hops stay silent, and nothing is made up.
            let found = trace(&net, family, protocol).run();
            has_nothing_false(&found, &web, &net, family);
            if protocol == "tcp" {
                found.passes().says("/endpoints/0/path/reached", true);
            }
        }
    }
}

fn a_translator_that_translates_quotes_hides_nothing() {
    let web = Web::layers(&[1; 5], LINK).translates(1, Translates::Quotes);
    let net = up(&web);
    for (family, protocol) in with_ports() {
        for run in [
            trace(&net, family, protocol),
            trace(&net, family, protocol).root(),
        ] {
            let found = run.run();
            finds_all(&found, &web, &net, family);
            assert_eq!(node(&found, 4, "rewritten"), json!([]), "{found}");
        }
    }
}

fn a_changed_type_of_service_is_told_from_where_it_shows() {
    // The class as well as the two bits of congestion notification.
    let web = Web::layers(&[1; 4], LINK).marks(1, 0x29);
    let net = up(&web);
    for (family, protocol) in all() {
        let raw = trace(&net, family, protocol).root().run();
        finds_all(&raw, &web, &net, family);
        for ttl in 1..=4 {
            let expected = if ttl > 2 { json!(["tos"]) } else { json!([]) };
            assert_eq!(node(&raw, ttl, "rewritten"), expected, "hop {ttl}\n{raw}");
        }
        // Error queues don't hand it out: then nothing is said of it.
        let found = trace(&net, family, protocol).run();
        finds_all(&found, &web, &net, family);
        assert_eq!(node(&found, 4, "rewritten"), json!([]), "{found}");
    }
}

fn a_quoted_ttl_other_than_one_is_told() {
    let web = Web::layers(&[1; 4], LINK).quotes_ttl(2, 5);
    let net = up(&web);
    for (family, protocol) in all() {
        let raw = trace(&net, family, protocol).root().run();
        finds_all(&raw, &web, &net, family);
        assert_eq!(node(&raw, 3, "quoted_ttl"), 5, "{raw}");
        assert_eq!(node(&raw, 2, "quoted_ttl"), Value::Null, "{raw}");
        let found = trace(&net, family, protocol).run();
        finds_all(&found, &web, &net, family);
    }
}

fn forged_answers_are_not_taken() {
    let web = Web::layers(&[1; 4], LINK).forges(1);
    let net = up(&web);
    for (family, protocol) in all() {
        for run in [
            trace(&net, family, protocol),
            trace(&net, family, protocol).root(),
        ] {
            let found = run.run();
            finds_all(&found, &web, &net, family);
            for forger in FORGER {
                assert!(!found.text().contains(forger), "{forger}\n{found}");
            }
        }
    }
}

fn traces_at_the_same_time_take_only_their_own_answers() {
    let web = Web::layers(&[1, 1, 1, 1, 1], LINK);
    let net = up(&web);
    for (family, protocol) in all() {
        let outcomes: Vec<Outcome> = std::thread::scope(|scope| {
            let runs = [true, true, false].map(|root| {
                let run = trace(&net, family, protocol);
                scope.spawn(move || if root { run.root() } else { run }.run())
            });
            runs.into_iter()
                .map(|run| run.join().expect("it ran"))
                .collect()
        });
        for found in outcomes {
            finds_all(&found, &web, &net, family);
            // Each of its own probes is answered at most once.
            let probes = found.at("/observations");
            let answered = probes.as_array().map_or(0, |all| {
                all.iter()
                    .filter(|one| one["outcome"] == "ttl_exceeded")
                    .count()
            });
            let nodes: u64 = (1..=5)
                .filter_map(|ttl| node(&found, ttl, "answered").as_u64())
                .sum();
            assert_eq!(answered as u64, nodes, "{found}");
        }
    }
}

/// Both families with every kind of probe.
fn all() -> impl Iterator<Item = (Family, &'static str)> {
    Family::BOTH.into_iter().flat_map(|family| {
        PROTOCOLS
            .into_iter()
            .map(move |protocol| (family, protocol))
    })
}

/// Both families with the kinds of probe that have ports.
fn with_ports() -> impl Iterator<Item = (Family, &'static str)> {
    all().filter(|(_, protocol)| *protocol != "icmp")
}

/// A key of the one node at a distance.
#[track_caller]
fn node(found: &Outcome, ttl: usize, key: &str) -> Value {
    found.at(&format!("/endpoints/0/path/hops/{}/nodes/0/{key}", ttl - 1))
}
