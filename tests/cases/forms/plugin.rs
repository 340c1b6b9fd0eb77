//! A reader of what a monitoring plugin says, by the guidelines of those who wrote most of them.

use std::collections::BTreeSet;

use nwcheck::model::report::Verdict;
use nwcheck::report::{Form, nagios};

/// What a line says: the state, and the labels of its performance data with their fields.
fn read(text: &str) -> (String, Vec<(String, String)>) {
    let mut lines = text.lines();
    let first = lines.next().unwrap();
    let (said, performance) = first.split_once(" | ").unwrap();
    let (state, words) = said
        .strip_prefix("NWCHECK ")
        .unwrap()
        .split_once(" - ")
        .unwrap();
    assert!(
        ["OK", "WARNING", "CRITICAL", "UNKNOWN"].contains(&state),
        "{first}"
    );
    assert!(!words.is_empty());
    for line in lines.chain([said]) {
        // A second bar would begin performance data again.
        assert!(!line.contains(['|', '<', '>']), "{line}");
        assert!(!line.chars().any(nwcheck::model::text::deceives), "{line}");
    }
    (state.to_owned(), data(performance))
}

fn data(text: &str) -> Vec<(String, String)> {
    let mut rest = text;
    let mut all = Vec::new();
    while !rest.is_empty() {
        let (label, after) = rest.strip_prefix('\'').unwrap().split_once('\'').unwrap();
        let (fields, after) = after.split_once(' ').unwrap_or((after, ""));
        let fields = fields.strip_prefix('=').unwrap();
        assert!(!label.is_empty() && !label.contains(['=', '|']), "{label}");
        measure(fields);
        all.push((label.to_owned(), fields.to_owned()));
        rest = after;
    }
    let labels: BTreeSet<&String> = all.iter().map(|(label, _)| label).collect();
    assert_eq!(labels.len(), all.len(), "{text}");
    all
}

/// `value[UOM];[warn];[crit];[min];[max]`
fn measure(fields: &str) {
    let parts: Vec<&str> = fields.split(';').collect();
    assert!(parts.len() <= 5 && !fields.ends_with(';'), "{fields}");
    if parts[0] == "U" {
        return;
    }
    let number = parts[0].trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit = &parts[0][number.len()..];
    assert!(["", "ms", "s", "%"].contains(&unit), "{fields}");
    for part in parts[1..].iter().chain([&number]) {
        let signs = part
            .bytes()
            .all(|b| b.is_ascii_digit() || b == b'.' || b == b'-');
        assert!(
            signs && (part.is_empty() || part.parse::<f64>().is_ok()),
            "{fields}"
        );
    }
}

#[test]
fn every_report_is_a_plugins_line() {
    super::each(Form::Nagios, |text, document| {
        let (state, data) = read(text);
        assert_eq!(state, nagios::state(document).to_string());
        assert!(!data.is_empty());
        if let [report] = document.reports() {
            let expected = match report.verdict {
                Verdict::Pass => "OK",
                Verdict::Warn => "WARNING",
                Verdict::Fail => "CRITICAL",
                Verdict::Indeterminate => "UNKNOWN",
            };
            assert_eq!(state, expected);
        }
    });
}

#[test]
fn labels_are_the_same_whatever_was_measured() {
    use nwcheck::model::target::Protocol;
    use nwcheck::report::{Document, Style, render};
    let mut known = std::collections::BTreeMap::new();
    for (name, report) in super::reports() {
        let text = render(Document::Report(report), Form::Nagios, &Style::default()).unwrap();
        let labels: Vec<String> = read(&text).1.into_iter().map(|(label, _)| label).collect();
        let named = report.target.address().is_none();
        let connect = report.options.max_connect_ms.is_some();
        let protocol: Protocol = report.target.protocol;
        let kind = (protocol.command(), named, connect);
        let before = known.entry(kind).or_insert_with(|| labels.clone());
        assert_eq!(*before, labels, "{name}");
    }
    assert!(known.len() >= 4, "{known:?}");
}

#[test]
fn hostile_texts_stay_texts() {
    super::hostile_texts_change_no_part(Form::Nagios, |text| {
        let (state, data) = read(text);
        let ends = data
            .iter()
            .map(|(label, fields)| format!("{} {fields}", label.rsplit(' ').next().unwrap()));
        ends.chain([state, text.lines().count().to_string()])
            .collect()
    });
}
