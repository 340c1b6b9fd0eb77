//! A table of autonomous systems (`--as-database`), read from its file.

use std::path::Path;

use super::{Usage, saved};
use crate::model::systems::Systems;

/// The longest file that is read, in bytes: several times a table of all that is routed.
const LONGEST: u64 = 256 * 1024 * 1024;
/// How a file that gzip made begins (RFC 1952 section 2.3.1).
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Reads a table.
///
/// # Errors
/// The file can't be read, or is no such table: wrong usage, with the line.
pub fn read(path: &Path) -> Result<Systems, Usage> {
    let wrong = |what: String| {
        Usage::new(
            format!("--as-database {}", path.display()),
            what,
            "a table with a range of addresses a line: first, last, AS number, country, name, separated by tabs",
            "192.0.2.0<TAB>192.0.2.255<TAB>64500<TAB>ZZ<TAB>EXAMPLE",
        )
    };
    let bytes = saved::content(path, LONGEST)
        .map_err(|error| wrong(format!("it can't be read: {error}")))?;
    if bytes.len() as u64 > LONGEST {
        return Err(wrong("it is longer than 256 MiB".to_owned()));
    }
    if bytes.starts_with(&GZIP) {
        return Err(wrong("it is compressed: gunzip it first".to_owned()));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        wrong(format!("it is not UTF-8 from byte {at} on"))
    })?;
    let systems = Systems::read(&text).map_err(|fault| wrong(fault.to_string()))?;
    if systems.is_empty() {
        return Err(wrong("it holds no range".to_owned()));
    }
    Ok(systems)
}
