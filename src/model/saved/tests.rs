use proptest::prelude::*;

use super::{Saved, joined, read};
use crate::model::exit::ExitStatus;
use crate::report::{fixtures, json, jsonl};

fn report(name: &str) -> crate::model::Report {
    let all = fixtures::all();
    all.into_iter().find(|(n, _)| *n == name).unwrap().1
}

#[test]
fn what_is_written_reads_back() {
    for (name, report) in fixtures::all() {
        let read = read(&json::render(&report).unwrap()).unwrap();
        assert_eq!(read, [Saved::Report(Box::new(report))], "{name}");
    }
    let batch = fixtures::batch();
    let read = read(&json::render(&batch).unwrap()).unwrap();
    assert_eq!(read, [Saved::Batch(batch)]);
}

#[test]
fn documents_may_stand_one_after_the_other() {
    let (a, b) = (report("healthy"), report("port-closed"));
    let lines = jsonl::line(&a).unwrap() + "\n" + &jsonl::line(&b).unwrap();
    let whole = json::render(&a).unwrap() + &json::render(&b).unwrap();
    for text in [lines.clone(), whole, format!("\u{feff}{lines}\r\n")] {
        let documents = read(&text).unwrap();
        assert_eq!(documents.len(), 2);
        let Some(Saved::Batch(batch)) = joined(documents) else {
            panic!("{text}")
        };
        assert_eq!(batch.reports, [a.clone(), b.clone()]);
        assert_eq!(batch.exit_status, 1);
        assert_eq!(batch.duration_ms, a.duration_ms + b.duration_ms);
    }
    assert_eq!(
        joined(read(&lines).unwrap()).unwrap().exit(),
        ExitStatus::Failed
    );
    assert_eq!(joined(Vec::new()), None);
}

#[test]
fn keys_of_a_newer_version_are_ignored_and_those_of_an_older_have_defaults() {
    let mut value = serde_json::to_value(report("healthy")).unwrap();
    value["of_tomorrow"] = serde_json::json!({"a": [1]});
    value["options"]["of_tomorrow"] = serde_json::json!(true);
    value["endpoints"][0]["path"]["hops"][0]["nodes"][0]["of_tomorrow"] = serde_json::json!("x");
    for key in ["confidence_percent", "all_paths", "record_types"] {
        value["options"]
            .as_object_mut()
            .unwrap()
            .remove(key)
            .unwrap();
    }
    let node = &mut value["endpoints"][0]["path"]["hops"][0]["nodes"][0];
    for key in ["limited", "rewritten", "interfaces", "return_hops"] {
        node.as_object_mut().unwrap().remove(key).unwrap();
    }
    let expected = report("healthy");
    let [Saved::Report(read)] = &read(&value.to_string()).unwrap()[..] else {
        panic!()
    };
    assert_eq!(read.options, expected.options);
    assert_eq!(read.endpoints.len(), expected.endpoints.len());
}

#[test]
fn what_is_no_report_is_said_with_its_place() {
    let good = jsonl::line(&report("healthy")).unwrap();
    let newer = good.replace("\"status\":\"reachable\"", "\"status\":\"of-tomorrow\"");
    let newer = newer.replacen("\"version\":\"", "\"version\":\"9.", 1);
    for (text, place, what) in [
        (String::new(), None, "it is empty"),
        (" \n".to_owned(), None, "it is empty"),
        (
            "hello".to_owned(),
            Some((1, 1)),
            "it is no JSON: expected value",
        ),
        ("\"hello\"".to_owned(), None, "it is no JSON object"),
        ("[1, 2]".to_owned(), None, "it has no `schema`"),
        ("{}".to_owned(), None, "it has no `schema`"),
        (
            "{\"schema\": \"nwcheck.report/2\"}".to_owned(),
            None,
            "its `schema` is `nwcheck.report/2`, and this version reads",
        ),
        (
            "{\"schema\": \"nwcheck.report/1\"}".to_owned(),
            Some((1, 30)),
            "missing field",
        ),
        (format!("{good}{{}}"), Some((2, 1)), "it has no `schema`"),
        (
            good[..good.len() / 2].to_owned(),
            Some((1, good.len() / 2)),
            "it ends in the middle",
        ),
        (
            newer,
            None,
            "unknown variant `of-tomorrow` (nwcheck 9.0.1.0 wrote it",
        ),
        (
            good.replacen("\"exit_status\":0", "\"exit_status\":7", 1),
            None,
            "its `exit_status` is 7",
        ),
    ] {
        let wrong = read(&text).unwrap_err();
        assert!(wrong.what.contains(what), "{what}: {wrong:?}");
        if what.starts_with("unknown") {
            assert!(wrong.place.is_some(), "{wrong:?}");
        } else {
            assert_eq!(wrong.place, place, "{wrong:?}");
        }
    }
}

proptest! {
    #[test]
    fn any_text_is_a_report_or_an_error(text in "\\PC{0,60}", cut in 0..4000usize) {
        let _ = read(&text);
        let good = jsonl::line(&report("path-filtered")).unwrap();
        if let Some(part) = good.get(..cut) {
            prop_assert!(read(part).is_err());
        }
    }
}
