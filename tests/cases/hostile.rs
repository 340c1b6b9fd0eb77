//! Saved reports that somebody tampered with: whatever stands in one, reading, judging and showing it ends without a panic.

use std::hash::RandomState;

use nwcheck::diagnose::diagnose;
use nwcheck::model::saved::{self, Saved};
use nwcheck::report::diff::{self, compare};
use nwcheck::report::redact::redact;
use nwcheck::report::{Document, Form, Style, Verbosity, render};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{files, strict};

/// The leaves of a document, by their path.
pub fn leaves(value: &Value, path: &mut Vec<String>, found: &mut Vec<String>) {
    let mut inner = |key: String, value: &Value| {
        path.push(key.replace('~', "~0").replace('/', "~1"));
        leaves(value, path, found);
        path.pop();
    };
    match value {
        Value::Object(object) if !object.is_empty() => {
            object.iter().for_each(|(k, v)| inner(k.clone(), v));
        }
        Value::Array(array) if !array.is_empty() => {
            let all = array.iter().enumerate();
            all.for_each(|(at, v)| inner(at.to_string(), v));
        }
        _ => found.push(format!("/{}", path.join("/"))),
    }
}

/// Another value for a leaf: of the same kind, so that the report still reads, and as far out as its kind allows.
fn another(known: &Value, pick: usize) -> Value {
    let of = |all: &[Value]| all[pick % all.len()].clone();
    match known {
        Value::Number(_) => of(&[
            json!(0),
            json!(1),
            json!(255),
            json!(65_535),
            json!(u32::MAX),
            json!(1e15),
            json!(u64::MAX),
            json!(0.001),
        ]),
        Value::String(text) if text.parse::<nwcheck::model::Endpoint>().is_ok() => of(&[
            json!("0.0.0.0"),
            json!("255.255.255.255"),
            json!("::"),
            json!("fe80::1%x"),
            json!("192.0.2.1"),
            json!("[2001:db8::1]:0"),
            json!("10.0.0.1:65535"),
        ]),
        Value::String(_) => of(&[
            json!(""),
            json!("\u{202e}\u{1b}[2J\n"),
            json!("ok"),
            json!("timeout"),
            json!("unicast"),
            json!("9.9"),
            json!("é".repeat(5000)),
        ]),
        Value::Bool(known) => json!(!known),
        _ => of(&[json!(null), json!(7), json!("x"), json!([]), json!({})]),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]
    #[test]
    fn a_report_that_was_tampered_with_is_read_or_refused(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0..40usize, any::<bool>()), 1..6),
    ) {
        let all = reports();
        let mut report = which.get(all).clone();
        for (place, pick, twice) in &changes {
            let mut found = Vec::new();
            leaves(&report, &mut Vec::new(), &mut found);
            let path = place.get(&found);
            let leaf = report.pointer_mut(path).unwrap();
            *leaf = another(leaf, *pick);
            // What stands twice, or not at all.
            if let Some((array, _)) = path.rsplit_once('/')
                && let Some(Value::Array(array)) = report.pointer_mut(array)
                && *twice
            {
                let one = array.pop();
                if pick % 2 == 0 {
                    array.extend(one.iter().cloned());
                    array.extend(one);
                }
            }
        }
        if let Ok(read) = saved::read(&report.to_string()) {
            for report in read.iter().flat_map(Saved::reports) {
                shown(report);
                shown(&diagnose(&report.evidence()));
                let known = saved::read(&which.get(all).to_string()).unwrap();
                if let Ok(diff) = compare(known[0].reports(), std::slice::from_ref(report)) {
                    diff::text(&diff, &Style::default());
                    diff::markdown(&diff);
                }
            }
        }
    }

    #[test]
    fn a_report_that_was_tampered_with_can_be_redacted(
        which in any::<prop::sample::Index>(), place in any::<prop::sample::Index>(), pick in 0..40usize,
    ) {
        let mut report = which.get(reports()).clone();
        let mut found = Vec::new();
        leaves(&report, &mut Vec::new(), &mut found);
        let path = place.get(&found[..]).as_str();
        let leaf = report.pointer_mut(path).unwrap();
        *leaf = another(leaf, pick);
        if let Ok(read) = saved::read(&report.to_string()) {
            let mut report = read[0].reports()[0].clone();
            redact(&mut report, &RandomState::new()).unwrap();
            shown(&report);
        }
    }
}

#[test]
fn the_page_of_every_case_is_read_by_the_strictest_reader() {
    for report in reports() {
        let read = saved::read(&report.to_string()).unwrap();
        let report = &read[0].reports()[0];
        let html = render(Document::Report(report), Form::Html, &Style::default()).unwrap();
        let page = strict::read(&html).unwrap_or_else(|error| panic!("{error}\n{html}"));
        for finding in &report.findings {
            assert!(page.text.contains(finding.id.as_str()), "{html}");
        }
        // It holds the report, and gives it back.
        assert_eq!(saved::read(&html).unwrap(), read);
    }
}

#[test]
fn no_distance_is_too_near_or_too_far() {
    for case in files::all() {
        for ttl in [0, 255] {
            let mut evidence = case.scenario.evidence.clone();
            let probes = evidence.observations.iter_mut();
            probes.for_each(|o| o.ttl = o.ttl.map(|_| ttl));
            shown(&diagnose(&evidence));
        }
    }
}

/// Shows a report in every form, as narrow as it gets.
fn shown(report: &nwcheck::model::Report) {
    for verbosity in [Verbosity::Quiet, Verbosity::Normal, Verbosity::Verbose] {
        let style = Style {
            width: 40,
            verbosity,
            ..Style::default()
        };
        render(Document::Report(report), Form::Text, &style).unwrap();
        if verbosity == Verbosity::Verbose {
            for (_, _, form) in Form::ALL {
                render(Document::Report(report), *form, &style).unwrap();
            }
        }
    }
    let html = render(Document::Report(report), Form::Html, &Style::default()).unwrap();
    if let Err(error) = strict::read(&html) {
        panic!("{error}\n{html}");
    }
}

/// A report of each case, made once.
fn reports() -> &'static [Value] {
    static REPORTS: std::sync::OnceLock<Vec<Value>> = std::sync::OnceLock::new();
    REPORTS.get_or_init(|| {
        files::all()
            .iter()
            .map(|case| serde_json::to_value(diagnose(&case.scenario.evidence)).unwrap())
            .collect()
    })
}
