//! The real program, run with a clean environment: usage, help, what it generates, and checks of loopback. Nothing here needs more than loopback.

// What runs the program is part of each test, and may fail as one.
#![allow(clippy::unwrap_used)]

mod generated;
mod help;
mod loopback;
#[cfg(target_os = "linux")]
mod machines;
mod plugin;
mod reference;
mod saved;
mod usage;

use std::ffi::OsStr;
use std::process::{Command, Output};

/// What the program gave.
struct Run {
    status: i32,
    stdout: String,
    stderr: String,
}

/// Runs the program without anything that this environment would tell it.
fn nwcheck<S: AsRef<OsStr>>(words: impl IntoIterator<Item = S>) -> Run {
    run(&mut command(words))
}

fn command<S: AsRef<OsStr>>(words: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nwcheck"));
    command.env_clear().args(words);
    command
}

fn run(command: &mut Command) -> Run {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    Run {
        status: status.code().unwrap_or(-1),
        stdout: String::from_utf8(stdout).unwrap(),
        stderr: String::from_utf8(stderr).unwrap(),
    }
}

/// A file of this repository.
fn file(path: &str) -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
