//! Multipass: `info NAME --format json`.
//!
//! Source: documentation.ubuntu.com/multipass, "info" and "Instance states".

use std::collections::BTreeMap;

use serde::Deserialize;

use super::caller::{Answer, Caller, Trouble, json};
use super::{of_guest, word};
use crate::model::machine::{Instance, MachineAddress, MachineState, Wanted};

/// Asks for the instance.
pub(super) async fn look(caller: &Caller, wanted: &Wanted) -> Answer {
    let info = ["info", &wanted.name, "--format", "json"];
    let output = caller.run("multipass", &info).await?;
    if !output.status.success() {
        return if output.complaint.contains("does not exist") {
            Ok(Vec::new())
        } else {
            Err(Trouble::failed("multipass", &output))
        };
    }
    read(&output.text, &wanted.name)
}

#[derive(Deserialize)]
struct Listing {
    info: BTreeMap<String, Info>,
}

#[derive(Deserialize)]
struct Info {
    #[serde(default)]
    ipv4: Vec<String>,
    state: String,
}

fn read(text: &[u8], name: &str) -> Answer {
    let mut listing: Listing = json("multipass", text)?;
    Ok(listing
        .info
        .remove(name)
        .map(|info| instance(&info, name))
        .into_iter()
        .collect())
}

fn instance(info: &Info, name: &str) -> Instance {
    let state = match info.state.to_lowercase().as_str() {
        "running" => MachineState::Running,
        "starting" | "restarting" => MachineState::Starting,
        "stopped" | "deleted" => MachineState::Stopped,
        "delayed shutdown" => MachineState::Stopping,
        "suspended" | "suspending" => MachineState::Suspended,
        _ => MachineState::Unknown,
    };
    // The first is that of the instance; what follows are also bridges that the guest made for itself.
    let first = info.ipv4.iter().find_map(|text| of_guest(text));
    Instance {
        state,
        said: Some(word(&info.state)),
        addresses: first
            .map(|a| MachineAddress::new(a, None))
            .into_iter()
            .collect(),
        ..Instance::named(name)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{told, unreadable};
    use super::*;

    const INFO: &str = r#"{"errors": [], "info": {"web": {"cpu_count": "1", "image_release": "24.04 LTS",
        "ipv4": ["10.73.12.4", "172.17.0.1"], "memory": {"total": 1003139072}, "mounts": {}, "state": "Running"}}}"#;

    #[test]
    fn the_first_address_is_the_instances_own() {
        let all = read(INFO.as_bytes(), "web").unwrap();
        assert_eq!(told(&all), "web - Running/Running 10.73.12.4 private -");
        let stopped = INFO
            .replace("Running", "Stopped")
            .replace("\"10.73.12.4\", \"172.17.0.1\"", "");
        assert_eq!(
            told(&read(stopped.as_bytes(), "web").unwrap()),
            "web - Stopped/Stopped"
        );
        assert_eq!(told(&read(INFO.as_bytes(), "db").unwrap()), "");
    }

    #[test]
    fn what_is_something_else_is_unreadable() {
        unreadable(|text| read(text, "web"), INFO);
    }
}
