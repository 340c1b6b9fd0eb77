//! Vagrant: the machines that it has made, by `global-status`, then `status` and `ssh-config` of the one that is meant.
//!
//! Source: developer.hashicorp.com/vagrant/docs/cli, "machine-readable", "global-status", "status", "ssh-config". A Vagrantfile is a program;
//! only those of machines that the user has brought up are run, and none of the folder that nwcheck is started in.

use super::caller::{Answer, Caller};
use super::{parsed, word};
use crate::model::machine::{Instance, MachineAddress, MachineState, Wanted};

/// Asks for the machines of the name, or of the id that `global-status` shows.
pub(super) async fn look(caller: &Caller, wanted: &Wanted) -> Answer {
    let all = caller
        .text("vagrant", &["global-status", "--machine-readable"])
        .await?;
    let mut found = Vec::new();
    for (id, name) in machines(&all) {
        if name != wanted.name
            && !(wanted.name.len() >= SHORTEST_ID && id.starts_with(&wanted.name))
        {
            continue;
        }
        let status = ["status", "--machine-readable", &id];
        let ssh = ["ssh-config", &id];
        let (status, ssh) =
            tokio::join!(caller.text("vagrant", &status), caller.run("vagrant", &ssh));
        // One that is off has no configuration for ssh.
        let ssh = ssh.ok().filter(|output| output.status.success());
        let ssh = ssh.map(|output| String::from_utf8_lossy(&output.text).into_owned());
        found.push(instance(
            &id,
            &name,
            &status?,
            ssh.as_deref().unwrap_or_default(),
        ));
    }
    Ok(found)
}

/// So many characters of an id `global-status` shows.
const SHORTEST_ID: usize = 7;

/// The values of a type, each with its target: `timestamp,target,type,data`.
fn values<'a>(text: &'a str, wanted: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    text.lines().filter_map(move |line| {
        let mut parts = line.splitn(4, ',').skip(1);
        let (target, kind, data) = (parts.next()?, parts.next()?, parts.next()?);
        (kind == wanted).then_some((target, data))
    })
}

/// Id and name of each machine. An id is a word of hexadecimal digits; what is none is passed over, and could be an option.
fn machines(text: &str) -> Vec<(String, String)> {
    values(text, "machine-id")
        .filter(|(_, id)| !id.is_empty() && id.bytes().all(|b| b.is_ascii_hexdigit()))
        .map(|(name, id)| (id.to_owned(), name.to_owned()))
        .collect()
}

fn instance(id: &str, name: &str, status: &str, ssh: &str) -> Instance {
    let said = values(status, "state").map(|(_, data)| data).next();
    let state = match said {
        Some("running") => MachineState::Running,
        Some("poweroff" | "shutoff" | "stopped" | "aborted" | "off" | "not_created") => {
            MachineState::Stopped
        }
        Some("saved" | "suspended" | "paused" | "frozen") => MachineState::Suspended,
        Some("starting" | "preparing") => MachineState::Starting,
        Some("stopping" | "shutdown") => MachineState::Stopping,
        _ => MachineState::Unknown,
    };
    let of = |key: &str| {
        let lines = ssh.lines().filter_map(|line| line.trim().split_once(' '));
        lines
            .filter(|(known, _)| *known == key)
            .map(|(_, value)| value.trim())
            .next()
    };
    let address = of("HostName").and_then(parsed);
    let forwarded = address
        .as_ref()
        .is_some_and(|address| address.ip().is_loopback());
    let note = forwarded.then(|| {
        let port = of("Port").map(word).unwrap_or_default();
        format!("it is reached by ports that this machine forwards to it, that of ssh being 127.0.0.1:{port}")
    });
    let own = address
        .filter(|_| !forwarded)
        .map(|address| MachineAddress::new(address, None));
    Instance {
        id: Some(word(id)),
        state,
        said: said.map(word),
        addresses: own.into_iter().collect(),
        note,
        ..Instance::named(word(name))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::told;
    use super::*;

    const GLOBAL: &str = "1700000000,,metadata,machine-count,2
1700000000,web,machine-id,1a2b3c4d5e6f
1700000000,web,provider-name,libvirt
1700000000,web,machine-home,/home/me/lab
1700000000,web,state,running
1700000000,evil,machine-id,--help
1700000000,,ui,info,id      name   provider
";
    const STATUS: &str = "1700000000,web,metadata,provider,libvirt
1700000000,web,provider-name,libvirt
1700000000,web,state,running
1700000000,web,state-human-short,running
";
    const SSH: &str = "Host web
  HostName 192.168.121.7
  User vagrant
  Port 22
  IdentityFile /home/me/lab/.vagrant/machines/web/libvirt/private_key
";

    #[test]
    fn ids_that_could_be_options_are_passed_over() {
        let known = [("1a2b3c4d5e6f".to_owned(), "web".to_owned())];
        assert_eq!(machines(GLOBAL), known);
    }

    #[test]
    fn the_address_is_that_of_ssh() {
        let of = |status: &str, ssh: &str| told(&[instance("1a", "web", status, ssh)]);
        assert_eq!(
            of(STATUS, SSH),
            "web 1a Running/running 192.168.121.7 private -"
        );
        let off = STATUS.replace("running", "poweroff");
        assert_eq!(of(&off, ""), "web 1a Stopped/poweroff");
    }

    #[test]
    fn a_port_forward_of_this_machine_is_not_the_machine() {
        let ssh = SSH
            .replace("192.168.121.7", "127.0.0.1")
            .replace("22", "2222");
        let found = instance("1a", "web", STATUS, &ssh);
        assert!(found.addresses.is_empty());
        assert!(found.note.unwrap().contains("127.0.0.1:2222"));
    }
}
