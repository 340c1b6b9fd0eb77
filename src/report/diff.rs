//! What changed between two reports, for better or worse, and the first step at which they part.
//!
//! Two runs of the same check never measure quite the same. What chance alone may change is no difference: shares are compared by their
//! confidence intervals, times by their spreads, hops by what answered at both. What is only another, such as the addresses of a content
//! network or a path, is said and is neither better nor worse.

mod destination;
mod findings;
mod local;
mod markdown;
mod name;
mod pairs;
mod path;
mod text;

use thiserror::Error;

use crate::model::diff::{Change, Compared, Comparison, DIFF_SCHEMA, Diff, Difference, Side, Step};
use crate::model::evidence::Ended;
use crate::model::exit::ExitStatus;
use crate::model::report::{Tool, Verdict};
use crate::model::text::escape;
use crate::model::{Endpoint, Report};
use pairs::Pair;

pub use markdown::render as markdown;
pub use text::render as text;

/// Two reports can't be compared, and why.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Incomparable {
    /// They have no target in common.
    #[error("A and B have no target in common")]
    Targets,
    /// They asked different things.
    #[error("{target}: A is a check by {a}, B by {b}: what they measured can't be compared")]
    Protocols {
        /// The target.
        target: String,
        /// The command of A.
        a: &'static str,
        /// The command of B.
        b: &'static str,
    },
}

/// What both sides of a comparison have in common.
// Each is a fact of its own, which another step asks for.
#[allow(clippy::struct_excessive_bools)]
struct Both<'r> {
    a: &'r Report,
    b: &'r Report,
    pairs: Vec<Pair<'r>>,
    /// They are of the same host, by name.
    one_host: bool,
    /// They were made on the same machine.
    one_machine: bool,
    /// Addresses of one mean the same in the other: neither has been redacted.
    one_world: bool,
    /// They were asked to meet the same demands.
    one_demand: bool,
}

/// Compares all reports of two files. A single report of each is compared whatever their targets; of several, those of the same target,
/// the newest of each.
///
/// # Errors
/// Nothing of them can be compared.
pub fn compare(a: &[Report], b: &[Report]) -> Result<Diff, Incomparable> {
    let matched = pairs::reports(a, b);
    let mut comparisons = Vec::new();
    for (a, b) in &matched.both {
        if a.target.protocol != b.target.protocol {
            return Err(Incomparable::Protocols {
                target: escape(&b.target.label()),
                a: a.target.protocol.command(),
                b: b.target.protocol.command(),
            });
        }
        comparisons.push(two(a, b, &matched.notes));
    }
    if comparisons.is_empty() {
        return Err(Incomparable::Targets);
    }
    let has = |change| comparisons.iter().any(|one| one.change == change);
    let exit = if has(Change::Worse) {
        ExitStatus::Failed
    } else if has(Change::Unknown) {
        ExitStatus::CouldNotTell
    } else {
        ExitStatus::Passed
    };
    Ok(Diff {
        schema: DIFF_SCHEMA.to_owned(),
        tool: Tool::this(),
        exit_status: exit.code(),
        change: Change::most(comparisons.iter().map(|one| one.change)),
        comparisons,
        only_in_a: matched.only_in_a,
        only_in_b: matched.only_in_b,
    })
}

/// Compares two reports of the same protocol.
fn two(a: &Report, b: &Report, more: &[String]) -> Comparison {
    let one_world = !a.redacted && !b.redacted;
    let both = Both {
        a,
        b,
        pairs: pairs::endpoints(a, b, one_world),
        one_host: a.target.host == b.target.host || !one_world,
        one_machine: a.source.host == b.source.host || !one_world,
        one_world,
        one_demand: demands(a) == demands(b),
    };
    let steps = vec![
        step(Step::Name, name::differences(&both)),
        step(Step::Local, local::differences(&both)),
        step(Step::Path, path::differences(&both)),
        step(Step::Destination, destination::differences(&both)),
        step(Step::Findings, findings::differences(&both)),
        step(Step::Criteria, findings::criteria(&both)),
        step(Step::Verdict, findings::verdict(&both)),
    ];
    let parted = |step: &&Compared| !matches!(step.change, Change::Same | Change::Unknown);
    let of = |wanted: Step| {
        let found = steps.iter().find(|step| step.step == wanted);
        found.map_or(Change::Same, |step| step.change)
    };
    let change = match of(Step::Verdict) {
        decided @ (Change::Better | Change::Worse) => decided,
        verdict => {
            let any = Change::most(steps.iter().map(|step| step.change));
            match (verdict, any) {
                (_, Change::Worse) => Change::Worse,
                (Change::Unknown, _) => Change::Unknown,
                // A step that only one of them measured takes nothing from a verdict that both have.
                (_, Change::Unknown) => Change::Same,
                (_, any) => any,
            }
        }
    };
    let mut notes = notes(&both);
    notes.extend(more.iter().cloned());
    Comparison {
        change,
        parts_at: steps.iter().find(parted).map(|step| step.step),
        a: side(a),
        b: side(b),
        steps,
        notes,
    }
}

