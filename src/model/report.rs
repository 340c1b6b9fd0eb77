//! The report: what was learnt, and what it means. This is the contract with those who read the JSON.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::criteria::Criterion;
use super::evidence::{Ended, Evidence, NotMeasured, UnderTest};
use super::exit::ExitStatus;
use super::finding::{Finding, Id};
use super::local::Local;
use super::observation::Observation;
use super::options::Options;
use super::resolution::Resolution;
use super::source::Source;
use super::statistics::Probes;
use super::target::Target;
use super::topology::Path;
use super::{Address, Endpoint, Ms};

/// The name of this form of the report.
pub const REPORT_SCHEMA: &str = "nwcheck.report/1";
/// The name of the form that several reports stand in.
pub const BATCH_SCHEMA: &str = "nwcheck.batch/1";

/// What is so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// What was asked for works.
    Reachable,
    /// It works in part.
    Degraded,
    /// It does not work.
    Unreachable,
    /// It could not be told.
    Indeterminate,
}

impl Status {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reachable => "reachable",
            Self::Degraded => "degraded",
            Self::Unreachable => "unreachable",
            Self::Indeterminate => "indeterminate",
        }
    }
}

/// What the criteria make of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is as it should be.
    Pass,
    /// It is, and something is wrong beside it.
    Warn,
    /// It is not.
    Fail,
    /// It could not be told.
    Indeterminate,
}

impl Verdict {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::Indeterminate => "indeterminate",
        }
    }
}

/// Which program made the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tool {
    /// `nwcheck`.
    pub name: String,
    /// Its version.
    pub version: String,
}

impl Tool {
    /// This program.
    pub fn this() -> Self {
        Self {
            name: env!("CARGO_PKG_NAME").to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

/// What was measured of one address.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EndpointReport {
    /// The address.
    pub address: Address,
    /// The port; null where the protocol has none.
    pub port: Option<u16>,
    /// Whether it works.
    pub status: Status,
    /// The burst of probes.
    pub probes: Probes,
    /// The path; null when it was not traced.
    pub path: Option<Path>,
}

impl EndpointReport {
    /// Address and port.
    pub fn endpoint(&self) -> Endpoint {
        Endpoint {
            address: self.address.clone(),
            port: self.port,
        }
    }
}

/// One check: what was learnt, and what it means. Every key is always there; null is unknown or not applicable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// `nwcheck.report/1`.
    #[schemars(extend("const" = REPORT_SCHEMA))]
    pub schema: String,
    /// The program that made it.
    pub tool: Tool,
    /// When it began, RFC 3339 in UTC.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub started_at: Timestamp,
    /// How long it took.
    pub duration_ms: Ms,
    /// How the measuring ended.
    pub ended: Ended,
    /// The exit status of this check alone: 0 passed, 1 failed, 3 could not tell.
    pub exit_status: u8,
    /// Whether names and addresses were replaced.
    pub redacted: bool,
    /// All effective options.
    pub options: Options,
    /// From where it was checked.
    pub source: Source,
    /// What was checked.
    pub target: Target,
    /// What is so.
    pub status: Status,
    /// What the criteria make of it.
    pub verdict: Verdict,
    /// The finding that explains why the verdict is not pass.
    pub cause: Option<Id>,
    /// The verdict in one sentence.
    pub summary: String,
    /// What is wrong, the cause first.
    pub findings: Vec<Finding>,
    /// What was demanded.
    pub criteria: Vec<Criterion>,
    /// What was not measured, and how it could be.
    pub not_measured: Vec<NotMeasured>,
    /// How the name became addresses.
    pub resolution: Option<Resolution>,
    /// Each address that was checked.
    pub endpoints: Vec<EndpointReport>,
    /// What this machine's kernel says.
    pub local: Local,
    /// Reverse names of the addresses that answered.
    pub names: BTreeMap<Address, String>,
    /// Every attempt.
    pub observations: Vec<Observation>,
}

impl Report {
    /// The exit status that it stands for.
    pub const fn exit(&self) -> ExitStatus {
        match self.exit_status {
            0 => ExitStatus::Passed,
            1 => ExitStatus::Failed,
            2 => ExitStatus::Usage,
            _ => ExitStatus::CouldNotTell,
        }
    }

    /// The finding that is the cause.
    pub fn cause_finding(&self) -> Option<&Finding> {
        self.findings
            .iter()
            .find(|finding| Some(finding.id) == self.cause)
    }

    /// What was learnt, without what was made of it: to be judged again.
    pub fn evidence(&self) -> Evidence {
        Evidence {
            started_at: self.started_at,
            duration_ms: self.duration_ms,
            options: self.options.clone(),
            target: self.target.clone(),
            source: self.source.clone(),
            resolution: self.resolution.clone(),
            endpoints: self
                .endpoints
                .iter()
                .map(|endpoint| UnderTest {
                    endpoint: endpoint.endpoint(),
                    path: endpoint.path.clone(),
                })
                .collect(),
            local: self.local.clone(),
            observations: self.observations.clone(),
            names: self.names.clone(),
            not_measured: self.not_measured.clone(),
            ended: self.ended,
        }
    }
}

/// Several checks of one call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Batch {
    /// `nwcheck.batch/1`.
    #[schemars(extend("const" = BATCH_SCHEMA))]
    pub schema: String,
    /// The program that made it.
    pub tool: Tool,
    /// When the first check began.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub started_at: Timestamp,
    /// How long all took.
    pub duration_ms: Ms,
    /// The worst of the exit statuses: 1 over 3 over 0.
    pub exit_status: u8,
    /// Each check, in the order in which they were asked for.
    pub reports: Vec<Report>,
}
