//! How the name became addresses: who gave them, or why there are none.

use super::layout::{GUTTER, Ink, Page, gutter};
use super::machine;
use super::table::Table;
use crate::model::outcome::Outcome;
use crate::model::resolution::{Resolution, SourceAnswer, SourceKind, Transport};
use crate::model::target::Protocol;
use crate::model::text::{escape, list};
use crate::model::{Address, Endpoint, Ms, Report};

/// So many addresses are named before the rest is counted.
const NAMED: usize = 4;

/// How the name became addresses.
pub(super) fn show(page: &mut Page<'_>, report: &Report, resolution: &Resolution, verbose: bool) {
    let literal = resolution.source(SourceKind::Literal).is_some();
    if literal && !verbose {
        return;
    }
    let host = escape(&report.target.host);
    let answer = resolution
        .sources
        .iter()
        .find(|source| !source.addresses.is_empty());
    if let Some(machine) = &resolution.machine {
        machine::show(page, &host, machine, resolution, verbose);
        if resolution.source(SourceKind::Provider).is_some() {
            return;
        }
    }
    let host = match &resolution.machine {
        Some(known) => known
            .only()
            .and_then(|(_, instance)| instance.host_name.as_deref())
            .map_or(host, escape),
        None => host,
    };
    if let Some(answer) = answer {
        let addresses = addresses(&resolution.addresses, verbose);
        page.field(
            "name",
            &format!("{host} → {addresses} ({})", asked(answer, resolution)),
        );
    } else {
        page.field("name", &format!("{host} → no address"));
        if !verbose || resolution.servers.is_empty() {
            for line in refusals(resolution) {
                page.field("", &line);
            }
        }
    }
    if !verbose {
        let here = |ip: std::net::IpAddr| ip.is_unspecified() || ip.is_loopback();
        for remark in resolution.special_addresses(here) {
            page.field("", &remark);
        }
    }
    if let Some(delay) = resolution.application_delay_ms {
        page.field("", &format!("an application waits {delay} for the answer"));
    }
    if verbose {
        if let Some(account) = resolution.account(report.source.resolver.as_ref(), &report.options)
        {
            page.field("in short", &account);
        }
        if report.target.protocol == Protocol::Dns {
            let links = report.source.resolver.as_ref().map(|r| r.links.as_slice());
            if let Some(split) = resolution.split(links.unwrap_or_default()) {
                page.field("split DNS", &split);
            }
            for (number, remark) in resolution.remarks().iter().enumerate() {
                page.field(if number == 0 { "remarks" } else { "" }, remark);
            }
        }
        if !resolution.servers.is_empty() || !resolution.upstream.is_empty() {
            servers(page, resolution);
        }
    }
}

/// Addresses, the first of them by name.
fn addresses(all: &[Address], verbose: bool) -> String {
    let named = if verbose { all.len() } else { NAMED };
    let mut words: Vec<String> = all.iter().take(named).map(ToString::to_string).collect();
    if all.len() > named {
        words.push(format!("{} more", all.len() - named));
    }
    if words.len() == 1 {
        words.concat()
    } else {
        list(&words)
    }
}

/// Who gave the addresses, and how long it took.
pub(in crate::report) fn asked(answer: &SourceAnswer, resolution: &Resolution) -> String {
    let time = answer.ms.map(|ms| format!(", {ms}")).unwrap_or_default();
    match answer.source {
        SourceKind::Literal => "an address, nothing was asked".to_owned(),
        SourceKind::Option => "from --resolve".to_owned(),
        SourceKind::Hosts => "from the hosts file".to_owned(),
        SourceKind::Provider => machine::source(resolution, &time),
        SourceKind::System => format!("system resolver{time}"),
        SourceKind::Dns => {
            let gave = resolution.servers.iter().find(|server| {
                server
                    .addresses()
                    .any(|address| answer.addresses.contains(&address))
            });
            match gave {
                Some(server) => format!("from {}{time}", place(&server.address)),
                None => format!("name servers{time}"),
            }
        }
    }
}

