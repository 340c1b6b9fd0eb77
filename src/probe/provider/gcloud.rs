//! Google Compute Engine: `gcloud compute instances list`, or `describe` for a full id, in the project that the user has chosen.
//!
//! Source: cloud.google.com/sdk/gcloud/reference/compute/instances; the resource `instances` of the Compute Engine API.

use serde::Deserialize;

use super::caller::{Answer, Caller, Trouble, json};
use super::{parsed, word};
use crate::model::machine::{Cloud, Instance, MachineAddress, MachineState, Scope, Wanted};

/// Asks for the instances. With `--quiet` it asks nothing back and changes nothing.
pub(super) async fn look(caller: &Caller, wanted: &Wanted) -> Answer {
    let name = &wanted.name;
    if let Some(Cloud::Gcloud { project, zone }) = &wanted.cloud {
        let describe = [
            "compute",
            "instances",
            "describe",
            name,
            "--project",
            project,
            "--zone",
            zone,
            "--format=json",
            "--quiet",
        ];
        let output = caller.run("gcloud", &describe).await?;
        if !output.status.success() {
            return if output.complaint.contains("was not found") {
                Ok(Vec::new())
            } else {
                Err(Trouble::failed("gcloud", &output))
            };
        }
        return Ok(vec![instance(&json("gcloud", &output.text)?)]);
    }
    let filter = format!("--filter=name={name}");
    let list = [
        "compute",
        "instances",
        "list",
        &filter,
        "--format=json",
        "--quiet",
    ];
    let all: Vec<Machine> = caller.json("gcloud", &list).await?;
    Ok(read(&all, name))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Machine {
    name: String,
    status: String,
    #[serde(default)]
    self_link: Option<String>,
    #[serde(default)]
    zone: Option<String>,
    #[serde(default)]
    network_interfaces: Vec<Interface>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Interface {
    name: Option<String>,
    #[serde(rename = "networkIP")]
    network_ip: Option<String>,
    ipv6_address: Option<String>,
    #[serde(default)]
    access_configs: Vec<Access>,
    #[serde(default)]
    ipv6_access_configs: Vec<Access>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Access {
    #[serde(rename = "natIP")]
    nat_ip: Option<String>,
    external_ipv6: Option<String>,
}

fn read(all: &[Machine], name: &str) -> Vec<Instance> {
    all.iter()
        .filter(|machine| machine.name == name)
        .map(instance)
        .collect()
}

fn instance(machine: &Machine) -> Instance {
    let state = match machine.status.as_str() {
        "RUNNING" => MachineState::Running,
        "PROVISIONING" | "STAGING" => MachineState::Starting,
        "STOPPING" | "PENDING_STOP" => MachineState::Stopping,
        "TERMINATED" | "STOPPED" => MachineState::Stopped,
        "SUSPENDING" | "SUSPENDED" => MachineState::Suspended,
        "REPAIRING" => MachineState::Failed,
        "DEPROVISIONING" => MachineState::Deallocated,
        _ => MachineState::Unknown,
    };
    let mut addresses = Vec::new();
    for interface in &machine.network_interfaces {
        let mut add = |text: Option<&String>, scope: Scope| {
            let address = text.and_then(|text| parsed(text));
            addresses.extend(address.map(|address| MachineAddress {
                address,
                scope,
                interface: interface.name.as_deref().map(word),
            }));
        };
        add(interface.network_ip.as_ref(), Scope::Private);
        for access in &interface.access_configs {
            add(access.nat_ip.as_ref(), Scope::Public);
        }
        add(interface.ipv6_address.as_ref(), Scope::Private);
        for access in &interface.ipv6_access_configs {
            add(access.external_ipv6.as_ref(), Scope::Public);
        }
    }
    // `https://www.googleapis.com/compute/v1/projects/p/zones/z/instances/web`: the id by which it is asked for.
    let link = machine.self_link.as_deref();
    let id = link.and_then(|link| link.find("projects/").and_then(|at| link.get(at..)));
    let zone = machine
        .zone
        .as_deref()
        .and_then(|zone| zone.rsplit('/').next());
    Instance {
        id: id.map(word),
        place: zone.map(word),
        state,
        said: Some(word(&machine.status)),
        addresses,
        ..Instance::named(word(&machine.name))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{told, unreadable};
    use super::*;

    const LIST: &str = r#"[{"id": "4711", "kind": "compute#instance", "name": "web", "status": "RUNNING",
        "zone": "https://www.googleapis.com/compute/v1/projects/p/zones/europe-west1-b",
        "selfLink": "https://www.googleapis.com/compute/v1/projects/p/zones/europe-west1-b/instances/web",
        "metadata": {"items": [{"key": "startup-script", "value": "hunter2"}]},
        "networkInterfaces": [{"name": "nic0", "networkIP": "10.132.0.2", "network": "https://x",
            "accessConfigs": [{"kind": "compute#accessConfig", "name": "external-nat", "natIP": "203.0.113.4", "type": "ONE_TO_ONE_NAT"}],
            "ipv6AccessConfigs": [{"externalIpv6": "2001:db8::4", "externalIpv6PrefixLength": 96}]}]}]"#;

    fn of(text: &[u8], name: &str) -> Answer {
        Ok(read(&json::<Vec<Machine>>("gcloud", text)?, name))
    }

    #[test]
    fn state_and_addresses_are_read() {
        let all = of(LIST.as_bytes(), "web").unwrap();
        assert_eq!(
            told(&all),
            "web projects/p/zones/europe-west1-b/instances/web Running/RUNNING 10.132.0.2 private nic0, 203.0.113.4 public nic0, 2001:db8::4 public nic0"
        );
        assert!(!format!("{all:?}").contains("hunter2"));
        assert_eq!(told(&of(LIST.as_bytes(), "web2").unwrap()), "");
        let off = LIST.replace("RUNNING", "TERMINATED");
        assert_eq!(
            of(off.as_bytes(), "web").unwrap()[0].state,
            MachineState::Stopped
        );
    }

    #[test]
    fn what_is_something_else_is_unreadable() {
        unreadable(|text| of(text, "web"), LIST);
    }
}
