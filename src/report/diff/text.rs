//! A comparison as text: what it comes to, where the two part, and each step.

use crate::model::diff::{Change, Comparison, Diff, Side};
use crate::report::text::layout::{Ink, Page, gutter};
use crate::report::{Style, Verbosity};

/// All comparisons.
pub fn render(diff: &Diff, style: &Style) -> String {
    let mut page = Page::new(style);
    for comparison in &diff.comparisons {
        if style.verbosity > Verbosity::Quiet {
            page.blank();
        }
        one(&mut page, comparison, style);
    }
    if style.verbosity > Verbosity::Quiet {
        for (letter, only) in [("A", &diff.only_in_a), ("B", &diff.only_in_b)] {
            if !only.is_empty() {
                page.blank();
                page.field(&format!("only in {letter}"), &only.join(", "));
            }
        }
    }
    page.finish()
}

fn one(page: &mut Page<'_>, comparison: &Comparison, style: &Style) {
    let (sign, ink) = sign(comparison.change, style.ascii);
    let parted = comparison.parts_at.map(|step| {
        let first = comparison.steps.iter().find(|one| one.step == step);
        let first = first.and_then(|one| one.differences.first());
        let text = first.map_or("", |difference| difference.text.as_str());
        format!("; they part at {}: {text}", step.as_str())
    });
    let headline = format!(
        "{} {}{}",
        comparison.b.target,
        said(comparison),
        parted.unwrap_or_default()
    );
    page.hanging_in(&[(ink, &format!("{sign} "))], Ink::Strong, &headline);
    if style.verbosity == Verbosity::Quiet {
        return;
    }
    page.blank();
    page.field("A", &side(&comparison.a));
    page.field("B", &side(&comparison.b));
    page.blank();
    for compared in &comparison.steps {
        let label = gutter(compared.step.as_str());
        if compared.differences.is_empty() {
            page.hanging_in(&[(Ink::Label, &label)], Ink::Faint, "the same");
        }
        for (number, difference) in compared.differences.iter().enumerate() {
            let label = if number == 0 {
                label.clone()
            } else {
                gutter("")
            };
            let (_, ink) = self::sign(difference.change, style.ascii);
            let word = format!("{}  ", difference.change.as_str());
            let about = difference.endpoint.as_ref();
            let about = about.filter(|_| comparison.steps.len() > 1 && many(comparison));
            let text = match about {
                Some(endpoint) => format!("{endpoint}: {}", difference.text),
                None => difference.text.clone(),
            };
            page.hanging(&[(Ink::Label, &label), (ink, &word)], &text);
        }
    }
    for (number, note) in comparison.notes.iter().enumerate() {
        page.field(if number == 0 { "note" } else { "" }, note);
    }
}

/// Whether the differences are about several addresses, so that each has to say about which.
fn many(comparison: &Comparison) -> bool {
    let mut all = comparison
        .steps
        .iter()
        .flat_map(|step| &step.differences)
        .filter_map(|difference| difference.endpoint.as_ref());
    let first = all.next();
    all.any(|endpoint| Some(endpoint) != first)
}

/// What a comparison comes to, as the rest of a sentence about its target.
pub(super) fn said(comparison: &Comparison) -> &'static str {
    match comparison.change {
        Change::Same => "is the same",
        Change::Changed => "changed, neither for better nor for worse",
        Change::Better => "is better",
        Change::Worse => "is worse",
        Change::Unknown => "can't be compared: one of the two could not tell",
    }
}

/// A report on one line.
pub(super) fn side(side: &Side) -> String {
    let host = side.host.as_ref();
    let from = host.map_or(String::new(), |host| format!(" from {host}"));
    let cause = side.cause.map_or(String::new(), |id| format!(", {id}"));
    format!(
        "{}{from}: {}, {}{cause}",
        side.started_at,
        side.status.as_str(),
        side.verdict.as_str()
    )
}

/// The sign of a change; it never stands without words.
const fn sign(change: Change, ascii: bool) -> (&'static str, Ink) {
    match (change, ascii) {
        (Change::Same, _) => ("=", Ink::Good),
        (Change::Changed, _) => ("~", Ink::Plain),
        (Change::Better, false) => ("✓", Ink::Good),
        (Change::Better, true) => ("[better]", Ink::Good),
        (Change::Worse, false) => ("✗", Ink::Bad),
        (Change::Worse, true) => ("[worse]", Ink::Bad),
        (Change::Unknown, _) => ("?", Ink::Warn),
    }
}
