//! The findings: what is wrong, what proves it, what to do; and the criteria beside them.

use super::Place;
use super::markup::Markup;
use super::table::{self, Cell, Row};
use crate::model::Report;
use crate::model::finding::{Action, Fact, Finding, Severity};
use crate::model::observation::{Observation, ObservationId};
use crate::model::text::count;
use crate::report::text::findings::label;
use crate::report::text::measurements::{demanded, quantity};
use crate::report::text::observation;

/// So many attempts are shown beneath a fact: as many as a burst has. The JSON has all.
const SHOWN: usize = 10;

/// Puts the findings, the cause first.
pub(super) fn put(markup: &mut Markup, place: &Place<'_>) {
    place.section(markup, "findings", "Findings", |m| {
        if place.report.findings.is_empty() {
            m.says("p", &[], "Nothing was found to be wrong.");
        }
        for (number, finding) in (1..).zip(&place.report.findings) {
            one(m, place, number, finding);
        }
    });
}

fn one(markup: &mut Markup, place: &Place<'_>, number: usize, finding: &Finding) {
    let id = format!("{}f{number}", place.prefix);
    let (label, _) = label(place.report, finding);
    let (class, sign) = match finding.severity {
        Severity::Error => ("finding fail", "✗"),
        Severity::Warning => ("finding warn", "!"),
        Severity::Info => ("finding note", "i"),
    };
    let article = [("class", class), ("aria-labelledby", id.as_str())];
    markup.element("article", &article, |m| {
        m.element(place.heading(2), &[("id", &id)], |m| {
            sign_and_words(m, sign, label);
            m.text(": ");
            m.says("code", &[], finding.id.as_str());
        });
        m.says("p", &[("class", "title")], &finding.title);
        if !finding.explanation.is_empty() && finding.explanation != finding.title {
            m.says("p", &[], &finding.explanation);
        }
        if !finding.evidence.is_empty() {
            m.says(place.heading(3), &[], "Proof");
            m.element("ul", &[], |m| {
                for fact in &finding.evidence {
                    proof(m, place.report, fact);
                }
            });
        }
        if !finding.actions.is_empty() {
            m.says(place.heading(3), &[], "What to do");
            m.element("ol", &[], |m| {
                for action in &finding.actions {
                    step(m, action);
                }
            });
        }
        m.element("p", &[("class", "more")], |m| {
            m.text("What it means, how it is proven and what looks like it: ");
            m.says("code", &[], &format!("nwcheck explain {}", finding.id));
        });
    });
}

/// A sign, which is never alone: who listens hears the words.
pub(super) fn sign_and_words(markup: &mut Markup, sign: &str, words: &str) {
    markup.says("span", &[("aria-hidden", "true")], sign);
    markup.text(" ");
    markup.text(words);
}

fn proof(markup: &mut Markup, report: &Report, fact: &Fact) {
    let cited = |id: &ObservationId| report.observations.iter().find(|o| o.id == *id);
    // A saved report may cite what it likes, as often as it likes.
    let shown = fact.observations.iter().take(SHOWN).filter_map(cited);
    let shown: Vec<&Observation> = shown.collect();
    markup.element("li", &[], |m| {
        m.text(&fact.text);
        if shown.is_empty() {
            return;
        }
        m.element("details", &[], |m| {
            let all = count(fact.observations.len() as u64, "attempt");
            m.says("summary", &[], &format!("It rests on {all}"));
            m.element("ul", &[("class", "attempts")], |m| {
                for observation in &shown {
                    m.says("li", &[], &observation::line(observation));
                }
                let more = fact.observations.len().saturating_sub(SHOWN);
                if more > 0 {
                    m.says("li", &[], &format!("and {more} more, in the JSON"));
                }
            });
        });
    });
}

fn step(markup: &mut Markup, action: &Action) {
    markup.element("li", &[], |m| match &action.command {
        None => m.text(&action.text),
        Some(command) => {
            m.text(action.text.trim_end_matches(['.', ':']));
            m.text(":");
            m.command(command);
        }
    });
}

/// Puts what was demanded, and whether it is so.
pub(super) fn criteria(markup: &mut Markup, place: &Place<'_>) {
    if place.report.criteria.is_empty() {
        return;
    }
    place.section(markup, "criteria", "Criteria", |m| {
        let rows: Vec<Row> = place
            .report
            .criteria
            .iter()
            .map(|criterion| {
                let measured = criterion.measured.as_ref();
                let (class, met) = match criterion.met {
                    Some(true) => ("", "✓ met"),
                    Some(false) => ("bad", "✗ not met"),
                    None => ("", "? could not be told"),
                };
                Row {
                    class,
                    ..Row::of(vec![
                        Cell::text(demanded(criterion)),
                        Cell::text(met),
                        Cell::text(
                            measured
                                .map(|value| quantity(&criterion.name, value))
                                .unwrap_or_default(),
                        ),
                    ])
                }
            })
            .collect();
        let id = format!("{}demanded", place.prefix);
        let columns = ["demanded", "is it so?", "measured"];
        table::put(m, &id, "What was demanded", &columns, &rows);
    });
}
