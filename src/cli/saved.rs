//! Files of saved reports: read, bounded, understood.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::Usage;
use crate::model::saved::{self, Saved};

/// The longest file that is read, in bytes: thousands of reports.
const LONGEST: u64 = 64 * 1024 * 1024;

/// Reads the documents in a file; `-` is stdin. `option` names the option that the file was typed with; empty for an argument.
///
/// # Errors
/// The file can't be read, or is no report: wrong usage, with its place.
pub fn read(path: &Path, option: &str) -> Result<Vec<Saved>, Usage> {
    let name = if path.as_os_str() == "-" {
        "stdin".to_owned()
    } else {
        path.display().to_string()
    };
    let name = format!("{option} {name}").trim_start().to_owned();
    let wrong = |place: &str, what: String| {
        Usage::new(
            format!("{name}{place}"),
            what,
            "the JSON report of a check",
            "one made with --save report.json",
        )
    };
    let bytes =
        content(path, LONGEST).map_err(|error| wrong("", format!("it can't be read: {error}")))?;
    if bytes.len() as u64 > LONGEST {
        return Err(wrong("", "it is longer than 64 MiB".to_owned()));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        wrong("", format!("it is not UTF-8 from byte {at} on"))
    })?;
    saved::read(&text).map_err(|fault| {
        let place = fault
            .place
            .map(|(line, column)| format!(", line {line} column {column}"));
        wrong(&place.unwrap_or_default(), fault.what)
    })
}

/// What is in it, one byte more than is allowed where it is longer.
pub(super) fn content(path: &Path, longest: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if path.as_os_str() == "-" {
        io::stdin()
            .lock()
            .take(longest + 1)
            .read_to_end(&mut bytes)?;
    } else {
        File::open(path)?
            .take(longest + 1)
            .read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}
