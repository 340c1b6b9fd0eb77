//! Saved reports, seen again: nothing is measured.

use crate::cli::terminal::Terminal;
use crate::cli::{Show, saved};
use crate::diagnose;
use crate::model::saved::{Saved, joined};
use crate::model::{ExitStatus, Report};
use crate::report::Document;

/// `nwcheck show`: reads the files, judges them anew where that was asked for, and prints and saves them.
pub(super) fn show(show: &Show, terminal: &Terminal) -> anyhow::Result<ExitStatus> {
    let mut documents = Vec::new();
    for file in &show.files {
        match saved::read(file, "") {
            Ok(read) => documents.extend(read),
            Err(usage) => return Ok(super::wrong(&usage)),
        }
    }
    if show.rejudge {
        for document in &mut documents {
            document.reports_mut().iter_mut().for_each(rejudge);
            if let Saved::Batch(batch) = document {
                batch.exit_status = crate::model::saved::worst(&batch.reports).code();
            }
        }
    }
    let Some(whole) = joined(documents) else {
        anyhow::bail!("no report was read");
    };
    let document = match &whole {
        Saved::Report(report) => Document::Report(report),
        Saved::Batch(batch) => Document::Batch(batch),
    };
    super::deliver(document, &show.config, terminal, whole.exit(), true)
}

/// What was measured, judged by the rules of today.
fn rejudge(report: &mut Report) {
    let redacted = report.redacted;
    *report = diagnose::diagnose(&report.evidence());
    report.redacted = redacted;
}
