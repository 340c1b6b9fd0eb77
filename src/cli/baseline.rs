//! An earlier report of the same target (`--baseline`), read from its file.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use serde_json::Value;

use super::Usage;
use crate::model::report::{BATCH_SCHEMA, Batch, REPORT_SCHEMA};
use crate::model::{Report, Target};

/// The longest file that is read.
const LONGEST: u64 = 64 * 1024 * 1024;

/// Reads the reports in a file: one report, a batch, or one report a line.
///
/// # Errors
/// The file can't be read, or is no report: wrong usage, with its place.
pub fn read(path: &Path) -> Result<Vec<Report>, Usage> {
    let wrong = |what: String| {
        Usage::new(
            format!("--baseline {}", path.display()),
            what,
            "the JSON report of an earlier check",
            "one made with --save report.json",
        )
    };
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(LONGEST).read_to_string(&mut text))
        .map_err(|error| wrong(format!("it can't be read: {error}")))?;
    match serde_json::from_str::<Value>(&text) {
        Ok(value) => reports(value).map_err(&wrong),
        // Not one document: one a line.
        Err(error) => {
            let lines = text.lines().filter(|line| !line.trim().is_empty());
            let mut all = Vec::new();
            for line in lines {
                let value = serde_json::from_str(line)
                    .map_err(|_| wrong(format!("it is no JSON: {error}")))?;
                all.extend(reports(value).map_err(&wrong)?);
            }
            if all.is_empty() {
                return Err(wrong("it is empty".to_owned()));
            }
            Ok(all)
        }
    }
}

fn reports(value: Value) -> Result<Vec<Report>, String> {
    let broken = |error: serde_json::Error| format!("it is no report: {error}");
    match value.get("schema").and_then(Value::as_str) {
        Some(REPORT_SCHEMA) => Ok(vec![serde_json::from_value(value).map_err(broken)?]),
        Some(BATCH_SCHEMA) => Ok(serde_json::from_value::<Batch>(value)
            .map_err(broken)?
            .reports),
        Some(other) => Err(format!("its schema `{other}` is not known to this version")),
        None => Err("it has no `schema`: it is no report of nwcheck".to_owned()),
    }
}

/// The newest of the reports that is about the same host, and the same port where both have one.
pub fn of<'a>(reports: &'a [Report], target: &Target) -> Option<&'a Report> {
    let host = |target: &Target| target.host.trim_end_matches('.').to_owned();
    reports
        .iter()
        .filter(|report| host(&report.target) == host(target))
        .max_by_key(|report| (report.target.port == target.port, report.started_at))
}
