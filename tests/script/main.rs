//! The script of the page that `-o html` writes: checked by node, and run by it on a page that the program made, with as much of a
//! document as the script uses (`document.js`). No browser is needed, and none is replaced: layout, colours and the policy are not seen.
//!
//! Where there is no node the tests are reported as ignored; with `NWCHECK_LAB=required` in the environment they fail instead.

// All of this is a test; clippy knows only the functions that are marked as one.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use libtest_mimic::{Arguments, Failed, Trial};
use nwcheck::model::saved::{self, Saved};
use nwcheck::report::{Document, Form, Style, render};

const SCRIPT: &str = "src/report/html/script.js";

fn main() {
    let node = Command::new("node").arg("--version").output();
    let there = node.is_ok_and(|output| output.status.success());
    let required = std::env::var_os("NWCHECK_LAB").is_some_and(|value| value == "required");
    let name = |name: &str| {
        if there || required {
            name.to_owned()
        } else {
            format!("{name} (ignored: there is no node)")
        }
    };
    let trials = [
        Trial::test(name("the script is well formed"), well_formed),
        Trial::test(name("the script sorts, zooms, tells and saves"), works),
    ];
    let trials = trials.map(|trial| trial.with_ignored_flag(!there && !required));
    libtest_mimic::run(&Arguments::from_args(), trials.into()).exit();
}

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
        root().join("tests/script/document.js"),
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
