//! A report as a monitoring plugin says it: one line with the state and performance data, then lines for who looks closer
//! (Monitoring Plugins Development Guidelines, <https://www.monitoring-plugins.org/doc/guidelines.html>, "Plugin Output" and
//! "Performance data"). Nagios, Icinga, Naemon, Checkmk and others read it.
//!
//! The performance data of a target have the same labels in every run with the same options, so that they can be drawn: they are those
//! of its worst address, as the criteria are, and what could not be measured is `U`.

use super::text::layout::Page;
use super::text::measurements;
use super::{Document, Style, Verbosity, lines};
use crate::model::criteria::Quantity;
use crate::model::exit::PluginState;
use crate::model::report::{EndpointReport, Verdict};
use crate::model::statistics::Probes;
use crate::model::target::Protocol;
use crate::model::text::{count, deceives};
use crate::model::{Ms, Report};

/// A document.
pub fn render(document: Document<'_>, style: &Style) -> String {
    let mut text = format!(
        "NWCHECK {} | {}\n",
        headline(document, style),
        performance(document).join(" ")
    );
    if style.verbosity > Verbosity::Quiet {
        for report in document.reports() {
            let several = matches!(document, Document::Batch(_));
            for line in details(report, several, style.verbosity) {
                text.push_str(&safe(&line, style));
                text.push('\n');
            }
        }
    }
    text
}

/// What the plugin says of itself when there is no report: it was called wrongly, or something failed within it.
pub fn unknown(why: &str) -> String {
    let style = Style::default();
    let why = why.strip_prefix("nwcheck: ").unwrap_or(why);
    format!("NWCHECK {} - {}\n", PluginState::Unknown, safe(why, &style))
}

/// The state of a document, the worst of its reports: critical over unknown over warning over OK, as the exit statuses of other forms are.
pub fn state(document: Document<'_>) -> PluginState {
    let rank = |state: &PluginState| match state {
        PluginState::Ok => 0,
        PluginState::Warning => 1,
        PluginState::Unknown => 2,
        PluginState::Critical => 3,
    };
    let states = document.reports().iter().map(|report| of(report.verdict));
    states.max_by_key(rank).unwrap_or(PluginState::Unknown)
}

const fn of(verdict: Verdict) -> PluginState {
    match verdict {
        Verdict::Pass => PluginState::Ok,
        Verdict::Warn => PluginState::Warning,
        Verdict::Fail => PluginState::Critical,
        Verdict::Indeterminate => PluginState::Unknown,
    }
}

/// The state and what it is about, without performance data.
pub fn headline(document: Document<'_>, style: &Style) -> String {
    let text = match document {
        Document::Report(report) => match report.cause {
            Some(id) => format!("{} ({id})", report.summary),
            None => report.summary.clone(),
        },
        Document::Batch(batch) => {
            let all = count(batch.reports.len() as u64, "target");
            let told: Vec<String> = [
                (Verdict::Fail, "failed"),
                (Verdict::Indeterminate, "could not be told"),
                (Verdict::Warn, "with a warning"),
            ]
            .iter()
            .filter_map(|(verdict, word)| named(&batch.reports, *verdict, word))
            .collect();
            if told.is_empty() {
                format!("{all} passed")
            } else {
                format!("of {all} {}", told.join("; "))
            }
        }
    };
    format!("{} - {}", state(document), safe(&text, style))
}

/// How many have a verdict, and which.
fn named(reports: &[Report], verdict: Verdict, word: &str) -> Option<String> {
    let named: Vec<String> = reports
        .iter()
        .filter(|report| report.verdict == verdict)
        .map(|report| match report.cause {
            Some(id) => format!("{} ({id})", report.target.label()),
            None => report.target.label(),
        })
        .collect();
    (!named.is_empty()).then(|| format!("{} {word}: {}", named.len(), named.join(", ")))
}

/// What follows the first line.
fn details(report: &Report, several: bool, verbosity: Verbosity) -> Vec<String> {
    let mut told = Vec::new();
    if several {
        told.push(format!("{}: {}", of(report.verdict), report.summary));
    }
    for finding in &report.findings {
        told.push(format!("{}: {}", finding.id, finding.title));
        told.extend(lines::of(finding));
    }
    if verbosity == Verbosity::Verbose {
        told.extend(report.endpoints.iter().map(address));
        for criterion in &report.criteria {
            let met = match criterion.met {
                Some(true) => "met",
                Some(false) => "not met",
                None => "could not be told",
            };
            told.push(format!("{}: {met}", measurements::demanded(criterion)));
        }
    }
    let missing = report.not_measured.iter();
    told.extend(missing.map(|missing| format!("Not measured: {}: {}", missing.what, missing.why)));
    told
}

fn address(endpoint: &EndpointReport) -> String {
    let probes = &endpoint.probes;
    let mut told = format!(
        "{}: {}, {} of {} probes ok",
        endpoint.endpoint(),
        endpoint.status.as_str(),
        probes.ok,
        probes.sent
    );
    if let (Some(min), Some(avg), Some(max)) = (probes.min_ms, probes.avg_ms, probes.max_ms) {
        told.push_str(&format!(", min {min}, avg {avg}, max {max}"));
    }
    told
}

/// One value, with its limits.
struct Measure {
    label: String,
    value: Option<f64>,
    unit: &'static str,
    /// What a criterion allows.
    limit: Option<f64>,
    most: Option<f64>,
}

