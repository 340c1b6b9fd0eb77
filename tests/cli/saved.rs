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
fn a_page_holds_its_reports() {
    let json = nwcheck(["show", &first(), "-o", "json"]).stdout;
    let page = nwcheck(["show", &first(), "-o", "html"]);
    assert_eq!(page.stderr, "");
    assert!(page.stdout.starts_with("<!DOCTYPE html>\n"));
    let again = piped(&["show", "-", "-o", "json"], page.stdout.as_bytes());
    assert_eq!((again.stderr.as_str(), again.stdout), ("", json));
    // A page of somebody else's is none of ours.
    let other = piped(&["show", "-"], b"<!DOCTYPE html><title>x</title>");
    assert_eq!(other.status, 2);
    assert!(other.stderr.contains("JSON"), "{}", other.stderr);
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

/// Runs a line of the shell that ends in the program with these words.
fn shell(before: &str, words: &str) -> Run {
    let program = env!("CARGO_BIN_EXE_nwcheck");
    let mut sh = std::process::Command::new("sh");
    sh.env_clear()
        .args(["-c", &format!("{before} exec {program} {words}")]);
    crate::run(&mut sh)
}

#[test]
fn a_full_disk_is_said_and_the_result_still_printed() {
    let dir = tempfile::tempdir().unwrap();
    let saved = dir.path().join("report.json");
    fs::write(&saved, "old").unwrap();
    let text = dir.path().join("report.txt");
    let (open, path) = (first(), saved.display());
    // Half a kilobyte a file, and no signal that would end the program: as a full disk, which gives an error alone.
    let words = format!(
        "show -q {open} --save {path} --save {}",
        dir.path().join("none/x.json").display()
    );
    let run = shell("trap '' XFSZ; ulimit -f 1;", &words);
    assert_eq!(run.status, 3, "{}", run.stderr);
    assert!(run.stdout.contains("is reachable"), "{}", run.stdout);
    let lines: Vec<&str> = run.stderr.lines().collect();
    assert_eq!(lines.len(), 2, "{}", run.stderr);
    assert!(
        lines[0].contains("report.json: File too large")
            && lines[1].contains("none/x.json: No such file or directory"),
        "{}",
        run.stderr
    );
    assert_eq!(fs::read_to_string(&saved).unwrap(), "old");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    let run = shell("", &format!("show -q {open} --save {}", text.display()));
    assert_eq!(run.status, 1, "{}", run.stderr);
    let run = shell("", &format!("show -q {open} > /dev/full"));
    assert_eq!(run.status, 3);
    assert!(
        run.stderr.contains("can't be written to stdout"),
        "{}",
        run.stderr
    );
}

#[test]
fn each_probe_is_told_on_stderr_and_the_result_alone_on_stdout() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let target = listener.local_addr().unwrap().to_string();
    let told = nwcheck(["tcp", &target, "-c", "3", "-vv", "-o", "json"]);
    assert_eq!(told.status, 0, "{}", told.stderr);
    let report: Value = serde_json::from_str(&told.stdout).unwrap();
    let observations = report["observations"].as_array().unwrap().len();
    assert_eq!(told.stderr.lines().count(), observations);
    let connects: Vec<&str> = told
        .stderr
        .lines()
        .filter(|line| line.contains(&format!("connect {target} from port ")))
        .collect();
    assert_eq!(connects.len(), 3, "{}", told.stderr);
    assert!(
        connects[0].starts_with(&format!("{target} #")),
        "{}",
        connects[0]
    );
    // A finding's facts stand on attempts, which are shown beneath them.
    drop(listener);
    let proven = nwcheck(["tcp", &target, "-c", "3", "-v"]);
    assert_eq!((proven.status, proven.stderr.as_str()), (1, ""));
    let beneath = proven
        .stdout
        .lines()
        .filter(|line| line.contains("  connect "));
    assert!(beneath.count() >= 3, "{}", proven.stdout);
}

