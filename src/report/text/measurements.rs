//! What was measured: name, route, probes, path, criteria, and what was not measured.

use super::layout::{GUTTER, Ink, Page, gutter};
use super::table::Table;
use super::{cut_short, path};
use crate::model::criteria::{Criterion, Quantity};
use crate::model::local::{Route, RouteKind};
use crate::model::outcome::Outcome;
use crate::model::report::{EndpointReport, Status, Verdict};
use crate::model::resolution::{Resolution, ServerAnswer, SourceAnswer, SourceKind, Transport};
use crate::model::statistics::Probes;
use crate::model::text::{escape, list};
use crate::model::{Address, Ms, Operation, Report};
use crate::report::{Style, Verbosity};

/// So many addresses are named before the rest is counted.
const NAMED: usize = 4;

/// Puts all of it on the page.
pub(super) fn show(page: &mut Page<'_>, report: &Report, style: &Style) {
    let verbose = style.verbosity == Verbosity::Verbose;
    if let Some(resolution) = &report.resolution {
        name(page, report, resolution, verbose);
    }
    route(page, report, verbose);
    probes(page, report, verbose);
    paths(page, report, verbose);
    for (number, criterion) in report.criteria.iter().enumerate() {
        let (sign, ink) = match criterion.met {
            Some(true) => ("met", Ink::Good),
            Some(false) => ("not met", Ink::Bad),
            None => ("could not be told", Ink::Warn),
        };
        let label = gutter(if number == 0 { "criteria" } else { "" });
        let text = format!("{}: ", demanded(criterion));
        let measured = criterion
            .measured
            .as_ref()
            .map(|value| quantity(&criterion.name, value));
        let measured = measured
            .map(|value| format!(" ({value})"))
            .unwrap_or_default();
        page.line(&[
            (Ink::Label, &label),
            (Ink::Plain, &text),
            (ink, sign),
            (Ink::Plain, &measured),
        ]);
    }
    if let Some(why) = cut_short(report) {
        page.field_in("cut short", Ink::Warn, &why);
    }
    for (number, missing) in report.not_measured.iter().enumerate() {
        let label = if number == 0 { "not measured" } else { "" };
        page.field(label, &format!("{}: {}", missing.what, missing.why));
        if let Some(command) = &missing.command {
            page.command(GUTTER, command);
        }
    }
    if verbose {
        vantage(page, report);
    }
}

/// How the name became addresses.
fn name(page: &mut Page<'_>, report: &Report, resolution: &Resolution, verbose: bool) {
    let literal = resolution.source(SourceKind::Literal).is_some();
    if literal && !verbose {
        return;
    }
    let host = escape(&report.target.host);
    let answer = resolution
        .sources
        .iter()
        .find(|source| !source.addresses.is_empty());
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
    if let Some(delay) = resolution.application_delay_ms {
        page.field("", &format!("an application waits {delay} for the answer"));
    }
    if verbose && !resolution.servers.is_empty() {
        servers(page, &resolution.servers);
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
fn asked(answer: &SourceAnswer, resolution: &Resolution) -> String {
    let time = answer.ms.map(|ms| format!(", {ms}")).unwrap_or_default();
    match answer.source {
        SourceKind::Literal => "an address, nothing was asked".to_owned(),
        SourceKind::Option => "from --resolve".to_owned(),
        SourceKind::Hosts => "from the hosts file".to_owned(),
        SourceKind::System => format!("system resolver{time}"),
        SourceKind::Dns => {
            let mut answered: Vec<String> = resolution
                .servers
                .iter()
                .filter(|server| server.outcome == Outcome::Ok)
                .map(|server| place(&server.address))
                .collect();
            answered.dedup();
            format!("from {}{time}", list(&answered))
        }
    }
}

/// Why there is no address: each server in a line, its record types drawn together; without servers, each source.
fn refusals(resolution: &Resolution) -> Vec<String> {
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
const fn said(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Timeout => "did not answer",
        Outcome::NoData => "has no such record",
        Outcome::Refused => "refuses the connection",
        other => other.phrase(),
    }
}

/// A name server: its port only where it is another than 53.
fn place(server: &crate::model::Endpoint) -> String {
    if server.port == Some(53) {
        server.address.to_string()
    } else {
        server.to_string()
    }
}

/// Each question to each server.
fn servers(page: &mut Page<'_>, servers: &[ServerAnswer]) {
    let mut table = Table::new(&["server", "over", "type", "outcome", "time", "answer"]);
    table.right(&[4]);
    table.beneath(&[5]);
    for server in servers {
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
                server.record.clone(),
                said(server.outcome).to_owned(),
                server.ms.map(|ms| ms.to_string()).unwrap_or_default(),
                answers.join(", "),
            ],
        );
    }
    table.show(page, GUTTER, &gutter("servers"));
}

