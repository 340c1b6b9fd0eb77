//! The step that installs the program: from a folder that stands for a release, through a program that stands for `curl`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use libtest_mimic::Failed;

use crate::{Runner, hold, search};

/// A runner whose `curl` copies the files of a release from a folder, and writes down what it was asked for.
fn runner() -> Result<(Runner, String), Failed> {
    let runner = Runner::new()?
        .with("PROGRAM", "")
        .with("REPOSITORY", "an-owner/nwcheck");
    let name = format!(
        "nwcheck-{}-{}-linux",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::ARCH
    );
    let release = runner.path("release");
    let content = release.join(&name);
    fs::create_dir_all(&content)?;
    fs::copy(env!("CARGO_BIN_EXE_nwcheck"), content.join("nwcheck"))?;
    let made = format!("tar -czf {name}.tar.gz {name} && sha256sum {name}.tar.gz > SHA256SUMS");
    let made = Command::new("bash")
        .args(["-c", &made])
        .current_dir(&release)
        .status()?;
    assert!(made.success());
    let programs = runner.path("programs");
    fs::create_dir(&programs)?;
    let curl = programs.join("curl");
    let asked = runner.path("asked");
    fs::write(
        &curl,
        format!(
            "#!/usr/bin/env bash\nurl=\"${{@: -1}}\"\nprintf '%s\\n' \"$url\" >> '{}'\n\
             while [ \"$1\" != --output ]; do shift; done\ncp \"{}/${{url##*/}}\" \"$2\"\n",
            asked.display(),
            release.display()
        ),
    )?;
    fs::set_permissions(&curl, fs::Permissions::from_mode(0o755))?;
    let search = format!("{}:{}", programs.display(), search());
    Ok((runner, search))
}

fn asked(runner: &Runner) -> String {
    fs::read_to_string(runner.path("asked")).unwrap_or_default()
}

pub fn right() -> Result<(), Failed> {
    let (runner, search) = runner()?;
    let step = runner.run("install", &search)?;
    let program = step.outputs.trim().strip_prefix("program=").unwrap_or("");
    let said = Command::new(program).arg("--version").output()?.stdout;
    let said = String::from_utf8(said)?;
    hold(
        step.status == 0 && said.contains(env!("CARGO_PKG_VERSION")),
        "the program is there and runs",
        &step,
    )?;
    let folder = Path::new(program).parent().unwrap_or(Path::new(""));
    let path = fs::read_to_string(runner.path("path"))?;
    hold(
        Path::new(path.trim()) == folder,
        "later steps find it",
        &step,
    )?;
    let release = format!(
        "https://github.com/an-owner/nwcheck/releases/download/v{}/",
        env!("CARGO_PKG_VERSION")
    );
    let asked = asked(&runner);
    let from_there = asked.lines().all(|line| line.starts_with(&release));
    hold(
        from_there && asked.lines().count() == 2,
        &format!("asked of {release}: {asked}"),
        &step,
    )?;
    // One that is on the runner already is taken as it is.
    let runner = runner.with("PROGRAM", program);
    let step = runner.run("install", &crate::search())?;
    let given = format!("program={program}\n");
    hold(step.status == 0 && step.outputs == given, "taken", &step)
}

pub fn changed() -> Result<(), Failed> {
    let (runner, search) = runner()?;
    let sums = runner.path("release/SHA256SUMS");
    let text = fs::read_to_string(&sums)?;
    let (sum, rest) = text.split_at(64);
    let other = if sum.starts_with('0') { "1" } else { "0" };
    for wrong in [
        format!("{other}{}{rest}", &sum[1..]),
        String::new(),
        format!("{sum}  nwcheck.tar.gz\n"),
    ] {
        fs::write(&sums, wrong)?;
        let step = runner.run("install", &search)?;
        hold(
            step.status == 1 && step.outputs.is_empty() && step.stdout.contains("SHA256SUMS"),
            "it is refused",
            &step,
        )?;
    }
    Ok(())
}

pub fn only_a_release() -> Result<(), Failed> {
    let (mut runner, search) = runner()?;
    for (input, text) in [
        ("VERSION", "latest/../../other"),
        ("VERSION", "1.0"),
        ("VERSION", "0.1.0$(touch run)"),
        ("VERSION", "0.1.0\n0.2.0"),
        ("REPOSITORY", "an-owner/nwcheck/../other"),
        ("REPOSITORY", "@example.com/x"),
        ("PROGRAM", "/nowhere/nwcheck"),
        ("PROGRAM", "nwcheck\nverdict=pass"),
        ("PROGRAM", "--help"),
    ] {
        let known = runner.variables.clone();
        runner = runner.with(input, text);
        let step = runner.run("install", &search)?;
        let what = format!("{input} {text:?} is refused; asked: {}", asked(&runner));
        let refused = step.status == 1 && step.outputs.is_empty() && asked(&runner).is_empty();
        hold(refused && runner.left()?.is_empty(), &what, &step)?;
        runner.variables = known;
    }
    Ok(())
}
