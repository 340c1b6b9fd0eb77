//! Files that the program makes and the repository holds: they have to be what it makes today.

use std::fs;

use crate::{file, nwcheck};

/// Compares a committed file with what is made now; where it differs, says how it is made anew.
fn compare(path: &str, made: &str, how: &str) {
    let known = fs::read_to_string(file(path)).unwrap_or_default();
    assert!(
        known == made,
        "{path} is not what is made now; make it anew:\n  {how}"
    );
}

#[test]
fn the_schemas_are_the_committed_ones() {
    for (path, words) in [
        ("schema/report.schema.json", &["schema"][..]),
        ("schema/batch.schema.json", &["schema", "--batch"]),
        ("schema/diff.schema.json", &["schema", "--diff"]),
    ] {
        let run = nwcheck(words);
        assert_eq!((run.status, run.stderr.as_str()), (0, ""));
        compare(
            path,
            &run.stdout,
            &format!("cargo run -- {} > {path}", words.join(" ")),
        );
        let schema: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(
            schema["$schema"],
            "https://json-schema.org/draft/2020-12/schema"
        );
        jsonschema::meta::validate(&schema).unwrap();
        everything_is_required(&schema, path);
    }
}

/// Every key is always there: what has properties requires all of them.
fn everything_is_required(schema: &serde_json::Value, path: &str) {
    match schema {
        serde_json::Value::Object(object) => {
            if let Some(properties) = object.get("properties").and_then(|p| p.as_object()) {
                let required = object.get("required").and_then(|r| r.as_array());
                for key in properties.keys() {
                    let is = required.is_some_and(|required| required.iter().any(|r| r == key));
                    assert!(is, "{path}: {key} is not required");
                }
                assert!(
                    !object.contains_key("additionalProperties"),
                    "{path}: a newer version may add keys"
                );
            }
            for value in object.values() {
                everything_is_required(value, path);
            }
        }
        serde_json::Value::Array(values) => {
            for value in values {
                everything_is_required(value, path);
            }
        }
        _ => {}
    }
}

#[test]
fn the_completions_are_the_committed_ones() {
    for (shell, name) in [
        ("bash", "nwcheck.bash"),
        ("zsh", "_nwcheck"),
        ("fish", "nwcheck.fish"),
        ("powershell", "_nwcheck.ps1"),
        ("elvish", "nwcheck.elv"),
    ] {
        let run = nwcheck(["completions", shell]);
        assert_eq!((run.status, run.stderr.as_str()), (0, ""));
        let path = format!("completions/{name}");
        compare(
            &path,
            &run.stdout,
            &format!("cargo run -- completions {shell} > {path}"),
        );
        assert!(run.stdout.contains("max-loss"), "{shell}");
        for hidden in [
            "nwcheck__completions",
            "nwcheck,completions",
            "completions of a shell",
        ] {
            assert!(!run.stdout.contains(hidden), "{shell}: {hidden}");
        }
    }
}

#[test]
fn the_manual_pages_are_the_committed_ones() {
    let directory = tempfile::tempdir().unwrap();
    let run = nwcheck(["man".as_ref(), directory.path().as_os_str()]);
    assert_eq!((run.status, run.stderr.as_str()), (0, ""));
    let names = |directory: &std::path::Path| {
        let mut names: Vec<_> = fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        names
    };
    let made = names(directory.path());
    assert_eq!(made.len(), 12, "{made:?}");
    for name in &made {
        let text = fs::read_to_string(directory.path().join(name)).unwrap();
        compare(
            &format!("man/{}", name.to_string_lossy()),
            &text,
            "cargo run -- man man",
        );
        let sections: &[&str] = if name == "nwcheck-findings.7" {
            &["NAME", "DESCRIPTION", "SEE ALSO"]
        } else {
            &["NAME", "SYNOPSIS", "EXAMPLES", "EXIT STATUS", "SEE ALSO"]
        };
        for section in sections {
            assert!(text.contains(section), "{name:?}: {section}");
        }
    }
    assert_eq!(names(&file("man")), made, "a page too many");
}

#[test]
fn every_finding_that_is_listed_is_explained() {
    let list = nwcheck(["explain"]);
    assert_eq!((list.status, list.stderr.as_str()), (0, ""));
    for line in list.stdout.lines() {
        let mut words = line.split_whitespace();
        if line.starts_with("  ") && !line.starts_with("   ") {
            let id = words.next().unwrap();
            let run = nwcheck(["explain", id]);
            assert_eq!(run.status, 0, "{id}");
            for part in ["Meaning", "Proof", "Remedy", "Lookalikes"] {
                assert!(run.stdout.contains(part), "{id}: {part}");
            }
        }
    }
}

#[test]
fn every_form_of_the_explanations_has_every_finding() {
    let json = nwcheck(["explain", "-o", "json"]);
    assert_eq!((json.status, json.stderr.as_str()), (0, ""));
    let document: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(document["schema"], "nwcheck.findings/1");
    let markdown = nwcheck(["explain", "-o", "markdown"]);
    assert_eq!((markdown.status, markdown.stderr.as_str()), (0, ""));
    let page = fs::read_to_string(file("man/nwcheck-findings.7")).unwrap();
    let findings = document["findings"].as_array().unwrap();
    assert_eq!(findings.len(), nwcheck::model::Id::ALL.len());
    for finding in findings {
        let id = finding["id"].as_str().unwrap();
        for part in ["meaning", "proof", "remedy", "lookalikes", "origin"] {
            let words = finding[part].as_str().unwrap();
            assert!(!words.is_empty() && !words.contains("  "), "{id}: {part}");
        }
        let heading = format!("\n### {id}\n");
        assert_eq!(markdown.stdout.matches(&heading).count(), 1, "{id}");
        assert_eq!(page.matches(&format!("\n.SS {id}\n")).count(), 1, "{id}");
    }
    let one = nwcheck(["explain", "port-closed", "-o", "json"]);
    let one: serde_json::Value = serde_json::from_str(&one.stdout).unwrap();
    assert_eq!(one["findings"].as_array().unwrap().len(), 1);
    assert_eq!(
        one["findings"][0]["severities"],
        serde_json::json!(["error"])
    );
    let wrong = nwcheck(["explain", "-o", "html"]);
    assert_eq!(wrong.status, 2);
    assert!(
        wrong.stderr.contains("text, markdown or json"),
        "{}",
        wrong.stderr
    );
}
