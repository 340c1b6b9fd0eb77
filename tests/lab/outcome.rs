//! What came out of a run, and the assertions on it. Every failed one prints the whole outcome.

use std::{fs, net::IpAddr, sync::OnceLock, time::Duration};

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
    /// What it used
    pub(crate) usage: Usage,
    /// Its standard output
    pub(crate) stdout: Vec<u8>,
    /// Its standard error
    pub(crate) stderr: String,
}

/// What a program and its children used, as the kernel counts it (`getrusage`).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// Processor time, of user and system
    pub(crate) processor: Duration,
    /// The most memory that was resident at once. What the parent had touched when it forked counts in.
    pub(crate) peak_kib: u64,
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

    /// The cause is this finding, it is the one error, and the check failed.
    #[track_caller]
    pub(crate) fn fails_by(&self, id: &str) -> &Self {
        assert_eq!(self.findings("error"), [id], "errors\n{self}");
        assert_eq!(self.cause().as_deref(), Some(id), "cause\n{self}");
        assert_eq!(self.at("/verdict"), "fail", "verdict\n{self}");
        self.exits(1)
    }

    /// It passed without an error or a warning.
    #[track_caller]
    pub(crate) fn passes(&self) -> &Self {
        assert_eq!(self.findings("error"), [""; 0], "errors\n{self}");
        assert_eq!(self.findings("warning"), [""; 0], "warnings\n{self}");
        assert_eq!(self.cause(), None, "cause\n{self}");
        assert_eq!(self.at("/verdict"), "pass", "verdict\n{self}");
        self.exits(0)
    }

    /// It passed with this warning and no other, and without an error.
    #[track_caller]
    pub(crate) fn warns_by(&self, id: &str) -> &Self {
        assert_eq!(self.findings("error"), [""; 0], "errors\n{self}");
        assert_eq!(self.findings("warning"), [id], "warnings\n{self}");
        assert_eq!(self.at("/verdict"), "warn", "verdict\n{self}");
        self.exits(0)
    }

    /// It proves neither that it works nor that it fails.
    #[track_caller]
    pub(crate) fn could_not_tell(&self) -> &Self {
        assert_eq!(self.findings("error"), [""; 0], "errors\n{self}");
        assert_eq!(self.at("/verdict"), "indeterminate", "verdict\n{self}");
        self.exits(3)
    }

    /// The finding is at this distance, and this is the address whose fault it is or that answered last.
    #[track_caller]
    pub(crate) fn blames(&self, id: &str, hop: usize, address: IpAddr) -> &Self {
        let finding = self.finding(id);
        assert_eq!(finding["hop"], hop, "hop\n{self}");
        assert_eq!(finding["address"], address.to_string(), "address\n{self}");
        self
    }

    /// The finding's title, explanation and evidence mention this.
    #[track_caller]
    pub(crate) fn mentions(&self, id: &str, text: &str) -> &Self {
        let finding = self.finding(id);
        let parts = ["title", "explanation", "evidence"].map(|key| finding[key].to_string());
        assert!(parts.concat().contains(text), "{id}: {text}\n{self}");
        self
    }

    /// The path to the first address is complete, and these are its hops in order; none for one that is silent.
    #[track_caller]
    pub(crate) fn passed(&self, hops: &[Option<IpAddr>]) -> &Self {
        assert_eq!(
            self.at("/endpoints/0/path/reached"),
            true,
            "reached\n{self}"
        );
        let found = self.at("/endpoints/0/path/hops");
        let found: Vec<_> = found
            .as_array()
            .into_iter()
            .flatten()
            .map(|hop| hop["nodes"][0]["address"].as_str().map(str::to_owned))
            .collect();
        let wanted: Vec<_> = hops
            .iter()
            .map(|hop| hop.map(|hop| hop.to_string()))
            .collect();
        assert_eq!(found, wanted, "hops\n{self}");
        self
    }

    /// It took at most this long. Other tests run meanwhile, so ask for half of what would be a fault.
    #[track_caller]
    pub(crate) fn within(&self, time: Duration) -> &Self {
        assert!(self.elapsed < time, "longer than {time:?}\n{self}");
        self
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
            .map(shorten)
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

/// What fits on a few screens: without the single observations and what is the same in every test.
fn shorten(mut report: Value) -> Value {
    if let Some(reports) = report.get_mut("reports").and_then(Value::as_array_mut) {
        for one in reports {
            *one = shorten(one.take());
        }
    }
    if let Some(report) = report.as_object_mut() {
        for key in ["observations", "options", "source", "tool"] {
            report.remove(key);
        }
        let endpoints = report.get_mut("endpoints").and_then(Value::as_array_mut);
        for endpoint in endpoints.into_iter().flatten() {
            for (part, key) in [("probes", "samples"), ("path", "flows"), ("path", "links")] {
                if let Some(part) = endpoint.get_mut(part).and_then(Value::as_object_mut) {
                    part.remove(key);
                }
            }
        }
    }
    report
}

/// Checks a report, or a batch of them, against the repository's schema, where there is one yet; the error is a line for
/// each problem.
pub(crate) fn validate(report: &Value) -> Result<(), String> {
    static REPORT: OnceLock<Option<Validator>> = OnceLock::new();
    static BATCH: OnceLock<Option<Validator>> = OnceLock::new();
    let batch = report.get("reports").is_some();
    let schema = if batch {
        BATCH.get_or_init(|| compile("batch"))
    } else {
        REPORT.get_or_init(|| compile("report"))
    };
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

fn compile(kind: &str) -> Option<Validator> {
    let path = format!("{}/schema/{kind}.schema.json", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(path).ok()?;
    let schema = serde_json::from_str(&text).expect("the schema is JSON");
    Some(jsonschema::validator_for(&schema).expect("the schema is a schema"))
}
