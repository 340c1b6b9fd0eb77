//! For people: a list by the links of the chain, or one finding in full.

use super::{heading, origin, paragraphs, parts, severity};
use crate::diagnose::Rule;
use crate::report::Style;
use crate::report::text::layout::{Ink, Page};

/// All of them, a line each or two.
pub(super) fn list(rules: &[&Rule], style: &Style) -> String {
    let mut page = Page::new(style);
    let widest = rules
        .iter()
        .map(|rule| rule.id.as_str().len())
        .max()
        .unwrap_or(0);
    let worst = rules.iter().map(|rule| severity(rule.id).len()).max();
    let worst = worst.unwrap_or(0);
    let mut origin = None;
    for rule in rules {
        if origin != Some(rule.id.origin()) {
            if origin.is_some() {
                page.blank();
            }
            origin = Some(rule.id.origin());
            page.line(&[(Ink::Strong, heading(rule.id))]);
        }
        let label = format!(
            "  {:widest$}  {:worst$}  ",
            rule.id.as_str(),
            severity(rule.id)
        );
        page.hanging(
            &[(Ink::Label, &label)],
            first_sentence(rule.explain.meaning),
        );
    }
    page.blank();
    page.line(&[(Ink::Plain, "One in full: nwcheck explain ID")]);
    page.finish()
}

/// One of them in full.
pub(super) fn one(rule: &Rule, style: &Style) -> String {
    let mut page = Page::new(style);
    let of = format!(" ({}, {})", severity(rule.id), origin(rule.id));
    page.line(&[(Ink::Strong, rule.id.as_str()), (Ink::Faint, &of)]);
    for (title, text) in parts(rule) {
        page.blank();
        page.line(&[(Ink::Label, title)]);
        for paragraph in paragraphs(text) {
            page.paragraph(2, &paragraph);
        }
    }
    page.finish()
}

fn first_sentence(text: &str) -> &str {
    let end = text
        .match_indices(". ")
        .chain(text.match_indices(".\n"))
        .map(|(at, _)| at)
        .min();
    end.and_then(|end| text.get(..=end)).unwrap_or(text).trim()
}
