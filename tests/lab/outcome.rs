//! What came out of a run, and the assertions on it. Every failed one prints the whole outcome.

use std::{fs, path::Path, sync::OnceLock, time::Duration};

use jsonschema::Validator;
use serde_json::Value;

/// What a program did.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    /// The command line
    pub(crate) command: String,
    /// The exit status, where it ended by itself
    pub(crate) code: Option<i32>,
    /// The signal that ended it
    pub(crate) killed_by: Option<i32>,
    /// It took too long and was killed
    pub(crate) timed_out: bool,
    /// Wall time
    pub(crate) elapsed: Duration,
    /// Its standard output
    pub(crate) stdout: Vec<u8>,
    /// Its standard error
    pub(crate) stderr: String,
}

impl Outcome {
    /// Standard output as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// The report, checked against the schema; of a batch, all of it.
    #[track_caller]
    pub(crate) fn report(&self) -> Value {
        let report = serde_json::from_slice(&self.stdout)
            .unwrap_or_else(|error| panic!("not JSON: {error}\n{self}"));
        if let Err(problems) = validate(&report) {
            panic!("the report breaks its schema:\n{problems}\n{self}");
        }
        report
    }

    /// A value in the report by its JSON pointer, null where there is none: `at("/target/port")`.
    #[track_caller]
    pub(crate) fn at(&self, pointer: &str) -> Value {
        self.report().pointer(pointer).cloned().unwrap_or_default()
    }

    /// The id of the finding that explains the verdict.
    #[track_caller]
    pub(crate) fn cause(&self) -> Option<String> {
        self.at("/cause").as_str().map(str::to_owned)
    }

    /// The ids of the findings of this severity (`error`, `warning`, `info`), in the report's order.
    #[track_caller]
    pub(crate) fn findings(&self, severity: &str) -> Vec<String> {
        self.all_findings()
            .iter()
            .filter(|finding| finding["severity"] == severity)
            .filter_map(|finding| finding["id"].as_str().map(str::to_owned))
            .collect()
    }

    /// The finding with this id; there must be one.
    #[track_caller]
    pub(crate) fn finding(&self, id: &str) -> Value {
        self.all_findings()
            .into_iter()
            .find(|finding| finding["id"] == id)
            .unwrap_or_else(|| panic!("no finding {id}\n{self}"))
    }

    /// It ended with this status.
    #[track_caller]
    pub(crate) fn exits(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "exit status\n{self}");
        self
    }

    /// The cause is this finding, and no other is an error.
    #[track_caller]
    pub(crate) fn fails_by(&self, id: &str) -> &Self {
        assert_eq!(self.cause().as_deref(), Some(id), "cause\n{self}");
        assert_eq!(self.findings("error"), [id], "errors\n{self}");
        self.exits(1)
    }

    /// It passed without an error or a warning.
    #[track_caller]
    pub(crate) fn passes(&self) -> &Self {
        assert_eq!(self.findings("error"), [""; 0], "errors\n{self}");
        assert_eq!(self.findings("warning"), [""; 0], "warnings\n{self}");
        assert_eq!(self.cause(), None, "cause\n{self}");
        self.exits(0)
    }

    /// A value in the report is this: `says("/endpoints/0/path/reached", true)`.
    #[track_caller]
    pub(crate) fn says(&self, pointer: &str, value: impl Into<Value>) -> &Self {
        assert_eq!(self.at(pointer), value.into(), "{pointer}\n{self}");
        self
    }

    #[track_caller]
    fn all_findings(&self) -> Vec<Value> {
        self.at("/findings").as_array().cloned().unwrap_or_default()
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let pretty = serde_json::from_slice::<Value>(&self.stdout)
            .and_then(|value| serde_json::to_string_pretty(&value))
            .unwrap_or_else(|_| self.text());
        let end = match (self.timed_out, self.code, self.killed_by) {
            (true, _, _) => "took too long and was killed".to_owned(),
            (_, Some(code), _) => format!("exit status {code}"),
            (_, _, signal) => format!("signal {signal:?}"),
        };
        write!(
            f,
            "--- {}\n--- {end} after {:.3} s\n--- stdout\n{pretty}\n--- stderr\n{}",
            self.command,
            self.elapsed.as_secs_f64(),
            self.stderr
        )
    }
}

/// Checks a report against the repository's schema, where there is one yet; the error is a line for each problem.
pub(crate) fn validate(report: &Value) -> Result<(), String> {
    static SCHEMA: OnceLock<Option<Validator>> = OnceLock::new();
    let schema = SCHEMA.get_or_init(|| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/report.schema.json");
        let text = fs::read_to_string(path).ok()?;
        let schema = serde_json::from_str(&text).expect("the schema is JSON");
        Some(jsonschema::validator_for(&schema).expect("the schema is a schema"))
    });
    let Some(schema) = schema else { return Ok(()) };
    let problems: Vec<String> = schema
        .iter_errors(report)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problems.join("\n"))
    }
}