/// The way out of this machine.
fn route(page: &mut Page<'_>, report: &Report, verbose: bool) {
    let routes: Vec<&Route> = if verbose && !report.local.routes.is_empty() {
        report.local.routes.iter().collect()
    } else {
        report.local.route.iter().collect()
    };
    let several = routes.len() > 1;
    for (number, route) in routes.iter().enumerate() {
        let label = if number == 0 { "route" } else { "" };
        let to = if several {
            format!("{}  ", route.destination)
        } else {
            String::new()
        };
        page.field(label, &format!("{to}{}", way(route)));
    }
}

/// A route as `ip route` would write it.
fn way(route: &Route) -> String {
    let refused = match route.kind {
        RouteKind::None | RouteKind::Throw => Some("none"),
        RouteKind::Unreachable => Some("unreachable"),
        RouteKind::Prohibit => Some("prohibit"),
        RouteKind::Blackhole => Some("blackhole"),
        RouteKind::Local => Some("local: this machine"),
        _ => None,
    };
    let mut words = Vec::new();
    match (refused, &route.gateway) {
        (Some(refused), _) => words.push(refused.to_owned()),
        (None, Some(gateway)) => words.push(format!("via {gateway}")),
        (None, None) => words.push("on the link".to_owned()),
    }
    if let Some(interface) = &route.interface {
        words.push(format!("dev {}", escape(interface)));
    }
    if let Some(source) = &route.source {
        words.push(format!("src {source}"));
    }
    if let (Some(errno), true) = (&route.errno, refused.is_some()) {
        words.push(format!("({errno})"));
    }
    words.join(" ")
}

/// The burst of probes to each address.
fn probes(page: &mut Page<'_>, report: &Report, verbose: bool) {
    match report.endpoints.as_slice() {
        [] => {}
        [one] => {
            page.field("probes", &counted(report, one));
            if let (true, Some(spread)) = (verbose, spread(&one.probes)) {
                page.field("", &spread);
            }
        }
        several => {
            let mut table = Table::new(&[
                "address",
                "status",
                "ok",
                "min / avg / max",
                "p95",
                "jitter",
                "what failed",
            ]);
            table.right(&[2, 4, 5]);
            table.beneath(&[3, 6]);
            for endpoint in several {
                table.row(ink(endpoint.status), row(report, endpoint, verbose));
            }
            table.show(page, GUTTER, &gutter("probes"));
        }
    }
}

const fn ink(status: Status) -> Ink {
    match status {
        Status::Reachable => Ink::Good,
        Status::Degraded | Status::Indeterminate => Ink::Warn,
        Status::Unreachable => Ink::Bad,
    }
}

fn row(report: &Report, endpoint: &EndpointReport, verbose: bool) -> Vec<String> {
    let probes = &endpoint.probes;
    let time = |ms: Option<Ms>| ms.map(|ms| ms.to_string()).unwrap_or_default();
    vec![
        endpoint.address.to_string(),
        endpoint.status.as_str().to_owned(),
        if probes.sent == 0 {
            "not sent".to_owned()
        } else {
            format!("{}/{}", probes.ok, probes.sent)
        },
        match (probes.min_ms, probes.avg_ms, probes.max_ms) {
            (Some(min), Some(avg), Some(max)) => format!("{min} / {avg} / {max}"),
            _ => String::new(),
        },
        time(probes.p95_ms.filter(|_| verbose)),
        time(probes.jitter_ms.filter(|_| verbose)),
        numbered(&failures(report, endpoint)),
    ]
}

/// `10 sent, 3 ok, 7 failed (5 not answered, 2 refused)   min 40.1 ms, avg 41.2 ms, max 44.0 ms`
fn counted(report: &Report, endpoint: &EndpointReport) -> String {
    let probes = &endpoint.probes;
    if probes.sent == 0 {
        return "none sent".to_owned();
    }
    let counts = match failures(report, endpoint).as_slice() {
        [] => format!("{} sent, all ok", probes.sent),
        [(number, word)] if *number == probes.sent => format!("{number} sent, all {word}"),
        several => format!(
            "{} sent, {} ok, {} failed ({})",
            probes.sent,
            probes.ok,
            probes.failed,
            numbered(several)
        ),
    };
    match (probes.min_ms, probes.avg_ms, probes.max_ms) {
        (Some(min), Some(avg), Some(max)) => {
            format!("{counts}   min {min}, avg {avg}, max {max}")
        }
        _ => counts,
    }
}

