//! A report as Markdown, for a ticket or a pull request: GitHub Flavored Markdown, which GitLab, Gitea and others read, too.
//!
//! What is acted on stands first; what is looked up is folded away. The topology is a block that GitHub and GitLab draw ([`mermaid`]).

mod escape;

use super::graph::{Graph, remarks};
use super::text::layout::Page;
use super::text::{findings, measurements, name, observation};
use super::{Document, Style, Verbosity, lines, mermaid};
use crate::model::evidence::Ended;
use crate::model::finding::{Fact, Finding, Severity};
use crate::model::report::{Batch, EndpointReport, Verdict};
use crate::model::resolution::{ServerAnswer, Transport};
use crate::model::target::Protocol;
use crate::model::text::count;
use crate::model::{Ms, Report};

pub(super) use escape::{block, code, html, prose};

/// So many attempts are shown beneath a fact: as many as a burst has.
const SHOWN: usize = 10;
/// Mermaid draws no chart that is longer, in characters (`maxTextSize`), or has more arrows (`maxEdges`), than by its defaults.
const LONGEST_CHART: usize = 50_000;
const MOST_ARROWS: usize = 500;

/// A document.
pub fn render(document: Document<'_>, style: &Style) -> String {
    let mut text = String::new();
    match document {
        Document::Report(report) if style.verbosity == Verbosity::Quiet => {
            text.push_str(&point(report));
        }
        Document::Report(report) => whole(&mut text, report, "###", style),
        Document::Batch(batch) if style.verbosity == Verbosity::Quiet => {
            batch
                .reports
                .iter()
                .for_each(|report| text.push_str(&point(report)));
        }
        Document::Batch(batch) => several(&mut text, batch, style),
    }
    let mut text = plain(&text, style);
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

/// In ASCII where that is all there is.
fn plain(text: &str, style: &Style) -> String {
    if !style.ascii {
        return text.to_owned();
    }
    let page = Page::new(style);
    let lines: Vec<String> = text.lines().map(|line| page.safe(line)).collect();
    lines.join("\n")
}

/// The sign of a verdict; it never stands without words.
const fn sign(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "✓",
        Verdict::Warn => "!",
        Verdict::Fail => "✗",
        Verdict::Indeterminate => "?",
    }
}

/// A report on one line.
fn point(report: &Report) -> String {
    format!(
        "- {} **{}** {}\n",
        sign(report.verdict),
        report.verdict.as_str(),
        prose(&report.summary)
    )
}

/// Several reports: a table first; those that passed are folded away.
fn several(text: &mut String, batch: &Batch, style: &Style) {
    let passed = batch.reports.iter().filter(|r| r.verdict == Verdict::Pass);
    text.push_str(&format!(
        "### {}: {} passed\n\n",
        count(batch.reports.len() as u64, "target"),
        passed.count()
    ));
    let rows = batch.reports.iter().map(|report| {
        let (ok, sent) = report
            .endpoints
            .iter()
            .map(|endpoint| &endpoint.probes)
            .fold((0_u32, 0_u32), |(ok, sent), probes| {
                (
                    ok.saturating_add(probes.ok),
                    sent.saturating_add(probes.sent),
                )
            });
        let times = report.endpoints.iter().find_map(|e| e.probes.avg_ms);
        vec![
            format!("{} {}", sign(report.verdict), report.verdict.as_str()),
            code(&report.target.label()),
            report.status.as_str().to_owned(),
            format!("{ok} of {sent}"),
            time(times),
            report.cause.map(|id| code(id.as_str())).unwrap_or_default(),
        ]
    });
    table(
        text,
        &["verdict", "target", "status", "probes ok", "avg", "cause"],
        rows,
    );
    for report in &batch.reports {
        if report.verdict == Verdict::Pass {
            let label = format!("✓ <code>{}</code> passed", html(&report.target.label()));
            folded(text, &label, |text| whole(text, report, "####", style));
        } else {
            whole(text, report, "####", style);
        }
    }
}

/// One report.
fn whole(text: &mut String, report: &Report, level: &str, style: &Style) {
    let verbose = style.verbosity == Verbosity::Verbose;
    text.push_str(&format!(
        "{level} {} {}\n\n",
        sign(report.verdict),
        prose(&report.summary)
    ));
    let mut facts = vec![
        format!("**{}**", report.verdict.as_str()),
        report.status.as_str().to_owned(),
    ];
    facts.extend(report.cause.map(|id| format!("cause `{id}`")));
    facts.push(format!("took {}", report.duration_ms));
    match report.ended {
        Ended::Complete => {}
        Ended::Deadline => facts.push(format!(
            "cut short by the deadline of {}",
            report.options.deadline_ms
        )),
        Ended::Interrupted => facts.push("interrupted".to_owned()),
    }
    text.push_str(&format!("{}\n\n", facts.join(" · ")));
    for found in &report.findings {
        finding(text, report, found, verbose);
    }
    criteria(text, report);
    addresses(text, report);
    not_measured(text, report);
    topology(text, report, verbose);
    if let Some(resolution) = &report.resolution
        && !resolution.servers.is_empty()
    {
        if report.target.protocol == Protocol::Dns {
            servers(text, &resolution.servers);
        } else {
            folded(text, "What each name server said", |text| {
                servers(text, &resolution.servers);
            });
        }
    }
    about(text, report);
}