/// Why there is no address: each server in a line, its record types drawn together; without servers, each source.
pub(in crate::report) fn refusals(resolution: &Resolution) -> Vec<String> {
    let mut lines: Vec<(String, Vec<&str>, Option<Ms>)> = Vec::new();
    for server in &resolution.servers {
        let over = if server.transport == Transport::Tcp {
            " over TCP"
        } else {
            ""
        };
        let said = format!("{}{over} {}", place(&server.address), said(server.outcome));
        match lines.iter_mut().find(|(known, ..)| *known == said) {
            Some((_, records, time)) => {
                if !records.contains(&server.record.as_str()) {
                    records.push(&server.record);
                }
                *time = (*time).max(server.ms);
            }
            None => lines.push((said, vec![&server.record], server.ms)),
        }
    }
    if lines.is_empty() {
        return resolution
            .sources
            .iter()
            .map(|source| {
                let who = match source.source {
                    SourceKind::System => "system resolver",
                    SourceKind::Hosts => "hosts file",
                    _ => "name servers",
                };
                let error = source
                    .error
                    .as_deref()
                    .unwrap_or_else(|| said(source.outcome));
                format!("{who}: {}", escape(error))
            })
            .collect();
    }
    lines
        .into_iter()
        .map(|(said, records, time)| {
            let time = time.map(|ms| format!(", {ms}")).unwrap_or_default();
            format!("{said} ({}{time})", records.join(", "))
        })
        .collect()
}

/// What became of a question.
pub(in crate::report) const fn said(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Timeout => "did not answer",
        Outcome::NoData => "has no such record",
        Outcome::Refused => "refuses the connection",
        other => other.phrase(),
    }
}

/// A name server: its port only where it is another than 53.
pub(in crate::report) fn place(server: &Endpoint) -> String {
    if server.port == Some(53) {
        server.address.to_string()
    } else {
        server.to_string()
    }
}

/// What each source said, and each question to each server.
fn servers(page: &mut Page<'_>, resolution: &Resolution) {
    let mut table = Table::new(&[
        "source", "over", "type", "outcome", "time", "answer", "name",
    ]);
    table.right(&[4]);
    table.beneath(&[5, 6]);
    for source in &resolution.sources {
        let who = match source.source {
            SourceKind::System => "system resolver",
            SourceKind::Hosts => "hosts file",
            _ => continue,
        };
        let all: Vec<String> = source.addresses.iter().map(ToString::to_string).collect();
        let outcome = match source.source {
            SourceKind::Hosts if source.outcome == Outcome::Nxdomain => "does not have it",
            SourceKind::Hosts if source.outcome == Outcome::Ok => "has it",
            SourceKind::System if source.outcome == Outcome::Timeout => "is still waiting",
            SourceKind::System if source.outcome == Outcome::Nxdomain => "has no such name",
            _ => said(source.outcome),
        };
        table.row(
            Ink::Plain,
            vec![
                who.to_owned(),
                String::new(),
                String::new(),
                outcome.to_owned(),
                source.ms.map(|ms| ms.to_string()).unwrap_or_default(),
                all.join(", "),
                String::new(),
            ],
        );
    }
    let several = resolution.names.len() > 1;
    let upstream = resolution.upstream.iter().map(|server| (server, true));
    let random = resolution.random_names.iter().map(|server| (server, true));
    let configured = resolution.servers.iter().map(|server| (server, several));
    for (server, named) in configured.chain(upstream).chain(random) {
        let answers: Vec<String> = server
            .answers
            .iter()
            .chain(&server.extended_errors)
            .map(|answer| escape(answer))
            .collect();
        table.row(
            Ink::Plain,
            vec![
                place(&server.address),
                match server.transport {
                    Transport::Udp => "UDP",
                    Transport::Tcp => "TCP",
                }
                .to_owned(),
                if server.checking_disabled {
                    format!("{} +CD", server.record)
                } else {
                    server.record.clone()
                },
                said(server.outcome).to_owned(),
                server.ms.map(|ms| ms.to_string()).unwrap_or_default(),
                answers.join(", "),
                if named {
                    escape(&server.name)
                } else {
                    String::new()
                },
            ],
        );
    }
    table.show(page, GUTTER, &gutter("sources"));
}
