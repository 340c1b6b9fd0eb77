//! Incus and LXD: `list NAME --format json`.
//!
//! Source: linuxcontainers.org/incus/docs, "incus list", and the `Instance` and `InstanceState` of its REST API; LXD writes the same form.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::caller::{Answer, Caller, Trouble};
use super::{of_guest, word};
use crate::model::machine::{Instance, MachineAddress, MachineState, Told, Wanted};

/// Where LXD listens: as a snap, and as a package.
const LXD_SOCKETS: [&str; 2] = [
    "/var/snap/lxd/common/lxd/unix.socket",
    "/var/lib/lxd/unix.socket",
];

/// Asks Incus for the instance. The name is the beginning of a name there; of what comes the one of just this name is taken.
pub(super) async fn look(caller: &Caller, program: &str, wanted: &Wanted) -> Answer {
    let all: Vec<Listed> = caller
        .json(program, &["list", &wanted.name, "--format", "json"])
        .await?;
    Ok(read(all, &wanted.name))
}

/// Asks LXD. Where it does not run `lxc` may be the program that installs it (Ubuntu's lxd-installer): then it is not started.
pub(super) async fn look_lxd(caller: &Caller, wanted: &Wanted) -> Answer {
    let is_set = std::env::var_os("LXD_DIR").is_some();
    if !is_set && !LXD_SOCKETS.iter().any(|socket| Path::new(socket).exists()) {
        return Err(Trouble::new(
            Told::Absent,
            "LXD does not run on this machine",
        ));
    }
    look(caller, "lxc", wanted).await
}

#[derive(Deserialize)]
struct Listed {
    name: String,
    status: String,
    #[serde(default)]
    project: Option<String>,
    #[serde(default)]
    location: Option<String>,
    state: Option<State>,
}

#[derive(Deserialize)]
struct State {
    network: Option<BTreeMap<String, Network>>,
}

#[derive(Deserialize)]
struct Network {
    #[serde(default)]
    addresses: Vec<Listen>,
    /// The other end on the host; empty for what the guest made itself.
    #[serde(default)]
    host_name: String,
}

#[derive(Deserialize)]
struct Listen {
    address: String,
    scope: String,
}

fn read(all: Vec<Listed>, name: &str) -> Vec<Instance> {
    all.into_iter()
        .filter(|listed| listed.name == name)
        .map(instance)
        .collect()
}

fn instance(listed: Listed) -> Instance {
    let state = match listed.status.to_lowercase().as_str() {
        "running" | "ready" => MachineState::Running,
        "starting" | "thawed" => MachineState::Starting,
        "stopped" => MachineState::Stopped,
        "stopping" | "aborting" => MachineState::Stopping,
        "frozen" | "freezing" => MachineState::Suspended,
        "error" => MachineState::Failed,
        _ => MachineState::Unknown,
    };
    let networks = listed
        .state
        .and_then(|state| state.network)
        .unwrap_or_default();
    // Bridges that the guest made for itself (of its own containers) lead nowhere from here.
    let some_lead_out = networks
        .values()
        .any(|network| !network.host_name.is_empty());
    let leads_out = |network: &&Network| !some_lead_out || !network.host_name.is_empty();
    let mut addresses = Vec::new();
    for (interface, network) in &networks {
        let usable = Some(network).filter(leads_out).into_iter();
        for listen in usable.flat_map(|network| &network.addresses) {
            let address = of_guest(&listen.address).filter(|_| listen.scope == "global");
            addresses.extend(address.map(|a| MachineAddress::new(a, Some(word(interface)))));
        }
    }
    let place = [listed.project, listed.location].into_iter().flatten();
    let place: Vec<String> = place
        .filter(|part| !part.is_empty() && part != "none")
        .map(|part| word(&part))
        .collect();
    Instance {
        state,
        said: Some(word(&listed.status)),
        addresses,
        place: (!place.is_empty()).then(|| place.join(", ")),
        ..Instance::named(word(&listed.name))
    }
}

#[cfg(test)]
mod tests {
    use super::super::caller::json;
    use super::super::tests::{told, unreadable};
    use super::*;

    const LIST: &str = r#"[
        {"name": "web", "status": "Running", "status_code": 103, "type": "container", "project": "default", "location": "none",
         "config": {"user.token": "hunter2"},
         "state": {"status": "Running", "network": {
            "eth0": {"addresses": [
                {"family": "inet", "address": "10.10.10.7", "netmask": "24", "scope": "global"},
                {"family": "inet6", "address": "fd42::7", "netmask": "64", "scope": "global"},
                {"family": "inet6", "address": "fe80::216:3eff:fe00:7", "netmask": "64", "scope": "link"}],
                "host_name": "veth1a2b", "type": "broadcast", "state": "up"},
            "docker0": {"addresses": [{"family": "inet", "address": "172.17.0.1", "netmask": "16", "scope": "global"}],
                "host_name": "", "type": "broadcast", "state": "up"},
            "lo": {"addresses": [{"family": "inet", "address": "127.0.0.1", "netmask": "8", "scope": "local"}],
                "host_name": "", "type": "loopback", "state": "up"}}}},
        {"name": "web2", "status": "Stopped", "status_code": 102, "type": "virtual-machine", "state": null}]"#;

    fn of(text: &[u8], name: &str) -> Answer {
        Ok(read(json("incus", text)?, name))
    }

    #[test]
    fn only_interfaces_that_lead_out_of_the_guest_count() {
        let all = of(LIST.as_bytes(), "web").unwrap();
        assert_eq!(
            told(&all),
            "web - Running/Running 10.10.10.7 private eth0, fd42::7 private eth0"
        );
    }

    #[test]
    fn the_one_of_just_this_name_is_taken() {
        assert_eq!(
            told(&of(LIST.as_bytes(), "web2").unwrap()),
            "web2 - Stopped/Stopped"
        );
        assert_eq!(told(&of(LIST.as_bytes(), "we").unwrap()), "");
    }

    #[test]
    fn what_is_something_else_is_unreadable() {
        unreadable(|text| of(text, "web"), LIST);
    }
}
