//! A report as metrics, for the textfile collector of Prometheus' node exporter: the text format 0.0.4
//! (<https://prometheus.io/docs/instrumenting/exposition_formats/>), names and units by its conventions
//! (<https://prometheus.io/docs/practices/naming/>).
//!
//! Each file is a run of its own, so everything is a gauge, also what was counted. What is not known has no sample: never NaN, never 0.

use std::collections::{BTreeMap, BTreeSet};

use super::{Document, Style, Verbosity};
use crate::model::observation::Operation;
use crate::model::report::{EndpointReport, Status, Verdict};
use crate::model::text::escape;
use crate::model::{Ms, Report};

/// The metrics of a check; their samples have the labels `target` and `protocol`, and those that are named here.
const OF_CHECK: &[(&str, &str)] = &[
    (
        "nwcheck_probe_success",
        "Whether the check passed: what was asked for is so, and criteria are met.",
    ),
    (
        "nwcheck_exit_status",
        "Exit status of the check: 0 passed, 1 failed, 3 could not tell.",
    ),
    (
        "nwcheck_status",
        "What is so: 1 for the status that holds, 0 for the others.",
    ),
    (
        "nwcheck_verdict",
        "What the criteria make of it: 1 for the verdict that holds, 0 for the others.",
    ),
    (
        "nwcheck_cause",
        "The id of the finding that explains why the check did not pass.",
    ),
    (
        "nwcheck_finding",
        "How many findings there are, by their id; see nwcheck explain ID.",
    ),
    (
        "nwcheck_criterion_met",
        "Whether a criterion is met; no sample where that could not be told.",
    ),
    ("nwcheck_duration_seconds", "Wall time of the whole check."),
    (
        "nwcheck_phase_duration_seconds",
        "Wall time from the first attempt of a phase to the end of its last; phases overlap.",
    ),
    (
        "nwcheck_start_time_seconds",
        "When the check began, since the Unix epoch.",
    ),
    ("nwcheck_addresses", "How many addresses the target has."),
];

/// The metrics of an address; their samples have the labels `target`, `protocol`, `address` and `port`, too.
const OF_ADDRESS: &[(&str, &str)] = &[
    (
        "nwcheck_address_success",
        "Whether the address works; no sample where that could not be told.",
    ),
    (
        "nwcheck_address_probes",
        "How many probes of the burst came out so.",
    ),
    (
        "nwcheck_address_failed_ratio",
        "Share of the probes that did not do what was asked.",
    ),
    (
        "nwcheck_address_loss_ratio",
        "Share of the probes whose first packet got no answer.",
    ),
    (
        "nwcheck_address_round_trip_minimum_seconds",
        "Shortest round trip of the probes that were answered as hoped.",
    ),
    (
        "nwcheck_address_round_trip_average_seconds",
        "Their average.",
    ),
    ("nwcheck_address_round_trip_median_seconds", "Their median."),
    (
        "nwcheck_address_round_trip_p95_seconds",
        "Their 95th percentile.",
    ),
    (
        "nwcheck_address_round_trip_maximum_seconds",
        "Longest of them.",
    ),
    (
        "nwcheck_address_round_trip_jitter_seconds",
        "Mean difference of one round trip from the one before it.",
    ),
    (
        "nwcheck_address_path_reached",
        "Whether the trace reached the address.",
    ),
    (
        "nwcheck_address_path_hops",
        "Distance at which the trace reached it.",
    ),
    (
        "nwcheck_address_path_mtu_bytes",
        "Largest packet that the path carries whole, with its IP header.",
    ),
];

/// A document. Of several reports of one target the latest counts, for a metric has one value for its labels.
pub fn render(document: Document<'_>, style: &Style) -> String {
    let mut latest: BTreeMap<(String, &str), (usize, &Report)> = BTreeMap::new();
    for (number, report) in document.reports().iter().enumerate() {
        let key = (
            escape(&report.target.label()),
            report.target.protocol.command(),
        );
        let known = latest.entry(key).or_insert((number, report));
        if known.1.started_at <= report.started_at {
            *known = (number, report);
        }
    }
    let mut reports: Vec<_> = latest.into_iter().collect();
    reports.sort_by_key(|(_, (number, _))| *number);
    let mut metrics = Metrics::default();
    for ((target, protocol), (_, report)) in &reports {
        let labels = vec![
            ("target", target.clone()),
            ("protocol", (*protocol).to_owned()),
        ];
        check(&mut metrics, &labels, report);
        if style.verbosity > Verbosity::Quiet {
            for endpoint in &report.endpoints {
                let port = endpoint
                    .port
                    .map_or_else(String::new, |port| port.to_string());
                let mut labels = labels.clone();
                labels.push(("address", endpoint.address.to_string()));
                labels.push(("port", port));
                address(&mut metrics, &labels, endpoint);
            }
        }
        let version = escape(&report.tool.version);
        metrics.put("nwcheck_build_info", &[("version", version)], &[], 1.0);
    }
    metrics.written()
}

