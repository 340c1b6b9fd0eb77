//! Each form, read by a strict reader of its own grammar: the reports of all cases, several at once, and reports whose every text is
//! hostile. What a hostile text changes is that text and nothing else: the document has the same parts as with a harmless one.

mod azure;
mod exposition;
mod markdown;
mod plugin;
mod workflow;
mod xml;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use nwcheck::diagnose::diagnose;
use nwcheck::model::report::{BATCH_SCHEMA, Batch, Tool};
use nwcheck::model::{Ms, Report};
use nwcheck::report::{Document, Form, Style, Verbosity, render};
use serde_json::{Value, json};

use crate::files;
use crate::hostile::leaves;

/// What somebody might send or write to break out of a form.
const HOSTILE: &[&str] = &[
    "</code></pre></details></testsuite><script>alert(1)</script><img src=x onerror=alert(1)>",
    "![i](https://evil.example/i.png) [l](javascript:alert(1)) @team #1 GH-7 www.evil.example a@b.example",
    "`` ``` ~~~ | a | b \\| $x$ :100: {+ +} deadbeef00 __b__ *i* \\",
    "\r\n::error title=x::stop\n::add-mask::x ##[error]y",
    "%0A::set-env name=x::y,z=1",
    "OK | 'x'=1;2;3\nCRITICAL - y | z=1",
    "\"} 1\nnwcheck_evil{x=\"\\",
    "]]>&amp;\u{0}\u{b}\u{fffe}\u{ffff}\u{1f}<!-- --><?x?>",
    "\u{202e}\u{200b}\u{1b}[2J\u{2028}\u{85}",
    "- x",
    "1. x",
    "    indented\n\n# heading\n---\n> quote",
    "/close\n/label ~x",
];

/// A report of each case.
pub fn reports() -> &'static [(String, Report)] {
    static REPORTS: OnceLock<Vec<(String, Report)>> = OnceLock::new();
    REPORTS.get_or_init(|| {
        let cases = files::all();
        let judged = cases
            .iter()
            .map(|case| (case.name.clone(), diagnose(&case.scenario.evidence)));
        judged.collect()
    })
}

/// Some of them at once.
pub fn batch(reports: Vec<Report>) -> Batch {
    Batch {
        schema: BATCH_SCHEMA.to_owned(),
        tool: Tool::this(),
        started_at: reports[0].started_at,
        duration_ms: Ms::from_millis(4200),
        exit_status: nwcheck::model::saved::worst(&reports).code(),
        reports,
    }
}

/// Every verbosity.
pub const VERBOSITIES: [Verbosity; 3] = [Verbosity::Quiet, Verbosity::Normal, Verbosity::Verbose];

/// Gives each report of the cases, and some at once, to a reader.
pub fn each(form: Form, read: impl Fn(&str, Document<'_>)) {
    for verbosity in VERBOSITIES {
        let style = Style {
            verbosity,
            ..Style::default()
        };
        for (name, report) in reports() {
            let document = Document::Report(report);
            let text = render(document, form, &style).unwrap();
            assert!(text.ends_with('\n'), "{name}: {text}");
            read(&text, document);
        }
        for some in reports().chunks(25) {
            let batch = batch(some.iter().map(|(_, report)| report.clone()).collect());
            let document = Document::Batch(&batch);
            read(&render(document, form, &style).unwrap(), document);
        }
    }
}

/// Holds that the parts of a document, as a reader tells them, are the same whether its texts are harmless or hostile.
pub fn hostile_texts_change_no_part(form: Form, parts: impl Fn(&str) -> Vec<String>) {
    for (harmless, hostile) in pairs() {
        for verbosity in VERBOSITIES {
            let style = Style {
                verbosity,
                ..Style::default()
            };
            let of = |document| parts(&render(document, form, &style).unwrap());
            assert_eq!(
                of(Document::Report(harmless)),
                of(Document::Report(hostile)),
                "{}",
                render(Document::Report(hostile), form, &style).unwrap()
            );
            let several = |report: &Report| batch(vec![report.clone(); 2]);
            assert_eq!(
                of(Document::Batch(&several(harmless))),
                of(Document::Batch(&several(hostile)))
            );
        }
    }
}

/// Reports whose every text is replaced: by a harmless one, and by a hostile one.
fn pairs() -> &'static [(Report, Report)] {
    static PAIRS: OnceLock<Vec<(Report, Report)>> = OnceLock::new();
    PAIRS.get_or_init(|| {
        let mut free = BTreeMap::new();
        let wanted = reports().iter().step_by(9);
        let pairs = wanted.enumerate().map(|(shift, (_, report))| {
            let mut value = serde_json::to_value(report).unwrap();
            spread(&mut value);
            let harmless = replaced(&value, &mut free, |number| format!("w{number}w"));
            let hostile = replaced(&value, &mut free, |number| {
                HOSTILE[(number + shift) % HOSTILE.len()].to_owned()
            });
            (harmless, hostile)
        });
        pairs.collect()
    })
}