#[test]
fn two_reports_are_compared() {
    let dir = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(first()).unwrap();
    let (closed, open) = text.split_once('\n').unwrap();
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (good, bad) = (write("good.json", open), write("bad.json", closed));
    let same = nwcheck(["diff", &good, &good]);
    assert_eq!((same.status, same.stderr.as_str()), (0, ""));
    assert!(same.stdout.contains("is the same"), "{}", same.stdout);
    let worse = nwcheck(["diff", &good, &bad, "-o", "json"]);
    assert_eq!((worse.status, worse.stderr.as_str()), (1, ""));
    let schema: Value = serde_json::from_str(&nwcheck(["schema", "--diff"]).stdout).unwrap();
    let diff: Value = serde_json::from_str(&worse.stdout).unwrap();
    let errors: Vec<String> = jsonschema::validator_for(&schema)
        .unwrap()
        .iter_errors(&diff)
        .map(|error| error.to_string())
        .collect();
    assert!(errors.is_empty(), "{errors:?}");
    assert_eq!(
        (&diff["change"], &diff["exit_status"]),
        (&"worse".into(), &1.into())
    );
    let better = nwcheck(["diff", &bad, &good, "-q"]);
    assert_eq!((better.status, better.stdout.lines().count()), (0, 1));
    let marked = nwcheck(["diff", &good, &bad, "-o", "markdown"]);
    assert!(
        marked.stdout.starts_with("### `127.0.0.1:18081` is worse"),
        "{}",
        marked.stdout
    );
    // What can't be compared, and what is no report.
    let echo = write(
        "echo.json",
        &open.replace(
            "\"protocol\":\"tcp\",\"host\"",
            "\"protocol\":\"icmp\",\"host\"",
        ),
    );
    let run = nwcheck(["diff", &good, &echo]);
    assert_eq!((run.status, run.stdout.as_str()), (3, ""), "{}", run.stderr);
    assert!(
        run.stderr.contains("a check by tcp, B by icmp"),
        "{}",
        run.stderr
    );
    let run = nwcheck(["diff", &good, &write("none.json", "{}")]);
    assert_eq!((run.status, run.stdout.as_str()), (2, ""));
    assert!(
        run.stderr.contains("none.json: it has no `schema`"),
        "{}",
        run.stderr
    );
    let run = nwcheck(["show", &write("diff.json", &worse.stdout)]);
    assert!(
        run.stderr.contains("its `schema` is `nwcheck.diff/1`"),
        "{}",
        run.stderr
    );
}

#[test]
fn what_is_redacted_names_nobody_and_is_judged_alike() {
    let text = fs::read_to_string(first()).unwrap();
    let closed = text.lines().next().unwrap();
    // As if it had been a host of somebody's.
    let real = closed.replace("127.0.0.1", "151.101.65.69");
    let run = piped(&["show", "-", "--redact", "-o", "json"], real.as_bytes());
    assert_eq!((run.status, run.stderr.as_str()), (1, ""));
    for secret in ["151.101", "build-7"] {
        assert!(!run.stdout.contains(secret), "{secret}: {}", run.stdout);
    }
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(report["redacted"], true);
    let host = report["target"]["host"].as_str().unwrap();
    assert!(
        host.parse::<std::net::Ipv4Addr>().unwrap().octets()[0] >= 240,
        "{host}"
    );
    assert_eq!(report["target"]["input"], format!("{host}:18081"));
    let again = piped(
        &["show", "-", "--rejudge", "-o", "json"],
        run.stdout.as_bytes(),
    );
    let judged: Value = serde_json::from_str(&again.stdout).unwrap();
    assert_eq!(
        (&judged["cause"], &judged["redacted"]),
        (&report["cause"], &true.into())
    );
    assert_eq!(again.status, 1);
    // While checking, in every way out.
    let dir = tempfile::tempdir().unwrap();
    let saved = dir.path().join("r.json");
    let words = [
        "tcp",
        "127.0.0.1:1",
        "-c",
        "3",
        "--redact",
        "-o",
        "jsonl",
        "--save",
    ];
    let run = nwcheck(words.iter().copied().chain([saved.to_str().unwrap()]));
    assert_eq!(run.status, 1, "{}", run.stderr);
    let line: Value = serde_json::from_str(&run.stdout).unwrap();
    let file: Value = serde_json::from_str(&fs::read_to_string(&saved).unwrap()).unwrap();
    assert_eq!(line["redacted"], true);
    assert_eq!(line, file, "with one key");
}
