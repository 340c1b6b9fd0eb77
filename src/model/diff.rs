//! What changed between two reports: the document that `nwcheck diff -o json` writes.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::exit::ExitStatus;
use super::report::{Status, Tool, Verdict};
use super::{Endpoint, Id};

/// The name of this form of the comparison.
pub const DIFF_SCHEMA: &str = "nwcheck.diff/1";

/// What became of something from A to B.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It is the same, or differs by no more than two runs of the same do.
    Same,
    /// It is another, and neither better nor worse by itself.
    Changed,
    /// It is better in B.
    Better,
    /// It is worse in B.
    Worse,
    /// It can't be compared: one of the two did not measure it, or could not tell.
    Unknown,
}

impl Change {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Changed => "changed",
            Self::Better => "better",
            Self::Worse => "worse",
            Self::Unknown => "unknown",
        }
    }

    /// What several come to: worse over better over changed over unknown over same.
    pub fn most(all: impl IntoIterator<Item = Self>) -> Self {
        const fn rank(change: Change) -> u8 {
            match change {
                Change::Same => 0,
                Change::Unknown => 1,
                Change::Changed => 2,
                Change::Better => 3,
                Change::Worse => 4,
            }
        }
        all.into_iter()
            .max_by_key(|change| rank(*change))
            .unwrap_or(Self::Same)
    }
}

/// A step of a check, in the order in which a check passes them.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Step {
    /// The name: its addresses, and who answers for it.
    Name,
    /// This machine: its routes and neighbours.
    Local,
    /// The routers in between.
    Path,
    /// The host and its port: whether it works, what is lost, how long it takes.
    Destination,
    /// What was found wrong.
    Findings,
    /// What was demanded.
    Criteria,
    /// What it all comes to.
    Verdict,
}

impl Step {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Local => "local",
            Self::Path => "path",
            Self::Destination => "destination",
            Self::Findings => "findings",
            Self::Criteria => "criteria",
            Self::Verdict => "verdict",
        }
    }
}

/// One thing that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Difference {
    /// What became of it.
    pub change: Change,
    /// The address of B that it is about, or of A where B has none; null when it is about the whole check.
    pub endpoint: Option<Endpoint>,
    /// What differs, in one sentence with both values.
    pub text: String,
}

/// One step of both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Compared {
    /// Which.
    pub step: Step,
    /// What its differences come to.
    pub change: Change,
    /// What differs; empty where nothing does.
    pub differences: Vec<Difference>,
}

/// One of the two reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Side {
    /// What was checked, in its short form.
    pub target: String,
    /// The machine that it was checked from.
    pub host: Option<String>,
    /// When, RFC 3339 in UTC.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub started_at: Timestamp,
    /// The version of nwcheck that made the report.
    pub version: String,
    /// What was so.
    pub status: Status,
    /// What the criteria made of it.
    pub verdict: Verdict,
    /// The finding that explained it.
    pub cause: Option<Id>,
    /// The verdict in one sentence.
    pub summary: String,
}

/// Two reports, compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// What became of it. A better or worse verdict decides; where the verdicts are alike, anything that is worse does.
    pub change: Change,
    /// The first step at which they part; null where they are the same.
    pub parts_at: Option<Step>,
    /// The earlier, or the one that the other is held against.
    pub a: Side,
    /// The other.
    pub b: Side,
    /// Each step, in the order of the chain.
    pub steps: Vec<Compared>,
    /// What has to be known to read it right, such as different targets or options.
    pub notes: Vec<String>,
}

/// Two files, compared: what changed from A to B. Every key is always there; null is not applicable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Diff {
    /// `nwcheck.diff/1`.
    #[schemars(extend("const" = DIFF_SCHEMA))]
    pub schema: String,
    /// The program that made it.
    pub tool: Tool,
    /// 1 when B is worse, 3 when that can't be told, else 0.
    pub exit_status: u8,
    /// What all comparisons come to.
    pub change: Change,
    /// A comparison for each target that both have, in the order of B.
    pub comparisons: Vec<Comparison>,
    /// Targets that only A has.
    pub only_in_a: Vec<String>,
    /// Targets that only B has.
    pub only_in_b: Vec<String>,
}

impl Diff {
    /// The exit status that it stands for.
    pub const fn exit(&self) -> ExitStatus {
        match self.exit_status {
            0 => ExitStatus::Passed,
            1 => ExitStatus::Failed,
            _ => ExitStatus::CouldNotTell,
        }
    }
}
