//! A comparison as Markdown, for a ticket or a pull request.

use super::text::{said, side};
use crate::model::diff::{Change, Comparison, Diff};
use crate::report::markdown::prose;

/// All comparisons.
pub fn render(diff: &Diff) -> String {
    let mut text = String::new();
    for comparison in &diff.comparisons {
        one(&mut text, comparison);
    }
    for (letter, only) in [("A", &diff.only_in_a), ("B", &diff.only_in_b)] {
        if !only.is_empty() {
            let only: Vec<String> = only.iter().map(|target| prose(target)).collect();
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
        prose(&comparison.b.target),
        prose(said(comparison))
    ));
    if let Some(step) = comparison.parts_at {
        text.push_str(&format!("They part at **{}**.\n\n", step.as_str()));
    }
    text.push_str(&format!(
        "- A: {}\n- B: {}\n\n| step | change | what |\n|---|---|---|\n",
        prose(&side(&comparison.a)),
        prose(&side(&comparison.b))
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
            let what = prose(&format!("{about}{}", difference.text));
            text.push_str(&format!("| {step} | {word} | {what} |\n"));
        }
    }
    text.push('\n');
    for note in &comparison.notes {
        text.push_str(&format!("> {}\n>\n", prose(note)));
    }
    if !comparison.notes.is_empty() {
        text.truncate(text.trim_end_matches(">\n").len());
        text.push('\n');
    }
}
