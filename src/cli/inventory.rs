//! Inventories of machines (`--inventory`), read from their files.

use std::path::Path;

use super::{Usage, saved};
use crate::model::inventory::Inventory;

/// The longest file that is read, in bytes.
const LONGEST: u64 = 16 * 1024 * 1024;
/// What stands for the host aliases of ssh, and is no file.
const SSH: &str = "ssh";

/// Reads an inventory; none where the host aliases of ssh are meant.
///
/// # Errors
/// The file can't be read, or is no inventory: wrong usage, with the line. What stands in the file is not repeated: it may be secret.
pub fn read(path: &Path) -> Result<Option<Inventory>, Usage> {
    if path.as_os_str() == SSH {
        return Ok(None);
    }
    let wrong = |what: String| {
        Usage::new(
            format!("--inventory {}", path.display()),
            what,
            "an Ansible inventory in INI form or as JSON, or ssh for its host aliases",
            "--inventory hosts.json, written by: ansible-inventory -i hosts.yml --list",
        )
    };
    let bytes = saved::content(path, LONGEST)
        .map_err(|error| wrong(format!("it can't be read: {error}")))?;
    if bytes.len() as u64 > LONGEST {
        return Err(wrong("it is longer than 16 MiB".to_owned()));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        wrong(format!("it is not UTF-8 from byte {at} on"))
    })?;
    let inventory = Inventory::read(&path.display().to_string(), &text);
    inventory
        .map(Some)
        .map_err(|fault| wrong(fault.to_string()))
}
