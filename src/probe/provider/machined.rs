//! systemd-machined: `machinectl show NAME` for the state, `machinectl list --output=json` for the addresses.
//!
//! Source: systemd's machinectl(1), org.freedesktop.machine1(5). It knows what runs; what is stopped is only an image to it.

use serde::Deserialize;

use super::caller::{Answer, Caller, Trouble};
use super::{of_guest, word};
use crate::model::machine::{Instance, MachineAddress, MachineState, Wanted};

/// Asks for the machine.
pub(super) async fn look(caller: &Caller, wanted: &Wanted) -> Answer {
    let show = ["show", "--property=Name", "--property=State", &wanted.name];
    let output = caller.run("machinectl", &show).await?;
    if !output.status.success() {
        let lower = output.complaint.to_lowercase();
        return if lower.contains("no machine") && lower.contains("known") {
            Ok(Vec::new())
        } else {
            Err(Trouble::failed("machinectl", &output))
        };
    }
    let text = String::from_utf8_lossy(&output.text);
    if property(&text, "Name") != Some(&wanted.name) {
        return Ok(Vec::new());
    }
    let rows: Vec<Row> = caller
        .json("machinectl", &["list", "--output=json", "--no-pager"])
        .await?;
    Ok(vec![instance(&text, &rows, &wanted.name)])
}

#[derive(Deserialize)]
struct Row {
    machine: String,
    #[serde(default)]
    addresses: Option<String>,
}

fn property<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let lines = text.lines().filter_map(|line| line.split_once('='));
    lines
        .filter(|(key, _)| *key == name)
        .map(|(_, value)| value)
        .next()
}

fn instance(shown: &str, rows: &[Row], name: &str) -> Instance {
    let said = property(shown, "State");
    let state = match said {
        Some("running") => MachineState::Running,
        Some("opening") => MachineState::Starting,
        Some("closing") => MachineState::Stopping,
        _ => MachineState::Unknown,
    };
    let row = rows.iter().find(|row| row.machine == name);
    let listed = row
        .and_then(|row| row.addresses.as_deref())
        .unwrap_or_default();
    // What did not fit into the column is cut, and ends in `…`.
    let addresses = listed
        .split(|c: char| c.is_whitespace() || matches!(c, ',' | '…'))
        .filter_map(of_guest)
        .map(|address| MachineAddress::new(address, None))
        .collect();
    Instance {
        state,
        said: said.map(word),
        addresses,
        ..Instance::named(name)
    }
}

#[cfg(test)]
mod tests {
    use super::super::caller::json;
    use super::super::tests::told;
    use super::*;

    const SHOWN: &str = "Name=web\nState=running\n";
    const LISTED: &[u8] = br#"[{"machine": "db", "class": "container", "service": "systemd-nspawn", "os": "debian", "version": "12", "addresses": "10.9.0.3"},
        {"machine": "web", "class": "container", "service": "systemd-nspawn", "os": "debian", "version": "12", "addresses": "10.9.0.2\nfe80::1\u2026"}]"#;

    #[test]
    fn state_and_addresses_come_from_two_places() {
        let rows: Vec<Row> = json("machinectl", LISTED).unwrap();
        let of = |shown: &str| told(&[instance(shown, &rows, "web")]);
        assert_eq!(of(SHOWN), "web - Running/running 10.9.0.2 private -");
        let closing = SHOWN.replace("running", "closing");
        assert_eq!(of(&closing), "web - Stopping/closing 10.9.0.2 private -");
        assert_eq!(
            told(&[instance(SHOWN, &[], "web")]),
            "web - Running/running"
        );
    }
}
