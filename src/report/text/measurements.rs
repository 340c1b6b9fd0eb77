//! What was measured: name, route, probes, path, criteria, and what was not measured.

use super::layout::{GUTTER, Ink, Page, gutter};
use super::{cut_short, name, path, probes};
use crate::model::criteria::{Criterion, Quantity};
use crate::model::local::{Route, RouteKind};
use crate::model::report::{EndpointReport, Status, Verdict};
use crate::model::source::{AskedBy, ResolverConfig};
use crate::model::target::Protocol;
use crate::model::text::{escape, list};
use crate::model::{Ms, Report};
use crate::report::{Style, Verbosity};

/// Puts all of it on the page.
pub(super) fn show(page: &mut Page<'_>, report: &Report, style: &Style) {
    let verbose = style.verbosity == Verbosity::Verbose;
    if let Some(resolution) = &report.resolution {
        // Where the name alone was asked for, all of it is shown.
        let whole = verbose || report.target.protocol == Protocol::Dns;
        name::show(page, report, resolution, whole);
    }
    route(page, report, verbose);
    probes::show(page, report, verbose);
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
pub(in crate::report) fn way(route: &Route) -> String {
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
pub(in crate::report) fn demanded(criterion: &Criterion) -> String {
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

pub(in crate::report) fn quantity(name: &str, value: &Quantity) -> String {
    match value {
        Quantity::Word(word) => escape(word),
        Quantity::Number(number) if name.ends_with("_ms") => Ms::from_f64(*number).to_string(),
        Quantity::Number(number) if name.ends_with("_percent") => percent(*number),
        Quantity::Number(number) => number.to_string(),
    }
}

pub(in crate::report) fn percent(value: f64) -> String {
    let rounded = (value * 10.0).round() / 10.0;
    format!("{rounded} %")
}

/// By what the system's resolver is asked, where it is not the library that everybody shares.
pub(in crate::report) const fn asked_by(resolver: &ResolverConfig) -> &'static str {
    match resolver.asked_by {
        Some(AskedBy::Getent) => ", the system's resolver asked by getent",
        _ => "",
    }
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
        let servers: Vec<String> = resolver.servers.iter().map(name::place).collect();
        let file = resolver.file.as_deref().unwrap_or("no file");
        let search = if resolver.search.is_empty() {
            String::new()
        } else {
            format!(", search {}", escape(&resolver.search.join(" ")))
        };
        let by = asked_by(resolver);
        let servers = if servers.is_empty() {
            "no name server".to_owned()
        } else {
            list(&servers)
        };
        page.field("resolver", &format!("{servers} ({file}{search}){by}"));
    }
    page.field(
        "when",
        &format!("{}, took {}", report.started_at, report.duration_ms),
    );
}
