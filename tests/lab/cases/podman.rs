//! A container of the real Podman, made and never started: it needs no image and no network.

// What runs the programs is part of the test, and may fail as one.
#![allow(clippy::unwrap_used)]

use std::process::{Command, Output};

use crate::ability::{bare, program};
use crate::case::{Case, cases};

pub(crate) fn cases() -> Vec<Case> {
    cases![a_container_that_was_made_and_not_started_does_not_run: [Podman]]
}

fn podman(words: &[&str]) -> Output {
    let mut command = bare(&program("podman").unwrap());
    for name in ["HOME", "PATH"] {
        command.envs(std::env::var_os(name).map(|value| (name, value)));
    }
    command.args(words).output().unwrap()
}

/// The container. Dropped, it is removed.
struct Container(String);

impl Drop for Container {
    fn drop(&mut self) {
        podman(&["rm", "--force", &self.0]);
    }
}

fn a_container_that_was_made_and_not_started_does_not_run() {
    let container = Container(format!("nwcheck-lab-{}", std::process::id()));
    let root = tempfile::tempdir().unwrap();
    let root = root.path().to_str().unwrap();
    let made = podman(&[
        "create",
        "--name",
        &container.0,
        "--network",
        "none",
        "--rootfs",
        root,
        "/none",
    ]);
    assert!(made.status.success(), "{made:?}");
    let check = |name: &str| {
        let target = format!("vm:podman/{name}:22");
        let words = ["tcp", &target, "-o", "json", "--no-path"];
        let output = Command::new(env!("CARGO_BIN_EXE_nwcheck"))
            .args(words)
            .output()
            .unwrap();
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code(), report)
    };
    let (status, report) = check(&container.0);
    assert_eq!(
        (status, &report["cause"]),
        (Some(1), &"vm-not-running".into()),
        "{report}"
    );
    let (status, report) = check("nwcheck-lab-of-nobody");
    assert_eq!(status, Some(3), "{report}");
    let summary = report["summary"].as_str().unwrap();
    assert!(summary.contains("Podman does not know it"), "{summary}");
}
