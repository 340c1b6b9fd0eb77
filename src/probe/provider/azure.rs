//! Azure: `az vm show --show-details`, by the full id; a name is looked up first, in the subscription that the user has chosen.
//!
//! Source: learn.microsoft.com/cli/azure, "az vm" and "az resource"; "States and billing status of Azure Virtual Machines".

use serde::Deserialize;

use super::caller::{Answer, Caller};
use super::{parsed, word};
use crate::model::machine::{Cloud, Instance, MachineAddress, MachineState, Scope, Wanted};

/// So many machines of one name are looked at.
const MOST: usize = 4;

/// Asks for the machine.
pub(super) async fn look(caller: &Caller, wanted: &Wanted) -> Answer {
    let ids = if let Some(Cloud::Az { id }) = &wanted.cloud {
        vec![id.clone()]
    } else {
        let kind = "Microsoft.Compute/virtualMachines";
        let list = [
            "resource",
            "list",
            "--resource-type",
            kind,
            "--name",
            &wanted.name,
            "--output",
            "json",
        ];
        let all: Vec<Resource> = caller.json("az", &list).await?;
        let of_name = all
            .into_iter()
            .filter(|r| r.name.eq_ignore_ascii_case(&wanted.name));
        // What begins with anything else could be an option.
        of_name
            .map(|r| r.id)
            .filter(|id| id.starts_with('/'))
            .take(MOST)
            .collect()
    };
    let mut found = Vec::new();
    for id in ids {
        let show = [
            "vm",
            "show",
            "--show-details",
            "--ids",
            &id,
            "--output",
            "json",
        ];
        if wanted.cloud.is_some() {
            let output = caller.run("az", &show).await?;
            if !output.status.success() && output.complaint.contains("ResourceNotFound") {
                return Ok(Vec::new());
            }
            if !output.status.success() {
                return Err(super::caller::Trouble::failed("az", &output));
            }
            found.push(super::caller::json("az", &output.text)?);
        } else {
            found.push(caller.json("az", &show).await?);
        }
    }
    Ok(found.into_iter().map(instance).collect())
}

#[derive(Deserialize)]
struct Resource {
    id: String,
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    id: String,
    name: String,
    location: Option<String>,
    resource_group: Option<String>,
    power_state: Option<String>,
    /// Several with commas between; empty for none.
    private_ips: Option<String>,
    public_ips: Option<String>,
}

fn instance(shown: Shown) -> Instance {
    let state = match shown.power_state.as_deref() {
        Some("VM running") => MachineState::Running,
        Some("VM starting") => MachineState::Starting,
        Some("VM stopping" | "VM deallocating") => MachineState::Stopping,
        Some("VM stopped") => MachineState::Stopped,
        Some("VM deallocated") => MachineState::Deallocated,
        _ => MachineState::Unknown,
    };
    let mut addresses = Vec::new();
    for (texts, scope) in [
        (shown.private_ips, Scope::Private),
        (shown.public_ips, Scope::Public),
    ] {
        for text in texts.iter().flat_map(|texts| texts.split(',')) {
            addresses.extend(parsed(text.trim()).map(|address| MachineAddress {
                scope,
                ..MachineAddress::new(address, None)
            }));
        }
    }
    let place = [shown.resource_group, shown.location].into_iter().flatten();
    let place: Vec<String> = place.map(|part| word(&part)).collect();
    Instance {
        id: Some(shown.id.chars().take(LONGEST_ID).collect()),
        place: (!place.is_empty()).then(|| place.join(", ")),
        state,
        said: shown.power_state.as_deref().map(word),
        addresses,
        ..Instance::named(word(&shown.name))
    }
}

/// At most so many characters of an id are kept.
const LONGEST_ID: usize = 512;

#[cfg(test)]
mod tests {
    use super::super::caller::json;
    use super::super::tests::{told, unreadable};
    use super::*;

    const SHOWN: &str = r#"{"id": "/subscriptions/0-1/resourceGroups/lab/providers/Microsoft.Compute/virtualMachines/web",
        "name": "web", "location": "westeurope", "resourceGroup": "lab", "powerState": "VM running", "fqdns": "",
        "macAddresses": "00-0D-3A-00-00-01", "privateIps": "10.1.0.4,10.1.1.4", "publicIps": "203.0.113.9",
        "osProfile": {"adminUsername": "me", "adminPassword": null}, "provisioningState": "Succeeded",
        "networkProfile": {"networkInterfaces": [{"id": "/subscriptions/0-1/x", "primary": true}]}, "zones": null}"#;

    fn of(text: &[u8]) -> Answer {
        Ok(vec![instance(json("az", text)?)])
    }

    #[test]
    fn state_and_addresses_are_read() {
        let id =
            "/subscriptions/0-1/resourceGroups/lab/providers/Microsoft.Compute/virtualMachines/web";
        assert_eq!(
            told(&of(SHOWN.as_bytes()).unwrap()),
            format!(
                "web {id} Running/VM running 10.1.0.4 private -, 10.1.1.4 private -, 203.0.113.9 public -"
            )
        );
        for (said, state) in [
            ("VM deallocated", MachineState::Deallocated),
            ("VM stopped", MachineState::Stopped),
            ("VM deallocating", MachineState::Stopping),
            ("VM starting", MachineState::Starting),
            ("VM unknown", MachineState::Unknown),
        ] {
            let text = SHOWN.replace("VM running", said);
            assert_eq!(of(text.as_bytes()).unwrap()[0].state, state);
        }
        let bare = SHOWN
            .replace("\"10.1.0.4,10.1.1.4\"", "\"\"")
            .replace("\"203.0.113.9\"", "null");
        assert_eq!(of(bare.as_bytes()).unwrap()[0].addresses, []);
    }

    #[test]
    fn what_is_something_else_is_unreadable() {
        unreadable(of, SHOWN);
    }
}