fn step(step: Step, differences: Vec<Difference>) -> Compared {
    Compared {
        step,
        change: Change::most(differences.iter().map(|difference| difference.change)),
        differences,
    }
}

/// A difference of a change, an address and a sentence.
fn difference(change: Change, endpoint: Option<&Endpoint>, text: impl Into<String>) -> Difference {
    Difference {
        change,
        endpoint: endpoint.cloned(),
        text: text.into(),
    }
}

/// What became of a rank, where a higher one is worse.
fn ranked<T: Ord + Copy>(a: T, b: T) -> Change {
    match a.cmp(&b) {
        std::cmp::Ordering::Less => Change::Worse,
        std::cmp::Ordering::Equal => Change::Same,
        std::cmp::Ordering::Greater => Change::Better,
    }
}

fn side(report: &Report) -> Side {
    Side {
        target: report.target.label(),
        host: report.source.host.clone(),
        started_at: report.started_at,
        version: report.tool.version.clone(),
        status: report.status,
        verdict: report.verdict,
        cause: report.cause,
        summary: report.summary.clone(),
    }
}

/// The options that the verdict hangs on.
fn demands(report: &Report) -> impl PartialEq + use<> {
    let options = &report.options;
    (
        options.expect,
        options.fail_on,
        options.max_loss_percent.map(f64::to_bits),
        [
            options.max_avg_ms,
            options.max_p95_ms,
            options.max_connect_ms,
        ],
    )
}

/// What has to be known to read the comparison right.
fn notes(both: &Both<'_>) -> Vec<String> {
    let (a, b) = (both.a, both.b);
    let mut notes = Vec::new();
    if a.target.label() != b.target.label() {
        notes.push(if both.one_world {
            format!(
                "The targets differ: {} and {}.",
                a.target.label(),
                b.target.label()
            )
        } else {
            "One of them is redacted, or both are: names and addresses can't be compared."
                .to_owned()
        });
    }
    if !both.one_machine {
        let name = |report: &Report| {
            let host = report.source.host.as_deref();
            host.unwrap_or("a machine without a name").to_owned()
        };
        notes.push(format!(
            "They were made on different machines: {} and {}. Their ways out and the hops near them differ by nature.",
            name(a),
            name(b)
        ));
    }
    let differ = options(a, b);
    if !differ.is_empty() {
        notes.push(format!(
            "They were asked differently: {}.",
            differ.join(", ")
        ));
    }
    for (letter, report) in [("A", a), ("B", b)] {
        match report.ended {
            Ended::Complete => {}
            Ended::Deadline => notes.push(format!("{letter} ended at its deadline.")),
            Ended::Interrupted => notes.push(format!("{letter} was interrupted.")),
        }
        if report.verdict == Verdict::Indeterminate {
            notes.push(format!("{letter} could not tell: {}", report.summary));
        }
    }
    if a.tool.version != b.tool.version {
        notes.push(format!(
            "Different versions judged them ({} and {}): nwcheck show --rejudge makes their verdicts comparable.",
            a.tool.version, b.tool.version
        ));
    }
    if a.started_at > b.started_at {
        notes.push("A is the later of the two.".to_owned());
    }
    notes
}

/// The names of the options in which they differ, as they are typed.
fn options(a: &Report, b: &Report) -> Vec<String> {
    let values = |report: &Report| serde_json::to_value(&report.options).unwrap_or_default();
    let (a, b) = (values(a), values(b));
    let all = a.as_object().into_iter().flatten();
    all.filter(|(key, value)| {
        // What a check of another target has by itself.
        !matches!(key.as_str(), "payload" | "baseline") && b.get(key.as_str()) != Some(value)
    })
    .map(|(key, _)| {
        let name = key.trim_end_matches("_ms").trim_end_matches("_percent");
        format!("--{}", name.replace('_', "-"))
    })
    .collect()
}

#[cfg(test)]
mod tests;
