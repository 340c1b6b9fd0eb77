//! The steps of `action.yml`, run by bash as a runner runs them: the real program against loopback, files in the place of the runner's,
//! a program in the place of `curl`. Nothing here needs more than loopback.
//!
//! Where there is no bash or jq the tests are reported as ignored; with `NWCHECK_LAB=required` in the environment they fail instead.

// All of this is a test; clippy knows only the functions that are marked as one.
#![allow(clippy::unwrap_used)]

mod install;

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use libtest_mimic::{Arguments, Failed, Trial};

type Test = fn() -> Result<(), Failed>;

fn main() {
    let there = ["bash", "jq"].map(|program| {
        let ran = Command::new(program).arg("--version").output();
        (program, ran.is_ok_and(|output| output.status.success()))
    });
    let missing = there.iter().find(|(_, there)| !there);
    let required = std::env::var_os("NWCHECK_LAB").is_some_and(|value| value == "required");
    let tests: [(&str, Test); 10] = [
        ("an open port passes, with outputs and a summary", open),
        ("a closed port fails the step and is named", closed),
        ("of several targets the worst is told", several),
        ("what a workflow gives is never run", never_run),
        ("a target is never an option", never_an_option),
        (
            "what is not understood is said and nothing else",
            not_understood,
        ),
        ("an earlier report is no answer", earlier_report),
        (
            "the release is installed when its checksum is right",
            install::right,
        ),
        (
            "a release that was changed is not installed",
            install::changed,
        ),
        (
            "only a release of a repository is asked for",
            install::only_a_release,
        ),
    ];
    let trials = tests.map(|(name, test)| match missing {
        Some((program, _)) if !required => {
            Trial::test(format!("{name} (ignored: there is no {program})"), test)
                .with_ignored_flag(true)
        }
        _ => Trial::test(name, test),
    });
    libtest_mimic::run(&Arguments::from_args(), trials.into()).exit();
}

/// A runner: a folder to work in, and the files in which a step says what it has to say.
struct Runner {
    folder: tempfile::TempDir,
    variables: BTreeMap<String, String>,
}

/// What a step came to.
struct Step {
    status: i32,
    stdout: String,
    stderr: String,
    outputs: String,
    summary: String,
}

impl Runner {
    /// With the inputs that `action.yml` has by default.
    fn new() -> std::io::Result<Self> {
        let folder = tempfile::tempdir()?;
        fs::create_dir(folder.path().join("workspace"))?;
        let mut runner = Self {
            folder,
            variables: BTreeMap::new(),
        };
        for (name, value) in [
            ("PROGRAM", env!("CARGO_BIN_EXE_nwcheck")),
            ("COMMAND", "tcp"),
            ("TARGETS", ""),
            ("ARGS", ""),
            ("FAIL_ON", "error"),
            ("REPORT", "nwcheck.json"),
            ("SUMMARY", "true"),
            ("VERSION", ""),
            ("REPOSITORY", ""),
        ] {
            runner = runner.with(name, value);
        }
        Ok(runner)
    }

    fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.variables
            .insert(format!("NWCHECK_{name}"), value.into());
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a step with the environment of a runner and nothing of this one's.
    fn run(&self, step: &str, search: &str) -> std::io::Result<Step> {
        for name in ["output", "summary", "path"] {
            fs::write(self.path(name), "")?;
        }
        let mut command = Command::new("bash");
        command
            .arg(root().join("packaging/action").join(step))
            .env_clear()
            .envs(&self.variables)
            .env("PATH", search)
            .env("GITHUB_OUTPUT", self.path("output"))
            .env("GITHUB_STEP_SUMMARY", self.path("summary"))
            .env("GITHUB_PATH", self.path("path"))
            .env("GITHUB_ACTION_PATH", root())
            .env("GITHUB_REPOSITORY", "somebody/else")
            .env("RUNNER_TEMP", self.folder.path())
            .current_dir(self.path("workspace"));
        let Output {
            status,
            stdout,
            stderr,
        } = command.output()?;
        Ok(Step {
            status: status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&stdout).into_owned(),
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
            outputs: fs::read_to_string(self.path("output"))?,
            summary: fs::read_to_string(self.path("summary"))?,
        })
    }

    fn check(&self) -> std::io::Result<Step> {
        self.run("check", &search())
    }

    /// The files that a step left in the workspace.
    fn left(&self) -> std::io::Result<Vec<String>> {
        let mut names: Vec<String> = fs::read_dir(self.path("workspace"))?
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect::<std::io::Result<_>>()?;
        names.sort();
        Ok(names)
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where programs are looked for: as in this environment.
fn search() -> String {
    std::env::var("PATH").unwrap_or_default()
}

/// Holds when it is so; else says what the step came to.
fn hold(is_so: bool, what: &str, step: &Step) -> Result<(), Failed> {
    if is_so {
        return Ok(());
    }
    Err(format!(
        "not so: {what}\nexit {}\n{}\n{}\noutputs:\n{}",
        step.status, step.stdout, step.stderr, step.outputs
    )
    .into())
}

/// No line is a command of the runner's but annotations that the program means.
fn commands_are_annotations(step: &Step) -> bool {
    let all = step.stdout.lines().chain(step.stderr.lines());
    all.map(str::trim_start).all(|line| {
        let meant = ["::error title=", "::warning title=", "::notice title="];
        let is_command = line.starts_with("::") || line.contains("##[");
        !is_command || meant.iter().any(|begin| line.starts_with(begin))
    })
}

/// A port of loopback on which somebody listens.
fn listener() -> std::io::Result<(TcpListener, String)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?.to_string();
    Ok((listener, address))
}

