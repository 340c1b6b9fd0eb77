//! A report as annotations of a GitHub Actions run: one workflow command a line.
//!
//! The runner reads every line that a step prints. It takes a line that begins with `::` for a command, and in any other line looks for
//! `##[`; so each line here is a command of this program, and what stands in it is escaped as the runner undoes it
//! (<https://github.com/actions/runner>, `src/Runner.Common/ActionCommand.cs`).

use super::{Document, Style, Verbosity, lines};
use crate::model::Report;
use crate::model::finding::Severity;
use crate::model::report::Verdict;
use crate::model::text::deceives;

/// A document.
pub fn render(document: Document<'_>, style: &Style) -> String {
    let mut text = String::new();
    for report in document.reports() {
        annotate(&mut text, report, style.verbosity);
    }
    text
}

/// The verdict with its cause; then what else was found.
fn annotate(text: &mut String, report: &Report, verbosity: Verbosity) {
    let label = report.target.label();
    let level = match report.verdict {
        Verdict::Pass => "notice",
        Verdict::Warn => "warning",
        // The step fails for either.
        Verdict::Fail | Verdict::Indeterminate => "error",
    };
    let reason = lines::reason(report).filter(|_| report.verdict != Verdict::Pass);
    let mut told = vec![report.summary.clone()];
    if verbosity > Verbosity::Quiet {
        if let Some(reason) = reason {
            if !lines::is_summed_up(report, reason) {
                told.push(reason.title.clone());
            }
            told.extend(lines::of(reason));
        }
        let missing = report.not_measured.iter();
        told.extend(
            missing.map(|missing| format!("Not measured: {}: {}", missing.what, missing.why)),
        );
    }
    let title = match reason {
        Some(reason) => format!("nwcheck {label} {}", reason.id),
        None => format!("nwcheck {label}"),
    };
    command(text, level, &title, &told);
    if verbosity == Verbosity::Quiet {
        return;
    }
    for finding in &report.findings {
        let level = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info if verbosity == Verbosity::Verbose => "notice",
            Severity::Info => continue,
        };
        if !reason.is_some_and(|reason| std::ptr::eq(reason, finding)) {
            let mut told = vec![finding.title.clone()];
            told.extend(lines::of(finding));
            let title = format!("nwcheck {label} {}", finding.id);
            command(text, level, &title, &told);
        }
    }
}

fn command(text: &mut String, level: &str, title: &str, told: &[String]) {
    let told: Vec<String> = told.iter().map(|line| data(line)).collect();
    text.push_str(&format!(
        "::{level} title={}::{}\n",
        property(title),
        told.join("%0A")
    ));
}

/// One line of a message.
fn data(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '%' => safe.push_str("%25"),
            // Line breaks too: they are none of ours.
            c if deceives(c) => safe.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
            c => safe.push(c),
        }
    }
    safe
}

/// The value of a property, which a colon and a comma end.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::{data, property, render};
    use crate::report::fixtures;
    use crate::report::text::tests::compare_file;

    #[test]
    fn annotations_are_what_was_looked_at() {
        compare_file("annotations.github.txt", &fixtures::rendered(render));
    }

    #[test]
    fn nothing_ends_a_property_or_a_line() {
        assert_eq!(property("a:b,c%0A\n"), "a%3Ab%2Cc%250A\\u{a}");
        assert_eq!(data("::error::x\r\n100 %"), "::error::x\\u{d}\\u{a}100 %25");
    }
}
