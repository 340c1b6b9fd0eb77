//! An earlier report of the same target (`--baseline`), read from its file.

use std::path::Path;

use super::{Usage, saved};
use crate::model::saved::Saved;
use crate::model::{Report, Target};

/// Reads the reports in a file: one report, a batch, or several one after the other.
///
/// # Errors
/// The file can't be read, or is no report: wrong usage, with its place.
pub fn read(path: &Path) -> Result<Vec<Report>, Usage> {
    let documents = saved::read(path, "--baseline")?;
    Ok(documents.iter().flat_map(Saved::reports).cloned().collect())
}

/// The newest of the reports that is about the same host, and the same port where both have one.
pub fn of<'a>(reports: &'a [Report], target: &Target) -> Option<&'a Report> {
    let host = |target: &Target| target.host.trim_end_matches('.').to_owned();
    reports
        .iter()
        .filter(|report| host(&report.target) == host(target))
        .max_by_key(|report| (report.target.port == target.port, report.started_at))
}
