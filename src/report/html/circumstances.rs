//! What stands round the probes: the name, this machine, and what was not measured.

use super::Place;
use super::markup::Markup;
use super::table::{self, Cell, Row};
use crate::model::firewall::{Firewall, Says};
use crate::model::local::{Interface, Local, NeighbourRole};
use crate::model::resolution::{Resolution, SourceKind, Transport};
use crate::model::source::{Privilege, Source};
use crate::model::text::{count, escape, list};
use crate::report::text::measurements::{asked_by, percent, way};
use crate::report::text::name::{place as server_place, said};

/// Whether there is something to tell of the name. Where an address was typed, nothing was asked.
pub(super) fn told(resolution: &Resolution) -> bool {
    resolution.source(SourceKind::Literal).is_none()
}

/// Puts how the name became addresses.
pub(super) fn resolution(markup: &mut Markup, place: &Place<'_>) {
    let Some(resolution) = place.report.resolution.as_ref().filter(|r| told(r)) else {
        return;
    };
    place.section(markup, "name", "Name resolution", |m| {
        m.element("p", &[], |m| {
            m.name(&escape(&place.report.target.host));
            m.text(" → ");
            if resolution.addresses.is_empty() {
                m.text("no address");
            }
            for (number, address) in resolution.addresses.iter().enumerate() {
                m.text(if number > 0 { ", " } else { "" });
                m.name(&address.to_string());
            }
        });
        if let Some(delay) = resolution.application_delay_ms {
            let told = format!("An application waits {delay} for the answer.");
            m.says("p", &[], &told);
        }
        sources(m, place, resolution);
        servers(m, place, resolution);
        if !resolution.near_misses.is_empty() {
            m.element("p", &[], |m| {
                m.text("Nearly the same name: ");
                for (number, name) in resolution.near_misses.iter().enumerate() {
                    m.text(if number > 0 { ", " } else { "" });
                    m.name(&escape(name));
                }
            });
        }
    });
}

/// `41 packet rules; TCP to 192.0.2.7:443: denied by ip filter OUTPUT`, one part for each flow.
fn firewall(firewall: &Firewall) -> String {
    let rules = count(firewall.rules, "packet rule");
    let flows = firewall.flows.iter().map(|flow| {
        let what = format!("{} to {}", flow.protocol.as_str(), flow.endpoint);
        let Some((_, ruling)) = flow.trouble() else {
            return format!("{what}: let through");
        };
        let says = match ruling.says {
            Says::Denies => "denied",
            _ => "can't be told",
        };
        let by = ruling.rule.as_ref().map_or_else(String::new, |rule| {
            let place = format!("{} {} {}", rule.family, rule.table, rule.chain);
            format!(", by {}: {}", escape(&place), escape(&rule.text))
        });
        format!("{what}: {says}{by}")
    });
    let parts: Vec<String> = std::iter::once(rules).chain(flows).collect();
    parts.join("; ")
}

fn sources(markup: &mut Markup, place: &Place<'_>, resolution: &Resolution) {
    let rows: Vec<Row> = resolution
        .sources
        .iter()
        .map(|source| {
            let addresses: Vec<String> = source.addresses.iter().map(ToString::to_string).collect();
            let who = match source.source {
                SourceKind::Literal => "the target itself",
                SourceKind::Option => "--resolve",
                SourceKind::System => "system resolver",
                SourceKind::Hosts => "hosts file",
                SourceKind::Dns => "name servers",
                SourceKind::Provider => "who runs the machine",
            };
            Row::of(vec![
                Cell::text(who),
                Cell::text(source.outcome.phrase()),
                Cell::time(source.ms),
                Cell::name(addresses.join(", ")),
                Cell::text(source.error.as_deref().map(escape).unwrap_or_default()),
            ])
        })
        .collect();
    if rows.is_empty() {
        return;
    }
    let columns = ["source", "outcome", "time", "addresses", "its own words"];
    let id = format!("{}sources", place.prefix);
    table::put(markup, &id, "What each source says", &columns, &rows);
}

fn servers(markup: &mut Markup, place: &Place<'_>, resolution: &Resolution) {
    let rows: Vec<Row> = resolution
        .servers
        .iter()
        .map(|server| {
            let answers = server.answers.iter().chain(&server.extended_errors);
            let answers: Vec<String> = answers.map(|answer| escape(answer)).collect();
            Row::of(vec![
                Cell::name(server_place(&server.address)),
                Cell::text(match server.transport {
                    Transport::Udp => "UDP",
                    Transport::Tcp => "TCP",
                }),
                Cell::name(escape(&server.name)),
                Cell::text(escape(&server.record)),
                Cell::text(said(server.outcome)),
                Cell::time(server.ms),
                Cell::name(answers.join(", ")),
            ])
        })
        .collect();
    if rows.is_empty() {
        return;
    }
    let columns = [
        "server", "over", "name", "type", "outcome", "time", "answer",
    ];
    let id = format!("{}servers", place.prefix);
    table::put(markup, &id, "What each name server says", &columns, &rows);
}

