use proptest::prelude::*;

use super::{Charset, Invocation, parse, schema};
use crate::model::Ms;
use crate::model::options::{Expect, Family, Options};
use crate::model::target::Protocol;
use crate::report::{Form, Verbosity, fixtures, json};

fn config(line: &str) -> super::Config {
    match parse(std::iter::once("nwcheck").chain(line.split_whitespace())) {
        Ok(Invocation::Check(config)) => *config,
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn what_is_not_typed_has_its_default() {
    let config = config("tcp db.example:5432");
    assert_eq!(config.options, Options::default());
    assert_eq!(config.targets.len(), 1);
    assert_eq!(
        (config.output, config.verbosity),
        (Form::Text, Verbosity::Normal)
    );
    assert!(config.notes.is_empty() && config.saves.is_empty());
}

#[test]
fn every_option_means_what_it_says() {
    let config = config(
        "tcp a:1 [2001:db8::1]:2 -o json --save r.json --save r.TXT -v --color never --ascii -c 200 -i 5ms -w 2s --deadline 1m \
         --wait 2m -6 -s 2001:db8::9 --source-port 4000 -I eth0 --tos 0x10 --server 192.0.2.53 --server [::1]:5353 --resolve \
         A.example:1:[2001:db8::7] --max-hops 20 --rate 100 --no-path --no-local --all-addresses 3 --control 22 --expect open \
         --max-loss 0.5% --max-avg 50 --max-p95 0.1s --max-connect 300ms --fail-on warning --baseline old.json",
    );
    let o = &config.options;
    assert_eq!(
        (o.count, o.interval_ms, o.timeout_ms),
        (200, Ms::from_millis(5), Ms::from_millis(2000))
    );
    assert_eq!(
        (o.deadline_ms, o.wait_ms),
        (Ms::from_millis(60_000), Some(Ms::from_millis(120_000)))
    );
    assert_eq!(
        (o.family, o.source_port, o.tos),
        (Family::Ipv6, Some(4000), Some(16))
    );
    assert_eq!(
        o.servers
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>(),
        ["192.0.2.53:53", "[::1]:5353"]
    );
    assert_eq!(
        (
            o.resolve[0].host.as_str(),
            o.resolve[0].address.to_string().as_str()
        ),
        ("a.example", "2001:db8::7")
    );
    assert_eq!(
        (o.max_hops, o.rate, o.path, o.local, o.all_addresses),
        (20, 100, false, false, 3)
    );
    assert_eq!(
        (o.control, o.expect, o.max_loss_percent),
        (Some(22), Some(Expect::Open), Some(0.5))
    );
    assert_eq!(o.max_p95_ms, Some(Ms::from_millis(100)));
    assert_eq!(o.baseline.as_deref(), Some("old.json"));
    let forms: Vec<Form> = config.saves.iter().map(|save| save.form).collect();
    assert_eq!(forms, [Form::Json, Form::Text]);
    assert_eq!(
        (config.output, config.charset),
        (Form::Json, Charset::Ascii)
    );
}

#[test]
fn every_form_can_be_typed_and_is_told_of() {
    let Ok(Invocation::Help(help)) = parse(["nwcheck", "tcp", "--help"]) else {
        panic!("--help is not help");
    };
    let help = help.to_string();
    let wrong = |line: &str| {
        parse(std::iter::once("nwcheck").chain(line.split_whitespace()))
            .unwrap_err()
            .to_string()
    };
    let (unknown, unsaved) = (wrong("tcp a:1 -o x"), wrong("tcp a:1 --save x"));
    assert!(wrong("tcp a:1 -o x.").ends_with("--save report.json"));
    assert!(wrong("tcp a:1 --save x.").contains("names no form"));
    for (name, extension, form) in Form::ALL {
        let typed = config(&format!("tcp a:1 -o {name}"));
        assert_eq!(typed.output, *form);
        for text in [&help, &unknown] {
            assert!(text.contains(name), "{name}: {text}");
        }
        let Some(extension) = extension else { continue };
        let typed = config(&format!("tcp a:1 --save x.{extension}"));
        assert_eq!(typed.saves[0].form, *form);
        assert!(unsaved.contains(&format!(".{extension}")), "{unsaved}");
        let file = wrong(&format!("tcp a:1 -o x.{extension}"));
        assert!(file.ends_with(&format!("--save x.{extension}")), "{file}");
    }
}

#[test]
fn options_may_stand_before_the_command() {
    let before = config("-q -c 3 tcp a:1");
    assert_eq!(
        (before.targets[0].host.as_str(), before.options.count),
        ("a", 3)
    );
    assert_eq!(before.verbosity, Verbosity::Quiet);
    assert_eq!(config("-q a:1 b:2").targets.len(), 2);
}

#[test]
fn a_uri_without_a_command_is_checked_as_far_as_this_version_goes_and_says_so() {
    let config = config("https://web.example/");
    assert_eq!(config.targets[0].protocol, Protocol::Tcp);
    assert!(
        config.notes[0].contains("does not check TLS or HTTP"),
        "{:?}",
        config.notes
    );
    assert!(self::config("tcp https://web.example/").notes.is_empty());
}

#[test]
fn a_source_address_leaves_only_its_own_family() {
    assert_eq!(config("tcp a:1 -s 192.0.2.1").options.family, Family::Ipv4);
}

#[test]
fn a_limit_of_none_at_all_needs_no_more_probes() {
    assert_eq!(
        config("tcp a:1 --max-loss 0").options.max_loss_percent,
        Some(0.0)
    );
    assert_eq!(config("tcp a:1 --max-loss 10").options.count, 10);
    assert_eq!(config("tcp a:1 -c 3 --max-loss 33.4").options.count, 3);
}

#[test]
fn every_report_is_as_the_schema_says() {
    let validator = |of| {
        let schema = serde_json::from_str(&schema::text(of)).unwrap();
        jsonschema::draft202012::new(&schema).unwrap()
    };
    let report = validator(schema::Of::Report);
    for (name, fixture) in fixtures::all() {
        let json = serde_json::from_str(&json::render(&fixture).unwrap()).unwrap();
        let faults: Vec<String> = report.iter_errors(&json).map(|e| e.to_string()).collect();
        assert!(faults.is_empty(), "{name}: {faults:?}");
        let back: crate::model::Report = serde_json::from_value(json).unwrap();
        assert_eq!(back, fixture, "{name}");
    }
    let json = serde_json::to_value(fixtures::batch()).unwrap();
    assert!(validator(schema::Of::Batch).is_valid(&json));
}

#[test]
fn a_baseline_is_read_in_every_form_it_is_saved_in() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("old.json");
    let (_, report) = fixtures::all().swap_remove(0);
    let line = crate::report::jsonl::line(&report).unwrap();
    for (text, number) in [
        (json::render(&report).unwrap(), 1),
        (json::render(&fixtures::batch()).unwrap(), 4),
        (format!("{line}{line}"), 2),
    ] {
        std::fs::write(&path, text).unwrap();
        let reports = super::baseline::read(&path).unwrap();
        assert_eq!(reports.len(), number);
        let found = super::baseline::of(&reports, &report.target).unwrap();
        assert_eq!(found.target.host, report.target.host);
    }
    for (text, part) in [
        ("", "it is empty"),
        ("{", "ends in the middle"),
        ("{}", "no `schema`"),
        (
            r#"{"schema": "nwcheck.report/2"}"#,
            "`nwcheck.report/2`, and this version reads",
        ),
        (r#"{"schema": "nwcheck.report/1"}"#, "no report"),
    ] {
        std::fs::write(&path, text).unwrap();
        let said = super::baseline::read(&path).unwrap_err().to_string();
        assert!(said.contains(part), "{text}: {said}");
    }
    let said = super::baseline::read(&directory.path().join("none.json")).unwrap_err();
    assert!(said.to_string().contains("can't be read"), "{said}");
}

proptest! {
    #[test]
    fn any_words_are_understood_or_refused_in_one_line(
        words in prop::collection::vec(
            "(-[a-zA-Z46]|--[a-z-]{1,12}(=.{0,4})?|tcp|schema|explain|demo|[a-z0-9.:%\\[\\]]{0,12}|[0-9]{1,4}(ms|s|%)?|\\PC{0,6})",
            0..6,
        )
    ) {
        if let Err(usage) = parse(std::iter::once("nwcheck".to_owned()).chain(words)) {
            prop_assert_eq!(usage.to_string().lines().count(), 1);
        }
    }
}
