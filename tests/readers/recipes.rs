//! The commands in the documentation: what follows `$ jq` is run on docs/example.json, and what stands below it is what it prints.

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use libtest_mimic::Failed;

use crate::root;

/// Pages with commands.
const PAGES: [&str; 2] = ["README.md", "docs/json.md"];
/// What they call the report, and where it is.
const REPORT: (&str, &str) = (" report.json", " docs/example.json");

/// Runs the commands of all pages. `NWCHECK_UPDATE_DOCS=1` writes what they print below them instead of comparing it.
pub(super) fn run() -> Result<(), Failed> {
    let mut run = 0;
    for page in PAGES {
        let path = root().join(page);
        let known = fs::read_to_string(&path)?;
        let (made, commands) = filled(&known)?;
        run += commands;
        if std::env::var_os("NWCHECK_UPDATE_DOCS").is_some() {
            fs::write(&path, made)?;
        } else if made != known {
            let lines = known.lines().zip(made.lines());
            let first = lines.into_iter().find(|(known, made)| known != made);
            return Err(format!(
                "{page} is not what is printed: {first:?}; make it anew: NWCHECK_UPDATE_DOCS=1 cargo test --test readers"
            )
            .into());
        }
    }
    if run == 0 {
        return Err("no page has a command".into());
    }
    Ok(())
}

/// A page with the output of its commands as it is today, and how many of them there are.
fn filled(page: &str) -> Result<(String, usize), Failed> {
    let (mut made, mut run) = (String::new(), 0);
    let mut old_output = false;
    for line in page.split_inclusive('\n') {
        let command = line.strip_prefix("$ ").map(str::trim_end);
        if command.is_some() || line.starts_with("```") {
            old_output = false;
        }
        if old_output {
            continue;
        }
        made.push_str(line);
        if let Some(command) = command.filter(|command| command.starts_with("jq ")) {
            made.push_str(&shell(&command.replace(REPORT.0, REPORT.1))?);
            old_output = true;
            run += 1;
        }
    }
    Ok((made, run))
}

fn shell(command: &str) -> Result<String, Failed> {
    let output = Command::new("sh")
        .args(["-c", command])
        .current_dir(root())
        .output()?;
    if !output.status.success() {
        return Err(format!("{command}: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// What is saved as JSON is one document to jq, too, with the same numbers and texts.
pub(super) fn every_report_is_read() -> Result<(), Failed> {
    let mut read = 0;
    let saved = root().join("tests/cli/saved/first-slice.jsonl");
    let lines = fs::read_to_string(saved)?;
    let whole = fs::read_to_string(root().join("docs/example.json"))?;
    for text in lines.lines().chain([whole.as_str()]) {
        let ours: serde_json::Value = serde_json::from_str(text)?;
        let mut jq = Command::new("jq")
            .args(["-c", "."])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut to = jq.stdin.take().ok_or("no pipe to jq")?;
        to.write_all(text.as_bytes())?;
        drop(to);
        let output = jq.wait_with_output()?;
        let theirs: serde_json::Value = serde_json::from_slice(&output.stdout)?;
        if !same(&ours, &theirs) {
            return Err(format!("jq reads something else: {text}").into());
        }
        read += 1;
    }
    if read < 2 {
        return Err("too few reports".into());
    }
    Ok(())
}

/// Whether two documents say the same: jq writes 1.0 as 1 or as 1.0, by its version.
fn same(a: &serde_json::Value, b: &serde_json::Value) -> bool {
    use serde_json::Value::{Array, Number, Object};
    match (a, b) {
        (Number(a), Number(b)) => a.as_f64() == b.as_f64(),
        (Array(a), Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Object(a), Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        _ => a == b,
    }
}