impl Measure {
    fn new(label: &str, value: Option<f64>, unit: &'static str) -> Self {
        Self {
            label: label.to_owned(),
            value,
            unit,
            limit: None,
            most: None,
        }
    }

    fn limited(self, limit: Option<f64>) -> Self {
        Self { limit, ..self }
    }

    /// `'label'=value[UOM];[warn];[crit];[min];[max]`, without empty fields at its end.
    fn written(&self) -> String {
        let Some(value) = self.value else {
            return format!("'{}'=U", self.label);
        };
        let number = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
        let fields = format!(
            "{value}{};;{};0;{}",
            self.unit,
            number(self.limit),
            number(self.most)
        );
        format!("'{}'={}", self.label, fields.trim_end_matches(';'))
    }
}

/// The performance data of all targets; where they are several, each label begins with its target.
fn performance(document: Document<'_>) -> Vec<String> {
    let mut known = Vec::new();
    let mut written = Vec::new();
    for report in document.reports() {
        let target = match document {
            Document::Report(_) => String::new(),
            Document::Batch(_) => format!("{} ", label(&report.target.label())),
        };
        // A target that is checked twice has labels of its own.
        let again = (2_u32..).map(|number| format!("{target}#{number} "));
        let own = std::iter::once(target.clone())
            .chain(again)
            .find(|name| !known.contains(name))
            .unwrap_or_default();
        for mut measure in measures(report) {
            measure.label = format!("{own}{}", measure.label);
            written.push(measure.written());
        }
        known.push(own);
    }
    written
}

fn measures(report: &Report) -> Vec<Measure> {
    let options = &report.options;
    let worst = |of: fn(&Probes) -> Option<f64>| {
        let all = report.endpoints.iter().filter_map(|e| of(&e.probes));
        all.max_by(f64::total_cmp)
    };
    let ms = |limit: Option<Ms>| limit.map(Ms::as_f64);
    let mut all = Vec::new();
    match report.target.protocol {
        Protocol::Dns => {}
        Protocol::Trace => {
            let reached = report.endpoints.iter().filter_map(|e| e.path.as_ref());
            let last = reached
                .filter(|path| path.reached)
                .filter_map(|path| path.hops.iter().map(|hop| hop.ttl).max());
            all.push(Measure::new("hops", last.max().map(f64::from), ""));
        }
        Protocol::Tcp | Protocol::Icmp | Protocol::Udp | Protocol::Http => {
            let mut failed = Measure::new("failed", worst(|p| p.failed_percent), "%");
            failed.most = Some(100.0);
            all.push(failed.limited(options.max_loss_percent));
            let average = worst(|p| p.avg_ms.map(Ms::as_f64));
            all.push(Measure::new("avg", average, "ms").limited(ms(options.max_avg_ms)));
            let tail = worst(|p| p.p95_ms.map(Ms::as_f64));
            all.push(Measure::new("p95", tail, "ms").limited(ms(options.max_p95_ms)));
            if options.max_connect_ms.is_some() {
                let criterion = report.criteria.iter().find(|c| c.name == "max_connect_ms");
                let measured = criterion.and_then(|c| c.measured.as_ref());
                let value = measured.and_then(|value| match value {
                    Quantity::Number(number) => Some(*number),
                    Quantity::Word(_) => None,
                });
                all.push(Measure::new("connect", value, "ms").limited(ms(options.max_connect_ms)));
            }
        }
    }
    if report.target.address().is_none() {
        let sources = report.resolution.iter().flat_map(|r| &r.sources);
        let longest = sources.filter_map(|source| source.ms).max();
        all.push(Measure::new("resolution", ms(longest), "ms"));
    }
    let took = report.duration_ms.micros() as f64 / 1_000_000.0;
    all.push(Measure::new("time", Some(took), "s"));
    all
}

/// A text as the label of performance data: no sign in it that ends or quotes it.
fn label(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\'' | '"' | '=' | '|' | '<' | '>' | '\\' => '_',
            c if deceives(c) => '_',
            c => c,
        })
        .collect()
}

/// Text on one line. A bar begins performance data, and those who show the text in a browser may take it for HTML.
fn safe(text: &str, style: &Style) -> String {
    let text = text
        .replace('|', "\\u{7c}")
        .replace('<', "\\u{3c}")
        .replace('>', "\\u{3e}");
    Page::new(style).safe(&text)
}

#[cfg(test)]
mod tests {
    use super::{render, state, unknown};
    use crate::model::exit::PluginState;
    use crate::report::text::tests::compare_file;
    use crate::report::{Document, fixtures};

    #[test]
    fn what_the_plugin_says_is_what_was_looked_at() {
        compare_file("plugin.nagios.txt", &fixtures::rendered(render));
    }

    #[test]
    fn the_worst_of_several_counts() {
        let mut batch = fixtures::batch();
        assert_eq!(state(Document::Batch(&batch)), PluginState::Critical);
        batch.reports.retain(|report| report.exit_status != 1);
        assert_eq!(state(Document::Batch(&batch)), PluginState::Unknown);
        batch.reports.retain(|report| report.exit_status == 0);
        assert_eq!(state(Document::Batch(&batch)), PluginState::Ok);
    }

    #[test]
    fn what_went_wrong_is_one_line() {
        assert_eq!(
            unknown("nwcheck: --count: `a|b\n` is no number"),
            "NWCHECK UNKNOWN - --count: `a\\u{7c}b\\u{a}` is no number\n"
        );
    }
}