/// Puts from where it was looked, and what this machine's kernel says.
pub(super) fn machine(markup: &mut Markup, place: &Place<'_>) {
    place.section(markup, "machine", "This machine", |m| {
        let told = facts(&place.report.source, &place.report.local);
        terms(m, &told);
        let local = &place.report.local;
        // Where only one was looked up, it stands alone.
        let routes = if local.routes.is_empty() {
            local.route.as_slice()
        } else {
            &local.routes
        };
        let rows: Vec<Row> = routes
            .iter()
            .map(|route| {
                Row::of(vec![
                    Cell::name(route.destination.to_string()),
                    Cell::text(way(route)),
                    route.mtu.map_or_else(|| Cell::text(""), Cell::count),
                    Cell::text(route.rule.as_deref().map(escape).unwrap_or_default()),
                    Cell::text(route.text.as_deref().map(escape).unwrap_or_default()),
                ])
            })
            .collect();
        if !rows.is_empty() {
            let columns = ["to", "way", "MTU", "rule", "the route"];
            let id = format!("{}routes", place.prefix);
            table::put(m, &id, "The way out", &columns, &rows);
        }
    });
}

/// Terms and what they are; none of what is unknown.
pub(super) fn terms(markup: &mut Markup, told: &[(&str, String)]) {
    let known = told.iter().filter(|(_, what)| !what.is_empty());
    let known: Vec<_> = known.collect();
    if known.is_empty() {
        return;
    }
    markup.element("dl", &[], |m| {
        for (term, what) in known {
            m.says("dt", &[], term);
            m.element("dd", &[], |m| m.name(what));
        }
    });
}

fn facts(source: &Source, local: &Local) -> Vec<(&'static str, String)> {
    let word = |word: &Option<String>| word.as_deref().map(escape).unwrap_or_default();
    let privileges: Vec<&str> = source
        .privileges
        .iter()
        .map(|privilege| match privilege {
            Privilege::Root => "root",
            Privilege::CapNetRaw => "CAP_NET_RAW",
            Privilege::CapNetAdmin => "CAP_NET_ADMIN",
            Privilege::PingSocket => "echo sockets",
        })
        .collect();
    let resolver = source.resolver.as_ref().map(|resolver| {
        let servers: Vec<String> = resolver.servers.iter().map(server_place).collect();
        let file = resolver
            .file
            .as_deref()
            .map_or("no file".to_owned(), escape);
        let search = if resolver.search.is_empty() {
            String::new()
        } else {
            format!(", search {}", escape(&resolver.search.join(" ")))
        };
        let by = asked_by(resolver);
        format!("{} ({file}{search}){by}", list(&servers))
    });
    let neighbour = local.neighbour.as_ref().map(|neighbour| {
        let role = match neighbour.role {
            NeighbourRole::Gateway => "gateway",
            NeighbourRole::Destination => "destination",
        };
        let link = neighbour.link_address.as_deref().map(escape);
        let link = link.map(|link| format!(", {link}")).unwrap_or_default();
        let state = format!("{:?}", neighbour.state).to_lowercase();
        let interface = escape(&neighbour.interface);
        format!("{role} {} on {interface}: {state}{link}", neighbour.address)
    });
    let conntrack = local
        .conntrack
        .map(|tracked| format!("{} of {} connections tracked", tracked.count, tracked.max));
    let sockets = local.source_port.as_ref().and_then(|ports| {
        let (first, last) = ports.range?;
        let used = ports.sockets.map(|used| format!(", {used} TCP sockets"));
        Some(format!("{first} to {last}{}", used.unwrap_or_default()))
    });
    vec![
        ("host", word(&source.host)),
        ("system", word(&source.os)),
        ("kernel", word(&source.kernel)),
        ("container", word(&source.container)),
        (
            "source address",
            source
                .address
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
        ),
        ("interface", interface(source, local)),
        ("next hop", neighbour.unwrap_or_default()),
        (
            "firewall",
            local.firewall.as_ref().map(firewall).unwrap_or_default(),
        ),
        ("ephemeral ports", sockets.unwrap_or_default()),
        ("connection tracking", conntrack.unwrap_or_default()),
        (
            "processor in use",
            local.cpu_percent.map(percent).unwrap_or_default(),
        ),
        (
            "memory in use",
            local.memory_percent.map(percent).unwrap_or_default(),
        ),
        ("may use", privileges.join(", ")),
        ("resolver", resolver.unwrap_or_default()),
    ]
}

fn interface(source: &Source, local: &Local) -> String {
    let Some(Interface {
        name,
        up,
        carrier,
        mtu,
        kind,
        ..
    }) = &local.interface
    else {
        return source.interface.as_deref().map(escape).unwrap_or_default();
    };
    let mut told = vec![escape(name)];
    told.extend(kind.as_deref().map(escape));
    told.push(if *up { "up" } else { "down" }.to_owned());
    told.push(if *carrier { "carrier" } else { "no carrier" }.to_owned());
    told.extend(mtu.map(|mtu| format!("MTU {mtu}")));
    told.join(", ")
}

/// Puts what was not measured, and the one command that would.
pub(super) fn not_measured(markup: &mut Markup, place: &Place<'_>) {
    let missing = &place.report.not_measured;
    if missing.is_empty() {
        return;
    }
    place.section(markup, "missing", "Not measured", |m| {
        let all = count(missing.len() as u64, "thing");
        m.says("p", &[], &format!("{all} could not be measured, or was not asked for; nothing was guessed in place of it."));
        m.element("ul", &[], |m| {
            for one in missing {
                m.element("li", &[], |m| {
                    m.text(&format!("{}: {}", one.what, one.why));
                    if let Some(command) = &one.command {
                        m.command(command);
                    }
                });
            }
        });
    });
}
