//! Saved reports: shown again, judged again.

use std::fs;
use std::io::Write as _;
use std::process::Stdio;

use serde_json::Value;

use crate::{Run, command, file, nwcheck};

/// Reports that the first slice of the program wrote: without the keys that were added since.
const FIRST: &str = "tests/cli/saved/first-slice.jsonl";

/// Runs the program with something on stdin.
fn piped(words: &[&str], input: &[u8]) -> Run {
    let mut child = command(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // It may have complained and gone before all was written.
    let _ = stdin.write_all(input);
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    Run {
        status: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn first() -> String {
    file(FIRST).display().to_string()
}

#[test]
fn reports_of_an_earlier_version_are_shown_and_judged_again() {
    for words in [&["show", "-q"][..], &["show", "-q", "--rejudge"]] {
        let path = first();
        let run = nwcheck(words.iter().copied().chain([path.as_str()]));
        assert_eq!((run.status, run.stderr.as_str()), (1, ""), "{words:?}");
        assert!(
            run.stdout.contains("127.0.0.1:18081 is unreachable"),
            "{}",
            run.stdout
        );
        assert!(
            run.stdout.contains("127.0.0.1:18080 is reachable"),
            "{}",
            run.stdout
        );
    }
}

#[test]
fn the_exit_status_is_that_of_the_worst_report() {
    let text = fs::read_to_string(first()).unwrap();
    let (closed, open) = text.split_once('\n').unwrap();
    assert_eq!(piped(&["show", "-q", "-"], open.as_bytes()).status, 0);
    assert_eq!(piped(&["show", "-q", "-"], closed.as_bytes()).status, 1);
    let untold = open.replace("\"exit_status\":0", "\"exit_status\":3");
    let both = format!("{open}\n{untold}");
    assert_eq!(piped(&["show", "-q", "-"], both.as_bytes()).status, 3);
}

#[test]
fn what_is_shown_as_json_is_what_was_saved() {
    let text = fs::read_to_string(first()).unwrap();
    let open = text.lines().nth(1).unwrap();
    let once = piped(&["show", "-", "-o", "json"], open.as_bytes()).stdout;
    let again = piped(&["show", "-", "-o", "json"], once.as_bytes()).stdout;
    assert_eq!(once, again);
    let (before, after): (Value, Value) = (
        serde_json::from_str(open).unwrap(),
        serde_json::from_str(&once).unwrap(),
    );
    for key in ["started_at", "summary", "verdict", "target", "tool"] {
        assert_eq!(before[key], after[key], "{key}");
    }
    assert_eq!(
        before["observations"].as_array().unwrap().len(),
        after["observations"].as_array().unwrap().len()
    );
}

#[test]
fn several_files_and_forms_are_one_result() {
    let dir = tempfile::tempdir().unwrap();
    let saved = dir.path().join("both.json");
    let path = first();
    let run = nwcheck([
        "show",
        &path,
        &path,
        "-o",
        "jsonl",
        "--save",
        saved.to_str().unwrap(),
    ]);
    assert_eq!((run.status, run.stdout.lines().count()), (1, 4));
    let batch: Value = serde_json::from_str(&fs::read_to_string(&saved).unwrap()).unwrap();
    assert_eq!(batch["schema"], "nwcheck.batch/1");
    assert_eq!(batch["reports"].as_array().unwrap().len(), 4);
    assert_eq!(batch["exit_status"], 1);
    let run = nwcheck(["show", "-q", saved.to_str().unwrap()]);
    assert_eq!((run.status, run.stderr.as_str()), (1, ""));
}

#[test]
fn what_is_no_report_is_said_with_its_place() {
    let text = fs::read_to_string(first()).unwrap();
    for (input, what) in [
        (&b""[..], "stdin: it is empty"),
        (b"\x89PNG\r\n", "stdin: it is not UTF-8 from byte 0 on"),
        (b"hello", "stdin, line 1 column 1: it is no JSON"),
        (b"{\"a\": 1}", "stdin: it has no `schema`"),
        (
            &text.as_bytes()[..400],
            "stdin, line 1 column 400: it ends in the middle",
        ),
    ] {
        let run = piped(&["show", "-"], input);
        assert_eq!((run.status, run.stdout.as_str()), (2, ""), "{what}");
        assert!(run.stderr.contains(what), "{}", run.stderr);
        assert!(
            run.stderr.contains("expected the JSON report of a check"),
            "{}",
            run.stderr
        );
        assert_eq!(run.stderr.lines().count(), 1);
    }
}