type Labels = [(&'static str, String)];

fn check(metrics: &mut Metrics, labels: &Labels, report: &Report) {
    let mut put =
        |name, more: &[(&'static str, &str)], value| metrics.put(name, labels, more, value);
    let passed = matches!(report.verdict, Verdict::Pass | Verdict::Warn);
    put("nwcheck_probe_success", &[], truth(passed));
    put("nwcheck_exit_status", &[], f64::from(report.exit_status));
    for status in [
        Status::Reachable,
        Status::Degraded,
        Status::Unreachable,
        Status::Indeterminate,
    ] {
        let holds = truth(report.status == status);
        put("nwcheck_status", &[("status", status.as_str())], holds);
    }
    for verdict in [
        Verdict::Pass,
        Verdict::Warn,
        Verdict::Fail,
        Verdict::Indeterminate,
    ] {
        let holds = truth(report.verdict == verdict);
        put("nwcheck_verdict", &[("verdict", verdict.as_str())], holds);
    }
    if let Some(id) = report.cause {
        put("nwcheck_cause", &[("id", id.as_str())], 1.0);
    }
    for finding in &report.findings {
        let alike = |other: &&crate::model::Finding| {
            (other.id, other.severity, other.origin)
                == (finding.id, finding.severity, finding.origin)
        };
        let number = u32::try_from(report.findings.iter().filter(alike).count());
        put(
            "nwcheck_finding",
            &[
                ("id", finding.id.as_str()),
                ("severity", finding.severity.as_str()),
                ("origin", finding.origin.as_str()),
            ],
            f64::from(number.unwrap_or(u32::MAX)),
        );
    }
    for criterion in &report.criteria {
        if let Some(met) = criterion.met {
            let name = escape(&criterion.name);
            put("nwcheck_criterion_met", &[("criterion", &name)], truth(met));
        }
    }
    put("nwcheck_duration_seconds", &[], seconds(report.duration_ms));
    for (phase, of) in PHASES {
        let during = report
            .observations
            .iter()
            .filter(|o| of.contains(&o.operation));
        let times = during.map(|o| {
            let took = o.elapsed_ms.or(o.rtt_ms).unwrap_or_default();
            (o.at_ms, o.at_ms + took)
        });
        let span = times.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
        if let Some((first, last)) = span {
            put(
                "nwcheck_phase_duration_seconds",
                &[("phase", phase)],
                seconds(last - first),
            );
        }
    }
    let began = report.started_at.as_millisecond() as f64 / 1000.0;
    put("nwcheck_start_time_seconds", &[], began);
    if let Some(resolution) = &report.resolution {
        let number = u32::try_from(resolution.addresses.len()).unwrap_or(u32::MAX);
        put("nwcheck_addresses", &[], f64::from(number));
    }
}

/// The phases of a check, by what is attempted in them.
const PHASES: &[(&str, &[Operation])] = &[
    ("resolve", &[Operation::Resolve]),
    ("query", &[Operation::Query]),
    (
        "probe",
        &[Operation::Connect, Operation::Echo, Operation::Datagram],
    ),
    (
        "trace",
        &[
            Operation::TraceTcp,
            Operation::TraceUdp,
            Operation::TraceIcmp,
        ],
    ),
];

fn address(metrics: &mut Metrics, labels: &Labels, endpoint: &EndpointReport) {
    let mut put = |name, more: &[(&'static str, &str)], value: Option<f64>| {
        if let Some(value) = value {
            metrics.put(name, labels, more, value);
        }
    };
    let works = match endpoint.status {
        Status::Reachable => Some(1.0),
        Status::Degraded | Status::Unreachable => Some(0.0),
        Status::Indeterminate => None,
    };
    put("nwcheck_address_success", &[], works);
    let probes = &endpoint.probes;
    if probes.sent > 0 {
        for (outcome, number) in [
            ("ok", probes.ok),
            ("refused", probes.refused),
            ("lost", probes.lost),
            ("error", probes.error),
        ] {
            let number = Some(f64::from(number));
            put("nwcheck_address_probes", &[("outcome", outcome)], number);
        }
    }
    // Two divisions would leave 0.07 as 0.07000000000000001.
    let ratio =
        |percent: Option<f64>| percent.map(|percent| (percent * 1000.0).round() / 100_000.0);
    let times = |ms: Option<Ms>| ms.map(seconds);
    for (name, value) in [
        ("nwcheck_address_failed_ratio", ratio(probes.failed_percent)),
        ("nwcheck_address_loss_ratio", ratio(probes.loss_percent)),
        (
            "nwcheck_address_round_trip_minimum_seconds",
            times(probes.min_ms),
        ),
        (
            "nwcheck_address_round_trip_average_seconds",
            times(probes.avg_ms),
        ),
        (
            "nwcheck_address_round_trip_median_seconds",
            times(probes.p50_ms),
        ),
        (
            "nwcheck_address_round_trip_p95_seconds",
            times(probes.p95_ms),
        ),
        (
            "nwcheck_address_round_trip_maximum_seconds",
            times(probes.max_ms),
        ),
        (
            "nwcheck_address_round_trip_jitter_seconds",
            times(probes.jitter_ms),
        ),
    ] {
        put(name, &[], value);
    }
    if let Some(path) = &endpoint.path {
        put(
            "nwcheck_address_path_reached",
            &[],
            Some(truth(path.reached)),
        );
        let last = path.hops.iter().map(|hop| hop.ttl).max();
        let hops = last.filter(|_| path.reached).map(f64::from);
        put("nwcheck_address_path_hops", &[], hops);
        let mtu = path.mtu.as_ref().filter(|mtu| mtu.until.is_none());
        let mtu = mtu.map(|mtu| f64::from(mtu.value));
        put("nwcheck_address_path_mtu_bytes", &[], mtu);
    }
}

const fn truth(so: bool) -> f64 {
    if so { 1.0 } else { 0.0 }
}

fn seconds(ms: Ms) -> f64 {
    ms.micros() as f64 / 1_000_000.0
}

/// Samples by the name of their metric, each set of labels once.
#[derive(Default)]
struct Metrics {
    samples: BTreeMap<&'static str, (BTreeSet<String>, Vec<String>)>,
}

impl Metrics {
    fn put(
        &mut self,
        name: &'static str,
        labels: &Labels,
        more: &[(&'static str, &str)],
        value: f64,
    ) {
        let labels = labels.iter().map(|(name, value)| (*name, value.as_str()));
        let labels: Vec<String> = labels
            .chain(more.iter().copied())
            .map(|(name, value)| format!("{name}=\"{}\"", quoted(value)))
            .collect();
        let labels = labels.join(",");
        let (known, samples) = self.samples.entry(name).or_default();
        if value.is_finite() && known.insert(labels.clone()) {
            samples.push(format!("{name}{{{labels}}} {value}\n"));
        }
    }

    /// All of them, the samples of a metric together.
    fn written(&self) -> String {
        let mut text = String::new();
        let build = [("nwcheck_build_info", "The version of nwcheck that checked.")];
        for (name, help) in OF_CHECK.iter().chain(OF_ADDRESS).chain(&build) {
            if let Some((_, samples)) = self.samples.get(name) {
                text.push_str(&format!("# HELP {name} {help}\n# TYPE {name} gauge\n"));
                text.push_str(&samples.concat());
            }
        }
        text
    }
}

/// The value of a label: nothing in it ends it. What deceives a reader, a line break too, is written out before.
fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::{quoted, render};
    use crate::report::text::tests::compare_file;
    use crate::report::{Document, Style, Verbosity, fixtures};

    #[test]
    fn metrics_are_what_was_looked_at() {
        let style = Style::default();
        for (name, report) in fixtures::all() {
            let text = render(Document::Report(&report), &style);
            compare_file(&format!("{name}.prom"), &text);
        }
        let quiet = Style {
            verbosity: Verbosity::Quiet,
            ..style
        };
        let batch = fixtures::batch();
        compare_file("batch.prom", &render(Document::Batch(&batch), &style));
        compare_file("batch.quiet.prom", &render(Document::Batch(&batch), &quiet));
    }

    #[test]
    fn of_one_target_the_latest_report_counts() {
        let mut batch = fixtures::batch();
        // The first two are of one target; the earlier one stands behind.
        let later = std::time::Duration::from_secs(60);
        batch.reports[0].started_at += later;
        let text = render(Document::Batch(&batch), &Style::default());
        let success = "nwcheck_probe_success{target=\"db.corp.example:5432\",protocol=\"tcp\"}";
        assert!(text.contains(&format!("{success} 1\n")), "{text}");
        assert_eq!(text.matches(success).count(), 1);
    }

    #[test]
    fn nothing_ends_a_label() {
        assert_eq!(quoted("a\"b\\c\nd"), "a\\\"b\\\\c\\nd");
    }
}
