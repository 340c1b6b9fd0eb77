//! What is written for other programs, read by those programs.
//!
//! | reader | what it reads |
//! |---|---|
//! | node | the script of the page that `-o html` writes, run on a page that the program made, with as much of a document as the script uses (`document.js`). No browser is needed, and none is replaced: layout, colours and the policy are not seen |
//! | jq | every report that the tests hold, and the commands in the documentation, whose output is compared |
//!
//! Where a reader is missing its tests are reported as ignored; with `NWCHECK_LAB=required` in the environment they fail instead.

// All of this is a test; clippy knows only the functions that are marked as one.
#![allow(clippy::unwrap_used)]

mod recipes;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use libtest_mimic::{Arguments, Failed, Trial};
use nwcheck::model::saved::{self, Saved};
use nwcheck::report::{Document, Form, Style, render};

const SCRIPT: &str = "src/report/html/script.js";

fn main() {
    let required = std::env::var_os("NWCHECK_LAB").is_some_and(|value| value == "required");
    let cases: [(&str, &str, Case); 4] = [
        ("node", "the script is well formed", well_formed),
        ("node", "the script sorts, zooms, tells and saves", works),
        ("jq", "every report is read", recipes::every_report_is_read),
        (
            "jq",
            "the pages' commands print what they say",
            recipes::run,
        ),
    ];
    let trials = cases.map(|(reader, what, case)| {
        let there = Command::new(reader).arg("--version").output();
        let there = there.is_ok_and(|output| output.status.success());
        let ignored = !there && !required;
        let reason = if ignored {
            format!(" (ignored: there is no {reader})")
        } else {
            String::new()
        };
        Trial::test(format!("{reader}: {what}{reason}"), case).with_ignored_flag(ignored)
    });
    libtest_mimic::run(&Arguments::from_args(), trials.into()).exit();
}

type Case = fn() -> Result<(), Failed>;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn well_formed() -> Result<(), Failed> {
    passed(&node(&[Path::new("--check"), &root().join(SCRIPT)])?)
}

fn works() -> Result<(), Failed> {
    let saved = fs::read_to_string(root().join("tests/cli/saved/first-slice.jsonl"))?;
    let read = saved::read(&saved).map_err(|fault| fault.what)?;
    let Some(Saved::Batch(batch)) = saved::joined(read) else {
        return Err("the saved reports are no batch".into());
    };
    let dir = tempfile::tempdir()?;
    let (page, json) = (dir.path().join("page.html"), dir.path().join("page.json"));
    let document = Document::Batch(&batch);
    fs::write(&page, render(document, Form::Html, &Style::default())?)?;
    fs::write(&json, render(document, Form::Json, &Style::default())?)?;
    let files: [PathBuf; 4] = [
        root().join("tests/readers/document.js"),
        root().join(SCRIPT),
        page,
        json,
    ];
    let files: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
    passed(&node(&files)?)
}

fn node(words: &[&Path]) -> std::io::Result<Output> {
    Command::new("node").args(words).output()
}

fn passed(output: &Output) -> Result<(), Failed> {
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).into_owned().into())
}
