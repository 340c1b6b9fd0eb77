//! Docker and Podman: `container inspect NAME`.
//!
//! Source: docs.docker.com, "docker container inspect"; docs.podman.io, podman-container-inspect(1). Podman writes the same form.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::caller::{Answer, Caller, Trouble, json};
use super::{parsed, word};
use crate::model::machine::{Instance, MachineAddress, MachineState, Wanted};

/// As short may a container's id be cut (`docker ps` shows twelve digits).
const SHORTEST_ID: usize = 12;

/// Asks for the container.
pub(super) async fn look(caller: &Caller, program: &str, wanted: &Wanted) -> Answer {
    let output = caller
        .run(program, &["container", "inspect", &wanted.name])
        .await?;
    if !output.status.success() {
        let lower = output.complaint.to_lowercase();
        return if lower.contains("no such container") || lower.contains("no container with name") {
            Ok(Vec::new())
        } else {
            Err(Trouble::failed(program, &output))
        };
    }
    read(program, &output.text, &wanted.name)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Container {
    id: String,
    name: String,
    state: State,
    network_settings: Option<NetworkSettings>,
    host_config: Option<HostConfig>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct State {
    status: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NetworkSettings {
    #[serde(rename = "IPAddress", default)]
    ip_address: Option<String>,
    #[serde(rename = "GlobalIPv6Address", default)]
    global_ipv6_address: Option<String>,
    networks: Option<BTreeMap<String, Network>>,
}

#[derive(Deserialize)]
struct Network {
    #[serde(rename = "IPAddress", default)]
    ip_address: Option<String>,
    #[serde(rename = "GlobalIPv6Address", default)]
    global_ipv6_address: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HostConfig {
    #[serde(default)]
    network_mode: Option<String>,
}

/// The container of this name or id; both engines also find one by the beginning of its id, which is not what was meant.
fn read(program: &str, text: &[u8], name: &str) -> Answer {
    let all: Vec<Container> = json(program, text)?;
    let is_meant = |container: &Container| {
        container.name.trim_start_matches('/') == name
            || (name.len() >= SHORTEST_ID && container.id.starts_with(name))
    };
    Ok(all.into_iter().filter(is_meant).map(instance).collect())
}

fn instance(container: Container) -> Instance {
    let state = match container.state.status.as_str() {
        "running" => MachineState::Running,
        "restarting" | "initialized" => MachineState::Starting,
        "created" | "configured" | "exited" | "stopped" => MachineState::Stopped,
        "removing" | "stopping" => MachineState::Stopping,
        "paused" => MachineState::Suspended,
        "dead" => MachineState::Failed,
        _ => MachineState::Unknown,
    };
    let settings = container.network_settings;
    let mut addresses = Vec::new();
    if let Some(settings) = settings {
        for (network, of) in settings.networks.into_iter().flatten() {
            for text in [of.ip_address, of.global_ipv6_address]
                .into_iter()
                .flatten()
            {
                let address = parsed(&text);
                addresses.extend(address.map(|a| MachineAddress::new(a, Some(word(&network)))));
            }
        }
        if addresses.is_empty() {
            let top = [settings.ip_address, settings.global_ipv6_address];
            let top = top.into_iter().flatten().filter_map(|text| parsed(&text));
            addresses.extend(top.map(|address| MachineAddress::new(address, None)));
        }
    }
    let mode = container.host_config.and_then(|config| config.network_mode);
    let note = match mode.as_deref() {
        _ if !addresses.is_empty() => None,
        Some("host") => Some("it uses this machine's own network: check 127.0.0.1 instead"),
        Some("none") => Some("it has no network"),
        Some(mode) if mode.starts_with("slirp4netns") || mode.starts_with("pasta") => Some(
            "its network is rootless: only the ports that it publishes on this machine can be reached",
        ),
        _ => None,
    };
    Instance {
        id: Some(word(&container.id)),
        state,
        said: Some(word(&container.state.status)),
        addresses,
        note: note.map(str::to_owned),
        ..Instance::named(word(container.name.trim_start_matches('/')))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{told, unreadable};
    use super::*;

    const RUNNING: &str = r#"[{"Id": "4c01db0b339c4f7e", "Name": "/web", "Created": "2026-01-02T03:04:05Z",
        "State": {"Status": "running", "Running": true, "Pid": 4711},
        "HostConfig": {"NetworkMode": "front"}, "Config": {"Env": ["PASSWORD=hunter2"]},
        "NetworkSettings": {"Ports": {}, "IPAddress": "", "Networks": {
            "back": {"IPAddress": "172.19.0.2", "GlobalIPv6Address": ""},
            "front": {"IPAddress": "172.18.0.2", "GlobalIPv6Address": "fd00::2"}}}}]"#;
    const STOPPED: &str = r#"[{"Id": "9a", "Name": "db", "State": {"Status": "exited", "ExitCode": 0},
        "HostConfig": {"NetworkMode": "bridge"},
        "NetworkSettings": {"IPAddress": "", "Networks": {"podman": {"IPAddress": ""}}}}]"#;

    #[test]
    fn a_running_one_has_the_addresses_of_its_networks() {
        let all = read("docker", RUNNING.as_bytes(), "web").unwrap();
        assert_eq!(
            told(&all),
            "web 4c01db0b339c4f7e Running/running 172.19.0.2 private back, 172.18.0.2 private front, fd00::2 private front"
        );
        assert!(!format!("{all:?}").contains("hunter2"));
    }

    #[test]
    fn one_that_ended_is_stopped() {
        let all = read("podman", STOPPED.as_bytes(), "db").unwrap();
        assert_eq!(told(&all), "db 9a Stopped/exited");
    }

    #[test]
    fn the_beginning_of_an_id_is_no_name_unless_it_is_long() {
        let of = |name: &str| read("docker", RUNNING.as_bytes(), name).unwrap().len();
        assert_eq!((of("4c"), of("4c01db0b339c"), of("we")), (0, 1, 0));
    }

    #[test]
    fn on_the_networks_of_this_machine_there_is_no_address() {
        let text = RUNNING
            .replace("172.1", "x")
            .replace("fd00::2", "")
            .replace("\"front\"}, \"Config", "\"host\"}, \"Config");
        let all = read("docker", text.as_bytes(), "web").unwrap();
        assert!(all[0].addresses.is_empty());
        assert!(all[0].note.as_deref().unwrap().contains("127.0.0.1"));
    }

    #[test]
    fn what_is_something_else_is_unreadable() {
        unreadable(|text| read("docker", text, "web"), RUNNING);
    }
}
