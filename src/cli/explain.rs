//! `nwcheck explain`: what a finding means, how it is proven, what to do, and what else looks like it.
//!
//! One file a form: `text` for people, `json` for scripts, `markdown` for a wiki or a ticket, `page` for `nwcheck-findings(7)`.

mod json;
mod markdown;
pub(super) mod page;
mod text;

use crate::cli::Usage;
use crate::cli::config::{Explain, ProseForm};
use crate::diagnose::Rule;
use crate::model::Id;
use crate::report::Style;

/// The explanation of one finding, or of all; as text all are a list.
///
/// # Errors
/// An ID that is no finding's, with those that are nearly it.
pub fn run(asked: &Explain, rules: &[&Rule], style: &Style) -> Result<String, Usage> {
    let one;
    let chosen = match asked.id.as_deref() {
        None => rules,
        Some(id) => {
            let wanted = id.trim().to_lowercase();
            let found = rules.iter().find(|rule| rule.id.as_str() == wanted);
            one = [*found.ok_or_else(|| unknown(id, rules))?];
            &one
        }
    };
    Ok(match asked.form {
        ProseForm::Text if asked.id.is_none() => text::list(chosen, style),
        ProseForm::Text => chosen.iter().map(|rule| text::one(rule, style)).collect(),
        ProseForm::Json => json::render(chosen),
        ProseForm::Markdown => markdown::render(chosen),
    })
}

/// The parts of an explanation, each with its title.
fn parts(rule: &Rule) -> [(&'static str, &'static str); 4] {
    [
        ("Meaning", rule.explain.meaning),
        ("Proof", rule.explain.proof),
        ("Remedy", rule.explain.remedy),
        ("Lookalikes", rule.explain.lookalikes),
    ]
}

fn unknown(id: &str, rules: &[&Rule]) -> Usage {
    let id = id.to_lowercase();
    let mut near: Vec<(usize, &str)> = rules
        .iter()
        .map(|rule| rule.id.as_str())
        .map(|known| (distance(&id, known), known))
        .filter(|(far, known)| *far <= 3 + known.len() / 6 || known.contains(id.as_str()))
        .collect();
    near.sort_by_key(|(far, _)| *far);
    near.dedup();
    let names: Vec<&str> = near.iter().take(3).map(|(_, name)| *name).collect();
    let what = match names.as_slice() {
        [] => "there is no such finding".to_owned(),
        names => format!(
            "there is no such finding; did you mean {}?",
            names.join(" or ")
        ),
    };
    Usage::new(
        format!("explain {id}"),
        what,
        "an ID that `nwcheck explain` lists",
        format!(
            "nwcheck explain {}",
            names.first().unwrap_or(&"port-filtered")
        ),
    )
}

/// How many characters have to be put in, taken out or changed (Levenshtein, 1965).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut last = i;
        let mut left = i + 1;
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (cell, to) in row.iter_mut().skip(1).zip(&b) {
            let best = (last + usize::from(from != *to))
                .min(left + 1)
                .min(*cell + 1);
            last = *cell;
            left = best;
            *cell = best;
        }
    }
    row.last().copied().unwrap_or(0)
}

/// How bad a finding of this kind is.
const fn severity(id: Id) -> &'static str {
    match id {
        Id::DestinationIntermittent | Id::PathPartial => "error or warning",
        Id::LocalMultihomed | Id::LocalCpuHigh | Id::LocalMemoryHigh => "info or warning",
        Id::LocalProxyConfigured | Id::PathMtuReduced => "info",
        Id::DnsServerDown
        | Id::DnsInconsistent
        | Id::DnsTypeUnanswered
        | Id::DnsSlow
        | Id::LocalInterfaceErrors
        | Id::PathLoss
        | Id::PathLatency
        | Id::UdpNoAnswer
        | Id::DestinationAddressPartial
        | Id::DestinationIpv4Broken
        | Id::DestinationIpv6Broken => "warning",
        _ => "error",
    }
}

fn origin(id: Id) -> &'static str {
    id.origin().as_str()
}

/// The link of the chain that a finding belongs to.
fn heading(id: Id) -> &'static str {
    use crate::model::Origin;
    match id.origin() {
        Origin::Name => "Name: DNS and hosts",
        Origin::Local => "Local: this machine",
        Origin::Path => "Path: routers in between",
        Origin::Destination => "Destination: the host and its port",
        Origin::Service => "Service: what speaks on the port",
        Origin::Policy => "Policy: what was demanded",
    }
}

/// Paragraphs, each on one line: what stands on lines of its own in the source is one paragraph until an empty line.
fn paragraphs(text: &str) -> Vec<String> {
    text.split("\n\n")
        .map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|paragraph| !paragraph.is_empty())
        .collect()
}

/// A paragraph taken apart at its backquotes: running text and code in turn, text first.
fn spans(paragraph: &str) -> impl Iterator<Item = (bool, &str)> {
    let spans = paragraph.split('`').enumerate();
    spans.map(|(number, span)| (number % 2 == 1, span))
}

#[cfg(test)]
mod tests {
    use super::{distance, run};
    use crate::cli::config::{Explain as Asked, ProseForm};
    use crate::diagnose::{Explain, Judge, Rule};
    use crate::model::Id;
    use crate::report::Style;

    const RULE: Rule = Rule {
        id: Id::PortFiltered,
        explain: Explain {
            meaning: "The host is up, and its port does not answer. More is not known.",
            proof: "Something else of the host answers.",
            remedy: "Ask its owner.",
            lookalikes: "A firewall before it.\n\nA host that is off.",
        },
        judge: Judge::Composed,
    };

    fn asked(id: Option<&str>, form: ProseForm) -> Asked {
        Asked {
            id: id.map(str::to_owned),
            form,
            ..Asked::default()
        }
    }

    #[test]
    fn the_list_has_a_line_for_each() {
        let text = run(&asked(None, ProseForm::Text), &[&RULE], &Style::default()).unwrap();
        assert_eq!(
            text,
            "Destination: the host and its port\n  port-filtered  error  The host is up, and its port does not answer.\n\nOne in full: nwcheck explain ID\n"
        );
    }

    #[test]
    fn one_is_told_in_full() {
        let text = run(
            &asked(Some("Port-Filtered"), ProseForm::Text),
            &[&RULE],
            &Style::default(),
        )
        .unwrap();
        assert!(
            text.starts_with("port-filtered (error, destination)\n\nMeaning\n  The host is up")
        );
        assert!(
            text.ends_with("Lookalikes\n  A firewall before it.\n  A host that is off.\n"),
            "{text}"
        );
    }

    #[test]
    fn what_is_not_known_is_near_something() {
        let said = run(
            &asked(Some("port-filterd"), ProseForm::Text),
            &[&RULE],
            &Style::default(),
        )
        .unwrap_err()
        .to_string();
        assert!(said.contains("did you mean port-filtered?"), "{said}");
        let said = run(
            &asked(Some("zzz"), ProseForm::Text),
            &[&RULE],
            &Style::default(),
        )
        .unwrap_err();
        assert!(!said.to_string().contains("did you mean"));
    }

    #[test]
    fn the_distance_is_the_textbook_one() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("same", "same"), 0);
    }
}
