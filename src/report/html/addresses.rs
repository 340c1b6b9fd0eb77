//! The addresses: how each came off, its probes, its path.

use super::markup::Markup;
use super::table::{self, Cell, Row};
use super::{Place, chart, path};
use crate::model::report::{EndpointReport, Status};
use crate::model::target::Protocol;
use crate::model::text::{count, escape};
use crate::report::text::probes::{failures, numbered};

/// Puts the tables of all addresses, and then each of them.
pub(super) fn put(markup: &mut Markup, place: &Place<'_>) {
    let report = place.report;
    if report.endpoints.is_empty() {
        return;
    }
    place.section(markup, "addresses", "Addresses and latency", |m| {
        overview(m, place);
        // The paths alone were asked for.
        if report.target.protocol != Protocol::Trace {
            latency(m, place);
        }
        if let Some(payload) = &report.options.payload {
            let bytes = count(payload.length, "byte");
            let name = escape(&payload.name);
            m.says("p", &[], &format!("Each datagram carried {name}, {bytes}."));
        }
        for (number, endpoint) in (1..).zip(&report.endpoints) {
            one(m, place, number, endpoint);
        }
    });
}

fn overview(markup: &mut Markup, place: &Place<'_>) {
    let report = place.report;
    let rows: Vec<Row> = report
        .endpoints
        .iter()
        .map(|endpoint| {
            let probes = &endpoint.probes;
            let name = report.names.get(&endpoint.address);
            Row {
                class: match endpoint.status {
                    Status::Reachable | Status::Indeterminate => "",
                    Status::Degraded => "poor",
                    Status::Unreachable => "bad",
                },
                ..Row::of(vec![
                    Cell::name(endpoint.endpoint().to_string()),
                    Cell::name(name.map(|name| escape(name)).unwrap_or_default()),
                    Cell::text(status(endpoint.status)),
                    Cell::count(probes.sent),
                    Cell::count(probes.ok),
                    Cell::text(numbered(&failures(report, endpoint))),
                    Cell::text(way(endpoint)),
                ])
            }
        })
        .collect();
    let columns = [
        "address",
        "name",
        "status",
        "probes",
        "ok",
        "what failed",
        "path",
    ];
    let id = format!("{}each", place.prefix);
    table::put(markup, &id, "The addresses", &columns, &rows);
}

/// A status behind its sign.
pub(super) fn status(status: Status) -> String {
    let sign = match status {
        Status::Reachable => "✓",
        Status::Degraded => "!",
        Status::Unreachable => "✗",
        Status::Indeterminate => "?",
    };
    format!("{sign} {}", status.as_str())
}

fn way(endpoint: &EndpointReport) -> String {
    let Some(path) = &endpoint.path else {
        return "not traced".to_owned();
    };
    let hops = path.hops.iter().map(|hop| hop.ttl).max().unwrap_or(0);
    let hops = count(u64::from(hops), "hop");
    if path.reached {
        format!("{hops}, the target answered")
    } else {
        format!("{hops}, the target did not answer")
    }
}

fn latency(markup: &mut Markup, place: &Place<'_>) {
    let all = &place.report.endpoints;
    if all.iter().all(|endpoint| endpoint.probes.sent == 0) {
        return;
    }
    let rows: Vec<Row> = all
        .iter()
        .map(|endpoint| {
            let probes = &endpoint.probes;
            let (low, high) = probes.loss_interval.unzip();
            Row::of(vec![
                Cell::name(endpoint.endpoint().to_string()),
                Cell::time(probes.min_ms),
                Cell::time(probes.p50_ms),
                Cell::time(probes.avg_ms),
                Cell::time(probes.p95_ms),
                Cell::time(probes.max_ms),
                Cell::time(probes.stddev_ms),
                Cell::time(probes.jitter_ms),
                Cell::percent(probes.failed_percent),
                Cell::percent(probes.loss_percent),
                Cell::percent(low),
                Cell::percent(high),
            ])
        })
        .collect();
    let columns = [
        "address",
        "min",
        "median",
        "average",
        "p95",
        "max",
        "deviation",
        "jitter",
        "failed",
        "loss",
        "loss at least",
        "loss at most",
    ];
    let id = format!("{}latency", place.prefix);
    let caption =
        "Latency of the probes that were answered, and loss with its bounds at 95 % confidence";
    table::put(markup, &id, caption, &columns, &rows);
}

fn one(markup: &mut Markup, place: &Place<'_>, number: usize, endpoint: &EndpointReport) {
    let traced = endpoint.path.as_ref().filter(|path| !path.hops.is_empty());
    if traced.is_none() && endpoint.probes.samples.is_empty() {
        return;
    }
    let prefix = format!("{}e{number}-", place.prefix);
    let (id, to) = (format!("{prefix}of"), endpoint.endpoint().to_string());
    let section = [("class", "address"), ("aria-labelledby", id.as_str())];
    markup.element("section", &section, |m| {
        m.element(place.heading(2), &[("id", &id)], |m| {
            m.name(&to);
            m.text(&format!(": {}", status(endpoint.status)));
        });
        if place.report.target.protocol != Protocol::Trace {
            chart::put(m, &prefix, &to, &endpoint.probes);
        }
        if let Some(traced) = traced {
            path::put(m, &prefix, place.report, endpoint, traced);
        }
    });
}
