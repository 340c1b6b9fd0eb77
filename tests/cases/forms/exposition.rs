//! A reader of Prometheus' text format, and the lints of `promtool check metrics` as they are published (client_golang,
//! `prometheus/testutil/promlint/validations`): for gauges alone, for nothing else is written.

use std::collections::BTreeSet;

use nwcheck::model::report::Verdict;
use nwcheck::report::Form;

/// A sample: its metric, its labels, its value.
struct Sample {
    name: String,
    labels: Vec<(String, String)>,
    value: f64,
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// All samples; each metric has its help, its type and then its samples, once.
fn read(text: &str) -> Vec<Sample> {
    let mut metrics = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let mut samples = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let (name, help) = line
            .strip_prefix("# HELP ")
            .unwrap()
            .split_once(' ')
            .unwrap();
        assert!(help.ends_with('.') && !help.contains('\\'), "{help}");
        assert!(metrics.insert(name.to_owned()), "{name} twice");
        linted(name);
        assert_eq!(lines.next().unwrap(), format!("# TYPE {name} gauge"));
        let mut names: Option<Vec<String>> = None;
        while let Some(line) = lines.next_if(|line| !line.starts_with('#')) {
            let sample = sample(line);
            assert_eq!(sample.name, name);
            let (key, _) = line.rsplit_once(' ').unwrap();
            assert!(seen.insert(key.to_owned()), "{key} twice");
            // The same labels for each sample of a metric.
            let own: Vec<String> = sample.labels.iter().map(|(name, _)| name.clone()).collect();
            assert_eq!(names.get_or_insert_with(|| own.clone()), &own, "{line}");
            samples.push(sample);
        }
        assert!(names.is_some(), "{name} has no sample");
    }
    samples
}

fn sample(line: &str) -> Sample {
    let (name, rest) = line.split_once('{').unwrap();
    let mut labels: Vec<(String, String)> = Vec::new();
    let mut rest = rest;
    loop {
        let (label, after) = rest.split_once("=\"").unwrap();
        assert!(is_name(label) && !label.starts_with("__"), "{line}");
        assert!(!["le", "quantile"].contains(&label), "{line}");
        assert!(labels.iter().all(|(known, _)| known != label), "{line}");
        let mut value = String::new();
        let mut chars = after.char_indices();
        let end = loop {
            match chars.next().unwrap() {
                (at, '"') => break at,
                (_, '\\') => value.push(match chars.next().unwrap().1 {
                    '\\' => '\\',
                    '"' => '"',
                    'n' => '\n',
                    other => panic!("\\{other} in {line}"),
                }),
                (_, c) => value.push(c),
            }
        };
        assert!(!value.chars().any(nwcheck::model::text::deceives), "{line}");
        labels.push((label.to_owned(), value));
        rest = &after[end + 1..];
        match rest.strip_prefix(',') {
            Some(more) => rest = more,
            None => break,
        }
    }
    let number = rest.strip_prefix("} ").unwrap();
    let value: f64 = number.parse().unwrap();
    assert!(
        value.is_finite() && !number.contains(char::is_whitespace),
        "{line}"
    );
    Sample {
        name: name.to_owned(),
        labels,
        value,
    }
}

/// The published lints.
fn linted(name: &str) {
    assert!(is_name(name) && name.starts_with("nwcheck_"), "{name}");
    for suffix in ["_total", "_count", "_sum", "_bucket"] {
        assert!(
            !name.ends_with(suffix),
            "{name}: {suffix} is another type's"
        );
    }
    for word in name.split('_') {
        let types = ["counter", "gauge", "summary", "histogram", "untyped"];
        let abbreviations = [
            "s", "ms", "us", "ns", "sec", "b", "kb", "mb", "gb", "tb", "pb", "m", "h", "d",
        ];
        assert!(
            !types.contains(&word) && !abbreviations.contains(&word),
            "{name}"
        );
        let units = [
            "amperes", "bytes", "celsius", "grams", "joules", "kelvin", "meters", "seconds",
            "volts",
        ];
        let others = [
            "minutes",
            "hours",
            "days",
            "weeks",
            "kelvins",
            "fahrenheit",
            "rankine",
            "inches",
            "yards",
            "miles",
            "bits",
            "calories",
            "pounds",
            "ounces",
        ];
        assert!(!others.contains(&word), "{name}: no base unit");
        for unit in units.iter().chain(&others) {
            assert!(
                word == *unit || !word.ends_with(unit),
                "{name}: no base unit"
            );
        }
    }
}

#[test]
fn every_report_is_metrics_without_a_fault() {
    super::each(Form::Prometheus, |text, document| {
        let samples = read(text);
        if let [report] = document.reports() {
            let success = samples
                .iter()
                .find(|s| s.name == "nwcheck_probe_success")
                .unwrap();
            let passed = matches!(report.verdict, Verdict::Pass | Verdict::Warn);
            assert_eq!(success.value > 0.5, passed);
            let label = report.target.label();
            assert_eq!(
                success.labels[0],
                ("target".to_owned(), nwcheck::model::text::escape(&label))
            );
            let held = |name: &str| {
                let holding = samples.iter().filter(|s| s.name == name && s.value > 0.5);
                holding
                    .map(|s| s.labels.last().unwrap().1.clone())
                    .collect::<Vec<_>>()
            };
            assert_eq!(held("nwcheck_status"), [report.status.as_str()]);
            assert_eq!(held("nwcheck_verdict"), [report.verdict.as_str()]);
            let all = samples.iter().filter(|s| s.name == "nwcheck_finding");
            let all: f64 = all.map(|s| s.value).sum();
            assert!((all - report.findings.len() as f64).abs() < 0.5, "{text}");
        }
        for sample in &samples {
            if sample.name.ends_with("_ratio") {
                assert!((0.0..=1.0).contains(&sample.value), "{}", sample.name);
            }
        }
    });
}

#[test]
fn hostile_texts_stay_texts() {
    super::hostile_texts_change_no_part(Form::Prometheus, |text| {
        let samples = read(text).into_iter();
        samples
            .map(|sample| {
                let names: Vec<String> = sample.labels.into_iter().map(|(name, _)| name).collect();
                format!("{} {} {}", sample.name, names.join(" "), sample.value)
            })
            .collect()
    });
}
