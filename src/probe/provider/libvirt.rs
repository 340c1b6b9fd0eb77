//! libvirt: `virsh domstate` and `virsh domifaddr`, over a connection that can change nothing.
//!
//! Source: libvirt.org, virsh(1): `domstate`, `domifaddr --source lease|arp`.

use super::caller::{Answer, Caller, Trouble};
use super::{of_guest, word};
use crate::model::machine::{Instance, MachineAddress, MachineState, Wanted};

/// Asks for the domain: its state, and its addresses by libvirt's own leases, else by this machine's neighbours.
pub(super) async fn look(caller: &Caller, wanted: &Wanted) -> Answer {
    // Without a choice of the user's: that of an ordinary user alone would be a service of his own, which asking would start.
    let is_set = std::env::var_os("LIBVIRT_DEFAULT_URI").is_some();
    let connection: &[&str] = if is_set {
        &["--readonly"]
    } else {
        &["--readonly", "--connect", "qemu:///system"]
    };
    let with = |rest: &[&'static str]| -> Vec<&str> {
        let domain = ["--domain", &wanted.name];
        let (command, options) = rest.split_at(1);
        [connection, command, &domain, options].concat()
    };
    let output = caller.run("virsh", &with(&["domstate"])).await?;
    if !output.status.success() {
        let lower = output.complaint.to_lowercase();
        return if lower.contains("failed to get domain") || lower.contains("domain not found") {
            Ok(Vec::new())
        } else {
            Err(Trouble::failed("virsh", &output))
        };
    }
    let said = String::from_utf8_lossy(&output.text);
    let said = said.trim();
    let mut instance = Instance {
        state: state(said),
        said: Some(word(said)),
        ..Instance::named(&wanted.name)
    };
    if !instance.state.is_off() {
        for source in ["lease", "arp"] {
            let with_source: Vec<&str> = with(&["domifaddr", "--source", source]);
            instance.addresses = addresses(&caller.text("virsh", &with_source).await?);
            if !instance.addresses.is_empty() {
                break;
            }
        }
    }
    Ok(vec![instance])
}

/// The words of `virsh domstate` (`tools/virsh-domain-monitor.c`).
fn state(said: &str) -> MachineState {
    match said {
        "running" | "idle" => MachineState::Running,
        "paused" | "pmsuspended" => MachineState::Suspended,
        "in shutdown" => MachineState::Stopping,
        "shut off" => MachineState::Stopped,
        "crashed" => MachineState::Failed,
        _ => MachineState::Unknown,
    }
}

/// The lines of `virsh domifaddr`: interface, link-layer address, family, address with its prefix length.
fn addresses(table: &str) -> Vec<MachineAddress> {
    table
        .lines()
        .filter_map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [interface, _, "ipv4" | "ipv6", address] = words.as_slice() else {
                return None;
            };
            let address = of_guest(address.split('/').next()?)?;
            Some(MachineAddress::new(address, Some(word(interface))))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = " Name       MAC address          Protocol     Address
-------------------------------------------------------------------------------
 vnet0      52:54:00:28:c8:9e    ipv4         192.168.122.7/24
 -          -                    ipv6         fd00::7/64
 lo         00:00:00:00:00:00    ipv4         127.0.0.1/8
 vnet0      52:54:00:28:c8:9e    ipv6         fe80::5054:ff:fe28:c89e/64

";

    #[test]
    fn the_table_is_read_and_what_leads_nowhere_is_left_out() {
        let found = addresses(TABLE);
        let texts: Vec<String> = found.iter().map(|a| a.address.to_string()).collect();
        assert_eq!(texts, ["192.168.122.7", "fd00::7"]);
        assert_eq!(found[0].interface.as_deref(), Some("vnet0"));
        assert_eq!(addresses(TABLE.lines().next().unwrap()), []);
        assert_eq!(addresses("a b ipv4 \u{1b}[2J\nipv4\n"), []);
    }

    #[test]
    fn every_word_for_a_state_has_its_state() {
        assert_eq!(state("running"), MachineState::Running);
        assert_eq!(state("shut off"), MachineState::Stopped);
        assert_eq!(state("in shutdown"), MachineState::Stopping);
        assert_eq!(state("paused"), MachineState::Suspended);
        assert_eq!(state("no state"), MachineState::Unknown);
    }
}
