//! For a wiki, a ticket or a runbook: GitHub Flavored Markdown, a section for each finding.

use std::fmt::Write as _;

use super::{heading, origin, paragraphs, parts, severity, spans};
use crate::diagnose::Rule;

/// One finding is a section of its own; several are below the links of the chain.
pub(super) fn render(rules: &[&Rule]) -> String {
    let mut text = String::new();
    let several = rules.len() > 1;
    let level = if several { "###" } else { "##" };
    let mut part = None;
    for rule in rules {
        if several && part != Some(rule.id.origin()) {
            part = Some(rule.id.origin());
            put(&mut text, &format!("## {}", heading(rule.id)));
        }
        put(&mut text, &format!("{level} {}", rule.id));
        put(
            &mut text,
            &format!("*{}, {}*", severity(rule.id), origin(rule.id)),
        );
        for (title, words) in parts(rule) {
            for (number, paragraph) in paragraphs(words).iter().enumerate() {
                let title = if number == 0 {
                    format!("**{title}.** ")
                } else {
                    String::new()
                };
                put(&mut text, &format!("{title}{}", escaped(paragraph)));
            }
        }
    }
    text
}

/// A block, with an empty line before it.
fn put(text: &mut String, block: &str) {
    if !text.is_empty() {
        text.push('\n');
    }
    // Writing to a string can't fail.
    let _ = writeln!(text, "{block}");
}

/// Running text whose characters mean nothing to Markdown; code stays as it is between its backquotes (CommonMark 0.31, sections 2.4
/// and 6.1).
fn escaped(paragraph: &str) -> String {
    let mut text = String::new();
    for (is_code, span) in spans(paragraph) {
        if is_code {
            let _ = write!(text, "`{span}`");
            continue;
        }
        for character in span.chars() {
            if "\\*_<>[]|#@".contains(character) {
                text.push('\\');
            }
            text.push(character);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn text_means_nothing_to_markdown_and_code_stays() {
        assert_eq!(
            escaped("a_b <c> `ss -tn 'x_y' <z>` *"),
            r"a\_b \<c\> `ss -tn 'x_y' <z>` \*"
        );
    }
}