fn finding(text: &mut String, report: &Report, finding: &Finding, verbose: bool) {
    let is_cause = report
        .cause_finding()
        .is_some_and(|cause| std::ptr::eq(cause, finding));
    let label = match finding.severity {
        Severity::Error | Severity::Warning if is_cause => "Cause",
        Severity::Error => "Error",
        Severity::Warning => "Warning",
        Severity::Info => "Note",
    };
    text.push_str(&format!("**{label}: `{}`**", finding.id));
    // The headline says the cause already.
    if !lines::is_summed_up(report, finding) {
        text.push_str(&format!(" — {}", prose(&finding.title)));
    }
    text.push_str("\n\n");
    if !finding.explanation.is_empty() && finding.explanation != finding.title {
        text.push_str(&format!("{}\n\n", prose(&finding.explanation)));
    }
    if !finding.evidence.is_empty() {
        text.push_str("Proof:\n\n");
        for fact in &finding.evidence {
            proof(text, report, fact, verbose);
        }
        text.push('\n');
    }
    if !finding.actions.is_empty() {
        text.push_str("What to do:\n\n");
        for (number, action) in (1_usize..).zip(&finding.actions) {
            let Some(command) = &action.command else {
                text.push_str(&format!("{number}. {}\n", prose(&action.text)));
                continue;
            };
            let said = prose(action.text.trim_end_matches(['.', ':']));
            let indent = " ".repeat(number.to_string().len() + 2);
            text.push_str(&format!("{number}. {said}:\n\n"));
            text.push_str(&escape::command(command, &indent));
        }
        text.push('\n');
    }
}

fn proof(text: &mut String, report: &Report, fact: &Fact, verbose: bool) {
    if !verbose || fact.observations.is_empty() {
        text.push_str(&format!("- {}\n", prose(&fact.text)));
        return;
    }
    let numbers = code(&findings::numbers(&fact.observations));
    text.push_str(&format!("- {} ({numbers})\n", prose(&fact.text)));
    let cited = fact.observations.iter();
    let cited = cited.filter_map(|id| report.observations.iter().find(|o| o.id == *id));
    for observation in cited.take(SHOWN) {
        text.push_str(&format!("  - {}\n", prose(&observation::line(observation))));
    }
}

fn criteria(text: &mut String, report: &Report) {
    if report.criteria.is_empty() {
        return;
    }
    let rows = report.criteria.iter().map(|criterion| {
        let measured = criterion.measured.as_ref();
        vec![
            prose(&measurements::demanded(criterion)),
            measured.map_or_else(String::new, |value| {
                prose(&measurements::quantity(&criterion.name, value))
            }),
            match criterion.met {
                Some(true) => "met",
                Some(false) => "**not met**",
                None => "could not be told",
            }
            .to_owned(),
        ]
    });
    table(text, &["criterion", "measured", ""], rows);
}

/// What was measured of each address.
fn addresses(text: &mut String, report: &Report) {
    // The paths alone were asked for, or there was nobody to probe.
    if report.endpoints.iter().all(|e| e.probes.sent == 0) {
        return;
    }
    let rows = report.endpoints.iter().map(|endpoint| {
        let probes = &endpoint.probes;
        let failed = probes.failed_percent.map(measurements::percent);
        let mut cells = vec![
            code(&endpoint.endpoint().to_string()),
            endpoint.status.as_str().to_owned(),
            format!("{} of {}", probes.ok, probes.sent),
            failed.unwrap_or_default(),
        ];
        cells.extend(
            [
                probes.min_ms,
                probes.avg_ms,
                probes.p95_ms,
                probes.max_ms,
                probes.jitter_ms,
            ]
            .map(time),
        );
        cells
    });
    table(
        text,
        &[
            "address", "status", "ok", "failed", "min", "avg", "p95", "max", "jitter",
        ],
        rows,
    );
}

fn not_measured(text: &mut String, report: &Report) {
    if report.not_measured.is_empty() {
        return;
    }
    text.push_str("Not measured:\n\n");
    for missing in &report.not_measured {
        let said = prose(&format!("{}: {}", missing.what, missing.why));
        text.push_str(&format!("- {said}\n"));
        if let Some(command) = &missing.command {
            text.push('\n');
            text.push_str(&escape::command(command, "  "));
        }
    }
    text.push('\n');
}

