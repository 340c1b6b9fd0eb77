//! Saved reports, seen again: nothing is measured.

use std::hash::RandomState;

use anyhow::Context as _;

use super::Stopped;

use crate::cli::terminal::Terminal;
use crate::cli::{Diff, ProseForm, Show, Usage, output, saved};
use crate::diagnose;
use crate::model::Report;
use crate::model::saved::{Saved, joined};
use crate::report::{self, Document};

/// `nwcheck show`: reads the files, judges them anew where that was asked for, and prints and saves them.
pub(super) fn show(show: &Show, terminal: &Terminal) -> Result<u8, Stopped> {
    let mut documents = Vec::new();
    for file in &show.files {
        documents.extend(saved::read(file, "")?);
    }
    if show.rejudge {
        for document in &mut documents {
            document.reports_mut().iter_mut().for_each(rejudge);
            if let Saved::Batch(batch) = document {
                batch.exit_status = crate::model::saved::worst(&batch.reports).code();
            }
        }
    }
    if show.config.redact {
        let key = RandomState::new();
        let all = documents.iter_mut().flat_map(Saved::reports_mut);
        for report in all {
            report::redact::redact(report, &key).context("the report can't be redacted")?;
        }
    }
    let Some(whole) = joined(documents) else {
        return Err(anyhow::anyhow!("no report was read").into());
    };
    let document = match &whole {
        Saved::Report(report) => Document::Report(report),
        Saved::Batch(batch) => Document::Batch(batch),
    };
    Ok(super::deliver(
        document,
        &show.config,
        terminal,
        whole.exit(),
        true,
    )?)
}

/// `nwcheck diff`: reads both files, and prints what changed.
pub(super) fn diff(typed: &Diff, terminal: &Terminal) -> Result<u8, Stopped> {
    let read = |file| -> Result<Vec<Report>, Usage> {
        let documents = saved::read(file, "")?;
        Ok(documents.iter().flat_map(Saved::reports).cloned().collect())
    };
    let (a, b) = (read(&typed.a)?, read(&typed.b)?);
    let diff = match report::diff::compare(&a, &b) {
        Ok(diff) => diff,
        Err(incomparable) => return Ok(output::failed(&incomparable.to_string()).code()),
    };
    let text = match typed.form {
        ProseForm::Text => report::diff::text(&diff, &terminal.diff_style(typed)),
        ProseForm::Markdown => report::diff::markdown(&diff),
        ProseForm::Json => {
            report::json::render(&diff).context("the comparison can't be written")?
        }
    };
    Ok(output::status(output::print(&text), diff.exit()).code())
}

/// What was measured, judged by the rules of today.
fn rejudge(report: &mut Report) {
    let redacted = report.redacted;
    *report = diagnose::diagnose(&report.evidence());
    report.redacted = redacted;
}