/// A port of loopback on which nobody listens any more.
fn closed_port() -> std::io::Result<String> {
    Ok(listener()?.1)
}

fn open() -> Result<(), Failed> {
    let (_listener, address) = listener()?;
    let runner = Runner::new()?.with("TARGETS", format!("\n  {address}\n"));
    let step = runner.check()?;
    let outputs = "exit-status=0\nreport=nwcheck.json\nstatus=reachable\nverdict=pass\ncause=\n";
    hold(
        step.status == 0 && step.outputs == outputs,
        "it passes",
        &step,
    )?;
    hold(
        step.stdout.starts_with("::notice title=nwcheck "),
        "it annotates",
        &step,
    )?;
    hold(
        step.summary.contains(&address),
        "the summary is the report",
        &step,
    )?;
    let saved: serde_json::Value =
        serde_json::from_slice(&fs::read(runner.path("workspace/nwcheck.json"))?)?;
    hold(saved["verdict"] == "pass", "the report is kept", &step)?;
    let step = runner.with("SUMMARY", "false").check()?;
    hold(
        step.summary.is_empty(),
        "no summary where none is wanted",
        &step,
    )
}

fn closed() -> Result<(), Failed> {
    // One that begins like an option is a path all the same.
    let runner = Runner::new()?
        .with("TARGETS", closed_port()?)
        .with("ARGS", "--count=3\r\n\n--no-path")
        .with("REPORT", "-r.json");
    let step = runner.check()?;
    let outputs =
        "exit-status=1\nreport=-r.json\nstatus=unreachable\nverdict=fail\ncause=port-closed\n";
    hold(
        step.status == 1 && step.outputs == outputs,
        "it fails",
        &step,
    )?;
    hold(
        step.stdout.contains("::error title=nwcheck ") && step.summary.contains("port-closed"),
        "the cause is told",
        &step,
    )
}

fn several() -> Result<(), Failed> {
    let (_listener, open) = listener()?;
    let runner = Runner::new()?.with("TARGETS", format!("{open} {}\n{open}", closed_port()?));
    let step = runner.check()?;
    let told = "status=unreachable\nverdict=fail\ncause=port-closed\n";
    hold(
        step.status == 1 && step.outputs.ends_with(told),
        "the worst",
        &step,
    )
}

fn never_run() -> Result<(), Failed> {
    let hostile = [
        "$(touch run)",
        "`touch run`",
        "127.0.0.1:1;touch run",
        "127.0.0.1:1 && touch run",
        "\"; touch run; \"",
        "'; touch run; '",
        "*",
        "${IFS}touch${IFS}run",
        "127.0.0.1:1\n::add-path::/tmp\n::error::x",
        "x##[add-path]/tmp",
        "%0A::error::x",
    ];
    for text in hostile {
        for input in [
            "TARGETS", "ARGS", "COMMAND", "FAIL_ON", "SUMMARY", "PROGRAM",
        ] {
            let runner = Runner::new()?
                .with("TARGETS", "127.0.0.1:1")
                .with(input, text);
            let step = runner.check()?;
            let left = runner.left()?;
            let what = format!("{input}: {text:?} is a word, and leaves {left:?}");
            let known = left.iter().all(|name| name == "nwcheck.json");
            hold(known && commands_are_annotations(&step), &what, &step)?;
            hold(step.status != 0, &what, &step)?;
        }
        let runner = Runner::new()?
            .with("TARGETS", "127.0.0.1:1")
            .with("REPORT", format!("{text}.json"));
        let step = runner.check()?;
        let what = format!(
            "the report of {text:?} is a file of that name: {:?}",
            runner.left()?
        );
        let is_run = runner.left()?.iter().any(|name| name == "run");
        hold(!is_run && commands_are_annotations(&step), &what, &step)?;
    }
    Ok(())
}

fn never_an_option() -> Result<(), Failed> {
    let runner = Runner::new()?.with("TARGETS", "--save=other.json 127.0.0.1:1");
    let step = runner.check()?;
    hold(
        step.status == 2 && step.outputs == "exit-status=2\n" && runner.left()?.is_empty(),
        "it is a target that can't be one",
        &step,
    )?;
    // Nor is it a pattern for the names of files.
    let runner = runner.with("TARGETS", "*");
    fs::write(runner.path("workspace/127.0.0.1:1"), "")?;
    let step = runner.check()?;
    hold(
        step.status == 2,
        "an asterisk is a target that can't be one",
        &step,
    )
}

fn not_understood() -> Result<(), Failed> {
    let wrong = [
        ("TARGETS", " \n", "targets: expected"),
        ("COMMAND", "completions", "command: expected"),
        ("FAIL_ON", "--help", "fail-on: expected"),
        ("REPORT", "report.txt", "report: expected"),
        ("REPORT", "a\nverdict=pass\n.json", "report: expected"),
    ];
    for (input, text, expected) in wrong {
        let runner = Runner::new()?
            .with("TARGETS", "127.0.0.1:1")
            .with(input, text);
        let step = runner.check()?;
        hold(
            step.status == 2 && step.stdout.contains(expected) && step.outputs.is_empty(),
            expected,
            &step,
        )?;
    }
    Ok(())
}

fn earlier_report() -> Result<(), Failed> {
    let runner = Runner::new()?.with("TARGETS", "127.0.0.1:99999");
    fs::write(
        runner.path("workspace/nwcheck.json"),
        r#"{"status":"reachable","verdict":"pass","cause":null}"#,
    )?;
    let step = runner.check()?;
    hold(
        step.status == 2 && step.outputs == "exit-status=2\n" && step.summary.is_empty(),
        "nothing of the earlier one is told",
        &step,
    )
}