/// The paths, drawn; where all is told as tables, too.
fn topology(text: &mut String, report: &Report, verbose: bool) {
    let traced = |endpoint: &&EndpointReport| {
        endpoint
            .path
            .as_ref()
            .is_some_and(|path| !path.hops.is_empty())
    };
    let traced: Vec<&EndpointReport> = report.endpoints.iter().filter(traced).collect();
    if traced.is_empty() {
        return;
    }
    let chart = mermaid::render(Document::Report(report));
    let arrows = chart.lines().filter(|line| is_arrow(line)).count();
    let drawn = chart.len() <= LONGEST_CHART && arrows <= MOST_ARROWS;
    let label = if traced.len() == 1 { "Path" } else { "Paths" };
    folded(text, label, |text| {
        if drawn {
            text.push_str(&block("mermaid", &chart, ""));
            text.push('\n');
        }
        if verbose || !drawn {
            for endpoint in traced {
                hops(text, endpoint);
            }
        }
    });
}

fn is_arrow(line: &str) -> bool {
    [" --> ", " -.-> ", " -.-x "]
        .iter()
        .any(|arrow| line.contains(arrow))
}

fn hops(text: &mut String, endpoint: &EndpointReport) {
    let Some(path) = &endpoint.path else { return };
    text.push_str(&format!(
        "To {}:\n\n",
        code(&endpoint.endpoint().to_string())
    ));
    let graph = Graph::of(path, endpoint);
    let dead = graph.dead_ends();
    let rows = graph.vertices.iter().enumerate().map(|(at, vertex)| {
        let node = vertex.node();
        let timed = |of: fn(&crate::model::topology::Node) -> Option<Ms>| time(node.and_then(of));
        let (answered, sent) =
            vertex
                .nodes
                .iter()
                .fold((0_u32, 0_u32), |(answered, sent), node| {
                    (
                        answered.saturating_add(node.answered),
                        sent.saturating_add(node.sent),
                    )
                });
        vec![
            vertex.distances(),
            vertex
                .address()
                .map_or_else(|| "no answer".to_owned(), |ip| code(&ip.to_string())),
            node.and_then(|node| node.name.as_deref())
                .map(code)
                .unwrap_or_default(),
            format!("{answered} of {sent}"),
            timed(|node| node.min_ms),
            time(vertex.average()),
            timed(|node| node.max_ms),
            prose(&remarks(vertex, dead.contains(&at), true).join("; ")),
        ]
    });
    table(
        text,
        &[
            "hop", "address", "name", "answered", "min", "avg", "max", "",
        ],
        rows,
    );
}

fn servers(text: &mut String, servers: &[ServerAnswer]) {
    let rows = servers.iter().map(|server| {
        let over = match server.transport {
            Transport::Udp => "UDP",
            Transport::Tcp => "TCP",
        };
        let said = server.answers.iter().chain(&server.extended_errors);
        let said: Vec<String> = said.map(|answer| code(answer)).collect();
        vec![
            code(&name::place(&server.address)),
            over.to_owned(),
            code(&server.record),
            name::said(server.outcome).to_owned(),
            time(server.ms),
            said.join(", "),
        ]
    });
    table(
        text,
        &["server", "over", "type", "outcome", "time", "answer"],
        rows,
    );
}

/// Which program said so, when, and from where.
fn about(text: &mut String, report: &Report) {
    let from = [&report.source.host, &report.source.os]
        .into_iter()
        .flatten()
        .map(|word| prose(word));
    let mut words = vec![
        format!(
            "{} {}",
            prose(&report.tool.name),
            prose(&report.tool.version)
        ),
        code(&report.started_at.to_string()),
    ];
    words.extend(from);
    if report.redacted {
        words.push("names and addresses are replaced".to_owned());
    }
    text.push_str(&format!("<sub>{}</sub>\n\n", words.join(" · ")));
}

/// A table; its cells are safe already, and hold no bar.
fn table(text: &mut String, heads: &[&str], rows: impl Iterator<Item = Vec<String>>) {
    text.push_str(&format!("| {} |\n", heads.join(" | ")));
    text.push_str(&format!("|{}\n", "---|".repeat(heads.len())));
    for row in rows {
        text.push_str(&format!("| {} |\n", row.join(" | ")));
    }
    text.push('\n');
}

/// What is looked up; its label is HTML.
fn folded(text: &mut String, label: &str, content: impl FnOnce(&mut String)) {
    text.push_str(&format!("<details>\n<summary>{label}</summary>\n\n"));
    content(text);
    text.push_str("</details>\n\n");
}

fn time(ms: Option<Ms>) -> String {
    ms.map(|ms| ms.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
