//! A comparison as Markdown, for a ticket or a pull request.

use super::text::{said, side};
use crate::model::diff::{Change, Comparison, Diff};
use crate::model::text::deceives;

/// All comparisons.
pub fn render(diff: &Diff) -> String {
    let mut text = String::new();
    for comparison in &diff.comparisons {
        one(&mut text, comparison);
    }
    for (letter, only) in [("A", &diff.only_in_a), ("B", &diff.only_in_b)] {
        if !only.is_empty() {
            let only: Vec<String> = only.iter().map(|target| plain(target)).collect();
            text.push_str(&format!("Only in {letter}: {}\n\n", only.join(", ")));
        }
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

fn one(text: &mut String, comparison: &Comparison) {
    text.push_str(&format!(
        "### {} {}\n\n",
        plain(&comparison.b.target),
        plain(said(comparison))
    ));
    if let Some(step) = comparison.parts_at {
        text.push_str(&format!("They part at **{}**.\n\n", step.as_str()));
    }
    text.push_str(&format!(
        "- A: {}\n- B: {}\n\n| step | change | what |\n|---|---|---|\n",
        plain(&side(&comparison.a)),
        plain(&side(&comparison.b))
    ));
    for compared in &comparison.steps {
        let step = compared.step.as_str();
        if compared.differences.is_empty() {
            text.push_str(&format!("| {step} | same | |\n"));
        }
        for difference in &compared.differences {
            let word = match difference.change {
                Change::Worse => "**worse**",
                other => other.as_str(),
            };
            let about = difference.endpoint.as_ref();
            let about = about.map_or(String::new(), |endpoint| format!("{endpoint}: "));
            let what = plain(&format!("{about}{}", difference.text));
            text.push_str(&format!("| {step} | {word} | {what} |\n"));
        }
    }
    text.push('\n');
    for note in &comparison.notes {
        text.push_str(&format!("> {}\n>\n", plain(note)));
    }
    if !comparison.notes.is_empty() {
        text.truncate(text.trim_end_matches(">\n").len());
        text.push('\n');
    }
}

/// Text that stays text: no markup, no HTML, no link, no image, no mention of a person, and no end of a cell.
fn plain(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            _ if deceives(c) => safe.push_str(&format!("\\\\u{{{:x}}}", u32::from(c))),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            // Nobody is called by it: between sign and name stands a comment, which is not shown.
            '@' => safe.push_str("@<!-- -->"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '#' | '!' | '|' | '~' => {
                safe.push('\\');
                safe.push(c);
            }
            _ => safe.push(c),
        }
    }
    safe.replace("://", ":&#47;&#47;")
        .replace("www.", "www&#46;")
}