/// Puts a text where a report may have one, and has none.
fn spread(report: &mut Value) {
    for (place, text) in [
        ("/source/host", json!("h")),
        ("/source/os", json!("o")),
        (
            "/not_measured",
            json!([{"what": "a", "why": "b", "command": "c"}]),
        ),
        (
            "/criteria",
            json!([{"name": "max_avg_ms", "limit": 5.0, "measured": 7.0, "met": false},
                {"name": "expect", "limit": "open", "measured": "closed", "met": null}]),
        ),
    ] {
        *report.pointer_mut(place).unwrap() = text;
    }
    let findings = report["findings"].as_array_mut().unwrap();
    for finding in findings {
        finding["evidence"] =
            json!([{"text": "a", "observations": [1, 2]}, {"text": "b", "observations": []}]);
        finding["actions"] = json!([{"text": "a", "command": "b"}, {"text": "c", "command": null}]);
    }
    for endpoint in report["endpoints"].as_array_mut().unwrap() {
        let Some(hops) = endpoint.pointer_mut("/path/hops") else {
            continue;
        };
        let nodes = hops.as_array_mut().unwrap().iter_mut();
        for node in nodes.flat_map(|hop| hop["nodes"].as_array_mut().unwrap()) {
            if !node["address"].is_null() {
                node["name"] = json!("n");
                node["autonomous_system"] = json!({"number": 64_500, "name": "s"});
            }
        }
    }
}

/// The report with each text replaced that may be any text; `free` remembers which may.
fn replaced(
    report: &Value,
    free: &mut BTreeMap<String, bool>,
    text: impl Fn(usize) -> String,
) -> Report {
    let mut report = report.clone();
    let mut found = Vec::new();
    leaves(&report, &mut Vec::new(), &mut found);
    for (number, path) in found.iter().enumerate() {
        let leaf = report.pointer_mut(path).unwrap();
        if !leaf.is_string() || path.starts_with("/schema") || path.ends_with("/id") {
            continue;
        }
        let known = std::mem::replace(leaf, Value::String(text(number)));
        let kind: String = path.chars().filter(|c| !c.is_ascii_digit()).collect();
        let may = *free
            .entry(kind)
            .or_insert_with(|| serde_json::from_value::<Report>(report.clone()).is_ok());
        if !may {
            *report.pointer_mut(path).unwrap() = known;
        }
    }
    serde_json::from_value(report).unwrap()
}

#[test]
fn the_hostile_reports_are_hostile_where_they_can_be() {
    for (harmless, hostile) in pairs() {
        assert_ne!(harmless.summary, hostile.summary);
        assert_ne!(harmless.source.host, hostile.source.host);
        assert_ne!(harmless.target.host, hostile.target.host);
        assert_eq!(harmless.findings.len(), hostile.findings.len());
        for (a, b) in harmless.findings.iter().zip(&hostile.findings) {
            assert_eq!(a.id, b.id);
            assert_ne!(a.actions[0].command, b.actions[0].command);
        }
    }
}
