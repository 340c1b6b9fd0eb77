//! Amazon EC2: `aws ec2 describe-instances`, by the tag `Name` or the instance id, in the region that the user has chosen.
//!
//! Source: docs.aws.amazon.com/cli, "ec2 describe-instances"; EC2 user guide, "instance lifecycle".

use serde::Deserialize;

use super::caller::{Answer, Caller};
use super::{parsed, word};
use crate::model::machine::{Cloud, Instance, MachineAddress, MachineState, Scope, Wanted};

/// Asks for the instances.
pub(super) async fn look(caller: &Caller, wanted: &Wanted) -> Answer {
    // By a filter also where it is an id: one that is not there is an empty answer, and no failure.
    let key = if is_id(&wanted.name) {
        "instance-id"
    } else {
        "tag:Name"
    };
    let filter = format!("Name={key},Values={}", wanted.name);
    let mut arguments = vec![
        "ec2",
        "describe-instances",
        "--filters",
        &filter,
        "--output",
        "json",
    ];
    if let Some(Cloud::Aws { region }) = &wanted.cloud {
        arguments.extend(["--region", region]);
    }
    let described: Described = caller.json("aws", &arguments).await?;
    Ok(read(described, &wanted.name))
}

/// `i-` and hexadecimal digits.
fn is_id(name: &str) -> bool {
    name.strip_prefix("i-")
        .is_some_and(|digits| digits.len() >= 8 && digits.bytes().all(|b| b.is_ascii_hexdigit()))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Described {
    reservations: Vec<Reservation>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Reservation {
    instances: Vec<Machine>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Machine {
    instance_id: String,
    state: State,
    #[serde(default)]
    tags: Vec<Tag>,
    placement: Option<Placement>,
    private_ip_address: Option<String>,
    public_ip_address: Option<String>,
    #[serde(default)]
    network_interfaces: Vec<Interface>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct State {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tag {
    key: String,
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Placement {
    availability_zone: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Interface {
    network_interface_id: Option<String>,
    #[serde(default)]
    private_ip_addresses: Vec<Private>,
    #[serde(rename = "Ipv6Addresses", default)]
    ipv6_addresses: Vec<Ipv6>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Private {
    private_ip_address: Option<String>,
    association: Option<Association>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Association {
    public_ip: Option<String>,
}

#[derive(Deserialize)]
struct Ipv6 {
    #[serde(rename = "Ipv6Address")]
    address: String,
}

/// Those of the name or id. One that is gone for good stays listed for about an hour: it counts only where there is no other.
fn read(described: Described, name: &str) -> Vec<Instance> {
    let named = |machine: &Machine| {
        let tagged = machine
            .tags
            .iter()
            .any(|tag| tag.key == "Name" && tag.value == name);
        tagged || machine.instance_id == name
    };
    let mut all: Vec<Machine> = described
        .reservations
        .into_iter()
        .flat_map(|reservation| reservation.instances)
        .filter(named)
        .collect();
    let gone = |machine: &Machine| machine.state.name == "terminated";
    if !all.iter().all(gone) {
        all.retain(|machine| !gone(machine));
    }
    all.into_iter()
        .map(|machine| instance(machine, name))
        .collect()
}

fn instance(machine: Machine, name: &str) -> Instance {
    let state = match machine.state.name.as_str() {
        "running" => MachineState::Running,
        "pending" => MachineState::Starting,
        "stopping" | "shutting-down" => MachineState::Stopping,
        "stopped" | "terminated" => MachineState::Stopped,
        _ => MachineState::Unknown,
    };
    let mut addresses: Vec<MachineAddress> = Vec::new();
    let mut add = |text: Option<&str>, scope: Scope, interface: Option<&String>| {
        let Some(address) = text.and_then(parsed) else {
            return;
        };
        if !addresses.iter().any(|known| known.address == address) {
            addresses.push(MachineAddress {
                address,
                scope,
                interface: interface.map(|name| word(name)),
            });
        }
    };
    for interface in &machine.network_interfaces {
        let id = interface.network_interface_id.as_ref();
        for private in &interface.private_ip_addresses {
            add(private.private_ip_address.as_deref(), Scope::Private, id);
            let public = private
                .association
                .as_ref()
                .and_then(|a| a.public_ip.as_deref());
            add(public, Scope::Public, id);
        }
        for ipv6 in &interface.ipv6_addresses {
            add(Some(&ipv6.address), Scope::Public, id);
        }
    }
    add(machine.private_ip_address.as_deref(), Scope::Private, None);
    add(machine.public_ip_address.as_deref(), Scope::Public, None);
    let zone = machine
        .placement
        .and_then(|placement| placement.availability_zone);
    Instance {
        id: Some(word(&machine.instance_id)),
        place: zone.map(|zone| word(&zone)),
        state,
        said: Some(word(&machine.state.name)),
        addresses,
        ..Instance::named(name)
    }
}

#[cfg(test)]
mod tests {
    use super::super::caller::json;
    use super::super::tests::{told, unreadable};
    use super::*;

    const DESCRIBED: &str = r#"{"Reservations": [
        {"ReservationId": "r-1", "Instances": [{"InstanceId": "i-0abc12345", "InstanceType": "t3.micro",
            "State": {"Code": 16, "Name": "running"}, "Placement": {"AvailabilityZone": "eu-west-1a", "Tenancy": "default"},
            "PrivateIpAddress": "10.2.0.4", "PublicIpAddress": "198.51.100.4", "KeyName": "k",
            "NetworkInterfaces": [{"NetworkInterfaceId": "eni-1", "Status": "in-use",
                "Ipv6Addresses": [{"Ipv6Address": "2001:db8::4"}],
                "PrivateIpAddresses": [{"Primary": true, "PrivateIpAddress": "10.2.0.4",
                    "Association": {"IpOwnerId": "amazon", "PublicIp": "198.51.100.4"}}]}],
            "Tags": [{"Key": "Name", "Value": "web"}]}]},
        {"ReservationId": "r-2", "Instances": [{"InstanceId": "i-0def12345", "State": {"Code": 48, "Name": "terminated"},
            "NetworkInterfaces": [], "Tags": [{"Key": "Name", "Value": "web"}]}]}]}"#;

    fn of(text: &[u8], name: &str) -> Answer {
        Ok(read(json("aws", text)?, name))
    }

    const RUNNING: &str = "web i-0abc12345 Running/running 10.2.0.4 private eni-1, 198.51.100.4 public eni-1, 2001:db8::4 public eni-1";

    #[test]
    fn one_that_is_gone_for_good_counts_only_alone() {
        assert_eq!(told(&of(DESCRIBED.as_bytes(), "web").unwrap()), RUNNING);
        let gone = DESCRIBED.replace("\"running\"", "\"terminated\"");
        assert_eq!(of(gone.as_bytes(), "web").unwrap().len(), 2);
    }

    #[test]
    fn an_id_names_one_and_a_filter_that_was_passed_over_names_none() {
        let by_id = told(&of(DESCRIBED.as_bytes(), "i-0abc12345").unwrap());
        assert!(
            by_id.starts_with("i-0abc12345 i-0abc12345 Running"),
            "{by_id}"
        );
        assert_eq!(told(&of(DESCRIBED.as_bytes(), "db").unwrap()), "");
        assert!(is_id("i-0abc12345") && !is_id("i-web") && !is_id("web"));
    }

    #[test]
    fn what_is_something_else_is_unreadable() {
        unreadable(|text| of(text, "web"), DESCRIBED);
    }
}