/// How many failed in which way: by what answered, where the observations are there, else by class.
fn failures(report: &Report, endpoint: &EndpointReport) -> Vec<(u32, &'static str)> {
    let probes = &endpoint.probes;
    let place = endpoint.endpoint();
    let mut ways: Vec<(u32, &'static str)> = Vec::new();
    let failed = report.observations.iter().filter(|observation| {
        observation.operation == Operation::Connect
            && !observation.control
            && observation.outcome != Outcome::Ok
            && observation.endpoint.as_ref() == Some(&place)
    });
    for observation in failed {
        let way = match observation.outcome {
            Outcome::Refused => "refused",
            other => other.phrase(),
        };
        match ways.iter_mut().find(|(_, known)| *known == way) {
            Some((number, _)) => *number += 1,
            None => ways.push((1, way)),
        }
    }
    if ways.iter().map(|(number, _)| number).sum::<u32>() == probes.failed {
        return ways;
    }
    [
        (probes.refused, "refused"),
        (probes.lost, "not answered"),
        (probes.error, "ended with an error"),
    ]
    .into_iter()
    .filter(|(number, _)| *number > 0)
    .collect()
}

fn numbered(ways: &[(u32, &str)]) -> String {
    let ways: Vec<String> = ways
        .iter()
        .map(|(number, way)| format!("{number} {way}"))
        .collect();
    ways.join(", ")
}

fn spread(probes: &Probes) -> Option<String> {
    let mut words = Vec::new();
    for (name, value) in [
        ("median", probes.p50_ms),
        ("p95", probes.p95_ms),
        ("standard deviation", probes.stddev_ms),
        ("jitter", probes.jitter_ms),
    ] {
        if let Some(value) = value {
            words.push(format!("{name} {value}"));
        }
    }
    if let (Some(loss), Some((low, high))) = (probes.loss_percent, probes.loss_interval) {
        words.push(format!(
            "loss {} ({} to {} at 95 % confidence)",
            percent(loss),
            percent(low),
            percent(high)
        ));
    }
    (!words.is_empty()).then(|| words.join(", "))
}

/// The paths that say something: of the addresses that fail, else of the first; all of them where all is told.
fn paths(page: &mut Page<'_>, report: &Report, verbose: bool) {
    let traced: Vec<&EndpointReport> = report
        .endpoints
        .iter()
        .filter(|endpoint| {
            endpoint
                .path
                .as_ref()
                .is_some_and(|path| !path.hops.is_empty())
        })
        .collect();
    let failing = traced
        .iter()
        .copied()
        .find(|endpoint| endpoint.status != Status::Reachable);
    let shown: Vec<&EndpointReport> = match (verbose, failing) {
        (true, _) => traced,
        (false, Some(failing)) => vec![failing],
        (false, None) => traced.into_iter().take(1).collect(),
    };
    for endpoint in shown {
        if let Some(drawn) = &endpoint.path {
            let whole = verbose || report.verdict != Verdict::Pass;
            path::show(page, report, endpoint, drawn, whole, verbose);
        }
    }
}

/// What a criterion demands, as it was typed.
fn demanded(criterion: &Criterion) -> String {
    let limit = quantity(&criterion.name, &criterion.limit);
    match criterion.name.as_str() {
        "expect" => format!("expected {limit}"),
        "max_loss_percent" => format!("failed at most {limit}"),
        "max_avg_ms" => format!("average at most {limit}"),
        "max_p95_ms" => format!("95th percentile at most {limit}"),
        "max_connect_ms" => format!("open within {limit}"),
        other => format!("{other} {limit}"),
    }
}

fn quantity(name: &str, value: &Quantity) -> String {
    match value {
        Quantity::Word(word) => escape(word),
        Quantity::Number(number) if name.ends_with("_ms") => Ms::from_f64(*number).to_string(),
        Quantity::Number(number) if name.ends_with("_percent") => percent(*number),
        Quantity::Number(number) => number.to_string(),
    }
}

fn percent(value: f64) -> String {
    let rounded = (value * 10.0).round() / 10.0;
    format!("{rounded} %")
}

/// From where it was looked, and when.
fn vantage(page: &mut Page<'_>, report: &Report) {
    let source = &report.source;
    let words: Vec<String> = [&source.host, &source.os, &source.kernel, &source.container]
        .into_iter()
        .flatten()
        .map(|word| escape(word))
        .collect();
    if !words.is_empty() {
        page.field("from", &words.join(", "));
    }
    if let Some(resolver) = &source.resolver {
        let servers: Vec<String> = resolver.servers.iter().map(place).collect();
        let file = resolver.file.as_deref().unwrap_or("no file");
        let search = if resolver.search.is_empty() {
            String::new()
        } else {
            format!(", search {}", escape(&resolver.search.join(" ")))
        };
        page.field("resolver", &format!("{} ({file}{search})", list(&servers)));
    }
    page.field(
        "when",
        &format!("{}, took {}", report.started_at, report.duration_ms),
    );
}
